"""One series -> a forecast with an interval at every step: the one path that backtests and current forecasts take.

At each step it uses what was known then and nothing else: features look back, experts are fitted on targets that had been
measured, weights and intervals learn from an error when its target is there.
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
from weir_models.predictive_scaling.series import DemandSeries, Values

HORIZON_SECONDS = 1_800
FORECAST_COLUMNS = ("cluster_id", "made_at", "target_at", "predicted_cpu_utilization", "lower_90", "upper_90")


@dataclass(frozen=True)
class ForecastSettings:
    """Everything that shapes a forecast."""

    experts: ExpertSettings = field(default_factory=ExpertSettings)
    blend: BlendSettings = field(default_factory=BlendSettings)
    conformal: ConformalSettings = field(default_factory=ConformalSettings)
    warm_up_days: float = 3.0
    """Before the first step asked for, experts already forecast for so long, for weights and intervals to settle."""
    start_weights: Mapping[str, float] = field(default_factory=dict)
    """Weights of experts before any loss is known; 1 where not named."""


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of the steps from `first` on, in demand (utilisation times nodes, percent of one node)."""

    first: int
    predicted: Values
    lower: Values
    upper: Values
    confidence: Values
    """The coverage asked for, or the share of the last day's targets that lay within their intervals where that is less;
    0 before any target is known."""
    current: Values
    """The last demand known at the step."""
    truth: Values
    """Demand at the target; NaN where missing or not yet measured."""
    weights: Values
    """A row a step, a column an expert."""
    by_expert: Values
    """Each expert's own forecast."""


def horizon_steps(series: DemandSeries) -> int:
    """Steps to the target; ValueError where the step does not divide 30 minutes."""
    if HORIZON_SECONDS % series.step_seconds:
        raise ValueError(
            f"series {series.cluster_id}: {series.step_seconds} s does not divide 30 minutes: resample to 300 s"
        )
    return HORIZON_SECONDS // series.step_seconds


def forecast(series: DemandSeries, first: int, settings: ForecastSettings) -> Forecasts:
    """Forecasts made at every step from `first` to the end of the series."""
    horizon = horizon_steps(series)
    seen = features(series, horizon)
    begin = max(0, first - round(settings.warm_up_days * series.steps_per_day))
    names = settings.experts.names
    moved = [experts.changes(name, series, seen, horizon, begin, settings.experts) for name in names]
    base = seen.base[begin:]
    most = np.inf if series.node_count is not None else 100.0  # without a count nothing above 100 % is ever measured
    by_expert = np.clip(base[:, None] + np.stack(moved, axis=1), 0.0, most)
    truth = seen.change[begin:] + base
    start = np.array([settings.start_weights.get(name, 1.0) for name in names])
    predicted, weights = blend(by_expert, truth, horizon, start, settings.blend)
    spread = _spread(seen.names, seen.rows)[begin:]
    found = intervals(predicted, truth, spread, horizon, settings.conformal)
    held = np.nan_to_num(found.held, nan=0.0)
    cut = first - begin
    return Forecasts(
        first=first,
        predicted=predicted[cut:],
        lower=np.clip(found.lower, 0.0, most)[cut:],
        upper=np.clip(found.upper, 0.0, most)[cut:],
        confidence=np.minimum(settings.conformal.coverage, held)[cut:],
        current=base[cut:],
        truth=truth[cut:],
        weights=weights[cut:],
        by_expert=by_expert[cut:],
    )


def forecast_frame(series: DemandSeries, made: Forecasts) -> pd.DataFrame:
    """The forecasts as a table, in percent of the nodes in force when they were made."""
    nodes = series.capacity[made.first :]
    times = series.times[made.first :]
    return pd.DataFrame(
        {
            "cluster_id": series.cluster_id,
            "made_at": times,
            "target_at": times + pd.Timedelta(seconds=HORIZON_SECONDS),
            "predicted_cpu_utilization": made.predicted / nodes,
            "lower_90": made.lower / nodes,
            "upper_90": made.upper / nodes,
        },
        columns=list(FORECAST_COLUMNS),
    )


def _spread(names: tuple[str, ...], rows: Values) -> Values:
    """How much the series moves at each step: deviation over the last hour and over the last six."""
    near, far = (rows[:, names.index(f"volatility_{window}")].astype(np.float64) for window in ("1h", "6h"))
    return np.where(np.isnan(near), far, (near + far) / 2.0)
