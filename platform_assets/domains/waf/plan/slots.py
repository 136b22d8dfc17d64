"""The slots of WAF as a budget: due entries of one action and family -> at most as many entries as there are slots.

Pure. Entries covered by another need no slot. Then, as long as slots are lacking: two halves of a network merge, which
adds no other address; a whole network becomes an entry if few enough other addresses are in it; the entries that stop the
fewest requests are left out. shards.py assigns entries to IP sets. Standard library only.

Each plan merges anew from the entries due at its time, so a network is split again when a member expires or slots are
free. A merged entry expires with the first of its members.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network
from itertools import accumulate
from types import MappingProxyType

from platform_assets.domains.waf.decisions import DueEntry, require
from platform_assets.domains.waf.limits import MAX_ADDRESSES
from platform_assets.domains.waf.networks import SPECIAL, Network, Ranges, address_order, parse_network

MAX_SHARDS = 8
"""Each shard is six sets at one WCU per set; more than eight shards exceed the capacity of the rule group."""

NAMED_MEMBERS = 3
"""Members that the reason of a merged entry names; further ones are counted."""


@dataclass(frozen=True)
class Budget:
    """The slots, and how far entries may be merged to fit them; policy.yaml documents each value."""

    capacity: int = MAX_ADDRESSES
    shards: int = 1
    max_collateral_share: float = 0.0
    max_benign_share: float = 0.0
    widest_merge_v4: int = 24
    widest_merge_v6: int = 64

    def __post_init__(self) -> None:
        require(1 <= self.capacity <= MAX_ADDRESSES, f"capacity must be between 1 and {MAX_ADDRESSES}")
        require(1 <= self.shards <= MAX_SHARDS, f"shards must be between 1 and {MAX_SHARDS}")
        require(0 <= self.max_collateral_share < 1, "max_collateral_share must be at least 0 and below 1")
        require(0 <= self.max_benign_share < 1, "max_benign_share must be at least 0 and below 1")
        require(8 <= self.widest_merge_v4 <= 32, "widest_merge_v4 must be a prefix length between 8 and 32")
        require(32 <= self.widest_merge_v6 <= 128, "widest_merge_v6 must be a prefix length between 32 and 128")


@dataclass(frozen=True)
class Exemptions:
    """Addresses that merging must not cover: forbidden ranges never, benign addresses up to a share of the requests."""

    forbidden: Ranges = field(default_factory=lambda: Ranges.of(()))
    benign: Mapping[str, int] = field(default_factory=dict)
    """Address -> its requests."""

    @classmethod
    def of(
        cls,
        allow_list: Iterable[str] = (),
        act_on_special: Iterable[str] = (),
        benign: Mapping[str, int] = MappingProxyType({}),
    ) -> Exemptions:
        """The allow list and the special ranges, except the kinds that a policy acts upon."""
        excepted = frozenset(act_on_special)
        special = (cidr for cidr, kind in SPECIAL if kind not in excepted)
        return cls(Ranges.of((*allow_list, *special)), benign)


@dataclass(frozen=True)
class Merged(DueEntry):
    """An entry for a network, which stands for its members."""

    members: tuple[str, ...] = ()
    unwanted_count: int = 0
    """Addresses in it that belong to no member."""


@dataclass(frozen=True)
class Allotment:
    """The entries that get a slot and those that do not, both ordered by address."""

    entries: tuple[DueEntry, ...]
    left_out: tuple[DueEntry, ...] = ()


@dataclass(frozen=True)
class _Part:
    """A network that becomes an entry: the due entries in it, and the number of addresses that they cover."""

    members: tuple[DueEntry, ...]
    covered: int

    @property
    def request_count(self) -> int:
        return sum(member.request_count for member in self.members)


Key = tuple[int, int]
"""First address and prefix length: a network, within one family."""

Parts = dict[Key, _Part]


def harm_order(entry: DueEntry) -> tuple[float, int, tuple[int, int, int, str]]:
    """Sort key for slots: most harm prevented first, then repeat offenders, then by address."""
    return (-entry.harm, -entry.repetition, address_order(entry.address))


def allot(
    candidates: Iterable[DueEntry],
    slots: int,
    *,
    budget: Budget | None = None,
    exemptions: Exemptions | None = None,
    unmergeable: Iterable[str] = (),
) -> Allotment:
    """At most `slots` entries from the candidates of one action and family, in any order.

    `unmergeable`: addresses that are never merged, such as those that somebody removed by hand.
    """
    budget, exemptions, unmergeable = budget or Budget(), exemptions or Exemptions(), frozenset(unmergeable)
    ordered = sorted(candidates, key=lambda entry: (address_order(entry.address), entry.decision_id))
    single = [entry for entry in ordered if entry.address in unmergeable]
    parts = _outermost([entry for entry in ordered if entry.address not in unmergeable])
    bits = parse_network(ordered[0].address).max_prefixlen if ordered else 32
    lacking = len(parts) + len(single) - max(slots, 0)
    lacking -= _merge_halves(parts, lacking, bits)
    if budget.max_collateral_share > 0:
        _merge_networks(parts, lacking, bits, budget, exemptions, Ranges.of(unmergeable))
    entries = [_entry(key, part, bits) for key, part in parts.items()] + single
    entries.sort(key=harm_order)
    room = max(slots, 0)
    return Allotment(_by_address(entries[:room]), _by_address(entries[room:]))


def _by_address(entries: Iterable[DueEntry]) -> tuple[DueEntry, ...]:
    return tuple(sorted(entries, key=lambda entry: address_order(entry.address)))


def _outermost(due: Sequence[DueEntry]) -> Parts:
    """The entries that no other covers, each with the causes of those it covers. `due` is ordered by address."""
    parts: Parts = {}
    outer: Key = (-1, 0)
    end = -1
    causes: dict[Key, list[str]] = {}
    for entry in due:
        network = parse_network(entry.address)
        start = int(network.network_address)
        if start > end:
            outer, end = (start, network.prefixlen), int(network.broadcast_address)
            parts[outer] = _Part((entry,), network.num_addresses)
        else:
            causes.setdefault(outer, []).extend(entry.causes or (entry.decision_id,))
    for key, others in causes.items():
        (first,) = parts[key].members
        own = first.causes or (first.decision_id,)
        parts[key] = replace(parts[key], members=(replace(first, causes=tuple(dict.fromkeys((*own, *others)))),))
    return parts


def _merge_halves(parts: Parts, lacking: int, bits: int) -> int:
    """Merge pairs of halves, smallest networks and lowest addresses first, until enough slots are free; returns how many."""
    levels: dict[int, set[int]] = {}
    for start, length in parts:
        levels.setdefault(length, set()).add(start)
    merged_count = 0
    for length in range(bits, 1, -1):
        half = 1 << (bits - length)
        present = levels.get(length, set())
        for start in sorted(present):
            if merged_count >= lacking:
                return merged_count
            if start & half or start | half not in present:
                continue
            left, right = parts.pop((start, length)), parts.pop((start | half, length))
            parts[start, length - 1] = _Part((*left.members, *right.members), left.covered + right.covered)
            levels.setdefault(length - 1, set()).add(start)
            merged_count += 1
    return merged_count


def _merge_networks(
    parts: Parts, lacking: int, bits: int, budget: Budget, exemptions: Exemptions, unmergeable: Ranges
) -> None:
    """Merge the entries of whole networks, smallest and fullest first, until enough slots are free."""
    widest = budget.widest_merge_v4 if bits == 32 else budget.widest_merge_v6
    benign_requests = _counter_of_benign(parts, bits, exemptions)
    neighbours = {key for keys in _within(parts, bits, widest).values() if len(keys) > 1 for key in keys}
    for length in range(bits - 1, widest - 1, -1):
        if lacking <= 0:
            return
        size = 1 << (bits - length)
        inside = _within(neighbours, bits, length)
        candidates = []
        for start, keys in inside.items():
            unwanted = size - sum(parts[key].covered for key in keys)
            if len(keys) > 1 and unwanted <= budget.max_collateral_share * size:
                candidates.append((unwanted, start))
        for _, start in sorted(candidates):
            if lacking <= 0:
                return
            merged = [parts[key] for key in sorted(inside[start])]
            whole = _Part(
                tuple(member for part in merged for member in part.members), sum(part.covered for part in merged)
            )
            benign = benign_requests(start, size)
            too_good = benign > budget.max_benign_share * (benign + whole.request_count)
            network = _network((start, length), bits)
            if too_good or exemptions.forbidden.overlaps(network) or unmergeable.overlaps(network):
                continue
            for key in inside[start]:
                del parts[key]
                neighbours.remove(key)
            parts[start, length] = whole
            neighbours.add((start, length))
            lacking -= len(merged) - 1


def _within(keys: Iterable[Key], bits: int, length: int) -> dict[int, list[Key]]:
    """First address of each network of a prefix length -> the keys of smaller networks in it."""
    size = 1 << (bits - length)
    keys_by_network: dict[int, list[Key]] = {}
    for key in keys:
        if key[1] > length:
            keys_by_network.setdefault(key[0] & -size, []).append(key)
    return keys_by_network


def _counter_of_benign(parts: Parts, bits: int, exemptions: Exemptions) -> Callable[[int, int], int]:
    """A function of first address and size: the requests of benign addresses in this range that are not due themselves."""
    covered = sorted((start, start + (1 << (bits - length)) - 1) for start, length in parts)
    starts = [start for start, _ in covered]
    counts: dict[int, int] = {}
    for text, requests in exemptions.benign.items():
        network = parse_network(text)
        if network.max_prefixlen != bits:
            continue
        first = int(network.network_address)
        at = bisect_right(starts, first) - 1
        if at < 0 or covered[at][1] < first:
            counts[first] = counts.get(first, 0) + requests
    addresses = sorted(counts)
    sums = [0, *accumulate(counts[address] for address in addresses)]
    return lambda first, size: sums[bisect_left(addresses, first + size)] - sums[bisect_left(addresses, first)]


def _network(key: Key, bits: int) -> Network:
    return IPv4Network(key) if bits == 32 else IPv6Network(key)


def _entry(key: Key, part: _Part, bits: int) -> DueEntry:
    """The entry of a part: its only member, or a merged entry for several."""
    if len(part.members) == 1:
        return part.members[0]
    worst, *_ = sorted(part.members, key=harm_order)
    requests = sum(max(member.request_count, 1) for member in part.members)
    members = tuple(member.address for member in part.members)
    unwanted = (1 << (bits - key[1])) - part.covered
    return Merged(
        address=str(_network(key, bits)),
        action=worst.action,
        reason=_reason(members, unwanted, part.covered, worst.reason),
        decision_id=worst.decision_id,
        expires_at=min(member.expires_at for member in part.members),
        score=sum(member.harm for member in part.members) / requests,
        request_count=requests,
        evidence_count=sum(member.evidence_count for member in part.members),
        repetition=max(member.repetition for member in part.members),
        abuse_kind=worst.abuse_kind,
        model_name=worst.model_name,
        model_version=worst.model_version,
        causes=tuple(
            dict.fromkeys(cause for member in part.members for cause in member.causes or (member.decision_id,))
        ),
        members=members,
        unwanted_count=unwanted,
    )


def _reason(members: Sequence[str], unwanted: int, covered: int, worst_reason: str) -> str:
    named = ", ".join(members[:NAMED_MEMBERS])
    more = f" and {len(members) - NAMED_MEMBERS} more" if len(members) > NAMED_MEMBERS else ""
    others = f"with {unwanted} of {unwanted + covered} addresses besides" if unwanted else "with no address besides"
    return f"merged for want of slots, {others}: {named}{more}; the worst of them: {worst_reason}"
