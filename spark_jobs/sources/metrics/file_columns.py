"""The columns of a file with a column per metric, as the file has them, before they are typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

TIME_COLUMN = "timestamp"
KEPT_CHARACTERS = 8192
"""Of a rejected line."""


@dataclass(frozen=True)
class RejectedLine:
    """A line, or with `metric` one value of it, that is not in the table. Lines count from 1; of Parquet, rows."""

    line_number: int
    reason: str
    """bad_time, time_out_of_range, bad_number, bad_json, field_count."""
    detail: str
    raw_line: str = ""
    metric: str | None = None


@dataclass
class FileColumns:
    """Columns of the same length and the line of each row, as read from the file called `name`."""

    name: str
    columns: dict[str, pa.Array | pa.ChunkedArray]
    lines: pa.Array
    rejected: list[RejectedLine] = field(default_factory=list)
    raw_lines: Mapping[int, str] | Sequence[str] = ()


def column_name(name: str) -> str:
    """The name in lower case, without spaces and quotes around it."""
    return encodable(name).strip().strip('"').lower()


def encodable(text: str) -> str:
    """The text with lone surrogates, which JSON may escape and UTF-8 does not have, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
