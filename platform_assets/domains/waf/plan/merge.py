"""One IP set: due entries, merged with live ones and those of the last apply. Pure; standard library only.

Entries added by hand stay and are listed; entries of ours that somebody removed are external changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from platform_assets.core.times import instant
from platform_assets.domains.waf.apply.applied import AppliedSet, Owned
from platform_assets.domains.waf.decisions import DueEntry
from platform_assets.domains.waf.networks import address_order, canonical
from platform_assets.domains.waf.plan.entries import FULL, Entry
from platform_assets.domains.waf.plan.slots import Merged, harm_order
from platform_assets.domains.waf.plan.values import SetPlan, SetSpec


def merge(
    spec: SetSpec,
    *,
    due: Sequence[DueEntry],
    applied: AppliedSet,
    set_id: str = "",
    live: Collection[str] = (),
    replaced: Mapping[str, str] = MappingProxyType({}),
) -> SetPlan:
    """The plan of one IP set; computed again whenever somebody else changed the set in the meantime.

    `set_id`: empty if the set does not exist. `replaced`: address -> why our entry leaves although it is due in another
    form or set.
    """
    ours = applied.for_set(set_id)
    ours_or_pending = {**ours.owned, **ours.pending}
    present = {canonical(address) for address in live}
    foreign = present - ours_or_pending.keys()
    due_by_address = {entry.address: entry for entry in due}
    fitting = _fitting([entry for entry in due if entry.address not in foreign], spec.capacity - len(foreign))
    entries: list[Entry] = []
    owned: dict[str, Owned] = {}

    def enter(address: str, operation: str, reason: str) -> None:
        due_entry, owned_entry = due_by_address.get(address), ours_or_pending.get(address)
        members = owned_entry.members if owned_entry is not None and operation == "remove" else _members(due_entry)
        decision_id: str | None = None
        expires_at: datetime | None = None
        if due_entry is not None:
            decision_id, expires_at = due_entry.decision_id, due_entry.expires_at
        elif owned_entry is not None:
            decision_id = owned_entry.decision_id
            expires_at = datetime.fromisoformat(owned_entry.expires_at) if owned_entry.expires_at else None
        entries.append(Entry(spec.name, address, operation, spec.action, reason, decision_id, expires_at, members))

    for address in foreign:
        also = f"; Weir wants it too: {due_by_address[address].reason}" if address in due_by_address else ""
        enter(address, "foreign", f"added by hand, stays{also}")
    for address, due_entry in due_by_address.items():
        if address in foreign:
            continue
        if address not in fitting:
            if address in present:
                enter(address, "remove", f"{FULL}, made room: {due_entry.reason}")
            else:
                enter(address, "overflow", f"{FULL}, left out: {due_entry.reason}")
            continue
        operation = _operation(due_entry, address in present, ours, spec.restore_removed)
        owned[address] = Owned(
            due_entry.decision_id, instant(due_entry.expires_at), due_entry.reason, _members(due_entry)
        )
        enter(address, operation, _why(operation, due_entry))
    for address in present & ours_or_pending.keys() - due_by_address.keys():
        why = (
            replaced.get(address)
            or f"no unexpired decision wants it any more (it was to end {ours_or_pending[address].expires_at})"
        )
        enter(address, "remove", f"{why}; it was there for: {ours_or_pending[address].reason}")
    left_out = {entry.address for entry in entries if entry.operation == "drift"}
    addresses = sorted(foreign | (owned.keys() - left_out), key=address_order)
    entries.sort(key=lambda entry: address_order(entry.address))
    return SetPlan(
        spec.name,
        spec.action,
        spec.family,
        set_id,
        tuple(due),
        tuple(entries),
        tuple(addresses),
        owned,
        spec.restore_removed,
        spec.capacity,
    )


def _members(entry: DueEntry | None) -> tuple[str, ...]:
    return entry.members if isinstance(entry, Merged) else ()


def _operation(entry: DueEntry, is_present: bool, ours: AppliedSet, restore_removed: bool) -> str:
    owned = ours.owned.get(entry.address)
    if is_present:
        previous = owned or ours.pending.get(entry.address)
        same = previous is not None and (previous.decision_id, previous.expires_at) == (
            entry.decision_id,
            instant(entry.expires_at),
        )
        return "keep" if same else "extend"
    if owned is None:
        return "add"
    return "restore" if restore_removed else "drift"


def _why(operation: str, entry: DueEntry) -> str:
    if operation == "restore":
        return f"somebody removed it; put back because it is still due: {entry.reason}"
    if operation == "drift":
        return f"somebody removed it; left out by policy although still due: {entry.reason}"
    return entry.reason


def _fitting(due: Sequence[DueEntry], slots: int) -> frozenset[str]:
    """The addresses that get a slot, by `harm_order`."""
    if len(due) <= slots:
        return frozenset(entry.address for entry in due)
    ranked = sorted(due, key=harm_order)
    return frozenset(entry.address for entry in ranked[: max(slots, 0)])
