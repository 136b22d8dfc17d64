"""What many metrics do together: what the main components of the past leave unexplained, each metric by its own measure.

Residuals are divided by what is usual for their metric, capped so that one metric cannot speak for all, squared,
averaged and smoothed over the last rows. A row uses rows up to itself; fits use rows before their block, without
those that stood out lately. How rare a value is, is for tails.py to say.
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
"""Rows between fits, and rows that a fit looks back: a day and two months of minutes."""
VARIANCE_KEPT = 0.5
USUAL_QUANTILE = 0.95
"""Of a metric's past residuals: the unit in which its residuals count."""
CAP = 10.0
SMOOTHED_ROWS = (1, 10, 60)
"""A departure is averaged over each of these last rows: at once, soon, and lastingly."""
LEAST_ROWS = 24
JOINING_ROWS = 288
FIT_CLIP = 20.0
LEAST_SPREAD = 1e-2
"""A metric's deviation is at least this share of its range."""
ROUNDING = 1e-6
"""And at least this share of its size."""
LEAST_USUAL = 0.05
OUTSTANDING_QUANTILE = 0.99
OUTSTANDING_LEAST = 1.0
"""A row stands out above this quantile of the past's departures, but never below the usual edge itself."""
READMITTED_AFTER = 14 * 1440
"""Rows for which a row that stood out is kept from the fits: what lasts longer is the new normal."""


@dataclass(frozen=True)
class Fit:
    """Centre, spread and main components of the past, what each metric usually leaves, and when a row stands out."""

    centre: Values
    spread: Values
    basis: Values
    usual: Values
    outstanding: float

    def residuals(self, values: Values) -> Values:
        """How much of each metric the components leave, in what is usual for it, capped and squared; 0 where missing."""
        scaled = self.scaled(values)
        left = np.abs(scaled - (scaled @ self.basis) @ self.basis.T)
        return np.where(np.isnan(values) | (left < ROUNDING), 0.0, np.minimum(left / self.usual, CAP) ** 2)

    def scaled(self, values: Values) -> Values:
        """Deviations from the centre in spreads; a missing value is at the centre."""
        return np.nan_to_num((values - self.centre) / self.spread, nan=0.0)


def fitted(past: Values) -> Fit:
    """A fit on rows of which some values may be missing."""
    there = ~np.isnan(past)
    count = np.maximum(there.sum(axis=0), 1)
    known = np.where(there, past, 0.0)
    centre = known.sum(axis=0) / count
    spread = np.sqrt((np.where(there, past - centre, 0.0) ** 2).sum(axis=0) / count)
    lowest, highest = np.where(there, past, np.inf).min(axis=0), np.where(there, past, -np.inf).max(axis=0)
    span = np.where(there.any(axis=0), highest - lowest, 0.0)
    spread = np.maximum(spread, LEAST_SPREAD * span + ROUNDING * np.abs(centre) + 1e-12)
    scaled = np.clip(np.where(there, (past - centre) / spread, 0.0), -FIT_CLIP, FIT_CLIP)
    weights, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    weights, axes = np.maximum(weights[::-1], 0.0), axes[:, ::-1]
    kept = min(int(np.searchsorted(np.cumsum(weights), VARIANCE_KEPT * weights.sum())) + 1, len(weights) - 1)
    basis = np.ascontiguousarray(axes[:, :kept])
    left = np.abs(scaled - (scaled @ basis) @ basis.T)
    usual = np.maximum(np.quantile(left, USUAL_QUANTILE, axis=0), LEAST_USUAL)
    own = (np.minimum(left / usual, CAP) ** 2).mean(axis=1)
    return Fit(centre, spread, basis, usual, max(float(np.quantile(own, OUTSTANDING_QUANTILE)), OUTSTANDING_LEAST))


def departures(values: Values) -> tuple[Values, Values]:
    """Smoothed departure of each row (0 is usual, 1 the usual edge), and each metric's part in it; NaN is no departure."""
    length = end_of_blocks(len(values), CADENCE)
    known = padded(np.where(_long_enough(values), values, np.nan), length)
    there = ~np.isnan(known)
    departure, smooth = np.zeros(length), np.zeros(length)
    parts = np.zeros(known.shape)
    stood_out = np.zeros(length, dtype=bool)
    complete = np.asarray(there.any(axis=1))
    for start, stop in blocks(len(values), CADENCE):
        if start == 0:
            continue
        earlier = np.arange(max(0, start - HISTORY), start)
        admitted = earlier[complete[earlier] & ~(stood_out[earlier] & (earlier >= start - READMITTED_AFTER))]
        if len(admitted) < LEAST_ROWS:
            continue
        fit = fitted(known[admitted])
        block = fit.residuals(known[start:stop])
        parts[start:stop] = block
        departure[start:stop] = block.sum(axis=1) / np.maximum(there[start:stop].sum(axis=1), 1)
        stood_out[start:stop] = departure[start:stop] > fit.outstanding
        means = [windows_ending(departure, start, stop, rows).mean(axis=1) for rows in SMOOTHED_ROWS]
        smooth[start:stop] = sum(means) / len(means)
    return smooth[: len(values)], parts[: len(values)]


def _long_enough(values: Values) -> Flags:
    """Where a metric has been there for enough rows to have a past; one that joins the others waits longer."""
    there = ~np.isnan(values)
    wait = np.where(there.argmax(axis=0) < FIRST, LEAST_ROWS, JOINING_ROWS)
    return np.asarray(np.cumsum(there, axis=0) > wait)


def rarities(departure: Values, usable: Flags) -> tuple[Values, Values]:
    """-log10 of how often the past departed so far, and how many rows one event had in the past; 0 and 1 without a past."""
    length = end_of_blocks(len(departure), CADENCE)
    seen, fit = padded(departure, length), padded(usable, length)
    found, event_rows = np.zeros(length), np.ones(length)
    for start, stop in blocks(len(departure), CADENCE):
        if start > FIRST:
            reference = slice(max(FIRST, start - HISTORY), start)
            past = seen[reference][fit[reference]]
            found[start:stop] = rarity(past, seen[start:stop])
            event_rows[start:stop] = max(run_length(past), 1.0)
    return np.where(usable, found[: len(departure)], 0.0), event_rows[: len(departure)]
