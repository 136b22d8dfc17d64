"""The command `weir run tides`, and what `weir doctor` looks at."""

from __future__ import annotations

from typing import Annotated

import typer

from platform_assets.core.console import Home, console_of, location_of, settings_of, stage_of
from platform_assets.settings import Settings


def run_tides(input: Annotated[str, typer.Option("--input", help="Folder of tide files.")], home: Home = None) -> None:
    """Tide files -> levels -> the height of the gate."""
    from platform_assets.cli.run import run_pipeline
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.tides.tables import GATE_PLAN

    settings = settings_of(home, tides_raw=location_of(input))
    with console_of() as console:
        run_pipeline(settings, "tides", stage_of(console))
        for row in lake_of(settings).read_arrow(GATE_PLAN).to_pylist():
            console.print(f"{row['gate']}: {row['height_meters']:.2f} m")


def _gate(settings: Settings) -> tuple[str, str]:
    return "ok", "The gate answers."


CHECKS = {"flood gate": _gate}
