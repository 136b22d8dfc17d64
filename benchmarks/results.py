"""What `make bench` measured -> benchmarks/RESULTS.md: machine, versions, and a table a size. Never written by hand."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.bench import Size

VERSIONS = ("pysail", "pyspark", "pyarrow", "deltalake", "isal", "numpy", "duckdb", "polars")
GIB = 1 << 30


def write(path: Path, sizes: Sequence[Size], titles: Mapping[str, str], load: float) -> Path:
    """The page, anew; returns its path."""
    lines = [
        "# Results of `make bench`",
        "",
        "Written by the command. Seconds are medians with the smallest and the largest run in brackets; interpreter, engine and",
        "session start, and a warm-up on a small set, are left out. Compare ratios, within one table.",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {_machine()}; load before the first run {load:.1f}",
        f"- Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in VERSIONS),
        "",
    ]
    for size in sizes:
        lines += _section(size, titles)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _section(size: Size, titles: Mapping[str, str]) -> list[str]:
    data = size.data
    lines = [
        f"## {size.lines:,} lines",
        "",
        f"{data['objects']} objects, {data['raw_bytes'] / 1e6:,.0f} MB raw, {data['stored_bytes'] / 1e6:,.0f} MB gzip, "
        f"{data['malformed']} malformed lines.",
        "",
        "| contender | runs | parse + write s | features s | total s | CPU s | ratio to ours | peak GiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    ours = size.outcomes["ours_sail"]
    for name, outcome in size.outcomes.items():
        if not outcome.runs:
            lines.append(f"| {titles[name]} | 0 | {outcome.problem} | | | | | |")
            continue
        steps = outcome.steps
        features = [step for step in steps if step != "parse"]
        figures = [
            str(len(outcome.runs)),
            f"{outcome.seconds('parse'):.1f}",
            f"{outcome.seconds(*features):.1f}" if features else "",
            f"{outcome.total:.1f}{outcome.spread(*steps)}",
            f"{outcome.cpu(*steps):.1f}",
            f"{outcome.total / ours.total:.2f}" if ours.runs else "",
            f"{outcome.peak_bytes / GIB:.2f}",
        ]
        lines.append(f"| {titles[name]} | " + " | ".join(figures) + " |")
    if ours.runs:
        gigabytes = data["raw_bytes"] / 1e9
        lines += ["", f"Ours on Sail: {ours.cpu(*ours.steps) / gigabytes:.1f} CPU-seconds a GB of raw logs."]
    lines += ["", *(f"- {sentence}" for sentence in size.said), "", "| bar | | measured |", "| --- | --- | --- |"]
    lines += [f"| {text} | {verdict} | {figure} |" for verdict, text, figure in size.bars]
    return [*lines, ""]


def _machine() -> str:
    model = platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        named = [
            line.partition(":")[2].strip() for line in cpus.read_text().splitlines() if line.startswith("model name")
        ]
        model = named[0] if named else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB"
