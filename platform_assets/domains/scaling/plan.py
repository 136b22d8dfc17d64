"""What is recommended against what is live and what was applied last -> the change of each cluster, with why. Pure.

Knows no clock, no lake and no AWS. What a forecast recommends is the model's policy; here it meets the target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from weir_models.predictive_scaling.policy import PolicySettings

STEP = timedelta(minutes=5)
UP, DOWN, STAY, HOLD = "scale_up", "scale_down", "maintain", "hold"


@dataclass(frozen=True)
class Live:
    """The size of a target at one moment: None where it holds none yet; `minimum` and `maximum` are its own bounds."""

    nodes: int | None
    minimum: int = 0
    maximum: int | None = None


@dataclass(frozen=True)
class Remembered:
    """What was applied to a target last: `nodes` is confirmed, `pending` was asked for and may or may not have arrived."""

    nodes: int | None = None
    pending: int | None = None
    pending_at: datetime | None = None
    scaled_up_at: datetime | None = None
    scaled_down_at: datetime | None = None

    def settled(self, live: Live) -> Remembered:
        """With what is pending as confirmed, where the target shows that it arrived."""
        if self.pending is None or live.nodes != self.pending:
            return self
        return self.after(self.pending, self.pending_at)

    def after(self, nodes: int, at: datetime | None) -> Remembered:
        """With a change that was confirmed."""
        up = at if self.nodes is None or nodes > self.nodes else self.scaled_up_at
        down = at if self.nodes is not None and nodes < self.nodes else self.scaled_down_at
        return Remembered(nodes, scaled_up_at=up, scaled_down_at=down)


@dataclass(frozen=True)
class Forecast:
    """The newest row of a cluster in predictions/scaling_forecasts, as far as a plan needs it."""

    made_at: datetime
    action: str
    target_nodes: int
    urgency: str
    reasoning: str
    confidence: float
    current_cpu_utilization: float | None
    node_count: int | None


@dataclass(frozen=True)
class Subject:
    """A cluster and everything that its entry of the plan follows from."""

    cluster_id: str
    target: str
    live: Live
    forecast: Forecast | None
    now: datetime
    """The time that its metrics have to be fresh at: the wall clock, or their own where they are replayed."""
    is_file: bool = True
    remembered: Remembered = field(default_factory=Remembered)
    policy: PolicySettings = field(default_factory=PolicySettings)
    allow_drift: bool = False
    held: str = ""
    """Why a person's act holds it; empty where none does."""


@dataclass(frozen=True)
class Entry:
    """One row of scaling/plan, and what its checks look at."""

    cluster_id: str
    target: str
    operation: str
    nodes_before: int | None
    nodes_after: int | None
    reason: str
    urgency: str = "none"
    made_at: datetime | None = None
    is_counted: bool = True
    is_file: bool = True
    is_fresh: bool = True
    confidence: float | None = None
    is_drifted: bool = False
    minimum: int = 0
    maximum: int | None = None
    base: int = 0
    """The size that the change counts from, also where the target holds none yet."""

    @property
    def is_change(self) -> bool:
        return self.operation != HOLD and self.nodes_after is not None and self.nodes_after != self.nodes_before

    @property
    def changed_nodes(self) -> int:
        return abs(self.nodes_after - self.base) if self.is_change and self.nodes_after is not None else 0

    def text(self) -> str:
        """One line for people."""
        if self.operation in (STAY, HOLD) and not self.is_change:
            size = "?" if self.nodes_before is None else str(self.nodes_before)
            return f"{self.cluster_id} {self.operation} {size}: {self.reason}"
        before = "none" if self.nodes_before is None else str(self.nodes_before)
        return f"{self.cluster_id} {self.operation} {before} -> {self.nodes_after} ({self.urgency}): {self.reason}"


@dataclass(frozen=True)
class Plan:
    """The entries of all clusters, and those whose target cannot be read (cluster -> sentence)."""

    entries: tuple[Entry, ...]
    planned_at: datetime
    serial: int = 0
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.is_change)

    def summary(self) -> str:
        kinds = {kind: sum(entry.operation == kind for entry in self.entries) for kind in (UP, DOWN, STAY, HOLD)}
        said = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count) or "no cluster"
        unread = f"; {len(self.missing)} cannot be read" if self.missing else ""
        return f"{said}{unread}; {sum(entry.changed_nodes for entry in self.entries)} nodes change"

    def text(self) -> str:
        lines = [self.summary(), *(f"  {entry.text()}" for entry in self.entries)]
        return "\n".join([*lines, *(f"  {cluster}: {why}" for cluster, why in sorted(self.missing.items()))])

    def rows(self) -> list[dict[str, Any]]:
        """As rows of scaling/plan; a target that cannot be read has none."""
        names = ("cluster_id", "target", "operation", "nodes_before", "nodes_after", "is_counted", "urgency", "reason")
        return [
            {**{name: getattr(entry, name) for name in names}, "made_at": entry.made_at, "planned_at": self.planned_at}
            for entry in self.entries
        ]


@dataclass(frozen=True)
class Limits:
    """From when on metrics are too old, and which forecasts are not acted upon."""

    max_age: timedelta
    min_confidence: float


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
    """What becomes of one cluster."""
    found = one.forecast
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
    if not one.is_file:
        return _entry(one, HOLD, one.live.nodes, "Nobody counts its nodes, and its target could not be read then")
    if one.held or found.confidence < limits.min_confidence:
        return _entry(one, HOLD, one.live.nodes, one.held or _unproven(found, limits), base=1)
    return _entry(one, found.action, found.target_nodes, found.reasoning, urgency=found.urgency, base=1)


def _counted(one: Subject, found: Forecast, counted: int, limits: Limits) -> Entry:
    base = counted if one.live.nodes is None else one.live.nodes
    wanted, reason = _wanted(one, found, base)
    known = one.remembered.settled(one.live)
    drifted = known.nodes is not None and one.live.nodes not in (known.nodes, known.pending)
    if drifted:
        reason += f"; somebody else set it to {one.live.nodes}, {known.nodes} was applied last"
    drift = drifted and not one.allow_drift
    if wanted == base:
        return _entry(one, STAY, base, reason, base=base, is_drifted=drift)
    against = _against(one, found, known, wanted > base, limits)
    if against:
        return _entry(one, HOLD, one.live.nodes, f"{reason}, but {against}", base=base, is_drifted=drift)
    urgency = found.urgency if found.action in (UP, DOWN) else "medium"
    operation = UP if wanted > base else DOWN
    return _entry(one, operation, wanted, reason, urgency=urgency, base=base, is_drifted=drift)


def _wanted(one: Subject, found: Forecast, base: int) -> tuple[int, str]:
    """The size that the recommendation leads to from the live one. Nodes that are starting are live and not counted yet."""
    wanted, reason = base, found.reasoning
    if found.action == UP:
        wanted = max(base, found.target_nodes)
    elif found.action == DOWN:
        wanted = min(base, found.target_nodes)
    lowest, highest = bounds_of(one)
    if lowest > highest:
        return base, f"The minimum of {lowest} is above the maximum of {highest}; correct the file of targets"
    within = min(max(wanted, lowest), highest)
    if within != wanted:
        which = f"the minimum is {lowest}" if within > wanted else f"the maximum is {highest}"
        wanted, reason = within, f"{reason}; {which}"
    stepped = min(max(wanted, base - one.policy.maximum_step_down), base + one.policy.maximum_step_up)
    if stepped != wanted:
        wanted, reason = stepped, f"{reason}; one step leads to {stepped}"
    if wanted == base != found.target_nodes:
        reason = f"{reason}; {base} are ordered already" if within == base else reason
    return wanted, reason


def bounds_of(one: Subject) -> tuple[int, int]:
    """The narrower of the policy's bounds and the target's own."""
    highest = one.policy.maximum_nodes
    return (
        max(one.policy.minimum_nodes, one.live.minimum),
        highest if one.live.maximum is None else min(highest, one.live.maximum),
    )


def _against(one: Subject, found: Forecast, known: Remembered, is_up: bool, limits: Limits) -> str:
    """Why a change that is wanted does not happen now; empty where nothing speaks against it."""
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
        reason,
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
