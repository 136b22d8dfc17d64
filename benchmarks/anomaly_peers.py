"""Detectors to measure beside ours: NAB's windowed Gaussian, Etsy's Skyline as NAB runs it, and plain PCA.

Written from their published definitions. Each gives a score a row from that row and those before it; PCA from a
stretch that it is fitted on.
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
    """Share of Skyline's seven tests that each row fails."""
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
    """Farther from the median of all so far than six times the median distance."""
    found = np.zeros(len(values), dtype=bool)
    for row in range(len(values)):
        distance = np.abs(values[: row + 1] - np.median(values[: row + 1]))
        usual = np.median(distance)
        found[row] = usual > 0 and distance[-1] / usual > 6
    return found


def first_hour_average(at: Times, values: Values, tail: Values) -> NDArray[np.bool_]:
    """The mean of three is beyond three deviations of the hour one day ago."""
    found = np.zeros(len(values), dtype=bool)
    begins, ends = np.searchsorted(at, at - DAY), np.searchsorted(at, at - DAY + HOUR)
    for row, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if end - begin > 1:
            hour = values[begin:end]
            found[row] = abs(tail[row] - hour.mean()) > 3 * hour.std(ddof=1)
    return found


def least_squares(at: Times, values: Values) -> NDArray[np.bool_]:
    """The last three lie on average three deviations off a line through all so far."""
    hours = (at - at[0]).astype(np.float64) / 3600.0
    found = np.zeros(len(values), dtype=bool)
    for row in range(2, len(values)):
        x, y = hours[: row + 1], values[: row + 1]
        centred = x - x.mean()
        slope = (centred @ y) / (centred @ centred)
        errors = y - y.mean() - slope * centred
        deviation, off = errors.std(), errors[-3:].mean()
        found[row] = abs(off) > 3 * deviation and round(deviation) != 0 and round(off) != 0
    return found


def histogram_bins(values: Values, tail: Values) -> NDArray[np.bool_]:
    """The mean of three falls into one of 15 bins that holds at most 20 values; as published, edges count apart."""
    found = np.zeros(len(values), dtype=bool)
    for row in range(len(values)):
        past = values[: row + 1]
        low, high = past.min(), past.max()
        edges = np.linspace(low, high, BINS + 1) if high > low else np.linspace(low - 0.5, high + 0.5, BINS + 1)
        place = int(np.searchsorted(edges, tail[row], side="right")) - 1
        if place >= BINS or (place <= 0 and tail[row] > edges[0]):
            continue
        place = max(place, 0)
        held = np.count_nonzero((past >= edges[place]) & (past < edges[place + 1]))
        found[row] = held <= FEW_IN_BIN
    return found


def plain_pca(fitted: Values, scored: Values, variance_kept: float = 0.9) -> Values:
    """Squared distance of standardised rows from the main components of the rows fitted on."""
    mean, deviation = fitted.mean(axis=0), np.maximum(fitted.std(axis=0), 1e-4)
    past, now = (fitted - mean) / deviation, (scored - mean) / deviation
    weights, axes = np.linalg.eigh(past.T @ past / len(past))
    weights, axes = weights[::-1], axes[:, ::-1]
    basis = axes[:, : int(np.searchsorted(np.cumsum(weights) / weights.sum(), variance_kept)) + 1]
    return ((now - (now @ basis) @ basis.T) ** 2).sum(axis=1)
