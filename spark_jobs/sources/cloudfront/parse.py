"""One log object -> Arrow tables of requests, and rejected lines with their reasons.

Pure functions without Spark and lake. Blocks of sound lines go through Arrow's CSV reader at once (`columns.py`); a
block with odd lines is checked line by line (`line_checks.py`), odd lines are rejected with a reason, and the others go
through the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.sources.cloudfront.columns import BlockReader
from spark_jobs.sources.cloudfront.envelopes import unwrapped
from spark_jobs.sources.cloudfront.kinds import (
    delimiter_of,
    is_json,
    kind_of_foreign_records,
    kind_of_foreign_text,
    names_of,
    with_tabs,
)
from spark_jobs.sources.cloudfront.layouts import fields_of_header, missing_fields
from spark_jobs.sources.cloudfront.line_checks import checked_line
from spark_jobs.sources.cloudfront.log_object import LineError, LogObject, Parsed, ParseOptions, Rejected
from spark_jobs.sources.cloudfront.record_lines import (
    RECORD_FIELDS,
    UnusableSchemaError,
    json_line,
    message_line,
    normalized_names,
    parquet_lines,
    record_fields,
)
from spark_jobs.storage.json_records import JsonReader, JsonRecord
from spark_jobs.storage.objects import (
    UNREADABLE_OBJECT,
    Block,
    LineReader,
    Problem,
    newlines,
    why_unopened,
    why_unreadable,
)

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
CAREFUL_LINES = 10_000
"""Lines checked one by one before they are handed on: bounds the memory for a block of millions of odd lines."""
FEW_LINES = 500
"""Blocks with odd lines are halved down to this many lines before their lines are checked one by one."""
FEW_ODD_LINES = 8
"""Odd lines that the reader may name in a block before the block is halved."""


NAMED_RECORDS = 100
"""Of a batch, records whose names tell which fields the log has."""


def names_of_record(record: JsonRecord) -> Iterable[str]:
    """The names of a record's fields; none where it is a line of text or broken."""
    return normalized_names(record.fields) if isinstance(record.fields, dict) else ()


class ObjectParser:
    """Parses one object; iterate over it, then read `lines_present`: data lines counted in the raw bytes."""

    def __init__(self, log_object: LogObject, stream: IO[bytes], options: ParseOptions) -> None:
        self.object, self.stream, self.options = log_object, stream, options
        self.reader = BlockReader(log_object, options)
        self.fields: tuple[str, ...] = options.headerless_fields
        self.delimiter: bytes | None = None
        """What stands between the fields, once a line shows it."""
        self.is_cut_off = False
        self.header_problem = (
            "no_fields_header",
            "No #Fields line came before it, and no layout is set for files without one.",
        )
        self.lines_present = 0

    def __iter__(self) -> Iterator[Parsed]:
        try:
            head = self.stream.read(4)
            self.stream.seek(0)
            yield from self._parquet() if head == b"PAR1" else self._text()
        except Exception as error:  # whatever it is, it is this object's: the others are parsed all the same
            rejected = Rejected.of_object(UNREADABLE_OBJECT, why_unreadable(error), self.object.size_bytes)
            yield Parsed(None, [rejected])

    # --- text ----------------------------------------------------------------------------------------------------

    def _text(self) -> Iterator[Parsed]:
        reader = LineReader(self.stream, self.options.limits)
        head = reader.peek().removeprefix(BYTE_ORDER_MARK)
        saw_cut_line = False
        if is_json(head):
            yield from self._json(reader)
            saw_cut_line = self.is_cut_off
        elif kind := "" if self.fields or reader.problem.reason else kind_of_foreign_text(head):
            reader.problem = Problem("not_a_log", f"The object is {kind}, not a CloudFront log.")
        else:
            is_first = True
            for block in reader:
                data = block.data
                if is_first:
                    is_first = False
                    data = self._with_header(data.removeprefix(BYTE_ORDER_MARK))
                saw_cut_line = block.cut_off and not block.data.startswith(b"#")
                if block.overlong_bytes or block.cut_off:
                    yield from self._broken(block, reader.problem)
                else:
                    yield from self._lines(data, block.first_line, block.line_count)
        problem = reader.problem
        if not head and not problem.reason:
            problem = Problem("empty_object", "The object holds no line.")
        if problem.reason and not saw_cut_line:
            yield Parsed(None, [Rejected.of_object(problem.reason, problem.detail, self.object.size_bytes)])

    def _with_header(self, data: bytes) -> bytes:
        """The first lines of an object; one of names alone, as some tools write it, counts as its `#Fields` line."""
        line, newline, rest = data.partition(b"\n")
        if self.fields or not (names := names_of(line)):
            return data
        return b"#Fields: " + b" ".join(names) + newline + rest

    def _broken(self, block: Block, problem: Problem) -> Iterator[Parsed]:
        """The rejection of a line that is too long or in which the object breaks off."""
        if block.data.startswith(b"#"):
            return
        self.lines_present += 1
        length = block.overlong_bytes or len(block.data)
        if block.cut_off:
            reason, detail = problem.reason, f"The object breaks off in this line. {problem.detail}"
        else:
            limit = self.options.limits.max_line_bytes
            reason, detail = "line_too_long", f"The line has {length} bytes, more than the {limit} allowed."
        yield Parsed(None, [Rejected.of_line(block.first_line, reason, detail, block.data, length)])

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
            end = data.find(b"#", start)  # searching one byte is much faster than two, and it is rare
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
        if "x_event" in fields:
            self.fields = ()
            self.delimiter = None
            self.header_problem = ("rtmp", "The file logs an RTMP distribution, which has no HTTP requests.")
        elif problem := missing_fields(fields):
            self.fields = ()
            self.header_problem = ("unusable_header", f"The #Fields line cannot be used: {problem}.")
        else:
            self.fields, self.delimiter = fields, None

    def _rows(self, data: bytes, first_line: int, count: int) -> Iterator[Parsed]:
        """Lines of one layout, whatever stands between their fields; rejections show them as they are."""
        if not data or data.isspace():
            return
        if self.delimiter is None:
            self.delimiter = delimiter_of(data, len(self.fields)) if self.fields else b"\t"
        if self.delimiter == b"\t":
            yield from self._tabbed_rows(data, first_line, count)
            return
        for parsed in self._tabbed_rows(with_tabs(data, self.delimiter), first_line, count):
            if parsed.rejected:
                lines = data.split(b"\n")
                parsed.rejected = [
                    Rejected.of_line(line.line_number, line.reason, line.detail, lines[line.line_number - first_line])
                    for line in parsed.rejected
                ]
            yield parsed

    def _tabbed_rows(self, data: bytes, first_line: int, count: int) -> Iterator[Parsed]:
        is_plain = b"\r" not in data and b"\0" not in data and _is_utf8(data)
        may_hold_requests = bool(self.fields) and not self.object.excluded_whole
        if may_hold_requests and is_plain and (parsed := self._whole_block(data, first_line, count)):
            yield parsed
            return
        end = data.find(b"\n", len(data) // 2) + 1
        if may_hold_requests and count > FEW_LINES and 0 < end < len(data):
            before = data.count(b"\n", 0, end)
            yield from self._tabbed_rows(data[:end], first_line, before)
            yield from self._tabbed_rows(data[end:], first_line + before, count - before)
            return
        lines = data.split(b"\n")
        for start in range(0, len(lines), CAREFUL_LINES):
            numbered = enumerate(lines[start : start + CAREFUL_LINES], first_line + start)
            yield self._line_by_line([(number, line.removesuffix(b"\r")) for number, line in numbered], self.fields)

    def _whole_block(self, data: bytes, first_line: int, count: int) -> Parsed | None:
        """A block read at once, without the few odd lines that the reader reports; None if there are others."""
        remaining, numbers = data, np.arange(first_line, first_line + count)
        rejected: list[Rejected] = []
        table: pa.Table | None = None
        while table is None:
            table, odd = self.reader.read(remaining, self.fields, numbers, FEW_ODD_LINES)
            if (table is None and not odd) or len(rejected) + len(odd) > FEW_ODD_LINES:
                return None
            spans = _spans(remaining) if odd else np.empty((0, 2), np.int64)
            for row in odd:
                line = remaining[slice(*spans[row])] if row < len(numbers) else b""
                problem = self._problem(line, int(numbers[row])) if row < len(numbers) else None
                if problem is None:
                    return None
                rejected.append(Rejected.of_line(int(numbers[row]), *problem, line))
            if table is None:
                remaining = _remove_spans(remaining, spans[sorted(odd)])
                numbers = np.delete(numbers, odd)
        excluded = sorted(n for n in self.object.excluded if first_line <= n < first_line + count)
        if excluded:
            spans = _spans(data)
            for number in excluded:
                line = data[slice(*spans[number - first_line])]
                rejected.append(Rejected.of_line(number, *self.object.excluded[number], line))
            table = table.filter(pc.invert(pc.is_in(table["line_number"], pa.array(excluded, pa.int64()))))
        self.lines_present += count
        return Parsed(table, _in_order(rejected))

    def _problem(self, line: bytes, number: int) -> tuple[str, str] | None:
        """(reason, detail) of a line that is odd; None where it is sound, blank, or excluded anyway."""
        if not line.strip() or number in self.object.excluded:
            return None
        try:
            checked_line(line, self.fields, self.options)
        except LineError as error:
            return error.reason, error.detail
        return None

    def _line_by_line(self, lines: list[tuple[int, bytes]], fields: tuple[str, ...]) -> Parsed:
        """Check each line: blank lines are skipped, odd ones rejected, the others read together."""
        sound: list[tuple[int, bytes]] = []
        rejected: list[Rejected] = []
        for number, line in lines:
            if not line.strip():
                continue
            self.lines_present += 1
            try:
                sound.append((number, self._checked(number, line, fields)))
            except LineError as error:
                rejected.append(Rejected.of_line(number, error.reason, error.detail, line))
        tables = list(self._bisect(sound, fields, rejected))
        return Parsed(pa.concat_tables(tables) if tables else None, _in_order(rejected))

    def _checked(self, number: int, line: bytes, fields: tuple[str, ...]) -> bytes:
        if number in self.object.excluded:
            raise LineError(*self.object.excluded[number])
        if self.object.excluded_whole:
            raise LineError(*self.object.excluded_whole)
        if not fields:
            raise LineError(*self.header_problem)
        return checked_line(line, fields, self.options)

    def _bisect(
        self, lines: list[tuple[int, bytes]], fields: tuple[str, ...], rejected: list[Rejected]
    ) -> Iterator[pa.Table]:
        """The reader's tables; if it refuses sound-looking lines, bisects to the line that it refuses."""
        if not lines:
            return
        data = b"".join(line + b"\n" for _, line in lines)
        table, _ = self.reader.read(data, fields, np.array([number for number, _ in lines]))
        if table is not None:
            yield table
        elif len(lines) == 1:
            rejected.append(Rejected.of_line(lines[0][0], "unreadable", "The reader refuses the line.", lines[0][1]))
        else:
            yield from self._bisect(lines[: len(lines) // 2], fields, rejected)
            yield from self._bisect(lines[len(lines) // 2 :], fields, rejected)

    # --- JSON and Parquet of standard log v2 ------------------------------------------------------------------------

    def _json(self, reader: LineReader) -> Iterator[Parsed]:
        """JSON records, however they are laid out; rejections show them as they are in the object."""
        records, is_first = JsonReader(reader.chunks(), unwrapped), True
        for batch in records:
            if is_first and batch:
                is_first = False
                if kind := kind_of_foreign_records(batch):
                    reader.problem = Problem("not_a_log", f"The object holds {kind}, no CloudFront log.")
                    return
            self.is_cut_off = records.is_cut_off and bool(reader.problem.reason)
            for start in range(0, len(batch), CAREFUL_LINES):
                yield self._json_batch(batch[start : start + CAREFUL_LINES], reader.problem)

    def _json_batch(self, batch: list[JsonRecord], problem: Problem) -> Parsed:
        lines: list[tuple[int, bytes]] = []
        rejected: list[Rejected] = []
        originals = {record.number: record.text.encode("utf-8", "surrogateescape") for record in batch}
        for record in batch:
            original = originals[record.number]
            limit = self.options.limits.max_line_bytes
            reason, line = "", None
            if len(original) > limit:
                reason, detail = (
                    "line_too_long",
                    f"The record has {len(original)} bytes, more than the {limit} allowed.",
                )
            elif isinstance(record.fields, str):
                line = message_line(record.fields, self.options.headerless_fields)
                reason, detail = "bad_json", "The message of the log event is not a JSON object."
            elif record.fields is None:
                reason, detail = "bad_json", record.problem
                if self.is_cut_off and record is batch[-1]:
                    reason, detail = problem.reason, f"The object breaks off in this record. {problem.detail}"
            else:
                line = json_line(record.fields)
            if line is not None:
                lines.append((record.number, line))
                continue
            self.lines_present += 1
            kept = original[:limit]
            rejected.append(Rejected.of_line(record.number, reason, detail, kept, len(original)))
        names = {name for record in batch[:NAMED_RECORDS] for name in names_of_record(record)}
        parsed = self._line_by_line(lines, record_fields(names) if names else RECORD_FIELDS)
        for rejection in parsed.rejected:
            original = originals[rejection.line_number]
            rejected.append(Rejected.of_line(rejection.line_number, rejection.reason, rejection.detail, original))
        return Parsed(parsed.requests, _in_order(rejected))

    def _parquet(self) -> Iterator[Parsed]:
        try:
            for fields, lines in parquet_lines(self.stream):
                yield self._line_by_line(lines, fields)
        except UnusableSchemaError as error:
            yield Parsed(None, [Rejected.of_object("unusable_header", str(error), 0)])
        except (pa.ArrowException, OSError) as error:
            detail = f"The Parquet data is damaged: {error}"
            yield Parsed(None, [Rejected.of_object("corrupt_parquet", detail, self.object.size_bytes)])


@dataclass(frozen=True)
class Unopened:
    """In place of the parser of an object that cannot be opened: its one rejection."""

    error: Exception
    source_object: str
    size_bytes: int
    lines_present: int = 0

    def __iter__(self) -> Iterator[Parsed]:
        reason, detail = why_unopened(self.error, self.source_object)
        yield Parsed(None, [Rejected.of_object(reason, detail, self.size_bytes)])


def _in_order(rejected: list[Rejected]) -> list[Rejected]:
    return sorted(rejected, key=lambda row: row.line_number)


def _spans(data: bytes) -> np.ndarray:
    """Where each line begins and ends, without its newline; shape (lines, 2)."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 0x0A)
    if not data.endswith(b"\n"):
        ends = np.append(ends, len(data))
    return np.column_stack([np.append(0, ends[:-1] + 1), ends])


def _remove_spans(data: bytes, spans: np.ndarray) -> bytes:
    """The text without some of its lines; `spans` of these, in order."""
    pieces, start = [], 0
    for begin, end in spans.tolist():
        pieces.append(data[start:begin])
        start = end + 1
    return b"".join([*pieces, data[start:]])


def _is_utf8(data: bytes) -> bool:
    """Whether all bytes are UTF-8; Arrow's reader decodes only the selected columns."""
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
