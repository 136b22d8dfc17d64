"""Scores and alarms of whole series, each row from itself and the rows before it: one code path for replay and service.

Knows how residuals become a score and a score an alarm. Reads no file and groups no alarms.
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
"""An average of ranks is rarer than each of them: what is added to it, in powers of ten."""
PROBATION_SCORE = 0.01
"""The most that a row of the probation scores."""
GAP_PERIODS = 6
SETTLING_ROWS = 32
"""After so many periods without a value so many are not judged, for what they would be compared with is gone."""


@dataclass(frozen=True)
class DetectorSettings:
    """What a person may set."""

    probation_rows: int = 288
    """First rows of a series that raise no alarm: there is too little past."""
    ration: Ration = field(default_factory=Ration)
    apart_at_most: int = 12
    """A series of at most so many metrics is judged by each metric alone as well as by all together."""


@dataclass(frozen=True)
class Detection:
    """What was found in one series, a value a row."""

    weekly_rarity: Values
    """log10 of the weeks in which the past shows such an event once; -inf where a row raises no alarm."""
    score: Values
    """1 / (1 + times a week that the past shows the like): 0.5 is once a week; 0 where a row is not judged."""
    is_anomaly: Flags
    """Whether an alarm is raised at this row; the rows that continue it are not marked."""
    metric: NDArray[np.int64]
    """Column of the metric that departs most."""


def detect(series: Sequence[MetricSeries], settings: DetectorSettings | None = None) -> pd.DataFrame:
    """series_id, timestamp, score (0 to 1), is_anomaly: a row for each row of the series, in their order."""
    parts = []
    for one in series:
        found = detected(one, settings)
        parts.append(
            pd.DataFrame(
                {"series_id": one.series_id, "timestamp": one.at, "score": found.score, "is_anomaly": found.is_anomaly}
            )
        )
    if parts:
        return pd.concat(parts, ignore_index=True)
    return pd.DataFrame(
        {"series_id": [], "timestamp": np.array([], "datetime64[s]"), "score": [], "is_anomaly": np.array([], bool)}
    )


def detected(series: MetricSeries, settings: DetectorSettings | None = None) -> Detection:
    """Scores, alarms and leading metrics of one series."""
    settings = settings or DetectorSettings()
    there = ~np.isnan(series.values)
    first = int(there.any(axis=1).argmax()) if there.any() else len(series.at)
    rows = len(series.at)
    rarity, seldom, metric = np.full(rows, -np.inf), np.full(rows, -np.inf), np.zeros(rows, dtype=np.int64)
    if rows - first > FIRST:
        judged = slice(first + FIRST, rows)
        one, other, leading = _weekly_rarity(series.at[first:], series.values[first:], settings)
        rarity[judged], seldom[judged], metric[judged] = one[FIRST:], other[FIRST:], leading[FIRST:]
    score = 1.0 / (1.0 + 10.0**-rarity)
    probation = slice(0, first + settings.probation_rows)
    score[probation] = np.minimum(score[probation], PROBATION_SCORE)
    return Detection(seldom, score, alarms(series.at, seldom, settings.ration), metric)


def _weekly_rarity(at: Times, values: Values, settings: DetectorSettings) -> tuple[Values, Values, NDArray[np.int64]]:
    """Rarity of each row and of the event that it would begin, by all metrics together, by each alone, or by whichever
    says more; and the metric that leads."""
    known, there = carried_forward(values), ~np.isnan(values)
    period = float(np.median(np.diff(at[:FIRST]).astype(np.float64)))
    a_week = np.log10(WEEK_SECONDS / period)
    rarity, metric = np.full(len(at), -np.inf), np.zeros(len(at), dtype=np.int64)
    seldom = rarity
    columns = values.shape[1] if values.shape[1] <= settings.apart_at_most else 0
    ways = np.log10((values.shape[1] > 1) + (columns > 0))
    if values.shape[1] > 1:
        departure, parts = multivariate.departures(values)
        usable = settled(at, np.asarray(there.any(axis=1)), period)
        together, event_rows = multivariate.rarities(departure, usable)
        rarity = np.where(usable, together - a_week - ways, -np.inf)
        seldom = rarity + np.log10(event_rows)
        metric = parts.argmax(axis=1)
    for column in range(columns):
        usable = settled(at, there[:, column], period)
        begin = int(there[:, column].argmax())
        if not usable.any() or len(at) - begin <= FIRST:
            continue
        members = univariate.rarities(at[begin:], known[begin:, column], usable[begin:])
        alone = np.full(len(at), -np.inf)
        alone[begin:] = univariate.severity(members) + AVERAGING - a_week - ways - np.log10(columns)
        usable &= np.arange(len(at)) >= begin + settings.probation_rows * (begin > 0)
        alone = np.where(usable, alone, -np.inf)
        metric = np.where(alone > seldom, column, metric)
        rarity, seldom = np.maximum(rarity, alone), np.maximum(seldom, alone)
    return rarity, seldom, metric


def settled(at: Times, there: Flags, period: float) -> Flags:
    """Rows with a value that do not follow a gap closely."""
    rows = np.flatnonzero(there)
    gaps = np.flatnonzero(np.diff(at[rows]).astype(np.float64) > GAP_PERIODS * period) + 1
    found = there.copy()
    for later in range(SETTLING_ROWS):
        found[rows[gaps[gaps + later < len(rows)] + later]] = False
    return found
