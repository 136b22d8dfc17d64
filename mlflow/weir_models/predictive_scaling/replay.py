"""Simulation of scaling decisions on the true demand: the predictive policy and reactive scaling.

Both see the same load on the same grid and order the same nodes, which serve after their start-up. Reactive scaling is target
tracking as in Auto Scaling groups: out at once when the load passes the target, in after 15 minutes at least a tenth below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np

from weir_models.predictive_scaling.budget import Account
from weir_models.predictive_scaling.policy import (
    Memory,
    PolicySettings,
    Situation,
    nodes_for,
    recommend,
)
from weir_models.predictive_scaling.series import Values, carried
from weir_models.predictive_scaling.sizing import choose

Decide = Callable[[int, int, int], int]
"""(step, nodes in force, nodes ordered) -> desired nodes."""


@dataclass(frozen=True)
class ReplaySettings:
    """The fleet on which decisions are replayed."""

    fleet_nodes: int = 20
    """Fleet size of a series without a node count."""
    start_up_seconds: float = 300.0
    """Time from the order of a node until it serves."""
    violation_above: float = 80.0
    """Percent of utilization of the nodes in force."""
    tracking_target: float = 70.0
    """Target utilization of reactive scaling, the one to which the policy scales up."""
    tracking_low_seconds: float = 900.0


@dataclass(frozen=True)
class Replay:
    """Cost of one way of deciding."""

    violations: float
    """Share of steps in which demand exceeded the threshold of the nodes in force."""
    node_hours: float
    changes: int
    steps: int


def run(demand: Values, step_seconds: int, nodes: int, decide: Decide, settings: ReplaySettings) -> Replay:
    """Follow `decide` at each step; steps without a measured demand count for no violation."""
    delay = ceil(settings.start_up_seconds / step_seconds)
    starting: list[tuple[int, int]] = []
    in_force, hours, passed, judged, changes = nodes, 0.0, 0, 0, 0
    for step, load in enumerate(demand):
        in_force += sum(count for ready, count in starting if ready <= step)
        starting = [(ready, count) for ready, count in starting if ready > step]
        ordered = in_force + sum(count for _, count in starting)
        if load == load:
            judged += 1
            passed += bool(load > settings.violation_above * in_force)
        hours += ordered * step_seconds / 3600.0
        desired = max(1, decide(step, in_force, ordered))
        changes += desired != ordered
        if desired > ordered:
            starting.append((step + delay, desired - ordered))
        else:
            surplus = ordered - desired
            while surplus and starting:
                ready, count = starting.pop()
                still_starting = max(0, count - surplus)
                surplus -= count - still_starting
                starting += [(ready, still_starting)] if still_starting else []
            in_force -= surplus
    return Replay(passed / judged if judged else float("nan"), hours, changes, len(demand))


def reactive(current: Values, step_seconds: int, policy: PolicySettings, settings: ReplaySettings) -> Decide:
    """Target tracking on the measured utilization, which never exceeds 100 percent."""
    low_steps = 0
    patience = ceil(settings.tracking_low_seconds / step_seconds)

    def decide(step: int, in_force: int, ordered: int) -> int:
        nonlocal low_steps
        if current[step] != current[step]:
            return ordered
        used = min(100.0, current[step] / in_force)
        desired = nodes_for(used * in_force, settings.tracking_target)
        low_steps = low_steps + 1 if used < 0.9 * settings.tracking_target else 0
        if desired > ordered:
            return min(desired, policy.maximum_nodes)
        if low_steps >= patience and desired < ordered:
            low_steps = 0
            return max(desired, policy.minimum_nodes)
        return ordered

    return decide


def predictive(seconds: Values, current: Values, predicted: Values, upper: Values, policy: PolicySettings) -> Decide:
    """The policy on the forecasts made at each step."""
    memory = Memory()

    def decide(step: int, in_force: int, ordered: int) -> int:
        nonlocal memory
        now = Situation(float(seconds[step]), ordered, float(current[step]), float(predicted[step]), float(upper[step]))
        recommendation, memory = recommend(now, memory, policy)
        return recommendation.target_nodes

    return decide


def budgeted(
    seconds: Values,
    demand: Values,
    predicted: Values,
    upper: Values,
    levels: Values,
    account: Account,
    policy: PolicySettings,
) -> Decide:
    """The policy on the levels of demand of each step; the account learns from what the nodes in force did not carry.

    Where there are no levels, the thresholds decide on the forecast and its upper bound.
    """
    memory, current, threshold = Memory(), carried(demand), policy.scale_up_above

    def decide(step: int, in_force: int, ordered: int) -> int:
        nonlocal memory, account
        if demand[step] == demand[step]:
            account = account.after(bool(demand[step] > threshold * in_force))
        load = float(current[step])
        choice = choose(levels[step], account, load, ordered, policy)
        now = Situation(float(seconds[step]), ordered, load, float(predicted[step]), float(upper[step]), choice=choice)
        recommendation, memory = recommend(now, memory, policy)
        return recommendation.target_nodes

    return decide


def start_nodes(demand: float, policy: PolicySettings, settings: ReplaySettings) -> int:
    """Initial nodes of both: the first load at the tracking target."""
    needed = nodes_for(demand, settings.tracking_target) if np.isfinite(demand) else 1
    return min(policy.maximum_nodes, max(policy.minimum_nodes, needed))
