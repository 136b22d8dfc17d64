"""Assigns the entries of one action and family to their IP sets, with why entries leave one set for another.

Pure. What is an entry at all is slots.py's. An entry stays where it is as long as it is wanted, and what takes an entry's
place goes to the same set where there is room, because one update of one set leaves nothing uncovered. Standard library only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from platform_assets.domains.waf.decisions import Wanted
from platform_assets.domains.waf.networks import Ranges, address_order, parse_network
from platform_assets.domains.waf.plan.slots import Allotment, harm_order


@dataclass(frozen=True)
class Shard:
    """The entries of one IP set, and why entries of ours leave it although they are still due in another form."""

    entries: tuple[Wanted, ...]
    replaced: Mapping[str, str]
    takers: frozenset[str] = frozenset()
    """Other sets that take over some of its entries; they must be written first."""


def assign(allotment: Allotment, rooms: Mapping[str, int], ours: Mapping[str, Collection[str]]) -> dict[str, Shard]:
    """IP set -> its part. `rooms`: free slots of the sets that may be used, in order. `ours`: our entries of all sets.

    Entries that were left out go to the first set, which shows them as not fitting.
    """
    place = _places(allotment.entries, rooms, ours)
    first = next(iter(rooms))
    parts: dict[str, list[Wanted]] = {name: [] for name in ours}
    for one in allotment.entries:
        parts[place[one.address]].append(one)
    parts[first].extend(allotment.left_out)
    kept, out = _Lookup(allotment.entries), _Lookup(allotment.left_out)
    shards = {}
    for name, entries in parts.items():
        here = {one.address for one in entries}
        replaced: dict[str, str] = {}
        takers: set[str] = set()
        for address in sorted(set(ours[name]) - here, key=address_order):
            why, heirs = _why_replaced(address, name, place, kept, out)
            if why:
                replaced[address] = why
            takers |= {place[heir] for heir in heirs}
        shards[name] = Shard(tuple(entries), replaced, frozenset(takers - {name}))
    return shards


def writing_order(shards: Mapping[str, Shard]) -> list[str]:
    """The sets so that takers come before those who give; where sets exchange entries one of them has to be first."""
    waiting = list(shards)
    order: list[str] = []
    while waiting:
        ready = [name for name in waiting if shards[name].takers <= set(order)]
        order.append((ready or waiting)[0])
        waiting.remove(order[-1])
    return order


def _places(entries: Iterable[Wanted], rooms: Mapping[str, int], ours: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Address -> IP set."""
    free = dict(rooms)
    place: dict[str, str] = {}
    new: list[Wanted] = []
    for one in sorted(entries, key=harm_order):
        home = next((name for name in free if free[name] > 0 and one.address in ours[name]), None)
        if home is None:
            new.append(one)
            continue
        place[one.address] = home
        free[home] -= 1
    left = {name: Ranges.of(set(ours[name]) - place.keys()) for name in free}

    def heirs_first(one: Wanted) -> bool:
        return not any(ranges.overlaps(parse_network(one.address)) for ranges in left.values())

    for one in sorted(new, key=heirs_first):
        network = parse_network(one.address)
        preferred = sorted(free, key=lambda name: not left[name].overlaps(network))
        name = next((name for name in preferred if free[name] > 0), next(iter(free)))
        place[one.address] = name
        free[name] -= 1
    return place


def _why_replaced(
    address: str, name: str, place: Mapping[str, str], kept: _Lookup, out: _Lookup
) -> tuple[str, tuple[str, ...]]:
    """Why an entry leaves its set although it is still due in another form, and the entries that take its place."""
    if covering := kept.covering(address):
        where = "" if place[covering] == name else f" in {place[covering]}"
        reason = f"moved to {place[covering]}" if covering == address else f"{covering}{where} covers it"
        return reason, (covering,)
    if covering := out.covering(address):
        return f"made room as part of {covering}, which does not fit", ()
    if within := kept.within(address):
        return (
            f"split, because not all of it is due any more or there is room again: {len(within)} entries of it stay",
            within,
        )
    return "", ()


class _Lookup:
    """Entries by what they cover."""

    def __init__(self, entries: Iterable[Wanted]) -> None:
        self._addresses = sorted((one.address for one in entries), key=address_order)
        self._starts = [int(parse_network(one).network_address) for one in self._addresses]

    def covering(self, address: str) -> str | None:
        network = parse_network(address)
        at = bisect_right(self._starts, int(network.network_address)) - 1
        if at < 0:
            return None
        found = parse_network(self._addresses[at])
        return self._addresses[at] if int(found.broadcast_address) >= int(network.broadcast_address) else None

    def within(self, address: str) -> tuple[str, ...]:
        network = parse_network(address)
        first = bisect_right(self._starts, int(network.network_address) - 1)
        return tuple(self._addresses[first : bisect_right(self._starts, int(network.broadcast_address))])
