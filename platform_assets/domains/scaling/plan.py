"""Recommended, live and last applied sizes -> the change of each cluster, with its reason. Pure: no clock, lake or AWS.

The model's policy turns a forecast into a recommendation; here it is compared with the target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import ceil
from typing import Any

from platform_assets.domains.scaling.groups import remarks
from platform_assets.domains.scaling.plan_values import (
    DOWN,
    HOLD,
    STAY,
    STEP,
    UP,
    Entry,
    Forecast,
    LastApplied,
    Limits,
    LiveSize,
    Plan,
    Subject,
)


def plan(
    subjects: Iterable[Subject],
    limits: Limits,
    planned_at: datetime,
    serial: int = 0,
    missing: Mapping[str, str] | None = None,
) -> Plan:
    """The plan of all clusters, ordered by cluster_id."""
    entries = sorted((entry_of(subject, limits) for subject in subjects), key=lambda entry: entry.cluster_id)
    return Plan(tuple(entries), planned_at, serial, missing or {})


def entry_of(subject: Subject, limits: Limits) -> Entry:
    """The entry of one cluster."""
    forecast = subject.forecast
    if subject.live.nodes == 0:
        is_fresh = forecast is not None and subject.now - forecast.made_at - STEP <= limits.max_age
        return _entry(subject, STAY, 0, "It is scaled to zero: nothing to scale from", is_fresh=is_fresh)
    if forecast is None:
        return _hold(subject, "There is no forecast: nothing was measured lately", is_fresh=False)
    age = subject.now - forecast.made_at - STEP
    if age > limits.max_age:
        minutes = age.total_seconds() / 60
        reason = f"Its newest complete step is {minutes:.0f} minutes old, of at most {limits.max_age.total_seconds() / 60:.0f}"
        return _hold(subject, reason, is_fresh=False)
    if forecast.node_count is None:
        return _uncounted(subject, forecast, limits)
    return _counted(subject, forecast, forecast.node_count, limits)


def _uncounted(subject: Subject, forecast: Forecast, limits: Limits) -> Entry:
    """Without a node count a size is a multiple of the current capacity, which only a file target accepts."""
    if subject.live.in_service == 0:
        return _hold(subject, "None of its nodes is in service yet: nothing to scale from")
    if not subject.is_file:
        return _hold(subject, "Nobody counts its nodes, and its target could not be read then")
    if subject.hold_reason or forecast.confidence < limits.min_confidence:
        return _hold(subject, subject.hold_reason or _unproven(forecast, limits), base=1)
    return _entry(subject, forecast.action, forecast.target_nodes, forecast.reasoning, urgency=forecast.urgency, base=1)


def _counted(subject: Subject, forecast: Forecast, counted: int, limits: Limits) -> Entry:
    live = subject.live.nodes
    base = counted if live is None else live
    desired, reason = _desired(subject, forecast, counted, base)
    last_applied = subject.last_applied.settled(subject.live)
    changed_externally = last_applied.nodes is not None and live not in (last_applied.nodes, last_applied.pending)
    if changed_externally:
        reason += f"; somebody else set it to {live}, {last_applied.nodes} was applied last"
    figures = {"base": base, "is_changed_externally": changed_externally and not subject.allow_external_change}
    if desired == base:
        return _entry(subject, STAY, base, reason, **figures)
    objection = _objection(subject, forecast, last_applied, desired > base, limits)
    if objection:
        return _hold(subject, f"{reason}, but {objection}", **figures)
    urgency = forecast.urgency if forecast.action in (UP, DOWN) else "medium"
    return _entry(subject, UP if desired > base else DOWN, desired, reason, urgency=urgency, **figures)


def _desired(subject: Subject, forecast: Forecast, counted: int, base: int) -> tuple[int, str]:
    """The desired size and why. Nodes that are starting are live but not counted by the forecast yet."""
    desired, reason = base, forecast.reasoning
    others = _other_nodes(subject, counted)
    recommended = _in_units(subject, max(0, forecast.target_nodes - others))
    if others:
        reason += f"; {others} of its {counted} nodes are not of this group"
    if forecast.action == UP:
        desired = max(base, recommended)
    elif forecast.action == DOWN:
        desired = min(base, recommended)
    lowest, highest = bounds_of(subject)
    if lowest > highest:
        return base, f"The minimum of {lowest} is above the maximum of {highest}; correct the file of targets"
    bounded = min(max(desired, lowest), highest)
    if bounded != desired:
        which = f"the minimum is {lowest}" if bounded > desired else f"the maximum is {highest}"
        desired, reason = bounded, f"{reason}; {which}"
    step_down, step_up = (
        _in_units(subject, nodes) for nodes in (subject.policy.maximum_step_down, subject.policy.maximum_step_up)
    )
    stepped = min(max(desired, base - step_down), base + step_up)
    if stepped != desired:
        desired, reason = stepped, f"{reason}; one step leads to {stepped}"
    if desired == base != recommended:
        reason = f"{reason}; {base} are ordered already" if bounded == base else reason
    return desired, reason


def _other_nodes(subject: Subject, counted: int) -> int:
    """Nodes of the cluster in other groups; 0 where the target does not tell how many of its own are in service."""
    return 0 if subject.live.in_service is None else max(0, counted - subject.live.in_service)


def _in_units(subject: Subject, nodes: int) -> int:
    """Nodes in units of the target, rounded up."""
    return ceil(nodes * subject.live.units_per_node - 1e-9)


def bounds_of(subject: Subject) -> tuple[int, int]:
    """The narrower of the policy's bounds and the target's own, in units of the target."""
    highest = int(subject.policy.maximum_nodes * subject.live.units_per_node + 1e-9)
    return (
        max(_in_units(subject, subject.policy.minimum_nodes), subject.live.minimum),
        highest if subject.live.maximum is None else min(highest, subject.live.maximum),
    )


def _objection(subject: Subject, forecast: Forecast, last_applied: LastApplied, is_up: bool, limits: Limits) -> str:
    """Why a desired change is postponed; empty if it is not."""
    if subject.hold_reason:
        return subject.hold_reason
    current = forecast.current_cpu_utilization
    if is_up and current is not None and current > subject.policy.scale_up_above:
        return ""  # the load is already high: neither a cooldown nor a low confidence delays scaling up
    if forecast.confidence < limits.min_confidence:
        return _unproven(forecast, limits)
    last_changes = (last_applied.scaled_up_at,) if is_up else (last_applied.scaled_up_at, last_applied.scaled_down_at)
    cooldown = subject.policy.cooldown_up_seconds if is_up else subject.policy.cooldown_down_seconds
    last = max((at for at in last_changes if at is not None), default=None)
    remaining = 0.0 if last is None else cooldown - (subject.now - last).total_seconds()
    return f"the last change cools down for {remaining:.0f} s more" if remaining > 0 else ""


def _unproven(forecast: Forecast, limits: Limits) -> str:
    return f"only {forecast.confidence:.0%} of the last day's loads lay within their intervals, of at least {limits.min_confidence:.0%}"


def _hold(subject: Subject, reason: str, **values: Any) -> Entry:
    return _entry(subject, HOLD, subject.live.nodes, reason, **values)


def _entry(subject: Subject, operation: str, nodes_after: int | None, reason: str, **values: Any) -> Entry:
    forecast = subject.forecast
    lowest, highest = bounds_of(subject)
    is_counted = forecast is None or forecast.node_count is not None
    return Entry(
        subject.cluster_id,
        subject.target,
        operation,
        subject.live.nodes,
        nodes_after,
        "; ".join([reason, *remarks(subject.live)]),
        made_at=None if forecast is None else forecast.made_at,
        confidence=None if forecast is None else forecast.confidence,
        is_counted=is_counted,
        is_file=subject.is_file,
        minimum=lowest if is_counted else 0,
        maximum=highest if is_counted else None,
        **{"base": subject.live.nodes or 0, **values},
    )


def undo(
    applied: Mapping[str, tuple[int | None, int]],
    live: Mapping[str, LiveSize],
    targets: Mapping[str, str],
    planned_at: datetime,
    serial: int,
    missing: Mapping[str, str],
) -> Plan:
    """The plan to restore the sizes before the last apply, where nobody changed them since.

    `applied`: cluster -> size before and after.
    """
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
