"""Manual actions as rows of an append-only audit, and those in force at a time. Pure.

`allow` and `block` concern an address, `withdraw` a model version, `rollback` everything; `resume` ends earlier actions;
`override` applies to one run. The actions in force at a time depend only on the rows up to that time, so they never change
afterwards. audit_log.py stores and reads the rows; actions.py records them. Standard library only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from platform_assets.actions.audit import AuditRow
from platform_assets.core.times import as_utc, instant
from platform_assets.domains.waf.decisions import MANUAL, Decision, DueEntry
from platform_assets.domains.waf.networks import Ranges, is_one_address, parse_network
from platform_assets.domains.waf.plan.entries import Entry
from platform_assets.domains.waf.plan.values import Plan

ALLOW, BLOCK, WITHDRAW, ROLLBACK = "allow", "block", "withdraw", "rollback"
RESUME = "resume"
LASTING = (ALLOW, BLOCK, WITHDRAW, ROLLBACK)
"""Commands that stay in force until they expire, are resumed, or are repeated for the same subject."""
MANUAL_REQUEST_COUNT = 1_000_000_000
"""Request count of a manual block, so high that it gets its slot before any decision of a model."""
_ENDLESS = datetime.max.replace(tzinfo=UTC)

RequestedRemovals = Mapping[tuple[str, str], str]
"""(address, action) whose removal people requested -> who, and why."""


@dataclass(frozen=True)
class ManualAction(AuditRow):
    """One row of `waf/audit`."""

    decision_count: int | None = None

    def text(self) -> str:
        """One line for people."""
        until = "" if self.expires_at is None else f" until {instant(self.expires_at)}"
        return f"{self.command} {self.subject}{until}, {self.by_whom}"


@dataclass(frozen=True)
class Span:
    """An action and its end; `ended_by` is the later action that ended it before it expired."""

    action: ManualAction
    end: datetime
    ended_by: ManualAction | None = None


@dataclass(frozen=True)
class InForce:
    """The manual actions in force at one time."""

    allowed: tuple[ManualAction, ...] = ()
    blocked: tuple[ManualAction, ...] = ()
    """All blocks, including those that a rollback suspends."""
    withdrawn: tuple[ManualAction, ...] = ()
    rollback: ManualAction | None = None

    @property
    def actions(self) -> tuple[ManualAction, ...]:
        return (*self.allowed, *self.blocked, *self.withdrawn, *((self.rollback,) if self.rollback else ()))

    @property
    def allow_list(self) -> tuple[str, ...]:
        return tuple(action.subject for action in self.allowed)

    def withdraws(self, behind: Collection[str]) -> bool:
        """Whether a decision behind which are these models (`name version`) is withdrawn."""
        return any(action.subject in behind for action in self.withdrawn)

    def blocks(self) -> list[Decision]:
        """Manual blocks in force: a rollback suspends those recorded between its target time and its own time."""
        rollback = self.rollback
        return [
            as_decision(action)
            for action in self.blocked
            if rollback is None
            or action.acted_at <= as_utc(datetime.fromisoformat(rollback.subject))
            or action.acted_at > rollback.acted_at
        ]


def spans(actions: Iterable[ManualAction]) -> list[Span]:
    """Each lasting action with its end, by expiry or by a later action."""
    active: dict[tuple[str, str], ManualAction] = {}
    ended: list[Span] = []

    def end(key: tuple[str, str], by: ManualAction) -> None:
        action = active.pop(key)
        expires_at = action.expires_at or _ENDLESS
        ended.append(Span(action, expires_at) if expires_at <= by.acted_at else Span(action, by.acted_at, by))

    for action in sorted(actions, key=lambda action: (action.acted_at, action.audit_id)):
        if action.command == RESUME:
            for key in [key for key, other in active.items() if action.subject in (other.subject, other.command)]:
                end(key, action)
        elif action.command in LASTING:
            key = (action.command, "" if action.command == ROLLBACK else action.subject)
            if key in active:
                end(key, action)
            active[key] = action
    return ended + [Span(action, action.expires_at or _ENDLESS) for action in active.values()]


def in_force(actions: Iterable[ManualAction], at: datetime) -> InForce:
    """The manual actions in force at a time; later actions are ignored."""
    now = as_utc(at)
    earlier = [action for action in actions if action.acted_at <= now]
    active = [span.action for span in spans(earlier) if span.end > now]

    def of(command: str) -> tuple[ManualAction, ...]:
        return tuple(action for action in active if action.command == command)

    return InForce(of(ALLOW), of(BLOCK), of(WITHDRAW), next(iter(of(ROLLBACK)), None))


def as_decision(action: ManualAction) -> Decision:
    """A manual block as a decision without hour and model."""
    assert action.expires_at is not None
    return Decision(
        address=action.subject,
        action="block",
        reason=f"blocked {action.by_whom}",
        decided_at=action.acted_at,
        expires_at=action.expires_at,
        model_name=MANUAL,
        model_version="",
        decision_id=f"{MANUAL}-{action.audit_id}",
        score=1.0,
        abuse_kind=MANUAL,
        client_kind="address" if is_one_address(parse_network(action.subject)) else "network",
        request_count=MANUAL_REQUEST_COUNT,
        attack_request_count=0,
        evidence_count=0,
        evidence_request_ids=(),
        repetition=0,
    )


def manual_blocks(actions: Iterable[ManualAction]) -> list[Decision]:
    """All manual blocks with their actual end: requests during one are an echo of our own block."""
    return [
        replace(as_decision(span.action), expires_at=span.end)
        for span in spans(actions)
        if span.action.command == BLOCK
    ]


def requested_removals(
    before: Iterable[DueEntry], after: Iterable[DueEntry], state: InForce, behind: Mapping[str, Collection[str]]
) -> dict[tuple[str, str], str]:
    """Entries due without manual actions (`before`) but not with them (`after`), each with the actions that remove it."""
    remaining = {(entry.address, entry.action) for entry in after}
    allowed = [(Ranges.of([action.subject]), action) for action in state.allowed]
    removals = {}
    for entry in before:
        if (entry.address, entry.action) in remaining:
            continue
        network = parse_network(entry.address)
        models = {model for cause in entry.causes for model in behind.get(cause, ())}
        actions = [action for ranges, action in allowed if ranges.overlaps(network)]
        actions += [action for action in state.withdrawn if action.subject in models]
        actions += [state.rollback] if state.rollback else []
        removals[entry.address, entry.action] = "; ".join(action.text() for action in actions)
    return removals


def with_requested_removals(
    plan: Plan, requested: RequestedRemovals, actions: Sequence[ManualAction]
) -> tuple[Plan, RequestedRemovals]:
    """The plan, where requested removals have people's reasons, and all requested removals."""
    ended = {
        as_decision(span.action).decision_id: span.ended_by for span in spans(actions) if span.action.command == BLOCK
    }
    removals = dict(requested)

    def with_reason(entry: Entry) -> Entry:
        if entry.operation != "remove":
            return entry
        ended_by = ended.get(entry.decision_id or "")
        if ended_by is not None:
            removals.setdefault((entry.address, entry.action), ended_by.text())
        why = removals.get((entry.address, entry.action))
        return entry if why is None else replace(entry, reason=why)

    sets = tuple(replace(set_plan, entries=tuple(map(with_reason, set_plan.entries))) for set_plan in plan.sets)
    return replace(plan, sets=sets), removals
