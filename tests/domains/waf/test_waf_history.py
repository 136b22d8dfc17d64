"""While the lake is young nobody is blocked: the people behind an address may come after the scanner among them."""

from __future__ import annotations

from pathlib import Path

from platform_assets.domains.waf.decide.rules import ScoredHour, decide
from platform_assets.domains.waf.decisions import Row
from platform_assets.domains.waf.rulebook import History, Rules
from tests.domains.waf.decision_world import VISITOR, World
from tests.domains.waf.waf_world import HOUR, attacks, behavior, score

CLIENT = "45.83.1.2/32"


def decided(has_history: bool, rules: Rules | None = None) -> Row:
    """What is decided on a sure attacker of one hour."""
    ids = [f"r{number}" for number in range(20)]
    one = decide(
        ScoredHour(
            HOUR,
            [score(CLIENT, hour=HOUR, abuse_probability=0.99, request_count=40, evidence_request_ids=ids)],
            behavior=[behavior(CLIENT, hour=HOUR, request_count=40)],
            attacks=[attacks(CLIENT, 30, hour=HOUR)],
            has_history=has_history,
        ),
        [],
        rules or Rules(),
    )
    return one[0].row()


def test_a_first_day_attacker_is_only_challenged() -> None:
    assert decided(True)["action"] == "block"
    first = decided(False)
    assert first["action"] == "challenge"
    assert "the lake has less than 24 hours of history" in first["reason"]


def test_the_policy_bounds_the_first_day() -> None:
    assert decided(False, Rules(history=History(at_most="block")))["action"] == "block"
    assert decided(False, Rules(history=History(at_most="count")))["action"] == "count"


def test_the_day_counts_from_the_first_hour(tmp_path: Path) -> None:
    world = World(tmp_path, history_hours=24)
    world.visit(0, client=VISITOR)
    for hour in (23, 24):
        world.attack(hour, client=f"45.83.2.{hour}")
    world.deliver()
    world.decide(23, 24)
    assert [world.of(f"45.83.2.{hour}")[0][1] for hour in (23, 24)] == ["challenge", "block"]


def test_logs_of_long_ago_are_no_history(tmp_path: Path) -> None:
    world, later = World(tmp_path, history_hours=24), 24 * 10
    world.visit(0, client=VISITOR)
    world.attack(later)
    world.deliver()
    world.decide(later, later)
    assert [action for _, action, _ in world.of()] == ["challenge"]
