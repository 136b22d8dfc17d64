"""Applies a plan target by target: read again, change only what differs, record it.

Safe to run again at any point: sizes are recorded as pending before the first call, so a run that died between two
clusters, or after a call whose response was lost, converges on the next run. What to change is plan.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from platform_assets.actions.errors import IncompleteApplyError, StalePlanError
from platform_assets.domains.scaling import audit
from platform_assets.domains.scaling.applied import Applied, AppliedStore
from platform_assets.domains.scaling.audit import AUDIT, SizeChange
from platform_assets.domains.scaling.errors import ScalingError
from platform_assets.domains.scaling.plan_values import Entry, Plan
from platform_assets.domains.scaling.targets import NodeTarget
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

CUT_SHORT = "done by a run that was cut short"


@dataclass(frozen=True)
class Origin:
    """Who applies a plan, when, and with which command; for an undo also why, and when its hold ends."""

    actor: str
    at: datetime
    command: str = audit.APPLY
    reason: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Report:
    """The clusters that were changed, and those that failed with why."""

    changed: tuple[Entry, ...]
    failed: Mapping[str, str]

    def text(self) -> str:
        lines = [f"{counted(len(self.changed), 'cluster')} changed" if self.changed else "No cluster changed"]
        lines += [f"  {entry.cluster_id}: {_size(entry.nodes_before)} -> {entry.nodes_after}" for entry in self.changed]
        return "\n".join([*lines, *(f"  {cluster}: {why}" for cluster, why in sorted(self.failed.items()))])


def apply(plan: Plan, targets: Mapping[str, NodeTarget], store: AppliedStore, lake: Lake, origin: Origin) -> Report:
    """Change every cluster to its planned size; a target that fails stops no other.

    StalePlanError where another plan was applied since; IncompleteApplyError at the end where clusters failed.
    """
    changed: list[Entry] = []
    failed: dict[str, str] = dict(plan.missing)
    with store.lock():
        state = store.load()
        if state.serial != plan.serial:
            raise StalePlanError("Another run has scaled since this plan was made; run again.")
        state, arrived = _confirmed(state, plan, origin)
        if plan.changes:
            state = _pending(state, plan, origin)
        store.save(state)
        is_undo = origin.command == audit.UNDO
        # An undo is recorded first, so that it holds its clusters even if this process dies; other changes with their outcome.
        AUDIT.append(lake, [*arrived, *(_audit_row(entry, origin, None) for entry in plan.changes if is_undo)])
        try:
            for entry in plan.changes:
                try:
                    _change(entry, targets[entry.cluster_id])
                except ScalingError as error:
                    failed[entry.cluster_id] = str(error)
                    continue
                last_applied = state.of(entry.cluster_id, entry.target)
                assert entry.nodes_after is not None
                after = replace(last_applied, pending=None, pending_at=None).after(entry.nodes_after, origin.at)
                state = state.with_cluster(entry.cluster_id, entry.target, after)
                if is_undo:
                    state = replace(state, last={k: v for k, v in state.last.items() if k != entry.cluster_id})
                store.save(state)
                changed.append(entry)
        finally:
            if not is_undo:
                reached = _reached(plan, changed, failed)
                AUDIT.append(lake, [_audit_row(entry, origin, failed.get(entry.cluster_id)) for entry in reached])
    report = Report(tuple(changed), failed)
    if failed:
        raise IncompleteApplyError(_failure_sentence(report), report)
    return report


def _confirmed(state: Applied, plan: Plan, origin: Origin) -> tuple[Applied, list[SizeChange]]:
    """The state with pending changes confirmed where the target has the size, and an audit row for each of them."""
    arrived = []
    for entry in plan.entries:
        last_applied = state.of(entry.cluster_id, entry.target)
        if last_applied.pending is None or last_applied.pending != entry.nodes_before:
            continue
        after = last_applied.after(last_applied.pending, last_applied.pending_at)
        state = state.with_cluster(entry.cluster_id, entry.target, after)
        values = {"target": entry.target, "nodes_before": last_applied.nodes, "nodes_after": last_applied.pending}
        at = last_applied.pending_at or origin.at
        arrived.append(
            SizeChange.make(at, origin.actor, audit.APPLY, entry.cluster_id, CUT_SHORT, details=CUT_SHORT, **values)
        )
    return state, arrived


def _pending(state: Applied, plan: Plan, origin: Origin) -> Applied:
    """The state to save before the first call: changes as pending, and the sizes that an undo restores."""
    last: dict[str, tuple[int | None, int]] = {}
    for entry in plan.changes:
        assert entry.nodes_after is not None
        last_applied = state.of(entry.cluster_id, entry.target)
        # Where somebody else changed a cluster, its live size is the new base.
        base = replace(last_applied, nodes=entry.nodes_before, pending=entry.nodes_after, pending_at=origin.at)
        state = state.with_cluster(entry.cluster_id, entry.target, base)
        last[entry.cluster_id] = (entry.nodes_before, entry.nodes_after)
    if origin.command == audit.UNDO:  # clusters that it does not reach can still be undone
        return replace(state, serial=state.serial + 1)
    return replace(state, serial=state.serial + 1, last=last)


def _change(entry: Entry, target: NodeTarget) -> None:
    assert entry.nodes_after is not None
    live = target.read().nodes
    if live == entry.nodes_after:
        return
    if live != entry.nodes_before:
        raise ScalingError(
            f"{target} went from {_size(entry.nodes_before)} to {_size(live)} since the plan was made; the next run plans anew."
        )
    target.write(entry.nodes_after, entry.reason)


def _reached(plan: Plan, changed: list[Entry], failed: Mapping[str, str]) -> list[Entry]:
    names = {entry.cluster_id for entry in changed} | failed.keys()
    return [entry for entry in plan.changes if entry.cluster_id in names]


def _audit_row(entry: Entry, origin: Origin, why: str | None) -> SizeChange:
    return SizeChange.make(
        origin.at,
        origin.actor,
        origin.command,
        entry.cluster_id,
        origin.reason or entry.reason,
        expires_at=origin.expires_at,
        target=entry.target,
        nodes_before=entry.nodes_before,
        nodes_after=entry.nodes_after,
        details="" if why is None else f"failed: {why}",
    )


def _failure_sentence(report: Report) -> str:
    reasons = "; ".join(f"{cluster}: {reason.rstrip('.')}" for cluster, reason in sorted(report.failed.items()))
    changed = ", ".join(f"{entry.cluster_id} -> {entry.nodes_after}" for entry in report.changed)
    return f"{reasons}." + (f" Changed: {changed}." if changed else "")


def _size(nodes: int | None) -> str:
    return "none" if nodes is None else str(nodes)
