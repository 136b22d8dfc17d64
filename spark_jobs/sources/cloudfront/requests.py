"""Log objects of an interval -> the parsed tables: requests, rejected_lines, object_counts.

The Spark side of parsing: distributes objects over tasks, writes the rows of `parse.py` into the lake, finds duplicate
requests, and commits.
"""

from __future__ import annotations

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import Interval, format_hour
from spark_jobs.incremental.ledger import RawObject, carried_over, never_parsed
from spark_jobs.incremental.task_shares import Work, items_of, shared_out
from spark_jobs.sources.cloudfront.duplicates import Duplicate, Duplicates, duplicates
from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions, Rejected
from spark_jobs.sources.cloudfront.parse import ObjectParser, Unopened
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, REJECTED_LINES, REQUESTS
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.objects import UNREADABLE_OBJECT, Storage
from spark_jobs.storage.writer import MANIFEST_SCHEMA, WrittenFile

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

logger = logging.getLogger(__name__)
HOUR_MICROSECONDS = 3_600_000_000
DUPLICATE_REASON = "duplicate_request_id"
PARSED_TABLES = (REQUESTS, REJECTED_LINES, OBJECT_COUNTS)
OBJECT_COSTS_BYTES = 50_000
"""The cost of opening an object, in bytes read."""


@dataclass
class TransformReport:
    """The result of a run: rows per table, the observed hours of objects, the reasons of rejections."""

    requests: int = 0
    rejected: int = 0
    lines_present: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    observed_hours: dict[str, list[str]] = field(default_factory=dict)
    missing_objects: list[str] = field(default_factory=list)
    unreadable_objects: list[str] = field(default_factory=list)
    """Objects that could not be opened, or not be read to their end for want of their storage: to be tried again."""


def transform(
    spark: SparkSession,
    lake: Lake,
    objects: Sequence[RawObject],
    interval: Interval,
    options: ParseOptions,
    tasks: int = 4,
) -> TransformReport:
    """Overwrite the parsed tables' rows of `interval` by those of `objects`; idempotent."""
    staged = _stage(spark, lake, objects, interval, options, tasks, {})
    missing = frozenset(staged.report.missing_objects)
    if any(item.duplicate_of in missing for item in objects):
        # The remaining copies are parsed like any object: the original may never have been parsed.
        objects = [replace(item, duplicate_of=None) if item.duplicate_of in missing else item for item in objects]
        staged = _stage(spark, lake, objects, interval, options, tasks, {})
    carried = carried_over(lake, PARSED_TABLES, missing, interval) if missing else []
    repeated = duplicates(spark, lake, [*carried, *staged.files], missing, tasks)
    if repeated:
        logger.info("%d lines were delivered twice; parsing again without them", sum(map(len, repeated.values())))
        staged = _stage(spark, lake, objects, interval, options, tasks, repeated)
    report = staged.report
    staged.files += carried
    if missing:
        gone = never_parsed(lake, OBJECT_COUNTS, [item for item in objects if item.source_object in missing], interval)
        report.unreadable_objects += [item.source_object for item in gone]
        staged.files += _rejected_as_gone(lake, gone, interval)
    hours = interval.hours
    by_table: dict[str, list[WrittenFile]] = defaultdict(list)
    for file in staged.files:
        by_table[file.table].append(file)
    report.rejected = lake.commit(REJECTED_LINES, by_table[REJECTED_LINES.key], hours)
    report.requests = lake.commit(REQUESTS, by_table[REQUESTS.key], hours)
    # Last: an hour counts as made once it is in this table.
    lake.commit(OBJECT_COUNTS, by_table[OBJECT_COUNTS.key], hours)
    return report


def observed_hours(
    spark: SparkSession, storage: Storage, objects: Sequence[RawObject], options: ParseOptions, tasks: int = 4
) -> dict[str, list[str]]:
    """Event hours of objects whose names have none; [] if no line has a time."""

    def hours_of_objects(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for raw in _objects(batches):
            # Copies are read as well: their rejected lines belong to the hours of their events.
            log_object = replace(raw, duplicate_of=None)
            try:
                stream = storage.opened(log_object.source_object)
            except FileNotFoundError:
                continue
            except Exception:  # of this object alone; parsing it says so
                yield pa.RecordBatch.from_pydict({"manifest": [json.dumps([log_object.source_object, []])]})
                continue
            hours: set[str] = set()
            with stream:
                for parsed in ObjectParser(_log_object(log_object), stream, options):
                    if parsed.requests is not None:
                        hours |= {hour for hour, _ in _by_hour(parsed.requests)}
            note = json.dumps([log_object.source_object, sorted(hours)])
            yield pa.RecordBatch.from_pydict({"manifest": [note]})

    if not objects:
        return {}
    rows = _tasks(spark, objects, tasks).mapInArrow(hours_of_objects, MANIFEST_SCHEMA).collect()
    return dict(json.loads(row.manifest) for row in rows)


def _rejected_as_gone(lake: Lake, objects: Sequence[RawObject], interval: Interval) -> list[WrittenFile]:
    writing = _Writing(lake, frozenset(interval.hours))
    for item in objects:
        writing.object(item, Unopened(FileNotFoundError(), item.source_object, item.size_bytes), {})
    return writing.close()


@dataclass
class _Staged:
    files: list[WrittenFile] = field(default_factory=list)
    report: TransformReport = field(default_factory=TransformReport)


def _stage(
    spark: SparkSession,
    lake: Lake,
    objects: Sequence[RawObject],
    interval: Interval,
    options: ParseOptions,
    tasks: int,
    repeated: Duplicates,
) -> _Staged:
    hours_to_write = frozenset(interval.hours)

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        writing = _Writing(lake, hours_to_write)
        for raw in _objects(batches):
            duplicates_of = repeated.get(raw.source_object, {})
            excluded = {line: (DUPLICATE_REASON, duplicate.detail) for line, duplicate in duplicates_of.items()}
            log_object = replace(_log_object(raw), excluded=excluded)
            try:
                stream = lake.storage.opened(raw.source_object)
            except FileNotFoundError:
                writing.notes.append({"missing": raw.source_object})
                continue
            except Exception as error:  # of this object alone: the others go on
                writing.object(raw, Unopened(error, raw.source_object, raw.size_bytes), {})
                continue
            with stream:
                writing.object(raw, ObjectParser(log_object, stream, options), duplicates_of)
        notes = [json.dumps(note) for note in writing.notes]
        yield pa.RecordBatch.from_pydict({"manifest": [*notes, *(f.to_json() for f in writing.close())]})

    staged = _Staged()
    if not objects:
        return staged
    for row in _tasks(spark, objects, tasks).mapInArrow(write, MANIFEST_SCHEMA).collect():
        note = json.loads(row.manifest)
        if "path" in note:
            staged.files.append(WrittenFile(**note))
        elif "missing" in note:
            staged.report.missing_objects.append(note["missing"])
        else:
            staged.report.lines_present += note["lines_present"]
            staged.report.reasons.update(note["reasons"])
            staged.report.observed_hours[note["source_object"]] = note["hours"]
            if UNREADABLE_OBJECT in note["reasons"]:
                staged.report.unreadable_objects.append(note["source_object"])
    return staged


class _Writing:
    """The files that one task writes, by hour and table, and a note on each object."""

    def __init__(self, lake: Lake, hours_to_write: frozenset[str]) -> None:
        self.hours_to_write = hours_to_write
        self.requests, self.rejected = lake.writer(REQUESTS), lake.writer(REJECTED_LINES)
        self.counts = lake.writer(OBJECT_COUNTS)
        self.notes: list[dict[str, Any]] = []

    def object(self, raw: RawObject, parser: ObjectParser | Unopened, duplicates_of: Mapping[int, Duplicate]) -> None:
        """Parse one object and write its rows, rejected lines and counts."""
        import pyarrow as pa

        home = raw.event_hours[0]
        parsed: Counter[str] = Counter()
        rejected: Counter[str] = Counter()
        repeated: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for piece in parser:
            if piece.requests is not None:
                for hour, rows in _by_hour(piece.requests):
                    parsed[hour] += rows.num_rows
                    if hour in self.hours_to_write:
                        self.requests.write(rows, hour)
            reasons.update(r.reason for r in piece.rejected)
            by_hour: dict[str, list[Rejected]] = defaultdict(list)
            for line in piece.rejected:
                by_hour[duplicates_of[line.line_number].hour if line.line_number in duplicates_of else home].append(
                    line
                )
            for hour, lines in by_hour.items():
                rejected[hour] += sum(line.line_number > 0 for line in lines)
                repeated[hour] += sum(line.reason == DUPLICATE_REASON for line in lines)
                if hour in self.hours_to_write:
                    self.rejected.write(rejected_table(raw.source_object, lines), hour)
        total = parser.lines_present
        observed = {*parsed, *(duplicate.hour for duplicate in duplicates_of.values())}
        for hour in sorted({*raw.event_hours, *observed} & self.hours_to_write):
            row = {
                "source_object": raw.source_object,
                "etag": raw.etag,
                "lines_present": total,
                "parsed_count": parsed[hour],
                "rejected_count": rejected[hour],
                "duplicate_count": repeated[hour],
                "other_hours_count": parsed.total() - parsed[hour] + rejected.total() - rejected[hour],
            }
            self.counts.write(pa.Table.from_pylist([row]), hour)
        # Keep at most one open file, since the next object may be of the same hour.
        if len(parsed) > 1:
            self.requests.close_all()
        self.notes.append(
            {"source_object": raw.source_object, "hours": sorted(observed), "lines_present": total, "reasons": reasons}
        )

    def close(self) -> list[WrittenFile]:
        """All files written."""
        return [*self.requests.close(), *self.rejected.close(), *self.counts.close()]


def _by_hour(requests: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The table's rows by hour; one pass if they are all of one hour, as in most CloudFront objects."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not requests.num_rows:
        return
    at = requests["event_at"].cast(pa.int64())
    hours = pc.divide(at, HOUR_MICROSECONDS)
    bounds = pc.min_max(hours)
    if bounds["min"] == bounds["max"]:
        yield _hour_name(bounds["min"].as_py()), requests
        return
    for hour in sorted(pc.unique(hours).to_pylist()):
        yield _hour_name(hour), requests.filter(pc.equal(hours, hour))


def _hour_name(hours_since_1970: int) -> str:
    from datetime import UTC, datetime

    return format_hour(datetime.fromtimestamp(hours_since_1970 * 3600, UTC))


def rejected_table(source_object: str, rows: Sequence[Rejected]) -> pa.Table:
    """Rejections of one object as rows of rejected_lines."""
    import pyarrow as pa

    return pa.table(
        {
            "source_object": pa.array([source_object] * len(rows)),
            "line_number": pa.array([r.line_number for r in rows], pa.int64()),
            "reason": pa.array([r.reason for r in rows]),
            "raw_line": pa.array([r.raw_line for r in rows]),
            "detail": pa.array([r.detail for r in rows]),
            "line_bytes": pa.array([r.line_bytes for r in rows], pa.int64()),
        }
    )


def _tasks(spark: SparkSession, objects: Sequence[RawObject], tasks: int) -> DataFrame:
    """A DataFrame with one row per task: its objects as JSON, about equal in bytes."""
    ordered = sorted(objects, key=lambda o: (o.event_hours, o.source_object))
    weights = [item.size_bytes + OBJECT_COSTS_BYTES for item in ordered]
    return shared_out(spark, Work([item.__dict__ for item in ordered], weights, "objects"), tasks)


def _objects(batches: Iterator[pa.RecordBatch]) -> Iterator[RawObject]:
    for item in items_of(batches):
        yield RawObject(**{**item, "event_hours": tuple(item["event_hours"])})


def _log_object(raw: RawObject) -> LogObject:
    exclusion = None
    if raw.duplicate_of:
        exclusion = (DUPLICATE_REASON, f"The object has the same content as {raw.duplicate_of}.")
    home = raw.event_hours[0] if raw.event_hours else ""
    return LogObject(raw.source_object, raw.etag, raw.size_bytes, home, excluded_whole=exclusion)
