"""Unexpired decisions -> the entries due by the wall clock: the strongest on each address. Pure; standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.decisions import Decision, DueEntry, Row, rank
from platform_assets.domains.waf.networks import (
    Ranges,
    address_order,
    parse_network,
    special_ranges,
)


def by_address(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    """Address -> its decisions, each once, oldest first."""
    by_id: dict[str, dict[str, Decision]] = {}
    for decision in decisions:
        by_id.setdefault(decision.address, {})[decision.decision_id] = decision
    return {
        address: sorted(decisions_of_address.values(), key=lambda decision: (decision.decided_at, decision.decision_id))
        for address, decisions_of_address in by_id.items()
    }


def due_entries(
    decisions: Iterable[Decision | Row],
    now: datetime,
    allow_list: Iterable[str] = (),
    *,
    act_on_special: Iterable[str] = (),
) -> list[DueEntry]:
    """The strongest unexpired decision on each address at `now` (wall clock), sorted by address.

    The allow list applies here too, so that allowing an address also affects earlier decisions.
    """
    at = as_utc(now)
    protected, special = Ranges.of(allow_list), special_ranges(act_on_special)
    parsed = (row if isinstance(row, Decision) else Decision.from_row(row) for row in decisions)
    unexpired = [decision for decision in parsed if decision.expires_at > at]
    entries = []
    for address, decisions_of_address in by_address(unexpired).items():
        network = parse_network(address)
        if protected.overlaps(network) or special.overlaps(network):
            continue
        entries.append(_strongest(decisions_of_address))
    return sorted(entries, key=lambda entry: address_order(entry.address))


def _strongest(decisions: Sequence[Decision]) -> DueEntry:
    ordered = sorted(
        decisions, key=lambda decision: (-rank(decision.action), -decision.expires_at.timestamp(), decision.decision_id)
    )
    first = ordered[0]
    shared: dict[str, Any] = {name: getattr(first, name) for name in DueEntry.__dataclass_fields__ if name != "causes"}
    return DueEntry(**shared, causes=tuple(decision.decision_id for decision in ordered))
