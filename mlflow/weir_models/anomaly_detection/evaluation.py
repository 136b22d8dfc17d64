"""Evaluation of anomaly_detection: detected incidents and false alarms a week, with those of a naive rule.

An incident is a run of labeled rows, an alarm a run of flags. Point-adjusted F1 is left out: random scores excel by it
(Kim et al. 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from weir_models import detector_metrics
from weir_models.anomaly_detection.detector import Detection, DetectorSettings
from weir_models.anomaly_detection.series import Flags, MetricSeries, Times, Values
from weir_models.anomaly_detection.spec import NAIVE_DEVIATIONS, NAIVE_WINDOW_ROWS
from weir_models.anomaly_detection.threshold import WEEK_SECONDS, Ration, alarms
from weir_models.contract import Evaluation


@dataclass(frozen=True)
class Events:
    """Counts of events: labeled ones, those met by a flag, and runs of flags that meet no label."""

    labelled: int = 0
    met: int = 0
    false: int = 0

    def __add__(self, other: Events) -> Events:
        return Events(self.labelled + other.labelled, self.met + other.met, self.false + other.false)

    @property
    def precision(self) -> float:
        """Share of the raised events that meet a label; nan where nothing was raised."""
        return self.met / (self.met + self.false) if self.met + self.false else math.nan

    @property
    def recall(self) -> float:
        """Share of the labeled events that were met; nan where there is none."""
        return self.met / self.labelled if self.labelled else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; nan where there is neither label nor flag."""
        total = self.labelled + self.met + self.false
        return 2 * self.met / total if total else math.nan


def spans(flags: Flags) -> list[tuple[int, int]]:
    """First and last row of each run of true values."""
    edges = np.diff(np.concatenate([[0], np.asarray(flags, dtype=np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True))


def events(labels: Flags, flags: Flags) -> Events:
    """Counts of the runs of labels and flags."""
    met = sum(bool(flags[first : last + 1].any()) for first, last in spans(labels))
    false = sum(not labels[first : last + 1].any() for first, last in spans(flags))
    return Events(len(spans(labels)), met, false)


def weeks(at: Times) -> float:
    """Duration of the rows in weeks."""
    return float((at[-1] - at[0]) / np.timedelta64(1, "s")) / WEEK_SECONDS if len(at) else 0.0


def poisson_interval(count: int) -> tuple[float, float]:
    """Exact 95 % bounds of a Poisson mean from one count (Garwood 1936)."""
    return (float(chi2.ppf(0.025, 2 * count) / 2) if count else 0.0, float(chi2.ppf(0.975, 2 * count + 2) / 2))


def naive_alarms(series: MetricSeries, ration: Ration) -> Flags:
    """Flags where any metric is NAIVE_DEVIATIONS standard deviations from its previous window; merged as alarms are."""
    frame = pd.DataFrame(series.values)
    window = frame.rolling(NAIVE_WINDOW_ROWS, min_periods=2)
    mean, deviation = window.mean().shift(), window.std().shift()
    over = ((frame - mean).abs() > NAIVE_DEVIATIONS * deviation).any(axis=1).to_numpy()
    free = Ration(alarms_per_week=1e9, step=1e-9, quiet_seconds=ration.quiet_seconds)
    return alarms(series.at, np.where(over, 1.0, np.nan), free)


@dataclass(frozen=True)
class Judged:
    """One series with its labels, its detection and the rows to evaluate."""

    series: MetricSeries
    labels: Flags
    measured: Flags
    detection: Detection


def evaluate(judged: Sequence[Judged], settings: DetectorSettings) -> Evaluation:
    """Figures over all series, a table by series and a plot of the series with most labels."""
    total, naive, span = Events(), Events(), 0.0
    rows, labels, scores = [], [], []
    for example in judged:
        measured = example.measured
        counts = events(example.labels[measured], example.detection.is_anomaly[measured])
        rule = events(
            example.labels[measured],
            naive_alarms(example.series, settings.ration_of(len(example.series.metrics)))[measured],
        )
        duration = weeks(example.series.at[measured])
        total, naive, span = total + counts, naive + rule, span + duration
        labels.append(example.labels[measured])
        scores.append(example.detection.score[measured])
        rows.append(
            {
                "series": example.series.series_id, "weeks": duration, "incidents": counts.labelled, "met": counts.met,
                "false_alarms": counts.false, "naive_met": rule.met, "naive_false_alarms": rule.false,
            }
        )  # fmt: skip
    figures = {
        **event_figures("", total, span),
        **event_figures("naive_", naive, span),
        "pr_auc": detector_metrics.pr_auc(np.concatenate(labels), np.concatenate(scores)) if labels else math.nan,
        "n_series": float(len(judged)),
        "n_weeks": span,
        "n_incidents": float(total.labelled),
    }
    table = pd.DataFrame(
        rows, columns=["series", "weeks", "incidents", "met", "false_alarms", "naive_met", "naive_false_alarms"]
    )
    plots = {"scores": plot(max(judged, key=lambda example: int(example.labels.sum())))} if judged else {}
    return Evaluation(figures, {"by_series": table}, plots)


def event_figures(prefix: str, counts: Events, span: float) -> dict[str, float]:
    """Event-wise precision, recall and F1, and false alarms a week with their 95 % bounds."""
    raised = counts.met + counts.false
    figures = detector_metrics.rate_figures(f"{prefix}event_recall", np.arange(counts.labelled) < counts.met)
    figures |= detector_metrics.rate_figures(f"{prefix}event_precision", np.arange(raised) < counts.met)
    low, high = poisson_interval(counts.false)
    figures[f"n_{prefix}false_alarms_per_week"] = float(counts.false)
    figures[f"{prefix}event_f1"] = counts.f1
    for name, count in (("", float(counts.false)), ("_low", low), ("_high", high)):
        figures[f"{prefix}false_alarms_per_week{name}"] = count / span if span else math.nan
    return figures


def plot(example: Judged) -> Any:
    """The most often leading metric above the score, with alarms and labeled spans."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    column = int(np.bincount(example.detection.metric, minlength=len(example.series.metrics)).argmax())
    above.plot(example.series.at, example.series.values[:, column], linewidth=0.6)
    above.set(ylabel=example.series.metrics[column], title=example.series.series_id)
    below.plot(example.series.at, example.detection.score, linewidth=0.6)
    below.set(ylabel="score", ylim=(0, 1.03))
    for axes in (above, below):
        for first, last in spans(example.labels):
            axes.axvspan(example.series.at[first], example.series.at[last], color="tab:orange", alpha=0.3, linewidth=0)
        for at in example.series.at[example.detection.is_anomaly]:
            axes.axvline(at, color="tab:red", linewidth=0.8)
    return figure


def measured_rows(series: MetricSeries, probation_rows: int, split: Values | None) -> Flags:
    """Rows past the probation, and of the split `evaluate` where there is one."""
    rows = np.arange(len(series.at)) >= probation_rows
    return rows if split is None else rows & (split == "evaluate")
