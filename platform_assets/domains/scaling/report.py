"""The newest recommendation of each cluster as a table for the terminal, read from the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from platform_assets.domains.scaling.forecasting import newest_forecasts
from platform_assets.domains.scaling.tables import SCALING_PLAN

if TYPE_CHECKING:
    from rich.table import Table as Grid

    from spark_jobs.storage.lake import Lake


def recommendations(lake: Lake) -> Grid:
    """One row per cluster: load now and in 30 minutes, nodes, planned action."""
    from rich.table import Table as Grid
    from rich.text import Text

    planned = {row["cluster_id"]: row for row in lake.read_arrow(SCALING_PLAN).to_pylist()}
    grid = Grid(
        "cluster",
        "step (UTC)",
        "CPU now",
        "in 30 minutes",
        "nodes",
        "action",
        "urgency",
        box=None,
        pad_edge=False,
    )
    for row in newest_forecasts(lake):
        entry = planned.get(row["cluster_id"], {})
        cells = (
            row["cluster_id"],
            f"{row['made_at']:%Y-%m-%d %H:%M}",
            _percent(row["current_cpu_utilization"]),
            _interval(row),
            _nodes(row, entry),
            entry.get("operation", row["action"]),
            entry.get("urgency", row["urgency"]),
        )
        grid.add_row(*(Text(str(cell)) for cell in cells))
    return grid


def reasons(lake: Lake) -> str:
    """The reasons, one line per cluster."""
    planned = {row["cluster_id"]: row["reason"] for row in lake.read_arrow(SCALING_PLAN).to_pylist()}
    rows = newest_forecasts(lake)
    return "\n".join(f"{row['cluster_id']}: {planned.get(row['cluster_id'], row['reasoning'])}" for row in rows)


def _percent(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f} %"


def _interval(row: dict[str, Any]) -> str:
    if row["predicted_cpu_utilization"] is None:
        return "?"
    if row["lower_90"] is None:
        return _percent(row["predicted_cpu_utilization"])
    return f"{row['predicted_cpu_utilization']:.1f} % ({row['lower_90']:.1f} to {row['upper_90']:.1f})"


def _nodes(row: dict[str, Any], entry: dict[str, Any]) -> str:
    """Nodes -> target; without a node count a multiple of the current capacity."""
    target = entry.get("nodes_after", row["target_nodes"])
    if row["node_count"] is None:
        return f"x {row['target_nodes'] if target is None else target}"
    before = entry.get("nodes_before")
    before = row["node_count"] if before is None else before
    return f"{before}" if target in (None, before) else f"{before} -> {target}"
