"""Alarms of the detector: events met, false alarms a week, delays, and recall at one false alarm a week."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.metrics.anomaly_sets import Labeled
from weir_models import detector_metrics
from weir_models.anomaly_detection.course import course
from weir_models.anomaly_detection.detector import Detection, DetectorSettings
from weir_models.anomaly_detection.evaluation import Events, events, poisson_interval, spans, weeks
from weir_models.anomaly_detection.threshold import Ration, alarms

BUDGETS = np.arange(0.25, 10.1, 0.25)
"""Alarms a week that a person could set."""


def counts(items: Sequence[Labeled], detections: Sequence[Detection]) -> tuple[Events, float, list[float]]:
    """Events over the measured rows, weeks, and the minutes from the beginning of each event met to its alarm."""
    total, span, delays = Events(), 0.0, []
    for item, detection in zip(items, detections, strict=True):
        labels, flags = item.labels[item.first :], detection.is_anomaly[item.first :]
        at = item.series.at[item.first :]
        total += events(labels, flags)
        span += weeks(at)
        for first, last in spans(labels):
            raised = np.flatnonzero(flags[first : last + 1])
            if len(raised):
                delays.append(float((at[first + raised[0]] - at[first]) / np.timedelta64(60, "s")))
    return total, span, delays


def event_row(name: str, items: Sequence[Labeled], detections: Sequence[Detection]) -> dict[str, object]:
    """One line of the table of alarms."""
    total, span, delays = counts(items, detections)
    low, high = (bound / span for bound in poisson_interval(total.false))
    met_low, met_high = detector_metrics.wilson_interval(total.met, total.labelled)
    return {
        "series": f"{name} ({len(items)})",
        "weeks": f"{span:.1f}",
        "events": total.labelled,
        "met": f"{total.met} ({100 * met_low:.0f}–{100 * met_high:.0f} %)" if total.labelled else "–",
        "median delay in minutes": f"{np.median(delays):.0f}" if delays else "–",
        "false alarms": total.false,
        "a series and week": f"{total.false / span:.2f} ({low:.2f}–{high:.2f})",
        "event-wise F1": f"{total.f1:.2f}" if total.labelled else "–",
    }


def with_budget(item: Labeled, detection: Detection, alarms_per_week: float) -> Detection:
    """The detection with the alarms of another budget."""
    settings = DetectorSettings(ration=Ration(alarms_per_week))
    series = item.series
    flags = alarms(series.at, detection.weekly_rarity, settings.ration_of(len(series.metrics)))
    followed = course(series.at, series.values, flags, detection.weekly_rarity, detection.metric)
    return replace(detection, is_anomaly=followed.is_anomaly, course=followed)


def recall_at_one(items: Sequence[Labeled], detections: Sequence[Detection]) -> tuple[float, float]:
    """The best event recall with at most one false alarm a series and week, over all budgets, and that budget."""
    best = (0.0, 0.0)
    for budget in BUDGETS:
        changed = [with_budget(item, detection, budget) for item, detection in zip(items, detections, strict=True)]
        total, span, _ = counts(items, changed)
        if total.false <= span:
            best = max(best, (total.recall, float(budget)))
    return best


def by_kind(items: Sequence[Labeled], detections: Sequence[Detection], key: Callable[[str], str]) -> pd.DataFrame:
    """Lines of the table of alarms by a part of the names of the series."""
    pairs = list(zip(items, detections, strict=True))
    rows = []
    for name in dict.fromkeys(key(item.series.series_id) for item in items):
        chosen = [pair for pair in pairs if key(pair[0].series.series_id) == name]
        rows.append(event_row(name, [item for item, _ in chosen], [detection for _, detection in chosen]))
    return pd.DataFrame(rows)
