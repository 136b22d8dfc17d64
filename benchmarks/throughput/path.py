"""What the whole path costs, from log files to plan and exports, by stage and job: `make bench-path`.

    python -m benchmarks.throughput.path

Environment: BENCH_LINES (100000,300000,1000000,3000000), BENCH_ROUNDS (1), BENCH_HOME (.weir/bench). Each run is `weir run edge`
over one generated day, in a process of its own, on a new home with champions that were fitted before; sizes take turns.
Figures are CPU-seconds with those of child processes (medians), and the largest peak memory. Bars are reported, not enforced.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.throughput.generate import data_set
from benchmarks.throughput.homes import bench_home, with_champions
from benchmarks.throughput.processes import run

SECONDS_A_RUN, SECONDS_A_MILLION, PEAK_GIB = 10.0, 10.0, 2.0
"""Bars of the whole path."""
SCORING_A_RUN, SCORING_A_MILLION = 1.0, 2.0
"""Bars of the job request_scores."""
PROGRAM = """
import json, os, sys
from contextlib import contextmanager
from platform_assets.cli.run import run_pipeline
from platform_assets.ingest import source_assets
from platform_assets.settings import load_settings

def cpu():
    return sum(os.times()[:4])

stages, jobs, run_job = {'imports': cpu()}, {}, source_assets.run_job

@contextmanager
def measured(figures, name):
    before = cpu()
    yield
    figures[name] = figures.get(name, 0.0) + cpu() - before

def measured_job(settings, source, job, lake, interval):
    with measured(jobs, job.name):
        return run_job(settings, source, job, lake, interval)

source_assets.run_job = measured_job
outcome = run_pipeline(
    load_settings(sys.argv[1], cloudfront_raw=sys.argv[2]), 'edge', lambda title: measured(stages, title)
)
print(json.dumps({'stages': stages, 'jobs': jobs, 'hours': len(outcome.hours)}), flush=True)
"""
Figures = dict[str, Any]


def main() -> int:
    sizes = [int(text) for text in os.environ.get("BENCH_LINES", "100000,300000,1000000,3000000").split(",")]
    home = bench_home()
    folders = {lines: data_set(lines, home=home).folder for lines in sizes}
    runs: dict[int, list[Figures]] = {lines: [] for lines in sizes}
    for _ in range(int(os.environ.get("BENCH_ROUNDS", "1"))):
        for lines, folder in folders.items():
            runs[lines].append(_measure(with_champions(home / "path"), folder))
    Console(width=max(Console().width, 100), highlight=False).print(_table(runs))
    return 0


def _measure(home: Path, logs: str) -> Figures:
    before = os.times()
    finished = run([sys.executable, "-W", "ignore", "-c", PROGRAM, str(home), logs], {}, os.cpu_count() or 1)
    after = os.times()
    if finished.code:
        raise SystemExit(f"weir run edge on {logs} failed:\n{finished.stderr[-2000:]}")
    figures: Figures = json.loads(finished.stdout.splitlines()[-1])
    if not figures["hours"]:
        raise SystemExit(f"weir run edge made no hour of {logs}.")
    total = after.children_user + after.children_system - before.children_user - before.children_system
    return {**figures, "total": total, "peak": finished.peak_bytes / 2**30}


def _table(runs: dict[int, list[Figures]]) -> Table:
    table = Table("CPU-seconds", *(f"{lines:,} lines" for lines in runs))
    for column in table.columns[1:]:
        column.justify = "right"

    def add(name: str, values: dict[int, float], bar: dict[int, float] | None = None) -> None:
        cells = [f"{value:.2f}" for value in values.values()]
        if bar is not None:
            verdicts = ("holds" if values[lines] <= bar[lines] else "DOES NOT HOLD" for lines in runs)
            cells = [
                f"{cell} (bar {limit:.1f}: {verdict})"
                for cell, limit, verdict in zip(cells, bar.values(), verdicts, strict=True)
            ]
        table.add_row(name, *cells)

    def medians(kind: str, name: str) -> dict[int, float]:
        return {
            lines: statistics.median(run[kind].get(name, 0.0) for run in of_size) for lines, of_size in runs.items()
        }

    first = next(iter(runs.values()))[0]
    for name in first["stages"]:
        add(name, medians("stages", name))
    totals = {lines: statistics.median(run["total"] for run in of_size) for lines, of_size in runs.items()}
    in_stages = {
        lines: statistics.median(sum(run["stages"].values()) for run in of_size) for lines, of_size in runs.items()
    }
    add("definitions, instance, exit", {lines: totals[lines] - in_stages[lines] for lines in runs})
    add("all", totals, {lines: SECONDS_A_RUN + SECONDS_A_MILLION * lines / 1e6 for lines in runs})
    table.add_section()
    for name in first["jobs"]:
        scoring_bar = {lines: SCORING_A_RUN + SCORING_A_MILLION * lines / 1e6 for lines in runs}
        add(f"of it {name}", medians("jobs", name), scoring_bar if name == "request_scores" else None)
    table.add_section()
    add(
        "peak GiB",
        {lines: max(run["peak"] for run in of_size) for lines, of_size in runs.items()},
        dict.fromkeys(runs, PEAK_GIB),
    )
    return table


if __name__ == "__main__":
    sys.exit(main())
