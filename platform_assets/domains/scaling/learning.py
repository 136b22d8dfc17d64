"""What the learning loop asks of scaling: recent steps of clusters, and forecasts beside what was measured later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from platform_assets.clients.engine import lake_of
from platform_assets.domains.scaling.forecasting import HISTORY
from platform_assets.domains.scaling.tables import SCALING_FORECASTS
from platform_assets.settings import Settings
from platform_assets.training.leaks import LeakProbes
from spark_jobs.contract import HOUR_COLUMN, Interval, format_hour, parse_hour
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN

MOST_CLUSTERS = 5
"""A forecast looks back on weeks of each."""

FORECAST = {
    "cluster_id": "entity",
    "target_at": "target_at",
    "predicted_cpu_utilization": "predicted",
    "lower_90": "low",
    "upper_90": "high",
    "current_cpu_utilization": "persistence",
    "node_count": "node_count",
    "model_version": "model_version",
}
"""Columns of a forecast, and their names among outcomes."""


def recent_steps(settings: Settings, hours: Sequence[str]) -> pd.DataFrame:
    """Steps of some clusters from what a forecast looks back on to the end of the hours; the entity is the cluster.

    `is_compared` marks the steps of the hours themselves.
    """
    first = format_hour(parse_hour(hours[0]) - HISTORY + timedelta(hours=1))
    rows = lake_of(settings).read_arrow(CLUSTER_5MIN, Interval.spanning(first, hours[-1]).hours).to_pandas()
    names = sorted(rows.loc[rows[HOUR_COLUMN].isin(hours), "cluster_id"].unique())
    chosen = names[:: max(len(names) // MOST_CLUSTERS, 1)][:MOST_CLUSTERS]
    rows = rows[rows["cluster_id"].isin(chosen)].sort_values(["cluster_id", "event_at"], ignore_index=True)
    return rows.assign(entity=rows["cluster_id"], is_compared=rows[HOUR_COLUMN].isin(hours))


def measured_forecasts(settings: Settings, hours: Sequence[str]) -> pd.DataFrame:
    """Forecasts of steps in the hours whose load is known; the entity is the cluster, loads are percent.

    A forecast is in percent of the nodes at the time that it was made, so what was measured is put on these.
    """
    lake, start, end = lake_of(settings), parse_hour(hours[0]), parse_hour(hours[-1]) + timedelta(hours=1)
    is_about = (pc.field("target_at") >= start) & (pc.field("target_at") < end)
    forecasts = lake.read_arrow(SCALING_FORECASTS, columns=list(FORECAST), filter=is_about).to_pandas()
    measured = lake.read_arrow(
        CLUSTER_5MIN, hours, ["cluster_id", "event_at", "cpu_utilization", "node_count"]
    ).to_pandas()
    rows = forecasts.merge(
        measured, left_on=["cluster_id", "target_at"], right_on=["cluster_id", "event_at"], suffixes=("", "_then")
    )
    nodes = (rows["node_count_then"] / rows["node_count"]).where(rows["node_count"] > 0).fillna(1.0)
    rows = rows.assign(truth=rows["cpu_utilization"] * nodes).rename(columns=FORECAST)
    rows = rows[rows[["truth", "predicted", "persistence"]].notna().all(axis=1)]
    kept = ["entity", "event_at", "model_version", "truth", "predicted", "low", "high", "persistence"]
    return rows[kept].sort_values(["event_at", "entity"], ignore_index=True)


def past_forecasts(model: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """Forecasts at each step of one cluster from the steps until then, as a backtest makes them."""
    from weir_models.predictive_scaling.forecasting import forecast, forecast_frame
    from weir_models.predictive_scaling.model import series_of

    (series,) = series_of(rows)
    frame = forecast_frame(series, forecast(series, 0, model.settings()))
    return frame.rename(columns={"made_at": "event_at"}).assign(event_at=pd.to_datetime(frame["made_at"], utc=True))


LEAK_PROBES = {
    "predictive_scaling": LeakProbes(
        series="cluster_id", series_time="event_at", past="platform_assets.domains.scaling.learning:past_forecasts"
    )
}
"""Model -> what its examples are split by."""
