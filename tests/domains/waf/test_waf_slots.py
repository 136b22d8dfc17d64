"""Slots as a budget: nothing lost while halves can be joined, nothing forbidden covered, the least harm left out."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets.domains.waf.decisions import DueEntry
from platform_assets.domains.waf.networks import Ranges, parse_network
from platform_assets.domains.waf.plan.slots import Allotment, Budget, Exemptions, Merged, allot, harm_order
from tests.domains.waf.waf_world import NOW, due, v4

LOOSE = Budget(max_collateral_share=0.5)


def addresses(entries: tuple[DueEntry, ...]) -> tuple[str, ...]:
    return tuple(one.address for one in entries)


def got(wanted: list[DueEntry], slots: int, **options: object) -> tuple[str, ...]:
    return addresses(allot(wanted, slots, **options).entries)  # type: ignore[arg-type]


def single(text: str) -> set[str]:
    return {str(one) for one in ip_network(text)}


def covered(entries: tuple[DueEntry, ...] | list[DueEntry]) -> set[str]:
    """Every address of small networks."""
    return {address for one in entries for address in single(one.address)}


# What needs no slot, and what is joined


def test_a_covered_entry_needs_no_slot() -> None:
    wide, inner = due("45.83.0.0/24"), due("45.83.0.7/32")
    (kept,) = allot([inner, wide], 10).entries
    assert kept.address == "45.83.0.0/24"
    assert kept.causes == (wide.decision_id, inner.decision_id)
    assert kept.expires_at == wide.expires_at, "the entry is a decision of its own and ends with it"


def test_nothing_is_merged_while_there_is_room() -> None:
    assert got([due(v4(n)) for n in range(4)], 4) == tuple(v4(n) for n in range(4))


def test_halves_merge_only_while_slots_lack() -> None:
    wanted = [due(v4(n)) for n in range(8)]
    assert got(wanted, 7) == ("45.83.0.0/31", *(v4(n) for n in range(2, 8)))
    assert got(wanted, 1) == ("45.83.0.0/29",)


def test_numbers_in_a_row_are_no_halves() -> None:
    assert allot([due(v4(1)), due(v4(2))], 1).left_out != (), "45.83.0.1 and .2 share no network of two"


def test_networks_and_addresses_of_ipv6_are_joined_too() -> None:
    assert got([due("2a00:1450::/65"), due("2a00:1450:0:0:8000::/65")], 1) == ("2a00:1450::/64",)
    assert got([due("2a00:1450::2/128"), due("2a00:1450::3/128")], 1) == ("2a00:1450::2/127",)


def test_a_merged_entry_ends_with_its_first_member() -> None:
    early = due(v4(0), expires_at=NOW + timedelta(hours=1), request_count=10)
    late = due(v4(1), request_count=500, score=0.5, reason="the worst")
    (merged,) = allot([late, early], 1).entries
    assert isinstance(merged, Merged)
    assert merged.expires_at == early.expires_at
    assert merged.members == (v4(0), v4(1)) and merged.unwanted_count == 0
    assert set(merged.causes) == {early.decision_id, late.decision_id}
    assert merged.decision_id == late.decision_id
    assert merged.harm == pytest.approx(early.harm + late.harm)
    assert merged.reason == (
        "merged for want of slots, with no address besides: 45.83.0.0/32, 45.83.0.1/32; the worst of them: the worst"
    )


def test_a_remaining_member_is_kept_exactly() -> None:
    ending, staying, elsewhere = due(v4(0)), due(v4(1)), due(v4(9))
    assert got([ending, staying, elsewhere], 2) == ("45.83.0.0/31", v4(9))
    assert got([staying, elsewhere], 2) == (v4(1), v4(9))


def test_manual_removals_neither_cover_nor_merge() -> None:
    pair = [due(v4(0)), due(v4(1), request_count=1)]
    assert got(pair, 1, unmergeable=[v4(1)]) == (v4(0),)
    assert got([due("45.83.0.0/31"), due(v4(0))], 9, unmergeable=["45.83.0.0/31"]) == ("45.83.0.0/31", v4(0))
    three = [due(v4(n)) for n in (0, 1, 2, 3)]
    assert "45.83.0.0/30" not in got(three, 1, unmergeable=[v4(3)], budget=LOOSE)


# Widening


def test_a_network_merges_only_by_policy() -> None:
    wanted = [due(v4(n)) for n in (0, 1, 2)]
    assert allot(wanted, 1).left_out, "by default nobody else is ever covered"
    (merged,) = allot(wanted, 1, budget=LOOSE).entries
    assert isinstance(merged, Merged)
    assert (merged.address, merged.unwanted_count) == ("45.83.0.0/30", 1)
    assert "with 1 of 4 addresses besides" in merged.reason
    assert allot(wanted, 1, budget=Budget(max_collateral_share=0.2)).left_out, "one of four is more than a fifth"


def test_halves_are_joined_before_anybody_else_is_covered() -> None:
    wanted = [due(v4(n)) for n in (0, 2, 8, 9)]
    assert got(wanted, 3, budget=LOOSE) == (v4(0), v4(2), "45.83.0.8/31")


def test_the_smallest_network_is_widened_to_first() -> None:
    wanted = [due(v4(n)) for n in (0, 1, 2, 16, 18)]
    assert got(wanted, 4, budget=LOOSE) == ("45.83.0.0/31", v4(2), v4(16), v4(18))
    assert got(wanted, 3, budget=LOOSE) == ("45.83.0.0/30", v4(16), v4(18))
    both = [due(v4(n)) for n in (0, 1, 2, 4, 5, 6)]
    assert got(both, 3, budget=LOOSE) == ("45.83.0.0/30", "45.83.0.4/31", v4(6))


def test_no_network_exceeds_the_widest_merge() -> None:
    wanted = [due(v4(n)) for n in range(512) if n % 4]
    assert set(got(wanted, 2, budget=LOOSE)) == {"45.83.0.0/24", "45.83.1.0/24"}
    assert allot(wanted, 1, budget=LOOSE).left_out
    assert got(wanted, 1, budget=Budget(max_collateral_share=0.5, widest_merge_v4=23)) == ("45.83.0.0/23",)


def test_widening_never_covers_a_forbidden_range() -> None:
    wanted = [due(v4(n)) for n in (0, 1, 2)]
    exemptions = Exemptions.of(["45.83.0.3/32"])
    assert allot(wanted, 1, budget=LOOSE, exemptions=exemptions).left_out
    near = [due(f"203.0.112.{n}/32") for n in (252, 253, 254)]
    wide = Budget(max_collateral_share=0.9, widest_merge_v4=22)
    assert not any(
        parse_network(one).prefixlen < 24
        for one in got([*near, due("203.0.114.0/24")], 1, budget=wide, exemptions=Exemptions.of())
    )


def test_widening_covers_benign_addresses_up_to_share() -> None:
    wanted = [due(v4(n), request_count=30) for n in (0, 1, 2)]
    exemptions = Exemptions.of(benign={v4(3): 10})
    assert allot(wanted, 1, budget=LOOSE, exemptions=exemptions).left_out, "by default not one of them"
    tenth = Budget(max_collateral_share=0.5, max_benign_share=0.1)
    assert got(wanted, 1, budget=tenth, exemptions=exemptions) == ("45.83.0.0/30",)
    assert allot(wanted, 1, budget=tenth, exemptions=Exemptions.of(benign={v4(3): 11})).left_out
    assert got(wanted, 1, budget=LOOSE, exemptions=Exemptions.of(benign={v4(1): 99})) == ("45.83.0.0/30",), (
        "wanted anyway"
    )


# Peers


def test_the_most_harmful_fill_every_slot() -> None:
    """AWS Security Automations updates nothing then; cds-snc keeps the lexicographically first 10,000."""
    wanted = [due(v4(2 * n), request_count=n + 1) for n in range(12_000)]
    made = allot(wanted, 10_000)
    assert addresses(made.entries) == tuple(v4(2 * n) for n in range(2_000, 12_000))
    assert len(made.left_out) == 2_000


def test_twelve_thousand_neighbors_fit_without_loss() -> None:
    wanted = [due(v4(n)) for n in range(12_000)]
    made = allot(wanted, 10_000)
    assert len(made.entries) == 10_000 and made.left_out == ()
    assert covered(made.entries) == {single(one.address).pop() for one in wanted}


def test_without_slots_everything_is_left_out() -> None:
    assert allot([due(v4(0)), due(v4(1))], 0).entries == ()
    assert allot([], 5) == Allotment((), ())


# Properties

networks = st.tuples(st.integers(0, 63), st.sampled_from([32, 32, 32, 32, 31, 30])).map(
    lambda pair: f"45.83.0.{pair[0] >> (32 - pair[1]) << (32 - pair[1])}/{pair[1]}"
)


@st.composite
def wanted_entries(draw: st.DrawFn) -> list[DueEntry]:
    """Entries of 64 neighbours, some in one another, with harm of all sizes and ends of all kinds."""
    return [
        due(one, request_count=draw(st.integers(1, 9)), expires_at=NOW + timedelta(hours=draw(st.integers(1, 3))))
        for one in sorted(draw(st.sets(networks, max_size=40)))
    ]


budgets = st.builds(
    Budget,
    max_collateral_share=st.sampled_from([0.0, 0.2, 0.5, 0.8]),
    max_benign_share=st.sampled_from([0.0, 0.3]),
    widest_merge_v4=st.sampled_from([24, 28, 30]),
)
slot_counts = st.integers(0, 24)
neighbours = st.sets(st.integers(0, 63).map(v4), max_size=6)


@settings(max_examples=300, deadline=None)
@given(wanted_entries(), slot_counts)
def test_without_collateral_exactly_wanted_addresses_are_held(wanted: Any, slots: Any) -> None:
    made = allot(wanted, slots)
    assert len(made.entries) <= slots
    held, out = covered(made.entries), covered(made.left_out)
    assert held | out == covered(wanted) and not held & out
    assert sum(len(single(one.address)) for one in made.entries) == len(held), "no entry covers another"


@settings(max_examples=300, deadline=None)
@given(wanted_entries(), slot_counts, budgets, neighbours, neighbours)
def test_widening_keeps_to_its_bounds_whatever_is_wanted(
    wanted: Any, slots: Any, budget: Any, allowed: Any, benign: Any
) -> None:
    due_addresses = covered(wanted)
    forbidden = {one for one in allowed if single(one).isdisjoint(due_addresses)}
    exemptions = Exemptions.of(forbidden, benign=dict.fromkeys(benign, 3))
    made = allot(wanted, slots, budget=budget, exemptions=exemptions)
    assert len(made.entries) <= slots
    assert due_addresses <= covered(made.entries) | covered(made.left_out)
    assert not any(Ranges.of(forbidden).overlaps(parse_network(one.address)) for one in made.entries)
    for one in (*made.entries, *made.left_out):
        inside = single(one.address)
        besides = inside - due_addresses
        assert len(besides) <= budget.max_collateral_share * len(inside)
        assert not besides or parse_network(one.address).prefixlen >= budget.widest_merge_v4
        good = 3 * len(besides & covered([due(each) for each in benign]))
        assert good <= budget.max_benign_share * (good + one.request_count)
        if isinstance(one, Merged):
            assert one.unwanted_count == len(besides)


@settings(max_examples=200, deadline=None)
@given(wanted_entries(), slot_counts, budgets)
def test_the_least_harm_is_left_out_last(wanted: Any, slots: Any, budget: Any) -> None:
    made = allot(wanted, slots, budget=budget)
    if made.left_out:
        assert len(made.entries) == slots
    if made.left_out and made.entries:
        assert max(map(harm_order, made.entries)) < min(map(harm_order, made.left_out))


@settings(max_examples=200, deadline=None)
@given(wanted_entries(), slot_counts, budgets, st.randoms())
def test_the_order_of_the_entries_does_not_matter(wanted: Any, slots: Any, budget: Any, shuffler: Any) -> None:
    before = allot(wanted, slots, budget=budget)
    shuffler.shuffle(wanted)
    assert allot(wanted, slots, budget=budget) == before


@settings(max_examples=200, deadline=None)
@given(wanted_entries(), slot_counts, budgets)
def test_every_cause_is_found_behind_an_entry(wanted: Any, slots: Any, budget: Any) -> None:
    made = allot(wanted, slots, budget=budget)
    behind = {cause for one in (*made.entries, *made.left_out) for cause in one.causes or (one.decision_id,)}
    assert behind == {one.decision_id for one in wanted}


@settings(max_examples=200, deadline=None)
@given(st.sets(st.integers(0, 255), min_size=40, max_size=160), st.integers(0, 255), st.integers(1, 60))
def test_one_more_entry_changes_few_others(numbers: Any, number: Any, lacking: Any) -> None:
    """Of a list that is short of slots: a chain of at most eight halves that the entry completes, and as many given back."""
    wanted = [due(v4(n), request_count=1 + n % 97) for n in sorted(numbers)]
    slots = max(len(wanted) - lacking, 1)
    before = set(got(wanted, slots))
    after = set(got([*(one for one in wanted if one.address != v4(number)), due(v4(number), request_count=50)], slots))
    assert len(before ^ after) <= 2 * (8 + 1)
