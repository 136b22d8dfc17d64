"""Whether one line can be read by Arrow's reader, and if not, why: the exact counterpart of the checks in `columns.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa

from spark_jobs.sources.cloudfront.layouts import FIELD_COLUMNS
from spark_jobs.sources.cloudfront.log_object import LineError, ParseOptions
from spark_jobs.sources.cloudfront.values import canonical_address

LIMITS = {
    "status": 999,
    "client_port": 65_535,
    "time_taken_seconds": 10**7,
    "time_to_first_byte_seconds": 10**7,
}
MAX_NUMBER = 10**15
"""Limit of other numbers. Larger byte counts are damage, and their sums would overflow 64 bits."""
_DATE = re.compile(rb"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])\Z")
_TIME = re.compile(rb"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?\Z")
_PLAIN_INTEGER = re.compile(rb"\d{1,18}\Z")
_PLAIN_NUMBER = re.compile(rb"\d{1,15}(?:\.\d{1,15})?\Z")
_ABSENT = (b"-", b"")
MAX_ODD_NUMBERS = 2
"""Secondary numbers of a line that may be no numbers and count as absent; more of them, and its fields have shifted."""
_WHOLE = re.compile(rb"\.0*\Z")


def checked_line(line: bytes, fields: tuple[str, ...], options: ParseOptions) -> bytes:
    """The line as Arrow's reader can read it, without a trailing tab; LineError where it cannot."""
    if b"\0" in line:
        raise LineError("nul_byte", "The line holds a NUL byte.")
    if b"\r" in line:
        raise LineError("control_character", "The line holds a carriage return.")
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LineError("invalid_utf8", f"Byte {error.start} of the line is not UTF-8.") from None
    values = line.split(b"\t")
    if len(values) == len(fields) + 1 and values[-1] == b"":
        values.pop()
    if len(values) != len(fields):
        raise LineError("field_count", f"The line has {len(values)} fields, its header {len(fields)}.")
    row = dict(zip(reversed(fields), reversed(values), strict=True))
    _check_time(row, options)
    address = row["c_ip"].decode()
    if canonical_address(address) is None:
        raise LineError("bad_client_ip", f"c-ip is {address[:60]!r}, not an IP address.")
    odd = _odd_numbers(row)
    if "sc_status" in odd or len(odd) > MAX_ODD_NUMBERS:
        raise LineError("bad_number", f"{next(iter(odd))} is {_quoted(row[next(iter(odd))])}.")
    if odd:
        values = [_WHOLE.sub(b"", value) if name in odd else value for name, value in zip(fields, values, strict=True)]
        odd = _odd_numbers(dict(zip(reversed(fields), reversed(values), strict=True)))
        values = [b"-" if name in odd else value for name, value in zip(fields, values, strict=True)]
    return b"\t".join(values)


def _odd_numbers(row: Mapping[str, bytes]) -> list[str]:
    """Names of the numeric fields that hold no number, the status first."""
    odd = []
    for name, value in row.items():
        column, kind = FIELD_COLUMNS.get(name, ("", "text"))
        is_numeric = kind in ("integer", "number", "status")
        if is_numeric and value not in _ABSENT and not _is_number(value, kind, LIMITS.get(column, MAX_NUMBER)):
            odd.append(name)
    return sorted(odd, key=lambda name: name != "sc_status")


def _check_time(row: Mapping[str, bytes], options: ParseOptions) -> None:
    if _has_date_and_time(row):
        text = row["date"] + b" " + row["time"]
        is_sound = bool(_DATE.match(row["date"].strip(b" ")) and _TIME.match(row["time"].strip(b" ")))
    else:
        text = next((row[n] for n in ("timestamp_ms", "timestamp") if row.get(n, b"-") not in _ABSENT), b"-")
        is_sound = _is_number(text, "number", MAX_NUMBER)
    seconds = _seconds(row) if is_sound else None
    if seconds is None:
        raise LineError("bad_time", f"The time is {_quoted(text)}.")
    if not options.earliest_event <= seconds <= options.latest_event:
        raise LineError("time_out_of_range", f"The time {_quoted(text)} is before CloudFront or in the future.")


def _quoted(value: bytes) -> str:
    return repr(value[:60].decode("utf-8", "replace"))


def _is_number(value: bytes, kind: str, limit: int) -> bool:
    """Whether Arrow's reader parses the text as a number within bounds; keep in step with it."""
    if (_PLAIN_NUMBER if kind == "number" else _PLAIN_INTEGER).match(value):
        return float(value) <= limit
    try:
        number = pa.scalar(value.strip(b" ").decode()).cast(pa.float64() if kind == "number" else pa.int64()).as_py()
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return False
    return bool(0 <= number <= limit)


def _has_date_and_time(row: Mapping[str, bytes]) -> bool:
    return row.get("date", b"-") not in _ABSENT and row.get("time", b"-") not in _ABSENT


def _seconds(row: Mapping[str, bytes]) -> int | None:
    """Seconds since 1970; None where there is no such time."""
    try:
        if _has_date_and_time(row):
            text = (row["date"].strip(b" ") + b"T" + row["time"].strip(b" ")).decode()
            return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
        if row.get("timestamp_ms", b"-") not in _ABSENT:
            return int(float(row["timestamp_ms"]) // 1000)
        return int(float(row["timestamp"]))
    except (OverflowError, ValueError):
        return None
