"""Rolling origins over the end of each series: forecasts made on the past alone, and what they were worth.

A forecast is made at every step of the window. Errors are in demand divided by the nodes in force when the forecast was made,
so that they are percent of utilisation and later scaling does not enter.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
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
from weir_models.predictive_scaling.policy import PolicySettings
from weir_models.predictive_scaling.replay import Replay, ReplaySettings
from weir_models.predictive_scaling.series import DemandSeries, Values

RIVALS = ("persistence", "mean_30_minutes", "yesterday", "ridge", "ridge_daily")
COVERAGE_FROM, COVERAGE_TO = 0.88, 0.92
BOOTSTRAP_DRAWS = 2_000


@dataclass(frozen=True)
class BacktestSettings:
    """What is replayed, and how."""

    test_share: float = 0.3
    """Part at the end of each series over which forecasts are made."""
    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    replay: ReplaySettings = field(default_factory=ReplaySettings)
    workers: int = 2
    """Processes; results are the same for any number."""
    seed: int = 0
    """Of the bootstrap."""


@dataclass(frozen=True)
class BacktestResult:
    """What was forecast and what it was worth."""

    forecasts: pd.DataFrame
    """FORECAST_COLUMNS; percent of the nodes in force at made_at."""
    per_series: pd.DataFrame
    """A row a series: n, mae, mae_<rival>, ratio_<rival>, coverage, width, violations and node-hours of both ways."""
    overall: dict[str, float]
    """Geometric means of the ratios with 95 % bounds over the series, and shares of series."""


def backtest(series: Sequence[DemandSeries], settings: BacktestSettings | None = None) -> BacktestResult:
    """Forecasts for the window of every series; ValueError where there is no series or two share a name."""
    wanted = settings or BacktestSettings()
    names = [one.cluster_id for one in series]
    if not names:
        raise ValueError("there is no series to backtest: give at least one cluster with measurements")
    if len(set(names)) < len(names):
        raise ValueError("two series have the same cluster_id: give each cluster one series")
    workers = min(wanted.workers, len(names))
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            found = list(pool.map(_one, series, repeat(wanted)))
    else:
        found = [_one(one, wanted) for one in series]
    per_series = pd.DataFrame([row for _, row in found])
    return BacktestResult(
        forecasts=pd.concat([frame for frame, _ in found], ignore_index=True),
        per_series=per_series,
        overall=overall(per_series, wanted.seed),
    )


def _one(series: DemandSeries, settings: BacktestSettings) -> tuple[pd.DataFrame, dict[str, object]]:
    """One series; one thread, since sums of several threads differ in the last bit."""
    with threadpool_limits(1):
        first = len(series) - round(settings.test_share * len(series))
        made = forecast(series, first, settings.forecast)
        frame = forecast_frame(series, made)
        row: dict[str, object] = {"cluster_id": series.cluster_id}
        row |= _accuracy(series, made, frame)
        row |= _decisions(series, made, settings)
        return frame, row


def _accuracy(series: DemandSeries, made: Forecasts, frame: pd.DataFrame) -> dict[str, float]:
    """Errors of ours and of the rivals on the same steps, coverage and width."""
    horizon = horizon_steps(series)
    nodes = series.capacity[made.first :]
    rivals = baselines(series, features(series, horizon), horizon, made.first)
    judged = ~(np.isnan(made.truth) | np.isnan(made.predicted))
    truth = (made.truth / nodes)[judged]

    def mae(demand: Values) -> float:
        return float(np.abs((demand / nodes)[judged] - truth).mean()) if judged.any() else float("nan")

    row: dict[str, float] = {"n": float(judged.sum()), "mae": mae(made.predicted)}
    row |= {f"mae_{name}": mae(values) for name, values in rivals.items()}
    row |= {
        f"ratio_{name}": row["mae"] / row[f"mae_{name}"] if row[f"mae_{name}"] > 0 else float("nan") for name in rivals
    }
    lower, upper = (frame[name].to_numpy()[judged] for name in ("lower_90", "upper_90"))
    row["coverage"] = float(((lower <= truth) & (truth <= upper)).mean()) if judged.any() else float("nan")
    row["width"] = float((upper - lower).mean()) if judged.any() else float("nan")
    return row


def _decisions(series: DemandSeries, made: Forecasts, settings: BacktestSettings) -> dict[str, float]:
    """The replay of both ways of scaling; a series without a node count is the load of a fleet."""
    scale = 1.0 if series.node_count is not None else float(settings.replay.fleet_nodes)
    demand = series.demand[made.first :] * scale
    seconds = series.seconds[made.first :].astype(np.float64)
    begin = replay.start_nodes(
        made.current[0] * scale if len(made.current) else float("nan"), settings.policy, settings.replay
    )
    ours = replay.predictive(seconds, made.current * scale, made.predicted * scale, made.upper * scale, settings.policy)
    theirs = replay.reactive(demand, series.step_seconds, settings.policy, settings.replay)
    row: dict[str, float] = {}
    for name, decide in (("", ours), ("_reactive", theirs)):
        done: Replay = replay.run(demand, series.step_seconds, begin, decide, settings.replay)
        row |= {
            f"violations{name}": done.violations,
            f"node_hours{name}": done.node_hours,
            f"changes{name}": float(done.changes),
        }
    return row


def overall(per_series: pd.DataFrame, seed: int) -> dict[str, float]:
    """Figures over all series; bounds by resampling series."""
    draws = np.random.default_rng(seed).integers(0, len(per_series), (BOOTSTRAP_DRAWS, len(per_series)))
    found: dict[str, float] = {"n_series": float(len(per_series)), "n_forecasts": float(per_series["n"].sum())}
    for name in RIVALS:
        ratios = np.log(np.maximum(per_series[f"ratio_{name}"].to_numpy(), 1e-6))
        found |= _bounded(f"ratio_{name}", np.exp(_mean(ratios)), np.exp(_mean(ratios[draws])))
    for name in RIVALS:
        found |= _share(f"better_than_{name}", per_series[f"ratio_{name}"] < 1.0, draws)
    held = per_series["coverage"].between(COVERAGE_FROM, COVERAGE_TO)
    found |= _share("coverage_held", held, draws)
    found["coverage"] = float(per_series["coverage"].mean())
    found["width"] = float(per_series["width"].mean())
    for name in ("violations", "node_hours", "changes"):
        for way in ("", "_reactive"):
            values = per_series[f"{name}{way}"].to_numpy()
            found |= _bounded(f"{name}{way}", _mean(values), _mean(values[draws]))
    return found


def _mean(values: Values) -> Values:
    """Mean over the last axis without the series that have no figure."""
    known = ~np.isnan(values)
    return np.asarray(np.where(known, values, 0.0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1))


def _bounded(name: str, value: Values, drawn: Values) -> dict[str, float]:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}


def _share(name: str, hits: pd.Series, draws: NDArray[np.int64]) -> dict[str, float]:
    values = hits.to_numpy(dtype=np.float64)
    return _bounded(name, values.mean(), values[draws].mean(axis=1))
