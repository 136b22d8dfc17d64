"""The backtest: which forecasts there are, and that its figures are what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.weir_models.predictive_scaling.loads import DAY, LINEAR, daily, gaps, series
from weir_models.predictive_scaling.backtest import RIVALS, BacktestSettings, backtest, overall
from weir_models.predictive_scaling.baselines import baselines
from weir_models.predictive_scaling.features import features
from weir_models.predictive_scaling.forecasting import FORECAST_COLUMNS

SETTINGS = BacktestSettings(forecast=LINEAR, workers=1)


@pytest.mark.parametrize("days", [4.0, 0.3])
def test_every_step_of_the_window_is_forecast(days: float) -> None:
    one = series(daily(days))
    found = backtest([one], SETTINGS).forecasts
    steps = round(0.3 * len(one))
    assert tuple(found.columns) == FORECAST_COLUMNS
    assert found["made_at"].tolist() == one.times[-steps:].tolist()
    assert (found["target_at"] - found["made_at"] == pd.Timedelta(minutes=30)).all()
    assert found["predicted_cpu_utilization"].notna().all()


def test_figures_are_those_of_the_forecasts() -> None:
    one = series(gaps(4))
    result = backtest([one], SETTINGS)
    truth = pd.Series(one.cpu_utilization, index=one.times)
    made = result.forecasts.assign(truth=truth.reindex(result.forecasts["target_at"]).to_numpy()).dropna()
    error = (made["predicted_cpu_utilization"] - made["truth"]).abs()
    naive = (truth.ffill().reindex(made["made_at"]).to_numpy() - made["truth"]).abs()
    row = result.per_series.iloc[0]
    assert row["n"] == len(made)
    assert row["mae"] == pytest.approx(error.mean())
    assert row["mae_persistence"] == pytest.approx(naive.mean())
    assert row["ratio_persistence"] == pytest.approx(error.mean() / naive.mean())
    inside = made["truth"].between(made["lower_90"], made["upper_90"])
    assert row["coverage"] == pytest.approx(inside.mean())
    assert row["width"] == pytest.approx((made["upper_90"] - made["lower_90"]).mean())


def test_more_nodes_are_asked_and_needed_as_counted() -> None:
    result = backtest([series(daily(4, seed=s) * 1.6, name=f"c{s}") for s in range(3)], SETTINGS)
    rows, figures = result.per_series, result.overall
    asked, needed, right = (float(rows[name].sum()) for name in ("more_asked", "more_needed", "more_right"))
    assert 0 < right <= min(asked, needed)
    assert figures["more_nodes_precision"] == pytest.approx(right / asked)
    assert figures["more_nodes_recall"] == pytest.approx(right / needed)
    assert (figures["n_more_nodes_precision"], figures["n_more_nodes_recall"]) == (asked, needed)
    assert figures["more_nodes_recall_low"] <= figures["more_nodes_recall"] <= figures["more_nodes_recall_high"]
    idle = backtest([series(daily(4) * 0.2)], SETTINGS).overall
    assert np.isnan(idle["more_nodes_recall"]) and idle["n_more_nodes_recall"] == 0


def test_the_rivals_are_what_their_names_say() -> None:
    one = series(daily(3))
    first = 2 * DAY
    found = baselines(one, features(one, 6), 6, first)
    values = one.cpu_utilization
    np.testing.assert_allclose(found["persistence"], values[first:])
    np.testing.assert_allclose(found["mean_30_minutes"][0], values[first - 5 : first + 1].mean())
    np.testing.assert_allclose(found["yesterday"][10], values[first + 10 + 6 - DAY])
    past = np.arange(14, first - 5)
    inputs = np.stack([values[past - k] for k in range(15)] + [np.ones(len(past))], axis=1)
    weights = np.linalg.lstsq(inputs, values[past + 6], rcond=None)[0]
    last = np.append(values[first - np.arange(15)], 1.0)
    assert found["ridge"][0] == pytest.approx(last @ weights, abs=0.3)
    assert set(found) == set(RIVALS)


def test_errors_are_percent_of_nodes_in_force() -> None:
    nodes = np.full(4 * DAY, 8.0)
    load = daily(4)
    counted, plain = backtest([series(load, nodes=nodes)], SETTINGS), backtest([series(load)], SETTINGS)
    assert counted.per_series["mae"][0] == pytest.approx(plain.per_series["mae"][0], rel=1e-6)


def test_geometric_means_lie_within_their_bounds() -> None:
    rows = backtest([series(daily(3, seed=s), name=f"c{s}") for s in range(4)], SETTINGS).per_series
    found = overall(rows, seed=0)
    assert found["ratio_persistence"] == pytest.approx(np.exp(np.log(rows["ratio_persistence"]).mean()))
    assert found["ratio_persistence_low"] <= found["ratio_persistence"] <= found["ratio_persistence_high"]
    assert found["n_series"] == 4.0 and found["n_forecasts"] == rows["n"].sum()
    assert found == overall(rows, seed=0)


def test_a_constant_series_breaks_nothing() -> None:
    found = backtest([series(np.full(3 * DAY, 35.0)), series(daily(3), name="green")], SETTINGS)
    assert found.per_series["mae"][0] == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(found.overall["ratio_persistence"])


def test_missing_and_duplicate_series_are_refused() -> None:
    with pytest.raises(ValueError, match="no series"):
        backtest([], SETTINGS)
    with pytest.raises(ValueError, match="same cluster_id"):
        backtest([series(daily(1)), series(daily(1))], replace(SETTINGS, workers=2))
