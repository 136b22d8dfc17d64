"""One log object -> Arrow tables of requests, and rejected lines with their reasons. The raw line becomes typed here.

Pure: bytes in, tables out, on any thread or machine; no Spark, no lake. Blocks of clean lines go through Arrow's CSV
reader at once; a block in which anything is odd is looked at line by line, the odd lines are taken out with their
reason, and the rest goes the same way as clean ones.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, Any
from urllib.parse import unquote_to_bytes

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from spark_jobs.lake import arrow_schema
from spark_jobs.objects import Block, Limits, LineReader, Problem, newlines
from spark_jobs.sources.cloudfront.layouts import (
    FIELD_COLUMNS,
    TIME_FIELDS,
    fields_of_header,
    missing_fields,
    normalised,
)
from spark_jobs.sources.cloudfront.tables import REQUESTS

RAW_LINE_CHARACTERS = 8_192
CAREFUL_LINES = 10_000
"""Lines looked at one by one before they are handed on: bounds what a block of millions of odd lines takes."""
FEW_LINES = 500
"""Blocks with odd lines are halved down to this many lines before they are looked at one by one."""
FEW_ODD_LINES = 8
"""Odd lines that the reader may name in a block before the block is halved."""
_NAMED_ROW = re.compile(r"Row #(\d+)")
_JSON_FIELDS = (*TIME_FIELDS, *FIELD_COLUMNS)
_SCHEMA = arrow_schema(REQUESTS)
_DICTIONARY = pa.dictionary(pa.int32(), pa.string())
_DATE = re.compile(rb"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])\Z")
_TIME = re.compile(rb"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?\Z")
_PLAIN_INTEGER = re.compile(rb"\d{1,18}\Z")
_PLAIN_NUMBER = re.compile(rb"\d{1,15}(?:\.\d{1,15})?\Z")
_LIMITS = {
    "status": 999,
    "client_port": 65_535,
    "time_taken_seconds": 10**7,
    "time_to_first_byte_seconds": 10**7,
}
_LARGEST = 10**15
"""Of other numbers. A byte count beyond it is damage, and sums of such numbers would leave 64 bits."""
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}$"
_ABSENT = (b"-", b"")


@dataclass(frozen=True)
class ParseOptions:
    """What the settings say of parsing. Times are seconds since 1970 (UTC); rows outside of them are rejected."""

    headerless_fields: tuple[str, ...] = ()
    cookies: str = "hash"
    hash_query_values: bool = False
    hash_key: str = ""
    limits: Limits = field(default_factory=Limits)
    earliest_event: int = 1_199_145_600
    latest_event: int = 4_102_444_800


@dataclass(frozen=True)
class LogObject:
    """One object to parse. `excluded` maps lines to (reason, detail): rows that another object already has."""

    source_object: str
    etag: str
    size_bytes: int = 0
    home_hour: str = ""
    excluded: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    excluded_whole: tuple[str, str] | None = None


@dataclass(frozen=True)
class Rejected:
    """One row of rejected_lines, before it has its object."""

    line_number: int
    reason: str
    detail: str
    raw_line: str
    line_bytes: int


@dataclass
class Parsed:
    """A part of an object: requests (columns of the table; low-cardinality ones as dictionaries), and rejections."""

    requests: pa.Table | None
    rejected: list[Rejected]


class _RowError(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


class ObjectParser:
    """Parses one object; iterate, then read `lines_present`: data lines counted in the raw bytes."""

    def __init__(self, log_object: LogObject, stream: IO[bytes], options: ParseOptions) -> None:
        self.object, self.stream, self.options = log_object, stream, options
        self.fields: tuple[str, ...] = options.headerless_fields
        self.header_problem = (
            "no_fields_header",
            "No #Fields line came before it, and no layout is set for files without one.",
        )
        self.rtmp = False
        self.lines_present = 0

    def __iter__(self) -> Iterator[Parsed]:
        head = self.stream.read(4)
        self.stream.seek(0)
        if head == b"PAR1":
            yield from self._parquet()
            return
        reader = LineReader(self.stream, self.options.limits)
        is_first, saw_cut_line, is_json = True, False, False
        for block in reader:
            data = block.data
            if is_first:
                is_first = False
                data = data.removeprefix(b"\xef\xbb\xbf")
                is_json = data.lstrip()[:1] == b"{"
                if b"\0" in data[:4096] and not (data.startswith(b"#") or is_json or self.fields):
                    reader.problem = Problem("not_a_log", "The object is binary data of another kind, not a log.")
                    break
            saw_cut_line = block.cut_off and not block.data.startswith(b"#")
            if block.overlong_bytes or block.cut_off:
                yield from self._broken(block, reader.problem)
            elif is_json:
                yield from self._json(data, block.first_line)
            else:
                yield from self._lines(data, block.first_line, block.line_count)
        problem = reader.problem
        if is_first and not problem.reason:
            problem = Problem("empty_object", "The object holds no line.")
        if problem.reason and not saw_cut_line:
            yield Parsed(None, [Rejected(0, problem.reason, problem.detail, "", self.object.size_bytes)])

    # --- text ----------------------------------------------------------------------------------------------------

    def _broken(self, block: Block, problem: Problem) -> Iterator[Parsed]:
        if block.data.startswith(b"#"):
            return
        self.lines_present += 1
        length = block.overlong_bytes or len(block.data)
        if block.cut_off:
            reason, detail = problem.reason, f"The object breaks off in this line. {problem.detail}"
        else:
            limit = self.options.limits.max_line_bytes
            reason, detail = "line_too_long", f"The line has {length} bytes, more than the {limit} allowed."
        yield Parsed(None, [_rejected(block.first_line, reason, detail, block.data, length)])

    def _lines(self, data: bytes, first_line: int, count: int) -> Iterator[Parsed]:
        """A block of whole lines; header lines within it change the layout from there on."""
        start, line = 0, first_line
        if b"#" not in data:
            yield from self._rows(data, line, count)
            return
        while start < len(data):
            if data.startswith(b"#", start):
                end = data.find(b"\n", start)
                end = len(data) if end < 0 else end + 1
                self._comment(data[start:end])
                start, line = end, line + 1
                continue
            end = data.find(b"#", start)  # one byte is found many times faster than two, and is hardly ever there
            end = data.find(b"\n#", end - 1) if end >= 0 else -1
            end = len(data) if end < 0 else end + 1
            count = newlines(data, start, end) + (data[end - 1] != 0x0A)
            yield from self._rows(data[start:end], line, count)
            start, line = end, line + count

    def _comment(self, text: bytes) -> None:
        line = text.decode("utf-8", "replace").strip()
        if not line.lower().startswith("#fields:"):
            return
        fields = fields_of_header(line)
        self.rtmp = "x_event" in fields
        if self.rtmp:
            self.fields = ()
            self.header_problem = ("rtmp", "The file logs an RTMP distribution, which has no HTTP requests.")
        elif problem := missing_fields(fields):
            self.fields = ()
            self.header_problem = ("unusable_header", f"The #Fields line cannot be used: {problem}.")
        else:
            self.fields = fields

    def _rows(self, data: bytes, first_line: int, count: int) -> Iterator[Parsed]:
        if not data or data.isspace():
            return
        is_plain = b"\r" not in data and b"\0" not in data and _is_utf8(data)
        may_hold_requests = bool(self.fields) and not self.object.excluded_whole
        if may_hold_requests and is_plain and (parsed := self._sound(data, first_line, count)):
            yield parsed
            return
        end = data.find(b"\n", len(data) // 2) + 1
        if may_hold_requests and count > FEW_LINES and 0 < end < len(data):
            before = data.count(b"\n", 0, end)
            yield from self._rows(data[:end], first_line, before)
            yield from self._rows(data[end:], first_line + before, count - before)
            return
        lines = data.split(b"\n")
        for start in range(0, len(lines), CAREFUL_LINES):
            some = enumerate(lines[start : start + CAREFUL_LINES], first_line + start)
            yield self._careful([(number, line.removesuffix(b"\r")) for number, line in some])

    def _sound(self, data: bytes, first_line: int, count: int) -> Parsed | None:
        """A block read at once, without the few odd lines that the reader names; None where there is more to it."""
        left, numbers = data, np.arange(first_line, first_line + count)
        rejected: list[Rejected] = []
        table: pa.Table | None = None
        while table is None:
            table, odd = self._fast(left, self.fields, numbers, FEW_ODD_LINES)
            if (table is None and not odd) or len(rejected) + len(odd) > FEW_ODD_LINES:
                return None
            spans = _spans(left) if odd else np.empty((0, 2), np.int64)
            for row in odd:
                line = left[slice(*spans[row])] if row < len(numbers) else b""
                problem = self._problem(line, int(numbers[row])) if row < len(numbers) else None
                if problem is None:
                    return None
                rejected.append(_rejected(int(numbers[row]), *problem, line))
            if table is None:
                left = _without(left, spans[sorted(odd)])
                numbers = np.delete(numbers, odd)
        excluded = sorted(n for n in self.object.excluded if first_line <= n < first_line + count)
        if excluded:
            spans = _spans(data)
            rejected += [_rejected(n, *self.object.excluded[n], data[slice(*spans[n - first_line])]) for n in excluded]
            table = table.filter(pc.invert(pc.is_in(table["line_number"], pa.array(excluded, pa.int64()))))
        self.lines_present += count
        return Parsed(table, sorted(rejected, key=lambda r: r.line_number))

    def _problem(self, line: bytes, number: int) -> tuple[str, str] | None:
        """(reason, detail) of a line that is odd; None where it is sound, blank, or excluded anyway."""
        if not line.strip() or number in self.object.excluded:
            return None
        try:
            self._checked(line, self.fields)
        except _RowError as error:
            return error.reason, error.detail
        return None

    def _careful(self, lines: list[tuple[int, bytes]], fields: tuple[str, ...] | None = None) -> Parsed:
        """Line by line: blank ones are no data, odd ones are rejected, the others go to the reader together."""
        fields = self.fields if fields is None else fields
        good: list[tuple[int, bytes]] = []
        rejected: list[Rejected] = []
        for number, line in lines:
            if not line.strip():
                continue
            self.lines_present += 1
            try:
                if number in self.object.excluded:
                    raise _RowError(*self.object.excluded[number])
                if self.object.excluded_whole:
                    raise _RowError(*self.object.excluded_whole)
                good.append((number, self._checked(line, fields)))
            except _RowError as error:
                rejected.append(_rejected(number, error.reason, error.detail, line))
        tables = list(self._bisected(good, fields, rejected))
        return Parsed(pa.concat_tables(tables) if tables else None, sorted(rejected, key=lambda r: r.line_number))

    def _bisected(
        self, good: list[tuple[int, bytes]], fields: tuple[str, ...], rejected: list[Rejected]
    ) -> Iterator[pa.Table]:
        """The reader's tables; where it refuses lines that looked sound, halves until the culprit stands alone."""
        if not good:
            return
        data = b"".join(line + b"\n" for _, line in good)
        table, _ = self._fast(data, fields, np.array([number for number, _ in good]))
        if table is not None:
            yield table
        elif len(good) == 1:
            rejected.append(_rejected(good[0][0], "unreadable", "The reader refuses the line.", good[0][1]))
        else:
            yield from self._bisected(good[: len(good) // 2], fields, rejected)
            yield from self._bisected(good[len(good) // 2 :], fields, rejected)

    def _checked(self, line: bytes, fields: tuple[str, ...]) -> bytes:
        """The line, sound for the reader; _RowError with the reason where it is not."""
        if not fields:
            raise _RowError(*self.header_problem)
        if b"\0" in line:
            raise _RowError("nul_byte", "The line holds a NUL byte.")
        if b"\r" in line:
            raise _RowError("control_character", "The line holds a carriage return.")
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _RowError("invalid_utf8", f"Byte {error.start} of the line is not UTF-8.") from None
        values = line.split(b"\t")
        if len(values) == len(fields) + 1 and values[-1] == b"":
            values.pop()
        if len(values) != len(fields):
            raise _RowError("field_count", f"The line has {len(values)} fields, its header {len(fields)}.")
        row = dict(zip(reversed(fields), reversed(values), strict=True))
        self._check_time(row)
        address = row["c_ip"].decode()
        if canonical_address(address) is None:
            raise _RowError("bad_client_ip", f"c-ip is {address[:60]!r}, not an IP address.")
        for name, value in row.items():
            column, kind = FIELD_COLUMNS.get(name, ("", "text"))
            is_numeric = kind in ("integer", "number", "status")
            if is_numeric and value not in _ABSENT and not _is_number(value, kind, _LIMITS.get(column, _LARGEST)):
                raise _RowError("bad_number", f"{name} is {value[:60].decode('utf-8', 'replace')!r}.")
        return b"\t".join(values)

    def _check_time(self, row: Mapping[str, bytes]) -> None:
        if _has_date_and_time(row):
            at = row["date"] + b" " + row["time"]
            sound = bool(_DATE.match(row["date"].strip(b" ")) and _TIME.match(row["time"].strip(b" ")))
        else:
            at = next((row[n] for n in ("timestamp_ms", "timestamp") if row.get(n, b"-") not in _ABSENT), b"-")
            sound = _is_number(at, "number", _LARGEST)
        if not sound:
            raise _RowError("bad_time", f"The time is {at[:60].decode('utf-8', 'replace')!r}.")
        seconds = _seconds(row)
        if seconds is None:
            raise _RowError("bad_time", f"The time is {at[:60].decode('utf-8', 'replace')!r}.")
        if not self.options.earliest_event <= seconds <= self.options.latest_event:
            raise _RowError(
                "time_out_of_range",
                f"The time {at[:60].decode('utf-8', 'replace')!r} is before CloudFront or in the future.",
            )

    # --- JSON and Parquet of standard log v2 ------------------------------------------------------------------------

    def _json(self, data: bytes, first_line: int) -> Iterator[Parsed]:
        """One JSON object a line; its values go through the same checks as a tab-separated line."""
        lines: list[tuple[int, bytes]] = []
        rejected: list[Rejected] = []
        originals = {n: line.removesuffix(b"\r") for n, line in enumerate(data.split(b"\n"), first_line)}
        for number, line in originals.items():
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if isinstance(record, dict):
                lines.append((number, _joined({normalised(str(k)): v for k, v in record.items()})))
            else:
                self.lines_present += 1
                rejected.append(_rejected(number, "bad_json", "The line is not a JSON object.", line))
        parsed = self._careful(lines, _JSON_FIELDS)
        again = [_rejected(r.line_number, r.reason, r.detail, originals[r.line_number]) for r in parsed.rejected]
        yield Parsed(parsed.requests, sorted(rejected + again, key=lambda r: r.line_number))

    def _parquet(self) -> Iterator[Parsed]:
        """Rows are numbered from 1, as lines are."""
        import pyarrow.parquet as pq

        try:
            batches = pq.ParquetFile(self.stream).iter_batches(batch_size=20_000)
            number = 1
            for batch in batches:
                names = [normalised(name) for name in batch.schema.names]
                if number == 1 and (problem := missing_fields(tuple(names))):
                    yield Parsed(
                        None, [Rejected(0, "unusable_header", f"The Parquet schema cannot be used: {problem}.", "", 0)]
                    )
                    return
                columns = [column.to_pylist() for column in reversed(batch.columns)]
                rows = [dict(zip(reversed(names), values, strict=True)) for values in zip(*columns, strict=True)]
                yield self._careful([(number + i, _joined(row)) for i, row in enumerate(rows)], _JSON_FIELDS)
                number += len(rows)
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            yield Parsed(
                None,
                [Rejected(0, "corrupt_parquet", f"The Parquet data is damaged: {error}", "", self.object.size_bytes)],
            )

    # --- columns ---------------------------------------------------------------------------------------------------

    def _fast(
        self, data: bytes, fields: tuple[str, ...], numbers: np.ndarray, may_skip: int = 0
    ) -> tuple[pa.Table | None, list[int]]:
        """Lines that are all sound -> their table; None where Arrow's reader or a check refuses any of them.

        Beside it the rows that the reader names as odd: left out of the table (so many it may skip, for their number of
        fields), or why there is none.
        """
        skipped: list[int] = []

        def skip(row: Any) -> str:
            skipped.append(row.number - 1)
            return "skip" if len(skipped) <= may_skip else "error"

        unique = [name if name not in fields[:i] else f"{name} {i}" for i, name in enumerate(fields)]
        try:
            raw = csv.read_csv(
                pa.BufferReader(data),
                read_options=csv.ReadOptions(column_names=unique, use_threads=False, block_size=len(data) + 1),
                parse_options=csv.ParseOptions(
                    delimiter="\t", quote_char=False, escape_char=False, invalid_row_handler=skip
                ),
                convert_options=csv.ConvertOptions(
                    column_types={name: _csv_type(name) for name in unique if _csv_type(name) is not None},
                    include_columns=[name for name in unique if _csv_type(name) is not None],
                    null_values=["-", ""],
                    strings_can_be_null=True,
                ),
            ).combine_chunks()
            event_seconds = _event_seconds(raw)
        except pa.ArrowInvalid as error:
            named = _NAMED_ROW.search(str(error))
            return None, [*skipped, *([int(named.group(1)) - 1] if named else [])]
        if raw.num_rows != len(numbers) - len(skipped):
            return None, []
        found = {FIELD_COLUMNS[n][0]: raw[n].chunk(0) for n in raw.column_names if n in FIELD_COLUMNS and raw.num_rows}
        addresses = self._client_ip(found.get("client_ip"))
        if event_seconds is None or addresses is None:
            return None, []
        bounds = pc.min_max(event_seconds)
        if bounds["min"].as_py() < self.options.earliest_event or bounds["max"].as_py() > self.options.latest_event:
            return None, []
        found |= {
            "event_at": pc.multiply(event_seconds, 1_000_000).cast(pa.timestamp("us", tz="UTC")),
            "client_ip": addresses,
            "line_number": pa.array(np.delete(numbers, skipped)),
            "source_object": _constant(self.object.source_object, raw.num_rows),
        }
        table = self._finished(found, raw.num_rows)
        return table, skipped if table is not None else []

    def _finished(self, found: dict[str, pa.Array], rows: int) -> pa.Table | None:
        for name in (
            "bytes_sent",
            "bytes_received",
            "content_length_bytes",
            "time_taken_seconds",
            "time_to_first_byte_seconds",
            "client_port",
            "status",
        ):
            if name in found and found[name].null_count < rows:
                bounds = pc.min_max(found[name])
                if not (bounds["min"].as_py() >= 0 and bounds["max"].as_py() <= _LIMITS.get(name, _LARGEST)):
                    return None
                if pa.types.is_floating(found[name].type) and pc.any(pc.is_nan(found[name])).as_py():
                    return None
        if "uri_query" not in found and "uri_path" in found:
            found |= _split_query(found["uri_path"])
        for name in ("uri_path", "uri_query", "referer", "content_type", "forwarded_for"):
            if name in found:
                found[name] = _decoded(found[name], decode_once)
        if "user_agent" in found:
            found["user_agent"] = _decoded(found["user_agent"], decode_user_agent)
        if self.options.hash_query_values and "uri_query" in found:
            found["uri_query"] = _mapped(found["uri_query"], self._hashed_query, only_with="=")
        if "cookie_hash" in found:
            found["cookie_hash"] = self._cookie(found["cookie_hash"])
        distribution = found.get("distribution_host")
        if distribution is not None:
            site = found.get("host")
            found["host"] = distribution if site is None else _coalesced(site, distribution)
        if "request_id" not in found or found["request_id"].null_count:
            numbers = found["line_number"].cast(pa.string())
            made = pc.binary_join_element_wise(self.object.etag, numbers, ":")
            found["request_id"] = pc.coalesce(found["request_id"], made) if "request_id" in found else made
        columns = []
        for schema_field in _SCHEMA:
            column = found.get(schema_field.name)
            if column is None:
                column = pa.nulls(rows, schema_field.type)
                if pa.types.is_string(schema_field.type) and schema_field.name != "uri_query":
                    column = column.dictionary_encode()
            elif not (pa.types.is_dictionary(column.type) and pa.types.is_string(schema_field.type)):
                column = column.cast(schema_field.type)
            columns.append(column)
        return pa.table(columns, names=_SCHEMA.names)

    def _client_ip(self, column: pa.Array | None) -> pa.Array | None:
        """Canonical texts; None where any is absent or no address."""
        if column is None or column.null_count:
            return None
        if pc.all(pc.match_substring_regex(column.dictionary, _IPV4)).as_py():
            return column
        texts = [canonical_address(text) for text in column.dictionary.to_pylist()]
        if None in texts:
            return None
        return pa.DictionaryArray.from_arrays(column.indices, pa.array(texts, pa.string()))

    def _keyed_hash(self, text: str) -> str:
        return hashlib.blake2b(text.encode(), key=self.options.hash_key.encode()[:64], digest_size=12).hexdigest()

    def _cookie(self, column: pa.Array) -> pa.Array:
        if self.options.cookies == "keep":
            return _decoded(column, decode_once)
        if self.options.cookies == "drop":
            return pa.nulls(len(column), pa.string()).dictionary_encode()
        return _mapped(column, self._keyed_hash, only_with="")

    def _hashed_query(self, query: str) -> str:
        pairs = (part.partition("=") for part in query.split("&"))
        return "&".join(name + sign + (self._keyed_hash(value) if value else "") for name, sign, value in pairs)


@lru_cache(maxsize=200_000)
def canonical_address(text: str) -> str | None:
    """The address in canonical text, None where it is none. IPv4 is canonical as it stands, or it is none."""
    try:
        return None if "%" in text else str(ipaddress.ip_address(text))
    except ValueError:
        return None


def decode_once(text: str) -> str:
    """Undo the one percent-encoding that CloudFront adds at logging; bytes that are no UTF-8 stay encoded."""
    if "%" not in text:
        return text
    raw = unquote_to_bytes(text)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        texts = raw.decode("utf-8", "surrogateescape")
        return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in texts)


def decode_user_agent(text: str) -> str:
    """As `decode_once`, and once more for files that encode user agents twice (`%2520`)."""
    once = decode_once(text)
    return decode_once(once) if "%20" in once and " " not in once else once


def _csv_type(name: str) -> pa.DataType | None:
    if name in ("date", "time"):
        return pa.date32() if name == "date" else pa.time32("s")
    if name in ("timestamp", "timestamp_ms"):
        return pa.float64()
    kind = FIELD_COLUMNS.get(name, ("", None))[1]
    return {
        "repeating": _DICTIONARY,
        "text": _DICTIONARY,
        "distinct": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "status": pa.int32(),
        None: None,
    }[kind]


def _spans(data: bytes) -> np.ndarray:
    """Where each line begins and ends, without its newline; shape (lines, 2)."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 0x0A)
    if not data.endswith(b"\n"):
        ends = np.append(ends, len(data))
    return np.column_stack([np.append(0, ends[:-1] + 1), ends])


def _without(data: bytes, spans: np.ndarray) -> bytes:
    """The text without some of its lines; `spans` of these, in order."""
    kept, start = [], 0
    for first, end in spans.tolist():
        kept.append(data[start:first])
        start = end + 1
    return b"".join([*kept, data[start:]])


def _is_utf8(data: bytes) -> bool:
    """The reader looks at the columns that it keeps only; a line is judged by all of its bytes."""
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_number(value: bytes, kind: str, limit: int) -> bool:
    """What Arrow's reader takes for a number, within bounds; so a line's fate does not hang on its neighbours."""
    if (_PLAIN_NUMBER if kind == "number" else _PLAIN_INTEGER).match(value):
        return float(value) <= limit
    try:
        number = pa.scalar(value.strip(b" ").decode()).cast(pa.float64() if kind == "number" else pa.int64()).as_py()
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return False
    return bool(0 <= number <= limit)


def _has_date_and_time(row: Mapping[str, bytes]) -> bool:
    return row.get("date", b"-") not in _ABSENT and row.get("time", b"-") not in _ABSENT


def _event_seconds(raw: pa.Table) -> pa.Array | None:
    """Seconds since 1970 (int64), None where any row has no time."""
    seconds: pa.Array | None = None
    if "date" in raw.column_names and "time" in raw.column_names:
        days = raw["date"].cast(pa.int32()).cast(pa.int64())
        seconds = pc.add(pc.multiply(days, 86_400), raw["time"].cast(pa.int32()).cast(pa.int64()))
    for name, unit in (("timestamp_ms", 1000.0), ("timestamp", 1.0)):
        if name in raw.column_names and (seconds is None or seconds.null_count):
            epoch = pc.floor(pc.divide(raw[name], unit)).cast(pa.int64())
            seconds = epoch if seconds is None else pc.coalesce(seconds, epoch)
    if seconds is None or seconds.null_count or not len(seconds):
        return None
    return seconds.combine_chunks() if isinstance(seconds, pa.ChunkedArray) else seconds


def _seconds(row: Mapping[str, bytes]) -> int | None:
    from datetime import UTC, datetime

    try:
        if _has_date_and_time(row):
            text = (row["date"].strip(b" ") + b"T" + row["time"].strip(b" ")).decode()
            return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
        if row.get("timestamp_ms", b"-") not in _ABSENT:
            return int(float(row["timestamp_ms"]) // 1000)
        return int(float(row["timestamp"]))
    except ValueError:
        return None


def _decoded(column: pa.Array, decode: Any) -> pa.Array:
    """`decode` applied to each distinct value with an escape; spaces, which most escapes are, are put in all at once.

    A space is no hexadecimal digit, so none of the escapes that are left comes about by that.
    """
    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(column.indices, _decoded(column.dictionary, decode))
    return _mapped(pc.replace_substring(column, "%20", " "), decode, only_with="%")


def _mapped(column: pa.Array, change: Any, only_with: str) -> pa.Array:
    """`change` applied to each distinct value that contains `only_with`."""
    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(column.indices, _mapped(column.dictionary, change, only_with))
    chosen = pc.fill_null(pc.match_substring(column, only_with), False)
    if not pc.any(chosen).as_py():
        return column
    texts = [change(text) for text in column.filter(chosen).to_pylist()]
    return pc.replace_with_mask(column, chosen, pa.array(texts, pa.string()))


def _coalesced(first: pa.Array, second: pa.Array) -> pa.Array:
    if not first.null_count:
        return first
    return pc.coalesce(first.cast(pa.string()), second.cast(pa.string())).dictionary_encode()


def _split_query(path: pa.Array) -> dict[str, pa.Array]:
    """Layouts without cs-uri-query (real-time logs) carry the query in cs-uri-stem."""
    texts = [(None, None) if t is None else t.partition("?")[::2] for t in path.cast(pa.string()).to_pylist()]
    return {
        "uri_path": pa.array([t[0] for t in texts], pa.string()).dictionary_encode(),
        "uri_query": pa.array([t[1] or None for t in texts], pa.string()),
    }


def _constant(text: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([text]))


def _joined(record: Mapping[str, Any]) -> bytes:
    """A record as a tab-separated line of `_JSON_FIELDS`."""
    values = []
    for name in _JSON_FIELDS:
        value = record.get(name)
        text = "-" if value is None else value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        values.append(text.replace("\t", "%09").replace("\n", "%0A").replace("\r", "%0D") or "-")
    return "\t".join(values).encode("utf-8", "surrogatepass")


def _rejected(number: int, reason: str, detail: str, line: bytes, line_bytes: int | None = None) -> Rejected:
    text = line[: RAW_LINE_CHARACTERS * 4].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return Rejected(number, reason, detail, text[:RAW_LINE_CHARACTERS], len(line) if line_bytes is None else line_bytes)
