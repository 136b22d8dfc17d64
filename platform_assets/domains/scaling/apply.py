"""A plan -> its targets, one after the other: read again, change only what differs, remember it.

Safe to run again at any point: sizes are written down as pending before the first target is asked, so a run that died
between two clusters, or after a call whose answer was lost, converges on the next run. What to change is plan.py's.
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
from platform_assets.domains.scaling.sizes import Entry, Plan
from platform_assets.domains.scaling.targets import NodeTarget
from spark_jobs.storage.lake import Lake

CUT_SHORT = "done by a run that was cut short"


@dataclass(frozen=True)
class By:
    """Who applies, when, and with which command; for an undo also why, and until when it holds."""

    actor: str
    at: datetime
    command: str = audit.APPLY
    reason: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Report:
    """What was changed, and what was not, cluster by cluster."""

    changed: tuple[Entry, ...]
    failed: Mapping[str, str]

    def text(self) -> str:
        lines = [f"{len(self.changed)} clusters changed" if self.changed else "No cluster changed"]
        lines += [f"  {entry.cluster_id}: {_size(entry.nodes_before)} -> {entry.nodes_after}" for entry in self.changed]
        return "\n".join([*lines, *(f"  {cluster}: {why}" for cluster, why in sorted(self.failed.items()))])


def apply(plan: Plan, targets: Mapping[str, NodeTarget], store: AppliedStore, lake: Lake, by: By) -> Report:
    """Bring every cluster to its size; a target that fails holds back no other.

    StalePlanError where another plan was applied since; IncompleteApplyError at the end where clusters failed.
    """
    changed: list[Entry] = []
    failed: dict[str, str] = dict(plan.missing)
    with store.lock():
        state = store.load()
        if state.serial != plan.serial:
            raise StalePlanError("Another run has scaled since this plan was made; run again.")
        state, arrived = _settled(state, plan, by)
        if plan.changes:
            state = _intended(state, plan, by)
        store.save(state)
        is_undo = by.command == audit.UNDO
        # An undo holds its clusters whatever becomes of this process; of other changes the outcome is recorded.
        AUDIT.append(lake, [*arrived, *(_act(entry, by, None) for entry in plan.changes if is_undo)])
        try:
            for entry in plan.changes:
                try:
                    _change(entry, targets[entry.cluster_id])
                except ScalingError as error:
                    failed[entry.cluster_id] = str(error)
                    continue
                remembered = state.of(entry.cluster_id, entry.target)
                assert entry.nodes_after is not None
                after = replace(remembered, pending=None, pending_at=None).after(entry.nodes_after, by.at)
                state = state.having(entry.cluster_id, entry.target, after)
                if is_undo:
                    state = replace(state, last={k: v for k, v in state.last.items() if k != entry.cluster_id})
                store.save(state)
                changed.append(entry)
        finally:
            if not is_undo:
                reached = _reached(plan, changed, failed)
                AUDIT.append(lake, [_act(entry, by, failed.get(entry.cluster_id)) for entry in reached])
    report = Report(tuple(changed), failed)
    if failed:
        raise IncompleteApplyError(_failure_of(report), report)
    return report


def _settled(state: Applied, plan: Plan, by: By) -> tuple[Applied, list[SizeChange]]:
    """Requested changes that an earlier run could not confirm, where the target shows that they arrived."""
    arrived = []
    for entry in plan.entries:
        remembered = state.of(entry.cluster_id, entry.target)
        if remembered.pending is None or remembered.pending != entry.nodes_before:
            continue
        after = remembered.after(remembered.pending, remembered.pending_at)
        state = state.having(entry.cluster_id, entry.target, after)
        values = {"target": entry.target, "nodes_before": remembered.nodes, "nodes_after": remembered.pending}
        at = remembered.pending_at or by.at
        arrived.append(
            SizeChange.make(at, by.actor, audit.APPLY, entry.cluster_id, CUT_SHORT, details=CUT_SHORT, **values)
        )
    return state, arrived


def _intended(state: Applied, plan: Plan, by: By) -> Applied:
    """The state before the first call: what is ours even if this process dies, and what an undo restores."""
    last: dict[str, tuple[int | None, int]] = {}
    for entry in plan.changes:
        assert entry.nodes_after is not None
        remembered = state.of(entry.cluster_id, entry.target)
        # Of a cluster that somebody else changed, the size that is there counts from now on.
        base = replace(remembered, nodes=entry.nodes_before, pending=entry.nodes_after, pending_at=by.at)
        state = state.having(entry.cluster_id, entry.target, base)
        last[entry.cluster_id] = (entry.nodes_before, entry.nodes_after)
    if by.command == audit.UNDO:  # what it has not reached stays to be undone
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


def _act(entry: Entry, by: By, why: str | None) -> SizeChange:
    return SizeChange.make(
        by.at,
        by.actor,
        by.command,
        entry.cluster_id,
        by.reason or entry.reason,
        expires_at=by.expires_at,
        target=entry.target,
        nodes_before=entry.nodes_before,
        nodes_after=entry.nodes_after,
        details="" if why is None else f"failed: {why}",
    )


def _failure_of(report: Report) -> str:
    reasons = "; ".join(f"{cluster}: {reason.rstrip('.')}" for cluster, reason in sorted(report.failed.items()))
    changed = ", ".join(f"{entry.cluster_id} -> {entry.nodes_after}" for entry in report.changed)
    return f"{reasons}." + (f" Changed: {changed}." if changed else "")


def _size(nodes: int | None) -> str:
    return "none" if nodes is None else str(nodes)
