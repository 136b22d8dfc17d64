"""Bins and counts of columns: counts of parts add up, every value is counted once, whatever the type."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.profiling.bins import MOST_CATEGORIES, Bins, bins_of, counts_of

NUMBERS = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, float("nan")])), max_size=60)
TEXTS = st.lists(st.one_of(st.none(), st.sampled_from("abc"), st.text(max_size=30)), max_size=60)


@given(NUMBERS, NUMBERS)
def test_counts_of_parts_add_up_for_numbers(one: list[float | None], two: list[float | None]) -> None:
    bins = bins_of("x", pa.array(one, pa.float64()))
    parts = np.sum([counts_of(bins, pa.array(part, pa.float64())) for part in (one, two)], axis=0)
    assert parts.tolist() == counts_of(bins, pa.array([*one, *two], pa.float64())).tolist()
    assert parts.sum() == len(one) + len(two), "every value is in one bin"


@given(TEXTS, TEXTS)
def test_counts_of_parts_add_up_for_texts(one: list[str | None], two: list[str | None]) -> None:
    bins = bins_of("x", pa.array(one, pa.string()))
    encoded = [pa.array(part, pa.string()).dictionary_encode() for part in (one, two)]
    whole = counts_of(bins, pa.array([*one, *two], pa.string()))
    parts = np.sum([counts_of(bins, part) for part in encoded], axis=0)
    assert parts.tolist() == whole.tolist() and whole.sum() == len(one) + len(two)
    assert Bins.from_json(json.loads(json.dumps(bins.to_json()))) == bins


def test_deciles_hold_a_tenth_each() -> None:
    values = pa.array(np.random.default_rng(1).normal(size=10_000))
    counts = counts_of(bins_of("x", values), values)
    assert len(counts) == 11 and counts[-1] == 0
    assert np.abs(counts[:-1] - 1000).max() <= 1


def test_ties_share_a_bin_and_no_bin_is_empty() -> None:
    values = pa.array([0] * 90 + [1] * 10)
    bins = bins_of("x", values)
    assert bins.edges == (0.0,) and counts_of(bins, values).tolist() == [90, 10, 0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([True, False, None, True]), "numeric"),
        (pa.array([datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(30)]), "numeric"),
        (pa.array([["a"], [], None, ["a", "b"]]), "numeric"),
        (pa.array([str(n) * (n % 7) for n in range(MOST_CATEGORIES * 3)]), "text"),
        (pa.array(["GET", "POST", "GET", None]), "categorical"),
        (pa.array([None, None], pa.string()), "text"),
        (pa.array([], pa.float64()), "numeric"),
    ],
)
def test_each_type_has_bins(values: pa.Array, kind: str) -> None:
    bins = bins_of("x", values)
    counts = counts_of(bins, values)
    assert bins.kind == kind and counts.sum() == len(values) and counts[-1] == values.null_count


def test_personal_texts_become_no_categories() -> None:
    bins = bins_of("x", pa.array(["10.0.0.1", "10.0.0.2"]), keeps_values=False)
    assert bins.kind == "text" and "10.0.0" not in json.dumps(bins.to_json())


def test_an_id_is_in_one_bucket_whatever_its_encoding() -> None:
    bins, values = Bins("x", "id"), pa.array(["web", "api", None, "web"])
    counts = counts_of(bins, values)
    assert counts.sum() == 3 and sorted(counts[counts > 0]) == [1, 2]
    assert counts_of(bins, values.dictionary_encode()).tolist() == counts.tolist()


def test_a_value_that_the_reference_lacks_is_among_the_others() -> None:
    bins = bins_of("x", pa.array(["GET", "POST"]))
    assert counts_of(bins, pa.array(["GET", "PATCH", None])).tolist() == [1, 0, 1, 1]
