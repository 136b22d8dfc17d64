"""One request over and over, each time with another value: passwords and codes that are guessed, caches that are passed by."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from platform_assets.domains.waf.policy import Policy
from platform_assets.domains.waf.rulebook import Repeats, Rules
from tests.domains.waf.test_waf_alone import Doubtful

pytestmark = pytest.mark.attack("guessing on unlisted paths")

GUESSER, SIGN_IN = "62.140.3.77", "/konto/eintritt"
TRY: dict[str, Any] = {"client": GUESSER, "method": "POST", "uri_path": SIGN_IN, "bytes_sent": 2_300, "uri_query": None}


def world_of(tmp_path: Path, policy: Policy | None = None, people: int = 20) -> Doubtful:
    """People who sign in once or twice and read pages."""
    world = Doubtful(tmp_path, policy)
    for number in range(people):
        person = f"45.{90 + number}.1.7"
        world.visit(0, 1 + number % 2, **{**TRY, "client": person, "status": 302, "bytes_sent": 700})
        world.visit(0, 6, client=person, uri_path=f"/konto/{number}")
        world.visit(0, 1, client=person, uri_path="/suche", uri_query="q=lamp")
    return world


def decided(world: Doubtful, client: str = GUESSER) -> tuple[str | None, str]:
    world.deliver()
    world.decide(0, 2)
    row = next((row for row in world.decisions() if row["address"] == f"{client}/32"), None)
    return (row["action"], row["reason"]) if row else (None, "")


@pytest.mark.parametrize("status", [200, 404, 401, 302])
def test_password_guessing_is_counted_whatever_is_answered(tmp_path: Path, status: int) -> None:
    world = world_of(tmp_path)
    world.visit(0, 60, status=status, **TRY)
    action, reason = decided(world)
    assert action == "count"
    assert reason.startswith(
        f"60 of 60 requests of the hour are POST {SIGN_IN}, 60 answered with {status} and the like sizes; "
        "half of the addresses of 20 other networks asked for it 2 times at most"
    )


def test_codes_that_are_guessed_are_counted(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    for number in range(40):
        world.visit(
            0, 1, **{**TRY, "method": "GET", "uri_path": "/coupon", "uri_query": f"code=B{number}", "status": 422}
        )
    assert decided(world)[0] == "count"


def guess(world: Doubtful, query: str, status: int = 401, **values: Any) -> tuple[str | None, str]:
    """`query`: with {} for a number that is another one each time."""
    for number in range(60):
        question = {"method": "GET", "uri_path": "/v1/me", "uri_query": query.format(number), "status": status}
        world.visit(0, 1, **{**TRY, **question, "bytes_sent": 200 + 37 * number, **values})
    return decided(world)


def test_keys_that_are_guessed_are_challenged(tmp_path: Path) -> None:
    action, reason = guess(world_of(tmp_path), "api_key=5f{}a&v=2")
    assert action == "challenge"
    assert (
        "with 60 different queries, another value of api_key each time, 60 answered with 401; nobody else" in reason
    ), "of sizes that differ"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("api_key=5fa&ts={0}&nonce={0}", 401),
        ("key=5fa&sig={}", 403),
        ("token=5f{0}&t={0}", 401),
        ("api_key=5f{}a", 200),
    ],
    ids=["one key", "one key that signs", "a token made of the time", "keys that let in"],
)
def test_what_an_expired_program_sends_is_not_challenged(tmp_path: Path, query: str, status: int) -> None:
    assert guess(world_of(tmp_path), query, status)[0] in (None, "count")


def test_the_policy_bounds_guessed_keys(tmp_path: Path) -> None:
    policy = Policy(rules=replace(Rules(), repeats=Repeats(credentials_at_most="count")))
    assert guess(world_of(tmp_path, policy), "api_key=5f{}a")[0] == "count"


def test_passing_by_caches_is_counted(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    for number in range(320):
        world.visit(
            0, 1, **{**TRY, "method": "GET", "uri_path": "/suche", "uri_query": f"{number:x}={number}", "referer": None}
        )
    action, reason = decided(world)
    assert action == "count"
    assert "320 of 320 requests of the hour are GET /suche with 320 different queries" in reason


def test_attackers_do_not_excuse_one_another(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    for number in range(8):
        world.visit(0, 60, **{**TRY, "client": f"62.{150 + number}.3.7", "uri_path": SIGN_IN, "status": 402})
    assert decided(world, "62.150.3.7")[0] == "count"


INNOCENT: dict[str, list[dict[str, Any]]] = {
    "a fleet that reports to one path": [
        {"client": f"81.2.{number}.9", "uri_path": "/telemetry"} for number in range(6)
    ],
    "a partner's own path": [{"uri_path": "/hooks/orders"}],
    "a form whose answers differ": [{"bytes_sent": 900 + 97 * number} for number in range(60)],
    "a device that repeats one refused question": [
        {"method": "GET", "uri_path": "/feed", "uri_query": "key=1", "status": 403}
    ],
}


@pytest.mark.parametrize("case", INNOCENT)
def test_ordinary_repetition_is_left_alone(tmp_path: Path, case: str) -> None:
    world, kinds = world_of(tmp_path), INNOCENT[case]
    for values in kinds:
        world.visit(0, 60 if len(kinds) < 60 else 1, **{"status": 200, **TRY, **values})
    assert decided(world, str(kinds[0].get("client", GUESSER))) == (None, "")


def test_guesses_among_pages_are_left_to_the_model(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.visit(0, 60, status=200, **TRY)
    world.visit(0, 20, client=GUESSER, uri_path="/lampen")
    assert decided(world) == (None, "")


@pytest.mark.parametrize(("at_most", "action"), [("none", None), ("challenge", "challenge")])
def test_the_policy_bounds_repeats(tmp_path: Path, at_most: str, action: str | None) -> None:
    world = world_of(tmp_path, Policy(rules=replace(Rules(), repeats=Repeats(at_most=at_most))))
    world.visit(0, 60, status=200, **TRY)
    assert decided(world)[0] == action


def test_a_reason_shows_no_text_of_the_attacker(tmp_path: Path) -> None:
    path = "/x\x1b[31m<script>"
    world = world_of(tmp_path, people=0)
    for number in range(20):
        world.visit(0, 1, **{**TRY, "client": f"45.{90 + number}.1.7", "uri_path": path, "status": 302})
    world.visit(0, 60, status=200, **{**TRY, "uri_path": path})
    assert re.search(r"POST /x\?\?31m\?script\?,", decided(world)[1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"at_most": "block"},
        {"credentials_at_most": "block"},
        {"min_share": 0},
        {"min_tries": 1},
        {"times_of_others": 0},
    ],
)
def test_a_policy_without_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        Repeats(**wrong)
