"""Sizes by a budget of violations beside reactive scaling on public traces, part of `make eval-scaling`; writes docs/sizes.md.

    python -m benchmarks.metrics.sizes [--every N] [--workers N] [--document FILE]

Two thirds of the virtual machines are `dev`, on which settings were chosen; one third is `aside` and reported apart.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.evaluation import data_folder
from benchmarks.metrics.injections import SPLITS, machines_aside
from benchmarks.metrics.scaling_costs import REACTIVE_TARGETS, TRACES, read
from weir_models.cards import markdown_table
from weir_models.predictive_scaling import replay
from weir_models.predictive_scaling.backtest import BacktestSettings
from weir_models.predictive_scaling.forecasting import forecast
from weir_models.predictive_scaling.policy import PolicySettings, policy_of
from weir_models.predictive_scaling.pooled import Pool, PoolSettings
from weir_models.predictive_scaling.series import DAY_SECONDS, DemandSeries, Values
from weir_models.predictive_scaling.sizing import Levels

BUDGETS = (1e-5, 0.01, 0.03, 0.07, 0.15, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 22.0, 30.0)
"""Percent of steps: the frontier of each series."""
SHOWN = (0.5, 1.0, 2.0, 5.0)
TOLERANCE = 0.004
HEAD = """# Sizes by a budget of violations

Written by `make eval-scaling`; no figure is typed by hand. Public Azure VM traces as the load of {fleet} nodes, the last 30 % of each
series, a decision at each step, nodes that serve {start:.0f} s after their order; a step is a violation where demand is above
{above:g} % of the nodes in force. Levels of demand come from each series' own past; the account begins three days before the window.
Two thirds of the VMs (dev) were used to choose settings, one third (aside) was not looked at.

A budget is spent only where there is something to save: a series that the minimum of {minimum} nodes carries has no violations
at any budget. `reachable` is the lesser of the budget and the violations of the minimum. Costs are compared series by series: node-hours at the violations of
reactive scaling, linear between the two nearest of {budgets} budgets; a series in which no budget has as few violations counts as dearer
and, in the mean, as 1.5 times as dear. `cannot be less` is what somebody who knows the future would need for the same violations.
"""
POOLED = """## all, fitted together

More than {above} clusters share their fits. Here all {series} series do; the mean absolute error of their forecasts is {ratio:.3f} of that of persistence (geometric mean).
"""


@dataclass(frozen=True)
class Outcome:
    """Figures of one series. Arrays of a value a budget or a reactive target; shares and node-hours."""

    split: str
    violations: Values
    node_hours: Values
    changes: Values
    reactive_violations: Values
    reactive_hours: Values
    least_hours: Values
    """Of the cheapest sizes with the violations of reactive scaling, known afterwards."""
    of_minimum: float
    """Violations of the minimum of nodes."""

    def relative_cost(self) -> Values:
        """Node-hours at the violations of each reactive target, relative to it; infinite where none of ours has as few."""
        order = np.lexsort((self.node_hours, self.violations))
        violations, hours = self.violations[order], np.minimum.accumulate(self.node_hours[order])
        last = np.append(np.flatnonzero(np.diff(violations)), len(violations) - 1)
        at = np.interp(self.reactive_violations, violations[last], hours[last], left=np.inf)
        return np.asarray(at / self.reactive_hours)


def first_step(series: DemandSeries) -> int:
    """The first step of the window."""
    return len(series) - round(BacktestSettings().test_share * len(series))


def outcome_of(series: DemandSeries, split: str, found: Levels | None = None) -> Outcome:
    """All replays of one series, by the given levels or by its own."""
    settings = BacktestSettings()
    fleet = replace(settings.replay, tracking_target=70.0)
    scale, first = float(fleet.fleet_nodes), first_step(series)
    demand, seconds = series.demand[first:] * scale, series.seconds[first:].astype(np.float64)
    with threadpool_limits(1):
        found = found or Levels.of(series, first, fleet.start_up_seconds)

    def ours(budget: float) -> replay.Replay:
        policy = policy_of({"preset": "budget", "violation_budget": budget})
        decide = replay.budgeted(
            seconds, demand, demand, demand, found.levels * scale, found.account(policy, scale), policy
        )
        return replay.run(
            demand, series.step_seconds, replay.start_nodes(float(demand[0]), policy, fleet), decide, fleet
        )

    def theirs(target: float) -> replay.Replay:
        tracking, policy = replace(fleet, tracking_target=target), PolicySettings()
        decide = replay.reactive(demand, series.step_seconds, policy, tracking)
        return replay.run(
            demand, series.step_seconds, replay.start_nodes(float(demand[0]), policy, tracking), decide, tracking
        )

    own, other = [ours(budget) for budget in BUDGETS], [theirs(target) for target in REACTIVE_TARGETS]
    minimum = PolicySettings().minimum_nodes
    needed = np.maximum(minimum, np.ceil(np.nan_to_num(demand) / fleet.violation_above - 1e-9))
    saved = np.concatenate([[0.0], np.cumsum(np.sort(needed - minimum)[::-1])])
    spent = [int(done.violations * len(demand) + 1e-9) for done in other]
    return Outcome(
        split,
        np.array([done.violations for done in own]),
        np.array([done.node_hours for done in own]),
        np.array([done.changes / done.steps for done in own]),
        np.array([done.violations for done in other]),
        np.array([done.node_hours for done in other]),
        (needed.sum() - saved[spent]) * series.step_seconds / 3600.0,
        float((demand > fleet.violation_above * minimum).mean()),
    )


@dataclass(frozen=True)
class Pooled:
    """What all series fitted together lead to."""

    levels: list[Levels]
    ratio: float
    """Mean absolute error of the forecasts relative to persistence, geometric mean."""


def pooled(series: list[DemandSeries]) -> Pooled:
    """Levels and forecasts of the window, with one fit for all series."""
    settings, errors, found = BacktestSettings(), [], []
    with threadpool_limits(1):
        begin = min(int(one.seconds[first_step(one)]) for one in series) - 4 * DAY_SECONDS
        pool = Pool(series, begin, settings.forecast.experts)
        for one in series:
            first = first_step(one)
            found.append(Levels.of(one, first, settings.replay.start_up_seconds, pool))
            made = forecast(one, first, settings.forecast, pool)
            judged = ~np.isnan(made.truth + made.predicted)
            model, naive = (np.abs(made.truth - values)[judged].mean() for values in (made.predicted, made.current))
            errors.append(model / naive)
    return Pooled(found, _geometric(np.array(errors)))


def budgets_held(outcomes: list[Outcome]) -> pd.DataFrame:
    """Realised violations of the shown budgets."""
    rows = []
    for budget in SHOWN:
        place = BUDGETS.index(budget)
        found = np.array([one.violations[place] for one in outcomes])
        reachable = np.minimum(budget / 100.0, [one.of_minimum for one in outcomes])
        hours, changes = (
            np.mean([getattr(one, name)[place] for one in outcomes]) for name in ("node_hours", "changes")
        )
        rows.append(
            [
                f"{budget:g} %",
                f"{100 * found.mean():.2f} %",
                f"{100 * reachable.mean():.2f} %",
                f"{100 * (np.abs(found - budget / 100.0) <= TOLERANCE).mean():.0f} %",
                f"{100 * (np.abs(found - reachable) <= TOLERANCE).mean():.0f} %",
                f"{100 * (found > budget / 100.0 + TOLERANCE).mean():.0f} %",
                f"{hours:.0f}",
                f"{12 * changes:.1f}",
            ]
        )
    titles = ["budget", "violations, mean", "reachable, mean", "series within .4 points", "of what is reachable", "series more than .4 above", "node-hours", "changes an hour"]  # fmt: skip
    return pd.DataFrame(rows, columns=titles)


def costs(outcomes: list[Outcome]) -> pd.DataFrame:
    """Node-hours beside each reactive target at its violations."""
    ratios = np.array([one.relative_cost() for one in outcomes])
    least = np.array([one.least_hours / one.reactive_hours for one in outcomes])
    rows = []
    for place, target in enumerate(REACTIVE_TARGETS):
        ratio = ratios[:, place]
        mean = _geometric(np.where(np.isfinite(ratio), ratio, 1.5))
        cheap = (ratio <= 1.0 + 1e-9).mean()
        theirs = np.mean([one.reactive_violations[place] for one in outcomes])
        rows.append(
            [
                f"{target:g} %",
                f"{100 * theirs:.2f} %",
                f"{mean:.3f}",
                "yes" if mean <= 0.9 else "no",
                f"{100 * cheap:.0f} %",
                "yes" if cheap >= 0.9 else "no",
                f"{_geometric(least[:, place]):.3f}",
            ]
        )
    titles = ["reactive target", "its violations", "our node-hours, relative", "at most .90", "not dearer on", "at least 90 %", "cannot be less"]  # fmt: skip
    return pd.DataFrame(rows, columns=titles)


def _geometric(ratios: Values) -> float:
    return float(np.exp(np.log(ratios).mean()))


def document(outcomes: list[Outcome], together: list[Outcome], ratio: float, cpu_seconds: float) -> str:
    """The page; `together` are the outcomes of all series fitted by one pool, whose forecasts have this relative error."""
    settings = BacktestSettings()
    parts = [
        HEAD.format(
            fleet=settings.replay.fleet_nodes,
            start=settings.replay.start_up_seconds,
            above=settings.replay.violation_above,
            minimum=settings.policy.minimum_nodes,
            budgets=len(BUDGETS),
        )
    ]
    for title, chosen in [("all", outcomes), *((split, [one for one in outcomes if one.split == split]) for split in SPLITS)]:  # fmt: skip
        if chosen:
            parts.append(f"## {title}: {len(chosen)} series\n\n{markdown_table(budgets_held(chosen))}\n\n{markdown_table(costs(chosen))}\n")  # fmt: skip
    parts.append(POOLED.format(above=PoolSettings().above, ratio=ratio, series=len(together)))
    parts.append(f"{markdown_table(budgets_held(together))}\n\n{markdown_table(costs(together))}\n")
    parts.append(f"Took {cpu_seconds:.0f} CPU-seconds.\n")
    return "\n".join(parts)


def main() -> int:
    """Replay, print the page and write it; exit code 2 without data."""
    parser = argparse.ArgumentParser(description="Sizes by a budget of violations beside reactive scaling.")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--document", type=Path)
    options = parser.parse_args()
    folder = data_folder() / "ops" / "azure_v1_100vm"
    if not folder.is_dir():
        parser.exit(2, f"There is no folder {folder}: point WEIR_EVAL_DATA at the folder of public data.\n")
    aside, before = machines_aside(data_folder() / "ops"), os.times()
    series = [one for name in TRACES for one in read(folder / f"{name}.csv.gz")[:: options.every]]
    splits = ["aside" if one.cluster_id.split()[0] in aside else "dev" for one in series]
    with ProcessPoolExecutor(options.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        outcomes = list(pool.map(outcome_of, series, splits))
        shared = pooled(series)
        together = list(pool.map(outcome_of, series, splits, shared.levels))
    page = document(outcomes, together, shared.ratio, sum(os.times()[:4]) - sum(before[:4]))
    if options.document:
        options.document.write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
