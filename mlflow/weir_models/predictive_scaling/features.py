"""Features of each step: differences from the last known value, rolling windows, the same time of earlier days.

Row t uses steps up to t and the clock at the target. Times of day are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from weir_models.predictive_scaling.series import DAY_SECONDS, DemandSeries, Values, carried

RIDGE_LAGS = 15
LAGS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 24, 30, 36, 48, 72, 144)
NEIGHBOURS = (-6, -3, -2, -1, 0, 1, 2, 3)
"""Steps around the target's time of day that are read on earlier days."""
CLOCK = ("second_of_day", "second_of_hour", "time_sin", "time_cos", "day_of_week", "is_weekend")
"""Columns that tell the time and no demand."""
WINDOW_SECONDS = {"1h": 3_600, "6h": 21_600, "24h": 86_400}


@dataclass(frozen=True)
class Features:
    """Inputs and target of one series, one row a step."""

    base: Values
    """Last known demand; forecasts are changes from it."""
    change: Values
    """Demand at the target minus base; NaN where either is missing."""
    rows: Values
    """float32 of shape (steps, len(names)); NaN where the history is too short."""
    names: tuple[str, ...]
    lags: Values
    """Last values minus base, gaps filled forward; zero where the history is too short."""
    seasonal: Values
    """Same time yesterday and last week minus base, with neighbors; zero where there is none."""


def features(series: DemandSeries, horizon: int) -> Features:
    """Features of every step for forecasts `horizon` steps ahead."""
    demand = series.demand
    base = carried(demand)
    day = series.steps_per_day
    columns: dict[str, Values] = {"base": base}
    columns |= {f"lag_{k}": lagged(demand, k) - base for k in LAGS}
    columns |= _windows(demand, base, series.step_seconds)
    columns |= _earlier_days(demand, base, day, horizon)
    columns |= _clock(series, horizon)
    change = np.full(len(demand), np.nan)
    if len(demand) > horizon:
        change[:-horizon] = demand[horizon:] - base[:-horizon]
    lags = np.stack([lagged(base, k) - base for k in range(1, RIDGE_LAGS)], axis=1) if len(base) else np.empty((0, 14))
    season = [lagged(base, days * day - horizon - k) - base for days in (1, 7) for k in (-2, -1, 0, 1, 2)]
    season += [lagged(base, day) - base, lagged(base, 7 * day) - base]
    return Features(
        base=base,
        change=change,
        rows=np.stack(list(columns.values()), axis=1).astype(np.float32),
        names=tuple(columns),
        lags=np.nan_to_num(lags),
        seasonal=np.nan_to_num(np.stack(season, axis=1)),
    )


def lagged(values: Values, steps: int) -> Values:
    """The values `steps` earlier, NaN before the first; ValueError below zero."""
    if steps < 0:
        raise ValueError("a lag below zero would look ahead")
    moved = np.full(len(values), np.nan)
    moved[steps:] = values[: max(0, len(values) - steps)]
    return moved


def _windows(demand: Values, base: Values, step_seconds: int) -> dict[str, Values]:
    """Mean, maximum, minimum, deviation and trend over time windows that end at the step."""
    columns: dict[str, Values] = {}
    measured = pd.Series(demand)
    for name, seconds in WINDOW_SECONDS.items():
        size = max(2, seconds // step_seconds)
        rolling = measured.rolling(size, min_periods=1)
        mean = rolling.mean().to_numpy()
        columns[f"avg_{name}"] = mean - base
        columns[f"max_{name}"] = rolling.max().to_numpy() - base
        columns[f"min_{name}"] = rolling.min().to_numpy() - base
        columns[f"volatility_{name}"] = rolling.std().to_numpy()
        half = measured.rolling(max(1, size // 2), min_periods=1).mean().to_numpy()
        columns[f"trend_{name}"] = half - lagged(half, max(1, size // 2))
    return columns


def _earlier_days(demand: Values, base: Values, day: int, horizon: int) -> dict[str, Values]:
    """The target's time of day on earlier days, with neighbors, and the change of the load then."""
    columns: dict[str, Values] = {}
    for name, days in (("yesterday", 1), ("last_week", 7)):
        for k in NEIGHBOURS:
            columns[f"{name}_{k:+d}"] = lagged(demand, days * day - horizon - k) - base
        columns[f"{name}_change"] = lagged(demand, days * day - horizon) - lagged(demand, days * day)
    same = np.stack([lagged(demand, days * day - horizon) for days in range(1, 8)], axis=1)
    for days in (3, 7):
        by_day = pd.DataFrame(same[:, :days].T)
        columns[f"same_time_mean_{days}d"] = by_day.mean().to_numpy() - base
        columns[f"same_time_median_{days}d"] = by_day.median().to_numpy() - base
    moved = np.stack([lagged(demand, d * day - horizon) - lagged(demand, d * day) for d in range(1, 8)], axis=1)
    columns["change_median_7d"] = pd.DataFrame(moved.T).median().to_numpy()
    return columns


def _clock(series: DemandSeries, horizon: int) -> dict[str, Values]:
    """Time of day, minute and day of the week at the target."""
    at = series.seconds + horizon * series.step_seconds
    second = at % DAY_SECONDS
    weekday = (at // DAY_SECONDS + 3) % 7
    turn = 2 * np.pi * second / DAY_SECONDS
    values = (
        second.astype(np.float64),
        (second % 3_600).astype(np.float64),
        np.sin(turn),
        np.cos(turn),
        weekday.astype(np.float64),
        (weekday >= 5).astype(np.float64),
    )
    return dict(zip(CLOCK, values, strict=True))
