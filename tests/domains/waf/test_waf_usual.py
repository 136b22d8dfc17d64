"""What is usual on a site is never "many different pages", and an attacker cannot make it usual cheaply."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.domains.waf.decide.usual import PagesOfDay, pages_of_day, usual_pages
from platform_assets.domains.waf.rulebook import Volume
from tests.domains.waf.decision_world import World
from tests.domains.waf.test_waf_alone import Doubtful
from tests.domains.waf.waf_world import HOUR, behavior

DAYS = (0, 24, 48)
TERMINALS = tuple(f"45.83.{n}.7" for n in range(6))
SCRAPER = "60.1.2.3"


def read(world: World, client: str, hour: int, pages: int) -> None:
    """Pages without what a browser fetches, and so many answers 429 that the model calls it abuse."""
    for number in range(pages):
        world.visit(hour, 1, client=client, uri_path=f"/stock/{number}")
    world.visit(hour, 100, client=client, uri_path="/stock/0", status=429)


def site(folder: Path, terminals: int = 6, days: tuple[int, ...] = DAYS) -> World:
    """Terminals of partners that read 120 pages each day."""
    world = World(folder)
    for hour in days:
        for client in TERMINALS[:terminals]:
            read(world, client, hour, 120)
    return world


def decided(world: World, hour: int, client: str) -> tuple[str, str]:
    world.deliver()
    world.decide(hour, hour)
    (row,) = [row for row in world.decisions() if row["address"] == f"{client}/32"]
    return row["action"], row["reason"]


def test_what_many_networks_read_is_usual(tmp_path: Path) -> None:
    world = site(tmp_path)
    read(world, SCRAPER, 48, 121)
    action, reason = decided(world, 48, TERMINALS[0])
    assert action == "count" and "it has attacked nothing and up to 120 pages are usual on this site" in reason
    action, reason = decided(world, 48, SCRAPER)
    assert action == "challenge"
    assert "it read 121 different pages or more without what a browser fetches (up to 120 are usual" in reason


@pytest.mark.parametrize("days", [(24, 48), (0, 48), (47, 48), (25, 49, 48)])
def test_what_happens_on_one_day_is_not_usual(tmp_path: Path, days: tuple[int, ...]) -> None:
    action, reason = decided(site(tmp_path, days=days), 48, TERMINALS[0])
    assert action == "challenge" and "100 different pages or more without what a browser fetches (min_pages" in reason


def test_a_few_networks_make_nothing_usual(tmp_path: Path) -> None:
    assert decided(site(tmp_path, terminals=4), 48, TERMINALS[0])[0] == "challenge"


def test_later_days_change_no_decision(tmp_path: Path) -> None:
    world = site(tmp_path)
    world.deliver()
    alone = world.decide(0, 48)
    for client in TERMINALS:
        read(world, client, 72, 900)
    world.deliver()
    assert [row for row in world.decide(0, 72) if row["decided_at"] <= alone[-1]["decided_at"]] == alone


def day(*pages: int, networks: int = 10) -> PagesOfDay:
    return PagesOfDay(networks, {f"45.83.{n}.0/24": count for n, count in enumerate(pages)})


def test_each_network_has_one_vote_for_its_second_busiest_day() -> None:
    ordinary = day(150, 150, 150, 150, 150)
    assert usual_pages([ordinary, ordinary], 0.01) == 150
    busier = [ordinary, ordinary, day(9_000, 9_000, 9_000, 9_000, 9_000)]
    assert usual_pages(busier, 0.01) == 150
    assert usual_pages([*busier, day(8_000, 8_000)], 0.01) == 150, "two networks of five"
    assert usual_pages([ordinary, ordinary], 0.0) == 0, "switched off"
    assert usual_pages([ordinary], 0.01) == usual_pages([], 0.01) == 0


def test_a_large_site_takes_its_share_of_networks() -> None:
    ordinary = day(*[150] * 40, networks=4_000)
    assert usual_pages([ordinary, ordinary], 0.01) == 150
    assert usual_pages([ordinary, day(*[150] * 40, networks=4_001)], 0.01) == 0


def test_addresses_of_one_provider_have_one_vote() -> None:
    rows = [behavior(f"2a00:1450:4001:{n:x}::1/128", hour=HOUR, distinct_page_count=300) for n in range(50)]
    rows += [behavior(f"45.83.1.{n}/32", hour=HOUR, distinct_page_count=200 + n) for n in range(50)]
    assert pages_of_day(9, rows, (), Volume()).pages == {"2a00:1450:4001::/48": 300, "45.83.1.0/24": 249}


def test_nobody_makes_any_number_of_pages_usual() -> None:
    rows = [behavior(f"45.83.{n}.1/32", hour=HOUR, distinct_page_count=50_000) for n in range(5)]
    day_of_scrapers = pages_of_day(400, rows, (), Volume())
    assert usual_pages([day_of_scrapers, day_of_scrapers], 0.01) == 1_000


def test_attackers_have_no_vote() -> None:
    reader = behavior("45.83.1.1/32", distinct_page_count=300, request_count=300)
    assert pages_of_day(9, [reader], ["45.83.1.1/32"], Volume()).pages == {}
    assert pages_of_day(9, [{**reader, "sign_in_failure_count": 200}], (), Volume()).pages == {}


# --- pages of each hour, added up ---------------------------------------------------------------------------------------


class Sure(Doubtful):
    """A world in which the client model suspects everybody."""

    client_probability = 0.95


def device(world: World, paths: int, status: int = 200) -> None:
    """The same paths every hour of a day."""
    for hour in range(24):
        for number in range(paths):
            world.visit(hour, 1, uri_path=f"/d/77/{number}", status=status)


@pytest.mark.parametrize(
    ("paths", "status", "expected"), [(6, 200, "count"), (120, 200, "challenge"), (120, 304, "count")]
)
def test_the_same_paths_every_hour_are_few_pages(tmp_path: Path, paths: int, status: int, expected: str) -> None:
    world = Sure(tmp_path)
    device(world, paths, status)
    world.deliver()
    world.decide(0, 24)
    assert {action for _, action, _ in world.of()} == {expected}


def test_new_paths_every_hour_are_many_pages(tmp_path: Path) -> None:
    world = Sure(tmp_path)
    for hour in range(24):
        for number in range(6):
            world.visit(hour, 1, uri_path=f"/item/{hour}/{number}")
    world.deliver()
    world.decide(20, 24)
    assert "challenge" in {action for _, action, _ in world.of()}
