"""`make bench`: ours beside DuckDB, Polars, classic Spark and plain Python on generated logs, with the bars that must hold.

    python -m benchmarks.bench

BENCH_LINES (300000,3000000), BENCH_ROUNDS (3), BENCH_HOME (.weir/bench) and BENCH_CONTENDERS (all) change it. Every
contender runs in a process of its own, on two cores, in turn; before it is timed it does all its work once on a small
set. The tables that they make are checked equal; where they are not, the command fails. Bars are reported, not enforced.
A run over all contenders writes what it measured into benchmarks/RESULTS.md.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import measuring, results

CORES = 2
WARM_UP_LINES = 20_000
TITLES = {
    "gunzip": "gunzip alone (the floor)",
    "ours_sail": "ours on Sail",
    "duckdb": "DuckDB, by hand",
    "polars": "Polars, by hand",
    "spark": "classic Spark, its own readers",
    "ours_classic": "ours on classic Spark",
    "python": "Python, line by line",
}
ONCE_FROM_LINES = {"spark": 1_000_000, "ours_classic": 1_000_000, "python": 1_000_000}
"""Contenders that run once and not in every round from so many lines on: minutes a run."""
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
    def total(self) -> float:
        return self.seconds(*self.steps)

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(name for name, value in self.runs[0].items() if isinstance(value, dict))


@dataclass
class Size:
    """All that was measured on one set."""

    lines: int
    data: dict[str, Any]
    outcomes: dict[str, Outcome]
    scored: Outcome = field(default_factory=lambda: Outcome([]))
    said: list[str] = field(default_factory=list)
    is_equal: bool = True

    @property
    def bars(self) -> list[tuple[str, str, str]]:
        """(verdict, bar, figure) of each."""
        totals = {name: outcome.total for name, outcome in self.outcomes.items() if outcome.runs}
        ours = totals.get(OURS)
        rows = self.scored.runs[0]["in_spark"] if self.scored.runs else None
        rate = rows["result"] / rows["seconds"] if rows else None
        peak = self.outcomes[OURS].peak_bytes / GIB if ours else None
        bars = [
            (
                "parse to features no slower than Polars",
                _ratio(ours, totals.get("polars")),
                lambda x: x <= 1,
                "{:.2f} x",
            ),
            ("at most 0.7 times DuckDB", _ratio(ours, totals.get("duckdb")), lambda x: x <= 0.7, "{:.2f} x"),
            ("at most 5 times gunzip alone", _ratio(ours, totals.get("gunzip")), lambda x: x <= 5, "{:.1f} x"),
            ("at least 6 times classic Spark", _ratio(totals.get("spark"), ours), lambda x: x >= 6, "{:.1f} times"),
            ("at least 20 times plain Python", _ratio(totals.get("python"), ours), lambda x: x >= 20, "{:.1f} times"),
            ("peak memory at most 2 GiB", peak, lambda x: x <= 2, "{:.2f} GiB"),
            ("scoring at least 50,000 rows/s on two cores", rate, lambda x: x >= 50_000, "{:,.0f} rows/s"),
        ]
        return [
            ("not measured", text, "")
            if value is None
            else ("holds" if holds(value) else "DOES NOT HOLD", text, shape.format(value))
            for text, value, holds, shape in bars
        ]


def main() -> int:
    sizes = [int(lines) for lines in os.environ.get("BENCH_LINES", "300000,3000000").split(",")]
    rounds = int(os.environ.get("BENCH_ROUNDS", "3"))
    home = Path(os.environ.get("BENCH_HOME", ".weir/bench")).absolute()
    wanted = os.environ.get("BENCH_CONTENDERS", ",".join([*TITLES, "scoring"])).split(",")
    console = Console(width=max(Console().width, 110), highlight=False)
    load = os.getloadavg()[0]
    if load > 0.5:
        console.print(f"The machine is busy with other work (load {load:.1f}): trust ratios, and CPU-seconds more.")
    measured = [_measured(console, home, lines, rounds, wanted) for lines in sizes]
    if {*TITLES, "scoring"} <= set(wanted):
        path = results.write(Path(__file__).with_name("RESULTS.md"), measured, TITLES, load)
        console.print(f"Written to {path}.")
    return 0 if all(one.is_equal and not one.scored.problem for one in measured) else 1


def _measured(console: Console, home: Path, lines: int, rounds: int, wanted: list[str]) -> Size:
    data, small = (
        _answer("generate", str(n), "--folder", str(home), cores=os.cpu_count() or 1) for n in (lines, WARM_UP_LINES)
    )
    console.print(
        f"{data['lines']:,} lines in {data['objects']} objects, {data['raw_bytes'] / 1e6:,.0f} MB raw, "
        f"{data['stored_bytes'] / 1e6:,.0f} MB gzip, {data['malformed']} malformed; {CORES} cores, {rounds} round(s)"
    )
    size = Size(lines, data, {name: Outcome([]) for name in TITLES if name in wanted})
    out = home / "out"
    for number in range(rounds):
        for name, outcome in size.outcomes.items():
            if number and lines >= ONCE_FROM_LINES.get(name, lines + 1):
                continue
            _run(
                console, name, outcome, "--data", data["folder"], "--warm-up", small["folder"], "--out", str(out / name)
            )
    _print_table(console, size.outcomes)
    _compare(home, size)
    if "scoring" in wanted and OURS in size.outcomes and size.outcomes[OURS].runs:
        model = _answer("scoring", str(home))["folder"]
        _run(console, "scoring", size.scored, "--out", str(out / OURS), "--model", model)
        _tell_scoring(size)
    for sentence in size.said:
        console.print(sentence)
    for verdict, text, figure in size.bars:
        console.print(f"  {verdict:14s} {text}" + (f": {figure}" if figure else ""))
    shutil.rmtree(out)
    return size


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


def _compare(home: Path, size: Size) -> None:
    """Whether the contenders' tables are equal to those of ours on Sail; says what peers do less."""
    made = [name for name, outcome in size.outcomes.items() if outcome.runs and name != "gunzip"]
    if OURS not in made or len(made) < 2:
        return
    found = _answer("equality", str(home / "out"), *made)
    for name, sentences in found["less"].items():
        size.said.append(f"{TITLES[name]} does less than ours: " + "; ".join(sentences) + ".")
    size.said += [f"Not equal: {sentence}" for sentence in found["differences"]]
    size.is_equal = not found["differences"]
    if size.is_equal:
        size.said.append(f"Equal in all: {found['compared']}.")


def _tell_scoring(size: Size) -> None:
    if size.scored.problem:
        size.said.append(f"Scoring was not measured: {size.scored.problem}")
        return
    run = size.scored.runs[0]
    rates = {name: run[name]["result"] / run[name]["seconds"] for name in ("in_spark", "alone")}
    size.said.append(
        f"Scoring with request_attack: {rates['in_spark']:,.0f} rows/s in the Spark job on {CORES} cores (reading and writing"
        f" the lake included), {rates['alone']:,.0f} rows/s called alone on one; {run['compare']['result']}."
    )


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one and other else None


if __name__ == "__main__":
    sys.exit(main())
