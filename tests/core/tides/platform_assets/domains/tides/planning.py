"""The planner: a mean level -> the height of the gate. Pure."""

from __future__ import annotations


def gate_rows(mean_level: float) -> list[dict[str, object]]:
    """The plan, a row a gate."""
    return [{"gate": "north", "height_meters": mean_level + 1.0}]
