"""Scaling in `weir demo`: days of cluster metrics into recommendations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_assets.cli.demo import DomainDemo, Shown, World
from platform_assets.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from platform_assets.cli.run import Progress

METRICS = World(
    folder="demo/metrics",
    module="simulator.clusters",
    hours_back=96,
    arguments=("--days", "4", "--clusters", "4"),
    truth="incidents.parquet",
    setting="metrics_raw",
)


def play(console: Console, settings: Settings, progress: Progress) -> Shown:
    """Metrics to recommendations."""
    from platform_assets.cli.report import show_models
    from platform_assets.cli.run import run_pipeline
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.scaling.cli import show
    from platform_assets.domains.scaling.plan_values import DOWN, UP
    from platform_assets.domains.scaling.tables import SCALING_PLAN

    console.rule("Sizes of clusters")
    run_pipeline(settings, "scaling", progress)
    show_models(console, settings, ["predictive_scaling"])
    show(console, settings)
    plan = lake_of(settings).read_arrow(SCALING_PLAN).to_pylist()
    changed = sum(row["operation"] in (UP, DOWN) for row in plan)
    return Shown(f"Clusters: {len(plan)} with a forecast for 30 minutes ahead, {changed} of them to change size.")


DEMO = DomainDemo(2, (METRICS,), {}, play)
