"""Costs of predictive and reactive scaling on public traces: backtests, and replays of their forecasts under other policies."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from weir_models.predictive_scaling import replay
from weir_models.predictive_scaling.backtest import BacktestResult, BacktestSettings, backtest
from weir_models.predictive_scaling.forecasting import size_bound
from weir_models.predictive_scaling.policy import PolicySettings
from weir_models.predictive_scaling.series import DemandSeries, carried

START = np.datetime64("2017-01-01", "s")
"""The traces have no dates; this one only fixes where days begin."""
TIGHT = PolicySettings(scale_down_below=55.0, scale_down_current_below=60.0, scale_down_to=65.0)
"""A policy that removes nodes as readily as reactive scaling does."""
TARGETS = (30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)
"""Target utilization of our policy in percent, for the comparison at equal cost."""
REACTIVE_TARGETS = (20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0)
"""The same for reactive scaling; its default is among them."""


TRACES = {"microsoft_avg_100": 0.72, "periodic_avg_78": 0.42}
"""File of series -> the bar of its MAE relative to persistence."""


@dataclass(frozen=True)
class Cost:
    """Violations and node-hours of a policy, means over the series."""

    violations: float
    node_hours: float


@dataclass(frozen=True)
class Measured:
    """One trace backtested."""

    name: str
    bar: float
    every: int
    """1 where every series of the file was taken, 3 where each third was."""
    steps: int
    result: BacktestResult
    tight: Cost
    """Under TIGHT."""
    frontier: dict[float, Cost]
    """Our policy at each of TARGETS."""
    reactive: dict[float, Cost]
    """Reactive scaling at each of REACTIVE_TARGETS."""
    wall_seconds: float
    cpu_seconds: float


def read(file: Path) -> list[DemandSeries]:
    """Series of a file: the first column counts steps, every other one is a VM in percent of CPU."""
    frame = pd.read_csv(file, index_col=0)
    return [DemandSeries(str(name), START, frame[name].to_numpy(dtype=np.float64)) for name in frame.columns]


def measure(name: str, folder: Path, every: int, settings: BacktestSettings) -> Measured:
    """Backtest one trace."""
    series = read(folder / f"{name}.csv.gz")[::every]
    wall, before = time.monotonic(), os.times()
    result = backtest(series, settings)
    wall, after = time.monotonic() - wall, os.times()
    return Measured(
        name=name,
        bar=TRACES[name],
        every=every,
        steps=len(series[0]),
        result=result,
        tight=predictive_cost(series, result, TIGHT, settings),
        frontier={target: predictive_cost(series, result, with_target(target), settings) for target in TARGETS},
        reactive={target: reactive_cost(series, result, target, settings) for target in REACTIVE_TARGETS},
        wall_seconds=wall,
        cpu_seconds=sum(after[:4]) - sum(before[:4]),
    )


def with_target(target: float) -> PolicySettings:
    """TIGHT with all thresholds shifted together."""
    shift = target - TIGHT.scale_up_to
    return replace(
        TIGHT,
        scale_up_above=TIGHT.scale_up_above + shift,
        scale_up_to=target,
        scale_down_below=TIGHT.scale_down_below + shift,
        scale_down_current_below=TIGHT.scale_down_current_below + shift,
        scale_down_to=TIGHT.scale_down_to + shift,
    )


def predictive_cost(
    series: list[DemandSeries], result: BacktestResult, policy: PolicySettings, settings: BacktestSettings
) -> Cost:
    """Replay the forecasts, which are made once, under another policy."""
    fleet = float(settings.replay.fleet_nodes)
    replays = []
    for item, forecasts in zip(series, windows(series, result), strict=True):
        first = len(item) - len(forecasts)
        predicted, upper = (forecasts[name].to_numpy() for name in ("predicted_cpu_utilization", "upper_90"))
        bound = size_bound(item, first, predicted, upper, settings.forecast) * fleet
        current = carried(item.demand)[first:] * fleet
        decide = replay.predictive(item.seconds[first:].astype(np.float64), current, predicted * fleet, bound, policy)
        begin = replay.start_nodes(float(current[0]), policy, settings.replay)
        replays.append(replay.run(item.demand[first:] * fleet, item.step_seconds, begin, decide, settings.replay))
    return mean_cost(replays)


def reactive_cost(
    series: list[DemandSeries], result: BacktestResult, target: float, settings: BacktestSettings
) -> Cost:
    """Replay reactive scaling with another target."""
    tracking = replace(settings.replay, tracking_target=target)
    replays = []
    for item, forecasts in zip(series, windows(series, result), strict=True):
        demand = item.demand[len(item) - len(forecasts) :] * float(tracking.fleet_nodes)
        begin = replay.start_nodes(float(demand[0]), settings.policy, tracking)
        decide = replay.reactive(demand, item.step_seconds, settings.policy, tracking)
        replays.append(replay.run(demand, item.step_seconds, begin, decide, tracking))
    return mean_cost(replays)


def windows(series: list[DemandSeries], result: BacktestResult) -> list[pd.DataFrame]:
    """The forecasts of each series, in its order."""
    by_cluster = dict(list(result.forecasts.groupby("cluster_id", sort=False)))
    return [by_cluster[item.cluster_id] for item in series]


def mean_cost(replays: list[replay.Replay]) -> Cost:
    violations, node_hours = ([getattr(one, name) for one in replays] for name in ("violations", "node_hours"))
    return Cost(float(np.mean(violations)), float(np.mean(node_hours)))


def violations_at(node_hours: float, frontier: Iterable[Cost]) -> float:
    """Violations of a frontier at that cost, linear between its neighbors; NaN outside of it."""
    costs = sorted(frontier, key=lambda cost: cost.node_hours)
    hours = [cost.node_hours for cost in costs]
    return float(np.interp(node_hours, hours, [cost.violations for cost in costs], left=np.nan, right=np.nan))
