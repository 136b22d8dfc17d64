"""What stops a plan, and that nothing else does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from platform_assets.actions.checks import CheckResult, failures
from platform_assets.actions.errors import RequestError
from platform_assets.domains.waf.apply.applied import Applied, AppliedSet, Owned
from platform_assets.domains.waf.checks.bounds import Bounds
from platform_assets.domains.waf.checks.checks import CHECKS, run_checks
from platform_assets.domains.waf.checks.context import CheckInputs
from platform_assets.domains.waf.plan.slots import Budget
from platform_assets.domains.waf.plan.values import LiveSet, Plan
from platform_assets.domains.waf.tables import WAF_PLAN
from tests.domains.waf.test_waf_plan import owned
from tests.domains.waf.waf_world import NOW, due, plan, v4

SMALL = Bounds(max_new_blocks=5, min_entries_for_churn=4, min_entries_for_skew=4)


def a_plan(wanted: Any = (), held: Any = (), **options: Any) -> Plan:
    """Entries of ours in `held` are live, those in `wanted` are due."""
    live, before = {}, {}
    for family, suffix in (("IPV4", "v4"), ("IPV6", "v6")):
        ours = {
            a: o
            for a, o in (held if isinstance(held, dict) else owned(*held)).items()
            if (":" in a) == (suffix == "v6")
        }
        live[f"weir-block-{suffix}"] = LiveSet(f"weir-block-{suffix}", f"id-{suffix}", "arn", family, tuple(ours), "t")
        before[f"weir-block-{suffix}"] = AppliedSet(f"id-{suffix}", ours)
    return plan(
        [due(one) if isinstance(one, str) else one for one in wanted], live, Applied(1, before), now=NOW, **options
    )


def result(name: str, made: Plan, bounds: Bounds = SMALL, **inputs: Any) -> CheckResult:
    return next(one for one in run_checks(made, CheckInputs(**inputs), bounds) if one.name == name)


def test_checks_are_those_that_the_table_declares() -> None:
    assert tuple(CHECKS) == tuple(one.name for one in WAF_PLAN.checks)


def test_a_quiet_plan_passes_every_check() -> None:
    results = run_checks(a_plan([v4(1)], [v4(1)]), CheckInputs(), Bounds())
    assert failures(results) == []
    for one in results:
        assert one.sentence.endswith(".") and one.sentence.count(". ") == 0, one.sentence


def test_an_allow_listed_entry_stops_the_plan() -> None:
    made = a_plan([v4(1), v4(2)])
    assert not result("plan_spares_protected_addresses", made, allow_list=("45.83.0.2/32",)).passed
    assert result("plan_spares_protected_addresses", made, allow_list=("45.83.0.3/32",)).passed
    gone = a_plan([], [v4(1)])
    assert result("plan_spares_protected_addresses", gone, allow_list=(v4(1),)).passed, "withdrawing it is fine"


def test_a_special_range_entry_stops_the_plan() -> None:
    made = a_plan(["203.0.113.1/32"])
    found = result("plan_spares_protected_addresses", made)
    assert not found.passed and "203.0.113.1/32" in found.sentence
    assert result("plan_spares_protected_addresses", made, act_on_special=("documentation",)).passed


def test_more_than_n_new_blocks_stop_the_plan() -> None:
    apart = [v4(256 * n) for n in range(6)]
    assert result("plan_adds_a_bounded_number", a_plan(apart[:5])).passed
    assert not result("plan_adds_a_bounded_number", a_plan(apart)).passed
    assert result("plan_adds_a_bounded_number", a_plan([v4(n) for n in range(256)])).passed, "one /24 counts once"
    challenges = a_plan([due(v4(n), "challenge") for n in range(6)])
    assert result("plan_adds_a_bounded_number", challenges).passed


def test_churn_stops_the_plan_but_expiry_does_not() -> None:
    name = "plan_changes_a_bounded_share"
    ten = [v4(n) for n in range(10)]
    assert result(name, a_plan(ten[:5], ten)).passed
    assert not result(name, a_plan(ten[:4], ten)).passed
    assert not result(name, a_plan([*ten, *(v4(256 * n) for n in range(20, 26))], ten)).passed
    assert result(name, a_plan([], ten[:3])).passed, "three entries are too few to speak of shares"
    over = {one: Owned("d", (NOW - timedelta(hours=1)).isoformat(), "r") for one in ten}
    assert result(name, a_plan([], over)).passed


def test_vanished_decisions_stop_the_plan() -> None:
    """AWS Security Automations: feeds that are down wipe the list."""
    name = "decisions_did_not_vanish"
    assert not result(name, a_plan([], [v4(1)])).passed
    assert result(name, a_plan([v4(2)], [v4(1)])).passed
    assert result(name, a_plan([], [v4(1)]), allow_list=(v4(1),)).passed
    assert result(name, a_plan([], {v4(1): Owned("d", NOW.isoformat(), "r")})).passed
    assert result(name, a_plan()).passed


def test_a_model_without_gate_stops_the_plan() -> None:
    assert not result("models_passed_their_gate", a_plan(), models_without_gate=("client_abuse 7",)).passed


@pytest.mark.parametrize(("rejected", "passes"), [(0, True), (20, True), (21, False), (None, True)])
def test_many_rejected_lines_stop_the_plan(rejected: Any, passes: Any) -> None:
    assert result("rejected_lines_are_few", a_plan(), lines_present=100, lines_rejected=rejected).passed is passes


def test_an_hour_without_lines_has_no_rejected_share() -> None:
    assert result("rejected_lines_are_few", a_plan(), lines_present=0, lines_rejected=0).passed


@pytest.mark.parametrize(
    ("count", "failed"),
    [(0, "volume_is_plausible"), (9, "volume_is_plausible"), (10, ""), (2000, ""), (2001, "volume_did_not_explode"), (None, "")],
)  # fmt: skip
def test_a_collapse_of_volume_stops_the_plan_and_an_explosion_is_told(count: Any, failed: str) -> None:
    results = run_checks(a_plan(), CheckInputs(request_count=count, usual_request_count=100), SMALL)
    assert [one.name for one in results if not one.passed] == [failed] * bool(failed)
    assert [one.name for one in failures(results)] == [failed] * (failed == "volume_is_plausible")


def test_additions_of_one_family_stop_the_plan() -> None:
    v6 = [f"2a00:1450::{n}/128" for n in range(1, 6)]
    balanced = [*(v4(n) for n in range(5)), *v6]
    more = [v4(256 * n) for n in range(50, 60)]
    assert not result("families_are_balanced", a_plan([*balanced, *more], balanced)).passed
    assert result("families_are_balanced", a_plan([*balanced, *more, "2a00:1451::99/128"], balanced)).passed
    only_v4 = [v4(n) for n in range(10)]
    assert result("families_are_balanced", a_plan([*only_v4, *more], only_v4)).passed


def test_what_does_not_fit_is_told_without_stopping() -> None:
    results = run_checks(a_plan([v4(1), v4(2)], budget=Budget(capacity=1)), CheckInputs(), SMALL)
    assert [(one.name, one.passed) for one in results if not one.passed] == [("everything_fits", False)]
    assert failures(results) == []


def test_an_override_passes_one_check_and_is_recorded() -> None:
    found = result(
        "decisions_did_not_vanish", a_plan([], [v4(1)]), overrides={"decisions_did_not_vanish": "model v7 withdrawn"}
    )
    assert found.passed and found.metadata["overridden_because"] == "model v7 withdrawn"
    with pytest.raises(RequestError, match="no check 'nonsense'"):
        run_checks(a_plan(), CheckInputs(overrides={"nonsense": "x"}), SMALL)


def test_minima_of_zero_judge_no_entry() -> None:
    strictest = Bounds(max_churn_share=0.0, min_entries_for_churn=0, min_entries_for_skew=0)
    assert failures(run_checks(a_plan([v4(1)]), CheckInputs(), strictest)) == []
    assert not result("plan_changes_a_bounded_share", a_plan([v4(1), v4(2)], [v4(1)]), strictest).passed


def test_requested_removals_are_neither_churn_nor_vanished() -> None:
    gone = a_plan([], [v4(number) for number in range(6)])
    asked = [(v4(number), "block") for number in range(6)]
    for name in ("plan_changes_a_bounded_share", "decisions_did_not_vanish"):
        assert not result(name, gone).passed and not result(name, gone, requested_removals=asked[:2]).passed
        assert result(name, gone, requested_removals=asked).passed
