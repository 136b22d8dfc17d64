"""What comes later reaches no forecast: inputs with one past and two futures, compared to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.weir_models.predictive_scaling.loads import DAY, QUICK, daily, gaps, series, shift
from weir_models.predictive_scaling.backtest import BacktestSettings, backtest
from weir_models.predictive_scaling.features import features, lagged
from weir_models.predictive_scaling.forecasting import forecast
from weir_models.predictive_scaling.series import Values

LOADS = {
    "daily": daily(),
    "gaps": gaps(),
    "level_shift": shift(),
    "constant": np.full(3 * DAY, 35.0),
    "shorter_than_a_day": daily(0.7),
    "nothing_measured_first": np.where(np.arange(3 * DAY) < DAY, np.nan, daily(3)),
}
SETTINGS = BacktestSettings(forecast=QUICK, workers=1)


def futures(values: Values, cut: int) -> list[Values]:
    """The same steps up to and including `cut`, and then something else."""
    rest = len(values) - cut - 1
    rng = np.random.default_rng(7)
    tails = [np.full(rest, 100.0), np.full(rest, np.nan), rng.uniform(0, 100, rest)]
    return [np.concatenate([values[: cut + 1], tail]) for tail in tails]


@pytest.mark.parametrize("kind", sorted(LOADS))
def test_an_altered_future_changes_no_earlier_forecast(kind: str) -> None:
    values = LOADS[kind]
    nodes = np.where(np.arange(len(values)) % 400 < 200, 3.0, 5.0)
    first = len(values) - round(0.3 * len(values))
    cut = first + (len(values) - first) * 2 // 3
    before = backtest([series(values, nodes=nodes)], SETTINGS).forecasts
    kept = before["made_at"] <= before["made_at"].iloc[0] + pd.Timedelta(minutes=5 * (cut - first))
    assert 0 < kept.sum() < len(before)
    for altered in futures(values, cut):
        other = np.concatenate([nodes[: cut + 1], np.full(len(values) - cut - 1, 9.0)])
        after = backtest([series(altered, nodes=other)], SETTINGS).forecasts
        pd.testing.assert_frame_equal(before[kept], after[kept], check_exact=True)


@pytest.mark.parametrize("kind", sorted(LOADS))
def test_a_truncated_series_gives_the_same_forecasts(kind: str) -> None:
    values = LOADS[kind]
    first, cut = len(values) // 2, len(values) * 3 // 4
    whole = forecast(series(values), first, QUICK)
    ended = forecast(series(values[: cut + 1]), first, QUICK)
    for name in ("predicted", "lower", "upper", "confidence", "current", "weights", "by_expert"):
        np.testing.assert_array_equal(getattr(whole, name)[: cut + 1 - first], getattr(ended, name), err_msg=name)


def test_a_row_of_features_knows_no_later_step() -> None:
    values = gaps()
    before = features(series(values), 6)
    for cut in (0, 5, 290, 700):
        for altered in futures(values, cut):
            after = features(series(altered), 6)
            for name in ("base", "rows", "lags", "seasonal"):
                np.testing.assert_array_equal(getattr(before, name)[: cut + 1], getattr(after, name)[: cut + 1])


def test_a_lag_that_would_look_ahead_is_refused() -> None:
    with pytest.raises(ValueError, match="look ahead"):
        lagged(np.arange(3.0), -1)


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing() -> None:
    many = [series(daily(2, seed=seed), name=f"c{seed}") for seed in range(3)]
    one, two = (backtest(many, replace(SETTINGS, workers=workers)) for workers in (1, 2))
    pd.testing.assert_frame_equal(one.forecasts, two.forecasts, check_exact=True)
    pd.testing.assert_frame_equal(one.per_series, two.per_series, check_exact=True)
    assert repr(one.overall) == repr(two.overall)  # of what did not happen there is no figure: NaN
