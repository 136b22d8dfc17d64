"""Who is never blocked under the shipped policy, however sure the client model is: three days of the worst scores.

Rows are written by hand, an hour at a time, as such clients behave; the model calls each hour of theirs abuse.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from platform_assets.domains.waf.decide.identity import UNKNOWN, VERIFIED, Identity
from platform_assets.domains.waf.decide.rules import ScoredHour, decide
from platform_assets.domains.waf.decisions import Decision, Row, rank
from platform_assets.domains.waf.rulebook import Rules
from tests.domains.waf.waf_world import HOUR, attacks, behavior, score

RULES = Rules()
ADDRESS = "45.83.1.2/32"
DAYS = 3


def strongest(
    requests: int,
    attacks_a_day: int = 0,
    *,
    client: str = ADDRESS,
    allow: tuple = (),
    identity: Any = None,
    **shares: float,
) -> str | None:
    """The strongest action that three days of this behavior lead to, each hour of which the model is sure of."""
    decisions: list[Decision] = []
    for number in range(24 * DAYS):
        hour = HOUR + timedelta(hours=number)
        decisions += decide(
            ScoredHour(
                hour,
                [_score(client, hour, requests, attacks_a_day)],
                behavior=[_behavior(client, hour, requests, shares)],
                attacks=[attacks(client, attacks_a_day, hour=hour)] if attacks_a_day else [],
            ),
            decisions,
            RULES,
            allow,
            identities={} if identity is None else {client: identity},
        )
    found = {one.action for one in decisions}
    return max(found, key=rank) if found else None


def _score(client: str, hour: datetime, requests: int, attacks_a_day: int) -> Row:
    ids = [f"{hour:%d%H}-{number}" for number in range(min(max(attacks_a_day, 1), 20))]
    return score(client, hour=hour, abuse_probability=0.99, request_count=requests, evidence_request_ids=ids)


def _behavior(client: str, hour: datetime, requests: int, shares: dict[str, float]) -> Row:
    """`agents` is a number, `addresses` too; all else is a share of the requests."""
    return behavior(
        client,
        hour=hour,
        request_count=requests,
        address_count=int(shares.get("addresses", 1)),
        distinct_user_agent_count=int(shares.get("agents", 1)),
        cookie_request_count=int(requests * shares.get("cookies", 0)),
        asset_request_count=int(requests * shares.get("assets", 0)),
        declared_bot_count=int(requests * shares.get("bot", 0)),
        sign_in_failure_count=int(requests * shares.get("failures", 0)),
        distinct_page_count=int(requests * shares.get("pages", 0)),
        peak_minute_request_count=requests // 60,
    )


def test_a_three_day_scanner_is_blocked() -> None:
    """So that what follows is not exempted by accident."""
    assert strongest(400, 60) == "block"
    assert strongest(4000, failures=0.5) == "block", "who goes on trying passwords under challenge"
    assert strongest(4000, pages=0.5) == "challenge", "a scraper who goes on under challenge"
    assert strongest(4000) == "count"


@pytest.mark.parametrize(
    ("who", "requests", "attacks_a_day", "shares"),
    [
        (
            "an office of thirty whose page asks for a missing image",
            2400,
            0,
            {"agents": 14, "cookies": 0.9, "assets": 0.6},
        ),
        ("the same with odd queries that look like attacks", 2400, 300, {"agents": 14, "cookies": 0.9, "assets": 0.6}),
        ("an office of four with the same page", 700, 0, {"agents": 3, "cookies": 0.9, "assets": 0.5}),
        ("one visitor of a flash crowd", 90, 0, {"agents": 1, "cookies": 0.8, "assets": 0.7}),
        ("a whole company in a flash crowd", 9000, 2, {"agents": 60, "cookies": 0.7, "assets": 0.7}),
        (
            "two hundred shoppers and a scanner behind a carrier",
            9000,
            60,
            {"agents": 120, "cookies": 0.6, "assets": 0.5},
        ),
        ("the same, behind a proxy that removes cookies", 9000, 60, {"agents": 120, "cookies": 0.0, "assets": 0.5}),
        ("the same, behind a cache that keeps page assets", 9000, 60, {"agents": 120, "cookies": 0.6, "assets": 0.0}),
    ],
)
def test_people_sharing_an_address_are_challenged_at_most(
    who: Any, requests: Any, attacks_a_day: Any, shares: Any
) -> None:
    assert strongest(requests, attacks_a_day, **shares) in (None, "count", "challenge"), who


def test_a_crowd_in_one_network_is_challenged_only() -> None:
    crowd: dict[str, Any] = {"addresses": 180, "agents": 40, "cookies": 0.7, "assets": 0.7}
    assert strongest(20_000, client="45.83.1.0/24", **crowd) == "count"
    assert strongest(20_000, 200, client="45.83.1.0/24", **crowd) == "count"
    assert strongest(20_000, 4_000, client="45.83.1.0/24", **crowd) == "challenge"


def test_a_monitor_is_counted_at_most() -> None:
    """One request a minute day and night, no cookie and no asset, all of them errors while the site is down."""
    assert strongest(1440, bot=1.0) == "count", "one that says so, of whom nobody knows more"
    for kind, name in (("monitor", "Pingdom"), ("crawler", "Googlebot")):
        known = Identity(ADDRESS, name, kind, VERIFIED, "published address, list read then", True, HOUR)
        assert strongest(1440, identity=known) == "count"
        assert strongest(1440, 300, identity=known) == "count", "links to attacks are crawled like others"
        assert strongest(1440, bot=1.0, identity=known) == "count"
    unsure = Identity(ADDRESS, "Pingdom", "monitor", UNKNOWN, "DNS is not asked", False, HOUR)
    assert strongest(1440, bot=1.0, identity=unsure) == "count"
    assert strongest(1440, 300, bot=1.0, identity=unsure) == "block"


@pytest.mark.parametrize(
    ("client", "allow"),
    [
        (ADDRESS, (ADDRESS,)),
        (ADDRESS, ("45.83.0.0/16",)),
        ("45.83.1.0/24", (ADDRESS,)),
        ("10.1.2.3/32", ()),
        ("192.168.0.0/24", ()),
        ("100.64.3.4/32", ()),
        ("fd00::7/128", ()),
        ("127.0.0.1/32", ()),
    ],
)
def test_allow_listed_and_private_addresses_stay_untouched(client: Any, allow: Any) -> None:
    assert strongest(4000, 300, client=client, allow=allow, addresses=9) is None
