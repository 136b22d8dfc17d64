"""Arrow batches inside a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def merged(batches: Iterable[pa.RecordBatch], rows: int, max_bytes: int) -> Iterator[pa.Table]:
    """The rows in tables of at least `rows` rows or about `max_bytes` bytes, except for the last; empty batches are dropped."""
    import pyarrow as pa

    pending: list[pa.RecordBatch] = []
    count = size = 0
    for batch in batches:
        for part in _parts(batch, max_bytes):
            pending.append(part)
            count, size = count + part.num_rows, size + part.nbytes
            if count >= rows or size >= max_bytes:
                yield pa.Table.from_batches(pending)
                pending, count, size = [], 0, 0
    if pending:
        yield pa.Table.from_batches(pending)


def _parts(batch: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """The batch in halves of halves, until none but single rows is larger."""
    if batch.num_rows > 1 and batch.nbytes > max_bytes:
        half = batch.num_rows // 2
        yield from _parts(batch.slice(0, half), max_bytes)
        yield from _parts(batch.slice(half), max_bytes)
    elif batch.num_rows:
        yield batch
