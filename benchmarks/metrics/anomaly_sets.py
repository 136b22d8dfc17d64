"""The series with labeled anomalies: SMD by one and by five minutes, NAB, KPIs of a web service, injections."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.metrics import injections as injecting
from benchmarks.metrics.anomaly_scorers import probation
from weir_models.anomaly_detection.detector import DetectorSettings
from weir_models.anomaly_detection.series import MetricSeries

INJECTED_FROM_DAYS = 7


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


def averaged(items: list[Labeled], rows: int = 5) -> list[Labeled]:
    """The series of means of so many rows; a mean is anomalous where a row of it is."""
    made = []
    for item in items:
        parts = [item.series.values[: item.first], item.series.values[item.first :]]
        means = [part[: len(part) // rows * rows].reshape(-1, rows, part.shape[1]).mean(axis=1) for part in parts]
        labels = item.labels[item.first :][: len(means[1]) * rows].reshape(-1, rows).any(axis=1)
        values, step = np.concatenate(means), item.series.at[1] - item.series.at[0]
        at = item.series.at[0] + rows * step * np.arange(len(values))
        series = MetricSeries(item.series.series_id, at, values, item.series.metrics)
        made.append(Labeled(series, np.concatenate([np.zeros(len(means[0]), bool), labels]), len(means[0])))
    return made


def injections(root: Path, split: str, every: int) -> list[Labeled]:
    """Each kind and size of injection in every so many series of a split, and in those of ASIDE_SETS; named kind/size/series."""
    items = []
    for place, series in enumerate(injecting.all_series(root, split)):
        if place % every and series.name not in injecting.ASIDE_SETS:
            continue
        for kind, about in injecting.KINDS.items():
            for size in about.sizes:
                one = injecting.inject(series, kind, size)
                if one is not None:
                    at = one.frame["at"].dt.tz_localize(None).to_numpy("datetime64[s]")
                    values = one.frame[["value"]].to_numpy(np.float64)
                    metric = MetricSeries(f"{kind}/{size}/{series.name}", at, values, ("value",))
                    first = INJECTED_FROM_DAYS * injecting.DAY
                    items.append(Labeled(metric, one.frame["is_anomaly"].to_numpy(), first, one.windows))
    return items


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
