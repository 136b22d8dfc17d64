"""What single commands cost: one new hour, a plan, a status, an explanation, help; `make bench-commands`.

    python -m benchmarks.throughput.commands

Environment: BENCH_ROUNDS (5), BENCH_HOURS that are decided before (30), BENCH_HOME (.weir/bench). The commands take turns in each round, each as a process of its
own; figures are CPU-seconds with those of child processes, minimum and median, and the seconds that passed. The logs are
simulated, some 700 lines an hour, so that the costs that do not depend on volume dominate.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.throughput.history import SCALE, SEED
from benchmarks.throughput.homes import WEIR, bench_home, with_champions
from spark_jobs.contract import format_hour

HOURS = int(os.environ.get("BENCH_HOURS", "30"))
BARS = {"one new hour": 7.0, "weir waf plan": 1.3, "weir waf status": 1.3, "weir explain": 1.5, "weir --help": 0.25}
"""CPU-seconds, median."""


def main() -> int:
    folder = bench_home() / f"commands-{HOURS}"
    home = _prepared(folder)
    address = _decided_address(home)
    commands = {
        "one new hour": None,
        "weir waf plan": ["waf", "plan", "--home", str(home)],
        "weir waf status": ["waf", "status", "--home", str(home)],
        "weir explain": ["explain", address, "--home", str(home)],
        "weir --help": ["--help"],
    }
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(int(os.environ.get("BENCH_ROUNDS", "5"))):
        for name, arguments in commands.items():
            measured[name].append(_new_hour(folder) if arguments is None else _timed(arguments))
    return _print_table(measured)


def _prepared(folder: Path) -> Path:
    """A home in which HOURS hours are decided; the files of one more hour lie beside its raw folder."""
    home, raw = folder / "home", folder / "raw"
    if (folder / "ready").exists():
        return home
    shutil.rmtree(folder, ignore_errors=True)
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    start = end - timedelta(hours=HOURS + 1)
    span = ["--start", f"{start:%Y-%m-%dT%H}", "--hours", str(HOURS + 1)]
    simulate = [
        sys.executable,
        "-m",
        "simulator",
        "--out",
        str(folder / "logs"),
        *span,
        "--scale",
        SCALE,
        "--seed",
        SEED,
    ]
    subprocess.run(simulate, check=True)
    new_hour = format_hour(end - timedelta(hours=1))
    for path in (folder / "logs" / "raw").iterdir():
        place = folder / "new" if f".{new_hour}." in path.name else raw
        place.mkdir(exist_ok=True)
        path.rename(place / path.name)
    with_champions(home)
    subprocess.run([*WEIR, "run", "edge", "--input", str(raw), "--home", str(home)], check=True)
    (folder / "ready").touch()
    return home


def _decided_address(home: Path) -> str:
    """An address that a decision of the home is about."""
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.waf.tables import WAF_DECISIONS
    from platform_assets.settings import load_settings

    decided = lake_of(load_settings(home)).read_arrow(WAF_DECISIONS, columns=["address"])["address"].to_pylist()
    return str(min(decided)).partition("/")[0]


def _new_hour(folder: Path) -> tuple[float, float]:
    """`weir run edge` after one more hour was delivered, on a copy of the home."""
    home, raw = folder / "run", folder / "raw"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(folder / "home", home)
    delivered = [shutil.copy(path, raw) for path in sorted((folder / "new").iterdir())]
    try:
        return _timed(["run", "edge", "--home", str(home)])
    finally:
        for name in delivered:
            Path(name).unlink()


def _timed(arguments: Sequence[str]) -> tuple[float, float]:
    """CPU-seconds and seconds of a command that ends well."""
    started, before = time.perf_counter(), os.times()
    done = subprocess.run([*WEIR, *arguments], capture_output=True, text=True)
    after = os.times()
    if done.returncode:
        raise SystemExit(f"weir {' '.join(arguments)} ended with exit {done.returncode}:\n{done.stderr[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, time.perf_counter() - started


def _print_table(measured: dict[str, list[tuple[float, float]]]) -> int:
    """Prints the figures; 1 where a bar does not hold."""
    grid = Table("command", "CPU s, median", "minimum", "seconds, median", "bar, CPU s", "")
    missed = 0
    for name, runs in measured.items():
        cpu = [run[0] for run in runs]
        is_held = statistics.median(cpu) <= BARS[name]
        missed += not is_held
        seconds = statistics.median(run[1] for run in runs)
        cells = f"{statistics.median(cpu):.2f}", f"{min(cpu):.2f}", f"{seconds:.1f}", f"{BARS[name]:g}"
        grid.add_row(name, *cells, "holds" if is_held else "DOES NOT HOLD")
    Console(highlight=False).print(grid)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
