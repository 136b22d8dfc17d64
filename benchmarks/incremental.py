"""What one new hour costs with 1, 100 and 2,000 hours in the lake: `make bench-history`.

    python -m benchmarks.incremental

BENCH_HOURS (1,100,2000), BENCH_ROUNDS (3) and BENCH_HOME (.weir/bench) change it. The logs are simulated; the history is
made by the source's own jobs, without Dagster's events of it. Then `weir run edge` is timed on a copy of each home, in a
process of its own, in turn: listing, parsing, scoring, deciding, planning. CPU-seconds of the process and its children.
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

from platform_assets.settings import Settings, load_settings
from spark_jobs.contract import Interval, format_hour

SCALE = "0.02"
"""Of the simulator: about 700 lines an hour, so that what does not depend on volume shows."""
SEED = "5"
END = datetime.fromisoformat("2026-11-21T08:00:00+00:00")
BAR = 1.2


def main() -> int:
    sizes = [int(size) for size in os.environ.get("BENCH_HOURS", "1,100,2000").split(",")]
    rounds = int(os.environ.get("BENCH_ROUNDS", "3"))
    folder = Path(os.environ.get("BENCH_HOME", ".weir/bench")).absolute() / "incremental"
    console = Console(width=max(Console().width, 100), highlight=False)
    logs = _simulated(folder, max(sizes) + 1)
    _trained(folder)
    for size in sizes:
        with console.status(f"{size} hours of history"):
            _history(folder, logs, size)
    runs: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            with console.status(f"one hour after {size}"):
                runs[size].append(_one_more(folder, logs, size))
    table = Table("hours stored", "CPU s", "ratio", "seconds", *next(iter(runs.values()))[0]["stages"])
    base = statistics.median(run["cpu"] for run in runs[sizes[0]])
    worst = 0.0
    for size, found in runs.items():
        cpu = [run["cpu"] for run in found]
        worst = max(worst, statistics.median(cpu) / base)
        stages = {name: statistics.median(run["stages"].get(name, 0.0) for run in found) for name in found[0]["stages"]}
        table.add_row(
            f"{size:,}",
            f"{statistics.median(cpu):.1f} ({min(cpu):.1f}–{max(cpu):.1f})",
            f"{statistics.median(cpu) / base:.2f}",
            f"{statistics.median(run['seconds'] for run in found):.1f}",
            *(f"{seconds:.1f}" for seconds in stages.values()),
        )
    console.print(table)
    verdict = "holds" if worst <= BAR else "DOES NOT HOLD"
    console.print(f"  {verdict:14s} one new hour costs the same whatever is stored: {worst:.2f} x (bar {BAR} x)")
    return 0


def _simulated(folder: Path, hours: int) -> list[Path]:
    """One file a distribution and hour, in order of time."""
    out = folder / f"logs-{hours}"
    if not (out / "truth").exists():
        start = END - timedelta(hours=hours)
        command = ["--out", str(out), "--start", f"{start:%Y-%m-%dT%H}", "--hours", str(hours)]
        subprocess.run([sys.executable, "-m", "simulator", *command, "--scale", SCALE, "--seed", SEED], check=True)
    return sorted((out / "raw").glob("*.gz"), key=lambda path: (_hour(path), path.name))


def _hour(path: Path) -> str:
    return path.name.split(".")[1]


def _trained(folder: Path) -> None:
    home = folder / "trained"
    if not (home / "mlflow.db").exists():
        _weir("train", "--home", str(home))


def _weir(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-c", "from platform_assets.cli import main; main()", *arguments])
    if done.returncode:
        raise SystemExit(f"weir {arguments[0]} failed")


def _last_hour() -> str:
    return format_hour(END - timedelta(hours=1))


def _delivered(logs: list[Path], raw: Path, first: str, last: str) -> None:
    raw.mkdir(parents=True, exist_ok=True)
    for path in logs:
        if first <= _hour(path) <= last and not (raw / path.name).exists():
            os.link(path, raw / path.name)


def _history(folder: Path, logs: list[Path], size: int) -> None:
    """A home in which so many hours before the last one are made."""
    home, raw = folder / f"home-{size}", folder / f"raw-{size}"
    if (home / "made").exists():
        return
    for old in (home, raw):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(folder / "trained", home)
    first = format_hour(END - timedelta(hours=size + 1))
    last = format_hour(END - timedelta(hours=2))
    _delivered(logs, raw, first, last)
    _make(load_settings(home, cloudfront_raw=str(raw)), Interval.spanning(first, last))
    (home / "made").touch()


def _make(settings: Settings, interval: Interval) -> None:
    """Every hourly table of the interval, noted as made, by what the assets call."""
    from platform_assets.domains.waf.decide.claims import identifier_of
    from platform_assets.domains.waf.decide.hours import decide_hours
    from platform_assets.domains.waf.decide.rescoring import loader_of
    from platform_assets.domains.waf.policy import load_policy
    from platform_assets.domains.waf.tables import WAF_DECISIONS
    from platform_assets.freshness import record_measured
    from platform_assets.lake import record, run_of
    from platform_assets.raw import update_ledger
    from platform_assets.resources.engine import lake_of
    from platform_assets.staleness import DATABASE_KEY, METRICS_KEY, record_made
    from spark_jobs.sources.cloudfront.tables import SOURCE

    update_ledger(settings)
    lake = lake_of(settings)
    for job in SOURCE.jobs:
        run_of(settings, SOURCE, job, lake, interval)
        record(lake, job, interval)
    hours, _ = decide_hours(
        lake,
        interval,
        load_policy(settings.policy_file),
        (),
        loaded=loader_of(settings),
        identifier=identifier_of(settings, lake),
    )
    for key in (WAF_DECISIONS.key, DATABASE_KEY, METRICS_KEY):
        record_made(lake, [key], hours)
    record_measured(lake, hours, is_applied=False)


def _one_more(folder: Path, logs: list[Path], size: int) -> dict[str, Any]:
    """`weir run edge` after the last hour has come, on copies that are thrown away."""
    home = folder / "run"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(folder / f"home-{size}", home, copy_function=os.link)
    for name in ("mlflow.db", "hash.key"):  # what is changed in place must not be shared
        (home / name).unlink()
        shutil.copy(folder / f"home-{size}" / name, home / name)
    shutil.rmtree(home / "dagster", ignore_errors=True)
    first = format_hour(END - timedelta(hours=size + 1))
    # The names that the ledger has: the location stays, its content is put back afterwards.
    location = folder / f"raw-{size}"
    _delivered(logs, location, first, _last_hour())
    try:
        code = (
            "import json, sys; from platform_assets.run import run_edge; from platform_assets.settings import load_settings;"
            "done = run_edge(load_settings(sys.argv[1], cloudfront_raw=sys.argv[2]));"
            "print(json.dumps({'hours': done.hours, 'stages': done.seconds}))"
        )
        began, before = time.perf_counter(), os.times()
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, str(home), str(location)], capture_output=True, text=True
        )
        after = os.times()
        if done.returncode:
            raise SystemExit(f"The run after {size} hours failed:\n{done.stderr[-2000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        if found["hours"] != [_last_hour()]:
            raise SystemExit(f"The run after {size} hours made {found['hours']}, not the one new hour.")
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return {"cpu": cpu, "seconds": time.perf_counter() - began, "stages": found["stages"]}
    finally:
        for path in location.glob(f"*.{_last_hour()}.*"):
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
