"""The job that counts columns: one pass over the files of a table, counts added up in each task and then in the driver."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN, Column, Table
from spark_jobs.incremental.task_shares import Work, items_of, shared_out
from spark_jobs.profiling.bins import Bins, counts_of
from spark_jobs.profiling.counts import Counts
from spark_jobs.profiling.texts import Drawn, drawn_rows, sketch_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from spark_jobs.main import JobRun
    from spark_jobs.storage.lake import Lake


def column_counts(run: JobRun) -> dict[str, Any]:
    """Counts of the columns of a table in the interval, by hour of the day.

    Parameters: `table` (`table_document`) and `bins` (`Bins.to_json`). Figures: rows, and `Counts.to_json` by column.
    """
    table = table_of(run.parameters["table"])
    bins = [Bins.from_json(values) for values in run.parameters["bins"]]
    parts = [Part.from_json(row) for row in _collected(run, table, bins)]
    return {
        "rows": sum(part.rows for part in parts),
        "counts": {
            one.name: Counts.total(one, (part.columns[number] for part in parts)).to_json()
            for number, one in enumerate(bins)
        },
    }


def _collected(run: JobRun, table: Table, bins: Sequence[Bins]) -> list[str]:
    """What the tasks counted, as JSON."""
    by_hour = run.lake.files_by_hour(table, run.interval.hours)
    files = list(dict.fromkeys(file for files in by_hour.values() for file in files))
    if not files:
        return []
    hours, lake = (run.interval.hours if table.is_by_month else None), run.lake
    drawn: dict[str, Drawn] = {}
    if any(one.kind == "text" for one in bins):
        requested = set(run.interval.hours)
        drawn = drawn_rows([(file.path, _by_hour_of_day(lake.hour_counts(table, file), requested)) for file in files])
    items = [[file.path, file.hour, list(drawn.get(file.path, {}).items())] for file in files]

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        yield pa.RecordBatch.from_pydict({"document": [counted(lake, table, items_of(batches), bins, hours).to_json()]})

    work = Work(items, [file.size_bytes for file in files], "files")
    return [
        row.document for row in shared_out(run.spark, work, run.tasks).mapInArrow(count, "document string").collect()
    ]


@dataclass
class Part:
    """What a task counted: rows, and the counts of each column."""

    rows: int
    columns: list[Counts]

    def to_json(self) -> str:
        return json.dumps([self.rows, [counts.to_json() for counts in self.columns]])

    @classmethod
    def from_json(cls, text: str) -> Part:
        rows, columns = json.loads(text)
        return cls(rows, [Counts.from_json(values) for values in columns])


def counted(
    lake: Lake,
    table: Table,
    items: Iterable[tuple[str, str | None, Sequence[tuple[int, Any]]]],
    bins: Sequence[Bins],
    hours: Sequence[str] | None,
) -> Part:
    """In a task: the counts of data files; one batch is in memory at a time.

    An item is a path, its hour where it holds only one, and its rows that are sketched (`Drawn`).
    """
    names = [one.name for one in bins]
    part = Part(0, [Counts.none(one) for one in bins])
    texts = [name for name in names if table.column(name).type == "string"]
    for path, hour, drawn in items:
        of_file, seen = dict(drawn), dict.fromkeys(range(24), 0)
        columns = names if hour else [*names, HOUR_COLUMN]
        for batch in lake.read_batches(table, [path], columns, texts, hours=hours):
            part.rows += batch.num_rows
            for hour_of_day, rows in _split(batch, hour):
                sample, groups = _in_batch(of_file.get(hour_of_day), seen[hour_of_day], rows.num_rows)
                seen[hour_of_day] += rows.num_rows
                for one, counts in zip(bins, part.columns, strict=True):
                    values = rows.column(one.name)
                    counts.add(hour_of_day, counts_of(one, values))
                    if one.kind == "text" and len(sample):
                        counts.add_sketch(hour_of_day, sketch_of(values.take(sample), groups))
    return part


def _split(batch: pa.RecordBatch, hour: str | None) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of each hour of the day."""
    import pyarrow.compute as pc

    if hour:
        yield _hour_of_day(hour), batch
        return
    hours = batch.column(HOUR_COLUMN)
    for name in pc.unique(hours).to_pylist():
        yield _hour_of_day(name), batch.filter(pc.equal(hours, name))


def _in_batch(drawn: tuple[list[int], list[int]] | None, start: int, size: int) -> tuple[Any, np.ndarray]:
    """Of the drawn rows those that are in a batch of `size` rows from `start` on, and their groups."""
    import numpy as np

    places, groups = (np.array(values, dtype=np.int64) for values in drawn or ([], []))
    inside = (places >= start) & (places < start + size)
    return places[inside] - start, groups[inside]


def _by_hour_of_day(rows: Mapping[str, int], requested: set[str]) -> dict[int, int]:
    found: dict[int, int] = {}
    for hour in sorted(rows.keys() & requested):
        found[_hour_of_day(hour)] = found.get(_hour_of_day(hour), 0) + rows[hour]
    return found


def _hour_of_day(hour: str) -> int:
    return int(hour[-2:])


def table_document(table: Table) -> dict[str, Any]:
    """What a task needs of a declaration, as JSON."""
    columns = [[column.name, column.type] for column in table.columns]
    return {"key": table.key, "columns": columns, "hourly": table.hourly, "partition": table.partition}


def table_of(document: Mapping[str, Any]) -> Table:
    """The inverse of `table_document`; without meanings."""
    columns = tuple(Column(name, kind, "") for name, kind in document["columns"])
    return Table(document["key"], "", "", columns, hourly=document["hourly"], partition=document["partition"])
