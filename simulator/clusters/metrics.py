"""Simulated metrics of clusters, written as files with their truth: the assembly of cluster.py, files.py and formats.py."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from simulator.clusters.cluster import Series, simulate
from simulator.clusters.files import Samples, sample, write_files
from simulator.clusters.formats import FORMATS

PERIODS = ((5, 1), (1,), (1,), (1,), (5,), (5,))
"""Minutes between the samples of the clusters, in turn; the first one changes in the middle of the span."""
SKEWED = 2
"""The cluster whose clock is wrong for a while; the last one where there are fewer."""
TIME = pa.timestamp("us", "UTC")
DEMAND = {"cluster_id": pa.string(), "event_at": TIME, "demand_nodes": pa.float64()}
FAULTS = {"cluster_id": pa.string(), "kind": pa.string(), "start_at": TIME, "end_at": TIME}
INCIDENTS = {**FAULTS, "metrics": pa.list_(pa.string())}


@dataclass(frozen=True)
class Summary:
    """What was written; `raw` is the folder to point the platform at."""

    clusters: int
    files: int
    lines: int
    incidents: int
    seconds: float
    raw: Path


def write_metrics(out: Path, start: datetime, days: float = 1, clusters: int = 6, seed: int = 7) -> Summary:
    """Write `days` of metrics from `start` on into `out`, replacing the output of an earlier run.

    Raises ValueError unless `start` and the end are whole UTC hours.
    """
    started = time.perf_counter()
    start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    if start != start.replace(minute=0, second=0, microsecond=0):
        raise ValueError(f"A simulation starts on a whole UTC hour; got {start.isoformat()}.")
    if clusters < 1 or days * 24 < 6 or days * 24 != int(days * 24):
        raise ValueError(f"Use at least one cluster and six whole hours; got {clusters} clusters and {days} days.")
    for folder in ("raw", "truth"):
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir(parents=True)
    results, files, lines = [], 0, 0
    for index in range(clusters):
        series = simulate(seed, index, start, int(days * 1440))
        is_skewed = index == min(SKEWED, clusters - 1)
        samples = sample(seed, index, series, PERIODS[index % len(PERIODS)], is_skewed)
        file_count, line_count = write_files(out / "raw", FORMATS[index % len(FORMATS)], samples)
        files, lines = files + file_count, lines + line_count
        results.append((series, samples))
    _write_truth(out / "truth", results)
    incidents = sum(len(series.incidents) for series, _ in results)
    return Summary(clusters, files, lines, incidents, time.perf_counter() - started, out / "raw")


def _write_truth(folder: Path, results: list[tuple[Series, Samples]]) -> None:
    """demand.parquet by the minute, incidents.parquet, and faults.parquet: what was lost or corrupted on the way."""
    demand = []
    for series, _ in results:
        first = int(series.start.timestamp()) * 1_000_000
        times = pa.array(range(first, first + series.minutes * 60_000_000, 60_000_000), pa.int64()).cast(TIME)
        names = pa.repeat(series.cluster.name, series.minutes)
        demand.append(pa.Table.from_arrays([names, times, pa.array(series.demand)], schema=_schema(DEMAND)))
    pq.write_table(pa.concat_tables(demand), folder / "demand.parquet")
    _write_spans(folder / "incidents.parquet", INCIDENTS, results, lambda series, _: series.incidents)
    _write_spans(folder / "faults.parquet", FAULTS, results, lambda _, samples: samples.faults)


def _write_spans(
    file: Path,
    columns: dict[str, pa.DataType],
    results: list[tuple[Series, Samples]],
    spans: Callable[[Series, Samples], Any],
) -> None:
    rows = [
        {"cluster_id": series.cluster.name, "start_at": series.at(span.start), "end_at": series.at(span.end)}
        | {name: getattr(span, name) for name in columns if hasattr(span, name)}
        for series, samples in results
        for span in spans(series, samples)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=_schema(columns)), file)


def _schema(columns: dict[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()])
