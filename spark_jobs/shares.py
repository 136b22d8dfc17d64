"""Work that tasks fetch for themselves: items spread over tasks by weight; tables made hour by hour, or share by share.

The engine only says which task does what. A task reads its files and writes the result's, so no row crosses the boundary
between engine and Python, and no task holds more than one hour, or one share, at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN, Interval
from spark_jobs.lake import MANIFEST_SCHEMA, WrittenFile

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.contract import Table
    from spark_jobs.lake import Lake


def shared_out(spark: SparkSession, items: Sequence[Any], weights: Sequence[int], tasks: int) -> DataFrame:
    """A frame with one row a task, of about the same weight each; `items` are plain JSON values, in their order."""
    shares: list[list[int]] = [[] for _ in range(min(tasks, len(items)))]
    loads = [0] * len(shares)
    for number in sorted(range(len(items)), key=lambda number: (-weights[number], number)):
        lightest = loads.index(min(loads))
        shares[lightest].append(number)
        loads[lightest] += weights[number]
    rows = [(json.dumps([items[number] for number in sorted(share)]),) for share in shares]
    return spark.createDataFrame(rows, "items string").repartition(len(rows))


def items_of(batches: Iterator[pa.RecordBatch]) -> Iterator[Any]:
    """In a task: its items."""
    for batch in batches:
        for text in batch.column(0).to_pylist():
            yield from json.loads(text)


def written_by_hour(
    spark: SparkSession,
    lake: Lake,
    interval: Interval,
    source: Table,
    target: Table,
    make: Callable[[Iterator[pa.RecordBatch]], pa.Table | None],
    *,
    columns: Sequence[str],
    dictionaries: Sequence[str] = (),
    tasks: int = 4,
) -> list[WrittenFile]:
    """`make` on the rows of each hour of `source`, as files of `target` that nobody reads before a commit.

    `dictionaries` names the columns of texts that `make` gets as dictionaries.
    """
    held = lake.files_by_hour(source, interval.hours)
    if not held:
        return []

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        writer = lake.writer(target)
        for hour, paths in items_of(batches):
            made = make(lake.read_batches(source, paths, columns, dictionaries))
            if made is not None:
                writer.write(made, hour)
                writer.close_all()
        yield pa.RecordBatch.from_pydict({"manifest": [file.to_json() for file in writer.close()]})

    items = [(hour, [file.path for file in files]) for hour, files in held.items()]
    weights = [sum(file.size_bytes for file in files) for files in held.values()]
    rows = shared_out(spark, items, weights, tasks).mapInArrow(write, MANIFEST_SCHEMA).collect()
    return [WrittenFile.from_json(row.manifest) for row in rows]


def written_by_share(
    spark: SparkSession, lake: Lake, target: Table, make: Callable[[int], pa.Table], shares: int
) -> list[WrittenFile]:
    """What `make` gives for each share, with `event_hour`, as files of `target` that nobody reads before a commit."""

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        import pyarrow.compute as pc

        writer = lake.writer(target)
        for share in items_of(batches):
            made = make(share)
            for hour in sorted(pc.unique(made[HOUR_COLUMN]).to_pylist()):
                writer.write(made.filter(pc.equal(made[HOUR_COLUMN], hour)), hour)
                writer.close_all()  # else all hours would be held once more
        yield pa.RecordBatch.from_pydict({"manifest": [file.to_json() for file in writer.close()]})

    rows = shared_out(spark, range(shares), [1] * shares, shares).mapInArrow(write, MANIFEST_SCHEMA).collect()
    return [WrittenFile.from_json(row.manifest) for row in rows]


STRETCH_HOURS = 24
"""Hours that a task makes at once where they look back: what they look back on is read once for all of them."""


def written_by_stretch(
    spark: SparkSession,
    lake: Lake,
    interval: Interval,
    source: Table,
    target: Table,
    make: Callable[[pa.Table, Sequence[str]], pa.Table | None],
    *,
    columns: Sequence[str],
    tasks: int = 4,
) -> list[WrittenFile]:
    """`make` on the rows of some hours of `source` and of those that `target` looks back on, as files of `target`.

    `make` gets consecutive hours and returns their rows with event_hour; its rows must not depend on how many hours it
    is asked for. Nobody reads the files before a commit.
    """
    held = lake.files_by_hour(source, interval.widened(hours_before=target.trailing_hours).hours)

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from spark_jobs.lake import arrow_schema

        whole = arrow_schema(source)
        schema = pa.schema([whole.field(name) for name in columns])
        writer = lake.writer(target)
        for hours, paths in items_of(batches):
            rows = pa.Table.from_batches(list(lake.read_batches(source, paths, columns)), schema)
            made = make(rows, hours)
            if made is not None:
                writer.write_by_hour(made)
                writer.close_all()
        yield pa.RecordBatch.from_pydict({"manifest": [file.to_json() for file in writer.close()]})

    items, weights = [], []
    for number in range(0, len(interval.hours), STRETCH_HOURS):
        hours = interval.hours[number : number + STRETCH_HOURS]
        if not any(hour in held for hour in hours):
            continue
        back = Interval.spanning(hours[0], hours[-1]).widened(hours_before=target.trailing_hours)
        files = [file for hour in back.hours for file in held.get(hour, ())]
        items.append((hours, [file.path for file in files]))
        weights.append(sum(file.size_bytes for file in files))
    if not items:
        return []
    rows = shared_out(spark, items, weights, tasks).mapInArrow(write, MANIFEST_SCHEMA).collect()
    return [WrittenFile.from_json(row.manifest) for row in rows]
