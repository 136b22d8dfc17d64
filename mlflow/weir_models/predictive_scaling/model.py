"""The estimator: forecast and recommendation for the last row of each cluster.

Experts are refitted daily on the given rows, so that a version holds the settings and the initial weights of the experts.
`fit` learns these from the first part of each cluster's rows; `evaluate` backtests the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from weir_models.contract import Evaluation
from weir_models.predictive_scaling import policy as _policy
from weir_models.predictive_scaling.backtest import BacktestSettings, backtest
from weir_models.predictive_scaling.experts import EXPERTS, ExpertSettings
from weir_models.predictive_scaling.forecasting import Forecasts, ForecastSettings, forecast, forecast_frame
from weir_models.predictive_scaling.plots import errors
from weir_models.predictive_scaling.policy import Choice, Memory, PolicySettings, Recommendation, Situation
from weir_models.predictive_scaling.pooled import Pool, PoolSettings
from weir_models.predictive_scaling.series import DAY_SECONDS, DemandSeries, Values
from weir_models.predictive_scaling.sizing import WARM_UP_DAYS, Levels, choose

STEP_SECONDS = 300
TEST_SHARE = 0.3
FIT_SHARE = 0.3
"""Share of the rows of `fit`, at their end, on which experts are compared."""
UNCOUNTED = "Nobody counts the nodes, so read them as multiples of the present capacity. "


class PredictiveScaling(BaseEstimator):
    """Scaling model; its fitted attributes are all that forecasting needs."""

    def __init__(
        self, experts: tuple[str, ...] = EXPERTS, policy: Mapping[str, Any] | None = None, seed: int = 42
    ) -> None:
        """`policy` overrides fields of PolicySettings; `seed` is for trees and forest."""
        self.experts = experts
        self.policy = policy
        self.seed = seed

    def fit(self, examples: pd.DataFrame, seed: int | None = None) -> PredictiveScaling:
        """Learn the initial weights of the experts from the first 70 % of each cluster's rows."""
        if seed is not None:
            self.seed = seed
        self.start_weights_ = dict.fromkeys(self.experts, 1.0)
        weights_by_cluster = []
        with threadpool_limits(1):
            for series in series_of(examples):
                past = _first(series, len(series) - round(TEST_SHARE * len(series)))
                begin = len(past) - round(FIT_SHARE * len(past))
                if len(past) - begin > 0 and len(self.experts) > 1:
                    weights = forecast(past, begin, self.settings()).weights.mean(axis=0)
                    weights_by_cluster.append(weights if weights.sum() > 0 else np.full(len(self.experts), 1.0))
        if weights_by_cluster:
            mean = np.mean(weights_by_cluster, axis=0) + 0.1 / len(self.experts)
            self.start_weights_ = {
                name: float(part) for name, part in zip(self.experts, mean / mean.sum(), strict=True)
            }
        return self

    def settings(self) -> ForecastSettings:
        """Settings of forecasts with the fitted weights."""
        return ForecastSettings(
            experts=ExpertSettings(names=tuple(self.experts), seed=self.seed), start_weights=self.start_weights_
        )

    def policy_settings(self) -> PolicySettings:
        """Settings of the policy; TypeError where `policy` names an unknown field."""
        return _policy.policy_of(self.policy)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """One row a cluster in the order of cluster_id: forecast, interval and recommendation at its last row.

        Columns: those of the backtest's forecasts, confidence, current_cpu_utilization, action, target_nodes, urgency,
        reasoning, time_horizon (minutes). ValueError where times are not on a grid of five minutes.
        """
        return self.predict_each(frame, {})

    def predict_each(self, frame: pd.DataFrame, policies: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
        """The same, with fields of the policy that are replaced for some clusters."""
        with threadpool_limits(1):
            clusters = series_of(frame)
            pool = self._pool(clusters)
            rows = [
                self._last(
                    series, _policy.policy_of({**(self.policy or {}), **policies.get(series.cluster_id, {})}), pool
                )
                for series in clusters
            ]
        columns = [*_LAST_COLUMNS]
        return pd.DataFrame(rows, columns=columns) if rows else pd.DataFrame(columns=columns)

    def _pool(self, clusters: list[DemandSeries]) -> Pool | None:
        """What many clusters are fitted by together; None where they are few."""
        settings = self.settings()
        if len(clusters) <= PoolSettings().above:
            return None
        earliest = min(int(series.seconds[-1]) for series in clusters)
        first = earliest - round((max(settings.warm_up_days, WARM_UP_DAYS) + 1.0) * DAY_SECONDS)
        return Pool(clusters, first, settings.experts)

    def _last(self, series: DemandSeries, policy: PolicySettings, pool: Pool | None) -> dict[str, object]:
        """Prediction for the last step of a series."""
        if series.node_count is None:
            policy = replace(policy, minimum_nodes=1)
        steps = min(len(series), ceil(_policy.waiting(policy).low_for_seconds / series.step_seconds) + 1)
        forecasts = forecast(series, len(series) - steps, self.settings(), pool)
        recommendation = _recommended(series, forecasts, policy, pool)
        row = forecast_frame(series, forecasts).iloc[-1].to_dict()
        row |= {
            "confidence": float(forecasts.confidence[-1]),
            "current_cpu_utilization": float(forecasts.current[-1] / series.capacity[-1]),
            "action": recommendation.action,
            "target_nodes": recommendation.target_nodes,
            "urgency": recommendation.urgency,
            "reasoning": recommendation.reasoning
            if series.node_count is not None
            else UNCOUNTED + recommendation.reasoning,
            "time_horizon": _policy.TIME_HORIZON_MINUTES,
        }
        return row


LARGEST = 1e18
"""What is larger is no measurement, nor is what is infinite: it fits into no whole number of a table."""

_LAST_COLUMNS = (
    "cluster_id", "made_at", "target_at", "predicted_cpu_utilization", "lower_90", "upper_90", "confidence",
    "current_cpu_utilization", "action", "target_nodes", "urgency", "reasoning", "time_horizon",
)  # fmt: skip


def naive() -> PredictiveScaling:
    """The fallback while no version has passed its gates: persistence with its own intervals."""
    model = PredictiveScaling(experts=("persistence",))
    model.start_weights_ = {"persistence": 1.0}
    return model


def _recommended(
    series: DemandSeries, forecasts: Forecasts, policy: PolicySettings, pool: Pool | None
) -> Recommendation:
    """Recommendation at the last step; the memory of the policy is derived from node counts and earlier steps."""
    capacity, nodes = series.capacity, series.nodes_in_force
    peaks = np.fmax.accumulate(series.cpu_utilization)
    memory = _changes(capacity, series.seconds)
    is_by_budget = policy.preset == "budget"
    choices = _choices(series, forecasts, policy, pool) if is_by_budget else [None] * len(forecasts.predicted)
    recommendation = Recommendation("maintain", int(nodes[-1]), "none", "")
    for place in range(len(forecasts.predicted)):
        step = forecasts.first + place
        now = Situation(
            at=float(series.seconds[step]),
            nodes=int(nodes[step]),
            current_demand=float(forecasts.current[place]),
            predicted_demand=float(forecasts.predicted[place]),
            upper_demand=float(forecasts.size_bound[place]),
            measured_hours=float(forecasts.measured_hours[place]),
            peak_percent=float(np.nan_to_num(peaks[step])),
            choice=choices[place],
        )
        recommendation, after = _policy.recommend(now, memory, policy)
        memory = replace(memory, low_since=after.low_since)
    return recommendation


def _choices(
    series: DemandSeries, forecasts: Forecasts, policy: PolicySettings, pool: Pool | None
) -> list[Choice | None]:
    """What the budget leads to at each step of the forecasts; the present load counts as it really was."""
    first, found = forecasts.first, Levels.of(series, forecasts.first, policy.lead_seconds, pool)
    is_above = series.demand > policy.scale_up_above * series.capacity
    under = np.flatnonzero(~is_above[:first])
    account = replace(found.account(policy), in_a_row=first - 1 - int(under[-1]) if len(under) else first)
    choices = []
    for place, levels in enumerate(found.levels):
        account = account.after(bool(is_above[first + place]))
        demand, nodes = float(forecasts.current[place]), int(series.nodes_in_force[first + place])
        choices.append(choose(levels, account, demand, nodes, policy))
    return choices


def _changes(capacity: Values, seconds: NDArray[np.int64]) -> Memory:
    """Times of the last increase and decrease of nodes."""
    moved = np.diff(capacity, prepend=capacity[:1])
    up, down = np.flatnonzero(moved > 0), np.flatnonzero(moved < 0)
    return Memory(
        scaled_up_at=float(seconds[up[-1]]) if len(up) else None,
        scaled_down_at=float(seconds[down[-1]]) if len(down) else None,
    )


def series_of(frame: pd.DataFrame, step_seconds: int = STEP_SECONDS) -> list[DemandSeries]:
    """The series of each cluster in the order of cluster_id; steps without a row are NaN.

    ValueError where columns are missing or a row lies between steps.
    """
    absent = [name for name in ("cluster_id", "event_at", "cpu_utilization") if name not in frame.columns]
    if absent:
        raise ValueError(f"predictive_scaling needs the columns {', '.join(absent)}, which the rows do not have")
    series = []
    for cluster, part in frame.groupby("cluster_id", sort=True):
        seconds = pd.DatetimeIndex(pd.to_datetime(part["event_at"], utc=True)).as_unit("s").asi8
        if (seconds % step_seconds).any():
            raise ValueError(f"{cluster} has rows between steps of {step_seconds} s: resample its metrics first")
        first = int(seconds.min())
        place = (seconds - first) // step_seconds
        size = int(place.max()) + 1

        def column(name: str, part: pd.DataFrame = part, place: Values = place, size: int = size) -> Values:
            values = np.full(size, np.nan)
            measured = part[name].to_numpy(dtype=np.float64, na_value=np.nan)
            values[place] = np.where(np.abs(measured) <= LARGEST, measured, np.nan)
            return values

        has_node_count = "node_count" in frame.columns and bool(part["node_count"].notna().any())
        series.append(
            DemandSeries(
                cluster_id=str(cluster),
                start=np.datetime64(first, "s"),
                cpu_utilization=column("cpu_utilization"),
                step_seconds=step_seconds,
                node_count=column("node_count") if has_node_count else None,
            )
        )
    return series


def _first(series: DemandSeries, steps: int) -> DemandSeries:
    """The first steps of a series."""
    return replace(
        series,
        cpu_utilization=series.cpu_utilization[:steps],
        node_count=None if series.node_count is None else series.node_count[:steps],
        others={name: values[:steps] for name, values in series.others.items()},
    )


def fit(examples: pd.DataFrame, seed: int = 42) -> PredictiveScaling:
    """A model fitted on the first 70 % of each cluster's rows."""
    return PredictiveScaling().fit(examples, seed)


def evaluate(model: PredictiveScaling, held_out: pd.DataFrame) -> Evaluation:
    """Backtest figures of the last 30 % of each cluster's rows."""
    settings = BacktestSettings(
        test_share=TEST_SHARE, forecast=model.settings(), policy=model.policy_settings(), workers=1
    )
    result = backtest(series_of(held_out), settings)
    figures = dict(result.overall)
    figures["mae"] = float(result.per_series["mae"].mean())
    figures["naive_mae"] = float(result.per_series["mae_persistence"].mean())
    return Evaluation(
        figures=figures, tables={"per_series": result.per_series}, plots={"errors": errors(result.per_series)}
    )
