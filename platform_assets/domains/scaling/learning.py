"""What the learning loop asks of scaling: recent steps of clusters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from platform_assets.clients.engine import lake_of
from platform_assets.domains.scaling.forecasting import HISTORY
from platform_assets.settings import Settings
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
