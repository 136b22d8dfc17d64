"""Assigns the entries of one action and family to treplacement IP sets, with why entries leave one set for another.

Pure. slots.py chooses the entries. An entry stays in its set as long as it is due, and an entry that replaces it goes to
the same set if there is room, because a single update of one set leaves nothing uncovered. Standard library only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from platform_assets.domains.waf.decisions import DueEntry
from platform_assets.domains.waf.networks import Ranges, address_order, parse_network
from platform_assets.domains.waf.plan.slots import Allotment, harm_order
from spark_jobs.wording import counted


@dataclass(frozen=True)
class Shard:
    """The entries of one IP set, and address -> why our entry leaves it although it is still due in another form."""

    entries: tuple[DueEntry, ...]
    replaced: Mapping[str, str]
    takers: frozenset[str] = frozenset()
    """Other sets that take over some of its entries; they must be written first."""


def assign(
    allotment: Allotment, free_slots: Mapping[str, int], ours: Mapping[str, Collection[str]]
) -> dict[str, Shard]:
    """IP set -> its shard. `free_slots`: of the usable sets, in order. `ours`: our entries of all sets.

    Entries that were left out go to the first set, which lists them as not fitting.
    """
    places = _places(allotment.entries, free_slots, ours)
    first = next(iter(free_slots))
    parts: dict[str, list[DueEntry]] = {name: [] for name in ours}
    for entry in allotment.entries:
        parts[places[entry.address]].append(entry)
    parts[first].extend(allotment.left_out)
    kept, left_out = _Lookup(allotment.entries), _Lookup(allotment.left_out)
    shards = {}
    for name, entries in parts.items():
        addresses = {entry.address for entry in entries}
        replaced: dict[str, str] = {}
        takers: set[str] = set()
        for address in sorted(set(ours[name]) - addresses, key=address_order):
            why, replacements = _why_replaced(address, name, places, kept, left_out)
            if why:
                replaced[address] = why
            takers |= {places[replacement] for replacement in replacements}
        shards[name] = Shard(tuple(entries), replaced, frozenset(takers - {name}))
    return shards


def writing_order(shards: Mapping[str, Shard]) -> list[str]:
    """The sets, takers before those whose entries they take; if sets exchange entries, one of them has to be first."""
    waiting = list(shards)
    order: list[str] = []
    while waiting:
        ready = [name for name in waiting if shards[name].takers <= set(order)]
        order.append((ready or waiting)[0])
        waiting.remove(order[-1])
    return order


def _places(
    entries: Iterable[DueEntry], free_slots: Mapping[str, int], ours: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """Address -> IP set."""
    free = dict(free_slots)
    places: dict[str, str] = {}
    new: list[DueEntry] = []
    for entry in sorted(entries, key=harm_order):
        current = next((name for name in free if free[name] > 0 and entry.address in ours[name]), None)
        if current is None:
            new.append(entry)
            continue
        places[entry.address] = current
        free[current] -= 1
    leaving = {name: Ranges.of(set(ours[name]) - places.keys()) for name in free}

    def replacements_first(entry: DueEntry) -> bool:
        return not any(ranges.overlaps(parse_network(entry.address)) for ranges in leaving.values())

    for entry in sorted(new, key=replacements_first):
        network = parse_network(entry.address)
        preferred = sorted(free, key=lambda name: not leaving[name].overlaps(network))
        name = next((name for name in preferred if free[name] > 0), next(iter(free)))
        places[entry.address] = name
        free[name] -= 1
    return places


def _why_replaced(
    address: str, name: str, places: Mapping[str, str], kept: _Lookup, left_out: _Lookup
) -> tuple[str, tuple[str, ...]]:
    """Why an entry leaves its set although it is still due in another form, and the entries that replace it."""
    if covering := kept.covering(address):
        where = "" if places[covering] == name else f" in {places[covering]}"
        reason = f"moved to {places[covering]}" if covering == address else f"{covering}{where} covers it"
        return reason, (covering,)
    if covering := left_out.covering(address):
        return f"made room as part of {covering}, which does not fit", ()
    if within := kept.within(address):
        return (
            f"split, because not all of it is due any more or there is room again: {counted(len(within), 'entry of it stays', 'entries of it stay')}",
            within,
        )
    return "", ()


class _Lookup:
    """Entries by address, to find those that cover an address or lie in a network."""

    def __init__(self, entries: Iterable[DueEntry]) -> None:
        self._addresses = sorted((entry.address for entry in entries), key=address_order)
        self._starts = [int(parse_network(address).network_address) for address in self._addresses]

    def covering(self, address: str) -> str | None:
        network = parse_network(address)
        at = bisect_right(self._starts, int(network.network_address)) - 1
        if at < 0:
            return None
        candidate = parse_network(self._addresses[at])
        return self._addresses[at] if int(candidate.broadcast_address) >= int(network.broadcast_address) else None

    def within(self, address: str) -> tuple[str, ...]:
        network = parse_network(address)
        first = bisect_right(self._starts, int(network.network_address) - 1)
        return tuple(self._addresses[first : bisect_right(self._starts, int(network.broadcast_address))])
