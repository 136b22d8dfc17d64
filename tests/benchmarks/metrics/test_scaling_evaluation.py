"""Predictive and reactive scaling at equal cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.metrics.scaling import equal_cost, verdict
from benchmarks.metrics.scaling_costs import (
    START,
    TIGHT,
    Cost,
    Measured,
    predictive_cost,
    reactive_cost,
    violations_at,
    with_target,
)
from weir_models.predictive_scaling.backtest import BacktestResult, BacktestSettings
from weir_models.predictive_scaling.series import DemandSeries

OURS = {50.0: Cost(0.01, 1000.0), 70.0: Cost(0.05, 600.0)}


def measured(theirs: dict[float, Cost]) -> Measured:
    """Figures without forecasts."""
    nothing = BacktestResult(pd.DataFrame(), pd.DataFrame(), {})
    return Measured("a", 0.5, 1, 10, nothing, OURS[70.0], OURS, theirs, 1.0, 1.0)


def test_violations_are_interpolated_between_targets() -> None:
    assert violations_at(800.0, OURS.values()) == pytest.approx(0.03)
    assert violations_at(1000.0, OURS.values()) == pytest.approx(0.01)
    assert np.isnan(violations_at(599.0, OURS.values())) and np.isnan(violations_at(1001.0, OURS.values()))


def test_the_page_says_where_ours_is_not_better() -> None:
    theirs = {20.0: Cost(0.0, 2000.0), 30.0: Cost(0.04, 800.0), 40.0: Cost(0.02, 700.0), 50.0: Cost(0.06, 300.0)}
    found = measured(theirs)
    said = verdict(found).split(". ")
    assert [("30 %" in said[0], "fewer" in said[0]), ("40 %" in said[1], "not better" in said[1])] == [(True, True)] * 2
    assert ("50 %" in said[2], "costs less" in said[2]) == ("20 %" in said[3], "costs more" in said[3]) == (True, True)
    assert equal_cost(found)["ours at the same node-hours"].tolist() == [
        "none of ours",
        "3.00 %",
        "4.00 %",
        "none of ours",
    ]


def test_all_thresholds_move_with_the_target() -> None:
    assert with_target(TIGHT.scale_up_to) == TIGHT
    moved = with_target(TIGHT.scale_up_to - 20.0)
    assert (moved.scale_up_to, moved.scale_up_above) == (TIGHT.scale_up_to - 20.0, TIGHT.scale_up_above - 20.0)
    assert (moved.scale_down_to, moved.scale_down_below) == (TIGHT.scale_down_to - 20.0, TIGHT.scale_down_below - 20.0)


def test_a_lower_target_costs_more_and_violates_less() -> None:
    load = 40.0 + 30.0 * np.sin(np.arange(600) / 20.0)
    one = DemandSeries("a", START, load)
    forecasts = pd.DataFrame({"cluster_id": "a", "predicted_cpu_utilization": load[300:], "upper_90": load[300:]})
    result = BacktestResult(forecasts, pd.DataFrame(), {})
    settings = BacktestSettings()
    for low, high in (
        (
            predictive_cost([one], result, with_target(40.0), settings),
            predictive_cost([one], result, with_target(95.0), settings),
        ),
        (reactive_cost([one], result, 40.0, settings), reactive_cost([one], result, 95.0, settings)),
    ):
        assert low.node_hours > high.node_hours and low.violations < high.violations
