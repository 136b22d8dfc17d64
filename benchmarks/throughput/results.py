"""Measurements of `make bench` -> benchmarks/RESULTS.md: machine, versions, and a table and the bars for each size."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TITLES = {
    "gunzip": "gunzip alone (the floor)",
    "ours_sail": "ours on Sail",
    "minimal": "isal, pyarrow and Parquet alone",
    "duckdb": "DuckDB, by hand",
    "polars": "Polars, by hand",
    "datafusion": "DataFusion, by hand",
    "chdb": "chDB, by hand",
    "spark": "classic Spark, its own readers",
    "ours_classic": "ours on classic Spark",
    "python": "Python, line by line",
}
OURS = "ours_sail"
VERSIONS = ("pysail", "pyspark", "pyarrow", "deltalake", "isal", "numpy", "duckdb", "polars", "datafusion", "chdb")
FLOORS = ("gunzip", "minimal")
"""Contenders that make no features: a part of the work, which others are measured against."""
GIB = 1 << 30
HEAD = """# Results of `make bench`

Written by the command. Seconds are medians with the smallest and the largest run in brackets; interpreter, engine and
session start, and a warm-up on a small set, are left out. Compare ratios, within one table; those of the bars are of
CPU-seconds, which a busy machine changes less than seconds.

- {now:%Y-%m-%d %H:%M} UTC, {machine}; load before the first run {load:.1f}
- Python {python}, {versions}
"""


@dataclass
class Outcome:
    """Runs of one contender, or the reason why there are none."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    peak_bytes: int = 0
    problem: str = ""

    def totals(self, figure: str, *steps: str) -> list[float]:
        """Seconds or CPU-seconds of each run, over the steps; over all where none is named."""
        return [sum(run[step][figure] for step in steps or self.steps) for run in self.runs]

    def median(self, figure: str, *steps: str) -> float:
        return statistics.median(self.totals(figure, *steps))

    @property
    def steps(self) -> list[str]:
        return [name for name, value in self.runs[0].items() if isinstance(value, dict)]


@dataclass
class Size:
    """All measurements on one data set."""

    lines: int
    data: dict[str, Any]
    outcomes: dict[str, Outcome]
    scored: Outcome = field(default_factory=Outcome)
    notes: list[str] = field(default_factory=list)
    is_equal: bool = True

    @property
    def bars(self) -> list[tuple[str, str, str]]:
        """(bar, verdict, figure) of each."""
        ran = {name: outcome for name, outcome in self.outcomes.items() if outcome.runs}
        peak = self.outcomes[OURS].peak_bytes / GIB if OURS in ran else None
        scoring = self.scored.runs[0]["in_spark"] if self.scored.runs else None
        rate = scoring["result"] / scoring["seconds"] if scoring else None

        def ratio(name: str, other: str, *steps: str) -> float | None:
            if not {name, other} <= ran.keys():
                return None
            return ran[name].median("cpu", *steps) / ran[other].median("cpu", *steps)

        bars: list[tuple[str, float | None, Callable[[float], bool], str]] = [
            ("at most 0.85 times Polars", ratio(OURS, "polars"), lambda x: x <= 0.85, "{:.2f} x"),
            ("at most 0.7 times DuckDB", ratio(OURS, "duckdb"), lambda x: x <= 0.7, "{:.2f} x"),
            ("at most 0.75 times DataFusion", ratio(OURS, "datafusion"), lambda x: x <= 0.75, "{:.2f} x"),
            (
                "parsing at most 1.5 times isal, pyarrow and Parquet alone",
                ratio(OURS, "minimal", "parse"),
                lambda x: x <= 1.5,
                "{:.2f} x",
            ),
            ("at least 6 times classic Spark", ratio("spark", OURS), lambda x: x >= 6, "{:.1f} times"),
            ("peak memory at most 2 GiB", peak, lambda x: x <= 2, "{:.2f} GiB"),
            ("scoring at least 50,000 rows/s on two cores", rate, lambda x: x >= 50_000, "{:,.0f} rows/s"),
        ]
        return [
            (text, "not measured", "")
            if value is None
            else (text, "holds" if holds(value) else "DOES NOT HOLD", form.format(value))
            for text, value, holds, form in bars
        ]


def write(path: Path, sections: Sequence[str], load: float) -> None:
    """Replace the page."""
    installed = {name for name in VERSIONS if find_spec(name)}
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS if name in installed)
    head = HEAD.format(
        now=datetime.now(UTC), machine=_machine(), load=load, python=platform.python_version(), versions=versions
    )
    path.write_text("\n".join([head, *sections]), encoding="utf-8")


def section(size: Size) -> str:
    """The part of the page about one size."""
    data = size.data
    lines = [
        f"## {size.lines:,} lines",
        "",
        f"{data['objects']} objects, {data['raw_bytes'] / 1e6:,.0f} MB raw, {data['stored_bytes'] / 1e6:,.0f} MB gzip, "
        f"{data['malformed']} malformed lines.",
        "",
        "| contender | runs | parse + write s | features s | total s | CPU s | CPU to ours | peak GiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    ours = size.outcomes.get(OURS, Outcome())
    lines += [f"| {TITLES[name]} | {_row(outcome, ours)} |" for name, outcome in size.outcomes.items()]
    if ours.runs:
        gigabytes = data["raw_bytes"] / 1e9
        lines += ["", f"Ours on Sail: {ours.median('cpu') / gigabytes:.1f} CPU-seconds a GB of raw logs."]
    lines += ["", *(f"- {note}" for note in size.notes), "", "| bar | | measured |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {' | '.join(bar)} |" for bar in size.bars), ""])


def _row(outcome: Outcome, ours: Outcome) -> str:
    if not outcome.runs:
        return f"0 | {outcome.problem} | | | | |"
    features = [step for step in outcome.steps if step != "parse"]
    totals = outcome.totals("seconds")
    spread = f" ({min(totals):.1f}–{max(totals):.1f})" if len(totals) > 1 else ""
    figures = (
        str(len(outcome.runs)),
        f"{outcome.median('seconds', 'parse'):.1f}",
        f"{outcome.median('seconds', *features):.1f}" if features else "",
        f"{outcome.median('seconds'):.1f}{spread}",
        f"{outcome.median('cpu'):.1f}",
        f"{outcome.median('cpu') / ours.median('cpu'):.2f}" if ours.runs else "",
        f"{outcome.peak_bytes / GIB:.2f}",
    )
    return " | ".join(figures)


def _machine() -> str:
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return f"{(models or [platform.machine()])[0]}, {os.cpu_count()} cores, {memory:.0f} GiB"
