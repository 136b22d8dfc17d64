"""Parquet with a column per metric -> its columns."""

from __future__ import annotations

from io import BytesIO

import pyarrow as pa

from spark_jobs.sources.metrics.content import FilesError
from spark_jobs.sources.metrics.file_columns import FileColumns, column_name, encodable, with_time_column


def parquet_columns(data: bytes, name: str) -> FileColumns:
    """Columns of a Parquet file; its lines are row numbers from 1. FilesError."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(BytesIO(data))
    except (pa.ArrowException, OSError):
        raise FilesError(f"{name} is damaged Parquet; write it again.", "corrupt_parquet") from None
    columns = {column_name(column): table[column] for column in table.column_names}
    titles = {column_name(column): encodable(column).strip() for column in table.column_names}
    numbers = pa.array(range(1, table.num_rows + 1), pa.int64())
    return FileColumns(name, with_time_column(columns), numbers, titles=titles)
