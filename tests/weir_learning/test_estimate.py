"""Estimates without outcomes: whether they hold what comes out, and whether they are called what they are."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from weir_learning.estimate import EstimateError, LossModel, cbpe
from weir_learning.figures import classifier_figures


def calibrated(seed: int, n: int, skew: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and outcomes that follow them."""
    random = np.random.default_rng(seed)
    probabilities = random.beta(0.3, skew, n)
    return probabilities, random.uniform(size=n) < probabilities


@pytest.mark.parametrize("n", [150, 3_000])
def test_bounds_hold_what_comes_out(n: int) -> None:
    held = dict.fromkeys(("accuracy", "precision", "recall", "f1"), 0)
    for seed in range(100):
        probabilities, outcomes = calibrated(seed, n)
        estimates = {one.name: one for one in cbpe(probabilities, probabilities > 0.5)}
        for figure in classifier_figures(outcomes, probabilities > 0.5):
            one = estimates[figure.name]
            held[figure.name] += one.low - 1e-9 <= figure.value <= one.high + 1e-9
    assert all(stats.binomtest(count, 100, 0.95).pvalue > 1e-3 or count > 95 for count in held.values()), held


def test_a_worse_population_is_seen_without_outcomes() -> None:
    easy, hard = calibrated(1, 5_000, skew=0.3)[0], np.full(5_000, 0.6)
    precision = [cbpe(p, p > 0.5)[1] for p in (easy, hard)]
    assert precision[0].low > precision[1].high
    assert precision[1].value == pytest.approx(0.6)


def test_few_rows_are_summed_exactly() -> None:
    """Of one row with probability .5 accuracy is 0 or 1."""
    accuracy = cbpe([0.5], [True])[0]
    assert (accuracy.value, accuracy.low, accuracy.high) == (0.5, 0.0, 1.0)


def test_nothing_called_positive_has_no_precision() -> None:
    accuracy, precision, recall, f1 = cbpe([0.1, 0.2], [False, False])
    assert math.isnan(precision.value) and math.isnan(precision.low)
    assert accuracy.value == pytest.approx(0.85)
    assert recall.value == 0.0 == f1.value


@pytest.mark.parametrize(("p", "called"), [([1.2], [True]), ([math.nan], [True]), ([], []), ([0.5], [True, False])])
def test_what_cannot_be_estimated_is_refused(p: list[float], called: list[bool]) -> None:
    with pytest.raises(EstimateError):
        cbpe(p, called)


def rows_with_losses(seed: int, low: float, n: int = 1_500) -> tuple[pd.DataFrame, np.ndarray]:
    """Losses that grow with an input, from `low` on."""
    random = np.random.default_rng(seed)
    load = random.uniform(low, 1, n)
    return pd.DataFrame({"load": load, "predicted": 3 * load}), np.abs(random.normal(size=n)) * (0.5 + 2 * load)


def test_a_loss_that_inputs_predict_is_estimated() -> None:
    held = 0
    for seed in range(5):
        model = LossModel.fitted(
            *rows_with_losses(seed, 0.0)[:1], ("load", "predicted"), rows_with_losses(seed, 0.0)[1]
        )
        rows, losses = rows_with_losses(100 + seed, 0.6, 600)
        one = model.estimated(rows)
        held += one.low <= losses.mean() <= one.high
        assert one.value > 1.3 * rows_with_losses(seed, 0.0)[1].mean()
    assert held >= 4


def test_an_estimate_says_that_it_is_one() -> None:
    rows, losses = rows_with_losses(1, 0.0, 200)
    one = LossModel.fitted(rows, ("load",), losses).estimated(rows)
    assert one.is_estimate and one.method == "DLE" and not one.higher_is_better
    assert {estimate.method for estimate in cbpe([0.5], [True])} == {"CBPE"}
    with pytest.raises(FrozenInstanceError):
        one.is_estimate = False  # type: ignore[misc, assignment]


def test_the_same_rows_give_the_same_estimate() -> None:
    rows, losses = rows_with_losses(2, 0.0, 200)
    assert LossModel.fitted(rows, ("load",), losses).estimated(rows) == LossModel.fitted(
        rows, ("load",), losses
    ).estimated(rows)


def test_unknown_losses_are_left_out() -> None:
    rows, losses = rows_with_losses(3, 0.0, 400)
    with pytest.raises(EstimateError, match="there are 99"):
        LossModel.fitted(rows, ("load",), np.where(np.arange(400) < 99, losses, np.nan))


def test_a_loss_model_without_its_input_is_refused() -> None:
    rows, losses = rows_with_losses(4, 0.0, 400)
    with pytest.raises(EstimateError, match="no absent"):
        LossModel.fitted(rows, ("load", "absent"), losses)
    with pytest.raises(EstimateError, match="at least 0"):
        LossModel.fitted(rows, ("load",), -losses)
    with pytest.raises(EstimateError, match="no rows"):
        LossModel.fitted(rows, ("load",), losses).estimated(rows[:0])
