"""Scores and alarms of series; each row depends on itself and earlier rows, in replays as in service.

Combines residuals into a score and scores into alarms. Grouping of alarms is in alerts.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models.anomaly_detection.course import Course, course
from weir_models.anomaly_detection.multivariate import joint
from weir_models.anomaly_detection.refits import FIRST, carried_forward, period_of, rows_of
from weir_models.anomaly_detection.series import Flags, MetricSeries, Times, Values
from weir_models.anomaly_detection.threshold import WEEK_SECONDS, Ration, alarms
from weir_models.anomaly_detection.univariate import single

JOINT_SHARE = 0.9
"""Share of the alarms that is granted to the metrics together, where each is also judged alone (weighted Bonferroni)."""
PROBATION_SCORE = 0.01
"""Maximum score during the probation."""
SUDDEN_SCORE = 0.5
"""Score of a sudden departure during the probation."""
SUDDEN_JUMPS, SUDDEN_RANGES = 5.0, 0.5
"""A departure is sudden where the value jumps by so many times its largest jump so far, and leaves the range of all values so
far by this share of it."""
GAP_PERIODS = 6
SETTLING_ROWS, SETTLING_SECONDS = 32, 14_400.0
"""After a gap of GAP_PERIODS periods, SETTLING_ROWS rows are not judged: their reference is missing. After a longer one as
many rows as it has, up to SETTLING_SECONDS."""


@dataclass(frozen=True)
class DetectorSettings:
    """Settings of the detector."""

    probation_rows: int = 288
    """First rows of a series, whose past is too short to tell how rare a row is."""
    sudden_in_probation: bool = False
    """Whether a sudden departure raises an alarm all the same."""
    ration: Ration = field(default_factory=Ration)
    apart_at_most: int = 12
    """Maximum number of metrics for which each metric is also judged alone."""

    def ration_of(self, metrics: int) -> Ration:
        """The ration of a series of so many metrics."""
        return self.ration.of(metrics, self.is_apart(metrics))

    def is_apart(self, metrics: int) -> bool:
        """Whether each of so many metrics is also judged alone."""
        return metrics <= self.apart_at_most


@dataclass(frozen=True)
class Detection:
    """Detection in one series; each array has one value a row."""

    weekly_rarity: Values
    """log10 of the weeks between such events in the past, by which alarms are raised; -inf where a row cannot raise one."""
    score: Values
    """1 / (1 + rows a week in the past that depart so much); ranks rows, 0 where a row is not judged."""
    is_anomaly: Flags
    """Whether an alarm is raised at this row; the rows that continue it are not marked."""
    metric: NDArray[np.int64]
    """Column of the metric that departs most."""
    is_sudden: Flags
    """Whether the row is a sudden departure in the probation."""
    course: Course
    """What becomes of the departures."""


def detect(series: Sequence[MetricSeries], settings: DetectorSettings | None = None) -> pd.DataFrame:
    """series_id, timestamp, score (0 to 1) and is_anomaly for each row of the series, in their order."""
    frames = []
    for metric_series in series:
        detection = detected(metric_series, settings)
        frames.append(
            pd.DataFrame(
                {
                    "series_id": metric_series.series_id,
                    "timestamp": metric_series.at,
                    "score": detection.score,
                    "is_anomaly": detection.is_anomaly,
                }
            )
        )
    if frames:
        return pd.concat(frames, ignore_index=True)
    return pd.DataFrame(
        {"series_id": [], "timestamp": np.array([], "datetime64[s]"), "score": [], "is_anomaly": np.array([], bool)}
    )


def detected(series: MetricSeries, settings: DetectorSettings | None = None) -> Detection:
    """Scores, alarms and leading metrics of one series."""
    settings = settings or DetectorSettings()
    ration = settings.ration_of(len(series.metrics))
    present = ~np.isnan(series.values)
    first_row = int(present.any(axis=1).argmax()) if present.any() else len(series.at)
    rows = len(series.at)
    rarity, event_rarity, metric = np.full(rows, -np.inf), np.full(rows, -np.inf), np.zeros(rows, dtype=np.int64)
    if rows - first_row > FIRST:
        judged = slice(first_row + FIRST, rows)
        rarities, event_rarities, leading = _weekly_rarity(series.at[first_row:], series.values[first_row:], settings)
        rarity[judged], event_rarity[judged], metric[judged] = rarities[FIRST:], event_rarities[FIRST:], leading[FIRST:]
    score = 1.0 / (1.0 + 10.0**-rarity)
    probation = slice(0, first_row + settings.probation_rows)
    score[probation] = np.minimum(score[probation], PROBATION_SCORE)
    event_rarity[probation] = -np.inf
    is_sudden = np.zeros(rows, dtype=bool)
    if settings.sudden_in_probation:
        departs = sudden(series.values[probation])
        is_sudden[: len(departs)] = departs.any(axis=1)
        metric[is_sudden] = departs[is_sudden[: len(departs)]].argmax(axis=1)
        score[is_sudden] = SUDDEN_SCORE
        event_rarity[is_sudden] = np.maximum(ration.begin, 0.0)
    flags = alarms(series.at, event_rarity, ration)
    followed = course(series.at, series.values, flags, event_rarity, metric)
    return Detection(event_rarity, score, followed.is_anomaly, metric, is_sudden, followed)


def sudden(values: Values) -> Flags:
    """Values that jump far out of all that the metric has shown, by SUDDEN_JUMPS and SUDDEN_RANGES; shape as `values`."""
    flags = np.zeros(values.shape, dtype=bool)
    for column in range(values.shape[1]):
        rows = np.flatnonzero(~np.isnan(values[:, column]))
        if len(rows) <= FIRST:
            continue
        measured = values[rows, column]
        jumps = np.abs(np.diff(measured))
        lowest, highest = np.minimum.accumulate(measured)[:-1], np.maximum.accumulate(measured)[:-1]
        beyond = np.maximum(measured[1:] - highest, lowest - measured[1:])
        largest = np.r_[np.inf, np.maximum.accumulate(jumps)[:-1]]
        span = highest - lowest
        departs = (jumps > SUDDEN_JUMPS * largest) & (beyond > SUDDEN_RANGES * span) & (span > 0)
        flags[rows[1:][departs & (np.arange(1, len(rows)) >= FIRST)], column] = True
    return flags


def _weekly_rarity(at: Times, values: Values, settings: DetectorSettings) -> tuple[Values, Values, NDArray[np.int64]]:
    """Rarity of each row, rarity of the event that it would begin, and the leading metric.

    The larger of the joint rarity and that of each metric alone, both corrected for the number of tests.
    """
    filled, present = carried_forward(values), ~np.isnan(values)
    period = period_of(at)
    a_week = np.log10(WEEK_SECONDS / period)
    rarity, metric = np.full(len(at), -np.inf), np.zeros(len(at), dtype=np.int64)
    event_rarity = rarity
    columns = values.shape[1] if settings.is_apart(values.shape[1]) else 0
    # Metrics with a value so far: a cluster may deliver few of those that it could.
    seen = (np.cumsum(present, axis=0) > 0).sum(axis=1)
    is_joint, is_alone = seen > 1, np.full(len(at), columns > 0)
    joint_correction = a_week - np.log10(np.where(is_alone, JOINT_SHARE, 1.0))
    own_correction = a_week - np.log10(np.where(is_joint, 1.0 - JOINT_SHARE, 1.0) / np.maximum(seen, 1))
    if is_joint.any():
        usable = settled(at, np.asarray(present.any(axis=1)), period)
        together = joint(values, usable, period)
        usable &= is_joint
        rarity = np.where(usable, together.rarity - joint_correction, -np.inf)
        event_rarity = np.where(usable, together.event_rarity - joint_correction, -np.inf)
        metric = together.metric
    for column in range(columns):
        usable = settled(at, present[:, column], period)
        first_row = int(present[:, column].argmax())
        if not usable.any() or len(at) - first_row <= FIRST:
            continue
        alone = single(at[first_row:], filled[first_row:, column], usable[first_row:], period)
        usable &= np.arange(len(at)) >= first_row + settings.probation_rows * (first_row > 0)
        own, own_event = np.full(len(at), -np.inf), np.full(len(at), -np.inf)
        own[first_row:], own_event[first_row:] = alone.rarity, alone.event_rarity
        own, own_event = own - own_correction, own_event - own_correction
        own, own_event = np.where(usable, own, -np.inf), np.where(usable, own_event, -np.inf)
        metric = np.where(own_event > event_rarity, column, metric)
        rarity, event_rarity = np.maximum(rarity, own), np.maximum(event_rarity, own_event)
    return rarity, event_rarity, metric


def settled(at: Times, present: Flags, period: float) -> Flags:
    """Rows with a value, except those shortly after a gap."""
    rows = np.flatnonzero(present)
    periods = np.diff(at[rows]).astype(np.float64) / period
    usable = present.copy()
    most = rows_of(SETTLING_SECONDS, period, least=SETTLING_ROWS)
    for gap in np.flatnonzero(periods > GAP_PERIODS):
        settling = int(min(max(periods[gap], SETTLING_ROWS), most))
        usable[rows[gap + 1 : gap + 1 + settling]] = False
    return usable
