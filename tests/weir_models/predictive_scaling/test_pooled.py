"""Many clusters are forecast from one fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.weir_models.predictive_scaling.loads import DAY, QUICK, START, daily, series
from weir_models.predictive_scaling.features import features
from weir_models.predictive_scaling.forecasting import forecast
from weir_models.predictive_scaling.model import PredictiveScaling
from weir_models.predictive_scaling.pooled import Pool, PoolSettings
from weir_models.predictive_scaling.series import DemandSeries
from weir_models.predictive_scaling.sizing import Levels

DAYS = 9
SMALL = PoolSettings(refit_days=2, rows=3_000, tree_count=20, level_trees=5)
FIRST = (DAYS - 2) * DAY


def clusters(count: int = 3) -> list[DemandSeries]:
    return [series(daily(DAYS, seed=n, noise=1.0), f"c{n}") for n in range(count)]


def pool(given: list[DemandSeries]) -> Pool:
    return Pool(given, int(given[0].seconds[FIRST - 2 * DAY]), QUICK.experts, SMALL)


def test_what_follows_changes_nothing_before() -> None:
    given, cut = clusters(), FIRST + 300
    changed = [
        DemandSeries(one.cluster_id, START, np.where(np.arange(len(one)) > cut, 3.0, one.cpu_utilization))
        for one in given
    ]
    before, after = pool(given), pool(changed)
    for name in ("trees", "forest"):
        one, other = (
            fitted.changes(name, source[1], features(source[1], 6), 6, FIRST)
            for fitted, source in ((before, given), (after, changed))
        )
        np.testing.assert_array_equal(one[: cut - FIRST + 1], other[: cut - FIRST + 1])
        assert np.isfinite(one).all()
    one, other = (fitted.levels(source[1], FIRST, 2) for fitted, source in ((before, given), (after, changed)))
    np.testing.assert_array_equal(one[: cut - FIRST + 1], other[: cut - FIRST + 1])
    assert not np.array_equal(one, other), "what is told is told"


def test_one_fit_serves_all_clusters_between_two_refits() -> None:
    given = clusters(5)
    shared = pool(given)
    for one in given:
        shared.changes("trees", one, features(one, 6), 6, FIRST - 2 * DAY)
    assert shared.trees.cache_info().misses == len(shared.starts) == 3


def test_forecasts_of_a_daily_load_are_better_than_its_last_value() -> None:
    given = clusters(4)
    made = forecast(given[2], FIRST, QUICK, pool(given))
    judged = np.isfinite(made.truth)
    model, naive = (np.abs(values - made.truth)[judged].mean() for values in (made.predicted, made.current))
    assert model < 0.8 * naive


def test_levels_of_a_cluster_ten_times_as_large_are_ten_times_as_high() -> None:
    small = clusters(3)
    large = DemandSeries("large", START, small[0].cpu_utilization, node_count=np.full(len(small[0]), 10.0))
    few = DemandSeries("few", START, small[0].cpu_utilization, node_count=np.full(len(small[0]), 1.0))
    shared = pool([*small, large, few])
    found = [Levels.of(one, FIRST, 600.0, shared).levels[:, 1:20] for one in (large, few)]
    np.testing.assert_allclose(found[0], 10.0 * found[1], rtol=0.02, atol=1.0)


def test_a_wild_a_still_and_a_young_cluster_leave_the_rest_alone() -> None:
    given = clusters(9)
    wild = series(np.where(np.random.default_rng(1).random(DAYS * DAY) < 0.01, 1e15, 1e-9), "wild")
    still, silent = series(np.full(DAYS * DAY, 50.0), "still"), series(np.full(DAYS * DAY, np.nan), "silent")
    young = DemandSeries("young", START + np.timedelta64((DAYS - 1) * 86_400, "s"), daily(1.0))
    alone, among = pool(given), pool([*given, wild, still, silent, young])
    usual, beside = (forecast(given[0], FIRST, QUICK, shared).predicted for shared in (alone, among))
    assert np.abs(usual - beside).mean() < 1.0
    made = forecast(still, FIRST, QUICK, among)
    np.testing.assert_allclose(made.predicted, 50.0, atol=0.5)
    assert np.isnan(among.changes("trees", young, features(young, 6), 6, 0)).all(), "its usual change is not known"
    assert np.isnan(forecast(silent, FIRST, QUICK, among).predicted).all()


@pytest.mark.parametrize("count", [2, PoolSettings().above + 1])
def test_few_clusters_are_fitted_alone_and_many_together(count: int) -> None:
    model = PredictiveScaling(experts=("persistence", "ridge", "trees"))
    model.start_weights_ = {}
    frame = pd.concat(
        [
            pd.DataFrame({"cluster_id": one.cluster_id, "event_at": one.times, "cpu_utilization": one.cpu_utilization})
            for one in clusters(count)
        ]
    )
    together, alone = model.predict(frame), model.predict(frame[frame["cluster_id"] == "c1"]).iloc[0]
    is_same = together.iloc[1]["predicted_cpu_utilization"] == alone["predicted_cpu_utilization"]
    assert is_same == (count <= PoolSettings().above)
    assert together.iloc[1]["predicted_cpu_utilization"] == pytest.approx(alone["predicted_cpu_utilization"], abs=6.0)
    assert together["cluster_id"].tolist() == [f"c{n}" for n in range(count)]
