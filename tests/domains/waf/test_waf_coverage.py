"""A merge, a split or a move changes nothing for a client: checks count addresses whose coverage changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from platform_assets.domains.waf.apply.applied import Applied, AppliedSet
from platform_assets.domains.waf.checks.bounds import Bounds
from platform_assets.domains.waf.decisions import DueEntry
from platform_assets.domains.waf.plan.coverage import applied_count, gained, lost
from platform_assets.domains.waf.plan.slots import Budget
from platform_assets.domains.waf.plan.values import LiveSet, Plan
from tests.domains.waf.test_waf_checks import result
from tests.domains.waf.waf_world import NOW, due, plan, v4

CHURN = "plan_changes_a_bounded_share"
NOTHING = Bounds(max_new_blocks=0, max_churn_share=0.0, min_entries_for_churn=1)


def after(made: Plan) -> tuple[dict[str, LiveSet], Applied]:
    """What is live and remembered once a plan is applied; the store keeps it as JSON."""
    live = {
        one.name: LiveSet(one.name, f"id-{one.name}", "arn", one.family, one.addresses, "t")
        for one in made.sets
        if one.addresses
    }
    sets = {one.name: AppliedSet(f"id-{one.name}", one.owned) for one in made.sets if one.addresses}
    return live, Applied.from_json(Applied(made.serial + 1, sets).to_json())


def planned(wanted: Sequence[DueEntry], before: Plan | None = None, capacity: int = 99, shards: int = 1) -> Plan:
    live, remembered = after(before) if before is not None else ({}, Applied())
    budget = Budget(capacity=capacity, shards=shards, max_collateral_share=0.5)
    return plan(wanted, live, remembered, now=NOW, budget=budget)


def entries(*numbers: int) -> list[DueEntry]:
    return [due(v4(number)) for number in numbers]


def changes(made: Plan) -> tuple[list[str], list[str]]:
    return [one.address for one in gained(made)], [one.address for one in lost(made)]


def test_merging_what_is_there_is_no_change() -> None:
    merged = planned(entries(4, 5, 6, 7, 9), planned(entries(4, 5, 6, 7, 9)), capacity=2)
    assert (merged.count("add"), merged.count("remove")) == (1, 4)
    assert changes(merged) == ([], [])
    for name in (CHURN, "plan_adds_a_bounded_number", "decisions_did_not_vanish"):
        assert result(name, merged, NOTHING).passed


def test_a_merged_entry_counts_its_new_members() -> None:
    merged = planned(entries(4, 5, 6, 7, 9), planned(entries(4, 5, 9)), capacity=2)
    assert changes(merged) == ([v4(6), v4(7)], [])
    assert result("plan_adds_a_bounded_number", merged).metadata["new_block_count"] == 2
    assert result(CHURN, merged, NOTHING).metadata["changed_count"] == 1, "both are in one /24"


def test_splitting_a_merged_entry_is_no_change() -> None:
    """Of 45.83.0.8/30 only three addresses are wanted: letting go of the fourth is no churn."""
    whole = planned(entries(8, 9, 10, 99), capacity=2)
    assert "45.83.0.8/30" in whole.sets[0].addresses
    split = planned(entries(8, 9, 10, 99), whole)
    assert (split.count("add"), split.count("remove")) == (3, 1)
    assert changes(split) == ([], [])
    assert applied_count(split) == 4 and applied_count(whole) == 0
    assert result(CHURN, split, NOTHING).passed


def test_an_unwanted_member_is_lost_once() -> None:
    whole = planned(entries(4, 5, 6, 7, 99), capacity=2)
    split = planned(entries(4, 5, 6, 99), whole)
    assert changes(split) == ([], [v4(7)])
    assert result(CHURN, split, NOTHING).metadata["changed_count"] == 1


def test_a_vanished_merged_entry_counts_all_members() -> None:
    whole = planned(entries(4, 5, 6, 7), capacity=1)
    gone = planned([], whole)
    assert changes(gone) == ([], [v4(4), v4(5), v4(6), v4(7)])
    assert not result("decisions_did_not_vanish", gone).passed
    asked = [(v4(number), "block") for number in (4, 5, 6, 7)]
    assert result("decisions_did_not_vanish", gone, requested_removals=asked).passed


def test_coverage_depends_on_action_not_on_set() -> None:
    held = planned(entries(4, 9))
    challenged = planned([due(v4(4), "challenge"), due(v4(9))], held)
    assert changes(challenged) == ([v4(4)], [v4(4)])
    live, _ = after(held)
    spare = LiveSet("weir-block-v4-2", "id-2", "arn", "IPV4", held.sets[0].addresses, "t")
    moved = {**live, spare.name: spare}
    sets = {spare.name: AppliedSet("id-2", held.sets[0].owned), "weir-block-v4": AppliedSet("id-weir-block-v4", {})}
    live["weir-block-v4"] = replace(live["weir-block-v4"], addresses=())
    back = plan(entries(4, 9), {**moved, **live}, Applied(2, sets), now=NOW)
    assert (back.count("add"), back.count("remove")) == (2, 2)
    assert changes(back) == ([], [])


def test_a_restored_entry_is_gained() -> None:
    held = planned(entries(4))
    live, remembered = after(held)
    live["weir-block-v4"] = replace(live["weir-block-v4"], addresses=())
    back = plan(entries(4), live, remembered, now=NOW + timedelta(hours=1))
    assert changes(back) == ([v4(4)], [])
    assert applied_count(back) == 1
