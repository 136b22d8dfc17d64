"""Records of real-time logs, or of CloudWatch Logs, as Firehose hands them to a Lambda -> lines that batch reads.

Judged by the parser of batch. A record with any request is kept with all its lines: batch rejects the odd ones with their
reasons. Comments are left out: they could change the layout of the lines after them in the delivered object.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import pyarrow as pa

from spark_jobs.sources.cloudfront.envelopes import unwrapped
from spark_jobs.sources.cloudfront.kinds import is_json
from spark_jobs.sources.cloudfront.layouts import LayoutError
from spark_jobs.sources.cloudfront.ledger import parse_options
from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions
from spark_jobs.sources.cloudfront.parse import ObjectParser
from spark_jobs.storage.json_records import JsonReader
from spark_jobs.storage.objects import GZIP_MAGIC, LineReader
from spark_jobs.streaming.firehose import DROPPED, FAILED, OK, Transformed

FIELDS_VARIABLE = "WEIR_CLOUDFRONT_STREAM_FIELDS"
MAX_RECORD_BYTES = 64 << 20
"""Of one record, decompressed; Firehose takes records of 1,000 KiB."""
FIRST_LINE = b"#\n"
"""Before the lines of records, so that the first of them is taken for nothing but a line."""


def transform(records: Sequence[bytes], environment: Mapping[str, str]) -> list[Transformed]:
    """The result of each record. LayoutError where the variable for the fields names none."""
    layout = environment.get(FIELDS_VARIABLE, "realtime")
    options = parse_options({"headerless_layout": layout, "limits": {"max_object_bytes": MAX_RECORD_BYTES}})
    if not options.headerless_fields:
        raise LayoutError(f"{FIELDS_VARIABLE} is empty; list the fields of the real-time log configuration.")
    results: dict[int, Transformed] = {}
    lines: dict[int, list[bytes]] = {}
    for index, record in enumerate(records):
        content, problem = _decompressed(record, options)
        if problem:
            results[index] = Transformed(FAILED, reason=problem)
        elif is_json(content):
            results[index] = _of_json(content, options)
        else:
            lines[index] = [line for line in content.split(b"\n") if line.strip() and not line.startswith(b"#")]
    results |= _of_lines(lines, options)
    return [results[index] for index in range(len(records))]


def _of_lines(lines: Mapping[int, list[bytes]], options: ParseOptions) -> dict[int, Transformed]:
    """Results of records of lines, which are parsed together."""
    owners = [index for index, own in lines.items() for _ in own]
    content = FIRST_LINE + b"".join(line + b"\n" for own in lines.values() for line in own)
    times, reasons = _parsed(content, options)
    event_at: dict[int, int] = {}
    for number, at in sorted(times.items()):
        event_at.setdefault(owners[number - 2], at)
    found = {owners[number - 2]: reason for number, reason in reasons.items() if number}
    results = {}
    for index, own in lines.items():
        if not own:
            results[index] = Transformed(DROPPED)
        elif index in event_at:
            results[index] = Transformed(OK, b"".join(line + b"\n" for line in own), event_at[index])
        else:
            results[index] = Transformed(FAILED, reason=found.get(index) or reasons.get(0, "unreadable"))
    return results


def _of_json(content: bytes, options: ParseOptions) -> Transformed:
    """The result of a record of JSON: each message of log events on a line, other objects as they are."""
    records = [record for batch in JsonReader([content], unwrapped) for record in batch]
    if not records:
        return Transformed(DROPPED)
    times, reasons = _parsed(content, options)
    if not times:
        return Transformed(FAILED, reason=next(iter(reasons.values()), "unreadable"))
    texts = (record.text.encode("utf-8", "surrogateescape").strip() for record in records)
    return Transformed(OK, b"".join(text + b"\n" for text in texts), times[min(times)])


def _parsed(content: bytes, options: ParseOptions) -> tuple[dict[int, int], dict[int, str]]:
    """Line number -> time of its request in seconds since 1970, and line number -> reason of its rejection."""
    times: dict[int, int] = {}
    reasons: dict[int, str] = {}
    for piece in ObjectParser(LogObject("record", "record", len(content)), io.BytesIO(content), options):
        reasons |= {rejected.line_number: rejected.reason for rejected in piece.rejected}
        if piece.requests is not None:
            seconds = piece.requests["event_at"].cast(pa.timestamp("s", "UTC"), safe=False).cast(pa.int64())
            times |= dict(zip(piece.requests["line_number"].to_pylist(), seconds.to_pylist(), strict=True))
    return times, reasons


def _decompressed(record: bytes, options: ParseOptions) -> tuple[bytes, str]:
    """The bytes of a record, and the reason why they cannot be had; empty: there is none."""
    if not record.startswith(GZIP_MAGIC):
        return record, ""
    reader = LineReader(io.BytesIO(record), options.limits)
    return b"".join(reader.chunks()), reader.problem.reason
