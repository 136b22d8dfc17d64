"""The public series with labeled anomalies: SMD, NAB and the KPIs of a web service, read in place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.metrics.anomaly_scorers import probation
from weir_models.anomaly_detection.detector import DetectorSettings
from weir_models.anomaly_detection.series import MetricSeries


@dataclass(frozen=True)
class Labeled:
    """One series, its labeled rows, the first measured row, and NAB's windows."""

    series: MetricSeries
    labels: NDArray[np.bool_]
    first: int
    windows: tuple[tuple[int, int], ...] = ()


def smd(folder: Path) -> list[Labeled]:
    """The machines with train, test and labels; train and test as one series of minutes."""
    items = []
    for path in sorted(folder.glob("machine-*_train.npz")):
        name = path.name.removesuffix("_train.npz")
        train, test, labels = (_array(folder / f"{name}_{part}.npz") for part in ("train", "test", "test_label"))
        values = np.concatenate([train, test]).astype(np.float64)
        at = np.datetime64("2026-01-01", "s") + 60 * np.arange(len(values)).astype("timedelta64[s]")
        series = MetricSeries(name, at, values, tuple(f"metric_{n}" for n in range(values.shape[1])))
        items.append(Labeled(series, np.concatenate([np.zeros(len(train), bool), labels.astype(bool)]), len(train)))
    return items


def _array(path: Path) -> NDArray[np.float32]:
    with np.load(path) as arrays:
        return np.asarray(arrays["x"])


def nab(folder: Path) -> list[Labeled]:
    """The files that exist; of rows with the same time the first is kept."""
    items = []
    for name, windows in sorted(json.loads((folder / "windows.json").read_text(encoding="utf-8")).items()):
        if not (folder / name).is_file():
            continue
        frame = pd.read_csv(folder / name, parse_dates=["timestamp"]).drop_duplicates("timestamp")
        frame = frame.sort_values("timestamp")
        at = frame["timestamp"].to_numpy("datetime64[s]")
        rows = [tuple(int(np.searchsorted(at, np.datetime64(edge[:19], "s"))) for edge in pair) for pair in windows]
        labels = np.zeros(len(at), dtype=bool)
        for first, last in rows:
            labels[first : last + 1] = True
        series = MetricSeries(name, at, frame[["value"]].to_numpy(np.float64), ("value",))
        items.append(Labeled(series, labels, probation(len(at)), tuple((first, last) for first, last in rows)))
    return items


def kpi(folder: Path) -> list[Labeled]:
    """The labeled indicators of a web service, after the probation."""
    items = []
    for path in sorted(folder.glob("*.csv")):
        frame = pd.read_csv(path)
        at = frame["timestamp"].to_numpy().astype("datetime64[s]")
        series = MetricSeries(path.stem, at, frame[["value"]].to_numpy(np.float64), ("value",))
        items.append(Labeled(series, frame["label"].to_numpy() == 1, DetectorSettings().probation_rows))
    return items
