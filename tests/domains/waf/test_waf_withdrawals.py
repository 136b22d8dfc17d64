"""A withdrawn model version and the hours decided after: its decisions are no earlier offences, its blocks echo no longer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from platform_assets.domains.waf.decide.hours import decision_checks
from platform_assets.domains.waf.decide.withdrawals import Withdrawals
from platform_assets.domains.waf.decisions import Decision, rank
from platform_assets.domains.waf.manual.in_force import ManualAction
from platform_assets.domains.waf.policy import Policy
from tests.domains.waf.decision_world import ATTACKER, START, World, at

MINUTES = timedelta(minutes=1)
MEMORY = timedelta(hours=Policy().rules.repetition.memory_hours)


def withdrawn(hour: int, version: str = "7", *, model: str = "client_abuse", minute: int = 20) -> ManualAction:
    return ManualAction.make(at(hour) + minute * MINUTES, "alice", "withdraw", f"{model} {version}", "it is wrong")


def resumed(hour: int, version: str = "7", *, minute: int = 40) -> ManualAction:
    return ManualAction.make(at(hour) + minute * MINUTES, "alice", "resume", f"client_abuse {version}", "it was right")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Version 8 serves from hour 20 on."""
    world = World(tmp_path)
    world.client_model = {20: "8"}
    return world


def test_a_withdrawn_block_lengthens_no_later_one(world: World) -> None:
    for hour in (0, 30, 60):
        world.attack(hour)
    world.deliver()
    world.decide(0, 61)
    assert world.of() == [(1, "block", 24), (31, "block", 48)], "the attack of hour 60 is under the block"
    world.decide(0, 61, acts=[withdrawn(26)])
    assert world.of() == [(1, "block", 24), (31, "block", 24), (61, "block", 48)]
    assert [row["repetition"] for row in world.decisions()] == [0, 0, 1]


def test_a_withdrawn_decision_is_no_proof(world: World) -> None:
    for hour in (0, 30):
        world.visit(hour, 120, status=404)
    world.deliver()
    world.decide(0, 31)
    assert [action for _, action, _ in world.of()] == ["challenge", "block"]
    world.decide(0, 31, acts=[withdrawn(26)])
    assert [action for _, action, _ in world.of()] == ["challenge", "challenge"]
    world.decide(0, 31, acts=[withdrawn(26), resumed(29)])
    assert [action for _, action, _ in world.of()] == ["challenge", "block"]


def test_a_withdrawal_counts_from_the_hour_it_ends(world: World) -> None:
    for hour in (0, 30):
        world.attack(hour)
    world.deliver()
    for moment, hours in ((withdrawn(31, minute=0), 24), (withdrawn(31, minute=1), 48)):
        world.decide(0, 31, acts=[moment])
        assert world.of()[1] == (31, "block", hours)


def test_withdrawing_a_request_model_withdraws_what_it_decided(world: World) -> None:
    for hour in (0, 30):
        world.attack(hour)
    world.deliver()
    world.decide(0, 31, acts=[withdrawn(26, "2", model="request_attack")])
    assert world.of()[1] == (31, "block", 48), "nothing rests on version 2"
    behind = {"client_abuse 7", "request_attack 1"}
    every = Withdrawals.of(
        [withdrawn(26, "1", model="request_attack")], START, lambda rows: {rows[0]["decision_id"]: frozenset(behind)}
    )
    (first, _) = world.decisions()

    one = Decision.from_row(first)
    assert every.counting([one], at(31), {}) == []
    assert every.counting([one], at(31), {one.address: frozenset({"request_attack 2"})}) == []
    assert every.counting([one], at(31), {one.address: frozenset({"request_attack 1"})}) == [one]
    assert every.counting([one], at(26), {}) == [one]


def test_activity_after_a_withdrawn_block_counts(world: World) -> None:
    world.client_model = {5: "8"}
    world.attack(0)
    world.retry(range(1, 12))
    world.deliver()
    world.decide(0, 12)
    assert world.of() == [(1, "block", 24)]
    world.decide(0, 12, acts=[withdrawn(5)])
    assert [hour for hour, _, _ in world.of()] == [1, 8], (
        "hours 1 to 6 are the echo of the block, an hour of slack with them"
    )
    (_, second) = world.decisions()
    assert not {f"{ATTACKER}-{hour:03}" for hour in range(1, 7)} & {one[:-7] for one in second["evidence_request_ids"]}
    assert second["model_version"] == "8" and second["repetition"] == 0


def test_a_block_that_is_resumed_echoes_again(world: World) -> None:
    world.client_model = {5: "8"}
    world.attack(0)
    world.retry(range(14, 20))
    world.visit(27)
    world.deliver()
    world.decide(0, 27, acts=[withdrawn(5), resumed(13)])
    assert world.of() == [(1, "block", 24)], "what it did under the block of version 7 says nothing when that has ended"


def test_a_withdrawn_version_piles_up_no_decisions(world: World) -> None:
    world.client_model = {}
    world.attack(0)
    for hour in range(1, 40):
        world.attack(hour, 6)
    world.deliver()
    rows = [row for row in world.decide(0, 40, acts=[withdrawn(3)]) if row["address"] == f"{ATTACKER}/32"]
    assert len(rows) > 1
    for before, after in pairwise(rows):
        assert before["expires_at"] <= after["decided_at"] and after["repetition"] == before["repetition"] + 1


def test_no_version_is_looked_up_without_withdrawals() -> None:
    def fails(rows: Sequence[Any]) -> Any:
        raise AssertionError(rows)

    allow = ManualAction.make(at(3), "alice", "allow", "45.83.1.0/24", "a partner", expires_at=at(40))
    over = (withdrawn(1), resumed(2))
    none = Withdrawals.of([allow, *over], at(3), fails)
    one = World.__new__(World)  # nothing of it is used
    assert none.spans == () and none.counting([one], at(9), {}) == [one]  # type: ignore[list-item]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_an_action_changes_no_hour_before_it(tmp_path: Path, seed: int) -> None:
    """Random attacks of three clients under three versions, withdrawn and resumed at random."""
    chance, world, last = random.Random(seed), World(tmp_path), 40
    clients = [f"45.83.1.{number}" for number in range(3)]
    world.client_model = {hour: chance.choice("678") for hour in sorted(chance.sample(range(last), 4))}
    for client in clients:
        for hour in sorted(chance.sample(range(last), 10)):
            if chance.random() < 0.6:
                world.attack(hour, 6, client=client)
            else:
                world.visit(hour, 120, client=client, status=404)
    acts: list[ManualAction] = []
    gone: set[str] = set()
    moments: dict[int, set[str]] = {}
    for hour in sorted(chance.sample(range(last), 4)):
        version = chance.choice("678")
        acts.append((resumed if version in gone else withdrawn)(hour, version))
        gone = gone ^ {version}
        moments[hour] = set(gone)
    world.deliver()
    found = world.decide(0, last)
    for number, act in enumerate(acts, start=1):
        before, found = found, world.decide(0, last, acts=acts[:number])
        same = [[row for row in rows if row["decided_at"] < act.acted_at] for rows in (before, found)]
        assert same[0] == same[1], "what ended before an act stays as it was"
    repeated = 0
    for row in found:
        start = row["decided_at"] - timedelta(hours=1)
        past = [hour for hour in moments if at(hour) < row["decided_at"]]
        off = (moments[max(past)] if past else set()) - {row["model_version"]}
        as_strong = [
            one
            for one in found
            if one["address"] == row["address"]
            and one["decided_at"] <= start
            and (one["decided_at"] > start - MEMORY or one["expires_at"] > start)
            and rank(one["action"]) >= rank(row["action"])
            and one["model_version"] not in off
        ]
        assert row["repetition"] == len(as_strong), (seed, row)
        assert not [one for one in as_strong if one["expires_at"] > start]
        repeated += bool(as_strong)
    assert repeated


def test_no_decision_touches_what_people_allowed_by_then() -> None:
    policy, row = Policy(), {"reason": "x", "model_name": "m", "model_version": "1"}
    allow = ManualAction.make(at(3), "alice", "allow", "45.83.1.0/24", "a partner", expires_at=at(5))

    def passes(address: str, hour: int, acts: Sequence[ManualAction] = (allow,)) -> bool:
        rows = [
            {**row, "address": address, "decided_at": at(hour)},
            {**row, "address": "9.9.9.9/32", "decided_at": at(4)},
        ]
        return decision_checks(rows, policy, (), acts)[0][1]

    assert [passes("45.83.1.9/32", hour) for hour in (2, 3, 4, 5)] == [True, False, False, True]
    assert passes("45.83.2.0/24", 4) and not passes("45.83.0.0/16", 4)
    assert passes("45.83.1.9/32", 4, ())
