"""The three-way difference: what we want, what is live, what we applied last. Entries made by hand are never ours."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets.domains.waf.apply.applied import Applied, AppliedSet, Owned
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.networks import address_order
from platform_assets.domains.waf.plan.merge import merge
from platform_assets.domains.waf.plan.slots import Budget
from platform_assets.domains.waf.plan.values import LiveSet, Plan, SetSpec
from platform_assets.domains.waf.tables import WAF_PLAN
from tests.domains.waf.waf_world import NOW, due, plan, v4

A, B, C = v4(1), v4(2), v4(3)
LATER = "2026-11-21T15:00:00Z"


def owned(*addresses: str) -> dict[str, Owned]:
    """As `due` was applied before."""
    return {one: Owned(due(one).decision_id, LATER, "block for a reason") for one in addresses}


def live(name: str, *addresses: str, set_id: str = "id-1", family: str = "IPV4") -> dict[str, LiveSet]:
    return {name: LiveSet(name, set_id, f"arn:{name}", family, addresses, "token")}


def block_plan(
    wanted_addresses: Any, live_addresses: Any, owned_addresses: Any, *, pending: Any = (), **options: Any
) -> Plan:
    before = Applied(3, {"weir-block-v4": AppliedSet("id-1", owned(*owned_addresses), owned(*pending))})
    entries = [due(one) for one in wanted_addresses]
    return plan(entries, live("weir-block-v4", *live_addresses), before, now=NOW, **options)


def operations(made: Plan) -> dict[str, str]:
    return {entry.address: entry.operation for entry in made.entries}


def held(made: Plan, name: str = "weir-block-v4") -> tuple[str, ...]:
    return next(one.addresses for one in made.sets if one.name == name)


@pytest.mark.parametrize(
    ("wanted", "present", "ours", "operation", "stays"),
    [
        ([A], [], [], "add", True),
        ([A], [A], [A], "keep", True),
        ([A], [A], [], "foreign", True),
        ([], [A], [], "foreign", True),
        ([], [A], [A], "remove", False),
        ([A], [], [A], "restore", True),
    ],
)
def test_each_corner_of_the_three_way_difference(
    wanted: Any, present: Any, ours: Any, operation: Any, stays: Any
) -> None:
    made = block_plan(wanted, present, ours)
    assert operations(made) == {A: operation}
    assert held(made) == ((A,) if stays else ())
    assert made.changes == (operation in ("add", "remove", "restore"))


def test_what_is_neither_wanted_nor_live_is_forgotten() -> None:
    made = block_plan([], [], [A])
    assert made.entries == () and not made.changes


def test_drift_can_be_respected_and_stays_known() -> None:
    made = block_plan([A, B], [B], [A, B], restore_removed=False)
    assert operations(made) == {A: "drift", B: "keep"}
    assert held(made) == (B,)
    assert not made.changes
    assert A in made.sets[0].owned, "forgotten, it would be added again by the next plan"


def test_a_pending_entry_is_ours_if_live() -> None:
    assert operations(block_plan([A], [A], [], pending=[A])) == {A: "keep"}
    assert operations(block_plan([], [A], [], pending=[A])) == {A: "remove"}
    assert operations(block_plan([A], [], [], pending=[A], restore_removed=False)) == {A: "add"}


def test_a_newer_decision_extends_without_changing_the_set() -> None:
    before = Applied(1, {"weir-block-v4": AppliedSet("id-1", {A: Owned("older", "2026-11-20T16:00:00Z", "r")})})
    made = plan([due(A)], live("weir-block-v4", A), before, now=NOW)
    assert operations(made) == {A: "extend"}
    assert not made.changes
    assert made.sets[0].owned[A].decision_id == due(A).decision_id


def test_a_recreated_set_holds_nothing_of_ours() -> None:
    before = Applied(1, {"weir-block-v4": AppliedSet("another-id", owned(A))})
    made = plan([], live("weir-block-v4", A), before, now=NOW)
    assert operations(made) == {A: "foreign"}


def test_sets_are_ordered_by_action_and_family() -> None:
    entries = [due(A, "count"), due(B, "challenge"), due(C), due("2a00:1450::1/128")]
    made = plan(entries, {}, Applied(), now=NOW, prefix="edge")
    assert [one.name for one in made.sets] == [
        "edge-block-v4",
        "edge-block-v6",
        "edge-challenge-v4",
        "edge-challenge-v6",
        "edge-count-v4",
        "edge-count-v6",
    ]
    assert [one.addresses for one in made.sets] == [(C,), ("2a00:1450::1/128",), (B,), (), (A,), ()]


def test_an_escalated_address_leaves_the_weaker_set() -> None:
    before = Applied(1, {"weir-challenge-v4": AppliedSet("id-1", owned(A))})
    made = plan([due(A)], live("weir-challenge-v4", A), before, now=NOW)
    assert [(e.ip_set, e.operation) for e in made.entries] == [
        ("weir-block-v4", "add"),
        ("weir-challenge-v4", "remove"),
    ]


def test_ipv6_is_compared_in_canonical_form() -> None:
    before = Applied(1, {"weir-block-v6": AppliedSet("id-1", owned("2a00:1450::1/128"))})
    as_aws_may_say = "2A00:1450:0000:0000:0000:0000:0000:0001/128"
    made = plan([due("2a00:1450::1/128")], live("weir-block-v6", as_aws_may_say, family="IPV6"), before, now=NOW)
    assert operations(made) == {"2a00:1450::1/128": "keep"}


def test_a_set_of_the_wrong_family_is_refused() -> None:
    with pytest.raises(WafError, match="exists with IPV6 instead of IPV4"):
        plan([], live("weir-block-v4", family="IPV6"), Applied(), now=NOW)


def test_slots_go_to_entries_that_stop_most() -> None:
    """cds-snc's list kept the lexicographically first 10,000; AWS's own solution kept none."""
    entries = [due(v4(2 * n), request_count=n + 1) for n in range(10)]
    made = plan(entries, {}, Applied(), now=NOW, budget=Budget(capacity=4))
    assert held(made) == (v4(12), v4(14), v4(16), v4(18))
    assert made.count("overflow") == 6
    assert made.sets[0].left_out == 6


def test_entries_by_hand_take_slots_and_stay() -> None:
    entries = [due(v4(2 * n), request_count=n + 1) for n in range(10)]
    made = plan(entries, live("weir-block-v4", C, "9.9.9.9/32"), Applied(), now=NOW, budget=Budget(capacity=4))
    assert set(held(made)) == {C, "9.9.9.9/32", v4(18), v4(16)}


def test_a_displaced_entry_gives_its_reason() -> None:
    before = Applied(1, {"weir-block-v4": AppliedSet("id-1", owned(A))})
    made = plan([due(A, request_count=1), due(B)], live("weir-block-v4", A), before, now=NOW, budget=Budget(capacity=1))
    assert operations(made) == {A: "remove", B: "add"}
    assert made.sets[0].left_out == 1


def test_one_more_entry_changes_one_slot_at_most() -> None:
    entries = [due(v4(2 * n), request_count=(n * 37) % 101) for n in range(60)]
    first = set(held(plan(entries, {}, Applied(), now=NOW, budget=Budget(capacity=30))))
    second = set(
        held(plan([*entries, due(v4(199), request_count=1000)], {}, Applied(), now=NOW, budget=Budget(capacity=30)))
    )
    assert second - first == {v4(199)}
    assert len(first - second) == 1


def test_the_text_names_each_change_with_its_reason() -> None:
    made = block_plan([A, B], [B, "9.9.9.9/32"], [B])
    assert made.text() == (
        "WAF plan of 2026-11-20T15:00:00Z, scope CLOUDFRONT: +1 -0, 1 kept, 1 added by hand\n"
        "weir-block-v4 (3 entries)\n"
        "    foreign  9.9.9.9/32: added by hand, stays\n"
        f"  + add      {A} until 2026-11-21T15:00:00Z: block for a reason"
    )


def test_a_long_plan_is_cut_in_text_only() -> None:
    made = plan([due(v4(n)) for n in range(80)], {}, Applied(), now=NOW)
    assert "... and 30 more" in made.text()
    assert len(made.rows()) == 80


def test_rows_are_those_of_the_table_and_unique() -> None:
    made = block_plan([A, B], [B, C], [B, C])
    assert all(tuple(row) == WAF_PLAN.column_names for row in made.rows())
    keys = [(row["ip_set"], row["address"]) for row in made.rows()]
    assert len(set(keys)) == len(keys)


def test_descriptions_say_why_within_aws_alphabet() -> None:
    made = plan([due(A, abuse_kind="credential (stuffing)"), due(B), due(C)], {}, Applied(), now=NOW)
    assert made.sets[0].description == "Weir block IPV4: prober 2, credential stuffing 1. Entries added by hand stay."


def test_an_early_removal_gives_the_former_reason() -> None:
    reason = block_plan([], [A], [A]).entries[0].reason
    assert "was to end 2026-11-21T15:00:00Z" in reason and "block for a reason" in reason


addresses = st.sets(st.integers(0, 11).map(v4))


@settings(max_examples=300, deadline=None)
@given(addresses, addresses, addresses, addresses, st.randoms())
def test_a_plan_applied_twice_changes_once(wanted: Any, present: Any, ours: Any, pending: Any, shuffler: Any) -> None:
    entries = [due(one) for one in sorted(wanted)]
    before = AppliedSet("id-1", owned(*ours), owned(*pending))
    arguments: dict[str, Any] = {"set_id": "id-1", "applied": before}
    first = merge(SetSpec("weir-block-v4", "block", "IPV4"), due=entries, live=sorted(present), **arguments)
    foreign = present - ours - pending
    assert set(first.addresses) == wanted | foreign
    assert list(first.addresses) == sorted(first.addresses, key=address_order)
    assert set(first.owned) == wanted - foreign
    shuffler.shuffle(entries)
    shuffled = random.Random(1).sample(sorted(present), len(present))
    again = merge(SetSpec("weir-block-v4", "block", "IPV4"), due=entries, live=shuffled, **arguments)
    assert (again.entries, again.addresses, dict(again.owned)) == (first.entries, first.addresses, dict(first.owned))
    after = AppliedSet("id-1", first.owned)
    second = merge(
        SetSpec("weir-block-v4", "block", "IPV4"), due=entries, live=first.addresses, set_id="id-1", applied=after
    )
    assert not second.changes
    assert second.addresses == first.addresses


@settings(max_examples=200, deadline=None)
@given(addresses, addresses, addresses, st.integers(1, 8))
def test_no_plan_exceeds_capacity_or_drops_manual_entries(wanted: Any, present: Any, ours: Any, capacity: Any) -> None:
    made = block_plan(wanted, present, ours, budget=Budget(capacity=capacity))
    foreign = present - ours
    assert foreign <= set(held(made))
    assert len(held(made)) <= max(capacity, len(foreign))
