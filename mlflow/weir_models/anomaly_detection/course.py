"""The course of a departure after its alarm: it becomes more severe, lasts, and ends.

A departure has an end where its alarm began outside the usual band of the metric, that is outside most values of the day
before. The return into the band is its recovery: never an alarm of its own. Each row by rows up to itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weir_models.anomaly_detection.refits import DAY_SECONDS, period_of, rows_of
from weir_models.anomaly_detection.series import Flags, Times, Values
from weir_models.anomaly_detection.threshold import CRITICAL, WARNING

BAND_QUANTILES = (0.01, 0.99)
BAND_MARGIN = 0.1
"""Share of the band's width by which it is widened."""
LEAST_DAY_ROWS = 32
RECOVERED_ROWS = 3
"""Rows in the band, one after another, after which a departure has ended."""
LASTS_SECONDS = 3600.0
"""A departure that lasts so long is a warning at least."""
RETURN_SECONDS = 3600.0
"""An alarm of the same metric, in its band, so soon after it was outside, is the return."""
FOLLOWED_SECONDS = 2 * DAY_SECONDS
"""A departure is followed for so long; by then it is the new normal."""
INFO_LEVEL, WARNING_LEVEL, CRITICAL_LEVEL = range(3)


@dataclass(frozen=True)
class Course:
    """Alarms without returns, and what follows them."""

    is_anomaly: Flags
    levels: dict[int, int]
    """Row -> level, of alarms and of rows at which a departure became more severe than its alarm was."""
    recoveries: dict[int, int]
    """Row at which a departure has ended -> row of its alarm."""
    lasting: dict[int, int]
    """Row at which a departure has lasted for LASTS_SECONDS -> row of its alarm."""


@dataclass
class _Open:
    """A departure that goes on."""

    alarm: int
    column: int
    band: tuple[float, float]
    level: int
    outside: int
    """Its last row outside the band."""
    back_rows: int = 0
    has_lasted: bool = False


def level_of(weekly_rarity: float) -> int:
    """Level of an event by log10 of the weeks between two such."""
    return CRITICAL_LEVEL if weekly_rarity >= CRITICAL else WARNING_LEVEL if weekly_rarity >= WARNING else INFO_LEVEL


def course(at: Times, values: Values, flags: Flags, weekly_rarity: Values, metric: NDArray[np.int64]) -> Course:
    """The course of the departures of a series; `metric` is the column that departs most at each row."""
    alarms = flags.copy()
    levels: dict[int, int] = {}
    recoveries: dict[int, int] = {}
    lasting: dict[int, int] = {}
    if not flags.any():
        return Course(alarms, levels, recoveries, lasting)
    period, seconds = period_of(at), at.astype("datetime64[s]").astype(np.int64)
    day = rows_of(DAY_SECONDS, period, LEAST_DAY_ROWS)
    running: _Open | None = None
    first = int(np.flatnonzero(flags)[0])
    for row in range(first, len(at)):
        if running is None and not flags[row]:
            continue
        if running is not None:
            now = values[row, running.column]
            is_back = bool(running.band[0] <= now <= running.band[1])
            if is_back and flags[row] and metric[row] == running.column:
                alarms[row] = seconds[row] - seconds[running.outside] > RETURN_SECONDS
            if not np.isnan(now):
                running.back_rows = running.back_rows + 1 if is_back else 0
                running.outside = running.outside if is_back else row
        if alarms[row]:
            column, level = int(metric[row]), level_of(weekly_rarity[row])
            levels[row] = level
            band = _band(values[max(0, row - day) : row, column])
            departs = band is not None and not band[0] <= values[row, column] <= band[1]
            if running is None or (departs and column != running.column):
                running = _Open(row, column, band, level, row) if band is not None and departs else None
            elif running is not None:
                running.level = max(running.level, level)
        elif running is not None and running.back_rows >= RECOVERED_ROWS:
            recoveries[row] = running.alarm
            running = None
        elif running is not None and running.back_rows == 0:
            lasts = seconds[row] - seconds[running.alarm] >= LASTS_SECONDS
            level = max(level_of(weekly_rarity[row]), WARNING_LEVEL if lasts else INFO_LEVEL)
            if level > running.level:
                running.level = levels[row] = level
            if lasts and not running.has_lasted:
                running.has_lasted, lasting[row] = True, running.alarm
        if running is not None and seconds[row] - seconds[running.alarm] > FOLLOWED_SECONDS:
            running = None
    return Course(alarms, levels, recoveries, lasting)


def _band(past: Values) -> tuple[float, float] | None:
    """Most values of the past, and a little more; None without enough."""
    present = past[~np.isnan(past)]
    if len(present) < LEAST_DAY_ROWS:
        return None
    low, high = np.quantile(present, BAND_QUANTILES)
    margin = BAND_MARGIN * (high - low)
    return float(low - margin), float(high + margin)
