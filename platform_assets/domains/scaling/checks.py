"""The checks between a scaling plan and its application. Fail closed: a failed check leaves every cluster unchanged.

Pure: a plan in, one sentence a check out. What is wrong with one cluster holds that cluster (plan.py); what is wrong
with many is wrong with the input. Names and meanings are declared in tables.py (SCALING_PLAN).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from platform_assets.actions import checks as protocol
from platform_assets.actions.checks import CheckResult, Finding, check_overridable
from platform_assets.domains.scaling.sizes import Entry, Plan
from platform_assets.domains.scaling.tables import SCALING_PLAN

STRICT = {"extra": "forbid"}
"""For pydantic, which reads the file: an unknown key is an error."""


@dataclass(frozen=True)
class Bounds:
    """The bound of each check."""

    __pydantic_config__ = STRICT

    max_total_change: int | None = None
    """Nodes, all clusters together; where it is left out, a share of the nodes that there are, and at least 50."""
    min_confidence: float = 0.6
    """Share of the last day's loads that lay within their intervals; below it a forecast is not acted upon."""
    max_unproven_share: float = 0.5
    min_clusters_for_share: int = 5

    def __post_init__(self) -> None:
        if not (0 <= self.min_confidence <= 1 and 0 <= self.max_unproven_share <= 1):
            raise ValueError("min_confidence and max_unproven_share must be between 0 and 1")
        if (self.max_total_change or 0) < 0 or self.min_clusters_for_share < 1:
            raise ValueError("max_total_change must not be negative, min_clusters_for_share not below 1")


LEAST_TOTAL_CHANGE, TOTAL_CHANGE_SHARE = 50, 0.25
"""Nodes that may change in any case, and the share of all nodes that may where they are many."""


def run_checks(plan: Plan, bounds: Bounds, overrides: Mapping[str, str]) -> list[CheckResult]:
    """All checks, in the order of the table. RequestError for an override of a check that does not exist."""
    check_overridable(overrides, SCALING_PLAN.checks)
    checks = {name: partial(check, plan, bounds) for name, check in CHECKS.items()}
    return protocol.run_checks(SCALING_PLAN.checks, checks, overrides)


def _fresh(plan: Plan, bounds: Bounds) -> Finding:
    # What is scaled to zero has no metrics.
    measured = [entry for entry in plan.entries if entry.nodes_before != 0 or entry.is_fresh]
    stale = [entry for entry in measured if not entry.is_fresh]
    for is_file in (False, True):
        of_kind = [entry for entry in measured if entry.is_file == is_file]
        if of_kind and not any(entry.is_fresh for entry in of_kind):
            first = of_kind[0]
            return (
                False,
                f"No cluster has fresh metrics ({first.cluster_id}: {first.reason}); look whether metrics are still delivered.",
                {"stale": len(stale)},
            )
    return (
        True,
        f"{len(measured) - len(stale)} of {len(measured)} clusters have fresh metrics.",
        {"stale": len(stale)},
    )


def _held(plan: Plan, bounds: Bounds) -> Finding:
    judged = [entry for entry in plan.entries if entry.is_fresh and entry.confidence is not None]
    poor = [e.cluster_id for e in judged if e.confidence is not None and e.confidence < bounds.min_confidence]
    share = len(poor) / len(judged) if judged else 0.0
    passed = len(judged) < bounds.min_clusters_for_share or share <= bounds.max_unproven_share
    summary = f"{len(poor)} of {len(judged)} clusters had loads outside of their intervals lately"
    if passed:
        return True, f"{summary}.", {"clusters": len(poor)}
    return (
        False,
        f"{summary}, such as {poor[0]}; look whether their metrics are still what they were.",
        {"clusters": len(poor)},
    )


def _bounded(plan: Plan, bounds: Bounds) -> Finding:
    total = sum(entry.changed_nodes for entry in plan.entries)
    most_nodes = bounds.max_total_change
    if most_nodes is None:
        present = sum(entry.base for entry in plan.entries)
        most_nodes = max(LEAST_TOTAL_CHANGE, int(TOTAL_CHANGE_SHARE * present))
    if total <= most_nodes:
        return True, f"{total} nodes change, of at most {most_nodes}.", {"nodes": total}
    most = max(plan.changes, key=lambda entry: entry.changed_nodes)
    return (
        False,
        f"{total} nodes would change, of at most {most_nodes}, most of them of {most.cluster_id}; "
        "look at the plan, then override the check or raise max_total_change.",
        {"nodes": total},
    )


def _within(plan: Plan, bounds: Bounds) -> Finding:
    outside = [entry for entry in plan.changes if _goes_beyond(entry)]
    if not outside:
        return True, "No change leaves its bounds.", {"clusters": 0}
    first = outside[0]
    return (
        False,
        f"{first.cluster_id} would get {first.nodes_after} nodes, beyond {first.minimum} to {first.maximum}; report it.",
        {"clusters": len(outside)},
    )


def _goes_beyond(entry: Entry) -> bool:
    """Outside of the bounds, and not nearer to them than before."""
    assert entry.nodes_after is not None
    highest = entry.maximum if entry.maximum is not None else entry.nodes_after

    def beyond(nodes: int) -> int:
        return max(entry.minimum - nodes, nodes - highest, 0)

    return beyond(entry.nodes_after) > 0 and beyond(entry.nodes_after) >= beyond(entry.base)


def _undisturbed(plan: Plan, bounds: Bounds) -> Finding:
    changed_externally = [entry for entry in plan.changes if entry.is_changed_externally]
    if not changed_externally:
        return True, "Nobody else changed what is to change.", {"clusters": 0}
    first = changed_externally[0]
    return (
        False,
        f"Somebody else scaled {len(changed_externally)} clusters that are to change, such as {first.cluster_id} to {first.nodes_before}; "
        "find out who, then override the check or set allow_drift for them.",
        {"clusters": len(changed_externally)},
    )


CHECKS: dict[str, Callable[[Plan, Bounds], Finding]] = {
    "metrics_are_fresh": _fresh,
    "forecasts_held": _held,
    "changes_are_bounded": _bounded,
    "sizes_stay_within_bounds": _within,
    "nobody_else_scaled": _undisturbed,
}
