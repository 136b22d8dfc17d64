"""A file with a column per metric -> one Arrow table: CSV, Parquet and JSON lines, recognized by content.

Pure pyarrow and standard library: no engine, no lake, no AWS. What the metrics of a monitoring system are called is
`mapping.py`'s, how samples become a grid `grid.py`'s; files of a person's own in any form are `series_files.py`'s.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute

from spark_jobs.sources.metrics.content import FilesError, stem
from spark_jobs.sources.metrics.csv_file import csv_columns
from spark_jobs.sources.metrics.file_columns import TIME_COLUMN, FileColumns, RejectedLine
from spark_jobs.sources.metrics.json_lines import json_columns
from spark_jobs.sources.metrics.parquet_file import parquet_columns
from spark_jobs.sources.metrics.times import LATEST_US
from spark_jobs.sources.metrics.typed import (
    CLUSTER_COLUMNS,
    LABEL_COLUMNS,
    FileContent,
    Key,
    by_metric,
    metric_columns,
    require,
    typed,
)


def read_metrics(data: bytes, name: str, latest: int = LATEST_US) -> FileContent:
    """The content of the file called `name`, whose series are clusters: any columns of numbers are their metrics.

    FilesError. A column that is left out, other than a truth that the file carries, is rejected by its name.
    """
    raw = by_metric(file_columns(data, name))
    require(raw, TIME_COLUMN)
    content = typed(raw, Key("cluster_id", CLUSTER_COLUMNS, stem(name)), metric_columns(raw), latest)
    left_out = [_left_out(raw, column) for column in content.ignored_columns if column not in LABEL_COLUMNS]
    return replace(content, rejected=(*filter(None, left_out), *content.rejected))


def file_columns(data: bytes, name: str) -> FileColumns:
    """The columns of a file called `name`, as it has them. FilesError."""
    if data.startswith(b"PAR1"):
        return parquet_columns(data, name)
    text = data.decode("utf-8-sig", "replace")
    if not text.strip():
        raise FilesError(f"{name} is empty; remove it or deliver it again.", "empty_object")
    return json_columns(text, name) if text.lstrip().startswith(("{", "[")) else csv_columns(text, name)


def _left_out(raw: FileColumns, column: str) -> RejectedLine | None:
    """The rejection of a column that holds anything and is no metric."""
    values = [value for value in pa.compute.unique(raw.columns[column]).to_pylist() if str(value or "").strip()]
    if not values:
        return None
    what = f"The column {raw.titles.get(column, column)!r}" if column else "A column without a name"
    advice = f"it has values such as {str(values[0])[:40]!r}; write finite numbers, or leave the column out"
    detail = f"{what} holds no numbers: {advice}." if column else f"{what} is no metric; name it."
    return RejectedLine(0, "not_a_metric", detail, metric=column or None)
