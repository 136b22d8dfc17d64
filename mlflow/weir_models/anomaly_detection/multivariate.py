"""Departures of many metrics together: three members, each row by rows up to itself, fits by rows before their block.

`context` is the PCA residual of each metric's value, one-step change and trailing mean, `value` that of the values alone,
each in units of its usual residual, capped so that one metric cannot dominate, squared and averaged; `neighbors` is the
distance to the nearest past rows. Errors are averaged over trailing windows, and become ranks among their own past.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weir_models.anomaly_detection.neighbors import distances, sampled
from weir_models.anomaly_detection.refits import (
    DAY_SECONDS,
    FIRST,
    Schedule,
    carried_forward,
    padded,
    rows_of,
    windows_ending,
)
from weir_models.anomaly_detection.series import Flags, Values
from weir_models.anomaly_detection.tails import event_rarity, rarity

HISTORY_DAYS = 60
READMITTED_DAYS = 14
"""Days for which an outlier is excluded from fits; what lasts longer is the new normal."""
LEAST_READMITTED = 256
SMOOTHED_SECONDS = (0.0, 600.0, 3600.0)
"""Windows over which errors are averaged: immediate, short and lasting departures."""
SMOOTHED_ROWS = 288
"""Most rows of such a window, so that the cost of a row is bounded."""
CONTEXT_SECONDS = 1800.0
"""Window of the trailing mean of a metric."""
WEIGHTS = {"context": 2.0, "value": 1.0, "neighbors": 1.0}
VARIANCE_KEPT = 0.5
USUAL_QUANTILE = 0.95
"""Quantile of a feature's past residuals that is its unit."""
CAP = 10.0
LEAST_ROWS = 24
JOINING_ROWS = 288
FIT_CLIP = 20.0
LEAST_SPREAD = 1e-2
"""Lower bound of a feature's deviation as a share of its range."""
ROUNDING = 1e-6
"""Lower bound as a share of its level."""
LEAST_USUAL = 0.05
OUTSTANDING_QUANTILE = 0.99
OUTSTANDING_LEAST = 2.0
"""A row is an outlier above this quantile of past errors, and above the second value in any case."""


@dataclass(frozen=True)
class Joint:
    """What many metrics together show; each array has one value a row."""

    rarity: Values
    """Weighted mean over the members of -log10 of the share of past rows with such an error; ranks rows."""
    event_rarity: Values
    """-log10 of the share of past rows that departed so far, at once or lastingly, times the rows of an event."""
    metric: NDArray[np.int64]
    """Column of the metric that departs most."""


@dataclass(frozen=True)
class Plane:
    """Principal components of standardized rows, and the usual residual of each feature."""

    basis: Values
    usual: Values

    @classmethod
    def of(cls, scaled: Values) -> Plane:
        """Fitted on rows."""
        weights, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
        weights, axes = np.maximum(weights[::-1], 0.0), axes[:, ::-1]
        kept = int(np.searchsorted(np.cumsum(weights), VARIANCE_KEPT * weights.sum())) + 1
        basis = np.ascontiguousarray(axes[:, : min(kept, len(weights) - 1)])
        residuals = np.abs(scaled - (scaled @ basis) @ basis.T)
        return cls(basis, np.maximum(np.quantile(residuals, USUAL_QUANTILE, axis=0), LEAST_USUAL))

    def residuals(self, scaled: Values, present: Flags) -> Values:
        """Squared, capped residual of each feature in units of its usual one; 0 where the value is missing."""
        residuals = np.abs(scaled - (scaled @ self.basis) @ self.basis.T)
        return np.where(~present | (residuals < ROUNDING), 0.0, np.minimum(residuals / self.usual, CAP) ** 2)


@dataclass(frozen=True)
class Fit:
    """Mean and deviation of the features of the past, what its members learnt, and the threshold of outliers."""

    center: Values
    spread: Values
    context: Plane
    value: Plane
    past: Values
    is_known: Flags
    """Features with enough rows in the past; the others count as missing."""
    outstanding: float

    @classmethod
    def of(cls, rows: Values, seed: int) -> Fit:
        """Fitted on rows of features with missing values; shape (rows, 3 × metrics)."""
        metrics = rows.shape[1] // 3
        present = ~np.isnan(rows)
        count = np.maximum(present.sum(axis=0), 1)
        center = np.where(present, rows, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(present, rows - center, 0.0) ** 2).sum(axis=0) / count)
        low, high = np.where(present, rows, np.inf).min(axis=0), np.where(present, rows, -np.inf).max(axis=0)
        span = np.where(present.any(axis=0), high - low, 0.0)
        level = np.tile(np.abs(center[:metrics]), 3)
        spread = np.maximum(spread, LEAST_SPREAD * span + ROUNDING * level + 1e-12)
        scaled = np.clip(np.where(present, (rows - center) / spread, 0.0), -FIT_CLIP, FIT_CLIP)
        context, value = Plane.of(scaled), Plane.of(np.ascontiguousarray(scaled[:, :metrics]))
        departure = context.residuals(scaled, present).mean(axis=1)
        outstanding = max(float(np.quantile(departure, OUTSTANDING_QUANTILE)), OUTSTANDING_LEAST)
        past = scaled[sampled(len(scaled), seed), :metrics]
        return cls(center, spread, context, value, past, count >= LEAST_ROWS, outstanding)

    def departures(self, rows: Values) -> tuple[dict[str, Values], Values]:
        """The departure of each row by member, and the part of each metric."""
        metrics = rows.shape[1] // 3
        present = ~np.isnan(rows) & self.is_known
        scaled = np.where(present, (rows - self.center) / self.spread, 0.0)
        values, has_value = np.ascontiguousarray(scaled[:, :metrics]), present[:, :metrics]
        context = self.context.residuals(scaled, present)
        count = np.maximum(has_value.sum(axis=1), 1)
        by_member = {
            "context": context.sum(axis=1) / (3 * count),
            "value": self.value.residuals(values, has_value).sum(axis=1) / count,
            "neighbors": distances(self.past, values),
        }
        return by_member, context.reshape(len(rows), 3, metrics).sum(axis=1)


def joint(values: Values, usable: Flags, period: float) -> Joint:
    """What the metrics together show; `usable` rows are the reference of ranks, and alone have one. `period` in seconds."""
    schedule = Schedule.of(period, HISTORY_DAYS)
    readmitted = rows_of(READMITTED_DAYS * DAY_SECONDS, period, LEAST_READMITTED)
    mean_rows = rows_of(CONTEXT_SECONDS, period, most=SMOOTHED_ROWS)
    smoothed = [rows_of(seconds, period, most=SMOOTHED_ROWS) for seconds in SMOOTHED_SECONDS]
    length = schedule.end(len(values))
    filled, is_known = padded(carried_forward(values), length), padded(_long_enough(values), length)
    is_reference = padded(usable, length)
    features = np.empty((length, 3 * values.shape[1]))
    complete = np.asarray(is_known.any(axis=1))
    immediate = {name: np.zeros(length) for name in WEIGHTS}
    lasting = {name: np.zeros(length) for name in WEIGHTS}
    ranks, loudest, events = np.zeros(length), np.zeros(length), np.zeros(length)
    metric = np.zeros(length, dtype=np.int64)
    is_outlier = np.zeros(length, dtype=bool)
    for start, stop in schedule.blocks(len(values)):
        features[start:stop] = np.where(
            np.tile(is_known[start:stop], 3), _with_context(filled, start, stop, mean_rows), np.nan
        )
        earlier = np.arange(max(0, start - schedule.history), start)
        admitted = earlier[complete[earlier] & ~(is_outlier[earlier] & (earlier >= start - readmitted))]
        if start == 0 or len(admitted) < LEAST_ROWS:
            continue
        fit = Fit.of(features[admitted], seed=start)
        by_member, parts = fit.departures(features[start:stop])
        metric[start:stop] = parts.argmax(axis=1)
        is_outlier[start:stop] = by_member["context"] > fit.outstanding
        earlier = np.arange(max(FIRST, start - schedule.history), start)
        reference = earlier[is_reference[earlier]]
        for name, departure in by_member.items():
            immediate[name][start:stop] = departure
            means = [windows_ending(immediate[name], start, stop, rows).mean(axis=1) for rows in smoothed]
            lasting[name][start:stop] = sum(means) / len(means)
            if len(reference):
                ranks[start:stop] += WEIGHTS[name] * rarity(lasting[name][reference], lasting[name][start:stop])
        if len(reference):
            ranks[start:stop] /= sum(WEIGHTS.values())
            at_once = rarity(immediate["neighbors"][reference], immediate["neighbors"][start:stop])
            loudest[start:stop] = np.maximum(ranks[start:stop], at_once)
            events[start:stop] = event_rarity(loudest[reference], loudest[start:stop])
    rows = slice(0, len(values))
    return Joint(np.where(usable, ranks[rows], 0.0), np.where(usable, events[rows], 0.0), metric[rows])


def _with_context(filled: Values, start: int, stop: int, mean_rows: int) -> Values:
    """Value, one-step change and trailing mean of each metric in rows start … stop - 1; shape (rows, 3 × metrics)."""
    now = filled[start:stop]
    before = np.concatenate([filled[:1], filled[: stop - 1]]) if start == 0 else filled[start - 1 : stop - 1]
    return np.concatenate([now, now - before, windows_ending(filled, start, stop, mean_rows).mean(axis=2)], axis=1)


def _long_enough(values: Values) -> Flags:
    """Where a metric has a value, and enough rows of history; a metric that starts later than the others needs more."""
    present = ~np.isnan(values)
    wait = np.where(present.argmax(axis=0) < FIRST, LEAST_ROWS, JOINING_ROWS)
    return np.asarray(present & (np.cumsum(present, axis=0) > wait))
