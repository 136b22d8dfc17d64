"""The domain `tides`."""

from __future__ import annotations

from platform_assets.core.domain import Domain, Pipeline
from platform_assets.domains.tides.tables import GATE_PLAN

DOMAIN = Domain(
    name="tides",
    meaning="Tide gauges in, heights of a flood gate out.",
    sources=("tides",),
    tables=(GATE_PLAN,),
    assets=("platform_assets.domains.tides.assets:tides_assets",),
    settings={"tides": "platform_assets.domains.tides.settings:TidesSettings"},
    pipelines=(Pipeline("tides", goals=("tides/gate_plan",), titles={"tides/gate_plan": "Planning the gate"}),),
    commands={"run tides": "platform_assets.domains.tides.cli:run_tides"},
    doctor="platform_assets.domains.tides.cli:CHECKS",
    training="platform_assets.domains.tides.training:TRAINING",
)
