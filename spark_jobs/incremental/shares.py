"""Work that tasks fetch for themselves: items spread over tasks by weight; tables made hour by hour, or share by share.

The engine only says which task does what. A task reads its files and writes the result's, so no row crosses the boundary
between engine and Python, and no task holds more than one hour, or one share, at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN, Interval
from spark_jobs.storage.writer import MANIFEST_SCHEMA, WrittenFile

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.contract import Table
    from spark_jobs.storage.lake import Lake


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
    """`make` on the rows of each hour of `source`; it returns rows of that hour with event_hour, or None.

    `dictionaries` names the columns of texts that `make` gets as dictionaries.
    """

    def of_hour(paths: Sequence[str]) -> pa.Table | None:
        return make(lake.read_batches(source, paths, columns, dictionaries))

    held = lake.files_by_hour(source, interval.hours)
    items = [[file.path for file in files] for files in held.values()]
    weights = [sum(file.size_bytes for file in files) for files in held.values()]
    return _written(spark, lake, target, items, weights, tasks, of_hour)


def written_by_share(
    spark: SparkSession, lake: Lake, target: Table, make: Callable[[int], pa.Table], shares: int
) -> list[WrittenFile]:
    """What `make` gives for each share, with event_hour."""
    return _written(spark, lake, target, range(shares), [1] * shares, shares, make)


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
    """`make` on the rows of some hours of `source` and of those that `target` looks back on.

    `make` gets consecutive hours and returns their rows with event_hour, or None; its rows must not depend on how many
    hours it is asked for.
    """

    def of_stretch(item: tuple[Sequence[str], Sequence[str]]) -> pa.Table | None:
        import pyarrow as pa

        from spark_jobs.storage.schema import arrow_schema

        hours, paths = item
        whole = arrow_schema(source)
        schema = pa.schema([whole.field(name) for name in columns])
        return make(pa.Table.from_batches(list(lake.read_batches(source, paths, columns)), schema), hours)

    held = lake.files_by_hour(source, interval.widened(hours_before=target.trailing_hours).hours)
    items, weights = [], []
    for number in range(0, len(interval.hours), STRETCH_HOURS):
        hours = interval.hours[number : number + STRETCH_HOURS]
        if not any(hour in held for hour in hours):
            continue
        back = Interval.spanning(hours[0], hours[-1]).widened(hours_before=target.trailing_hours)
        files = [file for hour in back.hours for file in held.get(hour, ())]
        items.append((hours, [file.path for file in files]))
        weights.append(sum(file.size_bytes for file in files))
    return _written(spark, lake, target, items, weights, tasks, of_stretch)


def _written(
    spark: SparkSession,
    lake: Lake,
    target: Table,
    items: Sequence[Any],
    weights: Sequence[int],
    tasks: int,
    make: Callable[[Any], pa.Table | None],
) -> list[WrittenFile]:
    """The rows of each item, made and written by a task, as files of `target` that nobody reads before a commit."""
    if not items:
        return []

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        import pyarrow.compute as pc

        writer = lake.writer(target)
        for item in items_of(batches):
            made = make(item)
            if made is None:
                continue
            for hour in sorted(pc.unique(made[HOUR_COLUMN]).to_pylist()):
                writer.write(made.filter(pc.equal(made[HOUR_COLUMN], hour)), hour)
                writer.close_all()  # else all hours would be held once more
        yield pa.RecordBatch.from_pydict({"manifest": [file.to_json() for file in writer.close()]})

    rows = shared_out(spark, items, weights, tasks).mapInArrow(write, MANIFEST_SCHEMA).collect()
    return [WrittenFile.from_json(row.manifest) for row in rows]
