"""What a score leads to: graduated, bounded by the client's nature, deterministic, never on protected ranges."""

from __future__ import annotations

import ipaddress
import random
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets.domains.waf.decide.due import due_entries
from platform_assets.domains.waf.decide.rules import ScoredHour, decide
from platform_assets.domains.waf.decisions import MANUAL, Decision
from platform_assets.domains.waf.networks import SPECIAL, Ranges, parse_network, special_ranges
from platform_assets.domains.waf.rulebook import Networks, Rules
from platform_assets.domains.waf.tables import WAF_DECISIONS
from tests.domains.waf.waf_world import HOUR, NOW, attacks, behavior, decision, score, v4

RULES = Rules()
END = HOUR + timedelta(hours=1)
CLIENT = "45.83.1.2/32"


def decide_one(
    client: str = CLIENT,
    *,
    rules: Rules = RULES,
    earlier: tuple = (),
    allow: tuple = (),
    known: Any = None,
    **values: Any,
) -> Any:
    """The one decision on a client, or None."""
    rows = [score(client, **values)]
    found = decide(ScoredHour(HOUR, rows, behavior=[known or behavior(client)]), earlier, rules, allow)
    assert len(found) <= 1
    return found[0] if found else None


def action_of(*arguments: Any, **values: Any) -> str | None:
    found = decide_one(*arguments, **values)
    return None if found is None else found.action


@pytest.mark.parametrize(
    ("probability", "requests", "expected"),
    [
        (0.49, 100, None),
        (0.5, 1, "count"),
        (0.69, 100, "count"),
        (0.7, 2, "count"),
        (0.7, 3, "challenge"),
        (0.9, 4, "challenge"),
        (0.9, 5, "block"),
    ],
)
def test_actions_grow_with_probability_and_evidence(probability: Any, requests: Any, expected: Any) -> None:
    assert action_of(abuse_probability=probability, request_count=requests) == expected


def test_certainty_without_attacks_or_history_only_challenges() -> None:
    reader = behavior(CLIENT, distinct_page_count=100)
    found = decide(ScoredHour(HOUR, [score(CLIENT)], behavior=[reader], attacks=[]), [], RULES)
    assert [one.action for one in found] == ["challenge"]
    found = decide(
        ScoredHour(HOUR, [score(CLIENT)], behavior=[behavior(CLIENT)], attacks=[attacks(CLIENT, 5)]), [], RULES
    )
    assert [(one.action, one.attack_request_count) for one in found] == [("block", 5)]


def test_an_earlier_decision_with_new_requests_is_proof() -> None:
    before = decision(CLIENT, "challenge", decided_at=HOUR, hours=12)
    tries = behavior(CLIENT, sign_in_failure_count=40, distinct_path_count=2)
    hour = ScoredHour(HOUR, [score(CLIENT)], behavior=[tries], attacks=[])
    found = decide(hour, [before], RULES)
    assert [one.action for one in found] == ["block"]
    assert f"escalated from challenge {before.decision_id}" in found[0].reason
    stale = replace(before, evidence_request_ids=tuple(score(CLIENT)["evidence_request_ids"]))
    assert decide(hour, [stale], RULES) == []


@pytest.mark.parametrize("action", ["count", "challenge", "block"])
def test_lower_bounds_reach_decisions_already_made(action: str) -> None:
    made = [
        decision(CLIENT, action, abuse_kind="scraper"),
        decision("45.83.2.0/24", "challenge", client_kind="network"),
    ]
    for rules, expected in (
        (RULES, {CLIENT: action, "45.83.2.0/24": "challenge"}),
        (replace(RULES, at_most="count"), {CLIENT: "count", "45.83.2.0/24": "count"}),
        (replace(RULES, at_most="none"), {}),
        (replace(RULES, kinds={"scraper": "none"}), {"45.83.2.0/24": "challenge"}),
        (replace(RULES, networks=Networks(at_most="none")), {CLIENT: action}),
    ):
        entries = due_entries(made, NOW, rules=rules)
        assert {entry.address: entry.action for entry in entries} == expected
        for entry in entries:
            is_lowered = expected[entry.address] != {CLIENT: action, "45.83.2.0/24": "challenge"}[entry.address]
            assert ("the policy allows" in entry.reason) is is_lowered


def test_a_block_by_a_person_is_not_bounded() -> None:
    by_hand = decision(CLIENT, model_name=MANUAL, model_version="", abuse_kind=MANUAL)
    (entry,) = due_entries([by_hand], NOW, rules=replace(RULES, at_most="count"))
    assert entry.action == "block"


def test_a_client_below_the_threshold_stays_untouched() -> None:
    assert action_of(is_abuse=False) is None
    assert action_of(is_abuse=False, rules=replace(RULES, require_is_abuse=False)) == "block"


def test_nan_and_nonsense_decide_nothing() -> None:
    for probability in (float("nan"), 1.7, -1.0):
        assert action_of(abuse_probability=probability) is None


def test_a_network_with_several_members_is_challenged_only() -> None:
    network = "45.83.1.0/24"
    assert action_of(network, known=behavior(network, address_count=5)) == "challenge"
    assert action_of(network, known=behavior(network, address_count=2)) is None
    may_block = replace(RULES, networks=Networks(at_most="block"))
    assert action_of(network, rules=may_block, known=behavior(network, address_count=5)) == "block"
    assert action_of("45.83.0.0/16", known=behavior("45.83.0.0/16", address_count=50)) is None


def test_a_shared_address_is_challenged_at_most() -> None:
    office = behavior(CLIENT, distinct_user_agent_count=12, cookie_request_count=30)
    found = decide_one(known=office)
    assert found.action == "challenge"
    assert "many people seem to share the address" in found.reason
    rotating_scraper = behavior(CLIENT, distinct_user_agent_count=40)
    assert action_of(known=rotating_scraper) == "block"


def test_a_client_without_features_is_challenged_at_most() -> None:
    found = decide(ScoredHour(HOUR, [score(CLIENT)]), [], RULES)
    assert [one.action for one in found] == ["challenge"]


def test_a_declared_crawler_is_counted_until_it_attacks() -> None:
    crawler = behavior(CLIENT, declared_bot_count=41)
    found = decide(ScoredHour(HOUR, [score(CLIENT)], behavior=[crawler], attacks=[]), [], RULES)
    assert [one.action for one in found] == ["count"]
    found = decide(ScoredHour(HOUR, [score(CLIENT)], behavior=[crawler], attacks=[attacks(CLIENT, 9)]), [], RULES)
    assert [one.action for one in found] == ["block"]


def test_policy_bounds_everything_and_each_kind() -> None:
    assert action_of(rules=replace(RULES, at_most="count")) == "count"
    assert action_of(rules=replace(RULES, at_most="none")) is None
    assert action_of(rules=replace(RULES, kinds={"prober": "challenge"})) == "challenge"
    assert action_of(rules=replace(RULES, kinds={"scraper": "challenge"})) == "block"


@pytest.mark.parametrize("cidr", [cidr for cidr, _ in SPECIAL])
def test_special_ranges_are_never_acted_upon(cidr: Any) -> None:
    network = ipaddress.ip_network(cidr)
    for address in (network.network_address, network.broadcast_address):
        client = f"{address}/{network.max_prefixlen}"
        assert action_of(client) is None, client


def test_no_address_that_is_not_global_slips_through() -> None:
    """Against the standard library: whatever it calls private or reserved is among the special ranges."""
    generator = random.Random(3)
    special = special_ranges()
    for _ in range(4000):
        for address in (
            ipaddress.IPv4Address(generator.getrandbits(32)),
            ipaddress.IPv6Address(generator.getrandbits(128)),
            ipaddress.IPv6Address((0x2001 << 112) | generator.getrandbits(112 - 5)),
        ):
            if not address.is_global or address.is_multicast or address.is_reserved:
                assert special.overlaps(parse_network(str(address))), address


def test_a_policy_may_except_kinds_of_special_ranges() -> None:
    assert action_of("203.0.113.9/32") is None
    assert action_of("203.0.113.9/32", rules=replace(RULES, act_on_special=("documentation",))) == "block"
    assert action_of("10.0.0.9/32", rules=replace(RULES, act_on_special=("documentation",))) is None


def test_nothing_allow_listed_is_acted_upon() -> None:
    network = "45.83.1.0/24"
    several = behavior(network, address_count=5)
    assert action_of(allow=("45.83.0.0/16",)) is None
    assert action_of(allow=(CLIENT,)) is None
    assert action_of(allow=("45.83.1.3/32",)) == "block"
    assert action_of(network, allow=("45.83.1.200/32",), known=several) is None
    assert action_of(network, allow=("45.83.2.0/32",), known=several) == "challenge"


def test_decisions_live_on_the_event_clock() -> None:
    found = decide_one()
    assert found.decided_at == END
    assert found.expires_at == END + timedelta(hours=24)


def test_other_hours_and_later_decisions_are_not_seen() -> None:
    later = [score(CLIENT, hour=END), score(v4(9), hour=HOUR - timedelta(hours=1))]
    assert decide(ScoredHour(HOUR, later), [], RULES) == []
    first = decide_one()
    own = decision(CLIENT, decided_at=END)
    future = decision(CLIENT, decided_at=END + timedelta(hours=3))
    assert decide_one(earlier=(own, future)) == first


def test_an_action_in_force_is_not_renewed() -> None:
    """AWS Security Automations #44: WAF's own 403s kept a block alive for ever."""
    in_force = decision(CLIENT, decided_at=HOUR - timedelta(hours=3), hours=24)
    ends_within = decision(CLIENT, decided_at=HOUR - timedelta(hours=24), hours=25)
    assert decide_one(earlier=(in_force,)) is None
    assert decide_one(earlier=(ends_within,)) is None
    assert decide_one(earlier=(in_force,), abuse_probability=0.8) is None
    over = decision(CLIENT, decided_at=HOUR - timedelta(hours=24), hours=24)
    assert decide_one(earlier=(over,)).repetition == 1


def test_old_requests_do_not_renew_a_verdict() -> None:
    ids = tuple(score(CLIENT)["evidence_request_ids"])
    over = decision(CLIENT, decided_at=HOUR - timedelta(hours=13), hours=12, evidence_request_ids=ids)
    assert action_of(earlier=(over,)) is None
    assert action_of(earlier=(over,), evidence_request_ids=[*ids[:5], "new"]) == "block"
    a_day_ago = decision(CLIENT, decided_at=END - timedelta(hours=24), hours=12, evidence_request_ids=ids)
    assert action_of(earlier=(a_day_ago,)) == "block"


def volume_abuse(*earlier: Decision, pages: int = 100, **values: Any) -> str | None:
    """The action on a scraper: no request of its own shows it, so no ids."""
    row = score(CLIENT, evidence_request_ids=[], abuse_kind="scraper", request_count=3000, **values)
    read = behavior(CLIENT, request_count=3000, distinct_page_count=pages)
    found = decide(ScoredHour(HOUR, [row], behavior=[read], attacks=[]), earlier, RULES)
    return found[0].action if found else None


def test_volume_is_never_its_own_second_proof() -> None:
    assert volume_abuse(pages=99) == "count"
    assert volume_abuse() == "challenge"
    values: dict[str, Any] = {"evidence_request_ids": (), "request_count": 3000}
    an_hour_ago = decision(CLIENT, "challenge", decided_at=HOUR, **values)
    assert volume_abuse(an_hour_ago) is None, "the same 24 hours seen twice are no repetition"
    a_day_ago = decision(CLIENT, "challenge", decided_at=END - timedelta(hours=25), **values)
    assert volume_abuse(a_day_ago) == "challenge"


def test_a_verdict_that_knew_less_may_grow() -> None:
    counted = decision(CLIENT, "count", decided_at=HOUR, score=0.6, request_count=9, evidence_request_ids=())
    assert volume_abuse(counted) == "challenge"
    assert volume_abuse(counted, abuse_probability=0.65) is None


def test_durations_double_up_to_the_cap() -> None:
    lasted = []
    for repetitions in range(7):
        past = tuple(decision(CLIENT, decided_at=HOUR - timedelta(hours=100 - n), hours=1) for n in range(repetitions))
        found = decide_one(earlier=past)
        lasted.append((found.expires_at - found.decided_at) / timedelta(hours=1))
    assert lasted == [24, 48, 96, 192, 336, 336, 336]


def test_decisions_beyond_the_memory_are_forgotten() -> None:
    old = decision(CLIENT, decided_at=HOUR - timedelta(hours=168), hours=1)
    assert decide_one(earlier=(old,)).repetition == 0


def test_the_reason_names_finding_and_model() -> None:
    found = decide_one()
    assert (
        found.reason
        == "prober with probability 0.970, 41 requests in 24 h, 12 of them attacks; distinct paths 211 (usual 6)"
    )


clients = st.sampled_from([v4(n) for n in range(6)] + ["45.83.0.0/24", "2a00:1450::5/128", "10.0.0.1/32"])
score_rows = st.builds(
    lambda client, probability, requests, ids: score(
        client, abuse_probability=probability, request_count=requests, evidence_request_ids=ids
    ),
    clients,
    st.floats(0, 1),
    st.integers(0, 50),
    st.lists(st.sampled_from("abcdefgh"), max_size=8, unique=True),
)
past_decisions = st.builds(
    lambda client, action, hours_ago, hours: decision(
        client, action, decided_at=HOUR - timedelta(hours=hours_ago), hours=hours
    ),
    clients,
    st.sampled_from(["count", "challenge", "block"]),
    st.integers(-3, 200),
    st.integers(1, 48),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(score_rows, max_size=12), st.lists(past_decisions, max_size=8), st.randoms())
def test_order_and_repetition_change_no_decision(rows: Any, past: Any, shuffler: Any) -> None:
    known = [behavior(row["client"], address_count=4) for row in rows]
    first = decide(ScoredHour(HOUR, rows, behavior=known), past, RULES)
    for part in (rows, past, known):
        shuffler.shuffle(part)
    again = decide(ScoredHour(HOUR, rows + rows[:3], behavior=known), [*past, *first], RULES)
    assert again == first
    assert len({one.address for one in first}) == len(first)


def test_wanted_is_the_strongest_unexpired_decision() -> None:
    decisions = [
        decision(CLIENT, "challenge", decided_at=HOUR, hours=48, reason="first"),
        decision(CLIENT, "block", decided_at=HOUR, hours=12, reason="then"),
        decision(v4(5), decided_at=HOUR, hours=1),
    ]
    entries = due_entries(decisions, NOW)
    assert [(one.address, one.action, one.reason) for one in entries] == [(CLIENT, "block", "then")]
    assert entries[0].causes == (decisions[1].decision_id, decisions[0].decision_id)
    later = due_entries(decisions, HOUR + timedelta(hours=13))
    assert [(one.action, one.reason) for one in later] == [("challenge", "first")]
    assert due_entries(decisions, HOUR + timedelta(hours=48)) == []


def test_allowing_affects_decisions_already_made() -> None:
    assert due_entries([decision(CLIENT)], NOW, ["45.83.0.0/16"]) == []
    assert due_entries([decision("203.0.113.9/32")], NOW) == []


def test_a_decision_survives_its_table_row() -> None:
    one = decide_one()
    row = one.row()
    assert tuple(row) == WAF_DECISIONS.column_names
    assert Decision.from_row(row) == one


def test_ranges_know_what_they_overlap() -> None:
    ranges = Ranges.of(["10.0.0.0/25", "10.0.0.128/25", "10.2.0.0/16", "2a00::/32"])
    inside = ["10.0.0.255/32", "10.0.0.0/8", "10.2.3.0/24", "2a00:0:1::/48"]
    outside = ["10.0.1.0/24", "9.255.255.255/32", "2a01::/32", "::a00:1/128"]
    assert [ranges.overlaps(parse_network(text)) for text in inside + outside] == [True] * 4 + [False] * 4
    nested = Ranges.of(["10.0.0.0/8", "10.5.0.0/24"])
    assert nested.overlaps(parse_network("10.6.0.1/32"))


def test_pure_modules_need_the_standard_library_alone() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import platform_assets.domains.waf.decide.rules, platform_assets.domains.waf.plan.plan, platform_assets.domains.waf.limits, platform_assets.domains.waf.checks.checks\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - sys.stdlib_module_names - {'platform_assets', 'spark_jobs'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
