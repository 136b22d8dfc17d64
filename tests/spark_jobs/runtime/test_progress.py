"""How far a job is."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from spark_jobs.incremental.task_shares import items_of
from spark_jobs.runtime import progress


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    progress.end()


def test_items_count_once_they_are_done() -> None:
    progress.begin(3, "objects")
    items = items_of(iter([pa.RecordBatch.from_pydict({"items": ["[1, 2]", "[3]"]})]))
    assert [next(items), next(items)] == [1, 2]
    assert progress.now() == progress.Progress(1, 3, "objects")
    assert list(items) == [3]
    assert progress.now() == progress.Progress(3, 3, "objects")


def test_only_the_counted_unit_counts() -> None:
    progress.begin(100, "requests", counts_rows=True)
    progress.item_done()
    progress.rows_done(60)
    assert progress.now() == progress.Progress(60, 100, "requests", counts_rows=True)


def test_done_never_exceeds_the_total() -> None:
    progress.begin(2, "files")
    for _ in range(4):
        progress.item_done()
    assert progress.now() == progress.Progress(2, 2, "files")


def test_nothing_counts_after_the_end() -> None:
    progress.begin(2, "files")
    progress.end()
    progress.item_done()
    progress.rows_done(5)
    assert progress.now() is None
