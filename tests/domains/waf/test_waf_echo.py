"""What a client does under our own block is no feature, no label and no proof; see edge.md's peers for what happens else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from platform_assets.domains.waf.decide.echo import EchoHours
from platform_assets.domains.waf.decide.rescoring import without_echo
from platform_assets.domains.waf.manual.in_force import ManualAction
from platform_assets.domains.waf.policy import Policy
from platform_assets.domains.waf.rulebook import Echo, Rules
from tests.domains.waf.decision_world import ATTACKER, VISITOR, World, at
from tests.domains.waf.waf_world import decision

NO_ECHO_BREAKER = Policy(rules=Rules(echo=Echo(actions=())))


def blocked_and_retrying(folder: Path, policy: Policy | None = None) -> World:
    """An attacker in hour 0 who retries for as long as it is blocked and then looks at single pages for a day."""
    world = World(folder, policy)
    world.attack(0)
    world.retry(range(1, 25))
    for hour in range(25, 50):
        world.visit(hour, 2)
    world.deliver()
    return world


def test_a_retrying_client_leaves_the_list_for_good(tmp_path: Path) -> None:
    world = blocked_and_retrying(tmp_path)
    world.decide(0, 49)
    assert world.of() == [(1, "block", 24)]


def test_without_the_breaker_a_block_renews_itself(tmp_path: Path) -> None:
    """AWS Security Automations #44: the world above does show the failure where nothing is left out."""
    world = blocked_and_retrying(tmp_path, NO_ECHO_BREAKER)
    world.decide(0, 49)
    assert world.of()[:2] == [(1, "block", 24), (26, "block", 48)]


def test_a_returning_attacker_is_blocked_for_longer(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.attack(0)
    world.retry(range(1, 25))
    fresh = world.attack(30)
    world.deliver()
    world.decide(0, 30)
    assert world.of() == [(1, "block", 24), (31, "block", 48)]
    last = world.decisions()[-1]
    assert set(last["evidence_request_ids"]) <= set(fresh)
    assert (last["request_count"], last["attack_request_count"], last["repetition"]) == (30, 30, 1)
    assert "without 18 hours for which a block was decided before" in last["reason"]


def test_the_slack_counts_as_the_block(tmp_path: Path) -> None:
    """An entry leaves WAF with the first apply after its time, not on the second."""
    in_slack, after = World(tmp_path / "a"), World(tmp_path / "b")
    for world, hour in ((in_slack, 25), (after, 26)):
        world.attack(0)
        world.attack(hour)
        world.deliver()
        world.decide(0, 27)
    assert in_slack.of() == [(1, "block", 24)]
    assert after.of() == [(1, "block", 24), (27, "block", 48)]


def test_a_block_keeps_its_network_counted(tmp_path: Path) -> None:
    """One of its addresses is blocked: the network is judged by what the others do."""
    world, others = World(tmp_path), ("45.83.1.3", "45.83.1.4", "45.83.1.5")
    world.attack(0)
    world.retry(range(1, 25))
    for other in others:
        world.visit(24, 3, client=other)
    world.deliver()
    world.decide(0, 24)
    assert world.of("45.83.1.0/24") == [], "the network's only errors are answers of WAF to one blocked address"
    for other in others:
        world.attack(24, 4, client=other)
    world.deliver()
    world.decide(0, 24)
    assert [(hour, action) for hour, action, _ in world.of("45.83.1.0/24")] == [(25, "challenge")]
    found = next(row for row in world.decisions() if row["client_kind"] == "network")
    assert (found["request_count"], found["attack_request_count"]) == (21, 12)


def test_a_challenged_client_that_continues_is_blocked(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.visit(0, 120, status=404)
    world.attack(3, 6, status=202)
    world.deliver()
    world.decide(0, 5)
    assert [action for _, action, _ in world.of()] == ["challenge", "block"]


def delivered_in_order(world: World) -> None:
    for first, last in ((0, 1), (2, 2), (3, 23), (24, 24), (25, 25), (26, 26), (27, 30), (31, 49)):
        world.deliver(range(last + 1))
        world.decide(first, last)


def delivered_at_once(world: World) -> None:
    world.deliver()
    world.decide(0, 49)


def delivered_late(world: World) -> None:
    """The hour of the attack comes a day late, after its block would have ended."""
    world.deliver(range(1, 50))
    world.decide(1, 49)
    world.deliver()
    world.decide(0, 23)


def delivered_backwards(world: World) -> None:
    for first in (40, 26, 10, 1, 0):
        world.deliver(range(first, 50))
        world.decide(first, 49)


@pytest.mark.parametrize("delivery", [delivered_in_order, delivered_late, delivered_backwards])
def test_any_delivery_order_gives_the_same_decisions(tmp_path: Path, delivery: Any) -> None:
    worlds = [World(tmp_path / "at_once"), World(tmp_path / "otherwise")]
    for world, deliver in zip(worlds, (delivered_at_once, delivery), strict=True):
        world.attack(0)
        world.retry(range(1, 25))
        world.visit(26, 4)
        world.attack(30)
        world.attack(33, client=VISITOR)
        world.visit(40, 150, client="45.84.1.1", status=404)
        deliver(world)
    assert worlds[0].decisions() == worlds[1].decisions()
    assert len(worlds[0].decisions()) == 4


def test_deciding_again_changes_nothing(tmp_path: Path) -> None:
    world = blocked_and_retrying(tmp_path)
    before = world.decide(0, 49)
    assert world.decide(10, 12) == before
    assert world.decide(0, 49) == before


def test_only_clients_with_an_echo_are_scored_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.attack(0)
    world.visit(3, 150, client=VISITOR, status=404)
    world.retry(range(1, 5))
    world.deliver()
    world.decide(0, 5)
    assert world.model.scored == 0, "the visitor was never blocked, and the attacker has no hour outside of its block"


def test_a_threshold_holds_across_many_files(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(12):
        world.attack(number // 4, 1, source_object=f"raw/{number}.gz")
    world.deliver()
    world.decide(0, 2)
    assert [action for _, action, _ in world.of()][-1] == "block"


def test_requests_under_a_block_do_not_become_labels(tmp_path: Path) -> None:
    world = blocked_and_retrying(tmp_path)
    world.visit(5, 3, client=VISITOR)
    world.decide(0, 49)
    hours = [(f"{ATTACKER}/32", hour) for hour in (0, 1, 24, 25, 48, 49)] + [(f"{VISITOR}/32", 5)]
    examples = pd.DataFrame([{"client": client, "hour_at": at(hour)} for client, hour in hours])
    kept = without_echo(world.lake, examples, world.policy.rules)
    assert list(zip(kept["client"], kept["hour_at"], strict=True)) == [
        (f"{ATTACKER}/32", at(0)),
        (f"{ATTACKER}/32", at(49)),
        (f"{VISITOR}/32", at(5)),
    ]
    assert without_echo(World(tmp_path / "empty").lake, examples, Rules()).equals(examples)


def test_only_named_actions_echo_while_they_last() -> None:
    one = decision("45.83.1.0/24", "block", decided_at=at(5), hours=3)
    hours = EchoHours.of([one, replace(one, address="45.83.2.2/32", action="challenge")], Echo())
    inside = [hour for hour in range(12) if hours.has("45.83.1.7/32", at(hour))]
    assert inside == [5, 6, 7, 8], "three hours and the slack"
    assert not any(hours.has("45.83.2.2/32", at(hour)) for hour in range(12))
    assert not any(hours.has("45.83.0.0/16", at(hour)) for hour in range(12)), "a part of it is not all of it"
    assert hours.within("45.83.0.0/16", at(5)) and not hours.within("45.83.0.0/16", at(4))
    assert hours.within("45.83.1.7/32", at(8) + timedelta(hours=23))
    assert not hours.within("45.83.1.7/32", at(8) + timedelta(hours=24))
    assert not EchoHours.of([one], Echo(slack_hours=0)).has("45.83.1.7/32", at(8))


def test_a_manual_block_echoes_too(tmp_path: Path) -> None:
    """Its 403s earn it no block of the model's; once the person ends the block, attacks count again."""
    block = ManualAction.make(at(0), "alice", "block", f"{ATTACKER}/32", "a hunch", expires_at=at(48))
    ended = ManualAction.make(at(10), "alice", "resume", f"{ATTACKER}/32", "a mistake")
    worlds = {}
    for name, acts in (("nobody", []), ("blocked", [block]), ("ended", [block, ended])):
        worlds[name] = world = World(tmp_path / name)
        world.retry(range(1, 14), count=20)
        world.deliver()
        world.decide(1, 13, acts=acts)
    assert worlds["nobody"].of()[0][0] == 2
    assert worlds["blocked"].of() == []
    assert worlds["ended"].of()[0][0] == 12, "the slack after the block is hour 10"


def test_a_manual_allow_exempts_from_then_on(tmp_path: Path) -> None:
    allow = ManualAction.make(
        at(5) + timedelta(minutes=20), "alice", "allow", "45.83.1.0/24", "a partner", expires_at=at(40)
    )
    world = World(tmp_path)
    world.attack(0)
    world.attack(30, client=VISITOR.replace("9.9", "1.9"))
    world.attack(41)
    world.deliver()
    before = world.decide(0, 41)
    assert [row["address"] for row in before] == ["45.83.1.2/32", "45.83.1.9/32", "45.83.1.2/32"]
    after = world.decide(0, 41, acts=[allow])
    assert after[0] == before[0], "decided again, hour 0 is as it was"
    assert world.of("45.83.1.9") == [], "decided while it is allowed"
    assert [hour for hour, _, _ in world.of()] == [1, 42], "and it ends"
