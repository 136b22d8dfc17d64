"""Cost of a long past of metrics on a fresh home: `make bench-metrics-history`.

    python -m benchmarks.metrics.history

Environment: BENCH_CLUSTERS (20), BENCH_DAYS (730), BENCH_METRICS (cpu_utilization; comma-separated), BENCH_HOME
(.weir/bench), BENCH_PIPELINES (scaling,anomaly). Simulated CSV files, one a cluster, a row every five minutes. Each pipeline
runs in a process of its own, on the same home, and once more when an hour has been added; its CPU-seconds and memory include
child processes. Fitting a first version of a model and forecasting do not depend on how long the past is, and are shown beside
what does.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.throughput.processes import run

END = np.datetime64("2026-11-30T00:00")
STEPS_A_DAY, STEPS_AN_HOUR = 288, 12
CPU_BAR, FILES_BAR = 60.0, 300
MODEL_STAGES = ("Fitting", "Simulating", "Forecasting")
"""Beginnings of the titles of stages whose cost is that of the models."""
PROGRAM = """
import json, os, sys
from contextlib import contextmanager
from platform_assets.cli.run import run_pipeline
from platform_assets.settings import load_settings

def cpu():
    return sum(os.times()[:4])

seconds = {'imports': cpu()}

@contextmanager
def stage(title):
    before = cpu()
    yield
    seconds[title] = seconds.get(title, 0.0) + cpu() - before

run_pipeline(load_settings(sys.argv[1], metrics_raw=sys.argv[2]), sys.argv[3], stage)
seconds['Dagster and all else'] = cpu() - sum(seconds.values())
print(json.dumps(seconds), flush=True)
os._exit(0)
"""


def simulate(folder: Path, clusters: int, days: int, metrics: list[str], seed: int = 7) -> None:
    """CSV files of clusters with daily and weekly seasons, noise and growth, and of an hour more in `next`; nothing where the folder exists."""
    import pandas as pd

    if folder.exists():
        return
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "next").mkdir(parents=True)
    steps = np.arange(days * STEPS_A_DAY + STEPS_AN_HOUR)
    at = END - (days * STEPS_A_DAY - steps) * np.timedelta64(5, "m")
    day = steps / STEPS_A_DAY
    times = pd.Series(at).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    for number in range(clusters):
        draw = np.random.default_rng([seed, number])
        season = np.sin(2 * np.pi * (day - 0.3 - number / 50)) + 0.4 * np.sin(2 * np.pi * day / 7)
        load = np.clip(40 + 15 * season + day / 60 + draw.normal(0, 3, len(day)), 1, 99)
        values = {
            "cpu_utilization": load.round(1),
            "memory_utilization": np.clip(45 + load / 4 + draw.normal(0, 1, len(day)), 1, 99).round(1),
            "node_count": np.full(len(day), 4 + number),
            "request_rate": np.clip(load * 20 + draw.normal(0, 20, len(day)), 0, None).round(),
        }
        frame = pd.DataFrame({"timestamp": times, **{name: values[name] for name in metrics}})
        frame[:-STEPS_AN_HOUR].to_csv(partial / f"cluster-{number:02}.csv", index=False)
        frame[-STEPS_AN_HOUR:].to_csv(partial / "next" / f"cluster-{number:02}.csv", index=False)
    partial.rename(folder)


def main() -> int:
    clusters, days = (
        int(os.environ.get(name, value)) for name, value in (("BENCH_CLUSTERS", "20"), ("BENCH_DAYS", "730"))
    )
    metrics = os.environ.get("BENCH_METRICS", "cpu_utilization").split(",")
    base = Path(os.environ.get("BENCH_HOME", ".weir/bench")).absolute() / "metrics-history"
    kept, raw, home = base / f"kept-{clusters}-{days}-{'-'.join(metrics)}", base / "raw", base / "home"
    simulate(kept, clusters, days, metrics)
    for folder in (raw, home):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, raw, ignore=shutil.ignore_patterns("next"))
    raw_bytes = sum(path.stat().st_size for path in raw.iterdir())
    console = Console(width=max(Console().width, 100), highlight=False)
    console.print(f"{clusters} clusters, {days} days, {', '.join(metrics)}: {raw_bytes / 1e6:.0f} MB of CSV")
    holds, pipelines = True, os.environ.get("BENCH_PIPELINES", "scaling,anomaly").split(",")
    for place, pipeline in enumerate(pipelines * 2):
        if place == len(pipelines):
            console.print("An hour later:")
            shutil.copytree(kept / "next", raw / "next")
        command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(home), str(raw), pipeline]
        process = run(command, {}, os.cpu_count() or 1)
        if process.code:
            raise SystemExit(f"weir run {pipeline} failed:\n{process.stderr[-2000:]}")
        seconds: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
        of_models = sum(cpu for title, cpu in seconds.items() if title.startswith(MODEL_STAGES))
        table = Table(f"weir run {pipeline}", "CPU s", box=None)
        for title, cpu in seconds.items():
            table.add_row(title, f"{cpu:.1f}")
        table.add_row("models", f"{of_models:.1f}")
        table.add_row("all but models", f"{sum(seconds.values()) - of_models:.1f}")
        console.print(table)
        files = [path for path in (home / "lake").rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        console.print(f"  peak memory {process.peak_bytes / 1e9:.2f} GB, lake {len(files)} files, {size / 1e6:.0f} MB")
        holds &= sum(seconds.values()) - of_models <= CPU_BAR and len(files) <= FILES_BAR
    verdict = "holds" if holds else "DOES NOT HOLD"
    console.print(f"  {verdict}: at most {CPU_BAR:.0f} CPU-seconds a pipeline besides models, and {FILES_BAR} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
