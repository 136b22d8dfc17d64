"""`make bench`: ours beside DuckDB, Polars, DataFusion, chDB, classic Spark and plain Python on generated logs, with the bars that must hold.

    python -m benchmarks.throughput.bench

Environment: BENCH_LINES (300000,3000000), BENCH_ROUNDS (3), BENCH_HOME (.weir/bench), BENCH_CONTENDERS (all). Every
contender runs in a process of its own, on two cores, in turn; before it is timed it does all its work once on a small
set. The command fails where their tables are not equal; bars are reported, not enforced. A run over all contenders
replaces benchmarks/RESULTS.md.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.throughput import processes, results
from benchmarks.throughput.results import FLOORS, OURS, TITLES, Outcome, Size

CORES = 2
WARM_UP_LINES = 20_000
ONCE_FROM_LINES = {"spark": 1_000_000, "ours_classic": 1_000_000, "python": 1_000_000}
"""Contenders that run once, not in every round, from so many lines on: minutes a run."""
PAGE = Path(__file__).parents[1] / "RESULTS.md"


def main() -> int:
    every = [*TITLES, "scoring"]
    lines = [int(text) for text in os.environ.get("BENCH_LINES", "300000,3000000").split(",")]
    names = os.environ.get("BENCH_CONTENDERS", ",".join(every)).split(",")
    load, sizes, sections = os.getloadavg()[0], [], []
    for count in lines:
        sizes.append(_measure(count, names))
        sections.append(results.section(sizes[-1]))
        print(sections[-1], flush=True)
    if set(every) <= set(names):
        results.write(PAGE, sections, load)
    return 0 if all(size.is_equal and not size.scored.problem for size in sizes) else 1


def _measure(lines: int, names: list[str]) -> Size:
    home = Path(os.environ.get("BENCH_HOME", ".weir/bench")).absolute()
    out = home / "out"
    data, small = (
        _answer("generate", str(n), "--folder", str(home), cores=os.cpu_count() or 1) for n in (lines, WARM_UP_LINES)
    )
    folders = ["--data", data["folder"], "--warm-up", small["folder"]]
    size = Size(lines, data, {name: Outcome() for name in TITLES if name in names})
    for number in range(int(os.environ.get("BENCH_ROUNDS", "3"))):
        for name, outcome in size.outcomes.items():
            if number == 0 or lines < ONCE_FROM_LINES.get(name, lines + 1):
                _run(name, outcome, *folders, "--out", str(out / name))
    _compare(out, size)
    if "scoring" in names and OURS in size.outcomes and size.outcomes[OURS].runs:
        model = _answer("scoring", str(home))["folder"]
        _run("scoring", size.scored, "--out", str(out / OURS), "--model", model)
        size.notes.append(_scoring_note(size.scored))
    shutil.rmtree(out)
    return size


def _child(module: str, *arguments: str, cores: int = CORES) -> processes.Finished:
    """Run a module in a process of its own: memory of this one would count as that of its children."""
    environment = {"POLARS_MAX_THREADS": str(CORES), "RUST_LOG": "error"}
    command = [sys.executable, "-m", f"benchmarks.throughput.{module}", *arguments]
    return processes.run(command, environment, cores)


def _answer(module: str, *arguments: str, cores: int = CORES) -> dict[str, Any]:
    finished = _child(module, *arguments, cores=cores)
    if finished.code:
        raise SystemExit(f"benchmarks.throughput.{module} failed:\n{finished.stderr}")
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def _run(name: str, outcome: Outcome, *arguments: str) -> None:
    finished = _child("contenders", name, *arguments)
    if finished.code:
        errors = [line.strip() for line in finished.stderr.splitlines() if line.strip()]
        outcome.problem = (errors or [f"exit code {finished.code}"])[-1][:300]
        return
    outcome.runs.append(json.loads(finished.stdout.splitlines()[-1]))
    outcome.peak_bytes = max(outcome.peak_bytes, finished.peak_bytes)


def _compare(out: Path, size: Size) -> None:
    """Note whether the contenders' tables equal those of ours on Sail, and what the peers leave out."""
    names = [name for name, outcome in size.outcomes.items() if outcome.runs and name not in FLOORS]
    if OURS not in names or len(names) < 2:
        return
    answer = _answer("equality", str(out), *names)
    for name, limits in answer["limits"].items():
        size.notes.append(f"{TITLES[name]} does less than ours: " + "; ".join(limits) + ".")
    size.notes += [f"Not equal: {difference}" for difference in answer["differences"]]
    size.is_equal = not answer["differences"]
    if size.is_equal:
        size.notes.append(f"Equal in all: {answer['compared']}.")


def _scoring_note(scored: Outcome) -> str:
    if scored.problem:
        return f"Scoring was not measured: {scored.problem}"
    run = scored.runs[0]
    rates = {name: run[name]["result"] / run[name]["seconds"] for name in ("in_spark", "alone")}
    return (
        f"Scoring with request_attack: {rates['in_spark']:,.0f} rows/s in the Spark job on {CORES} cores (reading and writing"
        f" the lake included), {rates['alone']:,.0f} rows/s called alone on one; {run['compare']['result']}."
    )


if __name__ == "__main__":
    sys.exit(main())
