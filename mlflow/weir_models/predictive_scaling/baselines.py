"""Baseline forecasts of demand for every step from `first` on; each uses the past of its step only."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from weir_models.predictive_scaling.experts import linear, ridge_weights
from weir_models.predictive_scaling.features import RIDGE_LAGS, Features, lagged
from weir_models.predictive_scaling.series import DAY_SECONDS, DemandSeries, Values

RIDGE_PENALTY = 1.0


def baselines(series: DemandSeries, inputs: Features, horizon: int, first: int) -> dict[str, Values]:
    """Persistence, the mean of the last 30 minutes, the same time yesterday, and two ridges on 15 lags.

    `ridge` is fitted once, on what was known at `first`; `ridge_daily` anew at the start of every UTC day.
    """
    recent = pd.Series(series.demand).rolling(horizon, min_periods=1).mean().to_numpy()
    yesterday = lagged(series.demand, series.steps_per_day - horizon)
    base = inputs.base
    number = series.seconds // DAY_SECONDS
    days = [int(at) for at in np.flatnonzero(np.diff(number, prepend=number[:1]) > 0) if at > first]
    return {
        "persistence": base[first:],
        "mean_30_minutes": np.where(np.isnan(recent), base, recent)[first:],
        "yesterday": np.where(np.isnan(yesterday), base, yesterday)[first:],
        "ridge": _ridge(inputs, horizon, [first, len(base)]),
        "ridge_daily": _ridge(inputs, horizon, [first, *days, len(base)]),
    }


def _ridge(inputs: Features, horizon: int, bounds: list[int]) -> Values:
    """A ridge on the last 15 values, refitted at each bound on the targets known by then; persistence before that."""
    forecasts = inputs.base.copy()
    is_known = ~np.isnan(inputs.change)
    is_known[: RIDGE_LAGS - 1] = False
    for begin, end in pairwise(bounds):
        training_rows = np.flatnonzero(is_known[: max(0, begin - horizon + 1)])
        if len(training_rows) > 2 * RIDGE_LAGS:
            weights = ridge_weights(inputs.lags[training_rows], inputs.change[training_rows], RIDGE_PENALTY)
            forecasts[begin:end] += linear(inputs.lags[begin:end], weights) + weights[-1]
    return forecasts[bounds[0] :]
