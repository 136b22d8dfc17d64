"""What is wanted, what is live and what we applied last -> a plan: the three-way difference of every IP set.

Pure: no call, no clock, no file. Entries added by hand stay and are shown; entries of ours that somebody removed are
drift. Which entries are wanted is rules.py's; whether a plan may be applied is checks.py's. Standard library only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from platform_assets.actions.instants import as_utc, instant
from platform_assets.domains.waf.apply.applied import Applied, AppliedSet, Owned
from platform_assets.domains.waf.decisions import ACTIONS, Wanted
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.limits import FAMILIES, MAX_ADDRESSES, check_name, description
from platform_assets.domains.waf.networks import address_order, canonical, family
from platform_assets.domains.waf.plan.shards import Shard, assign, writing_order
from platform_assets.domains.waf.plan.slots import MAX_SHARDS, Budget, Exemptions, Merged, allot, harm_order
from platform_assets.domains.waf.scopes import CLOUDFRONT, Scope

CHANGING = ("add", "restore", "remove")
"""Operations that change the live set; extend and keep change only what we remember, the others nothing."""

FULL = "the IP set is full and others are expected to stop more"

NAMED_FILES = 3
"""Late files that a line of text names; the others are counted."""

SIGNS = {"add": "+", "restore": "+", "remove": "-", "extend": "~", "drift": "!", "overflow": "!", "foreign": " "}


@dataclass(frozen=True)
class LiveSet:
    """An IP set as it is in WAF."""

    name: str
    id: str
    arn: str
    family: str
    addresses: tuple[str, ...]
    lock_token: str
    description: str = ""


@dataclass(frozen=True)
class Entry:
    """One address of one IP set and what is to happen to it; its first fields are columns of `waf/plan`."""

    ip_set: str
    address: str
    operation: str
    action: str
    reason: str
    decision_id: str | None = None
    expires_at: datetime | None = None
    members: tuple[str, ...] = ()
    """The addresses that a merged entry stands for; of a removed one, those that it stood for."""
    late_files: tuple[str, ...] = ()
    """Names of the log objects that came late and are why it changes."""


@dataclass(frozen=True)
class SetPlan:
    """One IP set: its entries, the addresses it shall hold, and what we shall own of them."""

    name: str
    action: str
    family: str
    set_id: str
    wanted: tuple[Wanted | Merged, ...]
    entries: tuple[Entry, ...]
    addresses: tuple[str, ...]
    owned: Mapping[str, Owned]
    restore_removed: bool = True
    capacity: int = MAX_ADDRESSES

    @property
    def exists(self) -> bool:
        return bool(self.set_id)

    @property
    def changes(self) -> bool:
        """Whether WAF has to be asked to change anything."""
        return any(entry.operation in CHANGING for entry in self.entries)

    @property
    def description(self) -> str:
        """For WAF: what the set holds and why, by kind of abuse; changes only when the addresses do."""
        kinds = Counter(one.abuse_kind or "abuse" for one in self.wanted if one.address in self.owned)
        named = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items(), key=lambda kv: (-kv[1], kv[0])))
        return description(f"Weir {self.action} {self.family}: {named or 'no entries'}. Entries added by hand stay.")

    @property
    def left_out(self) -> int:
        """Wanted entries that no slot was left for."""
        return sum(entry.reason.startswith(FULL) for entry in self.entries)

    @property
    def merged(self) -> tuple[Merged, ...]:
        """Entries it shall hold that stand for several wanted ones."""
        return tuple(one for one in self.wanted if isinstance(one, Merged) and one.address in self.owned)

    def count(self, operation: str) -> int:
        return sum(entry.operation == operation for entry in self.entries)


@dataclass(frozen=True)
class Plan:
    """All IP sets of one scope, in stable order, and the state of ownership it was made on."""

    scope: Scope
    prefix: str
    planned_at: datetime
    serial: int
    sets: tuple[SetPlan, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for one in self.sets for entry in one.entries)

    @property
    def changes(self) -> bool:
        return any(one.changes for one in self.sets)

    def count(self, operation: str) -> int:
        return sum(one.count(operation) for one in self.sets)

    @property
    def owned_count(self) -> int:
        """Entries that were ours before the plan."""
        return sum(self.count(operation) for operation in ("keep", "extend", "remove", "restore", "drift"))

    @property
    def late_files(self) -> tuple[str, ...]:
        """Names of the log objects that came late and change something."""
        return late_files_of(self.entries)

    def rows(self) -> list[dict[str, Any]]:
        """Rows of the table `waf/plan`."""
        return [
            {
                "scope": str(self.scope),
                "ip_set": entry.ip_set,
                "address": entry.address,
                "operation": entry.operation,
                "action": entry.action,
                "reason": entry.reason,
                "decision_id": entry.decision_id,
                "expires_at": entry.expires_at,
                "planned_at": self.planned_at,
            }
            for entry in self.entries
        ]

    def summary(self) -> str:
        """`+3 -1 because of 2 late files, +10 -4 otherwise, 2 extended, 40 kept, 1 added by hand`."""
        return summary_of(self.entries)

    def text(self, most: int = 50) -> str:
        """For people: each change with its reason; entries kept are counted, not listed; `most` lines a set."""
        lines = [f"WAF plan of {instant(self.planned_at)}, scope {self.scope}: {self.summary()}"]
        if self.late_files:
            lines.append(f"Late files: {named(self.late_files)}")
        for one in self.sets:
            listed = [entry for entry in one.entries if entry.operation != "keep"]
            if not listed and not one.exists:
                continue
            state = f"{len(one.addresses)} entries" if one.exists else f"{len(one.addresses)} entries, to be created"
            if one.merged:
                stands_for = sum(len(entry.members) for entry in one.merged)
                state += f", {len(one.merged)} of them merged from {stands_for} for want of slots"
            lines.append(f"{one.name} ({state})")
            lines += [_line(entry) for entry in listed[:most]]
            if len(listed) > most:
                lines.append(f"  ... and {len(listed) - most} more")
        if not self.changes:
            lines.append("Nothing to change.")
        return "\n".join(lines)


def summary_of(entries: Sequence[Entry]) -> str:
    """One line: how many are added and removed, apart what late files are the cause of, and the others by operation."""
    counts = Counter(entry.operation for entry in entries)
    named = {
        "extend": "extended",
        "keep": "kept",
        "foreign": "added by hand",
        "restore": "of ours restored that somebody removed",
        "drift": "of ours removed by somebody and left out",
        "overflow": "did not fit",
    }
    parts = _changes(entries)
    return ", ".join(
        parts + [f"{counts[operation]} {words}" for operation, words in named.items() if counts[operation]]
    )


def _changes(entries: Sequence[Entry]) -> list[str]:
    counts = Counter(entry.operation for entry in entries)
    added, removed = counts["add"] + counts["restore"], counts["remove"]
    late_files = late_files_of(entries)
    if not late_files:
        return [f"+{added} -{removed}"]
    late = Counter(entry.operation for entry in entries if entry.late_files)
    files = "1 late file" if len(late_files) == 1 else f"{len(late_files)} late files"
    parts = [f"+{late['add']} -{late['remove']} because of {files}"]
    if (others := (added - late["add"], removed - late["remove"])) != (0, 0):
        parts.append(f"+{others[0]} -{others[1]} otherwise")
    return parts


def late_files_of(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Names of the late files that are the cause of changes, in order."""
    return tuple(sorted({name for entry in entries for name in entry.late_files}))


def named(files: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(files) - NAMED_FILES} more" if len(files) > NAMED_FILES else ""
    return ", ".join(files[:NAMED_FILES]) + more


def _line(entry: Entry) -> str:
    until = "" if entry.expires_at is None or entry.operation == "remove" else f" until {instant(entry.expires_at)}"
    return f"  {SIGNS.get(entry.operation, ' ')} {entry.operation:8} {entry.address}{until}: {entry.reason}"


def set_name(prefix: str, action: str, family_name: str, shard: int = 1) -> str:
    """`weir-block-v4`, and `weir-block-v4-2` for the second of them."""
    base = f"{prefix}-{action}-{'v4' if family_name == 'IPV4' else 'v6'}"
    return base if shard == 1 else f"{base}-{shard}"


def set_names(prefix: str, shards: int = 1) -> tuple[tuple[str, str, str], ...]:
    """(name, action, family) of every IP set of ours, strongest action first: an escalation adds before it removes."""
    return tuple(
        (set_name(prefix, action, one, shard), action, one)
        for action in reversed(ACTIONS)
        for one in FAMILIES
        for shard in range(1, shards + 1)
    )


def plan(
    wanted: Iterable[Wanted],
    live: Mapping[str, LiveSet],
    last_applied: Applied,
    *,
    now: datetime,
    prefix: str = "weir",
    scope: Scope = CLOUDFRONT,
    restore_removed: bool = True,
    budget: Budget | None = None,
    exemptions: Exemptions | None = None,
) -> Plan:
    """The three-way difference per IP set. `live` is `read_sets()`, by name; `last_applied` is the store's `load()`.

    Of further sets only those are filled that exist: installing makes them and has the rule group use them.
    """
    budget = budget or Budget()
    groups: dict[tuple[str, str], list[Wanted]] = {}
    for one in wanted:
        groups.setdefault((one.action, family(one.address)), []).append(one)
    sets = []
    for _, action, family_name in set_names(prefix):
        names = [set_name(prefix, action, family_name, shard) for shard in range(1, MAX_SHARDS + 1)]
        usable = [name for at, name in enumerate(names) if at == 0 or (at < budget.shards and name in live)]
        known = [name for name in names if name in usable or name in live]
        for name in known:
            check_name(name)
            found = live.get(name)
            if found is not None and found.family != family_name:
                raise WafError(
                    f"The IP set {name} exists with {found.family} instead of {family_name}; rename it or choose another WEIR_WAF_PREFIX."
                )
        shards = _shards(
            groups.get((action, family_name), ()),
            usable,
            known,
            live,
            last_applied,
            restore_removed,
            budget,
            exemptions,
        )
        for name in writing_order(shards):
            found = live.get(name)
            sets.append(
                merge(
                    name,
                    action,
                    family_name,
                    wanted=shards[name].entries,
                    set_id="" if found is None else found.id,
                    live=() if found is None else found.addresses,
                    applied=last_applied.of(name),
                    restore_removed=restore_removed,
                    capacity=budget.capacity,
                    gone=shards[name].gone,
                )
            )
    return Plan(scope, prefix, as_utc(now), last_applied.serial, tuple(sets))


def _shards(
    wanted: Sequence[Wanted],
    usable: Sequence[str],
    known: Sequence[str],
    live: Mapping[str, LiveSet],
    last_applied: Applied,
    restore_removed: bool,
    budget: Budget,
    exemptions: Exemptions | None,
) -> dict[str, Shard]:
    """The IP sets of one action and family with what each is to hold, as far as there are slots.

    What people added by hand takes slots and needs none of ours; what they took out, where that is respected, stands for
    nothing but itself.
    """
    present, ours, foreign, out = {}, {}, {}, set()
    for name in known:
        found = live.get(name)
        mine = last_applied.of(name).for_set("" if found is None else found.id)
        present[name] = {canonical(one) for one in found.addresses} if found is not None else set()
        ours[name] = mine.owned.keys() | (mine.pending.keys() & present[name])
        foreign[name] = present[name] - ours[name]
        out |= set() if restore_removed else mine.owned.keys() - present[name]
    by_hand = {one.address: name for name in reversed(known) for one in wanted if one.address in foreign[name]}
    rooms = {name: budget.capacity - len(foreign[name]) for name in usable}
    slots = sum(max(room, 0) for room in rooms.values())
    allotment = allot(
        (one for one in wanted if one.address not in by_hand), slots, budget=budget, exemptions=exemptions, apart=out
    )
    shards = assign(allotment, rooms, ours)
    for one in wanted:
        if one.address in by_hand:
            name = by_hand[one.address]
            shards[name] = replace(shards[name], entries=(*shards[name].entries, one))
    return shards


def merge(
    name: str,
    action: str,
    family_name: str,
    *,
    wanted: Sequence[Wanted],
    set_id: str,
    live: Collection[str],
    applied: AppliedSet,
    restore_removed: bool = True,
    capacity: int = MAX_ADDRESSES,
    gone: Mapping[str, str] = MappingProxyType({}),
) -> SetPlan:
    """One IP set: wanted against what is live now and what we own. Made again whenever somebody else was faster.

    `gone`: why entries of ours leave that are due in another form or another set.
    """
    ours = applied.for_set(set_id)
    mine = {**ours.owned, **ours.pending}
    present = {canonical(address) for address in live}
    foreign = present - mine.keys()
    due = {one.address: one for one in wanted}
    fitting = _fitting([one for one in wanted if one.address not in foreign], capacity - len(foreign))
    entries: list[Entry] = []
    owned: dict[str, Owned] = {}

    def enter(address: str, operation: str, reason: str) -> None:
        one, known = due.get(address), mine.get(address)
        members = known.members if known is not None and operation == "remove" else _members(one)
        if one is not None:
            entries.append(Entry(name, address, operation, action, reason, one.decision_id, one.expires_at, members))
            return
        until = datetime.fromisoformat(known.expires_at) if known is not None and known.expires_at else None
        because = known.decision_id if known else None
        entries.append(Entry(name, address, operation, action, reason, because, until, members))

    for address in foreign:
        also = f"; Weir wants it too: {due[address].reason}" if address in due else ""
        enter(address, "foreign", f"added by hand, stays{also}")
    for address, one in due.items():
        if address in foreign:
            continue
        if address not in fitting:
            if address in present:
                enter(address, "remove", f"{FULL}, made room: {one.reason}")
            else:
                enter(address, "overflow", f"{FULL}, left out: {one.reason}")
            continue
        operation = _operation(one, address in present, ours, restore_removed)
        owned[address] = Owned(one.decision_id, instant(one.expires_at), one.reason, _members(one))
        enter(address, operation, _why(operation, one))
    for address in present & mine.keys() - due.keys():
        why = gone.get(address) or f"no unexpired decision wants it any more (it was to end {mine[address].expires_at})"
        enter(address, "remove", f"{why}; it was there for: {mine[address].reason}")
    left_out = {entry.address for entry in entries if entry.operation == "drift"}
    addresses = sorted(foreign | (owned.keys() - left_out), key=address_order)
    entries.sort(key=lambda entry: address_order(entry.address))
    return SetPlan(
        name,
        action,
        family_name,
        set_id,
        tuple(wanted),
        tuple(entries),
        tuple(addresses),
        owned,
        restore_removed,
        capacity,
    )


def _members(one: Wanted | None) -> tuple[str, ...]:
    return one.members if isinstance(one, Merged) else ()


def _operation(one: Wanted, is_present: bool, ours: AppliedSet, restore_removed: bool) -> str:
    before = ours.owned.get(one.address)
    if is_present:
        known = before or ours.pending.get(one.address)
        same = known is not None and (known.decision_id, known.expires_at) == (one.decision_id, instant(one.expires_at))
        return "keep" if same else "extend"
    if before is None:
        return "add"
    return "restore" if restore_removed else "drift"


def _why(operation: str, one: Wanted) -> str:
    if operation == "restore":
        return f"somebody removed it; put back because it is still due: {one.reason}"
    if operation == "drift":
        return f"somebody removed it; left out by policy although still due: {one.reason}"
    return one.reason


def _fitting(wanted: Sequence[Wanted], slots: int) -> frozenset[str]:
    """The addresses that get a slot: most harm averted first, then repeat offenders, then by address."""
    if len(wanted) <= slots:
        return frozenset(one.address for one in wanted)
    ranked = sorted(wanted, key=harm_order)
    return frozenset(one.address for one in ranked[: max(slots, 0)])
