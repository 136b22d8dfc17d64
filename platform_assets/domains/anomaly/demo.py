"""Anomalies in `weir demo`: days of cluster metrics into alerts, measured against the simulated incidents."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_assets.cli.demo import DomainDemo, Shown, World
from platform_assets.settings import Settings
from spark_jobs.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from platform_assets.cli.run import Progress

METRIC_DAYS = 4
METRICS = World(
    folder="demo/metrics",
    module="simulator.clusters",
    hours_back=24 * METRIC_DAYS,
    arguments=("--days", str(METRIC_DAYS), "--clusters", "4"),
    truth="incidents.parquet",
    setting="metrics_raw",
)
STEP = timedelta(minutes=5)
"""Of the scores: an alarm of the step in which an incident ends still counts for it."""


def play(console: Console, settings: Settings, progress: Progress) -> Shown:
    """Run the anomaly pipeline, then compare its alarms with the simulated incidents."""
    from platform_assets.cli.report import show_models
    from platform_assets.cli.run import run_pipeline
    from platform_assets.domains.anomaly.cli import show_alerts

    console.rule("Anomalies of clusters")
    outcome = run_pipeline(settings, "anomaly", progress)
    show_models(console, settings, ["anomaly_detection"])
    show_alerts(console, settings, outcome)
    return Shown(show_incidents(console, settings, METRICS.path(settings) / "truth"))


def show_incidents(console: Console, settings: Settings, truth: Path) -> str:
    """Show how many simulated incidents raised an alarm, how soon, and how many alarms belong to no incident.

    Returns what matters of it, in one line.
    """
    import pandas as pd

    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.anomaly.tables import ANOMALY_SCORES
    from platform_assets.domains.anomaly.training import PLANNED_INCIDENTS

    incidents = pd.read_parquet(truth / "incidents.parquet")
    columns = ["cluster_id", "event_at", "is_anomaly", "metric"]
    scores = lake_of(settings).read_arrow(ANOMALY_SCORES, columns=columns).to_pandas()
    detection = match_alarms(
        incidents, scores[scores["is_anomaly"]], since=scores["event_at"].min() + timedelta(days=1)
    )
    console.rule("Against the simulator's truth")
    incidents = detection["incidents"]
    for kind, rows in incidents.groupby("kind"):
        detected = rows[rows["after"].notna()]
        soonest = f", first after {detected['after'].median():.0f} minutes (median)" if len(detected) else ""
        console.print(f"{kind}: {len(detected)} of {len(rows)} raised an alarm{soonest}")
    console.print(
        f"{detection['unexplained']} of {detection['alarms']} alarms belong to no incident, in "
        f"{counted(scores['cluster_id'].nunique(), 'cluster')} and {counted(METRIC_DAYS - 1, 'day')} after the first"
    )
    unplanned = incidents[~incidents["kind"].isin(PLANNED_INCIDENTS)]
    return (
        f"Anomalies: {int(unplanned['after'].notna().sum())} of {len(unplanned)} incidents raised an alarm, "
        f"{detection['unexplained']} of {detection['alarms']} alarms belong to none."
    )


def match_alarms(incidents: Any, alarms: Any, since: datetime) -> dict[str, Any]:
    """Incidents from `since` on with the column `after` (minutes to their first alarm, or NaN), and counts of alarms.

    An alarm belongs to an incident on a metric that the incident changes, while it runs. `unexplained`: alarms that belong
    to no unplanned incident.
    """
    from platform_assets.domains.anomaly.training import PLANNED_INCIDENTS

    incidents = incidents[incidents["start_at"] >= since].assign(after=float("nan"))
    alarms = alarms[alarms["event_at"] >= since]
    explained: set[Any] = set()
    for index, incident in incidents.iterrows():
        own_alarms = alarms[
            (alarms["cluster_id"] == incident["cluster_id"])
            & (alarms["event_at"] >= incident["start_at"].floor("5min"))
            & (alarms["event_at"] <= incident["end_at"] + STEP)
            & alarms["metric"].isin(list(incident["metrics"]))
        ]
        if incident["kind"] not in PLANNED_INCIDENTS:
            explained |= set(own_alarms.index)
        if len(own_alarms):
            incidents.loc[index, "after"] = max(
                (own_alarms["event_at"].min() - incident["start_at"]).total_seconds() / 60, 0.0
            )
    return {"incidents": incidents, "alarms": len(alarms), "unexplained": len(alarms) - len(explained)}


DEMO = DomainDemo(3, (METRICS,), {}, play)
