"""Checks on the changes of a plan. Each returns whether it passed, one sentence, and its figures. Pure."""

from __future__ import annotations

from typing import Any

from platform_assets.actions.checks import Finding
from platform_assets.domains.waf.checks.bounds import Bounds
from platform_assets.domains.waf.checks.context import CheckInputs
from platform_assets.domains.waf.networks import Ranges, family, parse_network, special_ranges
from platform_assets.domains.waf.plan.coverage import Change, applied_count, gained, lost
from platform_assets.domains.waf.plan.values import Plan


def check_protected(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    allowed, special = Ranges.of(inputs.allow_list), special_ranges(inputs.act_on_special)
    touched = []
    for entry in plan.entries:
        if entry.operation in ("foreign", "remove", "overflow", "drift"):
            continue
        network = parse_network(entry.address)
        if allowed.overlaps(network) or special.overlaps(network):
            touched.append(entry.address)
    figures = {"overlapping_count": len(touched), "overlapping": touched[:20]}
    if touched:
        return (
            False,
            f"{len(touched)} entries overlap the allow list or a special-purpose range, the first is {touched[0]}; withdraw them.",
            figures,
        )
    return True, "No entry overlaps the allow list or a special-purpose range.", figures


def check_new_blocks(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    new = sum(change.entry.action == "block" for change in gained(plan))
    figures = {"new_block_count": new, "bound": bounds.max_new_blocks}
    if new > bounds.max_new_blocks:
        return (
            False,
            f"The plan adds {new} block entries where {bounds.max_new_blocks} are the bound; look at the plan, then raise max_new_blocks or override the check.",
            figures,
        )
    return True, f"The plan adds {new} block entries; the bound is {bounds.max_new_blocks}.", figures


def check_churn(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    early = len(removed_early(plan, inputs))
    changed = len(gained(plan)) + early
    base = applied_count(plan)
    figures: dict[str, Any] = {"changed_count": changed, "applied_count": base, "bound": bounds.max_churn_share}
    if base < max(bounds.min_entries_for_churn, 1):
        return (
            True,
            f"{base} entries were applied last, too few to judge the change by ({bounds.min_entries_for_churn}).",
            figures,
        )
    share = changed / base
    figures["churn_share"] = round(share, 4)
    summary = f"The plan changes {changed} entries, expiries and what people took out apart, where {base} were applied last ({share:.0%}"
    if share > bounds.max_churn_share:
        return (
            False,
            f"{summary}, the bound is {bounds.max_churn_share:.0%}); look at the plan, then override the check.",
            figures,
        )
    return True, f"{summary}).", figures


def check_vanished(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    allowed = Ranges.of(inputs.allow_list)
    vanished = [change for change in removed_early(plan, inputs) if not allowed.overlaps(parse_network(change.address))]
    wanted = sum(len(set_plan.wanted) for set_plan in plan.sets)
    figures = {"wanted_count": wanted, "vanished_count": len(vanished)}
    if wanted == 0 and vanished:
        return (
            False,
            f"There are no decisions any more although {len(vanished)} entries have not expired; nothing is withdrawn until that is explained.",
            figures,
        )
    return True, f"{wanted} entries are wanted.", figures


def removed_early(plan: Plan, inputs: CheckInputs) -> list[Change]:
    """Addresses removed before they expire without a request."""
    return [change for change in uncovered(plan, inputs) if not has_expired(plan, change)]


def uncovered(plan: Plan, inputs: CheckInputs) -> list[Change]:
    """Addresses that are no longer covered, without a request."""
    requested = inputs.requested_removals
    return [
        change
        for change in lost(plan)
        if (change.address, change.entry.action) not in requested
        and (change.entry.address, change.entry.action) not in requested
    ]


def has_expired(plan: Plan, change: Change) -> bool:
    return change.entry.expires_at is not None and change.entry.expires_at <= plan.planned_at


def check_families(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    added = {"IPV4": 0, "IPV6": 0}
    existing = {"IPV4": 0, "IPV6": 0}
    for change in gained(plan):
        added[family(change.address)] += 1
    for set_plan in plan.sets:
        existing[set_plan.family] += set_plan.count("keep") + set_plan.count("extend") + set_plan.count("remove")
    figures: dict[str, Any] = {
        "added_v4": added["IPV4"],
        "added_v6": added["IPV6"],
        "held_v4": existing["IPV4"],
        "held_v6": existing["IPV6"],
    }
    total, before = sum(added.values()), sum(existing.values())
    if min(total, before) < max(bounds.min_entries_for_skew, 1):
        return (
            True,
            f"{total} additions to {before} entries are too few to judge their families by ({bounds.min_entries_for_skew}).",
            figures,
        )
    for name, count in added.items():
        share, usual = count / total, existing[name] / before
        if share > bounds.max_family_share and usual < 0.9 * bounds.max_family_share:
            return (
                False,
                f"{share:.0%} of the additions are {name} where {usual:.0%} of the entries are; look at how addresses are parsed, then override the check.",
                figures,
            )
    return True, f"The plan adds {added['IPV4']} IPv4 and {added['IPV6']} IPv6 entries.", figures


def check_fits(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    full = {set_plan.name: set_plan.left_out for set_plan in plan.sets if set_plan.left_out}
    if full:
        named = ", ".join(f"{name} {count}" for name, count in full.items())
        return (
            False,
            f"Entries did not fit ({named}); those expected to stop most are in, raise thresholds or shorten durations.",
            {"left_out": full},
        )
    return True, "Every wanted entry has a slot.", {"left_out": {}}
