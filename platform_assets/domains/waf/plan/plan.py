"""Due entries, live sets and the last apply -> a plan: the three-way difference of every IP set.

Pure: no call, no clock, no file. decide/due.py has the due entries, merge.py plans one set, checks/ decides whether a plan
may be applied. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.apply.applied import Applied
from platform_assets.domains.waf.decisions import ACTIONS, DueEntry
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.limits import FAMILIES, check_name
from platform_assets.domains.waf.networks import canonical, family
from platform_assets.domains.waf.plan.merge import merge
from platform_assets.domains.waf.plan.shards import Shard, assign, writing_order
from platform_assets.domains.waf.plan.slots import MAX_SHARDS, Budget, Exemptions, allot
from platform_assets.domains.waf.plan.values import LiveSet, Plan, SetSpec
from platform_assets.domains.waf.scopes import CLOUDFRONT, Scope


def set_name(prefix: str, action: str, family_name: str, shard: int = 1) -> str:
    """`weir-block-v4`, and `weir-block-v4-2` for the second of them."""
    base = f"{prefix}-{action}-{'v4' if family_name == 'IPV4' else 'v6'}"
    return base if shard == 1 else f"{base}-{shard}"


def set_names(prefix: str, shards: int = 1) -> tuple[tuple[str, str, str], ...]:
    """(name, action, family) of every IP set of ours, strongest action first: an escalation adds before it removes."""
    return tuple(
        (set_name(prefix, action, family_name, shard), action, family_name)
        for action in reversed(ACTIONS)
        for family_name in FAMILIES
        for shard in range(1, shards + 1)
    )


@dataclass(frozen=True)
class PlanOptions:
    """The target of a plan, and how it fills the slots."""

    prefix: str = "weir"
    scope: Scope = CLOUDFRONT
    restore_removed: bool = True
    budget: Budget = field(default_factory=Budget)
    exemptions: Exemptions = field(default_factory=Exemptions)


def plan(
    due: Iterable[DueEntry],
    live: Mapping[str, LiveSet],
    last_applied: Applied,
    *,
    now: datetime,
    options: PlanOptions | None = None,
) -> Plan:
    """The three-way difference per IP set. `live`: `read_sets()`, by name; `last_applied`: the store's `load()`.

    Further sets are filled only if they exist: installing creates them and adds them to the rule group.
    """
    options = options or PlanOptions()
    groups: dict[tuple[str, str], list[DueEntry]] = {}
    for entry in due:
        groups.setdefault((entry.action, family(entry.address)), []).append(entry)
    sets = []
    for _, action, family_name in set_names(options.prefix):
        usable, existing = _names(action, family_name, live, options)
        shards = _shards(groups.get((action, family_name), ()), usable, existing, live, last_applied, options)
        for name in writing_order(shards):
            live_set = live.get(name)
            sets.append(
                merge(
                    SetSpec(name, action, family_name, options.restore_removed, options.budget.capacity),
                    due=shards[name].entries,
                    applied=last_applied.of(name),
                    set_id="" if live_set is None else live_set.id,
                    live=() if live_set is None else live_set.addresses,
                    replaced=shards[name].replaced,
                )
            )
    return Plan(options.scope, options.prefix, as_utc(now), last_applied.serial, tuple(sets))


def _names(
    action: str, family_name: str, live: Mapping[str, LiveSet], options: PlanOptions
) -> tuple[list[str], list[str]]:
    """The IP sets of one action and family that may be filled, and all that exist or may be filled."""
    names = [set_name(options.prefix, action, family_name, shard) for shard in range(1, MAX_SHARDS + 1)]
    usable = [name for at, name in enumerate(names) if at == 0 or (at < options.budget.shards and name in live)]
    existing = [name for name in names if name in usable or name in live]
    for name in existing:
        check_name(name)
        live_set = live.get(name)
        if live_set is not None and live_set.family != family_name:
            raise WafError(
                f"The IP set {name} exists with {live_set.family} instead of {family_name}; rename it or choose another WEIR_WAF_PREFIX."
            )
    return usable, existing


def _shards(
    due: Sequence[DueEntry],
    usable: Sequence[str],
    existing: Sequence[str],
    live: Mapping[str, LiveSet],
    last_applied: Applied,
    options: PlanOptions,
) -> dict[str, Shard]:
    """The IP sets of one action and family with the entries of each.

    Entries added by hand take slots, but need none of ours. Entries removed by hand, where the policy respects that, are
    never merged.
    """
    present, ours, foreign, removed_by_hand = {}, {}, {}, set()
    for name in existing:
        live_set = live.get(name)
        applied = last_applied.of(name).for_set("" if live_set is None else live_set.id)
        present[name] = {canonical(address) for address in live_set.addresses} if live_set is not None else set()
        ours[name] = applied.owned.keys() | (applied.pending.keys() & present[name])
        foreign[name] = present[name] - ours[name]
        removed_by_hand |= set() if options.restore_removed else applied.owned.keys() - present[name]
    by_hand = {entry.address: name for name in reversed(existing) for entry in due if entry.address in foreign[name]}
    free_slots = {name: options.budget.capacity - len(foreign[name]) for name in usable}
    slots = sum(max(room, 0) for room in free_slots.values())
    allotment = allot(
        (entry for entry in due if entry.address not in by_hand),
        slots,
        budget=options.budget,
        exemptions=options.exemptions,
        unmergeable=removed_by_hand,
    )
    shards = assign(allotment, free_slots, ours)
    for entry in due:
        if entry.address in by_hand:
            name = by_hand[entry.address]
            shards[name] = replace(shards[name], entries=(*shards[name].entries, entry))
    return shards
