"""What the learning loop asks of scaling: recent steps of clusters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from platform_assets.clients.engine import lake_of
from platform_assets.domains.scaling.forecasting import HISTORY
from platform_assets.settings import Settings
from platform_assets.training.leaks import LeakProbes
from spark_jobs.contract import HOUR_COLUMN, Interval, format_hour, parse_hour
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN

MOST_CLUSTERS = 5
"""A forecast looks back on weeks of each."""


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
