"""The checks between a plan and its application. Fail static: one that fails leaves WAF as it is.

Pure: a plan and counted inputs in, one sentence a check out. Names and meanings are declared in tables.py (WAF_PLAN).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from platform_assets.actions import checks as protocol
from platform_assets.actions.checks import CheckResult, Finding, check_overridable
from platform_assets.actions.instants import instant
from platform_assets.domains.waf.decisions import STRICT
from platform_assets.domains.waf.networks import Ranges, family, parse_network, special_ranges
from platform_assets.domains.waf.plan.coverage import Change, applied_count, gained, lost
from platform_assets.domains.waf.plan.values import Plan
from platform_assets.domains.waf.tables import WAF_PLAN
from spark_jobs.contract import parse_hour


@dataclass(frozen=True)
class Bounds:
    """The bound of each check; policy.yaml documents them."""

    __pydantic_config__ = STRICT

    max_new_blocks: int = 500
    max_churn_share: float = 0.5
    min_entries_for_churn: int = 50
    max_rejected_share: float = 0.2
    volume_collapse: float = 0.1
    volume_explosion: float = 20.0
    max_missing_hours: int = 2
    min_usual_requests: int = 100
    delivery_hours: int = 3
    max_silent_hours: int = 24
    max_feature_drift: float = 1.5
    min_clients_for_drift: int = 50
    max_family_share: float = 0.98
    min_entries_for_skew: int = 200

    def __post_init__(self) -> None:
        shares = (self.max_rejected_share, self.max_family_share, self.volume_collapse)
        if not all(0 <= share <= 1 for share in shares) or self.max_churn_share < 0:
            raise ValueError("shares must be between 0 and 1")
        if self.volume_explosion <= 1:
            raise ValueError("volume_explosion must be above 1")
        if not 0 < self.max_feature_drift < float("inf"):
            raise ValueError("max_feature_drift must be above 0")
        if min(self.min_usual_requests, self.max_silent_hours, self.min_clients_for_drift) < 1:
            raise ValueError("min_usual_requests, max_silent_hours and min_clients_for_drift must be at least 1")
        if not 0 <= self.delivery_hours <= 24 or not 0 <= self.max_missing_hours <= 24:
            raise ValueError("delivery_hours and max_missing_hours must be between 0 and 24")
        if min(self.max_new_blocks, self.min_entries_for_churn, self.min_entries_for_skew) < 0:
            raise ValueError("counts must not be negative")


@dataclass(frozen=True)
class Drift:
    """The newest hour against those before: its newcomers, those of a usual hour, and feature -> stability index."""

    hour: str
    client_count: int
    usual_client_count: float
    indices: Mapping[str, float]


@dataclass(frozen=True)
class CheckInputs:
    """What the checks look at besides the plan. A count of None is unknown, and its check says so and passes."""

    allow_list: tuple[str, ...] = ()
    act_on_special: tuple[str, ...] = ()
    models_without_gate: tuple[str, ...] = ()
    """`name version` of the models behind the decisions that have not passed their gate."""
    lines_present: int | None = None
    lines_rejected: int | None = None
    request_count: int | None = None
    """Requests of the newest hours."""
    usual_request_count: float | None = None
    """What is usual for as many hours, such as the median of the days before."""
    newest_hour_at: datetime | None = None
    """Start of the newest hour that has lines."""
    missing_hours: Mapping[str, float | None] = field(default_factory=dict)
    """Hours of the newest 24 without a line, in order -> the lines that are usual then; None where nothing tells."""
    drift: Drift | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Check name -> why it does not count in this run."""
    requested_removals: Collection[tuple[str, str]] = ()
    """(address, action) that people had taken out: a removal nobody needs to be warned of."""


def run_checks(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> list[CheckResult]:
    """All checks, in the order of the table. RequestError for an override of a check that does not exist."""
    check_overridable(inputs.overrides, WAF_PLAN.checks)
    checks = {name: partial(check, plan, inputs, bounds) for name, check in CHECKS.items()}
    return protocol.run_checks(WAF_PLAN.checks, checks, inputs.overrides)


def _protected(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
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


def _new_blocks(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    new = sum(change.entry.action == "block" for change in gained(plan))
    figures = {"new_block_count": new, "bound": bounds.max_new_blocks}
    if new > bounds.max_new_blocks:
        return (
            False,
            f"The plan adds {new} block entries where {bounds.max_new_blocks} are the bound; look at the plan, then raise max_new_blocks or override the check.",
            figures,
        )
    return True, f"The plan adds {new} block entries; the bound is {bounds.max_new_blocks}.", figures


def _churn(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    early = len(_removed_early(plan, inputs))
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
    said = f"The plan changes {changed} entries, expiries and what people took out apart, where {base} were applied last ({share:.0%}"
    if share > bounds.max_churn_share:
        return (
            False,
            f"{said}, the bound is {bounds.max_churn_share:.0%}); look at the plan, then override the check.",
            figures,
        )
    return True, f"{said}).", figures


def _vanished(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    allowed = Ranges.of(inputs.allow_list)
    gone = [one for one in _removed_early(plan, inputs) if not allowed.overlaps(parse_network(one.address))]
    wanted = sum(len(one.wanted) for one in plan.sets)
    figures = {"wanted_count": wanted, "vanished_count": len(gone)}
    if wanted == 0 and gone:
        return (
            False,
            f"There are no decisions any more although {len(gone)} entries have not expired; nothing is withdrawn until that is explained.",
            figures,
        )
    return True, f"{wanted} entries are wanted.", figures


def _removed_early(plan: Plan, inputs: CheckInputs) -> list[Change]:
    """Addresses that are given up before their time although no person asked for it."""
    return [one for one in _given_up(plan, inputs) if not _is_over(plan, one)]


def _given_up(plan: Plan, inputs: CheckInputs) -> list[Change]:
    """Addresses that are covered no longer although no person asked for it."""
    asked = inputs.requested_removals
    return [
        one
        for one in lost(plan)
        if (one.address, one.entry.action) not in asked and (one.entry.address, one.entry.action) not in asked
    ]


def _is_over(plan: Plan, one: Change) -> bool:
    return one.entry.expires_at is not None and one.entry.expires_at <= plan.planned_at


def _gates(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    missing = inputs.models_without_gate
    figures = {"models_without_gate": list(missing)}
    if missing:
        return (
            False,
            f"Decisions come from models that have not passed their gate ({', '.join(missing)}); promote them or withdraw their decisions.",
            figures,
        )
    return True, "Every model behind the decisions has passed its gate.", figures


def _rejected(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    present, rejected = inputs.lines_present, inputs.lines_rejected
    figures = {"lines_present": present, "lines_rejected": rejected, "bound": bounds.max_rejected_share}
    if present is None or rejected is None:
        return True, "How many lines were rejected is not known.", figures
    share = rejected / present if present else 0.0
    figures["rejected_share"] = round(share, 6)
    if share > bounds.max_rejected_share:
        return (
            False,
            f"{rejected} of {present} lines were rejected ({share:.1%}, the bound is {bounds.max_rejected_share:.0%}); look at rejected_lines before anything is enforced.",
            figures,
        )
    return True, f"{rejected} of {present} lines were rejected ({share:.1%}).", figures


def _volume(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    count, usual = inputs.request_count, inputs.usual_request_count
    figures = {"request_count": count, "usual_request_count": usual}
    if count is None or not usual:
        return True, "There is no usual volume yet to judge this one by.", figures
    ratio = count / usual
    figures["ratio"] = round(ratio, 4)
    if ratio < bounds.volume_collapse:
        return (
            False,
            f"Requests collapsed to {count} where about {usual:.0f} are usual; logs may be missing, WAF stays as it is.",
            figures,
        )
    if ratio > bounds.volume_explosion:
        return (
            False,
            f"Requests exploded to {count} where about {usual:.0f} are usual; look at the logs, then override the check.",
            figures,
        )
    return True, f"{count} requests where about {usual:.0f} are usual.", figures


def _hours(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    newest = inputs.newest_hour_at
    # What a late file takes out leaves because something new is known.
    given_up = sum(not one.entry.late_files for one in _given_up(plan, inputs))
    if newest is None:
        return True, "There are no log lines yet.", {}
    settled = plan.planned_at - timedelta(hours=bounds.delivery_hours)
    missing = [
        hour
        for hour, usual in inputs.missing_hours.items()
        if usual is not None and usual >= bounds.min_usual_requests and _end(hour) <= settled
    ]
    silent = max((plan.planned_at - newest) / timedelta(hours=1) - 1, 0.0)
    figures: dict[str, Any] = {
        "newest_hour_at": instant(newest),
        "silent_hours": round(silent, 1),
        "hours_without_lines": list(inputs.missing_hours),
        "missing_hours": missing,
        "addresses_given_up": given_up,
    }
    if len(missing) > bounds.max_missing_hours:
        usual = min(inputs.missing_hours[hour] or 0 for hour in missing)
        return (
            False,
            f"{len(missing)} hours have no log lines, {missing[0]} first, where {usual:.0f} lines or more are usual; see why CloudFront's logs do not arrive, or override the check if the site was down.",
            figures,
        )
    if silent > bounds.max_silent_hours and given_up:
        return (
            False,
            f"No log line is newer than {instant(newest + timedelta(hours=1))} ({silent:.0f} hours, the bound is {bounds.max_silent_hours}), so nobody knows what the {given_up} addresses do that the plan gives up; they stay in WAF until logs arrive or you override the check.",
            figures,
        )
    return (
        True,
        f"{len(missing)} hours lack the log lines that are usual, the newest line is {silent:.0f} hours old.",
        figures,
    )


def _end(hour: str) -> datetime:
    return parse_hour(hour) + timedelta(hours=1)


def _drift(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    found = inputs.drift
    if found is None:
        return True, "There are no features of a day before yet to judge the newest hour by.", {}
    indices = {name: round(value, 3) for name, value in sorted(found.indices.items(), key=lambda kv: (-kv[1], kv[0]))}
    figures: dict[str, Any] = {
        "hour": found.hour,
        "client_count": found.client_count,
        "usual_client_count": found.usual_client_count,
        "bound": bounds.max_feature_drift,
        "indices": indices,
    }
    if min(found.client_count, found.usual_client_count) < bounds.min_clients_for_drift:
        return (
            True,
            f"{found.client_count} newcomers in {found.hour} and {found.usual_client_count} on the days before are too few to judge features by ({bounds.min_clients_for_drift}).",
            figures,
        )
    far = [f"{name} {value:.1f}" for name, value in indices.items() if value > bounds.max_feature_drift]
    if far:
        return (
            False,
            f"Features of {found.hour} are not what they are on other days ({', '.join(far[:3])}, the bound is {bounds.max_feature_drift}); see whether the fields of the log lines are what they were, then override the check.",
            figures,
        )
    name, value = next(iter(indices.items()), ("", 0.0))
    return True, f"Features of {found.hour} are as on other days ({name} {value:.2f} at most).", figures


def _families(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    added = {"IPV4": 0, "IPV6": 0}
    held = {"IPV4": 0, "IPV6": 0}
    for change in gained(plan):
        added[family(change.address)] += 1
    for one in plan.sets:
        held[one.family] += one.count("keep") + one.count("extend") + one.count("remove")
    figures: dict[str, Any] = {
        "added_v4": added["IPV4"],
        "added_v6": added["IPV6"],
        "held_v4": held["IPV4"],
        "held_v6": held["IPV6"],
    }
    total, before = sum(added.values()), sum(held.values())
    if min(total, before) < max(bounds.min_entries_for_skew, 1):
        return (
            True,
            f"{total} additions to {before} entries are too few to judge their families by ({bounds.min_entries_for_skew}).",
            figures,
        )
    for name, count in added.items():
        share, usual = count / total, held[name] / before
        if share > bounds.max_family_share and usual < 0.9 * bounds.max_family_share:
            return (
                False,
                f"{share:.0%} of the additions are {name} where {usual:.0%} of the entries are; look at how addresses are parsed, then override the check.",
                figures,
            )
    return True, f"The plan adds {added['IPV4']} IPv4 and {added['IPV6']} IPv6 entries.", figures


def _fits(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    full = {one.name: one.left_out for one in plan.sets if one.left_out}
    if full:
        named = ", ".join(f"{name} {count}" for name, count in full.items())
        return (
            False,
            f"Entries did not fit ({named}); those expected to stop most are in, raise thresholds or shorten durations.",
            {"left_out": full},
        )
    return True, "Every wanted entry has a slot.", {"left_out": {}}


CHECKS: dict[str, Callable[[Plan, CheckInputs, Bounds], Finding]] = {
    "plan_spares_protected_addresses": _protected,
    "plan_adds_a_bounded_number": _new_blocks,
    "plan_changes_a_bounded_share": _churn,
    "decisions_did_not_vanish": _vanished,
    "models_passed_their_gate": _gates,
    "rejected_lines_are_few": _rejected,
    "volume_is_plausible": _volume,
    "hours_are_complete": _hours,
    "features_are_as_usual": _drift,
    "families_are_balanced": _families,
    "everything_fits": _fits,
}
