"""What goes into the parsing of one log object, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from spark_jobs.storage.objects import Limits

RAW_LINE_CHARACTERS = 8_192


@dataclass(frozen=True)
class ParseOptions:
    """The settings of parsing. Times are seconds since 1970 (UTC); rows outside of them are rejected."""

    headerless_fields: tuple[str, ...] = ()
    cookies: str = "hash"
    hash_query_values: bool = False
    hash_key: str = ""
    limits: Limits = field(default_factory=Limits)
    earliest_event: int = 1_199_145_600
    latest_event: int = 4_102_444_800


@dataclass(frozen=True)
class LogObject:
    """One object to parse. `excluded`: line -> (reason, detail) of rows that another object has already."""

    source_object: str
    etag: str
    size_bytes: int = 0
    home_hour: str = ""
    excluded: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    excluded_whole: tuple[str, str] | None = None


@dataclass(frozen=True)
class Rejected:
    """One row of rejected_lines without its object. Line 0 stands for the object as a whole."""

    line_number: int
    reason: str
    detail: str
    raw_line: str
    line_bytes: int

    @classmethod
    def of_line(cls, number: int, reason: str, detail: str, line: bytes, line_bytes: int | None = None) -> Rejected:
        """The rejection of `line`; `line_bytes` is its length where `line` is only its beginning."""
        text = line[: RAW_LINE_CHARACTERS * 4].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
        length = len(line) if line_bytes is None else line_bytes
        return cls(number, reason, detail, text[:RAW_LINE_CHARACTERS], length)

    @classmethod
    def of_object(cls, reason: str, detail: str, size_bytes: int) -> Rejected:
        """The rejection of an object as a whole, or of the rest of it."""
        return cls(0, reason, detail, "", size_bytes)


@dataclass
class Parsed:
    """A part of an object: requests (columns of the table; low-cardinality ones dictionary-encoded), and rejections."""

    requests: pa.Table | None
    rejected: list[Rejected]


class LineError(Exception):
    """A line that is rejected; `reason` is a stable word, `detail` a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail
