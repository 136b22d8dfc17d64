"""Arrow batches inside a task; texts may be dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Bounds:
    """Where a table of merged batches ends: at so many rows, bytes, or bytes of distinct texts, whichever comes first.

    The two numbers of bytes may be exceeded by a single row and by what lies within one more batch.
    """

    rows: int
    max_bytes: int
    max_distinct_bytes: int


def merged(batches: Iterable[pa.RecordBatch], bounds: Bounds, texts: Sequence[str]) -> Iterator[pa.Table]:
    """The rows in tables that end at the bounds, except for the last; empty batches are dropped.

    `texts` are the columns whose distinct values count; what is distinct in one batch counts again in the next.
    """
    import pyarrow as pa

    pending: list[pa.RecordBatch] = []
    count = size = distinct = 0
    for batch in batches:
        for part, distinct_of_part in _parts(batch, bounds, texts):
            pending.append(part)
            count, size, distinct = count + part.num_rows, size + part.nbytes, distinct + distinct_of_part
            if count >= bounds.rows or size >= bounds.max_bytes or distinct >= bounds.max_distinct_bytes:
                yield pa.Table.from_batches(pending)
                pending, count, size, distinct = [], 0, 0, 0
    if pending:
        yield pa.Table.from_batches(pending)


def _parts(batch: pa.RecordBatch, bounds: Bounds, texts: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, int]]:
    """The batch in halves of halves, until none but single rows is larger, each with its bytes of distinct texts."""
    if not batch.num_rows:
        return
    distinct = sum(_distinct(batch.column(name)).nbytes for name in texts)
    if batch.num_rows > 1 and (batch.nbytes > bounds.max_bytes or distinct > bounds.max_distinct_bytes):
        half = batch.num_rows // 2
        yield from _parts(_sliced(batch, 0, half), bounds, texts)
        yield from _parts(_sliced(batch, half, batch.num_rows - half), bounds, texts)
    else:
        yield batch, distinct


def _distinct(column: pa.Array) -> pa.Array:
    """The distinct texts of a column; of a dictionary those that occur."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        return column.dictionary.take(column.indices.unique())
    return column.unique()


def _sliced(batch: pa.RecordBatch, start: int, length: int) -> pa.RecordBatch:
    """Some rows, with dictionaries that hold no other texts than theirs."""
    import pyarrow as pa

    columns = [
        column.cast(column.type.value_type).dictionary_encode() if pa.types.is_dictionary(column.type) else column
        for column in batch.slice(start, length).columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
