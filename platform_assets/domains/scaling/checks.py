"""The checks between a scaling plan and its application. Fail closed: a failed check leaves every cluster unchanged.

Pure: a plan in, one sentence per check out. A problem of a single cluster holds that cluster (plan.py); a problem of many
is a problem of the input. Names and meanings are declared in tables.py (SCALING_PLAN).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from platform_assets.actions import checks as protocol
from platform_assets.actions.checks import CheckResult, Finding, check_overridable
from platform_assets.domains.scaling.plan_values import Entry, Plan
from platform_assets.domains.scaling.tables import SCALING_PLAN
from spark_jobs.wording import counted

STRICT = {"extra": "forbid", "allow_inf_nan": False}
"""For pydantic, which reads the file: an unknown key is an error."""


@dataclass(frozen=True)
class Bounds:
    """The bound of each check."""

    __pydantic_config__ = STRICT

    max_total_change: int | None = None
    """Nodes, all clusters together; where it is left out, a share of the nodes that there are, and at least 50."""
    min_confidence: float = 0.6
    """Minimum share of the last day's loads within their intervals for a forecast to change a size."""
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


def _check_fresh(plan: Plan, bounds: Bounds) -> Finding:
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


def _check_confidence(plan: Plan, bounds: Bounds) -> Finding:
    judged = [entry for entry in plan.entries if entry.is_fresh and entry.confidence is not None]
    unproven = [
        entry.cluster_id
        for entry in judged
        if entry.confidence is not None and entry.confidence < bounds.min_confidence
    ]
    share = len(unproven) / len(judged) if judged else 0.0
    passed = len(judged) < bounds.min_clusters_for_share or share <= bounds.max_unproven_share
    summary = f"{len(unproven)} of {len(judged)} clusters had loads outside of their intervals lately"
    if passed:
        return True, f"{summary}.", {"clusters": len(unproven)}
    return (
        False,
        f"{summary}, such as {unproven[0]}; look whether their metrics are still what they were.",
        {"clusters": len(unproven)},
    )


def _check_total(plan: Plan, bounds: Bounds) -> Finding:
    total = sum(entry.changed_nodes for entry in plan.entries)
    most_nodes = bounds.max_total_change
    if most_nodes is None:
        present = sum(entry.base for entry in plan.entries)
        most_nodes = max(LEAST_TOTAL_CHANGE, int(TOTAL_CHANGE_SHARE * present))
    if total <= most_nodes:
        return True, f"{counted(total, 'node changes', 'nodes change')}, of at most {most_nodes}.", {"nodes": total}
    most = max(plan.changes, key=lambda entry: entry.changed_nodes)
    return (
        False,
        f"{counted(total, 'node')} would change, of at most {most_nodes}, most of them of {most.cluster_id}; "
        "look at the plan, then override the check or raise max_total_change.",
        {"nodes": total},
    )


def _check_bounds(plan: Plan, bounds: Bounds) -> Finding:
    outside = [entry for entry in plan.changes if _leaves_bounds(entry)]
    if not outside:
        return True, "No change leaves its bounds.", {"clusters": 0}
    first = outside[0]
    return (
        False,
        f"{first.cluster_id} would get {counted(first.nodes_after or 0, 'node')}, beyond {first.minimum} to {first.maximum}; report it.",
        {"clusters": len(outside)},
    )


def _leaves_bounds(entry: Entry) -> bool:
    """Whether the new size is outside the bounds, and no closer to them than before."""
    assert entry.nodes_after is not None
    highest = entry.maximum if entry.maximum is not None else entry.nodes_after

    def beyond(nodes: int) -> int:
        return max(entry.minimum - nodes, nodes - highest, 0)

    return beyond(entry.nodes_after) > 0 and beyond(entry.nodes_after) >= beyond(entry.base)


def _check_external_changes(plan: Plan, bounds: Bounds) -> Finding:
    changed_externally = [entry for entry in plan.changes if entry.is_changed_externally]
    if not changed_externally:
        return True, "Nobody else changed what is to change.", {"clusters": 0}
    first = changed_externally[0]
    return (
        False,
        f"Somebody else scaled {counted(len(changed_externally), 'cluster')} to be changed, such as {first.cluster_id} to {first.nodes_before}; "
        "find out who, then override the check or set allow_drift for them.",
        {"clusters": len(changed_externally)},
    )


CHECKS: dict[str, Callable[[Plan, Bounds], Finding]] = {
    "metrics_are_fresh": _check_fresh,
    "forecasts_held": _check_confidence,
    "changes_are_bounded": _check_total,
    "sizes_stay_within_bounds": _check_bounds,
    "nobody_else_scaled": _check_external_changes,
}
