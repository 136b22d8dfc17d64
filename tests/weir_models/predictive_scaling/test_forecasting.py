"""Forecasts, blend and intervals on loads with known shapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.weir_models.predictive_scaling.loads import DAY, LINEAR, QUICK, daily, series
from weir_models.predictive_scaling.baselines import baselines
from weir_models.predictive_scaling.blend import BlendSettings, blend
from weir_models.predictive_scaling.conformal import ConformalSettings, intervals
from weir_models.predictive_scaling.experts import EXPERTS, ExpertSettings, changes
from weir_models.predictive_scaling.features import features
from weir_models.predictive_scaling.forecasting import forecast, measured_hours
from weir_models.predictive_scaling.series import DemandSeries, Values, carried

HORIZON = 6


def errors(kind: str, steps: int, seed: int = 0) -> Values:
    """Errors of a forecast that stay alike, grow, swing, lean to one side or come in bursts."""
    rng = np.random.default_rng(seed)
    plain = rng.normal(0.0, 1.0, steps)
    at = np.arange(steps)
    return {
        "steady": plain,
        "growing": plain * (1 + 9 * at / steps),
        "swinging": plain * (1.2 + np.sin(2 * np.pi * at / DAY)) * 3,
        "one_sided": rng.exponential(1.0, steps),
        "bursts": plain * np.where(at % 300 < 30, 20.0, 1.0),
    }[kind]


@pytest.mark.parametrize("kind", ["steady", "growing", "swinging", "one_sided", "bursts"])
def test_intervals_cover_nine_in_ten(kind: str) -> None:
    truth = 50.0 + errors(kind, 12 * DAY)
    predicted = np.full(len(truth), 50.0)
    found = intervals(predicted, truth, np.ones(len(truth)), HORIZON, ConformalSettings())
    late = slice(2 * DAY, None)
    inside = (found.lower[late] <= truth[late]) & (truth[late] <= found.upper[late])
    assert 0.88 <= inside.mean() <= 0.92


def test_intervals_do_not_learn_from_the_future() -> None:
    truth = 50.0 + errors("steady", 400)
    predicted = np.full(len(truth), 50.0)
    before = intervals(predicted, truth, np.ones(400), HORIZON, ConformalSettings())
    truth[200:] = 99.0
    after = intervals(predicted, truth, np.ones(400), HORIZON, ConformalSettings())
    np.testing.assert_array_equal(before.upper[: 200 + HORIZON], after.upper[: 200 + HORIZON])
    assert (before.upper[200 + HORIZON :] != after.upper[200 + HORIZON :]).any()


def test_confidence_is_at_most_the_requested_coverage() -> None:
    values = daily(6, seed=3)
    calm = forecast(series(values), 4 * DAY, LINEAR)
    assert calm.confidence.max() <= 0.9
    assert calm.confidence[-1] > 0.84
    values[5 * DAY :] = np.random.default_rng(0).uniform(0, 100, DAY)
    wild = forecast(series(values), 4 * DAY, LINEAR)
    assert wild.confidence[DAY : DAY + 150].min() < calm.confidence[DAY : DAY + 150].min() - 0.01


def test_confidence_is_zero_before_any_target_is_known() -> None:
    made = forecast(series(daily(0.1)), 0, LINEAR)
    assert (made.confidence[: HORIZON + 1] == 0.0).all() and made.confidence[-1] > 0.0


@pytest.mark.parametrize("best", [0, 1, 2])
def test_the_blend_stays_near_the_best_expert(best: int) -> None:
    rng = np.random.default_rng(best)
    truth = rng.normal(50.0, 10.0, 2000)
    noise = np.full(3, 12.0)
    noise[best] = 2.0
    forecasts = truth[:, None] + rng.normal(0.0, 1.0, (2000, 3)) * noise
    found, _ = blend(forecasts, truth, HORIZON, np.ones(3), BlendSettings())
    losses = np.abs(forecasts - truth[:, None]).mean(axis=0)
    assert np.abs(found - truth).mean() <= 1.1 * losses.min()


def test_the_blend_follows_a_new_best_expert() -> None:
    rng = np.random.default_rng(4)
    truth = rng.normal(50.0, 10.0, 4000)
    noise = np.where(np.arange(4000)[:, None] < 2000, [1.0, 12.0], [12.0, 1.0])
    forecasts = truth[:, None] + rng.normal(0.0, 1.0, (4000, 2)) * noise
    _, weights = blend(forecasts, truth, HORIZON, np.ones(2), BlendSettings())
    assert weights[1990, 0] > 0.8 and weights[2600, 1] > 0.8


def test_an_expert_without_forecast_has_no_weight() -> None:
    truth = np.full(50, 10.0)
    forecasts = np.column_stack([np.full(50, 12.0), np.full(50, np.nan)])
    found, weights = blend(forecasts, truth, HORIZON, np.ones(2), BlendSettings())
    assert (weights[:, 1] == 0.0).all() and (found == 12.0).all()
    none, _ = blend(np.full((5, 2), np.nan), truth[:5], HORIZON, np.ones(2), BlendSettings())
    assert np.isnan(none).all()


def test_weights_move_with_known_targets_only() -> None:
    truth = np.full(20, 10.0)
    forecasts = np.column_stack([np.full(20, 10.0), np.full(20, 30.0)])
    _, weights = blend(forecasts, truth, HORIZON, np.ones(2), BlendSettings())
    assert (weights[:HORIZON] == 0.5).all() and weights[HORIZON, 0] > 0.5


def test_ridge_lags_equals_the_rival_ridge() -> None:
    one = series(daily(10))
    seen, first = features(one, HORIZON), 8 * DAY
    found = seen.base[first:] + changes("ridge_lags", one, seen, HORIZON, first, ExpertSettings())
    np.testing.assert_allclose(found, baselines(one, seen, HORIZON, first)["ridge_daily"], atol=0.2)


def test_every_expert_takes_part_by_default() -> None:
    assert ExpertSettings().names == EXPERTS
    made = forecast(series(daily(8.5)), 8 * DAY, QUICK)
    assert made.by_expert.shape == (DAY // 2, len(EXPERTS)) and np.isfinite(made.by_expert).all()


def test_a_periodic_load_beats_persistence() -> None:
    made = forecast(series(daily(5, noise=0.5)), 4 * DAY, LINEAR)
    known = ~np.isnan(made.truth)
    ours, naive = (np.abs(values - made.truth)[known].mean() for values in (made.predicted, made.current))
    assert ours < 0.6 * naive


def test_adding_nodes_is_no_drop_in_demand() -> None:
    load = np.full(3 * DAY, 240.0)
    nodes = np.where(np.arange(3 * DAY) < 2 * DAY + 100, 4.0, 8.0)
    made = forecast(series(load / nodes, nodes=nodes), 2 * DAY + 50, LINEAR)
    np.testing.assert_allclose(made.predicted, 240.0, rtol=1e-6)


def test_a_node_count_is_carried_forward() -> None:
    nodes = np.array([np.nan, 2.0, np.nan, 4.0])
    np.testing.assert_array_equal(series(np.full(4, 50.0), nodes=nodes).capacity, [1.0, 2.0, 2.0, 4.0])
    np.testing.assert_array_equal(series(np.full(4, 50.0)).demand, np.full(4, 50.0))


def test_missing_steps_use_the_last_value() -> None:
    values = np.full(200, 30.0)
    values[150:160] = np.nan
    made = forecast(series(values), 140, LINEAR)
    np.testing.assert_allclose(made.predicted, 30.0, atol=1e-6)
    assert np.isnan(made.truth[150 - 140 - HORIZON : 160 - 140 - HORIZON]).all()


def test_nothing_measured_is_no_forecast() -> None:
    made = forecast(series(np.full(100, np.nan)), 50, QUICK)
    assert np.isnan(made.predicted).all() and (made.confidence == 0.0).all()


def test_unequal_columns_and_odd_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="same grid"):
        series(np.zeros(5), nodes=np.ones(4))
    with pytest.raises(ValueError, match="resample"):
        DemandSeries("a", np.datetime64("2026-11-02", "s"), np.zeros(5), step_seconds=7)
    with pytest.raises(ValueError, match="30 minutes"):
        forecast(replace(series(np.zeros(5)), step_seconds=3600), 0, LINEAR)


def test_values_are_carried_forward_only() -> None:
    np.testing.assert_array_equal(carried(np.array([np.nan, 1.0, np.nan, 3.0])), [np.nan, 1.0, 1.0, 3.0])


def test_a_constant_load_that_moves_keeps_its_bounds_near() -> None:
    values = np.full(3 * DAY, 40.0)
    values[2 * DAY :] = daily(1, noise=1.0)
    made = forecast(series(values, nodes=np.full(3 * DAY, 4.0)), 0, LINEAR)
    greatest = np.maximum.accumulate(values * 4.0)
    assert (made.upper <= 1.3 * greatest).all() and (made.predicted <= 1.3 * greatest).all()


def test_no_error_is_learned_before_the_scale_is_sound() -> None:
    settings = ConformalSettings()
    truth = np.full(60, 50.0)
    truth[1:5] = 500.0
    found = intervals(np.full(60, 50.0), truth, np.zeros(60), HORIZON, settings, np.full(60, 0.5))
    assert (found.upper == 50.0).all(), "the four great errors came before six were known"


def test_a_bound_stays_near_the_greatest_error() -> None:
    rng = np.random.default_rng(0)
    truth = 50.0 + rng.normal(0.0, 0.01, 1000)
    truth[600:] += 30.0 * np.sin(np.arange(400))
    found = intervals(np.full(1000, 50.0), truth, np.zeros(1000), HORIZON, ConformalSettings(), np.full(1000, 1e-6))
    assert np.nanmax(found.upper) <= 50.0 + 1.25 * 30.1 and np.nanmin(found.lower) >= 50.0 - 1.25 * 30.1


def test_hours_are_counted_over_the_last_day() -> None:
    values = np.full(3 * DAY, 30.0)
    values[DAY : 2 * DAY] = np.nan
    hours = measured_hours(series(values))
    assert hours[0] == pytest.approx(1 / 12) and hours[DAY - 1] == 24.0
    assert hours[2 * DAY - 1] == 0.0 and hours[2 * DAY + 5] == 0.5


def test_a_size_follows_the_bound_for_an_hour_after_a_peak() -> None:
    values = np.full(3 * DAY, 10.0) + np.random.default_rng(0).normal(0.0, 0.1, 3 * DAY)
    values[2 * DAY : 2 * DAY + 12] = 60.0
    made = forecast(series(values, nodes=np.full(3 * DAY, 4.0)), 2 * DAY, LINEAR)
    assert (made.size_bound <= made.upper).all()
    assert made.size_bound[22] == made.upper[22] > 4 * 50.0
    assert made.size_bound[24] <= 1.3 * max(made.predicted[24], 4 * 11.0) < made.upper[24]
