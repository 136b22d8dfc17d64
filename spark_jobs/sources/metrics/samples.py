"""Metric files of an interval -> samples, rejected_samples and object_counts: the Spark side of parsing.

Files are spread over tasks, which parse them whole and write what lies in the interval. Lines are interpreted in
`parse.py`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN, Interval
from spark_jobs.incremental.ledger import RawObject, carried_over, never_parsed
from spark_jobs.incremental.task_shares import Work, items_of, shared_out
from spark_jobs.sources.metrics.parse import Parsed, ParseOptions, parse, unopened
from spark_jobs.sources.metrics.sample_columns import RejectedSample
from spark_jobs.sources.metrics.tables import OBJECT_COUNTS, REJECTED_SAMPLES, SAMPLES
from spark_jobs.sources.metrics.times import micros
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.objects import UNREADABLE_OBJECT
from spark_jobs.storage.schema import hour_names
from spark_jobs.storage.writer import MANIFEST_SCHEMA, WrittenFile

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

PARSED_TABLES = (REJECTED_SAMPLES, SAMPLES, OBJECT_COUNTS)
"""In the order of their commits: an hour counts as done only once the last one says so."""
MAX_PENDING_ROWS = 2_000_000
"""Samples that a task puts in the order of their hours at once: a file may hold many hours."""
OBJECT_COSTS_BYTES = 20_000
"""The cost of opening a file, in bytes read."""


@dataclass
class Report:
    """The result of a run."""

    samples: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    observed_hours: dict[str, list[str]] = field(default_factory=dict)
    missing_objects: list[str] = field(default_factory=list)
    unreadable_objects: list[str] = field(default_factory=list)
    """Files that could not be opened, or not be read to their end for want of their storage: to be tried again."""


def transform(
    spark: SparkSession,
    lake: Lake,
    objects: Sequence[RawObject],
    times: Mapping[str, tuple[datetime, datetime]],
    interval: Interval,
    options: ParseOptions,
    tasks: int = 4,
) -> Report:
    """Overwrite the parsed tables' rows of `interval` by what the objects hold of it; safe to repeat at any time.

    `times`: source_object -> when it was delivered, when it was ingested.
    """
    report, files = Report(), list[WrittenFile]()
    hours_to_write, storage = frozenset(interval.hours), lake.storage

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        writing = _Writing(lake, hours_to_write)
        notes = []
        for item in items_of(batches):
            raw = RawObject(**{**item["object"], "event_hours": tuple(item["object"]["event_hours"])})
            try:
                stream = storage.opened(raw.source_object)
            except FileNotFoundError:
                notes.append({"missing": raw.source_object})
                continue
            except Exception as error:  # of this file alone: the others go on
                notes.append(writing.object(raw, unopened(error, raw.source_object), item["ingested"]))
                continue
            with stream:
                parsed = parse(stream, raw.source_object, options, item["delivered"])
            notes.append(writing.object(raw, parsed, item["ingested"]))
        yield pa.RecordBatch.from_pydict(
            {"manifest": [*map(json.dumps, notes), *(file.to_json() for file in writing.close())]}
        )

    items = [
        {"object": raw.__dict__, "delivered": micros(delivered), "ingested": micros(ingested)}
        for raw in objects
        for delivered, ingested in (times[raw.source_object],)
    ]
    if items:
        weights = [raw.size_bytes + OBJECT_COSTS_BYTES for raw in objects]
        for row in (
            shared_out(spark, Work(items, weights, "objects"), tasks).mapInArrow(write, MANIFEST_SCHEMA).collect()
        ):
            note = json.loads(row.manifest)
            if "path" in note:
                files.append(WrittenFile(**note))
            elif "missing" in note:
                report.missing_objects.append(note["missing"])
            else:
                report.reasons.update(note["reasons"])
                report.observed_hours[note["source_object"]] = note["hours"]
                if UNREADABLE_OBJECT in note["reasons"]:
                    report.unreadable_objects.append(note["source_object"])
    if report.missing_objects:
        missing = frozenset(report.missing_objects)
        files += carried_over(lake, PARSED_TABLES, missing, interval)
        gone = never_parsed(lake, OBJECT_COUNTS, [raw for raw in objects if raw.source_object in missing], interval)
        report.unreadable_objects += [raw.source_object for raw in gone]
        writing = _Writing(lake, hours_to_write)
        for raw in gone:
            note = writing.object(raw, unopened(FileNotFoundError(), raw.source_object), 0)
            report.reasons.update(note["reasons"])
        files += writing.close()
    by_table: dict[str, list[WrittenFile]] = defaultdict(list)
    for file in files:
        by_table[file.table].append(file)
    rows = {table.key: lake.commit(table, by_table[table.key], interval.hours) for table in PARSED_TABLES}
    report.samples, report.rejected = rows[SAMPLES.key], rows[REJECTED_SAMPLES.key]
    return report


class _Writing:
    """The files that one task writes, by hour and table."""

    def __init__(self, lake: Lake, hours_to_write: frozenset[str]) -> None:
        self.hours_to_write = hours_to_write
        self.samples, self.rejected = lake.writer(SAMPLES), lake.writer(REJECTED_SAMPLES)
        self.counts = lake.writer(OBJECT_COUNTS)
        self.pending: list[pa.Table] = []

    def object(self, raw: RawObject, parsed: Parsed, ingested: int) -> dict[str, Any]:
        """Gather the samples of one file, ingested then (µs since 1970); returns a note for the driver."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = parsed.samples
        names = hour_names(rows["event_at"])
        by_hour = Counter({count["values"]: count["counts"] for count in pc.value_counts(names).to_pylist()})
        is_inside = pc.is_in(names, pa.array(sorted(self.hours_to_write)))
        rows = rows.append_column("source_object", pa.repeat(raw.source_object, rows.num_rows))
        at = pa.repeat(pa.scalar(ingested, pa.int64()), rows.num_rows).cast(pa.timestamp("us", tz="UTC"))
        self._add(rows.append_column("ingested_at", at).append_column(HOUR_COLUMN, names).filter(is_inside))
        home = raw.event_hours[0]
        if home in self.hours_to_write and parsed.rejected:
            self.rejected.write(_rejected(raw.source_object, parsed.rejected), home)
        of_lines = sum(line.line_number > 0 for line in parsed.rejected)
        hours = sorted(by_hour)
        counted = sorted({*raw.event_hours, *hours} & self.hours_to_write)
        samples = [by_hour[hour] for hour in counted]
        rejected = [of_lines if hour == home else 0 for hour in counted]
        all_lines = by_hour.total() + of_lines
        self.counts.write_by_hour(
            pa.table(
                {
                    "source_object": pa.repeat(raw.source_object, len(counted)),
                    "etag": pa.repeat(raw.etag, len(counted)),
                    "present_count": pa.repeat(pa.scalar(parsed.present, pa.int64()), len(counted)),
                    "sample_count": pa.array(samples, pa.int64()),
                    "rejected_count": pa.array(rejected, pa.int64()),
                    "other_hours_count": pa.array(
                        [all_lines - kept - lost for kept, lost in zip(samples, rejected, strict=True)], pa.int64()
                    ),
                    HOUR_COLUMN: pa.array(counted, pa.string()),
                }
            )
        )
        reasons = Counter(line.reason for line in parsed.rejected) if home in self.hours_to_write else Counter[str]()
        return {"source_object": raw.source_object, "hours": hours, "reasons": reasons}

    def _add(self, rows: pa.Table) -> None:
        self.pending.append(rows)
        if sum(table.num_rows for table in self.pending) > MAX_PENDING_ROWS:
            self._write_pending()

    def _write_pending(self) -> None:
        """Write the pending rows in the order of their hours."""
        import pyarrow as pa

        if self.pending:
            self.samples.write_by_hour(pa.concat_tables(self.pending))
            self.pending = []

    def close(self) -> list[WrittenFile]:
        """All files written."""
        self._write_pending()
        return [*self.samples.close(), *self.rejected.close(), *self.counts.close()]


def _rejected(source_object: str, rows: Sequence[RejectedSample]) -> pa.Table:
    import pyarrow as pa

    return pa.table(
        {
            "source_object": pa.repeat(source_object, len(rows)),
            "line_number": pa.array([row.line_number for row in rows], pa.int64()),
            "position": pa.array([row.position for row in rows], pa.int64()),
            "metric": pa.array([row.metric for row in rows], pa.string()),
            "reason": pa.array([row.reason for row in rows], pa.string()),
            "detail": pa.array([row.detail for row in rows], pa.string()),
            "raw_line": pa.array([row.raw_line for row in rows], pa.string()),
        }
    )
