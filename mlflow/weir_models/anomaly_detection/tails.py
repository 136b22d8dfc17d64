"""Rarity of a residual among past ones: conformal ranks, continued by a generalized Pareto tail."""

from __future__ import annotations

import numpy as np

from weir_models.anomaly_detection.series import Values

TAIL_SHARE = 0.02
LEAST_EXCESSES = 10
MOST_RARE = 30.0


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


def run_length(past: Values) -> float:
    """Mean length of runs of past values in the tail, that is the rows of one event (runs estimator)."""
    if len(past) < LEAST_EXCESSES / TAIL_SHARE:
        return 1.0
    over = past > np.quantile(past, 1.0 - TAIL_SHARE)
    begins = int(over[0]) + int(np.count_nonzero(over[1:] & ~over[:-1]))
    return float(np.count_nonzero(over)) / max(begins, 1)
