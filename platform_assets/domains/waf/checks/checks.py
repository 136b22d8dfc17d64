"""The checks between a plan and its application. Fail closed: a failed check leaves WAF unchanged.

Pure: a plan and counts in, one sentence per check out. Names and meanings are declared in tables.py (WAF_PLAN).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from platform_assets.actions import checks as protocol
from platform_assets.actions.checks import CheckResult, Finding, check_overridable
from platform_assets.domains.waf.checks.bounds import Bounds
from platform_assets.domains.waf.checks.changes import (
    EXPLOSION,
    FAMILIES,
    NEW_BLOCKS,
    WAITING,
    check_churn,
    check_families,
    check_fits,
    check_new_blocks,
    check_protected,
    check_vanished,
    check_waiting,
)
from platform_assets.domains.waf.checks.context import CheckInputs
from platform_assets.domains.waf.checks.evidence import (
    check_explosion,
    check_gates,
    check_hours,
    check_rejected,
    check_score_shift,
    check_volume,
)
from platform_assets.domains.waf.plan.values import Plan
from platform_assets.domains.waf.tables import WAF_PLAN


def run_checks(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> list[CheckResult]:
    """All checks, in the order of the table. RequestError for an override of a check that does not exist."""
    check_overridable(inputs.overrides, WAF_PLAN.checks)
    overrides = dict(inputs.overrides)
    if WAITING in overrides:  # a person has looked at all additions
        overrides = {**dict.fromkeys((NEW_BLOCKS, FAMILIES, EXPLOSION), overrides[WAITING]), **overrides}
    checks = {name: partial(check, plan, inputs, bounds) for name, check in CHECKS.items()}
    return protocol.run_checks(WAF_PLAN.checks, checks, overrides)


CHECKS: dict[str, Callable[[Plan, CheckInputs, Bounds], Finding]] = {
    "plan_spares_protected_addresses": check_protected,
    "plan_adds_a_bounded_number": check_new_blocks,
    "plan_changes_a_bounded_share": check_churn,
    "decisions_did_not_vanish": check_vanished,
    "models_passed_their_gate": check_gates,
    "rejected_lines_are_few": check_rejected,
    "volume_is_plausible": check_volume,
    EXPLOSION: check_explosion,
    "hours_are_complete": check_hours,
    "features_are_as_usual": check_score_shift,
    "families_are_balanced": check_families,
    "everything_fits": check_fits,
    "nothing_waits": check_waiting,
}
