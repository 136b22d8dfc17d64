"""Figures with their intervals, beside scikit-learn's and beside what scipy says of shares."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from weir_learning.bootstrap import LEAST_BLOCKS, block_sums, bounds, p_value, resampled_sums, time_blocks
from weir_learning.figures import classifier_figures, regressor_figures, wilson


def labels(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.uniform(size=n) < 0.3
    return truth, np.where(random.uniform(size=n) < 0.15, ~truth, truth)


def test_classifier_figures_are_those_of_scikit_learn() -> None:
    truth, predicted = labels(1)
    found = {figure.name: figure.value for figure in classifier_figures(truth, predicted)}
    assert found == {
        "accuracy": pytest.approx(metrics.accuracy_score(truth, predicted)),
        "precision": pytest.approx(metrics.precision_score(truth, predicted)),
        "recall": pytest.approx(metrics.recall_score(truth, predicted)),
        "f1": pytest.approx(metrics.f1_score(truth, predicted)),
    }


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (3, 10), (10, 10), (999, 1_000)])
def test_wilson_bounds_are_scipys(hits: int, n: int) -> None:
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high))


def test_intervals_of_f1_cover_it() -> None:
    """Precision .64 and recall .85 of the whole population."""
    of_all = classifier_figures(*labels(2, 400_000))[3].value
    held = [
        figures[3].low <= of_all <= figures[3].high
        for figures in (classifier_figures(*labels(i)) for i in range(3, 203))
    ]
    assert stats.binomtest(sum(held), 200, 0.95).pvalue > 1e-3


def test_each_figure_counts_the_rows_it_is_about() -> None:
    truth, predicted = np.array([1, 1, 0, 0, 0], bool), np.array([1, 0, 1, 1, 0], bool)
    assert [figure.n for figure in classifier_figures(truth, predicted)] == [5, 3, 2, 4]


def test_a_figure_about_no_rows_is_nan() -> None:
    accuracy, precision, recall, f1 = classifier_figures([False, False], [False, False])
    assert accuracy.value == 1.0
    assert all(math.isnan(figure.value) and math.isnan(figure.low) for figure in (precision, recall, f1))


def regression_rows(seed: int, days: int = 20) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    truth = random.normal(10, 1, 24 * days)
    errors = random.normal(size=len(truth)) * 0.5 + np.repeat(random.normal(size=days), 24) * 0.3
    frame = pd.DataFrame({"truth": truth, "predicted": truth + errors, "persistence": np.roll(truth, 1)})
    return frame.assign(low=frame["predicted"] - 1, high=frame["predicted"] + 1)


def test_regressor_figures_are_relative_to_persistence() -> None:
    rows = regression_rows(1)
    mae, relative, coverage = regressor_figures(rows, np.arange(len(rows)) // 24)
    ours = metrics.mean_absolute_error(rows["truth"], rows["predicted"])
    assert mae.value == pytest.approx(ours)
    assert relative.value == pytest.approx(ours / metrics.mean_absolute_error(rows["truth"], rows["persistence"]))
    assert coverage.value == pytest.approx((np.abs(rows["truth"] - rows["predicted"]) <= 1).mean())
    assert mae.low < mae.value < mae.high and not mae.higher_is_better and coverage.higher_is_better


def test_rows_without_a_value_are_left_out() -> None:
    rows = regression_rows(2)
    rows.loc[:99, "persistence"] = np.nan
    mae, relative, _ = regressor_figures(rows, np.arange(len(rows)) // 24)
    assert (mae.n, relative.n) == (480, 380)


def test_what_rows_do_not_have_is_not_measured() -> None:
    rows = regression_rows(3)[["truth", "predicted"]]
    assert [figure.name for figure in regressor_figures(rows, np.arange(len(rows)) // 24)] == ["mae"]


@pytest.mark.parametrize("blocks", [7, 15, 60])
def test_block_bounds_cover_the_mean(blocks: int) -> None:
    """Rows of a block have most in common, so that bounds by rows would be far too narrow."""
    held = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        values = np.repeat(random.normal(size=blocks), 10) + 0.3 * random.normal(size=10 * blocks)
        sums = block_sums(np.stack([values, np.ones(len(values))], axis=1), np.arange(len(values)) // 10)
        drawn = resampled_sums(sums, 1_000, seed)
        low, high = bounds(drawn[:, 0] / drawn[:, 1], blocks)
        held += low <= 0 <= high
    assert stats.binomtest(held, 200, 0.95).pvalue > 1e-3


def test_p_is_the_level_on_the_bounds() -> None:
    values = np.random.default_rng(4).normal(size=20_000)
    low, high = bounds(values, 12)
    assert p_value(values, 12, low) == pytest.approx(0.05, abs=0.005)
    assert p_value(values, 12, high) == pytest.approx(0.05, abs=0.005)


def test_too_few_blocks_have_no_bounds() -> None:
    values = np.random.default_rng(5).normal(size=100)
    assert math.isnan(bounds(values, LEAST_BLOCKS - 1)[0]) and math.isnan(p_value(values, LEAST_BLOCKS - 1))


def test_time_blocks_are_days_in_utc() -> None:
    times = pd.to_datetime(["2026-01-01T23:59Z", "2026-01-02T00:00Z", "2026-01-02T23:00Z"])
    assert np.diff(time_blocks(times, "1D")).tolist() == [1, 0]


def test_the_same_seed_draws_the_same_blocks() -> None:
    sums = np.arange(12.0)[:, None]
    np.testing.assert_array_equal(resampled_sums(sums, 50, 3), resampled_sums(sums, 50, 3))
    assert not (resampled_sums(sums, 50, 3) == resampled_sums(sums, 50, 4)).all()


def test_a_row_in_no_block_is_refused() -> None:
    with pytest.raises(ValueError, match="1 rows are in no block"):
        block_sums(np.ones((3, 1)), pd.Series(["a", None, "b"]))
