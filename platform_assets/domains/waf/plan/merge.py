"""One IP set: what is wanted, merged with what is live and what we applied last. Pure; standard library only.

Entries added by hand stay and are shown; entries of ours that somebody removed are external changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from platform_assets.core.times import instant
from platform_assets.domains.waf.apply.applied import AppliedSet, Owned
from platform_assets.domains.waf.decisions import Wanted
from platform_assets.domains.waf.networks import address_order, canonical
from platform_assets.domains.waf.plan.entries import FULL, Entry
from platform_assets.domains.waf.plan.slots import Merged, harm_order
from platform_assets.domains.waf.plan.values import SetPlan, SetSpec


def merge(
    spec: SetSpec,
    *,
    wanted: Sequence[Wanted],
    applied: AppliedSet,
    set_id: str = "",
    live: Collection[str] = (),
    replaced: Mapping[str, str] = MappingProxyType({}),
) -> SetPlan:
    """One IP set: what is wanted against its live entries and ours. Merged again whenever somebody else was faster.

    `set_id`: empty where the set does not exist. `replaced`: why entries of ours leave although they are due in another
    form or another set.
    """
    ours = applied.for_set(set_id)
    mine = {**ours.owned, **ours.pending}
    present = {canonical(address) for address in live}
    foreign = present - mine.keys()
    due = {one.address: one for one in wanted}
    fitting = _fitting([one for one in wanted if one.address not in foreign], spec.capacity - len(foreign))
    entries: list[Entry] = []
    owned: dict[str, Owned] = {}

    def enter(address: str, operation: str, reason: str) -> None:
        one, known = due.get(address), mine.get(address)
        members = known.members if known is not None and operation == "remove" else _members(one)
        if one is not None:
            entries.append(
                Entry(spec.name, address, operation, spec.action, reason, one.decision_id, one.expires_at, members)
            )
            return
        until = datetime.fromisoformat(known.expires_at) if known is not None and known.expires_at else None
        because = known.decision_id if known else None
        entries.append(Entry(spec.name, address, operation, spec.action, reason, because, until, members))

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
        operation = _operation(one, address in present, ours, spec.restore_removed)
        owned[address] = Owned(one.decision_id, instant(one.expires_at), one.reason, _members(one))
        enter(address, operation, _why(operation, one))
    for address in present & mine.keys() - due.keys():
        why = (
            replaced.get(address)
            or f"no unexpired decision wants it any more (it was to end {mine[address].expires_at})"
        )
        enter(address, "remove", f"{why}; it was there for: {mine[address].reason}")
    left_out = {entry.address for entry in entries if entry.operation == "drift"}
    addresses = sorted(foreign | (owned.keys() - left_out), key=address_order)
    entries.sort(key=lambda entry: address_order(entry.address))
    return SetPlan(
        spec.name,
        spec.action,
        spec.family,
        set_id,
        tuple(wanted),
        tuple(entries),
        tuple(addresses),
        owned,
        spec.restore_removed,
        spec.capacity,
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
