"""Backtest with rolling origins over the end of each series: forecasts from the past alone, and their errors.

Every step of the window has a forecast. Errors are in demand divided by the nodes in force when the forecast was made, that
is in percent of utilization; later scaling does not affect them.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from weir_models.predictive_scaling import replay
from weir_models.predictive_scaling.baselines import baselines
from weir_models.predictive_scaling.features import features
from weir_models.predictive_scaling.forecasting import (
    Forecasts,
    ForecastSettings,
    forecast,
    forecast_frame,
    horizon_steps,
)
from weir_models.predictive_scaling.policy import PolicySettings, policy_of
from weir_models.predictive_scaling.replay import Replay, ReplaySettings
from weir_models.predictive_scaling.series import DemandSeries, Values, carried
from weir_models.predictive_scaling.sizing import Levels

RIVALS = ("persistence", "mean_30_minutes", "yesterday", "ridge", "ridge_daily")
LEAST_BUDGET = 0.001
"""Share of steps that a budget allows where reactive scaling has fewer violations."""
COVERAGE_FROM, COVERAGE_TO = 0.88, 0.92
BOOTSTRAP_DRAWS = 2_000


@dataclass(frozen=True)
class BacktestSettings:
    """Settings of a backtest."""

    test_share: float = 0.3
    """Share of each series, at its end, that is forecast."""
    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    replay: ReplaySettings = field(default_factory=ReplaySettings)
    workers: int = 2
    """Number of processes; it does not change results."""
    seed: int = 0
    """Of the bootstrap."""


@dataclass(frozen=True)
class BacktestResult:
    """Forecasts and their figures."""

    forecasts: pd.DataFrame
    """FORECAST_COLUMNS; percent of the nodes in force at made_at."""
    per_series: pd.DataFrame
    """A row a series: n, mae, mae_<rival>, ratio_<rival>, coverage, width, width_relative, greatest_bound; more_asked, more_needed and more_right; violations and node-hours of both policies; cost_beside_reactive, violations_beside_reactive."""
    overall: dict[str, float]
    """Geometric means of the ratios with 95 % bootstrap bounds over series, and shares of series."""


def backtest(series: Sequence[DemandSeries], settings: BacktestSettings | None = None) -> BacktestResult:
    """Forecasts for the window of every series; ValueError where there is no series or two share a name."""
    options = settings or BacktestSettings()
    names = [single.cluster_id for single in series]
    if not names:
        raise ValueError("there is no series to backtest: give at least one cluster with measurements")
    if len(set(names)) < len(names):
        raise ValueError("two series have the same cluster_id: give each cluster one series")
    workers = min(options.workers, len(names))
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            results = list(pool.map(_backtest_series, series, repeat(options)))
    else:
        results = [_backtest_series(single, options) for single in series]
    per_series = pd.DataFrame([row for _, row in results])
    return BacktestResult(
        forecasts=pd.concat([frame for frame, _ in results], ignore_index=True),
        per_series=per_series,
        overall=overall(per_series, options.seed),
    )


def _backtest_series(series: DemandSeries, settings: BacktestSettings) -> tuple[pd.DataFrame, dict[str, object]]:
    """Backtest of one series, in one thread: sums of several threads differ in the last bit."""
    with threadpool_limits(1):
        first = len(series) - round(settings.test_share * len(series))
        forecasts = forecast(series, first, settings.forecast)
        frame = forecast_frame(series, forecasts)
        row: dict[str, object] = {"cluster_id": series.cluster_id}
        row |= _accuracy(series, forecasts, frame)
        row |= _more_nodes(series, forecasts, settings.policy)
        row |= _decisions(series, forecasts, settings)
        return frame, row


def _accuracy(series: DemandSeries, forecasts: Forecasts, frame: pd.DataFrame) -> dict[str, float]:
    """Errors of the model and of the rivals on the same steps, coverage and width of the intervals."""
    horizon = horizon_steps(series)
    nodes = series.capacity[forecasts.first :]
    rivals = baselines(series, features(series, horizon), horizon, forecasts.first)
    judged = ~(np.isnan(forecasts.truth) | np.isnan(forecasts.predicted))
    truth = (forecasts.truth / nodes)[judged]

    def mae(demand: Values) -> float:
        return float(np.abs((demand / nodes)[judged] - truth).mean()) if judged.any() else float("nan")

    row: dict[str, float] = {"n": float(judged.sum()), "mae": mae(forecasts.predicted)}
    row |= {f"mae_{name}": mae(values) for name, values in rivals.items()}
    row |= {
        f"ratio_{name}": row["mae"] / row[f"mae_{name}"] if row[f"mae_{name}"] > 0 else float("nan") for name in rivals
    }
    lower, upper = (frame[name].to_numpy()[judged] for name in ("lower_90", "upper_90"))
    row["coverage"] = float(((lower <= truth) & (truth <= upper)).mean()) if judged.any() else float("nan")
    row["width"] = float((upper - lower).mean()) if judged.any() else float("nan")
    row |= _extent(series, forecasts)
    return row


def _more_nodes(series: DemandSeries, forecasts: Forecasts, policy: PolicySettings) -> dict[str, float]:
    """Counts of steps at which the forecast asks for more nodes, at which they were needed, and of both.

    Asked: forecast, size bound or present load would pass the policy's threshold at today's size; needed: the load did, 30
    minutes later.
    """
    threshold = policy.scale_up_above * series.capacity[forecasts.first :]
    judged = ~(np.isnan(forecasts.truth) | np.isnan(forecasts.predicted))
    highest = np.fmax(np.fmax(forecasts.predicted, forecasts.size_bound), forecasts.current)
    asked, needed = (highest > threshold)[judged], (forecasts.truth > threshold)[judged]
    return {
        "more_asked": float(asked.sum()),
        "more_needed": float(needed.sum()),
        "more_right": float((asked & needed).sum()),
    }


def _extent(series: DemandSeries, forecasts: Forecasts) -> dict[str, float]:
    """How wide the intervals are relative to the mean demand, and the greatest bound relative to what was measured until then."""
    greatest = np.fmax.accumulate(series.demand)[forecasts.first :]
    judged = ~np.isnan(forecasts.upper) & (greatest > 0.0)
    if not judged.any():
        return {"width_relative": float("nan"), "greatest_bound": float("nan")}
    width, current = (forecasts.upper - forecasts.lower)[judged], forecasts.current[judged]
    usual = current.mean()
    return {
        "width_relative": float(width.mean() / usual) if usual > 0.0 else float("nan"),
        "greatest_bound": float((forecasts.upper[judged] / greatest[judged]).max()),
    }


def _decisions(series: DemandSeries, forecasts: Forecasts, settings: BacktestSettings) -> dict[str, float]:
    """Replay of predictive and reactive scaling; a series without a node count is scaled to a fleet."""
    scale = 1.0 if series.node_count is not None else float(settings.replay.fleet_nodes)
    demand = series.demand[forecasts.first :] * scale
    seconds = series.seconds[forecasts.first :].astype(np.float64)
    begin = replay.start_nodes(
        forecasts.current[0] * scale if len(forecasts.current) else float("nan"), settings.policy, settings.replay
    )
    found = Levels.of(series, forecasts.first, settings.replay.start_up_seconds)
    predicted, upper = forecasts.predicted * scale, forecasts.size_bound * scale
    if settings.policy.preset == "budget":
        account = found.account(settings.policy, scale)
        predictive = replay.budgeted(seconds, demand, predicted, upper, found.levels * scale, account, settings.policy)
    else:
        predictive = replay.predictive(seconds, forecasts.current * scale, predicted, upper, settings.policy)
    reactive = replay.reactive(demand, series.step_seconds, settings.policy, settings.replay)
    row: dict[str, float] = {}
    for name, decide in (("", predictive), ("_reactive", reactive)):
        outcome: Replay = replay.run(demand, series.step_seconds, begin, decide, settings.replay)
        row |= {
            f"violations{name}": outcome.violations,
            f"node_hours{name}": outcome.node_hours,
            f"changes{name}": float(outcome.changes),
        }
    return row | _beside_reactive(series, demand, row, found, settings)


def _beside_reactive(
    series: DemandSeries, demand: Values, row: Mapping[str, float], found: Levels, settings: BacktestSettings
) -> dict[str, float]:
    """Sizes by the budget that reactive scaling used: their node-hours relative to its own, and violations beyond the budget.

    NaN where too little is known for a budget.
    """
    missing = {"cost_beside_reactive": float("nan"), "violations_beside_reactive": float("nan")}
    first = found.first
    if not np.isfinite(found.levels).all() or not np.isfinite(row["violations_reactive"]):
        return missing
    budget = max(LEAST_BUDGET, row["violations_reactive"])
    policy = policy_of({"preset": "budget", "violation_budget": 100.0 * budget})
    scale = 1.0 if series.node_count is not None else float(settings.replay.fleet_nodes)
    seconds, current = series.seconds[first:].astype(np.float64), carried(series.demand)[first:] * scale
    begin = replay.start_nodes(float(current[0]), policy, settings.replay)
    decide = replay.budgeted(
        seconds, demand, current, current, found.levels * scale, found.account(policy, scale), policy
    )
    outcome = replay.run(demand, series.step_seconds, begin, decide, settings.replay)
    return {
        "cost_beside_reactive": outcome.node_hours / row["node_hours_reactive"],
        "violations_beside_reactive": outcome.violations - budget,
    }


def overall(per_series: pd.DataFrame, seed: int) -> dict[str, float]:
    """Figures over all series, with bootstrap bounds."""
    draws = np.random.default_rng(seed).integers(0, len(per_series), (BOOTSTRAP_DRAWS, len(per_series)))
    figures: dict[str, float] = {"n_series": float(len(per_series)), "n_forecasts": float(per_series["n"].sum())}
    for name in RIVALS:
        ratios = np.log(np.maximum(per_series[f"ratio_{name}"].to_numpy(), 1e-6))
        figures |= _bounded(f"ratio_{name}", np.exp(_mean(ratios)), np.exp(_mean(ratios[draws])))
    for name in RIVALS:
        figures |= _share(f"better_than_{name}", per_series[f"ratio_{name}"] < 1.0, draws)
    covered = per_series["coverage"].between(COVERAGE_FROM, COVERAGE_TO)
    figures |= _share("coverage_held", covered, draws)
    coverage = per_series["coverage"].to_numpy()
    figures |= _bounded("coverage", coverage.mean(), coverage[draws].mean(axis=1))
    for name, whole in (("more_nodes_precision", "more_asked"), ("more_nodes_recall", "more_needed")):
        figures |= _part(name, per_series["more_right"].to_numpy(), per_series[whole].to_numpy(), draws)
    figures["width"] = float(per_series["width"].mean())
    figures["width_relative"] = float(per_series["width_relative"].mean())
    figures["greatest_bound"] = float(per_series["greatest_bound"].max())
    figures["cost_beside_reactive"] = float(np.exp(_mean(np.log(per_series["cost_beside_reactive"].to_numpy()))))
    figures["violations_beside_reactive"] = float(_mean(per_series["violations_beside_reactive"].to_numpy()))
    for name in ("ratio_persistence", "coverage", "violations"):
        figures[f"n_{name}"] = figures["n_forecasts"]
    for name in ("violations", "node_hours", "changes"):
        for policy_suffix in ("", "_reactive"):
            values = per_series[f"{name}{policy_suffix}"].to_numpy()
            figures |= _bounded(f"{name}{policy_suffix}", _mean(values), _mean(values[draws]))
    return figures


def _mean(values: Values) -> Values:
    """Mean over the last axis, without missing figures; 0 where all are missing."""
    present = ~np.isnan(values)
    return np.asarray(np.where(present, values, 0.0).sum(axis=-1) / np.maximum(present.sum(axis=-1), 1))


def _bounded(name: str, value: Values, bootstrap_values: Values) -> dict[str, float]:
    low, high = np.quantile(bootstrap_values, (0.025, 0.975))
    return {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}


def _part(name: str, part: Values, whole: Values, draws: NDArray[np.int64]) -> dict[str, float]:
    """The share of a count in another, over all series; NaN where there is nothing."""
    figures = {f"n_{name}": float(whole.sum())}
    if not whole.sum():
        return figures | {name: float("nan")}
    drawn = whole[draws].sum(axis=1)
    is_there = drawn > 0
    return figures | _bounded(name, part.sum() / whole.sum(), part[draws].sum(axis=1)[is_there] / drawn[is_there])


def _share(name: str, hits: pd.Series, draws: NDArray[np.int64]) -> dict[str, float]:
    values = hits.to_numpy(dtype=np.float64)
    return _bounded(name, values.mean(), values[draws].mean(axis=1))
