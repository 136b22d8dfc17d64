"""`make bench`: ours beside DuckDB, Polars and classic Spark on generated logs, in one run, with the bars that must hold.

    python -m benchmarks.bench

BENCH_LINES (3000000), BENCH_ROUNDS (1), BENCH_HOME (.weir/bench) and BENCH_CONTENDERS (all) change it. Every contender
runs in a process of its own, on two cores, in turn; before it is timed it does all its work once on a small set. The
tables that they make are checked equal; where they are not, the command fails. Bars are reported, not enforced.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import measuring

CORES = 2
WARM_UP_LINES = 20_000
TITLES = {
    "gunzip": "gunzip alone (the floor)",
    "ours_sail": "ours on Sail",
    "duckdb": "DuckDB, by hand",
    "polars": "Polars, by hand",
    "spark": "classic Spark, its own readers",
    "ours_classic": "ours on classic Spark",
}
OURS = "ours_sail"
FEATURES = ("client_hourly", "client_daily")
GIB = 1 << 30


@dataclass
class Outcome:
    """Runs of one contender, or why there are none."""

    runs: list[dict[str, Any]]
    peak_bytes: int = 0
    problem: str = ""

    def seconds(self, *steps: str) -> float:
        return statistics.median(sum(run[step]["seconds"] for step in steps) for run in self.runs)

    def cpu(self, *steps: str) -> float:
        return statistics.median(sum(run[step]["cpu"] for step in steps) for run in self.runs)

    def spread(self, *steps: str) -> str:
        totals = [sum(run[step]["seconds"] for step in steps) for run in self.runs]
        return f" ({min(totals):.1f}–{max(totals):.1f})" if len(totals) > 1 else ""

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(name for name, value in self.runs[0].items() if isinstance(value, dict))


def main() -> int:
    lines, rounds = int(os.environ.get("BENCH_LINES", "3000000")), int(os.environ.get("BENCH_ROUNDS", "1"))
    home = Path(os.environ.get("BENCH_HOME", ".weir/bench")).absolute()
    wanted = os.environ.get("BENCH_CONTENDERS", ",".join([*TITLES, "scoring"])).split(",")
    console = Console(width=max(Console().width, 110), highlight=False)
    data, small = (
        _answer("generate", str(n), "--folder", str(home), cores=os.cpu_count() or 1) for n in (lines, WARM_UP_LINES)
    )
    console.print(
        f"{data['lines']:,} lines in {data['objects']} objects, {data['raw_bytes'] / 1e6:,.0f} MB raw, "
        f"{data['stored_bytes'] / 1e6:,.0f} MB gzip, {data['malformed']} malformed; {CORES} cores, {rounds} round(s)"
    )
    if (load := os.getloadavg()[0]) > 0.5:
        console.print(f"The machine is busy with other work (load {load:.1f}): trust ratios, and CPU-seconds more.")
    outcomes = {name: Outcome([]) for name in TITLES if name in wanted}
    out = home / "out"
    for _ in range(rounds):
        for name, outcome in outcomes.items():
            _run(
                console, name, outcome, "--data", data["folder"], "--warm-up", small["folder"], "--out", str(out / name)
            )
    _print_table(console, outcomes)
    is_equal = _print_equality(console, home, outcomes)
    scored = Outcome([])
    if "scoring" in wanted and OURS in outcomes and outcomes[OURS].runs:
        model = _answer("scoring", str(home))["folder"]
        _run(console, "scoring", scored, "--out", str(out / OURS), "--model", model)
        _print_scoring(console, scored)
    _print_bars(console, outcomes, scored)
    shutil.rmtree(out)
    return 0 if is_equal and not scored.problem else 1


def _child(module: str, *arguments: str, cores: int = CORES) -> measuring.Finished:
    """In a process of its own: what this one held would count as its children's memory."""
    environment = {"POLARS_MAX_THREADS": str(CORES), "RUST_LOG": "error"}
    return measuring.run([sys.executable, "-m", f"benchmarks.{module}", *arguments], environment, cores)


def _answer(module: str, *arguments: str, cores: int = CORES) -> dict[str, Any]:
    done = _child(module, *arguments, cores=cores)
    if done.code:
        raise SystemExit(f"benchmarks.{module} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _run(console: Console, name: str, outcome: Outcome, *arguments: str) -> None:
    with console.status(TITLES.get(name, name)):
        done = _child("contenders", name, *arguments)
    if done.code:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        outcome.problem = (said or [f"exit code {done.code}"])[-1][:300]
        return
    outcome.runs.append(json.loads(done.stdout.splitlines()[-1]))
    outcome.peak_bytes = max(outcome.peak_bytes, done.peak_bytes)


def _print_table(console: Console, outcomes: dict[str, Outcome]) -> None:
    table = Table("contender", *("parse + write s", "features s", "total s", "CPU s", "ratio", "peak memory"))
    ours = outcomes.get(OURS)
    for name, outcome in outcomes.items():
        if not outcome.runs:
            table.add_row(TITLES[name], f"not measured: {outcome.problem}")
            continue
        steps = outcome.steps
        features = [step for step in steps if step in FEATURES]
        total = outcome.seconds(*steps)
        table.add_row(
            TITLES[name],
            f"{outcome.seconds('parse'):.1f}",
            f"{outcome.seconds(*features):.1f}" if features else "",
            f"{total:.1f}{outcome.spread(*steps)}",
            f"{outcome.cpu(*steps):.1f}",
            f"{total / ours.seconds(*ours.steps):.2f}" if ours and ours.runs else "",
            f"{outcome.peak_bytes / GIB:.2f} GiB",
        )
    console.print(table)
    console.print(
        "ratio: total to that of ours on Sail. Interpreter, engine and session start, and the warm-up, are left out."
    )


def _print_equality(console: Console, home: Path, outcomes: dict[str, Outcome]) -> bool:
    """Whether the contenders' tables are equal to those of ours on Sail; says what peers do less."""
    made = [name for name, outcome in outcomes.items() if outcome.runs and name != "gunzip"]
    if OURS not in made or len(made) < 2:
        return True
    found = _answer("equality", str(home / "out"), *made)
    for name, sentences in found["less"].items():
        console.print(f"{TITLES[name]} does less than ours: " + "; ".join(sentences) + ".")
    for sentence in found["differences"]:
        console.print(f"[bold]Not equal[/bold]: {sentence}")
    if not found["differences"]:
        console.print(f"Equal in all: {found['compared']}.")
    return not found["differences"]


def _print_scoring(console: Console, scored: Outcome) -> None:
    if scored.problem:
        console.print(f"Scoring was not measured: {scored.problem}")
        return
    run = scored.runs[0]
    rates = {name: run[name]["result"] / run[name]["seconds"] for name in ("in_spark", "alone")}
    console.print(
        f"Scoring with request_attack: {rates['in_spark']:,.0f} rows/s in the Spark job on {CORES} cores (reading and writing"
        f" the lake included), {rates['alone']:,.0f} rows/s called alone on one; {run['compare']['result']}."
    )


def _print_bars(console: Console, outcomes: dict[str, Outcome], scored: Outcome) -> None:
    totals = {name: outcome.seconds(*outcome.steps) for name, outcome in outcomes.items() if outcome.runs}
    ours, rows = totals.get(OURS), scored.runs[0]["in_spark"] if scored.runs else None
    rate = rows["result"] / rows["seconds"] if rows else None
    peak = max(outcomes[OURS].peak_bytes if ours else 0, scored.peak_bytes) / GIB
    bars = [
        ("parse to features no slower than DuckDB", _ratio(ours, totals.get("duckdb")), lambda x: x <= 1, "{:.2f} x"),
        ("at least 5 times classic Spark", _ratio(totals.get("spark"), ours), lambda x: x >= 5, "{:.1f} times"),
        ("scoring at least 50,000 rows/s on two cores", rate, lambda x: x >= 50_000, "{:,.0f} rows/s"),
        ("peak memory under 4 GiB, scoring included", peak or None, lambda x: x < 4, "{:.2f} GiB"),
    ]
    for text, value, holds, shape in bars:
        verdict = "not measured" if value is None else "holds" if holds(value) else "DOES NOT HOLD"
        console.print(f"  {verdict:14s} {text}" + ("" if value is None else f": {shape.format(value)}"))


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one and other else None


if __name__ == "__main__":
    sys.exit(main())
