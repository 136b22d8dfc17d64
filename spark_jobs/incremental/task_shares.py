"""Distributes work over Spark tasks: items by weight; tables made by hour, by stretch of hours, or by share.

Tasks read and write files themselves, so that no row crosses the boundary between engine and Python; a task has only
one hour, stretch or share in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN, Interval
from spark_jobs.runtime import progress
from spark_jobs.storage.schema import columns_schema
from spark_jobs.storage.writer import MANIFEST_SCHEMA, WrittenFile

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.contract import Table
    from spark_jobs.main import JobRun
    from spark_jobs.storage.delta_log import ActiveFile


@dataclass(frozen=True)
class Reads:
    """What tasks read: columns of a table, those of `dictionaries` (texts) dictionary-encoded."""

    table: Table
    columns: Sequence[str]
    dictionaries: Sequence[str] = ()


@dataclass(frozen=True)
class Work:
    """Items for tasks, plain JSON values, each with its weight."""

    items: Sequence[Any]
    weights: Sequence[int]
    noun: str
    """What the items are, for people: objects, hours, files …"""


def shared_out(spark: SparkSession, work: Work, tasks: int) -> DataFrame:
    """A frame with one row per task, with items of about equal total weight, in their order."""
    items, weights = work.items, work.weights
    shares: list[list[int]] = [[] for _ in range(min(tasks, len(items)))]
    loads = [0] * len(shares)
    for number in sorted(range(len(items)), key=lambda number: (-weights[number], number)):
        lightest = loads.index(min(loads))
        shares[lightest].append(number)
        loads[lightest] += weights[number]
    progress.begin(len(items), work.noun)
    rows = [(json.dumps([items[number] for number in sorted(share)]),) for share in shares]
    return spark.createDataFrame(rows, "items string").repartition(len(rows))


def items_of(batches: Iterator[pa.RecordBatch]) -> Iterator[Any]:
    """In a task: its items, one by one."""
    for batch in batches:
        for text in batch.column(0).to_pylist():
            for item in json.loads(text):
                yield item
                progress.item_done()


def written_by_hour(
    run: JobRun, reads: Reads, target: Table, make: Callable[[Iterator[pa.RecordBatch]], pa.Table | None]
) -> list[WrittenFile]:
    """Files of what `make` returns for each hour of the run's interval: rows of that hour with event_hour, or None."""
    lake = run.lake

    def of_hour(paths: Sequence[str]) -> pa.Table | None:
        return make(lake.read_batches(reads.table, paths, reads.columns, reads.dictionaries))

    by_hour = lake.files_by_hour(reads.table, run.interval.hours).values()
    items = [[file.path for file in files] for files in by_hour]
    return written(run, target, Work(items, [_bytes(files) for files in by_hour], "hours"), of_hour)


def written_by_share(run: JobRun, target: Table, make: Callable[[int], pa.Table], shares: int) -> list[WrittenFile]:
    """Files of what `make` returns for each share, rows with event_hour."""
    return written(run, target, Work(range(shares), [1] * shares, "parts"), make)


ROWS_READ = 8_192
"""Rows that a stream holds at once, so that memory does not grow with how long their texts are."""


def written_from_stream(
    run: JobRun,
    reads: Reads,
    target: Table,
    make: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.Table]],
    rows_a_task: int,
) -> list[WrittenFile]:
    """Files of the tables that `make` yields of all rows of a task, hour by hour; both have event_hour.

    There is a task for each `rows_a_task`, up to those of the run; what is counted as done is rows.
    """
    lake = run.lake
    by_hour = lake.files_by_hour(reads.table, run.interval.hours)
    if not by_hour:
        return []
    items = [(hour, [file.path for file in files]) for hour, files in by_hour.items()]
    count = sum(file.num_records for files in by_hour.values() for file in files)

    def rows(items: Iterator[tuple[str, Sequence[str]]]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for hour, paths in items:
            for batch in lake.read_batches(reads.table, paths, reads.columns, reads.dictionaries, rows=ROWS_READ):
                yield batch.append_column(HOUR_COLUMN, pa.repeat(hour, batch.num_rows))

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        writer = lake.writer(target)
        for made in make(rows(items_of(batches))):
            writer.write_by_hour(made)
        yield pa.RecordBatch.from_pydict({"manifest": [file.to_json() for file in writer.close()]})

    work = Work(items, [_bytes(files) for files in by_hour.values()], "hours")
    shares = shared_out(run.spark, work, min(run.tasks, 1 + count // rows_a_task))
    progress.begin(count, reads.table.name, counts_rows=True)
    return [WrittenFile.from_json(row.manifest) for row in shares.mapInArrow(write, MANIFEST_SCHEMA).collect()]


STRETCH_HOURS = 24
"""Hours that a task makes at once, so that the hours they look back on are read once."""


def written_by_stretch(
    run: JobRun, reads: Reads, target: Table, make: Callable[[pa.Table, Sequence[str]], pa.Table | None]
) -> list[WrittenFile]:
    """Files of what `make` returns for stretches of consecutive hours: their rows with event_hour, or None.

    `make` gets the rows of the hours and of those that `target` looks back on, and the hours; its rows must not depend on
    how many hours are requested at once.
    """
    lake = run.lake
    schema = columns_schema(reads.table, reads.columns)

    def of_stretch(item: tuple[str, str, Sequence[str]]) -> pa.Table | None:
        import pyarrow as pa

        first, last, paths = item
        window = Interval.spanning(first, last).widened(hours_before=target.trailing_hours).hours
        batches = lake.read_batches(reads.table, paths, reads.columns, hours=window)
        return make(pa.Table.from_batches(batches, schema), Interval.spanning(first, last).hours)

    by_hour = lake.files_by_hour(reads.table, run.interval.widened(hours_before=target.trailing_hours).hours)
    items, weights = [], []
    for hours in _stretches(run.interval.hours, target):
        if not any(hour in by_hour for hour in hours):
            continue
        window = Interval.spanning(hours[0], hours[-1]).widened(hours_before=target.trailing_hours)
        files = list(dict.fromkeys(file for hour in window.hours for file in by_hour.get(hour, ())))
        items.append((hours[0], hours[-1], [file.path for file in files]))
        weights.append(_bytes(files))
    return written(run, target, Work(items, weights, "months" if target.is_by_month else "days"), of_stretch)


def _stretches(hours: Sequence[str], target: Table) -> Iterator[Sequence[str]]:
    """Days of consecutive hours; where the target's files hold months, whole months, so that one task writes each."""
    if target.is_by_month:
        yield from (list(of_month) for _, of_month in groupby(hours, target.partition_of))
        return
    for number in range(0, len(hours), STRETCH_HOURS):
        yield hours[number : number + STRETCH_HOURS]


def written(run: JobRun, target: Table, work: Work, make: Callable[[Any], pa.Table | None]) -> list[WrittenFile]:
    """Files of `target`, not committed yet, with the rows that tasks make of each item."""
    if not work.items:
        return []
    lake = run.lake

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        writer = lake.writer(target)
        for item in items_of(batches):
            rows = make(item)
            if rows is not None:
                writer.write_closed(rows)
        yield pa.RecordBatch.from_pydict({"manifest": [file.to_json() for file in writer.close()]})

    manifests = shared_out(run.spark, work, run.tasks).mapInArrow(write, MANIFEST_SCHEMA).collect()
    return [WrittenFile.from_json(row.manifest) for row in manifests]


def _bytes(files: Sequence[ActiveFile]) -> int:
    return sum(file.size_bytes for file in files)
