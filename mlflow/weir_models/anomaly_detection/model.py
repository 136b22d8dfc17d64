"""The estimator: rows of clusters in, score, alarm, leading metric and reason out.

`fit` chooses the initial threshold and the alarm budget; the detector learns everything else online from the past of each
series. `predict` therefore needs the history of each cluster before the rows of interest: some weeks, at least the
probation.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from weir_models.anomaly_detection import evaluation
from weir_models.anomaly_detection.alerts import SEVERITIES
from weir_models.anomaly_detection.course import INFO_LEVEL
from weir_models.anomaly_detection.detector import Detection, DetectorSettings, detected
from weir_models.anomaly_detection.refits import DAY_SECONDS, period_of, rows_of
from weir_models.anomaly_detection.series import MetricSeries, SeriesError
from weir_models.anomaly_detection.spec import METRICS, SHARE_FLOORS
from weir_models.anomaly_detection.threshold import QUIET_ALONE, Ration, alarms
from weir_models.contract import Evaluation
from weir_models.estimator import Estimator

STARTS = (-0.75, -0.6, -0.5, -0.4, -0.25, 0.0, 0.25, 0.5, 1.0)
"""Candidates for the initial threshold, relative to the default one, ascending; below them all rows continue one alarm."""
RESERVE = 0.75
"""Share of the allowed false alarms that the examples may use; other weeks are different."""
COLUMNS = ("score", "is_anomaly", "severity", "metric", "reason")


class AnomalyDetection(Estimator):
    """Anomaly detector of cluster metrics: its settings and the fitted initial threshold."""

    def __init__(
        self,
        alarms_per_week: float = Ration().alarms_per_week,
        false_alarms_per_week: float = 1.0,
        probation_rows: int = 288,
        quiet_hours: float = QUIET_ALONE / 3600,
        step: float = Ration().step,
    ) -> None:
        """`alarms_per_week` is the budget of a series, which may be set before predicting; `false_alarms_per_week` bounds `fit`.

        Of the first `probation_rows` rows only a sudden departure raises an alarm; rows within `quiet_hours` of an alarm
        belong to it (two hours at most where there are many metrics).
        """
        self.alarms_per_week = alarms_per_week
        self.false_alarms_per_week = false_alarms_per_week
        self.probation_rows = probation_rows
        self.quiet_hours = quiet_hours
        self.step = step

    def fit(self, examples: pd.DataFrame, seed: int = 0) -> AnomalyDetection:
        """Choose the lowest of the initial thresholds whose false alarms stay within their bound.

        Without labeled incidents the default stays. `seed` is unused: nothing is random.
        """
        del seed
        self.start_ = 0.0
        if "split" in examples:
            examples = examples[examples["split"] != "evaluate"]
        if "is_incident" not in examples or not examples["is_incident"].fillna(False).any():
            return self
        judged = self._judged(examples.drop(columns="split", errors="ignore"))
        chosen = self.start_
        for self.start_ in STARTS:
            settings, total, weeks = self.settings(), evaluation.Events(), 0.0
            for example in judged:
                rarity = np.where(example.measured, example.detection.weekly_rarity, np.nan)
                flags = alarms(example.series.at, rarity, settings.ration_of(len(example.series.metrics)))
                total += evaluation.events(example.labels[example.measured], flags[example.measured])
                weeks += evaluation.weeks(example.series.at[example.measured])
            if total.false <= RESERVE * self.false_alarms_per_week * weeks:
                chosen = self.start_
                break
        self.start_ = chosen
        return self

    def settings(self) -> DetectorSettings:
        """The settings of the detector."""
        ration = Ration(self.alarms_per_week, Ration().start + self.start_, self.step, self.quiet_hours * 3600)
        return DetectorSettings(self.probation_rows, sudden_in_probation=True, ration=ration)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """score (0 to 1), is_anomaly, severity, metric and reason for each row, with the index of the frame.

        Rows that follow an alarm and are none: with a severity, its departure became more severe; with a reason alone, it
        has ended.
        """
        predictions = pd.DataFrame(
            {
                "score": np.zeros(len(frame)),
                "is_anomaly": np.zeros(len(frame), dtype=bool),
                "severity": pd.Series([None] * len(frame), dtype=object),
                "metric": pd.Series([None] * len(frame), dtype=object),
                "reason": pd.Series([None] * len(frame), dtype=object),
            }
        )
        for series, places in series_of(frame):
            detection = detected(series, self.settings())
            predictions.loc[places, "score"] = detection.score
            predictions.loc[places, "is_anomaly"] = detection.is_anomaly
            columns = ["severity", "metric", "reason"]
            for row, description in followed(series, detection).items():
                predictions.loc[places[row], columns] = description
        return predictions.set_axis(frame.index)

    def _judged(self, examples: pd.DataFrame) -> list[evaluation.Judged]:
        """Every series of the examples with its labels, its detection and the rows to evaluate."""
        judged = []
        for series, places in series_of(examples):
            labels = np.zeros(len(places), dtype=bool)
            if "is_incident" in examples:
                labels = examples["is_incident"].fillna(False).to_numpy(dtype=bool)[places]
            split = examples["split"].to_numpy()[places] if "split" in examples else None
            rows = evaluation.measured_rows(series, self.probation_rows, split)
            judged.append(evaluation.Judged(series, labels, rows, detected(series, self.settings())))
        return judged


def series_of(frame: pd.DataFrame) -> Iterator[tuple[MetricSeries, np.ndarray]]:
    """Each series of a frame in the order of its times, with the positions of its rows; SeriesError where columns are missing."""
    name = "series_id" if "series_id" in frame else "cluster_id"
    metrics = tuple(metric for metric in METRICS if metric in frame)
    if name not in frame or "event_at" not in frame or not metrics:
        raise SeriesError(
            "the frame needs series_id or cluster_id, event_at and at least one of "
            f"{', '.join(METRICS)}; it has {', '.join(map(str, frame.columns))}"
        )
    at = pd.to_datetime(frame["event_at"], utc=True).dt.tz_localize(None).to_numpy("datetime64[s]")
    values = frame[list(metrics)].to_numpy(dtype=np.float64, na_value=np.nan)
    names = frame[name].astype(str).to_numpy()
    for series_id in np.unique(names):
        places = np.flatnonzero(names == series_id)
        places = places[np.argsort(at[places], kind="stable")]
        yield MetricSeries(str(series_id), at[places], values[places], metrics), places


def followed(series: MetricSeries, detection: Detection) -> dict[int, tuple[str | None, str, str]]:
    """Row -> severity, metric and reason, of alarms, of rows at which they become more severe or have lasted, and of recoveries."""
    described: dict[int, tuple[str | None, str, str]] = {}
    worst = INFO_LEVEL
    for row, level in detection.course.levels.items():
        bounded = min(level, highest_level(series, int(detection.metric[row]), row))
        if detection.is_anomaly[row] or bounded > worst:
            worst = bounded
            name = series.metrics[detection.metric[row]]
            described[row] = (SEVERITIES[bounded], name, reason(series, detection, row))
    for row, alarm in detection.course.lasting.items():
        name = series.metrics[int(detection.metric[alarm])]
        described.setdefault(row, (described[alarm][0], name, f"{name} has been unusual since {series.at[alarm]}"))
    for row, alarm in detection.course.recoveries.items():
        column = int(detection.metric[alarm])
        minutes = (series.at[row] - series.at[alarm]) / np.timedelta64(60, "s")
        usual = _median_before(series, alarm, column)
        described[row] = (
            None,
            series.metrics[column],
            f"recovery: {series.metrics[column]} is back at {series.values[row, column]:.4g} (usual {usual:.4g}) after "
            f"{minutes:,.0f} minutes",
        )
    return described


def highest_level(series: MetricSeries, column: int, row: int) -> int:
    """The highest level that a row can have: a small share of errors is no emergency, however new it is."""
    floors = SHARE_FLOORS.get(series.metrics[column])
    past = series.values[: row + 1, column]
    if floors is None:
        return len(SEVERITIES) - 1
    share = past[-1] / (100.0 if np.nanmax(past, initial=0.0) > 1.0 else 1.0)
    return INFO_LEVEL + sum(bool(share >= floor) for floor in floors)


MOST_WEEKS, LEAST_WEEKS_LOG = 10_000, -4.0


def _median_before(series: MetricSeries, row: int, column: int) -> float:
    """Median of the day before a row; NaN without values."""
    rows = rows_of(DAY_SECONDS, period_of(series.at)) if len(series.at) > 1 else 1
    day = series.values[max(0, row - rows) : row, column]
    return float(np.nanmedian(day)) if (~np.isnan(day)).any() else np.nan


def reason(series: MetricSeries, detection: Detection, row: int) -> str:
    """`cpu_utilization at 97.2 (median of the day before 41.3); its like is seen once in 12 weeks`."""
    column = int(detection.metric[row])
    usual = _median_before(series, row, column)
    return (
        f"{series.metrics[column]} at {series.values[row, column]:.4g} (median of the day before {usual:.4g}); "
        f"{how_rare(float(detection.weekly_rarity[row]), bool(detection.is_sudden[row]))}"
    )


def how_rare(weekly_rarity: float, is_sudden: bool) -> str:
    """`its like is seen once in 12 weeks`; a row of a departure that lasts may not be judged by itself."""
    if is_sudden:
        return "nothing like it was seen in its short past"
    if not np.isfinite(weekly_rarity):
        return "the departure lasts"
    weeks = 10.0 ** max(weekly_rarity, LEAST_WEEKS_LOG)
    if weeks >= MOST_WEEKS:
        return f"its like is seen less than once in {MOST_WEEKS:,} weeks"
    if weeks >= 1.5:
        return f"its like is seen once in {weeks:,.0f} weeks"
    return (
        "its like is seen about once a week"
        if weeks > 1 / 1.5
        else f"its like is seen about {1 / weeks:,.0f} times a week"
    )


def fit(examples: pd.DataFrame, seed: int = 0) -> AnomalyDetection:
    """A detector fitted on labeled incidents."""
    return AnomalyDetection().fit(examples, seed)


def evaluate(model: AnomalyDetection, examples: pd.DataFrame) -> Evaluation:
    """Figures on the split `evaluate`, or on all rows past the probation where there is no split."""
    return evaluation.evaluate(model._judged(examples), model.settings())
