"""The replay of decisions, counted by hand on short loads."""

from __future__ import annotations

import numpy as np
import pytest

from weir_models.predictive_scaling.policy import PolicySettings
from weir_models.predictive_scaling.replay import ReplaySettings, predictive, reactive, run, start_nodes

SETTINGS = ReplaySettings(start_up_seconds=600.0)
STEP = 300


def test_an_ordered_node_works_after_its_start_up() -> None:
    demand = np.array([150.0, 170.0, 170.0, 170.0, 170.0])
    done = run(demand, STEP, 2, lambda step, in_force, ordered: 3 if step == 1 else ordered, SETTINGS)
    assert done.violations == pytest.approx(2 / 5)  # steps 1 and 2; from step 3 on three nodes work
    assert done.node_hours == pytest.approx((2 + 2 + 3 + 3 + 3) * STEP / 3600)
    assert done.changes == 1


def test_starting_nodes_are_released_first() -> None:
    demand = np.zeros(4)
    wanted = [5, 3, 1, 1]
    done = run(demand, STEP, 2, lambda step, in_force, ordered: wanted[step], SETTINGS)
    assert done.node_hours == pytest.approx((2 + 5 + 3 + 1) * STEP / 3600)


def test_a_step_without_a_measurement_is_not_judged() -> None:
    done = run(np.array([np.nan, 500.0]), STEP, 2, lambda step, in_force, ordered: ordered, SETTINGS)
    assert done.violations == 1.0 and done.steps == 2


def test_reactive_scaling_shrinks_after_fifteen_minutes() -> None:
    policy = PolicySettings()
    load = np.array([210.0, 10.0, 10.0, 10.0, 10.0])
    decide = reactive(load, STEP, policy, SETTINGS)
    assert decide(0, 2, 2) == 3  # 100 % is all that it sees of 210 on two nodes
    assert [decide(step, 3, 3) for step in (1, 2, 3)] == [3, 3, 2]


def test_forecasts_avoid_violations_of_reactive_scaling() -> None:
    policy = PolicySettings()
    demand = np.concatenate([np.full(20, 130.0), np.full(20, 480.0)])
    ahead = np.concatenate([demand[6:], np.full(6, 480.0)])
    seconds = np.arange(40.0) * STEP
    ours = run(demand, STEP, 2, predictive(seconds, demand, ahead, ahead, policy), SETTINGS)
    theirs = run(demand, STEP, 2, reactive(demand, STEP, policy, SETTINGS), SETTINGS)
    assert ours.violations == 0.0 < theirs.violations


def test_both_begin_with_what_the_first_load_needs() -> None:
    assert start_nodes(700.0, PolicySettings(), SETTINGS) == 10
    assert start_nodes(0.0, PolicySettings(), SETTINGS) == 2
    assert start_nodes(float("nan"), PolicySettings(), SETTINGS) == 2
