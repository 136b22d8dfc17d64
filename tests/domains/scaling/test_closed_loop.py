"""Sizes that feed back into CPU: never far beyond the right size, soon settled, and without oscillation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from tests.domains.scaling.closed_loop import NAIVE, QUICK, QUICK_NAIVE, Replay, Scenario, replay
from tests.domains.scaling.scenarios import CHANGE, SCENARIOS, level

HIGHEST_BOUND = 1.3 * 1.12
"""Of the measured demand, which has noise of up to 3 %, four times over."""
STEPS = ("step up", "noisy step up", "large step up", "step down", "nodes late", "half of the nodes", "no nodes")
REVERSALS = {"ended peak": 1, "daily": 2, "outage": 1}
"""Scenarios whose demand itself turns, and how often."""


BUDGET_REVERSALS = {**REVERSALS, "ramp": 1, "flapping": 2, "constant, then moving": 15}
"""The same where sizes follow a budget: it first releases what a ramp needs later, and follows what turns every quarter of an hour."""
PRESETS = ("budget", "thresholds")


def following(scenario: Scenario, preset: str) -> Scenario:
    """The scenario decided on by a preset; a size of the budget lasts until the nodes of the next decision serve."""
    lead = (scenario.every + scenario.delay - 1) * 300.0
    return replace(scenario, policy={"preset": preset, "lead_seconds": lead, **scenario.policy})


def check(name: str, outcome: Replay, reversals: Mapping[str, int]) -> None:
    assert not outcome.overshoots()
    assert outcome.greatest_bound() <= HIGHEST_BOUND
    assert outcome.reversals() <= reversals.get(name, 0)
    if name in STEPS:
        assert outcome.settled_after(CHANGE + 1) <= 3, "counted from the first decision that sees two steps of it"


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_sizes_stay_near_the_right_one(name: str, preset: str) -> None:
    reversals = BUDGET_REVERSALS if preset == "budget" else REVERSALS
    check(name, replay(following(SCENARIOS[name], preset), QUICK_NAIVE), reversals)


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_all_experts_stay_near_it_too(name: str, preset: str) -> None:
    reversals = BUDGET_REVERSALS if preset == "budget" else REVERSALS
    check(name, replay(following(SCENARIOS[name], preset), QUICK), reversals)


def test_a_steady_young_cluster_is_held() -> None:
    outcome = replay(Scenario(level(0.25, 160.0), 4, first=35, every=18, noise=0.003), NAIVE)
    assert set(outcome.sizes) == {4}
    assert all("Too young to judge, so held at 4" in at.entry.reason for at in outcome.decisions)


def test_a_young_cluster_grows_with_its_present_load() -> None:
    outcome = replay(Scenario(level(0.25, 380.0), 4, first=35, every=18), QUICK_NAIVE)
    assert set(outcome.sizes) == {6}
    assert "Current CPU" in outcome.decisions[0].entry.reason


def test_a_cluster_is_held_after_days_of_silence() -> None:
    outcome = replay(SCENARIOS["silence, then more"], QUICK_NAIVE)
    held = ["Too young to judge" in at.entry.reason for at in outcome.decisions]
    hours = [(at.step + 1 - 4 * 288) / 12 for at in outcome.decisions]
    assert held == [hour < 12 for hour in hours], "until half a day was measured again"


def test_a_peak_that_ended_orders_nothing() -> None:
    outcome = replay(following(SCENARIOS["ended peak without scaling"], "thresholds"), QUICK_NAIVE)
    assert set(outcome.sizes) == {4}


def test_a_share_of_one_is_held_and_asked_about() -> None:
    outcome = replay(SCENARIOS["CPU as a share of one"], QUICK_NAIVE)
    assert set(outcome.sizes) == {4}
    assert "is it a share of 0 to 1? If so, map it with a factor of 100" in outcome.decisions[0].entry.reason
    idle = Scenario(level(2.1, 2.0), 4, first=CHANGE, every=6, policy={"least_peak_percent": 0.0})
    assert replay(idle, QUICK_NAIVE).sizes[-1] == 2


def test_a_peak_is_over_within_three_decisions_after_an_hour() -> None:
    outcome = replay(SCENARIOS["ended peak"], QUICK_NAIVE)
    assert outcome.settled_after(CHANGE + 12 + 12) <= 3 and outcome.sizes[-1] <= 5


def test_released_nodes_leave_the_load_room() -> None:
    outcome = replay(following(SCENARIOS["step down"], "thresholds"), QUICK_NAIVE)
    assert outcome.sizes[-1] < 14 and np.max(outcome.cpu[CHANGE + 36 :]) < 60.0
