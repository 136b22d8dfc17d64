"""Rarity of a residual among past ones: conformal ranks, continued by a generalized Pareto tail."""

from __future__ import annotations

import numpy as np

from weir_models.anomaly_detection.series import Values

TAIL_SHARE = 0.02
LEAST_EXCESSES = 10
MOST_RARE = 30.0
EVENT_GAP_ROWS = 12
"""Rows of the tail so close to one another are one event."""


def rarity(past: Values, now: Values) -> Values:
    """-log10 of the share of the past at or above each value: 0 is usual, 3 is one in a thousand.

    A conformal p-value, (1 + number of past values at or above) / (1 + number of past values); beyond the 98th percentile
    a generalized Pareto tail fitted by moments (Hosking and Wallis 1987).
    """
    ordered = np.sort(past)
    size = len(ordered)
    above = size - np.searchsorted(ordered, now, side="left")
    probability = (1.0 + above) / (1.0 + size)
    excesses = int(TAIL_SHARE * size)
    if excesses >= LEAST_EXCESSES:
        threshold = ordered[size - excesses - 1]
        over = ordered[size - excesses :] - threshold
        beyond = now > threshold
        tail = pareto_survival(over, now[beyond] - threshold) * (excesses + 1.0) / (size + 1.0)
        probability[beyond] = tail
    return -np.log10(np.maximum(probability, 10.0**-MOST_RARE))


def pareto_survival(over: Values, now: Values) -> Values:
    """Survival function at `now` of a generalized Pareto distribution with the moments of `over` and a shape of 0 to 0.45."""
    mean, variance = float(over.mean()), float(over.var())
    if mean <= 0:
        return np.where(now > 0, 0.0, 1.0)
    shape = 0.5 * (1.0 - mean * mean / variance) if variance > 0 else 0.0
    shape = min(max(shape, 0.0), 0.45)
    scale = mean * (1.0 - shape)
    if shape < 1e-6:
        return np.exp(-now / scale)
    return (1.0 + shape * now / scale) ** (-1.0 / shape)


def event_rarity(past: Values, now: Values) -> Values:
    """-log10 of the events a row of the past that reached each value: what came three times is three events, however long.

    An event is a run of rows in the tail with its peak, peaks are continued by a generalized Pareto tail; below the tail,
    and where there are few events, it is the rarity of the row times the mean length of a run.
    """
    rare = rarity(past, now)
    size = len(past)
    if size < LEAST_EXCESSES / TAIL_SHARE:
        return rare
    threshold = float(np.quantile(past, 1.0 - TAIL_SHARE))
    rows = np.flatnonzero(past > threshold)
    if not len(rows):
        return rare
    begins = np.r_[0, np.flatnonzero(np.diff(rows) > EVENT_GAP_ROWS) + 1]
    peaks = np.sort(np.maximum.reduceat(past[rows], begins))
    rare = rare + np.log10(len(rows) / len(peaks))
    if len(peaks) < LEAST_EXCESSES:
        return rare
    over = now > threshold
    above = len(peaks) - np.searchsorted(peaks, now[over], side="left")
    reached = (1.0 + above) / (1.0 + size)
    beyond = now[over] > peaks[-LEAST_EXCESSES]
    excesses = peaks[-LEAST_EXCESSES + 1 :] - peaks[-LEAST_EXCESSES]
    tail = pareto_survival(excesses, now[over][beyond] - peaks[-LEAST_EXCESSES]) * LEAST_EXCESSES / (1.0 + size)
    reached[beyond] = tail
    rare[over] = -np.log10(np.maximum(reached, 10.0**-MOST_RARE))
    return rare
