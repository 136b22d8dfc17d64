"""The estimator: rows of clusters in, score, alarm, leading metric and reason out.

`fit` chooses the initial threshold and the alarm budget; the detector learns everything else online from the past of each
series. `predict` therefore needs the history of each cluster before the rows of interest: some weeks, at least the
probation.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd

from weir_models.anomaly_detection import evaluation
from weir_models.anomaly_detection.alerts import severity_of
from weir_models.anomaly_detection.detector import Detection, DetectorSettings, detected
from weir_models.anomaly_detection.series import MetricSeries, SeriesError
from weir_models.anomaly_detection.spec import METRICS
from weir_models.anomaly_detection.threshold import Ration, alarms
from weir_models.contract import Evaluation
from weir_models.estimator import Estimator

STARTS = (-1.25, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0)
"""Candidates for the initial threshold, relative to the budget."""
BUDGETS = (1.0, 2.0, 3.0)
"""Candidates for the alarm budget, as multiples of the false alarms allowed: true alarms use the budget as well."""
RESERVE = 0.75
"""Share of the allowed false alarms that the examples may use; other weeks are different."""
COLUMNS = ("score", "is_anomaly", "severity", "metric", "reason")


class AnomalyDetection(Estimator):
    """Anomaly detector of cluster metrics: its settings and the fitted initial threshold."""

    def __init__(
        self,
        false_alarms_per_week: float = 1.0,
        probation_rows: int = 288,
        quiet_hours: float = 12.0,
        step: float = 0.5,
    ) -> None:
        """Of the first `probation_rows` rows only a sudden departure raises an alarm; rows within `quiet_hours` of an alarm belong to it."""
        self.false_alarms_per_week = false_alarms_per_week
        self.probation_rows = probation_rows
        self.quiet_hours = quiet_hours
        self.step = step

    def fit(self, examples: pd.DataFrame, seed: int = 0) -> AnomalyDetection:
        """Choose the threshold and budget with the best event F1 whose false alarms stay within the budget.

        Without labeled incidents the defaults stay. `seed` is unused: nothing is random.
        """
        del seed
        self.start_, self.alarms_per_week_ = Ration().start, self.false_alarms_per_week
        if "split" in examples:
            examples = examples[examples["split"] != "evaluate"]
        if "is_incident" not in examples or not examples["is_incident"].fillna(False).any():
            return self
        judged = self._judged(examples.drop(columns="split", errors="ignore"))
        best = -1.0
        for share, start in product(BUDGETS, STARTS):
            total, weeks, budget = evaluation.Events(), 0.0, share * self.false_alarms_per_week
            for example in judged:
                rarity = np.where(example.measured, example.detection.weekly_rarity, np.nan)
                flags = alarms(example.series.at, rarity, self._ration(start, budget))
                total += evaluation.events(example.labels[example.measured], flags[example.measured])
                weeks += evaluation.weeks(example.series.at[example.measured])
            if total.false <= RESERVE * self.false_alarms_per_week * weeks and total.f1 > best:
                best, self.start_, self.alarms_per_week_ = total.f1, start, budget
        return self

    def _ration(self, start: float, alarms_per_week: float) -> Ration:
        """`start` is relative to the budget of false alarms."""
        above = start + np.log10(alarms_per_week / self.false_alarms_per_week)
        return Ration(alarms_per_week, float(above), self.step, self.quiet_hours * 3600)

    def settings(self) -> DetectorSettings:
        """The settings of the detector."""
        ration = self._ration(self.start_, self.alarms_per_week_)
        return DetectorSettings(self.probation_rows, sudden_in_probation=True, ration=ration)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """score (0 to 1), is_anomaly, severity, metric and reason for each row, with the index of the frame."""
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
            for row in np.flatnonzero(detection.is_anomaly):
                description = (
                    severity_of(detection.score[row]),
                    series.metrics[detection.metric[row]],
                    reason(series, detection, int(row)),
                )
                predictions.loc[places[row], ["severity", "metric", "reason"]] = description
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


def reason(series: MetricSeries, detection: Detection, row: int) -> str:
    """`cpu_utilization at 97.2 (median of the day before 41.3); its like is seen once in 12 weeks`."""
    column = int(detection.metric[row])
    day = series.values[max(0, row - 288) : row, column]
    usual = np.nanmedian(day) if (~np.isnan(day)).any() else np.nan
    rarity = 10.0 ** min(float(detection.weekly_rarity[row]), 4.0)
    often = f"once in {rarity:,.0f} weeks" if rarity >= 1.5 else "about once a week"
    often = "less than once in 10,000 weeks" if rarity >= 10_000 else often
    like = "nothing like it was seen in its short past" if detection.is_sudden[row] else f"its like is seen {often}"
    return (
        f"{series.metrics[column]} at {series.values[row, column]:.4g} (median of the rows before {usual:.4g}); {like}"
    )


def fit(examples: pd.DataFrame, seed: int = 0) -> AnomalyDetection:
    """A detector fitted on labeled incidents."""
    return AnomalyDetection().fit(examples, seed)


def evaluate(model: AnomalyDetection, examples: pd.DataFrame) -> Evaluation:
    """Figures on the split `evaluate`, or on all rows past the probation where there is no split."""
    return evaluation.evaluate(model._judged(examples), model.settings().ration)
