"""Attacks on those who decide: pages that make innocents attack, and behavior that buys an attacker mildness."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from platform_assets.domains.waf.decide.browsing import SeenRequest, browsing_agents, foreign_attacks
from platform_assets.domains.waf.decide.identity import UNKNOWN, Identity
from platform_assets.domains.waf.decide.rules import ScoredHour, decide
from platform_assets.domains.waf.rulebook import Rules, Sessions
from tests.domains.waf.decision_world import ATTACKER, World, at
from tests.domains.waf.waf_world import HOUR, behavior, score

pytestmark = pytest.mark.attack("requests that another site's page causes, and bought mildness")

RULES = Rules()
HOST, EVIL = "www.shop.example", "https://evil.example/gallery"
OWN: dict[str, Any] = {"host": HOST, "referer": f"https://{HOST}/shop", "cookie_hash": "c1"}
IMAGE: dict[str, Any] = {
    "host": HOST,
    "referer": EVIL,
    "status": 403,
    "uri_path": "/img.png",
    "uri_query": "a=../../etc",
}


def browse(world: World, pages: int, hour: int = 0, **values: Any) -> None:
    """Pages with two assets each, one after the other."""
    for number in range(pages):
        page, assets = at(hour) + timedelta(seconds=20 * number), at(hour) + timedelta(seconds=20 * number + 1)
        world.visit(hour, 1, **{**OWN, "event_at": page, **values})
        world.visit(hour, 2, **{**OWN, "uri_path": "/app.js", "event_at": assets, **values})


def strongest(world: World, client: str = ATTACKER, last: int = 3) -> str | None:
    world.deliver()
    world.decide(0, last)
    actions = [action for _, action, _ in world.of(client)]
    return max(actions, key=("count", "challenge", "block").index, default=None)


@pytest.mark.parametrize("pages", [10, 40])
@pytest.mark.parametrize("images", [6, 20])
@pytest.mark.parametrize("referer", [EVIL, None])
def test_a_foreign_page_gets_nobody_blocked(tmp_path: Path, pages: int, images: int, referer: str | None) -> None:
    world = World(tmp_path)
    browse(world, pages)
    world.attack(1, images, **{**IMAGE, "referer": referer})
    assert strongest(world) == "count"
    (decision,) = world.decisions()
    assert f"a page of another site can have caused {images} of its attacks" in decision["reason"]


@pytest.mark.parametrize("values", [{"method": "POST"}, {"method": "HEAD"}, {"method": "HEAD", "referer": None}])
def test_foreign_forms_and_fetches_block_nobody(tmp_path: Path, values: dict[str, Any]) -> None:
    world = World(tmp_path)
    browse(world, 10)
    world.attack(1, 6, **{**IMAGE, **values})
    assert strongest(world) == "count"


def test_a_foreign_referer_hides_no_guessed_passwords(tmp_path: Path) -> None:
    world = World(tmp_path)
    browse(world, 10)
    world.attack(1, 100, **{**IMAGE, "method": "POST", "uri_path": "/login", "status": 401})
    assert strongest(world) == "block"


def test_many_foreign_images_challenge_and_never_block(tmp_path: Path) -> None:
    world = World(tmp_path)
    browse(world, 10)
    for hour in (1, 2, 3):
        world.attack(hour, 40, **IMAGE)
    assert strongest(world) == "challenge"


def test_a_foreign_page_gets_no_network_challenged(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(4):
        browse(world, 10, client=f"45.83.1.{number}")
        world.attack(1, 6, client=f"45.83.1.{number}", **IMAGE)
    assert strongest(world, "45.83.1.0/24") == "count"


@pytest.mark.parametrize(
    "attack",
    [
        {"method": "POST", "referer": None},
        {"method": "POST", "referer": f"https://{HOST}/shop"},
        {"referer": f"https://{HOST}/shop"},
        {"method": "PUT"},
        {"user_agent": "another program"},
    ],
)
def test_what_no_foreign_page_can_cause_counts_in_full(tmp_path: Path, attack: dict[str, Any]) -> None:
    world = World(tmp_path)
    browse(world, 10)
    world.attack(1, 20, **{**IMAGE, **attack})
    assert strongest(world) == "block"


def without_assets(world: World) -> None:
    world.visit(0, 30, **OWN)


def with_refused_pages(world: World) -> None:
    browse(world, 10, status=403)


def with_new_cookies(world: World) -> None:
    for number in range(10):
        world.visit(0, 1, **{**OWN, "cookie_hash": f"p{number}"})
        world.visit(0, 2, **{**OWN, "uri_path": "/app.js", "cookie_hash": f"a{number}"})


def with_foreign_referers(world: World) -> None:
    browse(world, 10, referer=EVIL)


def after_the_attacks(world: World) -> None:
    browse(world, 10, hour=2)


@pytest.mark.parametrize(
    "session", [without_assets, with_refused_pages, with_new_cookies, with_foreign_referers, after_the_attacks]
)
def test_an_invented_session_excuses_nothing(tmp_path: Path, session: Callable[[World], None]) -> None:
    world = World(tmp_path)
    session(world)
    world.attack(1, 25, **IMAGE)
    assert strongest(world) == "block"


def test_rotating_agents_and_cookies_buy_no_mildness(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(60):
        invented: dict[str, Any] = {"user_agent": f"Mozilla/5.0 ({number})", "cookie_hash": f"c{number}"}
        world.attack(0, 1, host=HOST, referer=f"https://{HOST}/shop", **invented)
    assert strongest(world) == "block"


def test_people_behind_a_scanner_keep_their_bound(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(9):
        browse(world, 4, user_agent=f"Mozilla/5.0 ({number})", cookie_hash=f"c{number}")
    world.attack(0, 60, user_agent="scanner")
    assert strongest(world) == "challenge"


def test_a_session_outside_of_the_day_is_not_seen(tmp_path: Path) -> None:
    world = World(tmp_path)
    browse(world, 10)
    world.attack(25, 6, **IMAGE)
    world.deliver()
    world.decide(0, 26)
    assert [action for _, action, _ in world.of()] == ["block"]


@pytest.mark.parametrize(
    ("client", "agent", "action"),
    [
        ("149.154.161.7", "TelegramBot (like TwitterBot)", "count"),
        ("2a03:2880:f0ff::face", "facebookexternalhit/1.1", "count"),
        ("45.83.1.2", "facebookexternalhit/1.1", "block"),
        ("149.154.161.7", "Mozilla/5.0", "block"),
    ],
)
def test_a_link_in_a_chat_gets_no_preview_blocked(tmp_path: Path, client: str, agent: str, action: str) -> None:
    world = World(tmp_path)
    world.attack(0, 20, client=client, user_agent=agent, host=HOST)
    cidr = f"{client}/{128 if ':' in client else 32}"
    assert strongest(world, cidr) == action


def test_file_operations_are_no_attacks(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.attack_class = "protocol_abuse"
    world.attack(0, 200, method="PROPFIND", uri_path="/files", status=207)
    assert strongest(world) == "count"


@pytest.mark.parametrize("attack", [{"method": "GET"}, {"method": "PROPFIND", "uri_query": "a=%0d%0aSet-Cookie:x"}])
def test_other_methods_cancel_no_attacks(tmp_path: Path, attack: dict[str, Any]) -> None:
    world = World(tmp_path)
    world.attack_class = "protocol_abuse"
    world.visit(0, 200, method="DELETE", uri_path="/files", status=204)
    world.attack(0, 100, **attack)
    assert strongest(world) == "block"


def test_a_method_excuses_no_attack_of_another_class(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.attack_class = "path_traversal"
    world.attack(0, 200, method="PROPFIND", uri_path="/../../etc/passwd")
    assert strongest(world) == "block"


# --- sign-ins and names -----------------------------------------------------------------------------------------------

SIGN_INS = {"request_count": 800, "sign_in_request_count": 800, "sign_in_failure_count": 800, "post_request_count": 800, "peak_minute_request_count": 60}  # fmt: skip


def action_of(row: dict[str, Any], identity: Identity | None = None) -> str | None:
    hour = ScoredHour(
        HOUR, [score("45.83.1.2/32", request_count=row["request_count"])], [behavior("45.83.1.2/32", **row)], []
    )
    identities = {} if identity is None else {"45.83.1.2/32": identity}
    return next((decision.action for decision in decide(hour, [], RULES, identities=identities)), None)


def test_a_bots_name_excuses_no_failed_sign_ins() -> None:
    false_googlebot = Identity("45.83.1.2/32", "Googlebot", "crawler", UNKNOWN, "DNS is not asked", False, HOUR)
    assert action_of(SIGN_INS) == "block", "failed sign-ins are attacks"
    assert action_of({**SIGN_INS, "declared_bot_count": 800}) == "block", "an invented name"
    assert action_of({**SIGN_INS, "declared_bot_count": 800}, false_googlebot) == "block"


def test_a_bots_name_excuses_no_probing() -> None:
    probes = {"request_count": 200, "probe_path_request_count": 200, "not_found_count": 200, "client_error_count": 200, "distinct_path_count": 200, "path_entropy_bits": 7.0}  # fmt: skip
    assert action_of({**probes, "declared_bot_count": 200}) == action_of(probes) == "challenge"


def test_a_bots_name_excuses_reading() -> None:
    pages = {"request_count": 800, "distinct_page_count": 790, "path_entropy_bits": 9.0}
    assert (action_of(pages), action_of({**pages, "declared_bot_count": 800})) == ("challenge", "count")


def test_cookies_and_assets_excuse_no_failed_sign_ins() -> None:
    assert action_of({**SIGN_INS, "cookie_request_count": 800, "asset_request_count": 300}) == "block"


def test_a_few_failures_among_sign_ins_are_stuffing() -> None:
    few = {"request_count": 23, "sign_in_request_count": 20, "sign_in_failure_count": 6, "peak_minute_request_count": 9}
    assert action_of(few) == "challenge"
    assert action_of({**few, "sign_in_failure_count": 4}) == "count", "people mistype"
    assert action_of({**few, "request_count": 60}) == "count", "who signs in and then works"


def test_mistyped_passwords_of_a_crowd_are_no_attacks() -> None:
    crowd = {"request_count": 2_000, "sign_in_request_count": 90, "sign_in_failure_count": 30}
    assert action_of(crowd) == "challenge"
    forgetful = {
        "request_count": 90,
        "sign_in_failure_count": 20,
        "cookie_request_count": 80,
        "asset_request_count": 40,
    }
    assert action_of(forgetful) == "challenge"


# --- requests that are odd --------------------------------------------------------------------------------------------


def foreign_ids(requests: list[SeenRequest]) -> list[str]:
    return [request.request_id for request in foreign_attacks(requests, Sessions())]


def seen(number: int, **values: Any) -> SeenRequest:
    fields: dict[str, Any] = {
        "event_at": at(0) + timedelta(seconds=2 * number),
        "request_id": str(number),
        "method": "GET",
        "status": 200,
        "host": HOST,
        "referer": OWN["referer"],
        "user_agent": "Firefox",
        "cookie": "c1",
        "is_asset": number % 2 == 0,
        "is_attack": False,
    }
    return SeenRequest(**{**fields, **values})


@pytest.mark.parametrize("referer", [None, "", "-", "http://[", "android-app://x", "https://evil.example:99999/"])
def test_odd_referers_are_foreign(referer: str | None) -> None:
    session = [seen(number) for number in range(6)]
    assert foreign_ids([*session, seen(9, is_attack=True, referer=referer)]) == ["9"]
    assert foreign_ids([seen(number, referer=referer) for number in range(6)]) == []


def test_requests_without_host_or_agent_show_nothing() -> None:
    for absent in ("host", "user_agent", "method", "status", "cookie"):
        session = [seen(number, **{absent: None}) for number in range(6)]
        assert foreign_ids([*session, seen(9, is_attack=True, referer=None)]) == []
        assert browsing_agents(session) == (absent == "cookie")


def test_the_order_of_requests_does_not_matter() -> None:
    requests = [*(seen(number) for number in range(6)), seen(9, is_attack=True, referer=None)]
    assert foreign_ids(requests[::-1]) == ["9"]


def _put(world: World, names: int, ending: str, **values: Any) -> None:
    for number in range(names):
        path = {"uri_path": f"/files/ab12/report_{number:03d}{ending}", "method": "PUT", "status": 201}
        world.visit(0, 1, **{**path, "user_agent": "rclone/v1.68.2", **values})


def _sync(world: World, odd: int, **values: Any) -> None:
    """Requests for files whose names alone look like attacks, one of each method."""
    for number in range(odd):
        for method, status in (("HEAD", 404), ("PUT", 201), ("GET", 206)):
            path = {"uri_path": f"/files/ab12/notes_{number:03d}.sql", "method": method, "status": status}
            world.attack(0, 1, **{**path, "user_agent": "rclone/v1.68.2", **values})


def test_files_among_others_of_a_folder_are_no_attacks(tmp_path: Path) -> None:
    world = World(tmp_path)
    _put(world, 20, ".jpg")
    _sync(world, 15)
    assert strongest(world) == "count"


@pytest.mark.parametrize(
    ("others", "values"),
    [
        (0, {}),  # it put nothing else
        (4, {}),  # too few
        (14, {}),  # fewer than what looks like attacks
        (20, {"uri_query": "cmd=id"}),
        (20, {"method": "POST"}),
        (20, {"uri_path": "/backup.sql"}),  # elsewhere
        (20, {"uri_path": "/files/ab12/%2e%2e%2fx.sql"}),
        (20, {"user_agent": "another program"}),
    ],
)
def test_a_folder_excuses_only_its_own_files(tmp_path: Path, others: int, values: dict[str, Any]) -> None:
    world = World(tmp_path)
    _put(world, others, ".jpg")
    _sync(world, 15, **values)
    assert strongest(world) == "block"


def test_refused_files_make_no_folder(tmp_path: Path) -> None:
    world = World(tmp_path)
    _put(world, 20, ".jpg", status=403)
    _sync(world, 15)
    assert strongest(world) == "block"
