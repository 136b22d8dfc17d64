"""PCA reconstruction error of many metrics together.

The residual of each metric is divided by its usual size, capped so that one metric cannot dominate, squared, averaged over
metrics and smoothed over the last rows. A row uses rows up to itself; fits use rows before their block, without recent
outliers. tails.py turns the error into a rarity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weir_models.anomaly_detection.refits import FIRST, blocks, end_of_blocks, padded
from weir_models.anomaly_detection.series import Flags, Values
from weir_models.anomaly_detection.tails import rarity, run_length
from weir_models.anomaly_detection.univariate import windows_ending

CADENCE = 1440
HISTORY = 60 * 1440
"""Rows between fits (a day of minutes), and rows that a fit reads (two months)."""
VARIANCE_KEPT = 0.5
USUAL_QUANTILE = 0.95
"""Quantile of a metric's past residuals that is its unit."""
CAP = 10.0
SMOOTHED_ROWS = (1, 10, 60)
"""Windows over which errors are averaged: immediate, short and lasting departures."""
LEAST_ROWS = 24
JOINING_ROWS = 288
FIT_CLIP = 20.0
LEAST_SPREAD = 1e-2
"""Lower bound of a metric's deviation as a share of its range."""
ROUNDING = 1e-6
"""Lower bound as a share of its level."""
LEAST_USUAL = 0.05
OUTSTANDING_QUANTILE = 0.99
OUTSTANDING_LEAST = 1.0
"""A row is an outlier above this quantile of past errors, and above the second value in any case."""
READMITTED_AFTER = 14 * 1440
"""Rows for which an outlier is excluded from fits; what lasts longer is the new normal."""


@dataclass(frozen=True)
class Fit:
    """Mean, deviation and principal components of the past, usual residuals, and the outlier threshold."""

    center: Values
    spread: Values
    basis: Values
    usual: Values
    outstanding: float

    def residuals(self, values: Values) -> Values:
        """Squared, capped residual of each metric in units of its usual one; 0 where the value is missing."""
        scaled = self.scaled(values)
        left = np.abs(scaled - (scaled @ self.basis) @ self.basis.T)
        return np.where(np.isnan(values) | (left < ROUNDING), 0.0, np.minimum(left / self.usual, CAP) ** 2)

    def scaled(self, values: Values) -> Values:
        """Standardized values; a missing value is at the mean."""
        return np.nan_to_num((values - self.center) / self.spread, nan=0.0)


def fitted(past: Values) -> Fit:
    """A fit on rows with missing values."""
    present = ~np.isnan(past)
    count = np.maximum(present.sum(axis=0), 1)
    filled = np.where(present, past, 0.0)
    center = filled.sum(axis=0) / count
    spread = np.sqrt((np.where(present, past - center, 0.0) ** 2).sum(axis=0) / count)
    lowest, highest = np.where(present, past, np.inf).min(axis=0), np.where(present, past, -np.inf).max(axis=0)
    span = np.where(present.any(axis=0), highest - lowest, 0.0)
    spread = np.maximum(spread, LEAST_SPREAD * span + ROUNDING * np.abs(center) + 1e-12)
    scaled = np.clip(np.where(present, (past - center) / spread, 0.0), -FIT_CLIP, FIT_CLIP)
    weights, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    weights, axes = np.maximum(weights[::-1], 0.0), axes[:, ::-1]
    kept = min(int(np.searchsorted(np.cumsum(weights), VARIANCE_KEPT * weights.sum())) + 1, len(weights) - 1)
    basis = np.ascontiguousarray(axes[:, :kept])
    left = np.abs(scaled - (scaled @ basis) @ basis.T)
    usual = np.maximum(np.quantile(left, USUAL_QUANTILE, axis=0), LEAST_USUAL)
    departure = (np.minimum(left / usual, CAP) ** 2).mean(axis=1)
    return Fit(
        center, spread, basis, usual, max(float(np.quantile(departure, OUTSTANDING_QUANTILE)), OUTSTANDING_LEAST)
    )


def departures(values: Values) -> tuple[Values, Values]:
    """Smoothed reconstruction error of each row (1 is the usual upper end), and the part of each metric; NaN counts as 0."""
    length = end_of_blocks(len(values), CADENCE)
    series = padded(np.where(_long_enough(values), values, np.nan), length)
    present = ~np.isnan(series)
    departure, smooth = np.zeros(length), np.zeros(length)
    parts = np.zeros(series.shape)
    stood_out = np.zeros(length, dtype=bool)
    complete = np.asarray(present.any(axis=1))
    for start, stop in blocks(len(values), CADENCE):
        if start == 0:
            continue
        earlier = np.arange(max(0, start - HISTORY), start)
        admitted = earlier[complete[earlier] & ~(stood_out[earlier] & (earlier >= start - READMITTED_AFTER))]
        if len(admitted) < LEAST_ROWS:
            continue
        fit = fitted(series[admitted])
        block = fit.residuals(series[start:stop])
        parts[start:stop] = block
        departure[start:stop] = block.sum(axis=1) / np.maximum(present[start:stop].sum(axis=1), 1)
        stood_out[start:stop] = departure[start:stop] > fit.outstanding
        means = [windows_ending(departure, start, stop, rows).mean(axis=1) for rows in SMOOTHED_ROWS]
        smooth[start:stop] = sum(means) / len(means)
    return smooth[: len(values)], parts[: len(values)]


def _long_enough(values: Values) -> Flags:
    """Where a metric has enough rows of history; a metric that starts later than the others needs more."""
    present = ~np.isnan(values)
    wait = np.where(present.argmax(axis=0) < FIRST, LEAST_ROWS, JOINING_ROWS)
    return np.asarray(np.cumsum(present, axis=0) > wait)


def rarities(departure: Values, usable: Flags) -> tuple[Values, Values]:
    """-log10 of the share of past rows with such an error, and the rows of a past event; 0 and 1 without a past."""
    length = end_of_blocks(len(departure), CADENCE)
    seen, fit = padded(departure, length), padded(usable, length)
    rare, event_rows = np.zeros(length), np.ones(length)
    for start, stop in blocks(len(departure), CADENCE):
        if start > FIRST:
            reference = slice(max(FIRST, start - HISTORY), start)
            past = seen[reference][fit[reference]]
            rare[start:stop] = rarity(past, seen[start:stop])
            event_rows[start:stop] = max(run_length(past), 1.0)
    return np.where(usable, rare[: len(departure)], 0.0), event_rows[: len(departure)]
