"""What the reports of all domains share: serving models, run time, and the --home option of the next command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table as Grid

from platform_assets.cli.outcome import Outcome
from platform_assets.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console


def show_models(console: Console, settings: Settings, names: Sequence[str]) -> None:
    """The serving versions with the figures of their evaluation."""
    from weir_models import registry, tracking

    console.rule("Models")
    grid = Grid("model", "version", "figure", "value", "asked", "gate", box=None, pad_edge=False)
    for name, spec in registry.specs().items():
        if name not in names:
            continue
        champion = tracking.champion(name, tracking_uri=settings.tracking_uri)
        if champion is None:
            grid.add_row(name, "none", "", "", "", "no version has passed it")
            continue
        version = champion[0]
        figures = tracking.figures(name, version, tracking_uri=settings.tracking_uri)
        for row, gate in enumerate(spec.gates):
            grid.add_row(
                name if not row else "",
                version if not row else "",
                gate.figure,
                *_gate_cells(gate.sentence(figures)),
            )
    console.print(grid)


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


def home_option(settings: Settings) -> str:
    """` --home FOLDER` unless the home is the default one."""
    default = Path(".weir").resolve()
    return "" if settings.home == default else f" --home {settings.home}"
