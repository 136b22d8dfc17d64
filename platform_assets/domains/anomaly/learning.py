"""What the learning loop asks of anomalies: recent steps of clusters, and what a verdict on an alert is about."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from platform_assets.clients.engine import lake_of
from platform_assets.domains.anomaly.scoring import STEPS, series_start
from platform_assets.domains.anomaly.tables import ANOMALY_ALERTS
from platform_assets.settings import Settings
from platform_assets.training.leaks import LeakProbes
from platform_assets.training.sets import Judged
from spark_jobs.contract import HOUR_COLUMN, Interval, format_hour

MOST_CLUSTERS = 5
"""A detector runs over weeks of each."""


def recent_steps(settings: Settings, hours: Sequence[str]) -> pd.DataFrame:
    """Steps of some clusters from the start of their series to the end of the hours; the entity is the cluster.

    `is_compared` marks the steps of the hours themselves.
    """
    lake = lake_of(settings)
    window = Interval.spanning(format_hour(series_start(hours[0])), hours[-1]).hours
    rows = lake.read_arrow(STEPS, window).to_pandas()
    names = sorted(rows.loc[rows[HOUR_COLUMN].isin(hours), "cluster_id"].unique())
    chosen = names[:: max(len(names) // MOST_CLUSTERS, 1)][:MOST_CLUSTERS]
    rows = rows[rows["cluster_id"].isin(chosen)].sort_values(["cluster_id", "event_at"], ignore_index=True)
    return rows.assign(entity=rows["cluster_id"], is_compared=rows[HOUR_COLUMN].isin(hours))


def judged_alert(settings: Settings, subject: str) -> Judged | None:
    """An alert by its id."""
    for row in lake_of(settings).read_arrow(ANOMALY_ALERTS).to_pylist():
        if row["alert_id"] == subject:
            return Judged(
                row["first_at"], ", ".join(row["clusters"]), row["sentence"], row["score"], True, None, None,
                {"noise": "WEIR_ANOMALY_ALARMS_PER_WEEK, for fewer alarms"},
            )  # fmt: skip
    return None


LEAK_PROBES = {
    "anomaly_detection": LeakProbes(
        entity="cluster_id", series="cluster_id", series_time="event_at", companions=("incident_kind",)
    )
}
"""Model -> what its examples are split by."""
