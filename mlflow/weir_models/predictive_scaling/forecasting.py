"""Forecasts with intervals at every step of a series; backtests and current forecasts use the same code.

Each step uses only what was known then: features look back, experts are fitted on measured targets, and weights and
intervals learn from an error once its target is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from weir_models.predictive_scaling import experts
from weir_models.predictive_scaling.blend import BlendSettings, blend
from weir_models.predictive_scaling.conformal import ConformalSettings, intervals
from weir_models.predictive_scaling.experts import ExpertSettings
from weir_models.predictive_scaling.features import features
from weir_models.predictive_scaling.pooled import POOLED, Pool
from weir_models.predictive_scaling.series import DemandSeries, Values, carried

HORIZON_SECONDS = 1_800
FORECAST_COLUMNS = ("cluster_id", "made_at", "target_at", "predicted_cpu_utilization", "lower_90", "upper_90")


@dataclass(frozen=True)
class ForecastSettings:
    """Settings of a forecast."""

    experts: ExpertSettings = field(default_factory=ExpertSettings)
    blend: BlendSettings = field(default_factory=BlendSettings)
    conformal: ConformalSettings = field(default_factory=ConformalSettings)
    warm_up_days: float = 3.0
    """Days before the first requested step over which weights and intervals settle."""
    start_weights: Mapping[str, float] = field(default_factory=dict)
    """Initial weights of experts; 1 where not named."""
    beyond_greatest: float = 1.3
    """The highest forecast and bound, relative to the greatest demand measured up to the step."""
    least_scale_share: float = 0.01
    """Floor of the scale of errors, relative to the mean demand of the last day."""
    resolution: float = 0.1
    """Floor of the scale of errors in percent of utilization."""


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of the steps from `first` on, in demand (utilization times nodes, percent of one node)."""

    first: int
    predicted: Values
    lower: Values
    upper: Values
    confidence: Values
    """The lesser of the requested coverage and the coverage of the last day; 0 before any target is known."""
    current: Values
    """Last known demand."""
    truth: Values
    """Demand at the target; NaN where missing or not yet measured."""
    weights: Values
    """Shape (steps, experts)."""
    by_expert: Values
    """Each expert's own forecast."""
    measured_hours: Values
    """Hours of the last 24 that were measured."""
    size_bound: Values
    """The upper bound as sizes follow it: at most 1.3 times the greatest of the forecast and the demand of the last hour."""


def horizon_steps(series: DemandSeries) -> int:
    """Steps to the target; ValueError where the step does not divide 30 minutes."""
    if HORIZON_SECONDS % series.step_seconds:
        raise ValueError(
            f"series {series.cluster_id}: {series.step_seconds} s does not divide 30 minutes: resample to 300 s"
        )
    return HORIZON_SECONDS // series.step_seconds


def forecast(series: DemandSeries, first: int, settings: ForecastSettings, pool: Pool | None = None) -> Forecasts:
    """Forecasts made at every step from `first` to the end of the series, with the experts of a pool where there is one."""
    horizon = horizon_steps(series)
    inputs = features(series, horizon)
    begin = max(0, first - round(settings.warm_up_days * series.steps_per_day))
    names = settings.experts.names
    changes = [
        pool.changes(name, series, inputs, horizon, begin)
        if pool is not None and name in POOLED
        else experts.changes(name, series, inputs, horizon, begin, settings.experts)
        for name in names
    ]
    base = inputs.base[begin:]
    maximum = highest_demand(series, settings)[begin:]
    by_expert = np.clip(base[:, None] + np.stack(changes, axis=1), 0.0, maximum[:, None])
    truth = inputs.change[begin:] + base
    start = np.array([settings.start_weights.get(name, 1.0) for name in names])
    predicted, weights = blend(by_expert, truth, horizon, start, settings.blend)
    spread = _spread(inputs.names, inputs.rows)[begin:]
    floor = _least_scale(series, inputs.names, inputs.rows, settings)[begin:]
    bounds = intervals(predicted, truth, spread, horizon, settings.conformal, floor)
    coverage = np.nan_to_num(bounds.recent_coverage, nan=0.0)
    upper = np.clip(bounds.upper, 0.0, maximum)
    cut = first - begin
    return Forecasts(
        first=first,
        predicted=predicted[cut:],
        lower=np.clip(bounds.lower, 0.0, maximum)[cut:],
        upper=upper[cut:],
        confidence=np.minimum(settings.conformal.coverage, coverage)[cut:],
        current=base[cut:],
        truth=truth[cut:],
        weights=weights[cut:],
        by_expert=by_expert[cut:],
        measured_hours=measured_hours(series)[first:],
        size_bound=size_bound(series, begin, predicted, upper, settings)[cut:],
    )


def highest_demand(series: DemandSeries, settings: ForecastSettings) -> Values:
    """What a forecast or bound made at each step may be at most; NaN before the first measurement."""
    highest = settings.beyond_greatest * np.fmax.accumulate(series.demand) if len(series) else series.demand
    # Without a node count no measurement exceeds 100 %.
    return highest if series.node_count is not None else np.minimum(highest, 100.0)


def size_bound(
    series: DemandSeries, first: int, predicted: Values, upper: Values, settings: ForecastSettings
) -> Values:
    """The upper bounds of the steps from `first` on as sizes follow them: a peak that ended an hour ago keeps no nodes."""
    steps = max(1, 3_600 // series.step_seconds)
    last_hour = pd.Series(carried(series.demand)).rolling(steps, min_periods=1).max().to_numpy()[first:]
    return np.minimum(upper, settings.beyond_greatest * np.fmax(predicted, last_hour))


def measured_hours(series: DemandSeries) -> Values:
    """Hours of the last 24 that were measured, at each step."""
    is_measured = pd.Series(~np.isnan(series.demand), dtype=np.float64)
    steps = is_measured.rolling(series.steps_per_day, min_periods=1).sum().to_numpy()
    return np.asarray(steps * series.step_seconds / 3_600.0)


def forecast_frame(series: DemandSeries, forecasts: Forecasts) -> pd.DataFrame:
    """The forecasts as FORECAST_COLUMNS, in percent of utilization of the nodes in force when they were made."""
    nodes = series.capacity[forecasts.first :]
    times = series.times[forecasts.first :]
    return pd.DataFrame(
        {
            "cluster_id": series.cluster_id,
            "made_at": times,
            "target_at": times + pd.Timedelta(seconds=HORIZON_SECONDS),
            "predicted_cpu_utilization": forecasts.predicted / nodes,
            "lower_90": forecasts.lower / nodes,
            "upper_90": forecasts.upper / nodes,
        },
        columns=list(FORECAST_COLUMNS),
    )


def _least_scale(series: DemandSeries, names: tuple[str, ...], rows: Values, settings: ForecastSettings) -> Values:
    """Floor of the scale of errors at each step: a share of the usual demand, at least the resolution of the metric."""
    usual = (rows[:, names.index("base")] + rows[:, names.index("avg_24h")]).astype(np.float64)
    return np.fmax(settings.least_scale_share * usual, settings.resolution * series.capacity)


def _spread(names: tuple[str, ...], rows: Values) -> Values:
    """Volatility at each step: the mean of the standard deviations of the last hour and of the last six."""
    last_hour, last_six_hours = (
        rows[:, names.index(f"volatility_{window}")].astype(np.float64) for window in ("1h", "6h")
    )
    return np.where(np.isnan(last_hour), last_six_hours, (last_hour + last_six_hours) / 2.0)
