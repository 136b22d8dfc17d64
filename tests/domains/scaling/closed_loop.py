"""A cluster whose size feeds back into its CPU, decided on by the real forecaster and the real planner. No test here.

Demand is in percent of one node. CPU is what the nodes in force make of it, and never more than 100 %. Ordered nodes work
after a delay, in part, or not at all; nodes that are released stop at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil, floor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from platform_assets.domains.scaling.checks import Bounds
from platform_assets.domains.scaling.config import Rules
from platform_assets.domains.scaling.forecasting import Forecaster, forecast_rows, measured_lately
from platform_assets.domains.scaling.plan import entry_of
from platform_assets.domains.scaling.plan_values import STEP, Entry, LastApplied, Limits, LiveSize, Subject
from platform_assets.domains.scaling.planning import forecast_of
from weir_models.predictive_scaling.experts import ExpertSettings
from weir_models.predictive_scaling.forecasting import ForecastSettings
from weir_models.predictive_scaling.model import PredictiveScaling
from weir_models.predictive_scaling.series import Values

START = datetime(2026, 11, 2, tzinfo=UTC)
DAY = 288
LIMITS = Limits(timedelta(minutes=15), Bounds().min_confidence)
OVERSHOOT = 1.3


class QuickScaling(PredictiveScaling):
    """All experts, small ones, so that a replay takes seconds."""

    def settings(self) -> ForecastSettings:
        experts = ExpertSettings(names=tuple(self.experts), tree_count=10, forest_trees=5)
        return ForecastSettings(experts=experts, warm_up_days=1.0)


NAIVE = Forecaster.naive()
QUICK_NAIVE = Forecaster.of(QuickScaling(experts=("persistence",)), "naive", "persistence")
QUICK = Forecaster.of(QuickScaling(), "predictive_scaling", "1")


@dataclass(frozen=True)
class Scenario:
    """What happens to a cluster, and how it is decided on."""

    demand: Values
    """A value a step of five minutes."""
    nodes: int
    first: int
    """Step of the first decision; before it the size is constant."""
    silent: tuple[slice, ...] = ()
    """Steps without a sample."""
    every: int = 3
    """Steps between decisions."""
    delay: int = 1
    """Steps from the order of a node until it works."""
    arriving: float = 1.0
    """Share of the ordered nodes that ever work."""
    cpu_factor: float = 1.0
    noise: float = 0.01
    policy: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """One decision and the cluster at its step."""

    step: int
    ordered: int
    in_force: int
    entry: Entry
    upper: float | None
    """Upper bound of the forecast, in demand."""

    @property
    def nodes(self) -> int:
        """The size after it."""
        return self.entry.nodes_after if self.entry.is_change and self.entry.nodes_after is not None else self.ordered


@dataclass(frozen=True)
class Replay:
    """All decisions on a scenario."""

    scenario: Scenario
    decisions: tuple[Decision, ...]
    cpu: Values

    @property
    def sizes(self) -> list[int]:
        return [decision.nodes for decision in self.decisions]

    def right(self, step: int, reach: int = 6) -> int:
        """Nodes that carry at 70 % the greatest demand of the steps around a decision, up to the target of its forecast."""
        near = self.scenario.demand[max(0, step - 2) : step + reach + 1]
        return max(2, ceil(near.max() / 70.0 - 1e-9))

    def overshoots(self) -> list[str]:
        """Orders of more than 1.3 times the right size; of small sizes more than a node beyond it."""
        return [
            f"step {at.step}: {at.ordered} -> {at.nodes}, right {self.right(at.step)}: {at.entry.reason}"
            for at in self.decisions
            if at.nodes > at.ordered and at.nodes > max(floor(OVERSHOOT * self.right(at.step)), self.right(at.step) + 1)
        ]

    def reversals(self, since: int = 0) -> int:
        """How often the direction of the changes turned."""
        sizes = [at.ordered for at in self.decisions[:1]] + [at.nodes for at in self.decisions if at.step >= since]
        moves = np.sign(np.diff(sizes))
        moves = moves[moves != 0]
        return int((np.diff(moves) != 0).sum())

    def settled_after(self, since: int) -> int:
        """Decisions with a change from that step on until the last one: the number of the last change, from 1."""
        late = [at for at in self.decisions if at.step >= since]
        return max((number for number, at in enumerate(late, 1) if at.nodes != at.ordered), default=0)

    def greatest_bound(self) -> float:
        """The greatest upper bound, relative to the greatest demand measured until then."""
        bounds = [
            at.upper / np.nanmax(self.scenario.demand[: at.step + 1]) for at in self.decisions if at.upper is not None
        ]
        return max(bounds, default=0.0)


def replay(scenario: Scenario, forecaster: Forecaster = NAIVE) -> Replay:
    """Every decision from the first step of the scenario that has one to its end."""
    steps = len(scenario.demand)
    rng = np.random.default_rng(0)
    noise = rng.normal(1.0, scenario.noise, steps)
    is_silent = np.zeros(steps, dtype=bool)
    for part in scenario.silent:
        is_silent[part] = True
    rules = Rules(Path(), {"*": {"target": "file: sizes.json", **scenario.policy}}, Bounds())
    cpu, counted = np.empty(steps), np.empty(steps)
    working, ordered, arrivals = scenario.nodes, scenario.nodes, dict[int, int]()
    last_applied = LastApplied(scenario.nodes)
    decisions = []
    for step in range(steps):
        working += arrivals.pop(step, 0)
        cpu[step] = np.clip(scenario.demand[step] * noise[step] / working, 0.0, 100.0)
        counted[step] = working
        is_decision = step >= scenario.first and (step - scenario.first) % scenario.every == 0
        if not is_decision:
            continue
        now = START + (step + 1) * STEP
        kept = np.flatnonzero(~is_silent[: step + 1])
        rows = pd.DataFrame(
            {
                "cluster_id": "shop",
                "event_at": pd.to_datetime(START) + pd.to_timedelta(kept * 300, unit="s"),
                "cpu_utilization": cpu[kept] * scenario.cpu_factor,
                "node_count": counted[kept],
            }
        )
        recent, _ = measured_lately(rows, LIMITS.max_age)
        row = forecast_rows(recent, forecaster, rules, {}, now)[0] if len(recent) else None
        entry = entry_of(_subject(scenario, rules, row, ordered, now, last_applied), LIMITS)
        upper = None if row is None or row["upper_90"] is None else row["upper_90"] * row["node_count"]
        decisions.append(Decision(step, ordered, working, entry, upper))
        after = decisions[-1].nodes
        if after != ordered:
            last_applied = last_applied.after(after, now)
        if after > ordered:
            arriving = round((after - ordered) * scenario.arriving)
            arrivals[step + scenario.delay] = arrivals.get(step + scenario.delay, 0) + arriving
        elif after < ordered:
            arrivals.clear()
            working = min(working, after)
        ordered = after
    return Replay(scenario, tuple(decisions), cpu)


def _subject(
    scenario: Scenario,
    rules: Rules,
    row: Mapping[str, Any] | None,
    ordered: int,
    now: datetime,
    last_applied: LastApplied,
) -> Subject:
    rule = rules.of("shop")
    assert rule is not None
    return Subject("shop", str(rule.target), LiveSize(ordered), forecast_of(row), now, False, last_applied, rule.policy)
