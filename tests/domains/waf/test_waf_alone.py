"""Attacks that hide: among many other requests, in a session made up for it, in a page of the site, behind names of the site."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from platform_assets.domains.waf.decide.browsing import SeenRequest, certain_attacks, first_hours
from platform_assets.domains.waf.rulebook import Rules
from tests.domains.waf.decision_world import ATTACKER, Row, World, at
from tests.domains.waf.test_waf_browsing import EVIL, HOST, IMAGE, OWN, browse, seen, strongest

pytestmark = pytest.mark.attack("attacks that hide among other requests")

RULES = Rules()
INJECTION: dict[str, Any] = {"uri_path": "/shop", "uri_query": "id=1%20union%20select", "status": 200, "host": HOST}


class Doubtful(World):
    """A world in which the models are as unsure as the test says."""

    client_probability = 0.02
    request_probability = 0.99

    def _client_score(self, day: Row, attacks: Row | None, requests: list[Row]) -> Row:
        score = super()._client_score(day, attacks, requests)
        return {**score, "abuse_probability": self.client_probability, "is_abuse": self.client_probability > 0.5}

    def _request_score(self, row: Row) -> Row:
        score = super()._request_score(row)
        return {**score, "attack_probability": self.request_probability} if score["is_attack"] else score


# --- among many other requests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [World, Doubtful])
@pytest.mark.parametrize(("attacks", "pages"), [(5, 100), (30, 400)])
def test_pages_hide_no_attacks(tmp_path: Path, kind: type[World], attacks: int, pages: int) -> None:
    world = kind(tmp_path)
    world.attack_class = "sqli"
    world.visit(0, pages)
    world.attack(0, attacks, **INJECTION)
    assert strongest(world) == "block"
    said = f"by {attacks} certain attacks alone, whatever else it asks for ({attacks + pages} requests in 24 h)"
    assert said in world.decisions()[0]["reason"]


def test_pages_of_a_day_hide_no_attacks(tmp_path: Path) -> None:
    world = Doubtful(tmp_path)
    world.attack_class = "sqli"
    for hour in range(6):
        world.visit(hour, 60)
        world.attack(hour, 1, **INJECTION)
    world.deliver()
    world.decide(0, 6)
    assert [(hour, action) for hour, action, _ in world.of()] == [(1, "count"), (5, "block")], "with the fifth"


def test_a_block_is_not_renewed_by_its_echo(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.attack_class = "sqli"
    world.visit(0, 100)
    world.attack(0, 6, **INJECTION)
    world.retry(range(1, 40), 100, uri_path="/shop", uri_query="id=1%20union%20select")
    world.deliver()
    world.decide(0, 40)
    assert [(hour, action) for hour, action, _ in world.of()][:2] == [(1, "block"), (27, "block")]


def test_hours_decided_together_are_decided_as_one_by_one(tmp_path: Path) -> None:
    """What several hours need is read once; an hour alone reads what it needs."""
    world = World(tmp_path)
    world.attack_class = "sqli"
    browse(world, 10)
    world.attack(1, 6, **IMAGE)
    world.visit(2, 200, client_ip="45.83.2.7")
    for hour in range(2, 5):
        world.attack(hour, 3, client_ip="45.83.2.7", **INJECTION)
    world.deliver()
    together = world.decide(0, 4)
    assert any("certain attacks alone" in row["reason"] for row in together)
    for hour in reversed(range(5)):
        assert world.decide(hour, hour) == together


def test_what_the_request_model_doubts_is_not_certain(tmp_path: Path) -> None:
    world = Doubtful(tmp_path)
    world.attack_class, world.client_probability, world.request_probability = "sqli", 0.97, 0.97
    world.visit(0, 400)
    world.attack(0, 30, **INJECTION)
    assert strongest(world) == "count"


def test_fewer_attacks_than_a_block_takes_stay_counted(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.attack_class = "sqli"
    world.visit(0, 100)
    world.attack(0, 4, **INJECTION)
    world.attack(0, 1, **{**INJECTION, "method": "PROPFIND", "uri_query": None})
    world.attack_class = "protocol_abuse"
    assert strongest(world) == "count"


@pytest.mark.parametrize(("attacks", "action"), [(7, "count"), (30, "block")])
def test_people_may_search_for_odd_things(tmp_path: Path, attacks: int, action: str) -> None:
    """A developer who types code into the search of a shop; thirty a day are too many for that."""
    world = World(tmp_path)
    world.attack_class = "sqli"
    browse(world, 120)
    world.attack(1, attacks, **{**INJECTION, "referer": OWN["referer"], "cookie_hash": "c1"})
    assert strongest(world) == action


@pytest.mark.parametrize("cookies", ["agents", "one agent"])
@pytest.mark.parametrize(("attacks", "action"), [(20, "count"), (40, "challenge")])
def test_people_behind_a_diluted_scanner_keep_their_bound(
    tmp_path: Path, attacks: int, action: str, cookies: str
) -> None:
    world = World(tmp_path)
    world.attack_class = "sqli"
    for number in range(9):
        agent = f"Mozilla/5.0 ({number})" if cookies == "agents" else "Mozilla/5.0"
        browse(world, 20, user_agent=agent, cookie_hash=f"c{number}")
    world.attack(0, attacks, user_agent="scanner", **INJECTION)
    assert strongest(world) == action


def test_a_foreign_page_is_not_certain(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.attack_class = "sqli"
    browse(world, 100)
    world.attack(1, 40, **IMAGE)
    assert strongest(world) == "challenge"


# --- sessions made up for it ------------------------------------------------------------------------------------------


def test_what_a_browser_would_have_encoded_is_no_browsers(tmp_path: Path) -> None:
    world = World(tmp_path)
    browse(world, 10)
    world.attack(1, 20, **{**IMAGE, "uri_query": "q=<script>"})
    assert strongest(world) == "block"


def test_pages_within_a_second_are_no_session(tmp_path: Path) -> None:
    world = World(tmp_path)
    browse(world, 10, event_at=at(0))
    world.attack(0, 20, **{**IMAGE, "event_at": at(0) + timedelta(seconds=3)})
    assert strongest(world) == "block"


@pytest.mark.parametrize(("is_new", "action"), [(True, "challenge"), (False, "count")])
def test_new_attacks_hour_after_hour_are_many(tmp_path: Path, is_new: bool, action: str) -> None:
    """A page that stays open asks for the same again."""
    world = World(tmp_path)
    browse(world, 10)
    for hour in range(1, 5):
        for number in range(5):
            name = 10 * hour + number if is_new else number
            world.attack(hour, 1, **{**IMAGE, "uri_query": f"a=../../etc/{name}"})
    world.deliver()
    world.decide(0, 6)
    assert max((made for _, made, _ in world.of()), key=("count", "challenge", "block").index) == action


def test_attacks_day_after_day_are_many(tmp_path: Path) -> None:
    world = World(tmp_path)
    for day in range(5):
        browse(world, 10, hour=26 * day)
        world.attack(26 * day + 1, 8, **{**IMAGE, "uri_query": f"a=../../etc/{day}"})
    world.deliver()
    world.decide(0, 26 * 5)
    assert [action for _, action, _ in world.of()] == ["count", "count", "count", "challenge"]


def test_who_comes_back_the_next_day_is_not_blocked_for_the_day_before(tmp_path: Path) -> None:
    """The session lies outside of the 24 hours then, and what it explains does not."""
    world = World(tmp_path)
    browse(world, 10)
    world.attack(1, 8, **IMAGE)
    browse(world, 10, hour=24)
    world.deliver()
    world.decide(0, 25)
    assert [action for _, action, _ in world.of()] == ["count"]


def test_hours_count_in_which_something_new_is_asked_for() -> None:
    texts = [(0, "a"), (1, "a"), (2, "b"), (26, "b"), (26, "c")]
    assert first_hours([seen(0)._replace(event_at=at(hour), query=query) for hour, query in texts]) == 3


# --- put into a page of the site --------------------------------------------------------------------------------------

STORED = {**IMAGE, "referer": f"https://{HOST}/shop/3?page=2", "uri_path": "/", "uri_query": "q=../../etc/passwd"}


def visitors(world: World, networks: int, **values: Any) -> None:
    """Each reads a page into which somebody has put an image, and then sends what the image asks for."""
    for number in range(networks):
        client = ATTACKER if number == 0 else f"60.0.{number}.7"
        browse(world, 4, client=client, cookie_hash=f"c{number}", uri_path="/shop/3")
        browse_assets(world, client, f"c{number}")
        world.attack(1, 8, client=client, **{**STORED, **values})


def browse_assets(world: World, client: str, cookie: str) -> None:
    world.visit(0, 4, client=client, **{**OWN, "uri_path": "/app.js", "cookie_hash": cookie})


def test_an_image_put_into_a_page_gets_no_visitor_blocked(tmp_path: Path) -> None:
    world = World(tmp_path)
    visitors(world, 4)
    assert strongest(world) == "count"
    assert "a page of this site, as others were served it too, can have caused 8 of its attacks" in world.decisions()[0]["reason"]  # fmt: skip


@pytest.mark.parametrize(
    ("networks", "values"),
    [
        (2, {}),
        (4, {"referer": f"https://{HOST}/elsewhere"}),
        (4, {"method": "POST"}),
        (4, {"user_agent": "another program"}),
        (4, {"uri_query": "q=<script>"}),
    ],
)
def test_what_no_page_of_the_site_can_cause_counts_in_full(
    tmp_path: Path, networks: int, values: dict[str, Any]
) -> None:
    world = World(tmp_path)
    visitors(world, networks, **values)
    assert strongest(world) == "block"


def test_what_one_client_alone_sends_is_not_stored(tmp_path: Path) -> None:
    world = World(tmp_path)
    visitors(world, 4)
    for number in range(12):
        world.attack(1, 1, **{**STORED, "uri_query": f"q=../../etc/{number}"})
    assert strongest(world) == "block"


# --- names of the site ------------------------------------------------------------------------------------------------


def customers(world: World, networks: int, path: str) -> None:
    for number in range(networks):
        world.attack(0, 2, client=f"60.0.{number}.7", uri_path=path, status=200)


def test_a_page_of_the_site_that_looks_like_a_probe_is_none(tmp_path: Path) -> None:
    world = World(tmp_path)
    customers(world, 4, "/orders.do")
    world.attack(0, 30, uri_path="/orders.do", status=200)
    assert strongest(world) == "count"


@pytest.mark.parametrize(("networks", "status"), [(2, 200), (0, 200), (4, 404)])
def test_a_probe_that_the_attacker_alone_is_served_stays_one(tmp_path: Path, networks: int, status: int) -> None:
    world = World(tmp_path)
    for number in range(networks):
        world.attack(0, 2, client=f"60.0.{number}.7", uri_path="/.env.1", status=status)
    world.attack(0, 30, status=200)
    assert strongest(world) == "block"


EXPORTS = ("/admin/export.sql", "/admin/backup.zip")


def fetch(world: World, hours: range, paths: tuple[str, ...], **values: Any) -> None:
    """An administrator's program, each hour or so."""
    for hour in hours:
        for path in paths:
            world.attack(hour, 1, **{"uri_path": path, "status": 200, **values})


def test_what_the_site_has_for_its_owner_is_no_probe(tmp_path: Path) -> None:
    world = World(tmp_path)
    fetch(world, range(30), EXPORTS)
    assert strongest(world, last=30) == "count"
    reason = world.decisions()[-1]["reason"]
    assert "requests look like a scanner's by the path alone, which the site serves" in reason


@pytest.mark.parametrize(
    ("paths", "values"),
    [
        (tuple(f"/admin/{number}.sql" for number in range(5)), {}),
        (EXPORTS, {"status": 404}),
        (EXPORTS, {"method": "POST"}),
        (EXPORTS, {"uri_query": "file=../../etc/passwd"}),
    ],
    ids=["many paths", "refused", "sent", "with a query"],
)
def test_what_looks_for_more_stays_a_probe(tmp_path: Path, paths: tuple[str, ...], values: dict[str, Any]) -> None:
    world = World(tmp_path)
    fetch(world, range(30), paths, **values)
    assert strongest(world, last=30) == "block"


def test_a_path_that_is_often_refused_is_a_probe(tmp_path: Path) -> None:
    world = World(tmp_path)
    for status in (200, 200, 200, 200, 404):
        fetch(world, range(12), EXPORTS, status=status)
    assert strongest(world, last=12) == "block"


def test_a_few_new_paths_a_day_are_many(tmp_path: Path) -> None:
    """A patient scanner of a site that answers every path with its one page."""
    world = World(tmp_path)
    for hour in range(42):
        world.attack(hour, 3, uri_path=f"/{hour // 8}.sql", status=200)
    assert strongest(world, last=42) == "block"


def test_a_served_path_excuses_no_other_attack(tmp_path: Path) -> None:
    world = World(tmp_path)
    fetch(world, range(30), EXPORTS)
    world.attack(29, 8, uri_path="/shop", uri_query="id=1%20union%20select", status=200)
    assert strongest(world, last=30) == "block"


def test_scanners_make_no_name_ordinary(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(6):
        world.attack(0, 9, client=f"60.0.{number}.7", status=200)
    world.attack(0, 30, status=200)
    assert strongest(world) == "block"


@pytest.mark.parametrize("status", [200, 404])
def test_diluted_probes_are_probes(tmp_path: Path, status: int) -> None:
    world = Doubtful(tmp_path)
    world.visit(0, 400)
    world.attack(0, 30, status=status)
    assert strongest(world) == "block"


def test_one_path_asked_for_again_is_one_probe(tmp_path: Path) -> None:
    """A program that nobody told of the new address."""
    world = World(tmp_path)
    world.visit(0, 400)
    world.attack(0, 39, uri_path="/old/orders.do")
    assert strongest(world) == "count"


def test_few_probes_count_once_each() -> None:
    def probes(*paths: str) -> list[SeenRequest]:
        values = {"is_attack": True, "attack_class": "scanner_probe", "probability": 1.0, "cookie": None}
        return [seen(number, path=path, **values) for number, path in enumerate(paths)]

    def count(*paths: str, own: tuple[str, ...] = ()) -> int:
        return len(certain_attacks(probes(*paths), (), own, RULES).request_ids)

    assert count("/a", "/a", "/b") == 2
    assert count("/a", "/b", "/c", "/d", "/e", "/e") == 6
    assert count("/a", "/b", "/c", "/d", "/e", "/e", own=("/e",)) == 4
    assert len(certain_attacks(probes("/a", "/b"), ("0",), (), RULES).request_ids) == 1


def test_a_referer_of_another_site_is_not_stored(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.visit(0, 3)
    for number in range(4):
        client = ATTACKER if number == 0 else f"60.0.{number}.7"
        world.attack(1, 8, client=client, **{**STORED, "referer": EVIL})
    assert strongest(world) == "block"
