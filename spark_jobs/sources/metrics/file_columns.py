"""The columns of a file with a column per metric, as the file has them, before they are typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute

TIME_COLUMN = "timestamp"
TIME_NAMES = (TIME_COLUMN, "@timestamp", "time", "datetime", "date_time", "date time", "date/time", "ts", "date")
"""What the column of times may be called, the first of them that a file has."""
KEPT_CHARACTERS = 8192
"""Of a rejected line."""
SPACED = re.compile(r"(?<=\d)[\s\u00a0\u202f'](?=\d{3})")
"""What some write between thousands besides commas and points."""


@dataclass(frozen=True)
class RejectedLine:
    """A line, or with `metric` one value of it, that is not in the table. Lines count from 1; of Parquet, rows."""

    line_number: int
    reason: str
    """bad_time, time_out_of_range, bad_number, bad_json, field_count, not_a_metric (a column; line 0)."""
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
    """The text of each line by its number, or all lines in order."""
    decimal: str = "."
    """What stands before the decimals of numbers."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Name of a column -> how the file writes it."""

    def line_text(self, number: int) -> str:
        """The line as the file has it; empty where it has no lines."""
        if isinstance(self.raw_lines, Mapping):
            return self.raw_lines.get(number, "")
        return self.raw_lines[number - 1].rstrip("\r") if self.raw_lines else ""


def column_name(name: str) -> str:
    """The name in lower case, without spaces and quotes around it."""
    return encodable(name).strip().strip('"').lower()


def with_time_column(columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> dict[str, pa.Array | pa.ChunkedArray]:
    """The columns with that of the times under its own name; a date and a time of day are joined."""
    name = next((name for name in TIME_NAMES if name in columns), None)
    if name is None or name == TIME_COLUMN:
        return dict(columns)
    renamed = {TIME_COLUMN if column == name else column: values for column, values in columns.items()}
    if name == "time" and "date" in columns:
        dates, times = (pa.compute.cast(columns[column], pa.string()) for column in ("date", "time"))
        renamed[TIME_COLUMN] = pa.compute.binary_join_element_wise(dates, times, " ")
        del renamed["date"]
    return renamed


def encodable(text: str) -> str:
    """The text with lone surrogates, which JSON may escape and UTF-8 does not have, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
