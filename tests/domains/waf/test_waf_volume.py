"""Who asks for much without doing harm is counted at most; who forwards the requests of others as well.

Rows as such clients leave them in client_daily, every hour of three days judged as sure abuse by the model.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from platform_assets.domains.waf.decide.browsing import Browsing
from platform_assets.domains.waf.decide.rules import ScoredHour, decide
from platform_assets.domains.waf.decisions import Decision, rank
from platform_assets.domains.waf.rulebook import Rules
from tests.domains.waf.waf_world import HOUR, attacks, behavior, score

RULES = Rules()
ADDRESS = "45.83.1.2/32"
ONE_PATH: dict[str, Any] = {"distinct_path_count": 24, "active_hour_count": 24}
INNOCENT: dict[str, dict[str, Any]] = {
    "a video player that fetches segments": {"request_count": 9_000, "asset_request_count": 8_000, "distinct_path_count": 8_500, "path_entropy_bits": 12.0},
    "a live TV player with unusual segment names": {"request_count": 20_000, "distinct_path_count": 19_000, "path_entropy_bits": 13.0},
    "a map with tiles, some of which do not exist": {"request_count": 6_000, "asset_request_count": 5_500, "not_found_count": 900, "path_entropy_bits": 11.0},
    "a gallery with its pages": {"request_count": 4_000, "asset_request_count": 3_600, "distinct_page_count": 300},
    "a page that polls every five seconds": {"request_count": 17_280, "peak_minute_request_count": 12, **ONE_PATH},
    "a chat client": {"request_count": 40_000, "distinct_path_count": 48, "path_entropy_bits": 1.0},
    "an installer in CI": {"request_count": 5_000, "distinct_path_count": 3_000, "tool_user_agent_count": 5_000, "path_entropy_bits": 11.0},
    "a GraphQL backend": {"request_count": 90_000, "post_request_count": 90_000, **ONE_PATH},
    "devices behind one NAT": {"request_count": 60_000, "no_user_agent_count": 60_000, "active_hour_count": 24, "distinct_path_count": 24},
    "a partner whose token has expired": {"request_count": 2_880, "sign_in_failure_count": 2_880, "unauthorised_count": 2_880, "peak_minute_request_count": 2, "active_minute_count": 1_440, **ONE_PATH},
    "a sync client that finds one file missing": {"request_count": 2_000, "not_found_count": 2_000, "path_entropy_bits": 0.2, **ONE_PATH},
    "a folder that syncs, in which some names look like attacks": {"request_count": 1_700, "attack_count": 99, "probe_path_request_count": 52, "not_found_count": 45, "client_error_count": 77, "path_entropy_bits": 1.2},
    "WebDAV with methods of its own": {"operation_count": 576, "request_count": 860, "attack_count": 576, "unusual_method_request_count": 576, "unauthorised_count": 575, "client_error_count": 575, "path_entropy_bits": 1.4},
    "a job whose password has expired": {"request_count": 1_025, "attack_count": 720, "post_request_count": 720, "sign_in_failure_count": 720, "probe_path_request_count": 1_025, "unauthorised_count": 1_025, "client_error_count": 1_025, "peak_minute_request_count": 2, "active_minute_count": 900, "distinct_path_count": 48, "active_hour_count": 24},
    "an old site whose own pages look like probes": {"request_count": 235, "probe_path_request_count": 235, "ok_count": 176, "not_found_count": 57, "client_error_count": 57, "distinct_page_count": 90, "path_entropy_bits": 4.3},
    "a map beyond its edge": {"request_count": 210, "not_found_count": 20, "client_error_count": 20, "path_entropy_bits": 7.7},
    "features of an hour before pages were counted": {"request_count": 9_000, "distinct_page_count": None, "forwarded_client_count": None},
}  # fmt: skip
HARMFUL: dict[str, dict[str, Any]] = {
    "block": {
        "request_count": 5_000,
        "sign_in_failure_count": 2_500,
        "peak_minute_request_count": 90,
        "distinct_path_count": 48,
        "active_hour_count": 24,
    },
    "challenge": {
        "request_count": 5_000,
        "distinct_page_count": 4_000,
        "asset_request_count": 10,
        "path_entropy_bits": 11.0,
    },
}
FEW = (
    {"request_count": 10, "sign_in_failure_count": 10, "active_minute_count": 10, "peak_minute_request_count": 1, "distinct_path_count": 1},
    {"request_count": 17, "not_found_count": 16, "client_error_count": 16, "path_entropy_bits": 3.9},
    {"request_count": 12, "attack_count": 4},
)  # fmt: skip


def strongest(client: str = ADDRESS, attack_count: int = 0, operation_count: int = 0, **row: Any) -> str | None:
    decisions: list[Decision] = []
    browsing = {client: Browsing(operation_count=operation_count)}
    for number in range(72):
        hour = HOUR + timedelta(hours=number)
        ids = [f"{hour:%d%H}-1"]
        scored = score(
            client, hour=hour, abuse_probability=0.999, request_count=row["request_count"], evidence_request_ids=ids
        )
        day = [attacks(client, attack_count, hour=hour)] if attack_count else []
        scored_hour = ScoredHour(hour, [scored], [behavior(client, hour=hour, **row)], day)
        decisions += decide(scored_hour, decisions, RULES, browsing=browsing)
    return max((one.action for one in decisions), key=rank, default=None)


@pytest.mark.parametrize("who", INNOCENT)
def test_asking_for_much_is_counted_at_most(who: str) -> None:
    assert strongest(**INNOCENT[who]) == "count"


@pytest.mark.parametrize("action", HARMFUL)
def test_what_is_more_than_volume_is_still_acted_on(action: str) -> None:
    assert strongest(**HARMFUL[action]) == action


@pytest.mark.parametrize("row", FEW)
def test_a_few_requests_are_no_volume(row: dict[str, Any]) -> None:
    assert rank(strongest(**row) or "count") >= rank("challenge")


def varied(class_count: int, **row: Any) -> str | None:
    """400 attacks among 5,000 requests."""
    day = {**attacks(ADDRESS, 400), "day_attack_class_count": class_count}
    hour = ScoredHour(HOUR, [score(ADDRESS)], [behavior(ADDRESS, request_count=5_000, **row)], [day])
    return next((decision.action for decision in decide(hour, [], RULES)), None)


def test_attacks_of_several_classes_hide_in_no_volume() -> None:
    assert varied(3) == "block"
    assert varied(2) == "count", "what the request model mistakes is of one kind"
    assert varied(3, cookie_request_count=900, asset_request_count=900) == "count", "people may be behind it"
    assert varied(3, cookie_request_count=1, asset_request_count=1) == "block", "one of each shows no people"
    assert varied(3, cookie_request_count=5_000, asset_request_count=500) == "block"


def test_an_expired_password_excuses_its_path_alone() -> None:
    job = INNOCENT["a job whose password has expired"]
    assert strongest(**{**job, "probe_path_request_count": 0}) == "block", "texts in user agents or referers"
    assert strongest(**{**job, "query_request_count": 720}) == "block"
    day = {**attacks(ADDRESS, 720), "day_attack_class_count": 2}
    values = {name: value for name, value in job.items() if name != "attack_count"}
    hour = ScoredHour(HOUR, [score(ADDRESS)], [behavior(ADDRESS, **values)], [day])
    assert [decision.action for decision in decide(hour, [], RULES)] == ["block"]


def test_slow_password_guessing_is_no_expired_token() -> None:
    steady: dict[str, Any] = {"peak_minute_request_count": 4, "active_minute_count": 1_400, **ONE_PATH}
    guesses: dict[str, Any] = {"request_count": 5_000, "sign_in_request_count": 5_000, "sign_in_failure_count": 4_900}
    assert strongest(**guesses, **steady) == "block"
    refused: dict[str, Any] = {"request_count": 2_880, "unauthorised_count": 2_880, "client_error_count": 2_880}
    assert strongest(**refused, **steady) == "count", "an API path that is no sign-in"
    hourly: dict[str, Any] = {"request_count": 96, "sign_in_request_count": 96, "sign_in_failure_count": 96}
    assert strongest(**{**steady, "active_minute_count": 96}, **hourly) == "count", "every quarter of an hour"


@pytest.mark.parametrize(
    ("row", "action"),
    [
        ({"sign_ins": 1_440, "minutes": 1_440, "peak": 2}, "count"),  # every minute
        ({"sign_ins": 720, "minutes": 720, "peak": 1}, "count"),  # every second minute
        ({"sign_ins": 2_880, "minutes": 1_440, "peak": 3}, "count"),  # every half minute
        ({"sign_ins": 1_440, "minutes": 910, "peak": 4}, "block"),  # as many at random times
        ({"sign_ins": 720, "minutes": 566, "peak": 3}, "block"),
        ({"sign_ins": 4_320, "minutes": 1_440, "peak": 4}, "block"),  # evenly, but three a minute
    ],
)
def test_only_a_timer_may_fail_to_sign_in_all_day(row: dict[str, int], action: str) -> None:
    sign_ins = row["sign_ins"]
    refused: dict[str, Any] = {"unauthorised_count": sign_ins, "client_error_count": sign_ins}
    sums: dict[str, Any] = {
        "request_count": sign_ins,
        "sign_in_request_count": sign_ins,
        "sign_in_failure_count": sign_ins,
        **refused,
    }
    minutes: dict[str, Any] = {"active_minute_count": row["minutes"], "peak_minute_request_count": row["peak"]}
    assert strongest(**sums, **minutes, **ONE_PATH) == action


def test_one_path_asked_for_again_is_no_probing() -> None:
    """A partner's program whose path looks like a probe, in its first hour."""
    poller: dict[str, Any] = {"request_count": 24, "probe_path_request_count": 12, "redirect_count": 12, "active_minute_count": 24, "active_hour_count": 1}  # fmt: skip
    assert strongest(**poller, distinct_path_count=1) == "count"
    assert strongest(**poller, distinct_path_count=12) == "block"


def test_volume_does_not_excuse_attacks() -> None:
    for row in INNOCENT.values():
        attack_count = row["request_count"] // 2
        varied = {"attack_count": attack_count, "distinct_path_count": 9_000, "operation_count": 0}
        assert strongest(**{**row, **varied}) == "block"


@pytest.mark.parametrize(
    ("client", "row"),
    [
        (ADDRESS, {"forwarded_client_count": 400}),
        (ADDRESS, {"proxy_agent_count": 9_000}),
        ("104.16.5.9/32", {}),
        ("151.101.3.0/24", {"address_count": 30}),
        ("2606:4700::17/128", {}),
        ("54.192.7.7/32", {}),
    ],
)
def test_a_proxy_is_counted_at_most(client: str, row: dict[str, Any]) -> None:
    values = {"request_count": 9_000, "sign_in_failure_count": 500, "distinct_page_count": 900, **row}
    assert strongest(client, 400, **values) == "count"


def test_forged_forwarding_hides_no_attacker() -> None:
    assert strongest(attack_count=600, request_count=900, forwarded_client_count=800) == "block"
    assert strongest(attack_count=600, request_count=900, proxy_agent_count=900) == "block"


@pytest.mark.parametrize("claim", [{"forwarded_client_count": 20}, {"proxy_agent_count": 400}])
def test_a_claimed_proxy_that_attacks_is_blocked(claim: dict[str, Any]) -> None:
    assert strongest(attack_count=200, request_count=400, **claim) == "block"
    assert strongest(attack_count=200, request_count=400, client="104.16.5.9/32", **claim) == "count", "published"
    guesses: dict[str, Any] = {
        "sign_in_request_count": 200,
        "sign_in_failure_count": 200,
        "peak_minute_request_count": 60,
    }
    assert strongest(request_count=400, **guesses, **claim) == "block"


def test_the_reason_says_what_bounds_it() -> None:
    row = behavior(ADDRESS, request_count=9_000, forwarded_client_count=321, distinct_page_count=900)
    (proxy,) = decide(ScoredHour(HOUR, [score(ADDRESS)], [row], [attacks(ADDRESS, 9)]), [], RULES)
    assert (
        "it forwards the requests of 321 clients (x-forwarded-for): count at most (proxies in the policy)"
        in proxy.reason
    )
    (volume,) = decide(ScoredHour(HOUR, [score(ADDRESS)], [behavior(ADDRESS)], []), [], RULES)
    assert "it has attacked nothing and otherwise it only asked for much" in volume.reason
    many: dict[str, Any] = {"request_count": 9_000, "distinct_page_count": 0}
    (few,) = decide(ScoredHour(HOUR, [score(ADDRESS)], [behavior(ADDRESS, **many)], [attacks(ADDRESS, 9)]), [], RULES)
    assert "too few of its requests are attacks and otherwise it only asked for much" in few.reason
