"""What watching models costs, in CPU-seconds: `make bench-learning` writes it into docs/learning.md.

    python -m benchmarks.learning.costs [--document FILE]

Environment: BENCH_ROWS (1000000,3000000,10000000), BENCH_SCALE (1: of the simulator, as in the demo), BENCH_HOME (.weir/bench).
Each measurement is a process of its own; its CPU-seconds are without its imports, and with what its children took.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.evaluation import write_section
from benchmarks.throughput.homes import bench_home, with_champions
from spark_jobs.contract import HOUR_COLUMN, Column, Interval, Table
from spark_jobs.profiling.bins import bins_of
from spark_jobs.profiling.jobs import table_document
from spark_jobs.storage.lake import Lake

SECTION, COMMAND = "costs", "make bench-learning"
ROWS_ASKED, COUNT_BAR, IDLE_BAR, MEMORY_BAR = 100_000_000, 3.0, 0.5, 1.25
HOURS = Interval.spanning("2026-11-20-00", "2026-11-20-23").hours
DOUBLES, WHOLE, FLAGS, CATEGORIES, TEXTS = 30, 10, 4, 2, 4
COLUMNS = (
    *(Column(f"d{n}", "double", "") for n in range(DOUBLES)),
    *(Column(f"i{n}", "int64", "") for n in range(WHOLE)),
    *(Column(f"b{n}", "boolean", "") for n in range(FLAGS)),
    *(Column(f"c{n}", "string", "") for n in range(CATEGORIES)),
    *(Column(f"t{n}", "string", "") for n in range(TEXTS)),
)
FILE_ROWS = 125_000
"""Rows of a file, which are made once and written again and again; files are as large whatever their number."""
USAGE = """
import json, resource, sys
def cpu():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
"""
COUNT = f"""{USAGE}
from platform_assets.clients.spark.session_resource import EngineSession
from spark_jobs.contract import Interval
from spark_jobs.main import JobRun, run_job
from spark_jobs.storage.lake import Lake
parameters = json.load(open(sys.argv[2]))
run = JobRun(EngineSession(engine='sail').spark_session, Lake(sys.argv[1]), Interval.spanning(*sys.argv[3:5]), parameters, 2)
before = cpu()
figures = run_job('profiling', 'column_counts', run)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({{'rows': figures['rows'], 'cpu': cpu() - before, 'peak': peak}}))
"""
EDGE = """
import sys
from platform_assets.cli.run import run_pipeline
from platform_assets.settings import load_settings
run_pipeline(load_settings(sys.argv[1], cloudfront_raw=sys.argv[2]), 'edge')
"""
DAY = f"""{USAGE}
from platform_assets.clients.engine import lake_of
from platform_assets.domains.learning import baselines, monitoring, service
from platform_assets.settings import load_settings
settings, model = load_settings(sys.argv[1]), 'request_attack'
lake, found = lake_of(settings), {{}}
first, second = monitoring.due_windows(settings, lake, model)[-2:]
counted = monitoring.count(settings, lake, model, first, baselines.Baseline('1'))
baseline = baselines.Baseline('1', monitoring.compare(counted, baselines.Baseline('1'), ()).grown)
at = cpu()
counted = monitoring.count(settings, lake, model, second, baseline)
found['count'], at = cpu() - at, cpu()
monitoring.compare(counted, baseline, ())
found['compare'], at = cpu() - at, cpu()
service.service_figures(settings, model, '1', second)
found['service'] = cpu() - at
print(json.dumps({{**found, 'rows': counted.rows}}))
"""
EVALUATE = f"""{USAGE}
from platform_assets.domains.learning.loop import evaluate
from platform_assets.releases.record import Releases
from platform_assets.settings import load_settings
settings = load_settings(sys.argv[1])
models = ('request_attack', 'client_abuse')
at = cpu()
for model in models:
    Releases.of(settings).settled(model)
run, at = cpu() - at, cpu()
windows = sum(len(evaluate(settings, model).windows) for model in models)
print(json.dumps({{'run': run, 'evaluate': cpu() - at, 'windows': windows}}))
"""


def measured(code: str, *arguments: str) -> dict[str, Any]:
    """What a process of this code prints as its last line."""
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def block(rows: int) -> pa.Table:
    """Rows of 50 columns of all kinds."""
    random = np.random.default_rng(1)
    paths = [f"/catalogue/{n % 97}/{n}?page={n % 13}" for n in range(5_000)]
    columns: dict[str, Any] = {}
    for column in COLUMNS:
        kind = column.name[0]
        if kind == "d":
            columns[column.name] = np.round(random.normal(size=rows), 2)
        elif kind == "i":
            columns[column.name] = random.poisson(20, rows)
        elif kind == "b":
            columns[column.name] = random.random(rows) < 0.3
        else:
            values = [f"kind {n}" for n in range(8)] if kind == "c" else paths
            columns[column.name] = pa.DictionaryArray.from_arrays(random.integers(0, len(values), rows), values).cast(
                "string"
            )
    return pa.table(columns)


def counted_rows(folder: Path, rows: int) -> dict[str, Any]:
    """CPU-seconds and peak MiB of one pass over a table of so many rows."""
    lake, table = Lake(str(folder / f"lake-{rows}")), Table(f"bench/learning/rows_{rows}", "", "", COLUMNS)
    shutil.rmtree(lake.root, ignore_errors=True)
    size = min(FILE_ROWS, rows)
    part = block(size)
    writer = lake.writer(table)
    for number in range(rows // size):
        hour = HOURS[number % len(HOURS)]
        writer.write(part.append_column(HOUR_COLUMN, pa.repeat(hour, size)), hour)
        writer.close_all()
    lake.commit(table, writer.close(), HOURS)
    bins = [bins_of(column.name, part[column.name]).to_json() for column in COLUMNS]
    parameters = folder / "parameters.json"
    parameters.write_text(json.dumps({"table": table_document(table), "bins": bins}))
    found = measured(COUNT, lake.root, str(parameters), HOURS[0], HOURS[-1])
    shutil.rmtree(lake.root)
    return found


def edge_home(folder: Path, scale: str) -> Path:
    """A home with two days of simulated logs, decided upon."""
    logs = folder / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    command = [sys.executable, "-m", "simulator", "--out", str(logs), "--start", "2026-11-20T00", "--hours", "48"]
    subprocess.run([*command, "--scale", scale, "--seed", "7"], check=True, capture_output=True)
    home = with_champions(folder / "home")
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EDGE, str(home), str(logs / "raw")], check=True, capture_output=True
    )
    return home


def holds(value: float, bar: float) -> str:
    return "holds" if value <= bar else "DOES NOT HOLD"


def report(sizes: list[int], scale: str) -> str:
    """The table."""
    folder = bench_home() / "learning"
    folder.mkdir(parents=True, exist_ok=True)
    passes = [counted_rows(folder, size) for size in sizes]
    lines = ["| what | measured | required | |", "| --- | --- | --- | --- |"]
    for one in passes:
        each = 1e6 * one["cpu"] / one["rows"]
        lines.append(
            f"| one pass over {one['rows']:,} rows of {len(COLUMNS)} columns | {one['cpu']:.1f} CPU-s, {each:.2f} a million rows, "
            f"peak {one['peak']:,.0f} MiB | | |"
        )
    rows, cpu, peak = (np.array([one[name] for one in passes], dtype=float) for name in ("rows", "cpu", "peak"))
    slope, start = np.polyfit(rows, cpu, 1)
    growth, least = np.polyfit(rows, peak, 1)
    at_most = max(float(least + growth * ROWS_ASKED), float(peak.max()))
    times = float(peak[-1] / peak[0])
    lines.append(
        f"| {ROWS_ASKED:,} rows, extrapolated by a line through these | {start + slope * ROWS_ASKED:,.0f} CPU-s, {at_most:,.0f} MiB | "
        f"memory of {sizes[-1]:,} rows at most {MEMORY_BAR:g} times that of {sizes[0]:,}: {times:.2f} | {holds(times, MEMORY_BAR)} |"
    )
    home = edge_home(folder, scale)
    day = measured(DAY, str(home))
    both = day["count"] + day["compare"]
    lines.append(
        f"| 24 hours of requests ({day['rows']:,}) and their scores, counted and compared | {day['count']:.2f} + {day['compare']:.2f} "
        f"CPU-s | at most {COUNT_BAR:g} CPU-s | {holds(both, COUNT_BAR)} |"
    )
    lines.append(f"| service figures of the newest window | {day['service']:.2f} CPU-s | | |")
    first, again = measured(EVALUATE, str(home)), measured(EVALUATE, str(home))
    lines.append(
        f"| the models of the edge evaluated, {first['windows']} windows | {first['evaluate']:.1f} CPU-s | | |"
    )
    lines.append(
        f"| the same where nothing is due, after the record of releases that `weir run edge` reads | {again['evaluate']:.2f} + "
        f"{again['run']:.2f} CPU-s | at most {IDLE_BAR:g} CPU-s | {holds(again['evaluate'] + again['run'], IDLE_BAR)} |"
    )
    return "\n".join(lines)


def main() -> int:
    """Measure, and write or print the table."""
    parser = argparse.ArgumentParser(description="Measure what watching models costs.")
    parser.add_argument("--document", type=Path, help="write the table into this file")
    options = parser.parse_args()
    sizes = [int(size) for size in os.environ.get("BENCH_ROWS", "1000000,3000000,10000000").split(",")]
    scale = os.environ.get("BENCH_SCALE", "1")
    text = report(sizes, scale)
    if options.document and max(sizes) >= 10_000_000 and float(scale) >= 1:
        write_section(options.document, SECTION, text, COMMAND)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
