"""Unexpired decisions -> the entries due by the wall clock: the strongest on each address. Pure; standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.decisions import MANUAL, Decision, DueEntry, Row, rank
from platform_assets.domains.waf.networks import (
    Ranges,
    address_order,
    parse_network,
    special_ranges,
)
from platform_assets.domains.waf.rulebook import Networks, Rules


def by_address(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    """Address -> its decisions, each once, oldest first. Of several with one id the longest stays, in whatever order they come."""
    by_id: dict[str, dict[str, Decision]] = {}
    for decision in decisions:
        of_address = by_id.setdefault(decision.address, {})
        former = of_address.setdefault(decision.decision_id, decision)
        if former is not decision:
            of_address[decision.decision_id] = max(former, decision, key=_length)
    return {
        address: sorted(decisions_of_address.values(), key=lambda decision: (decision.decided_at, decision.decision_id))
        for address, decisions_of_address in by_id.items()
    }


def _length(decision: Decision) -> tuple[datetime, str]:
    return decision.expires_at, repr(decision)


def due_entries(
    decisions: Iterable[Decision | Row],
    now: datetime,
    allow_list: Iterable[str] = (),
    *,
    rules: Rules | None = None,
    bounds: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> list[DueEntry]:
    """The strongest unexpired decision on each address at `now` (wall clock), sorted by address.

    The allow list and the bounds of the rules (at_most of all, of kinds and of networks) apply here too, so that they
    also affect earlier decisions; without rules, nothing is bounded. Blocks by people are not. `bounds`: decision id ->
    strongest action and why, from former.py.
    """
    rules = rules or Rules(networks=Networks(at_most="block"))
    at = as_utc(now)
    protected, special = Ranges.of(allow_list), special_ranges(rules.act_on_special)
    parsed = (row if isinstance(row, Decision) else Decision.from_row(row) for row in decisions)
    unexpired = [decision for decision in parsed if decision.expires_at > at]
    entries = []
    for address, decisions_of_address in by_address(unexpired).items():
        network = parse_network(address)
        if protected.overlaps(network) or special.overlaps(network):
            continue
        bounded = [bounded for decision in decisions_of_address if (bounded := _bounded(decision, rules, bounds))]
        if bounded:
            entries.append(_strongest(bounded))
    return sorted(entries, key=lambda entry: address_order(entry.address))


def _bounded(decision: Decision, rules: Rules, bounds: Mapping[str, tuple[str, str]]) -> Decision | None:
    """The decision with the strongest action that the rules still allow; None where they allow none."""
    if decision.model_name == MANUAL:
        return decision
    allowed, why = rules.strongest(decision.abuse_kind, decision.client_kind == "network"), ""
    bound, its_why = bounds.get(decision.decision_id, (allowed, ""))
    if rank(bound) < rank(allowed):
        allowed, why = bound, f": {its_why}"
    if allowed == "none":
        return None
    if rank(decision.action) <= rank(allowed):
        return decision
    reason = f"{decision.reason}; {decision.action} was decided, the policy allows {allowed} at most now{why}"
    return replace(decision, action=allowed, reason=reason)


def _strongest(decisions: Sequence[Decision]) -> DueEntry:
    ordered = sorted(
        decisions, key=lambda decision: (-rank(decision.action), -decision.expires_at.timestamp(), decision.decision_id)
    )
    first = ordered[0]
    shared: dict[str, Any] = {name: getattr(first, name) for name in DueEntry.__dataclass_fields__ if name != "causes"}
    return DueEntry(**shared, causes=tuple(decision.decision_id for decision in ordered))
