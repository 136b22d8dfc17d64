"""What the reports of all domains share: serving models, run time, and how the next command is typed."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table as Grid

from platform_assets.cli.outcome import Outcome
from platform_assets.core.console import Folded
from platform_assets.settings import Settings
from platform_assets.training.sets import SHIPPED

if TYPE_CHECKING:
    from rich.console import Console


def show_models(console: Console, settings: Settings, names: Sequence[str]) -> None:
    """The serving versions with the figures of their evaluation."""
    from weir_models import registry, tracking

    console.rule("Models")
    shipped: list[str] = []
    grid = Grid("model", "version", "figure", "value", "asked", "gate", box=None, pad_edge=False)
    for name, spec in registry.specs().items():
        if name not in names:
            continue
        champion = tracking.champion(name, tracking_uri=settings.tracking_uri)
        if champion is None:
            grid.add_row(name, "none", "", "", "", "no version has passed it")
            continue
        version, tags = champion
        is_shipped = tags.get("origin") == SHIPPED
        shipped += [name] if is_shipped else []
        figures = tracking.figures(name, version, tracking_uri=settings.tracking_uri)
        for row, gate in enumerate(spec.gates):
            grid.add_row(
                name if not row else "",
                f"{version}{' (shipped)' if is_shipped else ''}" if not row else "",
                gate.figure,
                *_gate_cells(gate.sentence(figures)),
            )
    console.print(grid)
    if shipped:
        console.print(Folded(f"{serves_shipped(shipped)}."))


def serves_shipped(names: Sequence[str]) -> str:
    """That shipped champions serve, what they know, and what replaces them."""
    one = len(names) == 1
    return (
        f"{' and '.join(names)} {'is' if one else 'are'} the champion{'' if one else 's'} that Weir ships, fitted on "
        f"generated data alone; `weir train {' '.join(names)}` fits {'it' if one else 'them'} here"
    )


def _gate_cells(sentence: str) -> tuple[str, str, str]:
    """`fpr = 0.006, asked at most 0.01: holds` -> value, bounds, verdict."""
    value, _, bounds_and_verdict = sentence.partition(" = ")[2].partition(", asked ")
    bounds, _, verdict = bounds_and_verdict.rpartition(": ")
    return value, bounds, verdict


def show_time(console: Console, outcome: Outcome) -> None:
    if outcome.run_seconds:
        share = outcome.dagster_seconds / outcome.run_seconds
        console.print(
            f"{outcome.run_seconds:.1f} s in Dagster runs, of which Dagster itself took {outcome.dagster_seconds:.1f} s ({share:.0%})",
            style="dim",
        )


def command() -> str:
    """How `weir` is called from the folder where one stands: by its name where the path has this one, else by its file."""
    script = Path(sys.argv[0])
    if script.name != "weir" or not script.is_file():
        return "weir"
    on_path = shutil.which("weir")
    if on_path is not None and Path(on_path).resolve() == script.resolve():
        return "weir"
    absolute, here = script.absolute(), Path.cwd()
    if absolute.parent == here:
        return "./weir"  # a shell looks for a bare name on the path only
    return shlex.quote(str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute))


def home_option(settings: Settings) -> str:
    """` --home FOLDER` unless the home is the default one."""
    default = Path(".weir").resolve()
    return "" if settings.home == default else f" --home {shlex.quote(str(settings.home))}"
