"""`weir demo`: a simulated world through both paths, measured against what the simulator knows. The simulator is run as a program."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_assets.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from platform_assets.run import Outcome, Stage

LOG_HOURS = 48
METRIC_DAYS, CLUSTERS = 4, 4
SOON = timedelta(minutes=30)
"""An alarm so long after the end of an incident still tells of it."""


def simulate(settings: Settings, seed: int, scale: float) -> tuple[Path, Path]:
    """A day of logs after a day of history, and days of cluster metrics up to now, where they are not there yet."""
    logs, metrics = folders(settings)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    if not (logs / "truth" / "clients.parquet").exists():
        _simulator("simulator", logs, now - timedelta(hours=LOG_HOURS), seed, "--hours", LOG_HOURS, "--scale", scale, "--families", "all")  # fmt: skip
    if not (metrics / "truth" / "incidents.parquet").exists():
        _simulator("simulator.metrics", metrics, now - timedelta(days=METRIC_DAYS), seed, "--days", METRIC_DAYS, "--clusters", CLUSTERS)  # fmt: skip
    return logs, metrics


def folders(settings: Settings) -> tuple[Path, Path]:
    """Where the simulated logs and the simulated metrics lie."""
    return settings.home / "demo", settings.home / "demo" / "metrics"


def is_there(settings: Settings) -> bool:
    """Whether all of the simulated world is there already."""
    logs, metrics = folders(settings)
    return (logs / "truth" / "clients.parquet").exists() and (metrics / "truth" / "incidents.parquet").exists()


def _simulator(module: str, out: Path, start: datetime, seed: int, *more: Any) -> None:
    from platform_assets.training import simulate

    command = [module, "--start", f"{start:%Y-%m-%dT%H}", "--seed", seed, *more]
    simulate(out, [str(part) for part in command])


def run_clusters(settings: Settings, stage: Stage) -> tuple[Outcome, Outcome]:
    """The second path: forecasts and recommendations, then scores and alerts."""
    from platform_assets import run

    return run.run_scaling(settings, stage), run.run_anomaly(settings, stage)


def show_incidents(console: Console, settings: Settings, truth: Path) -> None:
    """Which of the simulated incidents raised an alarm, how soon, and which alarms nothing explains."""
    import pandas as pd

    from platform_assets.anomaly.tables import ANOMALY_SCORES
    from platform_assets.resources.engine import lake_of

    incidents = pd.read_parquet(truth / "incidents.parquet")
    scores = lake_of(settings).read_arrow(ANOMALY_SCORES, columns=["cluster_id", "event_at", "is_anomaly"]).to_pandas()
    found = met(incidents, scores[scores["is_anomaly"]], since=scores["event_at"].min() + timedelta(days=1))
    console.rule("Against the simulator's truth")
    for kind, rows in found["incidents"].groupby("kind"):
        seen = rows[rows["after"].notna()]
        soonest = f", first after {seen['after'].median():.0f} minutes (median)" if len(seen) else ""
        console.print(f"{kind}: {len(seen)} of {len(rows)} raised an alarm{soonest}")
    console.print(
        f"{found['unexplained']} of {found['alarms']} alarms belong to no incident, in "
        f"{scores['cluster_id'].nunique()} clusters and {METRIC_DAYS - 1} days after the first"
    )


def met(incidents: Any, alarms: Any, since: datetime) -> dict[str, Any]:
    """Incidents that begin from `since` on with `after`, minutes to their first alarm or nothing; alarms that none explains."""
    from platform_assets.training import MEANT

    incidents = incidents[incidents["start_at"] >= since].assign(after=float("nan"))
    alarms = alarms[alarms["event_at"] >= since]
    explained: set[Any] = set()
    for index, one in incidents.iterrows():
        own = alarms[
            (alarms["cluster_id"] == one["cluster_id"])
            & (alarms["event_at"] >= one["start_at"].floor("5min"))
            & (alarms["event_at"] <= one["end_at"] + SOON)
        ]
        if one["kind"] not in MEANT:
            explained |= set(own.index)
        if len(own):
            incidents.loc[index, "after"] = max((own["event_at"].min() - one["start_at"]).total_seconds() / 60, 0.0)
    return {"incidents": incidents, "alarms": len(alarms), "unexplained": len(alarms) - len(explained)}
