"""New entries beyond a bound of the checks: the worst are applied up to it, the others wait. Pure.

Somebody who attacks with many addresses must not keep WAF from being changed, neither for himself nor for others. An entry
waits until a later plan has room for it, the worst first, or a person overrides the check `nothing_waits` or that of a bound.
Networks are counted, not addresses: whoever has one address of a /48 or /24 may have all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from platform_assets.domains.waf.checks.bounds import Bounds
from platform_assets.domains.waf.checks.changes import (
    CHURN,
    EXPLOSION,
    FAMILIES,
    NEW_BLOCKS,
    WAITING,
    live_by_family,
    removed_early,
)
from platform_assets.domains.waf.checks.context import CheckInputs
from platform_assets.domains.waf.checks.evidence import has_exploded
from platform_assets.domains.waf.decisions import MANUAL, DueEntry, rank
from platform_assets.domains.waf.networks import Network, address_order, counted_network, family
from platform_assets.domains.waf.plan.coverage import Change, applied_count, gained
from platform_assets.domains.waf.plan.entries import TAKEN_UP, Entry
from platform_assets.domains.waf.plan.values import Plan
from spark_jobs.wording import counted

EntryKey = tuple[str, str]
"""Address and action."""
Removals = Mapping[EntryKey, str]
"""Removals that people requested -> their reasons."""


@dataclass(frozen=True)
class _Group:
    """The additions of one action in one network."""

    network: Network
    action: str
    keys: tuple[EntryKey, ...]
    harm: float
    is_manual: bool
    attack_request_count: int
    """Attack requests of the addresses within 24 hours."""

    @property
    def order(self) -> tuple[bool, int, float, tuple[int, int, int, str]]:
        """What people ask for first, then the strongest, then the worst."""
        return (not self.is_manual, -rank(self.action), -self.harm, address_order(str(self.network)))


def within_bounds(
    due: Sequence[DueEntry],
    planned: Callable[[Sequence[DueEntry]], tuple[Plan, Removals]],
    inputs: CheckInputs,
    bounds: Bounds,
) -> tuple[Plan, Removals]:
    """The plan of the due entries within the bounds on additions, with the others as entries that wait.

    `planned`: due entries -> their plan, and the removals that people requested.
    """
    waiting: dict[EntryKey, tuple[str, Entry]] = {}
    while True:
        plan, removals = planned(_without(due, waiting))
        too_many = _too_many(plan, due, replace(inputs, requested_removals=removals), bounds)
        if not too_many:
            return _with_waiting(_with_taken_up(plan, inputs.waiting), waiting), removals
        for change in gained(plan):
            key = (change.address, change.entry.action)
            if key in too_many:
                waiting[key] = (_weaker(plan, change), _entry(change, due, too_many[key]))


def _too_many(plan: Plan, due: Sequence[DueEntry], inputs: CheckInputs, bounds: Bounds) -> dict[EntryKey, str]:
    """The additions that have to wait -> why."""
    if WAITING in inputs.overrides:
        return {}
    new = _groups(gained(plan), due)
    waiting: dict[EntryKey, str] = {}

    def keep(groups: Iterable[_Group], count: int, why: str) -> None:
        beyond = sorted(groups, key=lambda group: group.order)[max(count, 0) :]
        for group in beyond:
            if not group.is_manual:
                waiting.update(dict.fromkeys(group.keys, why))
                new.remove(group)

    if has_exploded(inputs, bounds) and EXPLOSION not in inputs.overrides:
        unproven = [group for group in new if group.action == "challenge" and not group.attack_request_count]
        keep(unproven, 0, "requests exploded, and it attacked nothing")
    if NEW_BLOCKS not in inputs.overrides:
        blocks = [group for group in new if group.action == "block"]
        keep(blocks, bounds.max_new_blocks, f"the plan may add blocks in {counted(bounds.max_new_blocks, 'network')}")
    base = applied_count(plan)
    if CHURN not in inputs.overrides and base >= max(bounds.min_entries_for_churn, 1):
        room = int(bounds.max_churn_share * base) - len(removed_early(plan, inputs))
        if room >= 0:  # otherwise what leaves stops the plan
            keep(new, room, f"the plan may change {bounds.max_churn_share:.0%} of the {base} entries applied last")
    before = live_by_family(plan)
    is_judged = sum(before.values()) >= max(bounds.min_entries_for_skew, 1) and bounds.max_family_share < 1
    if FAMILIES not in inputs.overrides and is_judged:
        for name, live in before.items():
            own = [group for group in new if family(str(group.network)) == name]
            others = len(new) - len(own)
            if live < 0.9 * bounds.max_family_share * sum(before.values()):
                times = bounds.max_family_share / (1 - bounds.max_family_share)
                count = max(bounds.min_entries_for_skew - 1 - others, int(times * others))
                keep(own, count, f"nearly all that the plan adds is {name}")
    return waiting


def _groups(changes: Iterable[Change], due: Sequence[DueEntry]) -> list[_Group]:
    by_key = {(entry.address, entry.action): entry for entry in due}
    members: dict[tuple[Network, str, bool], list[DueEntry]] = defaultdict(list)
    for change in changes:
        entry = by_key.get((change.address, change.entry.action))
        if entry is not None:
            members[counted_network(entry.address), entry.action, entry.model_name == MANUAL].append(entry)
    return [
        _Group(
            network,
            action,
            tuple((entry.address, entry.action) for entry in entries),
            sum(entry.harm for entry in entries),
            is_manual,
            sum(entry.attack_request_count for entry in entries),
        )
        for (network, action, is_manual), entries in members.items()
    ]


def _weaker(plan: Plan, change: Change) -> str:
    """The action of a weaker entry of ours that the plan takes out because of the change; empty where there is none."""
    replaced = (entry for entry in plan.entries if (entry.operation, entry.address) == ("remove", change.address))
    return next((entry.action for entry in replaced if rank(entry.action) < rank(change.entry.action)), "")


def _without(due: Sequence[DueEntry], waiting: Mapping[EntryKey, tuple[str, Entry]]) -> list[DueEntry]:
    """The due entries without those that wait; where one has a weaker entry in WAF, that stays."""
    kept = []
    for entry in due:
        key = (entry.address, entry.action)
        weaker = waiting[key][0] if key in waiting else entry.action
        if weaker:
            kept.append(entry if weaker == entry.action else replace(entry, action=weaker))
    return kept


def _entry(change: Change, due: Sequence[DueEntry], why: str) -> Entry:
    entry = next(e for e in due if (e.address, e.action) == (change.address, change.entry.action))
    reason = f"waits for room or a person: {why}; {entry.reason}"
    return Entry(change.entry.ip_set, entry.address, "wait", entry.action, reason, entry.decision_id, entry.expires_at)


def _with_taken_up(plan: Plan, remembered: Collection[EntryKey]) -> Plan:
    """The plan with, in the reason of each addition that waited before, that it did."""
    if not remembered:
        return plan
    sets = []
    for set_plan in plan.sets:
        entries = []
        for entry in set_plan.entries:
            keys = {(address, entry.action) for address in (entry.members or (entry.address,))}
            is_taken_up = entry.operation in ("add", "restore") and not keys.isdisjoint(remembered)
            entries.append(replace(entry, reason=f"{TAKEN_UP}; {entry.reason}") if is_taken_up else entry)
        sets.append(replace(set_plan, entries=tuple(entries)))
    return replace(plan, sets=tuple(sets))


def _with_waiting(plan: Plan, waiting: Mapping[EntryKey, tuple[str, Entry]]) -> Plan:
    entries: dict[str, list[Entry]] = defaultdict(list)
    for _, entry in waiting.values():
        entries[entry.ip_set].append(entry)
    sets = tuple(
        replace(
            set_plan,
            entries=tuple(
                sorted((*set_plan.entries, *entries[set_plan.name]), key=lambda entry: address_order(entry.address))
            ),
        )
        for set_plan in plan.sets
    )
    return replace(plan, sets=sets)
