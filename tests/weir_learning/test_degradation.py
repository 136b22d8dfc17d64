"""Outcomes beside a version's first: how often an unchanged version is called worse, and what is found."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from weir_learning.bounded import upper_bound
from weir_learning.degradation import BASELINE_UNITS, LOSSES, Degradation, losses


def looked_at(random: np.random.Generator, first: float, then: float, looks: int = 40) -> bool:
    """Whether a version with such shares of wrong outcomes is ever called worse, looked at after each ten."""
    test = Degradation().updated(random.random(BASELINE_UNITS) < first)
    for _ in range(looks):
        test = test.updated(random.random(10) < then)
    return test.is_worse


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.5])
def test_a_version_that_stays_is_rarely_called_worse(rate: float) -> None:
    random = np.random.default_rng(1)
    assert sum(looked_at(random, rate, rate) for _ in range(200)) <= 10, "5 % of 200"


@pytest.mark.parametrize(("first", "then"), [(0.02, 0.4), (0.2, 0.6), (0.1, 0.5)])
def test_a_version_that_falls_is_found(first: float, then: float) -> None:
    random = np.random.default_rng(2)
    assert sum(looked_at(random, first, then) for _ in range(40)) >= 36


def test_better_is_never_worse() -> None:
    random = np.random.default_rng(3)
    assert not any(looked_at(random, 0.4, 0.1) for _ in range(40))


def test_the_baseline_comes_first_and_parts_are_as_the_whole() -> None:
    values = np.random.default_rng(4).random(200)
    whole = Degradation().updated(values)
    parts = Degradation()
    for part in np.split(values, [7, 49, 51, 120]):
        parts = Degradation.from_state(json.loads(json.dumps(parts.updated(part).state())))
    assert parts.baseline == whole.baseline == tuple(values[:BASELINE_UNITS])
    assert parts.later is not None and whole.later is not None
    assert parts.later.n == whole.later.n == 150 and parts.later.mean == pytest.approx(whole.later.mean)
    few = Degradation().updated(values[:10])
    assert few.later is None and not few.is_worse and "10 of 50 outcomes" in few.sentence


def test_losses_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="within 0 and 1"):
        Degradation().updated([1.2])
    with pytest.raises(ValueError, match="mae has no loss"):
        losses("mae", pd.DataFrame(), [])


@pytest.mark.parametrize("mean", [0.01, 0.3, 0.9])
def test_the_upper_bound_holds_and_gets_closer(mean: float) -> None:
    random = np.random.default_rng(5)
    bounds = [upper_bound(random.random(100) < mean, 0.05) for _ in range(200)]
    assert np.mean(np.array(bounds) < mean) <= 0.05
    assert upper_bound(random.random(5_000) < mean, 0.05) < mean + 0.06
    assert upper_bound([], 0.05) == 1.0


def test_losses_are_means_of_units_where_a_row_bears_on_the_figure() -> None:
    rows = pd.DataFrame({"truth": [True, True, False, False], "predicted": [True, False, True, False]})
    units = ["a", "b", "b", "c"]
    assert losses("accuracy", rows, units).tolist() == [0.0, 1.0, 0.0]
    assert losses("precision", rows, units).tolist() == [0.0, 1.0], "c was not flagged"
    assert losses("recall", rows, units).tolist() == [0.0, 1.0]
    loads = pd.DataFrame(
        {
            "truth": [10.0, 10.0, 10.0, 10.0],
            "predicted": [11.0, 10.0, 40.0, np.nan],
            "persistence": [13.0, 10.0, 10.0, 1.0],
            "low": [9.0, 9.0, 11.0, np.nan],
            "high": [12.0, 12.0, 50.0, np.nan],
        }
    )
    assert losses("mae_relative_to_persistence", loads, list("abcd")).tolist() == [0.25, 0.5, 1.0]
    assert losses("coverage", loads, list("abcd")).tolist() == [0.0, 0.0, 1.0]
    assert set(LOSSES) == {"accuracy", "precision", "recall", "coverage", "mae_relative_to_persistence"}
