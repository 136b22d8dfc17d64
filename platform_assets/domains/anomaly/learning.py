"""What the learning loop asks of anomalies: recent steps of clusters, and what a verdict on an alert is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from platform_assets.clients.engine import lake_of
from platform_assets.domains.anomaly.scoring import STEPS, series_start
from platform_assets.domains.anomaly.tables import ANOMALY_ALERTS, ANOMALY_SCORES
from platform_assets.settings import Settings
from platform_assets.training.leaks import LeakProbes
from platform_assets.training.sets import Judged
from spark_jobs.contract import HOUR_COLUMN, Interval, format_hour

MOST_CLUSTERS = 5
"""A detector runs over weeks of each."""
ABOUT = timedelta(hours=1)
"""An alarm this near to an incident is about it."""


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
    """An alert by its id, or a cluster and a time, such as `checkout@2026-11-20T13:05`, at which an alert may be missing."""
    for row in lake_of(settings).read_arrow(ANOMALY_ALERTS).to_pylist():
        if row["alert_id"] == subject:
            scores = _scores_about(settings, row["clusters"], row["first_at"])
            return Judged(
                row["first_at"], ", ".join(row["clusters"]), row["sentence"], row["score"], True,
                scores[0]["model_version"] if scores else None, None,
                {"noise": "WEIR_ANOMALY_ALARMS_PER_WEEK, for fewer alarms"},
            )  # fmt: skip
    cluster, separator, at = subject.partition("@")
    try:
        event_at = datetime.fromisoformat(at) if separator else None
    except ValueError:
        event_at = None
    if event_at is None:
        return None
    event_at = event_at.replace(tzinfo=UTC) if event_at.tzinfo is None else event_at.astimezone(UTC)
    scores = _scores_about(settings, [cluster], event_at)
    if not scores:
        return None
    return Judged(
        event_at, cluster, f"{cluster} within {ABOUT.seconds // 3600} h of {event_at:%Y-%m-%d %H:%M}",
        max(row["score"] for row in scores), any(row["is_anomaly"] for row in scores), scores[-1]["model_version"], None,
        {"incident": "WEIR_ANOMALY_ALARMS_PER_WEEK, for more alarms"},
    )  # fmt: skip


def _scores_about(settings: Settings, clusters: Sequence[str], at: datetime) -> list[dict[str, Any]]:
    """Scores of clusters within `ABOUT` of a time, in order."""
    hours = Interval.spanning(format_hour(at - ABOUT), format_hour(at + ABOUT)).hours
    is_about = pc.field("cluster_id").isin(list(clusters)) & (pc.field("event_at") >= at - ABOUT)
    is_about &= pc.field("event_at") <= at + ABOUT
    rows: list[dict[str, Any]] = lake_of(settings).read_arrow(ANOMALY_SCORES, hours, filter=is_about).to_pylist()
    return sorted(rows, key=lambda row: row["event_at"])


LEAK_PROBES = {
    "anomaly_detection": LeakProbes(
        entity="cluster_id", series="cluster_id", series_time="event_at", companions=("incident_kind",)
    )
}
"""Model -> what its examples are split by."""
