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
from spark_jobs.lake import Lake

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

    done: tuple[Entry, ...]
    failed: Mapping[str, str]

    def text(self) -> str:
        lines = [f"{len(self.done)} clusters changed" if self.done else "No cluster changed"]
        lines += [f"  {entry.cluster_id}: {_size(entry.nodes_before)} -> {entry.nodes_after}" for entry in self.done]
        return "\n".join([*lines, *(f"  {cluster}: {why}" for cluster, why in sorted(self.failed.items()))])


def apply(made: Plan, targets: Mapping[str, NodeTarget], store: AppliedStore, lake: Lake, by: By) -> Report:
    """Bring every cluster to its size; a target that fails holds back no other.

    StalePlanError where another plan was applied since; IncompleteApplyError at the end where clusters failed.
    """
    done: list[Entry] = []
    failed: dict[str, str] = dict(made.missing)
    with store.lock():
        state = store.load()
        if state.serial != made.serial:
            raise StalePlanError("Another run has scaled since this plan was made; run again.")
        state, found = _settled(state, made, by)
        if made.changes:
            state = _intended(state, made, by)
        store.save(state)
        is_undo = by.command == audit.UNDO
        # An undo holds its clusters whatever becomes of this process; of other changes the outcome is recorded.
        AUDIT.append(lake, [*found, *(_act(entry, by, None) for entry in made.changes if is_undo)])
        try:
            for entry in made.changes:
                try:
                    _change(entry, targets[entry.cluster_id])
                except ScalingError as error:
                    failed[entry.cluster_id] = str(error)
                    continue
                known = state.of(entry.cluster_id, entry.target)
                assert entry.nodes_after is not None
                after = replace(known, pending=None, pending_at=None).after(entry.nodes_after, by.at)
                state = state.having(entry.cluster_id, entry.target, after)
                if is_undo:
                    state = replace(state, last={k: v for k, v in state.last.items() if k != entry.cluster_id})
                store.save(state)
                done.append(entry)
        finally:
            if not is_undo:
                reached = _reached(made, done, failed)
                AUDIT.append(lake, [_act(entry, by, failed.get(entry.cluster_id)) for entry in reached])
    report = Report(tuple(done), failed)
    if failed:
        raise IncompleteApplyError(_failure_of(report), report)
    return report


def _settled(state: Applied, made: Plan, by: By) -> tuple[Applied, list[SizeChange]]:
    """Requested changes that an earlier run could not confirm, where the target shows that they arrived."""
    found = []
    for entry in made.entries:
        known = state.of(entry.cluster_id, entry.target)
        if known.pending is None or known.pending != entry.nodes_before:
            continue
        after = known.after(known.pending, known.pending_at)
        state = state.having(entry.cluster_id, entry.target, after)
        values = {"target": entry.target, "nodes_before": known.nodes, "nodes_after": known.pending}
        at = known.pending_at or by.at
        found.append(
            SizeChange.make(at, by.actor, audit.APPLY, entry.cluster_id, CUT_SHORT, details=CUT_SHORT, **values)
        )
    return state, found


def _intended(state: Applied, made: Plan, by: By) -> Applied:
    """The state before the first call: what is ours even if this process dies, and what an undo restores."""
    last: dict[str, tuple[int | None, int]] = {}
    for entry in made.changes:
        assert entry.nodes_after is not None
        known = state.of(entry.cluster_id, entry.target)
        # Of a cluster that somebody else changed, the size that is there counts from now on.
        base = replace(known, nodes=entry.nodes_before, pending=entry.nodes_after, pending_at=by.at)
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


def _reached(made: Plan, done: list[Entry], failed: Mapping[str, str]) -> list[Entry]:
    names = {entry.cluster_id for entry in done} | failed.keys()
    return [entry for entry in made.changes if entry.cluster_id in names]


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
    reasons = "; ".join(f"{cluster}: {why.rstrip('.')}" for cluster, why in sorted(report.failed.items()))
    done = ", ".join(f"{entry.cluster_id} -> {entry.nodes_after}" for entry in report.done)
    return f"{reasons}." + (f" Changed: {done}." if done else "")


def _size(nodes: int | None) -> str:
    return "none" if nodes is None else str(nodes)
