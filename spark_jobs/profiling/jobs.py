"""The job that counts columns: one pass over the files of a table, counts added up in each task and then in the driver."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import Column, Table
from spark_jobs.incremental.task_shares import Work, items_of, shared_out
from spark_jobs.profiling.bins import Bins, counts_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from spark_jobs.main import JobRun
    from spark_jobs.storage.lake import Lake


def column_counts(run: JobRun) -> dict[str, Any]:
    """Counts of the columns of a table in the interval.

    Parameters: `table` (`table_document`) and `bins` (`Bins.to_json`). Figures: rows, and counts, by column a list.
    """
    table = table_of(run.parameters["table"])
    bins = [Bins.from_json(values) for values in run.parameters["bins"]]
    by_hour = run.lake.files_by_hour(table, run.interval.hours)
    files = list(dict.fromkeys(file for files in by_hour.values() for file in files))
    hours, lake = (run.interval.hours if table.is_by_month else None), run.lake

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        rows, counts = counted(lake, table, list(items_of(batches)), bins, hours)
        document = {"rows": rows, "counts": {name: values.tolist() for name, values in counts.items()}}
        yield pa.RecordBatch.from_pydict({"document": [json.dumps(document)]})

    if not files:
        return {"rows": 0, "counts": {one.name: [0] * one.size for one in bins}}
    work = Work([file.path for file in files], [file.size_bytes for file in files], "files")
    parts = shared_out(run.spark, work, run.tasks).mapInArrow(count, "document string").collect()
    documents = [json.loads(row.document) for row in parts]
    return {
        "rows": sum(document["rows"] for document in documents),
        "counts": {
            one.name: [
                sum(values) for values in zip(*(document["counts"][one.name] for document in documents), strict=True)
            ]
            for one in bins
        },
    }


def counted(
    lake: Lake, table: Table, paths: Sequence[str], bins: Sequence[Bins], hours: Sequence[str] | None
) -> tuple[int, dict[str, np.ndarray]]:
    """In a task: the number of rows of data files, and the counts of their columns; one batch is in memory at a time."""
    import numpy as np

    counts = {one.name: np.zeros(one.size, dtype=np.int64) for one in bins}
    texts = [one.name for one in bins if table.column(one.name).type == "string"]
    rows = 0
    for batch in lake.read_batches(table, paths, list(counts), texts, hours=hours):
        rows += batch.num_rows
        for one in bins:
            counts[one.name] += counts_of(one, batch.column(one.name))
    return rows, counts


def table_document(table: Table) -> dict[str, Any]:
    """What a task needs of a declaration, as JSON."""
    columns = [[column.name, column.type] for column in table.columns]
    return {"key": table.key, "columns": columns, "hourly": table.hourly, "partition": table.partition}


def table_of(document: Mapping[str, Any]) -> Table:
    """The inverse of `table_document`; without meanings."""
    columns = tuple(Column(name, kind, "") for name, kind in document["columns"])
    return Table(document["key"], "", "", columns, hourly=document["hourly"], partition=document["partition"])
