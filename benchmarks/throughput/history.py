"""Cost of one new hour with 1, 100 and 2,000 hours in the lake: `make bench-history`.

    python -m benchmarks.throughput.history

Environment: BENCH_HOURS (1,100,2000), BENCH_ROUNDS (3), BENCH_HOME (.weir/bench). The logs are simulated; the history is
made by the source's own jobs, without Dagster's events. Then `weir run edge` is timed on a copy of each home, in a process
of its own, in turn: listing, parsing, scoring, deciding, planning. CPU-seconds include child processes.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.throughput.homes import bench_home, with_champions
from platform_assets.settings import Settings, load_settings
from spark_jobs.contract import Interval, format_hour

SCALE = "0.02"
"""Of the simulator: about 700 lines an hour, so that the costs that do not depend on volume dominate."""
SEED = "5"
END = datetime.fromisoformat("2026-11-21T08:00:00+00:00")
LAST_HOUR = format_hour(END - timedelta(hours=1))
BAR = 1.2
RUN = """
import json, sys
from platform_assets.cli.run import run_pipeline
from platform_assets.settings import load_settings
outcome = run_pipeline(load_settings(sys.argv[1], cloudfront_raw=sys.argv[2]), 'edge')
print(json.dumps({'hours': outcome.hours, 'stages': outcome.seconds}))
"""


def main() -> int:
    sizes = [int(size) for size in os.environ.get("BENCH_HOURS", "1,100,2000").split(",")]
    folder = bench_home() / "incremental"
    logs = _simulate(folder, max(sizes) + 1)
    for size in sizes:
        _make_history(folder, logs, size)
    runs: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
    for _ in range(int(os.environ.get("BENCH_ROUNDS", "3"))):
        for size in sizes:
            runs[size].append(_run_one_more(folder, logs, size))
    _print_table(runs)
    return 0


def _print_table(runs: dict[int, list[dict[str, Any]]]) -> None:
    def median(size: int, figure: str) -> float:
        return statistics.median(run[figure] for run in runs[size])

    first = next(iter(runs))
    table = Table("hours stored", "CPU s", "ratio", "seconds", *runs[first][0]["stages"])
    for size, of_size in runs.items():
        cpu = [run["cpu"] for run in of_size]
        stages = (statistics.median(run["stages"].get(n, 0.0) for run in of_size) for n in of_size[0]["stages"])
        table.add_row(
            f"{size:,}",
            f"{median(size, 'cpu'):.1f} ({min(cpu):.1f}–{max(cpu):.1f})",
            f"{median(size, 'cpu') / median(first, 'cpu'):.2f}",
            f"{median(size, 'seconds'):.1f}",
            *(f"{seconds:.1f}" for seconds in stages),
        )
    worst = max(median(size, "cpu") for size in runs) / median(first, "cpu")
    console = Console(width=max(Console().width, 100), highlight=False)
    console.print(table)
    verdict = "holds" if worst <= BAR else "DOES NOT HOLD"
    console.print(f"  {verdict:14s} one new hour costs the same whatever is stored: {worst:.2f} x (bar {BAR} x)")


def _simulate(folder: Path, hours: int) -> list[Path]:
    """One file a distribution and hour, in order of time."""
    out = folder / f"logs-{hours}"
    if not (out / "truth").exists():
        start = END - timedelta(hours=hours)
        command = ["--out", str(out), "--start", f"{start:%Y-%m-%dT%H}", "--hours", str(hours)]
        subprocess.run([sys.executable, "-m", "simulator", *command, "--scale", SCALE, "--seed", SEED], check=True)
    return sorted((out / "raw").glob("*.gz"), key=lambda path: (_hour(path), path.name))


def _hour(path: Path) -> str:
    return path.name.split(".")[1]


def _deliver(logs: list[Path], raw: Path, first: str, last: str) -> None:
    raw.mkdir(parents=True, exist_ok=True)
    for path in logs:
        if first <= _hour(path) <= last and not (raw / path.name).exists():
            os.link(path, raw / path.name)


def _make_history(folder: Path, logs: list[Path], size: int) -> None:
    """A home in which this many hours before the last one are made."""
    home, raw = folder / f"home-{size}", folder / f"raw-{size}"
    if (home / "made").exists():
        return
    shutil.rmtree(raw, ignore_errors=True)
    with_champions(home)
    first, last = (format_hour(END - timedelta(hours=hours)) for hours in (size + 1, 2))
    _deliver(logs, raw, first, last)
    _make(load_settings(home, cloudfront_raw=str(raw)), Interval.spanning(first, last))
    (home / "made").touch()


def _make(settings: Settings, interval: Interval) -> None:
    """Make and record every hourly table of the interval, by the functions that the assets call."""
    from platform_assets.clients.engine import lake_of
    from platform_assets.core.staleness import record_made
    from platform_assets.domains.waf.decide.claims import identifier_of
    from platform_assets.domains.waf.decide.hours import decide_hours
    from platform_assets.domains.waf.decide.rescoring import loader_of
    from platform_assets.domains.waf.exports import DATABASE_KEY, METRICS_KEY
    from platform_assets.domains.waf.freshness import record_measured
    from platform_assets.domains.waf.policy import load_policy
    from platform_assets.domains.waf.tables import WAF_DECISIONS
    from platform_assets.ingest.raw import update_ledger
    from platform_assets.ingest.source_assets import record, run_job
    from spark_jobs.sources.cloudfront.tables import SOURCE

    update_ledger(settings, "cloudfront")
    lake = lake_of(settings)
    for job in SOURCE.jobs:
        run_job(settings, SOURCE, job, lake, interval)
        record(lake, SOURCE, job, interval)
    policy, loaded, identifier = (
        load_policy(settings.waf.policy_file),
        loader_of(settings),
        identifier_of(settings, lake),
    )
    hours, _ = decide_hours(lake, interval, policy, (), loaded=loaded, identifier=identifier)
    for key in (WAF_DECISIONS.key, DATABASE_KEY, METRICS_KEY):
        record_made(lake, [key], hours)
    record_measured(lake, hours, is_applied=False)


def _run_one_more(folder: Path, logs: list[Path], size: int) -> dict[str, Any]:
    """`weir run edge` after the last hour has arrived, on a copy of the home that is thrown away."""
    home, original = folder / "run", folder / f"home-{size}"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(original, home, copy_function=os.link)
    for name in ("mlflow.db", "hash.key"):  # files that are changed in place must not be shared
        (home / name).unlink()
        shutil.copy(original / name, home / name)
    shutil.rmtree(home / "dagster", ignore_errors=True)
    # The ledger has these names: the location stays, its content is restored afterwards.
    location = folder / f"raw-{size}"
    _deliver(logs, location, format_hour(END - timedelta(hours=size + 1)), LAST_HOUR)
    try:
        started, before = time.perf_counter(), os.times()
        command = [sys.executable, "-W", "ignore", "-c", RUN, str(home), str(location)]
        process = subprocess.run(command, capture_output=True, text=True)
        after = os.times()
        if process.returncode:
            raise SystemExit(f"The run after {size} hours failed:\n{process.stderr[-2000:]}")
        outcome = json.loads(process.stdout.splitlines()[-1])
        if outcome["hours"] != [LAST_HOUR]:
            raise SystemExit(f"The run after {size} hours made {outcome['hours']}, not the one new hour.")
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return {"cpu": cpu, "seconds": time.perf_counter() - started, "stages": outcome["stages"]}
    finally:
        for path in location.glob(f"*.{LAST_HOUR}.*"):
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
