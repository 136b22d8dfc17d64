"""What would have happened: decisions replayed on the true demand, ours beside reactive scaling.

Both see the same load on the same grid and order the same nodes, which serve only after their start-up. Reactive scaling is
target tracking as Auto Scaling groups do it: out at once when the load passes the target, in when it has been a tenth below
it for 15 minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np

from weir_models.predictive_scaling.policy import Memory, PolicySettings, Situation, nodes_for, recommend
from weir_models.predictive_scaling.series import Values

Decide = Callable[[int, int, int], int]
"""Step, nodes in force, nodes ordered -> nodes wanted."""


@dataclass(frozen=True)
class ReplaySettings:
    """The fleet on which decisions are replayed."""

    fleet_nodes: int = 20
    """Nodes that a series without a node count stands for."""
    start_up_seconds: float = 300.0
    """From the order of a node to its first work."""
    violation_above: float = 80.0
    """Percent of utilisation of the nodes in force."""
    tracking_target: float = 70.0
    """The target of reactive scaling: the utilisation to which ours scales up."""
    tracking_low_seconds: float = 900.0


@dataclass(frozen=True)
class Replay:
    """What one way of deciding cost."""

    violations: float
    """Share of steps in which demand passed the threshold of the nodes in force."""
    node_hours: float
    changes: int
    steps: int


def run(demand: Values, step_seconds: int, nodes: int, decide: Decide, settings: ReplaySettings) -> Replay:
    """Order what `decide` wants at each step; steps without a measured demand are decided on but not judged."""
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
        wanted = max(1, decide(step, in_force, ordered))
        changes += wanted != ordered
        if wanted > ordered:
            starting.append((step + delay, wanted - ordered))
        else:
            surplus = ordered - wanted
            while surplus and starting:
                ready, count = starting.pop()
                kept = max(0, count - surplus)
                surplus -= count - kept
                starting += [(ready, kept)] if kept else []
            in_force -= surplus
    return Replay(passed / judged if judged else float("nan"), hours, changes, len(demand))


def reactive(current: Values, step_seconds: int, policy: PolicySettings, settings: ReplaySettings) -> Decide:
    """Target tracking on the utilisation measured, which never passes 100 percent."""
    low_steps = 0
    patience = ceil(settings.tracking_low_seconds / step_seconds)

    def decide(step: int, in_force: int, ordered: int) -> int:
        nonlocal low_steps
        if current[step] != current[step]:
            return ordered
        used = min(100.0, current[step] / in_force)
        wanted = nodes_for(used * in_force, settings.tracking_target)
        low_steps = low_steps + 1 if used < 0.9 * settings.tracking_target else 0
        if wanted > ordered:
            return min(wanted, policy.maximum_nodes)
        if low_steps >= patience and wanted < ordered:
            low_steps = 0
            return max(wanted, policy.minimum_nodes)
        return ordered

    return decide


def predictive(seconds: Values, current: Values, predicted: Values, upper: Values, policy: PolicySettings) -> Decide:
    """The policy on the forecasts as they were made."""
    memory = Memory()

    def decide(step: int, in_force: int, ordered: int) -> int:
        nonlocal memory
        now = Situation(float(seconds[step]), ordered, float(current[step]), float(predicted[step]), float(upper[step]))
        found, memory = recommend(now, memory, policy)
        return found.target_nodes

    return decide


def start_nodes(demand: float, policy: PolicySettings, settings: ReplaySettings) -> int:
    """Nodes that both begin with: the first load at the tracking target."""
    needed = nodes_for(demand, settings.tracking_target) if np.isfinite(demand) else 1
    return min(policy.maximum_nodes, max(policy.minimum_nodes, needed))
