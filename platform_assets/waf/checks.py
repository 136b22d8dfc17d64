"""The checks between a plan and its application. Fail static: one that fails leaves WAF as it is.

Pure: a plan and counted inputs in, one sentence a check out. Names and meanings are declared in tables.py (WAF_PLAN).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platform_assets.waf.errors import WafError
from platform_assets.waf.plan import Entry, Plan
from platform_assets.waf.ranges import Ranges, parse_network, special_ranges
from platform_assets.waf.rulebook import STRICT
from platform_assets.waf.tables import WAF_PLAN


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
    max_family_share: float = 0.98
    min_entries_for_skew: int = 200

    def __post_init__(self) -> None:
        shares = (self.max_rejected_share, self.max_family_share, self.volume_collapse)
        if not all(0 <= share <= 1 for share in shares) or self.max_churn_share < 0:
            raise ValueError("shares must be between 0 and 1")
        if self.volume_explosion <= 1:
            raise ValueError("volume_explosion must be above 1")
        if min(self.max_new_blocks, self.min_entries_for_churn, self.min_entries_for_skew) < 0:
            raise ValueError("counts must not be negative")


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
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Check name -> why it does not count in this run."""
    asked_for: Collection[tuple[str, str]] = ()
    """(address, action) that people had taken out: a removal nobody needs to be warned of."""


@dataclass(frozen=True)
class CheckResult:
    """One check: whether the plan may go on, why in a sentence, and the figures."""

    name: str
    passed: bool
    sentence: str
    metadata: dict[str, Any]
    blocking: bool = True


Finding = tuple[bool, str, dict[str, Any]]


def run_checks(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> list[CheckResult]:
    """All checks, in the order of the table. WafError for an override of a check that does not exist."""
    for name in inputs.overrides:
        if name not in CHECKS:
            raise WafError(f"There is no check {name!r} to override; there are {', '.join(CHECKS)}.")
    results = []
    for declared in WAF_PLAN.checks:
        passed, sentence, metadata = CHECKS[declared.name](plan, inputs, bounds)
        why = inputs.overrides.get(declared.name)
        if why is not None and not passed:
            passed, sentence = True, f"Overridden ({why}): {sentence}"
            metadata = {**metadata, "overridden_because": why}
        results.append(CheckResult(declared.name, passed, sentence, metadata, declared.blocking))
    return results


def failures(results: Iterable[CheckResult]) -> list[CheckResult]:
    """The results that stop the apply."""
    return [one for one in results if one.blocking and not one.passed]


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
    new = sum(entry.action == "block" and entry.operation in ("add", "restore") for entry in plan.entries)
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
    changed = plan.count("add") + plan.count("restore") + early
    base = plan.owned_count
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
    lost = [entry for entry in _removed_early(plan, inputs) if not allowed.overlaps(parse_network(entry.address))]
    wanted = sum(len(one.wanted) for one in plan.sets)
    figures = {"wanted_count": wanted, "vanished_count": len(lost)}
    if wanted == 0 and lost:
        return (
            False,
            f"There are no decisions any more although {len(lost)} entries have not expired; nothing is withdrawn until that is explained.",
            figures,
        )
    return True, f"{wanted} entries are wanted.", figures


def _removed_early(plan: Plan, inputs: CheckInputs) -> list[Entry]:
    """Removals before their time that no person asked for."""
    return [
        entry
        for entry in plan.entries
        if entry.operation == "remove"
        and not _is_over(plan, entry)
        and (entry.address, entry.action) not in inputs.asked_for
    ]


def _is_over(plan: Plan, entry: Entry) -> bool:
    return entry.expires_at is not None and entry.expires_at <= plan.planned_at


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


def _families(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    added = {"IPV4": 0, "IPV6": 0}
    held = {"IPV4": 0, "IPV6": 0}
    for one in plan.sets:
        added[one.family] += one.count("add") + one.count("restore")
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
    "families_are_balanced": _families,
    "everything_fits": _fits,
}
