"""The forecasts to beat, in demand, for every step from `first` on. None of them knows anything later than its step."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from weir_models.predictive_scaling.experts import linear, ridge_weights
from weir_models.predictive_scaling.features import RIDGE_LAGS, Features, lagged
from weir_models.predictive_scaling.series import DAY_SECONDS, DemandSeries, Values

RIDGE_PENALTY = 1.0


def baselines(series: DemandSeries, seen: Features, horizon: int, first: int) -> dict[str, Values]:
    """Persistence, the mean of the last 30 minutes, the same time yesterday, and two ridges on 15 lags.

    `ridge` is fitted once, on what was known at `first`; `ridge_daily` anew at the start of every UTC day.
    """
    recent = pd.Series(series.demand).rolling(horizon, min_periods=1).mean().to_numpy()
    yesterday = lagged(series.demand, series.steps_per_day - horizon)
    base = seen.base
    number = series.seconds // DAY_SECONDS
    days = [int(at) for at in np.flatnonzero(np.diff(number, prepend=number[:1]) > 0) if at > first]
    return {
        "persistence": base[first:],
        "mean_30_minutes": np.where(np.isnan(recent), base, recent)[first:],
        "yesterday": np.where(np.isnan(yesterday), base, yesterday)[first:],
        "ridge": _ridge(seen, horizon, [first, len(base)]),
        "ridge_daily": _ridge(seen, horizon, [first, *days, len(base)]),
    }


def _ridge(seen: Features, horizon: int, bounds: list[int]) -> Values:
    """A ridge on the last 15 values, fitted at each bound on the targets known by then; persistence before there are any."""
    found = seen.base.copy()
    known = ~np.isnan(seen.change)
    known[: RIDGE_LAGS - 1] = False
    for begin, end in pairwise(bounds):
        past = np.flatnonzero(known[: max(0, begin - horizon + 1)])
        if len(past) > 2 * RIDGE_LAGS:
            weights = ridge_weights(seen.lags[past], seen.change[past], RIDGE_PENALTY)
            found[begin:end] += linear(seen.lags[begin:end], weights) + weights[-1]
    return found[bounds[0] :]
