"""Batches are merged by rows and bytes; none is lost, none is larger than its bound but a single row."""

from __future__ import annotations

import pyarrow as pa
import pytest

from spark_jobs.storage.batches import Bounds, merged


def batch(*texts: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"text": list(texts)})


def test_small_batches_are_merged_up_to_the_rows() -> None:
    tables = list(merged([batch("a"), batch(), *[batch("b", "c")] * 3], Bounds(3, 1 << 20, 1 << 20), ["text"]))
    assert [table["text"].to_pylist() for table in tables] == [["a", "b", "c"], ["b", "c", "b", "c"]]


@pytest.mark.parametrize("bounds", [Bounds(1_000, 100_000, 1 << 30), Bounds(1_000, 1 << 30, 100_000)])
def test_large_rows_come_in_small_tables(bounds: Bounds) -> None:
    texts = [f"{number}" * 8_000 for number in range(100)]
    batches = [batch(*texts[:60]), batch(*texts[60:])]
    tables = list(merged(batches, bounds, ["text"]))
    assert [text for table in tables for text in table["text"].to_pylist()] == texts
    assert max(sum(len(text) for text in table["text"].to_pylist()) for table in tables) < 220_000
    assert [table.num_rows for table in merged([batch("x" * 9_000)], Bounds(10, 100, 100), ["text"])] == [1]


def test_repeated_texts_count_once_a_batch() -> None:
    repeated = batch(*["x" * 1_000] * 100)
    bounds = Bounds(1_000, 1 << 30, 5_000)
    assert [table.num_rows for table in merged([repeated] * 3, bounds, ["text"])] == [300]
    assert [table.num_rows for table in merged([repeated] * 3, Bounds(1_000, 150_000, 5_000), ["text"])] == [200, 100]
    assert [table.num_rows for table in merged([repeated] * 8, bounds, ["text"])] == [500, 300]


def test_dictionaries_are_counted_and_split_by_the_texts_that_occur() -> None:
    texts = [f"{number}" * 8_000 for number in range(100)]
    column = pa.DictionaryArray.from_arrays(pa.array([*range(100), None], pa.int32()), pa.array(texts))
    coded = pa.RecordBatch.from_arrays([column], ["text"])
    tables = list(merged([coded], Bounds(1_000, 1 << 30, 100_000), ["text"]))
    assert [text for table in tables for text in table["text"].to_pylist()] == [*texts, None]
    held = [sum(len(text) for text in chunk.dictionary.to_pylist()) for t in tables for chunk in t["text"].chunks]
    assert len(tables) > 5 and max(held) < 220_000
    one = coded.slice(0, 1)  # its dictionary holds all the others, too
    assert [table.num_rows for table in merged([one] * 6, Bounds(1_000, 1 << 30, 100_000), ["text"])] == [6]
