"""Loads with known shapes for the tests of predictive scaling."""

from __future__ import annotations

import numpy as np

from weir_models.predictive_scaling.experts import ExpertSettings
from weir_models.predictive_scaling.forecasting import ForecastSettings
from weir_models.predictive_scaling.series import DemandSeries, Values

DAY = 288
START = np.datetime64("2026-11-02", "s")
QUICK = ForecastSettings(experts=ExpertSettings(tree_count=10, forest_trees=5), warm_up_days=1.0)
"""All experts, small ones."""
LINEAR = ForecastSettings(experts=ExpertSettings(names=("persistence", "yesterday", "ridge")), warm_up_days=1.0)
"""Without trees, for tests of many steps."""


def daily(days: float = 4, seed: int = 0, noise: float = 4.0) -> Values:
    """A load that follows the day, with noise that drifts."""
    rng = np.random.default_rng(seed)
    steps = np.arange(round(days * DAY))
    drift = np.zeros(len(steps))
    for at in range(1, len(steps)):
        drift[at] = 0.9 * drift[at - 1] + rng.normal(0.0, noise)
    return np.clip(40.0 + 20.0 * np.sin(2 * np.pi * steps / DAY) + drift, 0.0, 100.0)


def gaps(days: float = 4) -> Values:
    """The daily load with single steps and whole hours missing."""
    values = daily(days, seed=1)
    values[::17] = np.nan
    values[300:340] = np.nan
    values[-40:-20] = np.nan
    return values


def shift(days: float = 4) -> Values:
    """A load whose level jumps once."""
    values = daily(days, seed=2) * 0.3
    values[len(values) // 2 :] += 50.0
    return values


def series(values: Values, name: str = "blue", nodes: Values | None = None) -> DemandSeries:
    """Those values from START on."""
    return DemandSeries(name, START, values, node_count=nodes)
