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
        residuals = np.abs(scaled - (scaled @ self.basis) @ self.basis.T)
        return np.where(np.isnan(values) | (residuals < ROUNDING), 0.0, np.minimum(residuals / self.usual, CAP) ** 2)

    def scaled(self, values: Values) -> Values:
        """Standardized values; a missing value is at the mean."""
        return np.nan_to_num((values - self.center) / self.spread, nan=0.0)


def fitted(rows: Values) -> Fit:
    """A fit on rows with missing values."""
    present = ~np.isnan(rows)
    count = np.maximum(present.sum(axis=0), 1)
    filled = np.where(present, rows, 0.0)
    center = filled.sum(axis=0) / count
    spread = np.sqrt((np.where(present, rows - center, 0.0) ** 2).sum(axis=0) / count)
    lowest, highest = np.where(present, rows, np.inf).min(axis=0), np.where(present, rows, -np.inf).max(axis=0)
    span = np.where(present.any(axis=0), highest - lowest, 0.0)
    spread = np.maximum(spread, LEAST_SPREAD * span + ROUNDING * np.abs(center) + 1e-12)
    scaled = np.clip(np.where(present, (rows - center) / spread, 0.0), -FIT_CLIP, FIT_CLIP)
    weights, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    weights, axes = np.maximum(weights[::-1], 0.0), axes[:, ::-1]
    component_count = min(int(np.searchsorted(np.cumsum(weights), VARIANCE_KEPT * weights.sum())) + 1, len(weights) - 1)
    basis = np.ascontiguousarray(axes[:, :component_count])
    residuals = np.abs(scaled - (scaled @ basis) @ basis.T)
    usual = np.maximum(np.quantile(residuals, USUAL_QUANTILE, axis=0), LEAST_USUAL)
    departure = (np.minimum(residuals / usual, CAP) ** 2).mean(axis=1)
    return Fit(
        center, spread, basis, usual, max(float(np.quantile(departure, OUTSTANDING_QUANTILE)), OUTSTANDING_LEAST)
    )


def departures(values: Values) -> tuple[Values, Values]:
    """Smoothed reconstruction error of each row (1 is the usual upper end), and the part of each metric; NaN counts as 0."""
    length = end_of_blocks(len(values), CADENCE)
    series = padded(np.where(_long_enough(values), values, np.nan), length)
    present = ~np.isnan(series)
    departure, smooth = np.zeros(length), np.zeros(length)
    residuals = np.zeros(series.shape)
    is_outlier = np.zeros(length, dtype=bool)
    complete = np.asarray(present.any(axis=1))
    for start, stop in blocks(len(values), CADENCE):
        if start == 0:
            continue
        earlier = np.arange(max(0, start - HISTORY), start)
        admitted = earlier[complete[earlier] & ~(is_outlier[earlier] & (earlier >= start - READMITTED_AFTER))]
        if len(admitted) < LEAST_ROWS:
            continue
        fit = fitted(series[admitted])
        block = fit.residuals(series[start:stop])
        residuals[start:stop] = block
        departure[start:stop] = block.sum(axis=1) / np.maximum(present[start:stop].sum(axis=1), 1)
        is_outlier[start:stop] = departure[start:stop] > fit.outstanding
        means = [windows_ending(departure, start, stop, rows).mean(axis=1) for rows in SMOOTHED_ROWS]
        smooth[start:stop] = sum(means) / len(means)
    return smooth[: len(values)], residuals[: len(values)]


def _long_enough(values: Values) -> Flags:
    """Where a metric has enough rows of history; a metric that starts later than the others needs more."""
    present = ~np.isnan(values)
    wait = np.where(present.argmax(axis=0) < FIRST, LEAST_ROWS, JOINING_ROWS)
    return np.asarray(np.cumsum(present, axis=0) > wait)


def rarities(departure: Values, usable: Flags) -> tuple[Values, Values]:
    """-log10 of the share of past rows with such an error, and the rows of a past event; 0 and 1 without a past."""
    length = end_of_blocks(len(departure), CADENCE)
    errors, fit = padded(departure, length), padded(usable, length)
    rarity_of_rows, event_rows = np.zeros(length), np.ones(length)
    for start, stop in blocks(len(departure), CADENCE):
        if start > FIRST:
            reference = slice(max(FIRST, start - HISTORY), start)
            reference_errors = errors[reference][fit[reference]]
            rarity_of_rows[start:stop] = rarity(reference_errors, errors[start:stop])
            event_rows[start:stop] = max(run_length(reference_errors), 1.0)
    return np.where(usable, rarity_of_rows[: len(departure)], 0.0), event_rows[: len(departure)]
