"""What is recommended against what is live and what was applied last -> the change of each cluster, with its reason. Pure.

Knows no clock, no lake and no AWS. What a forecast recommends is the model's policy; here it meets the target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import ceil
from typing import Any

from platform_assets.domains.scaling.groups import remarks
from platform_assets.domains.scaling.sizes import (
    DOWN,
    HOLD,
    STAY,
    STEP,
    UP,
    Entry,
    Forecast,
    Limits,
    Live,
    Plan,
    Remembered,
    Subject,
)


def plan(
    subjects: Iterable[Subject],
    limits: Limits,
    planned_at: datetime,
    serial: int = 0,
    missing: Mapping[str, str] | None = None,
) -> Plan:
    """The plan of all clusters, in order of cluster_id."""
    entries = sorted((entry_of(one, limits) for one in subjects), key=lambda entry: entry.cluster_id)
    return Plan(tuple(entries), planned_at, serial, missing or {})


def entry_of(one: Subject, limits: Limits) -> Entry:
    """The entry of one cluster."""
    found = one.forecast
    if one.live.nodes == 0:
        is_fresh = found is not None and one.now - found.made_at - STEP <= limits.max_age
        return _entry(one, STAY, 0, "It is scaled to zero: nothing to scale from", is_fresh=is_fresh)
    if found is None:
        return _entry(one, HOLD, one.live.nodes, "There is no forecast: nothing was measured lately", is_fresh=False)
    age = one.now - found.made_at - STEP
    if age > limits.max_age:
        minutes = age.total_seconds() / 60
        said = f"Its newest complete step is {minutes:.0f} minutes old, of at most {limits.max_age.total_seconds() / 60:.0f}"
        return _entry(one, HOLD, one.live.nodes, said, is_fresh=False)
    if found.node_count is None:
        return _uncounted(one, found, limits)
    return _counted(one, found, found.node_count, limits)


def _uncounted(one: Subject, found: Forecast, limits: Limits) -> Entry:
    """Without a count of nodes a size is a multiple of what is there now, which only a file can hold."""
    if one.live.in_service == 0:
        return _entry(one, HOLD, one.live.nodes, "None of its nodes is in service yet: nothing to scale from")
    if not one.is_file:
        return _entry(one, HOLD, one.live.nodes, "Nobody counts its nodes, and its target could not be read then")
    if one.held or found.confidence < limits.min_confidence:
        return _entry(one, HOLD, one.live.nodes, one.held or _unproven(found, limits), base=1)
    return _entry(one, found.action, found.target_nodes, found.reasoning, urgency=found.urgency, base=1)


def _counted(one: Subject, found: Forecast, counted: int, limits: Limits) -> Entry:
    base = counted if one.live.nodes is None else one.live.nodes
    wanted, reason = _wanted(one, found, counted, base)
    known = one.remembered.settled(one.live)
    changed_externally = known.nodes is not None and one.live.nodes not in (known.nodes, known.pending)
    if changed_externally:
        reason += f"; somebody else set it to {one.live.nodes}, {known.nodes} was applied last"
    is_unexpected = changed_externally and not one.allow_external_change
    if wanted == base:
        return _entry(one, STAY, base, reason, base=base, is_changed_externally=is_unexpected)
    against = _against(one, found, known, wanted > base, limits)
    if against:
        return _entry(
            one, HOLD, one.live.nodes, f"{reason}, but {against}", base=base, is_changed_externally=is_unexpected
        )
    urgency = found.urgency if found.action in (UP, DOWN) else "medium"
    operation = UP if wanted > base else DOWN
    return _entry(one, operation, wanted, reason, urgency=urgency, base=base, is_changed_externally=is_unexpected)


def _wanted(one: Subject, found: Forecast, counted: int, base: int) -> tuple[int, str]:
    """The size that the recommendation leads to from the live one. Nodes that are starting are live and not counted yet."""
    wanted, reason = base, found.reasoning
    others = _other_nodes(one, counted)
    recommended = _up_to(one, max(0, found.target_nodes - others))
    if others:
        reason += f"; {others} of its {counted} nodes are not of this group"
    if found.action == UP:
        wanted = max(base, recommended)
    elif found.action == DOWN:
        wanted = min(base, recommended)
    lowest, highest = bounds_of(one)
    if lowest > highest:
        return base, f"The minimum of {lowest} is above the maximum of {highest}; correct the file of targets"
    within = min(max(wanted, lowest), highest)
    if within != wanted:
        which = f"the minimum is {lowest}" if within > wanted else f"the maximum is {highest}"
        wanted, reason = within, f"{reason}; {which}"
    step_down, step_up = _up_to(one, one.policy.maximum_step_down), _up_to(one, one.policy.maximum_step_up)
    stepped = min(max(wanted, base - step_down), base + step_up)
    if stepped != wanted:
        wanted, reason = stepped, f"{reason}; one step leads to {stepped}"
    if wanted == base != recommended:
        reason = f"{reason}; {base} are ordered already" if within == base else reason
    return wanted, reason


def _other_nodes(one: Subject, counted: int) -> int:
    """Nodes of the cluster that belong to other groups; 0 where the target does not tell how many of its own are in service."""
    return 0 if one.live.in_service is None else max(0, counted - one.live.in_service)


def _up_to(one: Subject, nodes: int) -> int:
    """Nodes in units of the target, rounded up."""
    return ceil(nodes * one.live.units_a_node - 1e-9)


def bounds_of(one: Subject) -> tuple[int, int]:
    """The narrower of the policy's bounds and the target's own, in units of the target."""
    highest = int(one.policy.maximum_nodes * one.live.units_a_node + 1e-9)
    return (
        max(_up_to(one, one.policy.minimum_nodes), one.live.minimum),
        highest if one.live.maximum is None else min(highest, one.live.maximum),
    )


def _against(one: Subject, found: Forecast, known: Remembered, is_up: bool, limits: Limits) -> str:
    """Why a desired change is postponed; empty where it is not."""
    if one.held:
        return one.held
    current = found.current_cpu_utilization
    if is_up and current is not None and current > one.policy.scale_up_above:
        return ""  # the load is there already: neither a cooldown nor a doubtful forecast counts
    if found.confidence < limits.min_confidence:
        return _unproven(found, limits)
    scaled = (known.scaled_up_at,) if is_up else (known.scaled_up_at, known.scaled_down_at)
    cooldown = one.policy.cooldown_up_seconds if is_up else one.policy.cooldown_down_seconds
    last = max((at for at in scaled if at is not None), default=None)
    left = 0.0 if last is None else cooldown - (one.now - last).total_seconds()
    return f"the last change cools down for {left:.0f} s more" if left > 0 else ""


def _unproven(found: Forecast, limits: Limits) -> str:
    return f"only {found.confidence:.0%} of the last day's loads lay within their intervals, of at least {limits.min_confidence:.0%}"


def _entry(one: Subject, operation: str, nodes_after: int | None, reason: str, **values: Any) -> Entry:
    found = one.forecast
    lowest, highest = bounds_of(one)
    is_counted = found is None or found.node_count is not None
    return Entry(
        one.cluster_id,
        one.target,
        operation,
        one.live.nodes,
        nodes_after,
        "; ".join([reason, *remarks(one.live)]),
        made_at=None if found is None else found.made_at,
        confidence=None if found is None else found.confidence,
        is_counted=is_counted,
        is_file=one.is_file,
        minimum=lowest if is_counted else 0,
        maximum=highest if is_counted else None,
        **{"base": one.live.nodes or 0, **values},
    )


def undo(
    applied: Mapping[str, tuple[int | None, int]],
    live: Mapping[str, Live],
    targets: Mapping[str, str],
    planned_at: datetime,
    serial: int,
    missing: Mapping[str, str],
) -> Plan:
    """Back to the sizes before the last apply (`applied`: cluster -> size before and after), where nobody changed them since."""
    entries = []
    for cluster in sorted(applied.keys() & live.keys()):
        before, after = applied[cluster]
        nodes = live[cluster].nodes
        entry = Entry(cluster, targets[cluster], HOLD, nodes, nodes, "", base=nodes or 0)
        values: dict[str, Any] = {"operation": HOLD, "nodes_after": nodes}
        if before is None:
            values["reason"] = "the target held no size before"
        elif nodes == before:
            values |= {"operation": STAY, "reason": "it has the size of before"}
        elif nodes != after:
            values["reason"] = f"somebody else set it to {nodes}, {after} was applied last"
        else:
            values |= {"operation": UP if before > after else DOWN, "nodes_after": before, "reason": "undone"}
        entries.append(Entry(**{**vars(entry), **values}))
    return Plan(tuple(entries), planned_at, serial, missing)
