"""Series whose truth is known: a daily season with noise, and incidents put into it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from weir_models.anomaly_detection.series import MetricSeries

DAY_ROWS = 288
STEP = np.timedelta64(300, "s")


def times(rows: int) -> np.ndarray:
    return np.datetime64("2026-03-02", "s") + STEP * np.arange(rows)


def daily(rows: int, seed: int, metrics: int = 1) -> np.ndarray:
    """A season of a day with noise; each metric at its own phase."""
    random = np.random.default_rng(seed)
    phases = np.linspace(0, 1, metrics)
    at = np.arange(rows)[:, None] / DAY_ROWS
    return 50 + 20 * np.sin(2 * np.pi * (at + phases)) + random.normal(0, 1.0, (rows, metrics))


def series(values: np.ndarray, series_id: str = "one", at: np.ndarray | None = None) -> MetricSeries:
    values = values if values.ndim == 2 else values[:, None]
    return MetricSeries(
        series_id, times(len(values)) if at is None else at, values, tuple(f"m{n}" for n in range(values.shape[1]))
    )


def clusters(weeks: int = 3, count: int = 2) -> pd.DataFrame:
    """Labeled examples: each cluster has incidents in every part, some of one metric and some of two."""
    names = ["cpu_utilization", "request_rate", "queue_depth"]
    frames = []
    for number in range(count):
        rows = weeks * 7 * DAY_ROWS
        values = daily(rows, seed=number, metrics=len(names))
        label = np.zeros(rows, dtype=bool)
        for begin in range(1500 + 97 * number, rows - 100, 1200):
            values[begin : begin + 18, begin % 2] += 25.0
            values[begin : begin + 18, 2] += 15.0
            label[begin : begin + 18] = True
        frame = pd.DataFrame(values, columns=names)
        frame.insert(0, "cluster_id", f"cluster-{number}")
        frame.insert(1, "event_at", pd.to_datetime(times(rows), utc=True))
        frame["is_incident"] = label
        frame["split"] = np.where(np.arange(rows) < rows // 2, "fit", "evaluate")
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
