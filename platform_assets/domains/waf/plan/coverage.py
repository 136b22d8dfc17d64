"""The addresses that a plan starts and stops covering: what changes for clients, regardless of merging and splitting.

Pure. An address is an entry, or a member of a merged entry. Nothing changes for an address that moves to another set of
the same action, into a wider entry or out of one. Standard library only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from platform_assets.domains.waf.networks import Ranges, counted_network, parse_network
from platform_assets.domains.waf.plan.entries import Entry
from platform_assets.domains.waf.plan.values import Plan

BEFORE = ("keep", "extend", "remove")
"""Operations on our entries that are live before the plan."""
AFTER = ("keep", "extend", "add", "restore")
OURS = (*BEFORE, "restore", "drift")
"""Operations on entries of the last apply."""


@dataclass(frozen=True)
class Change:
    """An address whose coverage by an action changes, and the entry that causes it."""

    address: str
    entry: Entry


def gained(plan: Plan) -> tuple[Change, ...]:
    """Addresses added or restored that no entry of ours with the same action covered before."""
    return _uncovered(plan, ("add", "restore"), BEFORE)


def lost(plan: Plan) -> tuple[Change, ...]:
    """Addresses removed, at expiry or earlier, that no entry of ours with the same action covers any longer."""
    return _uncovered(plan, ("remove",), AFTER)


def applied_count(plan: Plan) -> int:
    """The number of addresses in the entries of the last apply."""
    return sum(len(_addresses(entry)) for entry in plan.entries if entry.operation in OURS)


def network_count(changes: Collection[Change]) -> int:
    """In how many networks coverage changes: who has one address of a network may have all of them."""
    return len({counted_network(change.address) for change in changes})


def _uncovered(plan: Plan, operations: Collection[str], covering: Collection[str]) -> tuple[Change, ...]:
    ranges: dict[str, Ranges] = {}
    for action in {entry.action for entry in plan.entries}:
        live_entries = (entry for entry in plan.entries if entry.action == action and entry.operation in covering)
        ranges[action] = Ranges.of(entry.address for entry in live_entries)
    return tuple(
        Change(address, entry)
        for entry in plan.entries
        if entry.operation in operations
        for address in _addresses(entry)
        if not ranges[entry.action].covers(parse_network(address))
    )


def _addresses(entry: Entry) -> tuple[str, ...]:
    return entry.members or (entry.address,)
