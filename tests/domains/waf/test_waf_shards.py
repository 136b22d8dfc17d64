"""Several IP sets of one action and family, and entries that take the place of others: nobody due is uncovered meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from ipaddress import ip_network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets.domains.waf.apply.applied import Applied, AppliedSet
from platform_assets.domains.waf.apply.calls import Calls
from platform_assets.domains.waf.apply.install import apply_install, plan_install
from platform_assets.domains.waf.decisions import DueEntry
from platform_assets.domains.waf.plan.slots import Budget
from platform_assets.domains.waf.plan.values import LiveSet, Plan
from platform_assets.domains.waf.twin.client import WafTwin
from tests.domains.waf.test_waf_apply import Around
from tests.domains.waf.waf_world import (
    NOW,
    Clock,
    applied,
    due,
    edit_by_hand,
    live_addresses,
    plan,
    planned,
    target_on,
    v4,
)

NAMES = ("weir-block-v4", "weir-block-v4-2", "weir-block-v4-3")


def existing(*names: str, **addresses: tuple[str, ...]) -> dict[str, LiveSet]:
    held = {name.replace("_", "-"): found for name, found in addresses.items()}
    return {name: LiveSet(name, f"id-{name}", f"arn:{name}", "IPV4", held.get(name, ()), "t") for name in names}


def after(made: Plan) -> tuple[dict[str, LiveSet], Applied]:
    """What is live and remembered when the plan was applied."""
    known = [one for one in made.sets if one.exists]
    live = {one.name: LiveSet(one.name, one.set_id, "arn", one.family, one.addresses, "t") for one in known}
    return live, Applied(made.serial + 1, {one.name: AppliedSet(one.set_id, one.owned) for one in known})


def held(made: Plan) -> dict[str, tuple[str, ...]]:
    return {one.name: one.addresses for one in made.sets if one.name in NAMES}


def operations(made: Plan) -> dict[str, str]:
    return {entry.address: entry.operation for entry in made.entries}


def covered(entries: Iterable[str]) -> set[str]:
    return {str(address) for one in entries for address in ip_network(one)}


def several(*numbers: int, **values: Any) -> list[DueEntry]:
    return [due(v4(n), **values) for n in numbers]


# Where entries go


def test_the_first_set_fills_before_the_second() -> None:
    made = plan(several(0, 1, 2, 3), existing(*NAMES[:2]), Applied(), now=NOW, budget=Budget(capacity=3, shards=2))
    assert held(made) == {NAMES[0]: (v4(0), v4(1), v4(2)), NAMES[1]: (v4(3),)}
    full = plan(several(*range(7)), existing(*NAMES[:2]), Applied(), now=NOW, budget=Budget(capacity=3, shards=2))
    assert full.count("add") == 6 and "45.83.0.0/31" in operations(full)


def test_a_set_that_nobody_installed_is_not_filled() -> None:
    made = plan(several(0, 2, 4), existing(NAMES[0]), Applied(), now=NOW, budget=Budget(capacity=2, shards=2))
    assert list(held(made)) == [NAMES[0]]
    assert made.count("overflow") == 1


def test_entries_stay_in_their_set_when_others_leave() -> None:
    budget = Budget(capacity=2, shards=2)
    live, before = after(plan(several(0, 2, 4), existing(*NAMES[:2]), Applied(), now=NOW, budget=budget))
    made = plan(several(2, 4), live, before, now=NOW, budget=budget)
    assert operations(made) == {v4(0): "remove", v4(2): "keep", v4(4): "keep"}
    assert held(made) == {NAMES[0]: (v4(2),), NAMES[1]: (v4(4),)}


def test_manual_changes_of_a_set_are_respected() -> None:
    budget = Budget(capacity=2, shards=2)
    live = existing(*NAMES[:2], weir_block_v4=("9.9.9.9/32", v4(8)))
    made = plan(several(0, 2, 8), live, Applied(), now=NOW, budget=budget)
    assert held(made) == {NAMES[0]: (v4(8), "9.9.9.9/32")[::-1], NAMES[1]: (v4(0), v4(2))}
    live, before = after(plan(several(0, 2, 4), existing(*NAMES[:2]), Applied(), now=NOW, budget=budget))
    live[NAMES[1]] = existing(NAMES[1])[NAMES[1]]
    made = plan(several(0, 2, 4), live, before, now=NOW, budget=budget, restore_removed=False)
    assert operations(made)[v4(4)] == "drift"
    assert not made.changes


def test_lowering_the_shards_writes_the_taker_first() -> None:
    budget = Budget(capacity=2, shards=2)
    live, before = after(plan(several(0, 2, 4), existing(*NAMES[:2]), Applied(), now=NOW, budget=budget))
    made = plan(several(0, 4), live, before, now=NOW, budget=Budget(capacity=2))
    assert held(made) == {NAMES[0]: (v4(0), v4(4)), NAMES[1]: ()}
    (leaving,) = [entry for entry in made.entries if entry.ip_set == NAMES[1]]
    assert leaving.reason.startswith("moved to weir-block-v4; it was there for: block for a reason")


# What takes the place of something else


def test_the_text_says_what_was_merged_and_why() -> None:
    budget = Budget(capacity=3)
    live, before = after(plan(several(0, 1, 4), existing(NAMES[0]), Applied(), now=NOW, budget=budget))
    made = plan(several(0, 1, 4, 9), live, before, now=NOW, budget=budget)
    assert made.text() == (
        "WAF plan of 2026-11-20T15:00:00Z, scope CLOUDFRONT: +2 -2, 1 kept\n"
        "weir-block-v4 (3 entries, 1 of them merged from 2 for want of slots)\n"
        "  + add      45.83.0.0/31 until 2026-11-21T15:00:00Z: merged for want of slots, with no address besides: "
        "45.83.0.0/32, 45.83.0.1/32; the worst of them: block for a reason\n"
        "  - remove   45.83.0.0/32: 45.83.0.0/31 covers it; it was there for: block for a reason\n"
        "  - remove   45.83.0.1/32: 45.83.0.0/31 covers it; it was there for: block for a reason\n"
        "  + add      45.83.0.9/32 until 2026-11-21T15:00:00Z: block for a reason"
    )


def test_a_merged_entry_is_replaced_in_one_update(twin: WafTwin, clock: Clock) -> None:
    around = Around(twin)
    target = target_on(around, clock)
    budget = Budget(capacity=3)
    applied(target, several(0, 1, 4), budget=budget)
    around.called.clear()
    ending = due(v4(1), expires_at=NOW + timedelta(hours=1))
    applied(target, [*several(0, 4, 9), ending], budget=budget)
    assert live_addresses(target)[NAMES[0]] == {"45.83.0.0/31", v4(4), v4(9)}
    assert around.changing == ["update_ip_set"], "old and new in one call: there is no time between them"
    kept = target.last_applied().of(NAMES[0]).owned
    assert kept["45.83.0.0/31"].expires_at == "2026-11-20T16:00:00Z", "its first member ends it"
    made = planned(target, several(0, 4, 9), budget=budget)
    (leaving,) = [entry for entry in made.entries if entry.operation == "remove"]
    assert leaving.reason.startswith(
        "split, because not all of it is due any more or there is room again: 1 entry of it stays"
    )
    target.apply(made)
    assert live_addresses(target)[NAMES[0]] == {v4(0), v4(4), v4(9)}
    assert not planned(target, several(0, 4, 9), budget=budget).changes


def test_a_conflict_while_merging_keeps_what_somebody_added(twin: WafTwin, clock: Clock) -> None:
    target, budget = target_on(twin, clock), Budget(capacity=3)
    applied(target, several(0, 1, 4), budget=budget)
    once = iter([True])

    def somebody_is_faster(name: str) -> None:
        if name == "update_ip_set" and next(once, False):
            edit_by_hand(twin, NAMES[0], add=("9.9.9.9/32",))

    racing = target_on(Around(twin, before=somebody_is_faster), clock, store=target.store)
    applied(racing, [*several(0, 1, 4), due(v4(9), request_count=1)], budget=budget)
    assert live_addresses(target)[NAMES[0]] == {"45.83.0.0/31", v4(4), "9.9.9.9/32"}


def test_a_decided_network_displaces_the_entries_it_covers() -> None:
    live, before = after(plan(several(0, 1), existing(NAMES[0]), Applied(), now=NOW))
    made = plan([*several(0, 1), due("45.83.0.0/24")], live, before, now=NOW)
    assert operations(made) == {"45.83.0.0/24": "add", v4(0): "remove", v4(1): "remove"}


def test_a_replacement_goes_to_the_same_set() -> None:
    budget = Budget(capacity=2, shards=2)
    live, before = after(plan(several(0, 2, 4), existing(*NAMES[:2]), Applied(), now=NOW, budget=budget))
    made = plan([*several(2), due("45.83.0.4/31")], live, before, now=NOW, budget=budget)
    assert held(made) == {NAMES[0]: (v4(2),), NAMES[1]: ("45.83.0.4/31",)}


def test_what_people_changed_is_not_merged_with_ours() -> None:
    _, before = after(plan(several(0, 1), existing(NAMES[0]), Applied(), now=NOW))
    removed = existing(NAMES[0], weir_block_v4=(v4(0),))
    made = plan(several(0, 1, 4), removed, before, now=NOW, budget=Budget(capacity=2), restore_removed=False)
    assert "45.83.0.0/31" not in operations(made), "it would put back what somebody took out"
    by_hand = existing(NAMES[0], weir_block_v4=(v4(1),))
    made = plan(several(0, 1, 4), by_hand, Applied(), now=NOW, budget=Budget(capacity=3))
    assert held(made)[NAMES[0]] == (v4(0), v4(1), v4(4)), "what is there by hand lacks no slot"


def test_actions_are_separate_where_one_covers_another() -> None:
    made = plan([due("45.83.0.0/24", "challenge"), due(v4(7))], {}, Applied(), now=NOW)
    assert [(entry.ip_set, entry.address) for entry in made.entries] == [
        ("weir-block-v4", v4(7)),
        ("weir-challenge-v4", "45.83.0.0/24"),
    ]


# Installing


def test_installing_makes_and_references_the_further_sets(strict_twin: WafTwin, clock: Clock) -> Any:
    calls = Calls(strict_twin, sleep=clock.sleep, clock=clock)

    def referenced() -> set[str]:
        (summary,) = strict_twin.list_rule_groups(Scope="CLOUDFRONT")["RuleGroups"]
        group = strict_twin.get_rule_group(Name="weir-rules", Scope="CLOUDFRONT", Id=summary["Id"])["RuleGroup"]
        statements = [one for rule in group["Rules"] for one in rule["Statement"]["OrStatement"]["Statements"]]
        return {one["IPSetReferenceStatement"]["ARN"] for one in statements}

    def arns() -> set[str]:
        return {one["ARN"] for one in strict_twin.list_ip_sets(Scope="CLOUDFRONT")["IPSets"]}

    apply_install(calls, plan_install(calls))
    assert len(arns()) == 6
    apply_install(calls, plan_install(calls, shards=8))
    assert len(arns()) == 48 and referenced() == arns(), "as many as the policy may ask for fit in the group"
    assert not plan_install(calls, shards=8).changes
    assert not plan_install(calls).changes, "sets that may hold entries still are not taken out of use"
    target = target_on(strict_twin, clock)
    applied(target, several(0, 2, 4), budget=Budget(capacity=2, shards=8))
    assert live_addresses(target)[NAMES[1]] == {v4(4)}


# Properties

lists = st.lists(st.sets(st.integers(0, 31), max_size=24), min_size=2, max_size=5)


@settings(max_examples=250, deadline=None)
@given(lists, st.integers(1, 4), st.lists(st.integers(1, 3), min_size=5, max_size=5))
def test_shards_hold_what_is_due_and_settle(numbers: Any, capacity: Any, shards: Any) -> None:
    live, before = existing(*NAMES), Applied()
    for wanted, count in zip(numbers, shards, strict=False):
        entries = [due(v4(n), request_count=1 + n * 7 % 5) for n in sorted(wanted)]
        budget = Budget(capacity=capacity, shards=count)
        made = plan(entries, live, before, now=NOW, budget=budget)
        everything = [address for found in held(made).values() for address in found]
        assert all(len(found) <= capacity for found in held(made).values())
        assert len(covered(everything)) == sum(len(covered([one])) for one in everything), "no address is held twice"
        out = covered(entry.address for entry in made.entries if entry.operation == "overflow")
        out |= covered(e.address for e in made.entries if e.operation == "remove" and "IP set is full" in e.reason)
        assert covered(everything) | out == {v4(n)[:-3] for n in wanted}
        _nobody_due_is_uncovered_meanwhile(made, live)
        live, before = after(made)
        again = plan(entries, live, before, now=NOW, budget=budget)
        assert not again.changes
        assert held(again) == held(made)


def _nobody_due_is_uncovered_meanwhile(made: Plan, live: dict[str, LiveSet]) -> None:
    """Set by set, in the plan's order, as apply writes them; but for sets that exchange entries with one another."""
    takers: dict[str, set[str]] = {}
    for one in made.sets:
        leaving = covered(entry.address for entry in one.entries if entry.operation == "remove")
        takers[one.name] = {
            other.name for other in made.sets if other is not one and leaving & covered(other.addresses)
        }
    try:
        TopologicalSorter(takers).prepare()
    except CycleError:
        return
    now = {name: one.addresses for name, one in live.items()}
    staying = covered(a for found in now.values() for a in found) & covered(a for s in made.sets for a in s.addresses)
    for one in made.sets:
        now[one.name] = one.addresses
        assert staying <= covered(address for found in now.values() for address in found)
