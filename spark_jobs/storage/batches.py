"""Arrow batches on their way through a task. What is made of them is in the modules that read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def merged(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Small batches put together to tables of at least so many rows, but for the last; empty ones are left out."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        if batch.num_rows:
            held.append(batch)
            count += batch.num_rows
        if count >= rows:
            yield pa.Table.from_batches(held)
            held, count = [], 0
    if held:
        yield pa.Table.from_batches(held)
