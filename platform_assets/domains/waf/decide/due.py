"""Unexpired decisions -> what is due by the wall clock: the strongest on each address. Pure; standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.decisions import Decision, Row, Wanted, rank
from platform_assets.domains.waf.networks import (
    Ranges,
    address_order,
    parse_network,
    special_ranges,
)


def by_address(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    found: dict[str, dict[str, Decision]] = {}
    for one in decisions:
        found.setdefault(one.address, {})[one.decision_id] = one
    return {
        address: sorted(ones.values(), key=lambda one: (one.decided_at, one.decision_id))
        for address, ones in found.items()
    }


def wanted(
    decisions: Iterable[Decision | Row],
    now: datetime,
    allow_list: Iterable[str] = (),
    *,
    act_on_special: Iterable[str] = (),
) -> list[Wanted]:
    """The strongest unexpired decision on each address at `now` (wall clock), sorted by address.

    The allow list counts here too, so that allowing an address takes effect on decisions already made.
    """
    at = as_utc(now)
    protected, special = Ranges.of(allow_list), special_ranges(act_on_special)
    known = (one if isinstance(one, Decision) else Decision.from_row(one) for one in decisions)
    alive = [one for one in known if one.expires_at > at]
    entries = []
    for address, ones in by_address(alive).items():
        network = parse_network(address)
        if protected.overlaps(network) or special.overlaps(network):
            continue
        entries.append(_strongest(ones))
    return sorted(entries, key=lambda entry: address_order(entry.address))


def _strongest(decisions: Sequence[Decision]) -> Wanted:
    ordered = sorted(decisions, key=lambda one: (-rank(one.action), -one.expires_at.timestamp(), one.decision_id))
    first = ordered[0]
    shared: dict[str, Any] = {name: getattr(first, name) for name in Wanted.__dataclass_fields__ if name != "causes"}
    return Wanted(**shared, causes=tuple(one.decision_id for one in ordered))
