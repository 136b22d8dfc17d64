"""Scores and alarms of series; each row depends on itself and earlier rows, in replays as in service.

Combines residuals into a score and scores into alarms. Grouping of alarms is in alerts.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models.anomaly_detection import multivariate, univariate
from weir_models.anomaly_detection.refits import FIRST, carried_forward
from weir_models.anomaly_detection.series import Flags, MetricSeries, Times, Values
from weir_models.anomaly_detection.threshold import WEEK_SECONDS, Ration, alarms

AVERAGING = 1.0
"""Correction in powers of ten: an average of ranks is extreme less often than each rank."""
PROBATION_SCORE = 0.01
"""Maximum score during the probation."""
GAP_PERIODS = 6
SETTLING_ROWS = 32
"""After a gap of GAP_PERIODS periods, SETTLING_ROWS rows are not judged: their reference is missing."""


@dataclass(frozen=True)
class DetectorSettings:
    """Settings of the detector."""

    probation_rows: int = 288
    """First rows of a series, which raise no alarm."""
    ration: Ration = field(default_factory=Ration)
    apart_at_most: int = 12
    """Maximum number of metrics for which each metric is also judged alone."""


@dataclass(frozen=True)
class Detection:
    """Detection in one series; each array has one value a row."""

    weekly_rarity: Values
    """log10 of the weeks between such events in the past; -inf where a row cannot raise an alarm."""
    score: Values
    """1 / (1 + occurrences a week in the past): 0.5 is once a week; 0 where a row is not judged."""
    is_anomaly: Flags
    """Whether an alarm is raised at this row; the rows that continue it are not marked."""
    metric: NDArray[np.int64]
    """Column of the metric that departs most."""


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
    return Detection(event_rarity, score, alarms(series.at, event_rarity, settings.ration), metric)


def _weekly_rarity(at: Times, values: Values, settings: DetectorSettings) -> tuple[Values, Values, NDArray[np.int64]]:
    """Rarity of each row, rarity of the event that it would begin, and the leading metric.

    The larger of the joint rarity and that of each metric alone, both corrected for the number of tests.
    """
    filled, present = carried_forward(values), ~np.isnan(values)
    period = float(np.median(np.diff(at[:FIRST]).astype(np.float64)))
    a_week = np.log10(WEEK_SECONDS / period)
    rarity, metric = np.full(len(at), -np.inf), np.zeros(len(at), dtype=np.int64)
    event_rarity = rarity
    columns = values.shape[1] if values.shape[1] <= settings.apart_at_most else 0
    test_correction = np.log10((values.shape[1] > 1) + (columns > 0))
    if values.shape[1] > 1:
        departure, residuals = multivariate.departures(values)
        usable = settled(at, np.asarray(present.any(axis=1)), period)
        joint, event_rows = multivariate.rarities(departure, usable)
        rarity = np.where(usable, joint - a_week - test_correction, -np.inf)
        event_rarity = rarity + np.log10(event_rows)
        metric = residuals.argmax(axis=1)
    for column in range(columns):
        usable = settled(at, present[:, column], period)
        first_row = int(present[:, column].argmax())
        if not usable.any() or len(at) - first_row <= FIRST:
            continue
        members = univariate.rarities(at[first_row:], filled[first_row:, column], usable[first_row:])
        single = np.full(len(at), -np.inf)
        single[first_row:] = univariate.severity(members) + AVERAGING - a_week - test_correction - np.log10(columns)
        usable &= np.arange(len(at)) >= first_row + settings.probation_rows * (first_row > 0)
        single = np.where(usable, single, -np.inf)
        metric = np.where(single > event_rarity, column, metric)
        rarity, event_rarity = np.maximum(rarity, single), np.maximum(event_rarity, single)
    return rarity, event_rarity, metric


def settled(at: Times, present: Flags, period: float) -> Flags:
    """Rows with a value, except those shortly after a gap."""
    rows = np.flatnonzero(present)
    gaps = np.flatnonzero(np.diff(at[rows]).astype(np.float64) > GAP_PERIODS * period) + 1
    usable = present.copy()
    for later in range(SETTLING_ROWS):
        usable[rows[gaps[gaps + later < len(rows)] + later]] = False
    return usable
