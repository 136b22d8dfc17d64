"""Manual actions as rows of an append-only audit, and which of them are in force at a time. Pure.

`allow` and `block` concern an address, `withdraw` a model version, `rollback` everything; `resume` ends earlier actions;
`override` holds in one run. What is in force at a time follows from the rows up to that time alone, so it never changes
afterwards. audit_log.py stores and reads the rows; actions.py records them.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from platform_assets.actions.audit import AuditRow
from platform_assets.core.times import as_utc, instant
from platform_assets.domains.waf.decisions import Decision, Wanted
from platform_assets.domains.waf.networks import Ranges, is_one_address, parse_network
from platform_assets.domains.waf.plan.entries import Entry
from platform_assets.domains.waf.plan.values import Plan

ALLOW, BLOCK, WITHDRAW, ROLLBACK = "allow", "block", "withdraw", "rollback"
RESUME = "resume"
LASTING = (ALLOW, BLOCK, WITHDRAW, ROLLBACK)
"""Commands that stay in force until they expire, are resumed, or are repeated for the same subject."""
MANUAL = "manual"
"""Kind, and model, of what a person blocks."""
FIRST_IN_LINE = 1_000_000_000
"""Requests a day that a manual block is assumed to stop: it gets its slot before any decision of a model."""
_ENDLESS = datetime.max.replace(tzinfo=UTC)

RequestedRemovals = Mapping[tuple[str, str], str]
"""(address, action) that people had removed -> who did, and why."""


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

    act: ManualAction
    end: datetime
    ended_by: ManualAction | None = None


@dataclass(frozen=True)
class InForce:
    """The manual actions in force at one time."""

    allowed: tuple[ManualAction, ...] = ()
    blocked: tuple[ManualAction, ...] = ()
    """All, also those that a rollback leaves out."""
    withdrawn: tuple[ManualAction, ...] = ()
    rollback: ManualAction | None = None

    @property
    def acts(self) -> tuple[ManualAction, ...]:
        return (*self.allowed, *self.blocked, *self.withdrawn, *((self.rollback,) if self.rollback else ()))

    @property
    def allow_list(self) -> tuple[str, ...]:
        return tuple(act.subject for act in self.allowed)

    def withdraws(self, behind: Collection[str]) -> bool:
        """Whether a decision that rests on these models (`name version`) does not count."""
        return any(act.subject in behind for act in self.withdrawn)

    def blocks(self) -> list[Decision]:
        """Manual blocks in force: a rollback suspends those recorded between its target time and its own time."""
        back = self.rollback
        return [
            as_decision(act)
            for act in self.blocked
            if back is None
            or act.acted_at <= as_utc(datetime.fromisoformat(back.subject))
            or act.acted_at > back.acted_at
        ]


def spans(acts: Iterable[ManualAction]) -> list[Span]:
    """When each lasting action starts and ends, by expiry or through a later action."""
    held: dict[tuple[str, str], ManualAction] = {}
    done: list[Span] = []

    def end(key: tuple[str, str], by: ManualAction) -> None:
        act = held.pop(key)
        own = act.expires_at or _ENDLESS
        done.append(Span(act, own) if own <= by.acted_at else Span(act, by.acted_at, by))

    for act in sorted(acts, key=lambda act: (act.acted_at, act.audit_id)):
        if act.command == RESUME:
            for key in [key for key, one in held.items() if act.subject in (one.subject, one.command)]:
                end(key, act)
        elif act.command in LASTING:
            key = (act.command, "" if act.command == ROLLBACK else act.subject)
            if key in held:
                end(key, act)
            held[key] = act
    return done + [Span(act, act.expires_at or _ENDLESS) for act in held.values()]


def in_force(acts: Iterable[ManualAction], at: datetime) -> InForce:
    """The manual actions in force at a time; later ones are ignored."""
    now = as_utc(at)
    before = [act for act in acts if act.acted_at <= now]
    alive = [span.act for span in spans(before) if span.end > now]

    def of(command: str) -> tuple[ManualAction, ...]:
        return tuple(act for act in alive if act.command == command)

    return InForce(of(ALLOW), of(BLOCK), of(WITHDRAW), next(iter(of(ROLLBACK)), None))


def as_decision(act: ManualAction) -> Decision:
    """A manual block as a decision; it has no hour and no model."""
    assert act.expires_at is not None
    return Decision(
        address=act.subject,
        action="block",
        reason=f"blocked {act.by_whom}",
        decided_at=act.acted_at,
        expires_at=act.expires_at,
        model_name=MANUAL,
        model_version="",
        decision_id=f"{MANUAL}-{act.audit_id}",
        score=1.0,
        abuse_kind=MANUAL,
        client_kind="address" if is_one_address(parse_network(act.subject)) else "network",
        request_count=FIRST_IN_LINE,
        attack_request_count=0,
        evidence_count=0,
        evidence_request_ids=(),
        repetition=0,
    )


def own_blocks(acts: Iterable[ManualAction]) -> list[Decision]:
    """All manual blocks, each for as long as it lasted: client activity during one is an echo of our own block."""
    return [replace(as_decision(one.act), expires_at=one.end) for one in spans(acts) if one.act.command == BLOCK]


def requested_removals(
    before: Iterable[Wanted], after: Iterable[Wanted], state: InForce, behind: Mapping[str, Collection[str]]
) -> dict[tuple[str, str], str]:
    """Entries wanted without manual actions (`before`) but not with them (`after`), each with the action that removes it."""
    left = {(one.address, one.action) for one in after}
    allowed = [(Ranges.of([act.subject]), act) for act in state.allowed]
    found = {}
    for one in before:
        if (one.address, one.action) in left:
            continue
        network = parse_network(one.address)
        models = {model for cause in one.causes for model in behind.get(cause, ())}
        acts = [act for ranges, act in allowed if ranges.overlaps(network)]
        acts += [act for act in state.withdrawn if act.subject in models]
        acts += [state.rollback] if state.rollback else []
        found[one.address, one.action] = "; ".join(act.text() for act in acts)
    return found


def with_requested_removals(
    plan: Plan, requested: RequestedRemovals, acts: Sequence[ManualAction]
) -> tuple[Plan, RequestedRemovals]:
    """The plan with people's reasons on the removals that they requested, and all those removals."""
    ended = {as_decision(one.act).decision_id: one.ended_by for one in spans(acts) if one.act.command == BLOCK}
    whole = dict(requested)

    def with_reason(entry: Entry) -> Entry:
        if entry.operation != "remove":
            return entry
        by = ended.get(entry.decision_id or "")
        if by is not None:
            whole.setdefault((entry.address, entry.action), by.text())
        why = whole.get((entry.address, entry.action))
        return entry if why is None else replace(entry, reason=why)

    sets = tuple(replace(one, entries=tuple(map(with_reason, one.entries))) for one in plan.sets)
    return replace(plan, sets=sets), whole
