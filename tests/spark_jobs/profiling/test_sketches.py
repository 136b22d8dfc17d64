"""Sketches of texts: drawn at random from whole hours, added up over files, and never a text."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from spark_jobs.profiling.bins import Bins
from spark_jobs.profiling.counts import Counts
from spark_jobs.profiling.texts import BUCKETS, GROUP_TEXTS, GROUPS, N_GRAMS, SHAPE, drawn_rows, sketch_of


@pytest.mark.parametrize(
    ("rows", "groups"), [(GROUP_TEXTS - 1, 0), (GROUP_TEXTS, 1), (3 * GROUP_TEXTS + 5, 3), (100_000, GROUPS)]
)
def test_whole_groups_are_drawn_over_all_files(rows: int, groups: int) -> None:
    files = [("a", {7: rows // 3}), ("b", {7: rows - rows // 3, 9: 1})]
    drawn = drawn_rows(files)
    found = [(path, place, group) for path in drawn for place, group in zip(*drawn[path].get(7, ([], [])), strict=True)]
    assert len(set(found)) == groups * GROUP_TEXTS == len({(path, place) for path, place, _ in found})
    assert all(place < dict(files)[path][7] for path, place, _ in found)
    assert np.bincount([group for *_, group in found], minlength=0).tolist() == [GROUP_TEXTS] * groups
    assert drawn == drawn_rows(files), "the same files, the same rows"
    assert 9 not in drawn["b"]


def test_each_part_of_an_hour_is_drawn_alike() -> None:
    places, groups = drawn_rows([("a", {0: 10_000})])["a"][0]
    assert abs(np.mean(places) - 5_000) < 700 and abs(np.corrcoef(places, groups)[0, 1]) < 0.25


def test_a_sketch_counts_every_gram_once() -> None:
    texts, groups = ["/index.html", None, "", "é", "a" * 9], np.array([0, 0, 1, 2, 3])
    sketch = sketch_of(pa.array(texts), groups)
    sizes = [len((text or "").encode()) for text in texts]
    expected = np.zeros(GROUPS, dtype=int)
    for size, group in zip(sizes, groups, strict=True):
        expected[group] += sum(max(size - n + 1, 0) for n in N_GRAMS)
    assert sketch.sum(axis=1).tolist() == expected.tolist()
    assert (sketch[3] > 0).sum() == len(N_GRAMS), "one gram of each length, again and again"


def test_sketches_of_parts_add_up() -> None:
    texts = pa.array([f"/page/{n}?q={n * n}" for n in range(60)])
    groups = np.arange(60) % GROUPS
    whole = sketch_of(texts, groups)
    parts = sketch_of(texts.slice(0, 25).dictionary_encode(), groups[:25]) + sketch_of(texts.slice(25), groups[25:])
    assert whole.tolist() == parts.tolist() and whole.shape == (GROUPS, BUCKETS)


def test_counts_go_through_json_without_a_text() -> None:
    bins, secret = Bins("path", "text", edges=(3.0,)), "/reset?token=b1946ac92492d2347c6235b4d2611184"
    counts = Counts.none(bins)
    counts.add(5, np.array([1, 2, 0]))
    counts.add_sketch(5, sketch_of(pa.array([secret] * GROUP_TEXTS), np.zeros(GROUP_TEXTS, dtype=int)))
    text = json.dumps(counts.to_json())
    again = Counts.from_json(text)
    assert again.values.tolist() == counts.values.tolist() and again.hours == [5]
    assert again.sketch is not None and counts.sketch is not None and (again.sketch == counts.sketch).all()
    assert again.sketch.shape == SHAPE and "token" not in text and "reset" not in text


def test_counts_of_all_hours_together_are_read() -> None:
    assert Counts.from_json("[1, 2, 3]").values.tolist() == [[1, 2, 3]]


def test_an_hour_of_ids_counts_each_once() -> None:
    bins = Bins("cluster", "id")
    one, two = Counts.none(bins), Counts.none(bins)
    one.values[3, 8] = two.values[3, 8] = 5
    assert Counts.total(bins, (one, two)).values.sum() == 1
    assert Counts.from_json(json.dumps(one.to_json())).values[3, 8] == 5
