"""Addresses of many networks that do the same, a request or three each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from platform_assets.domains.waf.decide.campaigns import COLUMNS, campaigns_among
from platform_assets.domains.waf.policy import Policy
from platform_assets.domains.waf.rulebook import Campaigns, Rules
from tests.domains.waf.decision_world import World
from tests.domains.waf.test_waf_alone import Doubtful

pytestmark = pytest.mark.attack("campaigns over many networks")

PROGRAM: dict[str, Any] = {"user_agent": "python-requests/2.32", "tls_cipher": "TLS_AES_256_GCM_SHA384"}
MEMBERS = [f"45.{83 + number // 200}.{number % 200}.7" for number in range(60)]


def world_of(tmp_path: Path, policy: Policy | None = None) -> Doubtful:
    """Attacks that are too doubtful to count by themselves."""
    world = Doubtful(tmp_path, policy)
    world.attack_class, world.request_probability = "sqli", 0.59
    return world


def actions(world: World, allow_list: tuple[str, ...] = ()) -> set[str | None]:
    world.deliver()
    world.decide(0, 2, allow_list=allow_list)
    decided = {row["address"]: row["action"] for row in world.decisions()}
    return {decided.get(f"{member}/32") for member in MEMBERS}


def test_members_that_attack_are_challenged(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    for member in MEMBERS:
        world.attack(0, 1, client=member, **PROGRAM)
    assert actions(world) == {"challenge"}
    reason = world.decisions()[0]["reason"]
    assert reason.startswith("one of 60 addresses in 60 networks that sent 60 requests in the hour, a few each,")
    assert "60 attacks and 0 others for what does not exist" in reason


def test_a_word_list_over_many_networks_is_counted(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    for number, member in enumerate(MEMBERS):
        world.visit(0, 1, client=member, status=404, uri_path=f"/word{number}", **PROGRAM)
    assert actions(world) == {"count"}


def without_user_agent(world: World) -> None:
    for member in MEMBERS:
        world.attack(0, 2, client=member, **{**PROGRAM, "user_agent": None})


def among_many_visitors(world: World) -> None:
    for number in range(90):
        world.visit(0, 3, client=f"77.1.{number}.9")
    for member in MEMBERS:
        world.attack(0, 1, client=member, **PROGRAM)


@pytest.mark.parametrize("campaign", [without_user_agent, among_many_visitors])
def test_a_campaign_is_found_whatever_else_happens(tmp_path: Path, campaign: Callable[[World], None]) -> None:
    world = world_of(tmp_path)
    campaign(world)
    assert actions(world) == {"challenge"}


def an_app_that_fails(world: World) -> None:
    """A new version of an app asks for a page that is not there yet."""
    for member in MEMBERS:
        world.visit(0, 2, client=member, status=404, uri_path="/api/v9/start", **PROGRAM)


def an_app_that_mostly_works(world: World) -> None:
    for number, member in enumerate(MEMBERS):
        world.visit(0, 2, client=member, **PROGRAM)
        world.attack(0, 1, client=member, uri_path=f"/search/{number}", **PROGRAM)


def a_browser_of_many(world: World) -> None:
    """Visitors of a page that somebody removed, with a browser that others use as well."""
    for number, member in enumerate(MEMBERS):
        world.visit(0, 1, client=member, status=404, uri_path=f"/old/{number}", **PROGRAM)
    for number in range(30):
        world.visit(0, 3, client=f"77.1.{number}.9", **PROGRAM)


def visitors_with_cookies(world: World) -> None:
    for number, member in enumerate(MEMBERS):
        world.attack(0, 1, client=member, cookie_hash=f"c{number}", **PROGRAM)


def devices_that_are_locked_out(world: World) -> None:
    for number, member in enumerate(MEMBERS):
        world.visit(0, 3, client=member, status=401, uri_path=f"/device/{number}", **PROGRAM)


def one_network(world: World) -> None:
    for number in range(60):
        world.attack(0, 1, client=f"45.83.0.{number}", **PROGRAM)


@pytest.mark.parametrize(
    "crowd",
    [
        an_app_that_fails,
        an_app_that_mostly_works,
        a_browser_of_many,
        visitors_with_cookies,
        devices_that_are_locked_out,
    ],
)
def test_an_ordinary_crowd_is_no_campaign(tmp_path: Path, crowd: Callable[[World], None]) -> None:
    world = world_of(tmp_path)
    crowd(world)
    assert actions(world) == {None}


def test_one_network_is_no_campaign(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    one_network(world)
    world.deliver()
    world.decide(0, 2)
    assert not [row for row in world.decisions() if "networks that sent" in row["reason"]]


def test_an_allowed_member_is_left_alone(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    for member in MEMBERS:
        world.attack(0, 1, client=member, **PROGRAM)
    assert actions(world, allow_list=(f"{MEMBERS[0]}/32",)) == {"challenge", None}


def test_the_policy_switches_campaigns_off(tmp_path: Path) -> None:
    world = world_of(tmp_path, Policy(rules=replace(Rules(), campaigns=Campaigns(at_most="none"))))
    for member in MEMBERS:
        world.attack(0, 1, client=member, **PROGRAM)
    assert actions(world) == {None}


def test_no_request_is_no_campaign() -> None:
    rows = pa.table({name: pa.array([], pa.int32() if name == "status" else pa.string()) for name in COLUMNS})
    assert campaigns_among(rows, pa.array([], pa.string()), Campaigns()) == []


@pytest.mark.parametrize("values", [{"at_most": "block"}, {"min_share": 0.4}, {"min_networks": 0}])
def test_impossible_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"at_most|min_share|counts"):
        Campaigns(**values)
