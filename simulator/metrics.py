"""Simulated metrics of clusters: `python -m simulator.metrics --out world --start 2026-11-20T00 --days 14 --clusters 6`.

The assembly and its command line; clusters are in cluster.py, files in cluster_files.py.
"""

from __future__ import annotations

import argparse
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from simulator.cluster import Series, simulate
from simulator.cluster_files import FORMS, Samples, sampled, write_files

PERIODS = ((5, 1), (1,), (1,), (1,), (5,), (5,))
"""Minutes between the samples of the clusters, in turn; the first one changes in the middle of the span."""
SKEWED = 2
"""The cluster whose clock is wrong for a while; the last one where there are fewer."""
TIME = pa.timestamp("us", "UTC")
DEMAND = pa.schema(
    [
        pa.field("cluster_id", pa.string(), nullable=False),
        pa.field("event_at", TIME, nullable=False),
        pa.field("demand_nodes", pa.float64(), nullable=False),
    ]
)
INCIDENTS = pa.schema(
    [
        pa.field("cluster_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("start_at", TIME, nullable=False),
        pa.field("end_at", TIME, nullable=False),
        pa.field("metrics", pa.list_(pa.string()), nullable=False),
    ]
)
FAULTS = pa.schema([field for field in INCIDENTS if field.name != "metrics"])


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
    """Write `days` of metrics from `start` on into `out`, replacing what a former run left there.

    `start` is a whole UTC hour and so is the end; ValueError else.
    """
    began = time.perf_counter()
    start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    if start != start.replace(minute=0, second=0, microsecond=0):
        raise ValueError(f"A simulation starts on a whole UTC hour; got {start.isoformat()}.")
    if clusters < 1 or days * 24 < 6 or days * 24 != int(days * 24):
        raise ValueError(f"Use at least one cluster and six whole hours; got {clusters} clusters and {days} days.")
    for folder in ("raw", "truth"):
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir(parents=True)
    every, files, lines = [], 0, 0
    for index in range(clusters):
        series = simulate(seed, index, start, int(days * 1440))
        skewed = index == min(SKEWED, clusters - 1)
        samples = sampled(seed, index, series, PERIODS[index % len(PERIODS)], skewed)
        done = write_files(out / "raw", FORMS[index % len(FORMS)], samples)
        files, lines = files + done[0], lines + done[1]
        every.append((series, samples))
    _write_truth(out / "truth", every)
    incidents = sum(len(series.incidents) for series, _ in every)
    return Summary(clusters, files, lines, incidents, time.perf_counter() - began, out / "raw")


def _write_truth(folder: Path, every: list[tuple[Series, Samples]]) -> None:
    """demand.parquet by the minute, incidents.parquet, and faults.parquet: what was lost or spoilt on the way."""
    demand = []
    for series, _ in every:
        first = int(series.start.timestamp()) * 1_000_000
        times = pa.array(range(first, first + series.minutes * 60_000_000, 60_000_000), pa.int64()).cast(TIME)
        names = pa.repeat(series.cluster.name, series.minutes)
        demand.append(pa.Table.from_arrays([names, times, pa.array(series.demand)], schema=DEMAND))
    pq.write_table(pa.concat_tables(demand), folder / "demand.parquet")
    incidents = [
        {
            "cluster_id": series.cluster.name,
            "kind": one.kind,
            "start_at": series.at(one.start),
            "end_at": series.at(one.end),
            "metrics": list(one.metrics),
        }
        for series, _ in every
        for one in series.incidents
    ]
    pq.write_table(pa.Table.from_pylist(incidents, schema=INCIDENTS), folder / "incidents.parquet")
    faults = [
        {
            "cluster_id": series.cluster.name,
            "kind": one.kind,
            "start_at": series.at(one.start),
            "end_at": series.at(one.end),
        }
        for series, samples in every
        for one in samples.faults
    ]
    pq.write_table(pa.Table.from_pylist(faults, schema=FAULTS), folder / "faults.parquet")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m simulator.metrics",
        description="Write metrics of made-up clusters in the forms that monitoring delivers, with the truth about them.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder; raw/ and truth/ in it are replaced")
    parser.add_argument("--start", default="2026-11-20T00", help="first UTC hour, as 2026-11-20T00")
    parser.add_argument("--days", type=float, default=1.0)
    parser.add_argument("--clusters", type=int, default=6)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    start = datetime.strptime(chosen.start, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    made = write_metrics(chosen.out, start, chosen.days, chosen.clusters, chosen.seed)
    print(
        f"{made.lines:,} lines of {made.clusters} clusters in {made.files} files, {made.incidents} incidents, "
        f"{made.seconds:.1f} s -> {made.raw}"
    )


if __name__ == "__main__":
    main()
