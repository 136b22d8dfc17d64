"""Checks on the changes of a plan. Each returns whether it passed, one sentence, and its figures. Pure."""

from __future__ import annotations

from typing import Any

from platform_assets.actions.checks import Finding
from platform_assets.domains.waf.checks.bounds import Bounds
from platform_assets.domains.waf.checks.context import CheckInputs
from platform_assets.domains.waf.limits import FAMILIES as FAMILY_NAMES
from platform_assets.domains.waf.networks import Ranges, family, parse_network, special_ranges
from platform_assets.domains.waf.plan.coverage import BEFORE, Change, applied_count, gained, lost, network_count
from platform_assets.domains.waf.plan.entries import APPLY_WAITING, TAKEN_UP
from platform_assets.domains.waf.plan.values import Plan
from spark_jobs.wording import counted

NEW_BLOCKS, CHURN, FAMILIES = "plan_adds_a_bounded_number", "plan_changes_a_bounded_share", "families_are_balanced"
WAITING = "nothing_waits"
EXPLOSION = "volume_did_not_explode"


def check_protected(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    allowed, special = Ranges.of(inputs.allow_list), special_ranges(inputs.act_on_special)
    touched = []
    for entry in plan.entries:
        if entry.operation in ("foreign", "remove", "overflow", "drift", "wait"):
            continue
        network = parse_network(entry.address)
        if allowed.overlaps(network) or special.overlaps(network):
            touched.append(entry.address)
    figures = {"overlapping_count": len(touched), "overlapping": touched[:20]}
    if touched:
        return (
            False,
            f"{counted(len(touched), 'entry overlaps', 'entries overlap')} the allow list or a special-purpose range, the first is {touched[0]}; withdraw them.",
            figures,
        )
    return True, "No entry overlaps the allow list or a special-purpose range.", figures


def check_new_blocks(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    blocks = [change for change in gained(plan) if change.entry.action == "block"]
    new, networks = len(blocks), network_count(blocks)
    figures = {"new_block_count": new, "new_network_count": networks, "bound": bounds.max_new_blocks}
    summary = f"The plan adds {counted(new, 'block entry', 'block entries')} in {counted(networks, 'network')}"
    if networks > bounds.max_new_blocks:
        return (
            False,
            f"{summary} where {bounds.max_new_blocks} are the bound; look at the plan, then raise max_new_blocks or override the check.",
            figures,
        )
    return True, f"{summary}; the bound is {bounds.max_new_blocks}.", figures


def check_waiting(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    waiting = [entry for entry in plan.entries if entry.operation == "wait"]
    taken_up = sum(entry.operation != "wait" and entry.reason.startswith(TAKEN_UP) for entry in plan.entries)
    figures = {
        "waiting_count": len(waiting),
        "waiting": [entry.address for entry in waiting[:20]],
        "taken_up_count": taken_up,
    }
    also = f"{taken_up} that waited {'has' if taken_up == 1 else 'have'} room now"
    if waiting:
        return (
            False,
            f"{counted(len(waiting), 'new entry is', 'new entries are')} beyond the bounds and wait, {waiting[0].address} first{f', and {also}' if taken_up else ''}; later plans apply them, the worst first, as far as they have room: look at them, then apply them with `{APPLY_WAITING}` or withdraw them.",
            figures,
        )
    return True, f"No new entry waits{f'; {also}' if taken_up else ''}.", figures


def check_churn(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    early = len(removed_early(plan, inputs))
    added = () if WAITING in inputs.overrides else gained(plan)
    changed = network_count(added) + early
    base = applied_count(plan)
    figures: dict[str, Any] = {"changed_count": changed, "applied_count": base, "bound": bounds.max_churn_share}
    if base < max(bounds.min_entries_for_churn, 1):
        return (
            True,
            f"{counted(base, 'entry was', 'entries were')} applied last, too few to judge the change by ({bounds.min_entries_for_churn}).",
            figures,
        )
    share = changed / base
    figures["churn_share"] = round(share, 4)
    summary = f"The plan changes {counted(changed, 'network or entry', 'networks and entries')}, expiries and what people took out apart, where {base} had been applied before ({share:.0%}"
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
            f"There are no decisions any more although {counted(len(vanished), 'entry has', 'entries have')} not expired; nothing is withdrawn until that is explained.",
            figures,
        )
    return True, f"{counted(wanted, 'entry is', 'entries are')} wanted.", figures


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
    new = gained(plan)
    added = {name: network_count([change for change in new if family(change.address) == name]) for name in FAMILY_NAMES}
    existing = live_by_family(plan)
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
            f"{counted(total, 'network')} added to {counted(before, 'entry', 'entries')} are too few to judge their families by ({bounds.min_entries_for_skew}).",
            figures,
        )
    for name, count in added.items():
        share, usual = count / total, existing[name] / before
        if share > bounds.max_family_share and usual < 0.9 * bounds.max_family_share:
            return (
                False,
                f"{share:.0%} of the networks added are {name} where {usual:.0%} of the entries are; look at how addresses are parsed, then override the check.",
                figures,
            )
    return True, f"The plan adds entries in {added['IPV4']} IPv4 and {added['IPV6']} IPv6 networks.", figures


def live_by_family(plan: Plan) -> dict[str, int]:
    """Our live entries before the plan."""
    live = dict.fromkeys(FAMILY_NAMES, 0)
    for set_plan in plan.sets:
        live[set_plan.family] += sum(map(set_plan.count, BEFORE))
    return live


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
