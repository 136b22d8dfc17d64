"""The values of a scaling plan: live size, last apply, forecast, entry, plan. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from spark_jobs.wording import counted
from weir_models.predictive_scaling.policy import PolicySettings

STEP = timedelta(minutes=5)
UP, DOWN, STAY, HOLD = "scale_up", "scale_down", "maintain", "hold"


@dataclass(frozen=True)
class LiveSize:
    """The size of a target at one moment, None if it has none yet; `minimum` and `maximum` are the target's own bounds.

    All three are in units of the target: nodes, or the capacity units of a weighted group.
    """

    nodes: int | None
    minimum: int = 0
    maximum: int | None = None
    in_service: int | None = None
    """Instances in service; None where the target does not tell."""
    starting: int = 0
    """Instances that were launched and are not in service yet."""
    units_per_node: float = 1.0
    """Capacity units of an instance, on average."""
    missing: int = 0
    """Units of the desired size for which no instance was launched."""
    suspended: tuple[str, ...] = ()
    """Processes that are suspended and that a change needs: launches, terminations."""
    faults: tuple[str, ...] = ()
    """What the target itself reports."""

    @property
    def counted(self) -> int | None:
        """Instances that do the work: those in service where the target tells, else its size."""
        return self.nodes if self.in_service is None else self.in_service


@dataclass(frozen=True)
class LastApplied:
    """The last apply to a target: `nodes` is confirmed, `pending` was requested and may or may not have taken effect."""

    nodes: int | None = None
    pending: int | None = None
    pending_at: datetime | None = None
    scaled_up_at: datetime | None = None
    scaled_down_at: datetime | None = None

    def settled(self, live: LiveSize) -> LastApplied:
        """With the pending size as confirmed, if the target has it."""
        if self.pending is None or live.nodes != self.pending:
            return self
        return self.after(self.pending, self.pending_at)

    def after(self, nodes: int, at: datetime | None) -> LastApplied:
        """After a confirmed change."""
        up = at if self.nodes is None or nodes > self.nodes else self.scaled_up_at
        down = at if self.nodes is not None and nodes < self.nodes else self.scaled_down_at
        return LastApplied(nodes, scaled_up_at=up, scaled_down_at=down)


@dataclass(frozen=True)
class Forecast:
    """The newest row of a cluster in predictions/scaling_forecasts: the columns that a plan needs."""

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
    """A cluster, and everything that determines its entry of the plan."""

    cluster_id: str
    target: str
    live: LiveSize
    forecast: Forecast | None
    now: datetime
    """When its metrics have to be fresh: the wall clock, or their own time in a replay."""
    is_file: bool = True
    last_applied: LastApplied = field(default_factory=LastApplied)
    policy: PolicySettings = field(default_factory=PolicySettings)
    allow_external_change: bool = False
    hold_reason: str = ""
    """Why an undo holds it; empty if none does."""


@dataclass(frozen=True)
class Entry:
    """One row of scaling/plan, and the values that its checks read."""

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
    is_changed_externally: bool = False
    minimum: int = 0
    maximum: int | None = None
    base: int = 0
    """The size that the change starts from, also if the target has none yet."""

    @property
    def is_change(self) -> bool:
        return self.operation != HOLD and self.nodes_after is not None and self.nodes_after != self.nodes_before

    @property
    def changed_nodes(self) -> int:
        return abs(self.nodes_after - self.base) if self.is_change and self.nodes_after is not None else 0

    def text(self) -> str:
        """One line for people."""
        before = "an unknown size" if self.nodes_before is None else str(self.nodes_before)
        if self.operation in (STAY, HOLD) and not self.is_change:
            return f"{self.cluster_id} {self.operation} {before}: {self.reason}"
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
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count) or "no cluster"
        unread = f"; {len(self.missing)} cannot be read" if self.missing else ""
        return f"{counts}{unread}; {counted(sum(entry.changed_nodes for entry in self.entries), 'node changes', 'nodes change')}"

    def text(self) -> str:
        lines = [self.summary(), *(f"  {entry.text()}" for entry in self.entries)]
        return "\n".join([*lines, *(f"  {cluster}: {why}" for cluster, why in sorted(self.missing.items()))])

    def rows(self) -> list[dict[str, Any]]:
        """Rows of scaling/plan; a target that cannot be read has none."""
        names = ("cluster_id", "target", "operation", "nodes_before", "nodes_after", "is_counted", "urgency", "reason")
        return [
            {**{name: getattr(entry, name) for name in names}, "made_at": entry.made_at, "planned_at": self.planned_at}
            for entry in self.entries
        ]


@dataclass(frozen=True)
class Limits:
    """The maximum age of metrics, and the minimum confidence of forecasts, for a size to change."""

    max_age: timedelta
    min_confidence: float
