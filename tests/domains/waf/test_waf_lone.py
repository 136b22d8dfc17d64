"""A single attack request, which shares and sums forgive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from platform_assets.domains.waf.policy import Policy
from platform_assets.domains.waf.rulebook import LoneAttacks, Rules
from tests.domains.waf.decision_world import World, at
from tests.domains.waf.test_waf_alone import Doubtful
from tests.domains.waf.test_waf_browsing import OWN, browse, strongest

pytestmark = pytest.mark.attack("single certain attacks")

INJECTION: dict[str, Any] = {"uri_path": "/item", "uri_query": "id=1'+or+1=1--"}


def world_of(tmp_path: Path, probability: float = 0.995, policy: Policy | None = None) -> Doubtful:
    world = Doubtful(tmp_path, policy)
    world.attack_class, world.request_probability = "sqli", probability
    return world


@pytest.mark.parametrize(
    ("probability", "status", "expected"),
    [
        (0.995, 404, "challenge"),
        (0.99, 500, "challenge"),
        (0.995, 200, "count"),
        (0.989, 404, "count"),
        (0.6, 404, "count"),
        (0.59, 404, None),
    ],
)
def test_one_attack_leads_to_what_its_probability_says(
    tmp_path: Path, probability: float, status: int, expected: str | None
) -> None:
    world = world_of(tmp_path, probability)
    world.attack(0, 1, **{**INJECTION, "status": status})
    assert strongest(world) == expected


def test_one_attack_has_one_score(tmp_path: Path) -> None:
    """Also where it is counted only: the reason says why, not another number."""
    world = world_of(tmp_path, 0.995)
    world.attack(0, 1, **{**INJECTION, "status": 200})
    assert strongest(world) == "count"
    (decision,) = world.decisions()
    assert decision["score"] == 0.995
    assert decision["reason"].endswith(
        "probability 0.995), which was answered with status 200; a challenge takes one that the site refused"
    )


def test_the_reason_names_the_request(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.visit(0, 3)
    (attack,) = world.attack(0, 1, **INJECTION)
    world.deliver()
    world.decide(0, 2)
    (decision,) = world.decisions()
    assert decision["reason"].startswith(
        "1 of 4 requests in 24 h is an attack (sqli, probability 0.995), which met status 404"
    )
    assert decision["evidence_request_ids"] == [attack]
    assert (decision["request_count"], decision["attack_request_count"]) == (4, 1)


def test_evidence_is_in_order_of_time_however_it_was_delivered(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    times = [at(0) + timedelta(minutes=minute) for minute in (40, 10, 30)]
    ids = [world.attack(0, 1, **INJECTION, event_at=time)[0] for time in times]
    world.deliver()
    world.decide(0, 2)
    assert world.decisions()[0]["evidence_request_ids"] == [ids[1], ids[2], ids[0]]


def test_one_attack_is_decided_once(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.attack(0, 1, **INJECTION)
    for hour in range(1, 30):
        world.visit(hour, 2)
    world.deliver()
    world.decide(0, 29)
    assert [(hour, action) for hour, action, _ in world.of()] == [(1, "challenge")]


def searching(world: World) -> None:
    """Somebody who searches a site for code, and is told that there is none."""
    browse(world, 10)
    world.attack(1, 3, **{**OWN, "uri_path": "/search", "uri_query": "q=<script>alert(1)</script>", "status": 404})


def browsing_without_cookies(world: World) -> None:
    browse(world, 10, cookie_hash=None)
    world.attack(1, 1, **{**OWN, **INJECTION, "cookie_hash": None})


def another_method(world: World) -> None:
    world.attack_class = "protocol_abuse"
    world.attack(0, 1, method="PROPFIND", status=403)


def following_a_link(world: World) -> None:
    browse(world, 10)
    world.attack(1, 1, **{**INJECTION, "referer": "https://evil.example/", "host": "www.shop.example"})


def loading_assets_of_an_odd_page(world: World) -> None:
    """The address of the page holds what looks like an attack, and every asset has it as its referer."""
    world.attack(
        0, 4, **{**OWN, "uri_path": "/app.js", "referer": "https://www.shop.example/?m=fish & more", "status": 200}
    )


@pytest.mark.parametrize(
    "person", [loading_assets_of_an_odd_page, searching, browsing_without_cookies, another_method, following_a_link]
)
def test_who_browses_is_left_alone(tmp_path: Path, person: Callable[[World], None]) -> None:
    world = world_of(tmp_path)
    person(world)
    assert strongest(world) is None


def among_many(world: World) -> None:
    world.visit(0, 30)
    world.attack(0, 1, **INJECTION)


def of_a_declared_bot(world: World) -> None:
    world.attack(0, 1, **{**INJECTION, "user_agent": "Mozilla/5.0 (compatible; shopbot/1.0; +https://shopbot.example)"})


def own_page_behind_a_sign_in(world: World) -> None:
    world.attack_class = "scanner_probe"
    world.attack(0, 1, uri_path="/logon.asp", status=401)


@pytest.mark.parametrize(
    ("client", "why"),
    [
        (among_many, "it is a small share of its requests"),
        (of_a_declared_bot, "it calls itself a bot"),
        (own_page_behind_a_sign_in, "a challenge takes one that the site refused"),
    ],
)
def test_who_may_be_mistaken_is_counted_at_most(tmp_path: Path, client: Callable[[World], None], why: str) -> None:
    world = world_of(tmp_path)
    client(world)
    assert strongest(world) == "count"
    assert world.decisions()[0]["reason"].endswith(f"; {why}")


def test_many_behind_a_proxy_are_not_challenged_for_one(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    for number in range(25):
        world.visit(0, 1, forwarded_for=f"198.51.100.{number}")
    world.attack(0, 3, **INJECTION, forwarded_for="198.51.100.9")
    assert strongest(world) == "count"


@pytest.mark.parametrize(("at_most", "expected"), [("none", None), ("count", "count")])
def test_the_policy_bounds_it(tmp_path: Path, at_most: str, expected: str | None) -> None:
    policy = Policy(rules=replace(Rules(), lone_attacks=LoneAttacks(at_most=at_most)))
    world = world_of(tmp_path, policy=policy)
    world.attack(0, 1, **INJECTION)
    assert strongest(world) == expected


def test_an_allowed_address_is_left_alone(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.attack(0, 1, **INJECTION)
    world.deliver()
    world.decide(0, 2, allow_list=["45.83.1.0/24"])
    assert world.decisions() == []


@pytest.mark.parametrize("values", [{"at_most": "block"}, {"count_probability": 0.995}, {"challenge_probability": 1.2}])
def test_impossible_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"at_most|count_probability"):
        LoneAttacks(**values)
