"""The estimator: what the registry keeps of predictive scaling, and its answer for the last row of each cluster.

Experts are refitted daily from the rows at hand, so a version is the procedure and the weights with which its experts start.
`fit` learns those from the first part of every cluster's rows; `evaluate` replays the rest, which fit did not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

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
from weir_models.predictive_scaling.policy import Memory, PolicySettings, Recommendation, Situation
from weir_models.predictive_scaling.series import DemandSeries, Values

STEP_SECONDS = 300
TEST_SHARE = 0.3
FIT_SHARE = 0.3
"""Of the rows that `fit` reads, the part at the end on which experts are compared."""
UNCOUNTED = "Nobody counts the nodes, so read them as multiples of the present capacity. "


class PredictiveScaling(BaseEstimator):
    """Fitted scaling model; everything that forecasting needs is in its attributes."""

    def __init__(
        self, experts: tuple[str, ...] = EXPERTS, policy: Mapping[str, float] | None = None, seed: int = 42
    ) -> None:
        """`policy` replaces fields of PolicySettings; `seed` is that of trees and forest."""
        self.experts = experts
        self.policy = policy
        self.seed = seed

    def fit(self, examples: pd.DataFrame, seed: int | None = None) -> PredictiveScaling:
        """Learn the starting weights of the experts from the first 70 % of each cluster's rows."""
        if seed is not None:
            self.seed = seed
        self.start_weights_ = dict.fromkeys(self.experts, 1.0)
        found = []
        with threadpool_limits(1):
            for series in series_of(examples):
                past = _first(series, len(series) - round(TEST_SHARE * len(series)))
                begin = len(past) - round(FIT_SHARE * len(past))
                if len(past) - begin > 0 and len(self.experts) > 1:
                    weights = forecast(past, begin, self.settings()).weights.mean(axis=0)
                    found.append(weights if weights.sum() > 0 else np.full(len(self.experts), 1.0))
        if found:
            mean = np.mean(found, axis=0) + 0.1 / len(self.experts)
            self.start_weights_ = {
                name: float(part) for name, part in zip(self.experts, mean / mean.sum(), strict=True)
            }
        return self

    def settings(self) -> ForecastSettings:
        """The settings of forecasts with what was fitted."""
        return ForecastSettings(
            experts=ExpertSettings(names=tuple(self.experts), seed=self.seed), start_weights=self.start_weights_
        )

    def policy_settings(self) -> PolicySettings:
        """The policy's settings; TypeError where `policy` names a field that there is not."""
        return PolicySettings(**(self.policy or {}))  # type: ignore[arg-type]

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """One row a cluster, in order of cluster_id: forecast, interval and recommendation made at its last row.

        Columns: those of the backtest's forecasts, confidence, current_cpu_utilization, action, target_nodes, urgency,
        reasoning, time_horizon (minutes). ValueError where times are not on a grid of five minutes.
        """
        with threadpool_limits(1):
            rows = [self._last(series) for series in series_of(frame)]
        columns = [*_LAST_COLUMNS]
        return pd.DataFrame(rows, columns=columns) if rows else pd.DataFrame(columns=columns)

    def _last(self, series: DemandSeries) -> dict[str, object]:
        """The answer for the last step of a series."""
        policy = self.policy_settings()
        if series.node_count is None:
            policy = replace(policy, minimum_nodes=1)
        steps = min(len(series), ceil(policy.low_for_seconds / series.step_seconds) + 1)
        made = forecast(series, len(series) - steps, self.settings())
        found = _recommended(series, made, policy)
        said = forecast_frame(series, made).iloc[-1].to_dict()
        said |= {
            "confidence": float(made.confidence[-1]),
            "current_cpu_utilization": float(made.current[-1] / series.capacity[-1]),
            "action": found.action,
            "target_nodes": found.target_nodes,
            "urgency": found.urgency,
            "reasoning": found.reasoning if series.node_count is not None else UNCOUNTED + found.reasoning,
            "time_horizon": _policy.TIME_HORIZON_MINUTES,
        }
        return said


_LAST_COLUMNS = (
    "cluster_id", "made_at", "target_at", "predicted_cpu_utilization", "lower_90", "upper_90", "confidence",
    "current_cpu_utilization", "action", "target_nodes", "urgency", "reasoning", "time_horizon",
)  # fmt: skip


def naive() -> PredictiveScaling:
    """The rule that serves while no version has passed its gates: persistence, with its own intervals."""
    model = PredictiveScaling(experts=("persistence",))
    model.start_weights_ = {"persistence": 1.0}
    return model


def _recommended(series: DemandSeries, made: Forecasts, policy: PolicySettings) -> Recommendation:
    """The policy's answer at the last step; what it remembers is read off the node counts and the steps before."""
    capacity = series.capacity
    memory = _changes(capacity, series.seconds)
    found = Recommendation("maintain", int(capacity[-1]), "none", "")
    for place in range(len(made.predicted)):
        step = made.first + place
        now = Situation(
            at=float(series.seconds[step]),
            nodes=int(capacity[step]),
            current_demand=float(made.current[place]),
            predicted_demand=float(made.predicted[place]),
            upper_demand=float(made.upper[place]),
        )
        found, after = _policy.recommend(now, memory, policy)
        memory = replace(memory, low_since=after.low_since)
    return found


def _changes(capacity: Values, seconds: NDArray[np.int64]) -> Memory:
    """When the nodes last became more and fewer."""
    moved = np.diff(capacity, prepend=capacity[:1])
    up, down = np.flatnonzero(moved > 0), np.flatnonzero(moved < 0)
    return Memory(
        scaled_up_at=float(seconds[up[-1]]) if len(up) else None,
        scaled_down_at=float(seconds[down[-1]]) if len(down) else None,
    )


def documents(predicted: pd.DataFrame, model_version: str) -> dict[str, dict[str, object]]:
    """Predictions by cluster in the seed's keys."""
    return {
        row.cluster_id: _policy.document(
            row.predicted_cpu_utilization,
            row.confidence,
            Recommendation(row.action, row.target_nodes, row.urgency, row.reasoning),
            model_version,
        )
        for row in predicted.itertuples(index=False)
    }


def series_of(frame: pd.DataFrame, step_seconds: int = STEP_SECONDS) -> list[DemandSeries]:
    """Each cluster's rows as a series, in order of cluster_id; steps without a row are missing, never filled."""
    absent = [name for name in ("cluster_id", "event_at", "cpu_utilization") if name not in frame.columns]
    if absent:
        raise ValueError(f"predictive_scaling needs the columns {', '.join(absent)}, which the rows do not have")
    found = []
    for cluster, part in frame.groupby("cluster_id", sort=True):
        seconds = pd.DatetimeIndex(pd.to_datetime(part["event_at"], utc=True)).as_unit("s").asi8
        if (seconds % step_seconds).any():
            raise ValueError(f"{cluster} has rows between steps of {step_seconds} s: resample its metrics first")
        first = int(seconds.min())
        place = (seconds - first) // step_seconds
        size = int(place.max()) + 1

        def column(name: str, part: pd.DataFrame = part, place: Values = place, size: int = size) -> Values:
            values = np.full(size, np.nan)
            values[place] = part[name].to_numpy(dtype=np.float64, na_value=np.nan)
            return values

        counted = "node_count" in frame.columns and bool(part["node_count"].notna().any())
        found.append(
            DemandSeries(
                cluster_id=str(cluster),
                start=np.datetime64(first, "s"),
                cpu_utilization=column("cpu_utilization"),
                step_seconds=step_seconds,
                node_count=column("node_count") if counted else None,
            )
        )
    return found


def _first(series: DemandSeries, steps: int) -> DemandSeries:
    """The first steps of a series, which is all that fit may see."""
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
    """Figures of the last 30 % of each cluster's rows, forecast step by step; the rows before are history."""
    settings = BacktestSettings(
        test_share=TEST_SHARE, forecast=model.settings(), policy=model.policy_settings(), workers=1
    )
    found = backtest(series_of(held_out), settings)
    figures = dict(found.overall)
    figures["mae"] = float(found.per_series["mae"].mean())
    figures["naive_mae"] = float(found.per_series["mae_persistence"].mean())
    return Evaluation(figures=figures, tables={"per_series": found.per_series}, plots={})
