"""The schedule of refits and windows in time, and padding to whole blocks.

Windows are durations; a series has as many rows of them as its period says, which is the median step of its first rows.
Each block is computed in arrays whose shape depends only on its position; a series that ends within a block is padded. So
a row has the same result, to the bit, however the series continues.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models.anomaly_detection.series import Times, Values

FIRST = 64
"""Rows before the first fit."""
GROWTH = 0.25
"""Early blocks grow by this share of the rows so far, up to the cadence."""
DAY_SECONDS = 86_400.0
LEAST_CADENCE, LEAST_HISTORY = 64, 2016
"""Lower bounds in rows, for series of few rows a day."""


@dataclass(frozen=True)
class Schedule:
    """Rows between fits, and rows that a fit reads."""

    cadence: int
    history: int

    @classmethod
    def of(cls, period: float, history_days: float) -> Schedule:
        """A fit a day, on `history_days` days; `period` is seconds a row."""
        return cls(
            rows_of(DAY_SECONDS, period, LEAST_CADENCE), rows_of(history_days * DAY_SECONDS, period, LEAST_HISTORY)
        )

    def blocks(self, rows: int) -> Iterator[tuple[int, int]]:
        """(start, stop) of each block until `rows` are covered; the last may reach beyond. Each block has its own fit."""
        start, stop = 0, FIRST
        while start < rows:
            yield start, stop
            start, stop = stop, stop + min(self.cadence, int(stop * GROWTH))

    def end(self, rows: int) -> int:
        """End of the last block."""
        return max((stop for _, stop in self.blocks(rows)), default=0)


def period_of(at: Times) -> float:
    """Seconds between two rows: the median of the first."""
    return float(np.median(np.diff(at[:FIRST]).astype(np.float64)))


def rows_of(seconds: float, period: float, least: int = 1, most: int | None = None) -> int:
    """Rows of a duration, within bounds."""
    rows = max(round(seconds / period), least)
    return rows if most is None else min(rows, most)


def padded(values: NDArray[Any], length: int) -> NDArray[Any]:
    """The rows, padded to the length with the last one."""
    return np.concatenate([values, np.repeat(values[-1:], length - len(values), axis=0)])


def padded_times(at: Times, length: int) -> Times:
    """The times, padded to the length with seconds after the last one."""
    return np.concatenate([at, at[-1] + np.arange(1, length - len(at) + 1).astype("timedelta64[s]")])


def carried_forward(values: Values) -> Values:
    """Missing values replaced by the last known value of their column, or 0 before the first."""
    return pd.DataFrame(values).ffill().fillna(0.0).to_numpy()


def windows_ending(values: Values, start: int, stop: int, size: int) -> Values:
    """Windows of `size` rows that end at rows start … stop - 1, padded with the first row; shape (rows, …, size)."""
    begin = max(start - size + 1, 0)
    missing = size - 1 - (start - begin)
    whole = np.concatenate([np.repeat(values[:1], missing, axis=0), values[begin:stop]])
    return np.lib.stride_tricks.sliding_window_view(whole, size, axis=0)
