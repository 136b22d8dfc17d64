"""Batches are merged by rows and bytes; none is lost, none is larger than its bound but a single row."""

from __future__ import annotations

import pyarrow as pa

from spark_jobs.storage.batches import merged


def batch(*texts: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"text": list(texts)})


def test_small_batches_are_merged_up_to_the_rows() -> None:
    tables = list(merged([batch("a"), batch(), *[batch("b", "c")] * 3], 3, 1 << 20))
    assert [table["text"].to_pylist() for table in tables] == [["a", "b", "c"], ["b", "c", "b", "c"]]


def test_large_rows_come_in_small_tables() -> None:
    texts = [f"{number}" * 8_000 for number in range(100)]
    tables = list(merged([batch(*texts[:60]), batch(*texts[60:])], 1_000, 100_000))
    assert [text for table in tables for text in table["text"].to_pylist()] == texts
    assert max(sum(len(text) for text in table["text"].to_pylist()) for table in tables) < 220_000
    assert [table.num_rows for table in merged([batch("x" * 9_000)], 10, 100)] == [1]
