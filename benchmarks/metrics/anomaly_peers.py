"""Peers of the anomaly detector: NAB's windowed Gaussian, Etsy's Skyline as NAB runs it, and plain PCA.

Written from their published definitions. Each scores a row by that row and those before it; PCA by the rows that it is
fitted on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

Values = NDArray[np.float64]
Times = NDArray[np.datetime64]

GAUSSIAN_WINDOW = 1000
LEAST_DEVIATION = 1e-6
DAY, HOUR = np.timedelta64(86_400, "s"), np.timedelta64(3_600, "s")
BINS, FEW_IN_BIN = 15, 20


def windowed_gaussian(values: Values) -> Values:
    """1 less the tail probability of each value under a normal distribution of the (up to) 1,000 before it."""
    scores = np.zeros(len(values))
    for row in range(1, len(values)):
        window = values[max(0, row - GAUSSIAN_WINDOW) : row]
        deviation = window.std() or LEAST_DEVIATION
        scores[row] = 1.0 - ndtr(-abs(values[row] - window.mean()) / deviation)
    return scores


def skyline(at: Times, values: Values) -> Values:
    """The share of Skyline's seven tests that each row fails."""
    series = pd.Series(values)
    tail = series.rolling(3).mean().to_numpy(copy=True)
    tail[:2] = values[:2]
    votes = [
        median_absolute_deviation(values),
        first_hour_average(at, values, tail),
        np.abs(tail - series.expanding().mean()) > 3 * series.expanding().std(),
        np.abs(series - series.ewm(com=50).mean()) > 3 * series.ewm(com=50).std(),
        np.abs(series - series.expanding().mean().shift()) > 3 * series.expanding().std().shift(),
        least_squares(at, values),
        histogram_bins(values, tail),
    ]
    return np.mean([np.asarray(vote, dtype=float) for vote in votes], axis=0)


def median_absolute_deviation(values: Values) -> NDArray[np.bool_]:
    """Rows farther from the median of all rows so far than six times the median distance."""
    flags = np.zeros(len(values), dtype=bool)
    for row in range(len(values)):
        distance = np.abs(values[: row + 1] - np.median(values[: row + 1]))
        usual = np.median(distance)
        flags[row] = usual > 0 and distance[-1] / usual > 6
    return flags


def first_hour_average(at: Times, values: Values, tail: Values) -> NDArray[np.bool_]:
    """Rows whose mean of three is beyond three deviations of the hour one day ago."""
    flags = np.zeros(len(values), dtype=bool)
    begins, ends = np.searchsorted(at, at - DAY), np.searchsorted(at, at - DAY + HOUR)
    for row, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if end - begin > 1:
            hour = values[begin:end]
            flags[row] = abs(tail[row] - hour.mean()) > 3 * hour.std(ddof=1)
    return flags


def least_squares(at: Times, values: Values) -> NDArray[np.bool_]:
    """Rows where the last three lie on average three deviations off a line through all rows so far."""
    hours = (at - at[0]).astype(np.float64) / 3600.0
    flags = np.zeros(len(values), dtype=bool)
    for row in range(2, len(values)):
        x, y = hours[: row + 1], values[: row + 1]
        centered = x - x.mean()
        slope = (centered @ y) / (centered @ centered)
        errors = y - y.mean() - slope * centered
        deviation, off = errors.std(), errors[-3:].mean()
        flags[row] = abs(off) > 3 * deviation and round(deviation) != 0 and round(off) != 0
    return flags


def histogram_bins(values: Values, tail: Values) -> NDArray[np.bool_]:
    """Rows whose mean of three falls into one of 15 bins with at most 20 values, as published."""
    flags = np.zeros(len(values), dtype=bool)
    for row in range(len(values)):
        past = values[: row + 1]
        low, high = past.min(), past.max()
        edges = np.linspace(low, high, BINS + 1) if high > low else np.linspace(low - 0.5, high + 0.5, BINS + 1)
        place = int(np.searchsorted(edges, tail[row], side="right")) - 1
        if place >= BINS or (place <= 0 and tail[row] > edges[0]):
            continue
        place = max(place, 0)
        count = np.count_nonzero((past >= edges[place]) & (past < edges[place + 1]))
        flags[row] = count <= FEW_IN_BIN
    return flags


def plain_pca(fitted: Values, scored: Values, variance_kept: float = 0.9) -> Values:
    """Squared distance of standardized rows from the main components of the rows fitted on."""
    mean, deviation = fitted.mean(axis=0), np.maximum(fitted.std(axis=0), 1e-4)
    past, now = (fitted - mean) / deviation, (scored - mean) / deviation
    weights, axes = np.linalg.eigh(past.T @ past / len(past))
    weights, axes = weights[::-1], axes[:, ::-1]
    basis = axes[:, : int(np.searchsorted(np.cumsum(weights) / weights.sum(), variance_kept)) + 1]
    return ((now - (now @ basis) @ basis.T) ** 2).sum(axis=1)
