"""What scores and alerts speak of: which clusters and metrics were judged, until when, and which were not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from platform_assets.domains.anomaly.alerting import SPAN, clock_of
from platform_assets.domains.anomaly.scoring import STEPS
from platform_assets.domains.anomaly.tables import ANOMALY_SCORES
from spark_jobs.contract import format_hour
from spark_jobs.sources.metrics.cluster_metrics import METRICS
from spark_jobs.sources.metrics.tables import STEP_SECONDS
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

SILENT_AFTER = timedelta(hours=1)
"""Before the newest step of all: a cluster without a step since then is silent."""
YOUNG = timedelta(days=1)
"""A shorter past cannot tell how rare a step is."""
METRICS_SPAN = timedelta(days=1)
"""Before the newest step: metrics with a value in it are judged."""
NAMES_SHOWN = 10


@dataclass(frozen=True)
class Coverage:
    """`until`: end of the newest judged step. Clusters are those with steps in the week before it."""

    until: datetime | None = None
    clusters: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    silent: Mapping[str, datetime] = field(default_factory=dict)
    """Cluster -> end of its last step."""
    young: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        """`2 clusters (blog, shop), cpu_utilization, until 2026-11-18 23:55 UTC`; for the end of a sentence."""
        if self.until is None:
            return "no cluster"
        noun = "cluster" if len(self.clusters) == 1 else "clusters"
        return (
            f"{len(self.clusters)} {noun} ({_listed(self.clusters)}), {_listed(self.metrics) or 'no metric'}, "
            f"until {self.until:%Y-%m-%d %H:%M} UTC"
        )

    def sentences(self, now: datetime) -> list[str]:
        """What the alerts do not speak of; one sentence for each kind."""
        sentences = []
        if self.until is not None and now - self.until > SILENT_AFTER:
            hours = (now - self.until) / timedelta(hours=1)
            age = counted(round(hours), "hour") if hours < 48 else counted(round(hours / 24), "day")
            sentences.append(f"nothing is known of the {age} since the newest step")
        if self.silent:
            since = [f"{cluster} since {at:%Y-%m-%d %H:%M}" for cluster, at in sorted(self.silent.items())]
            sentences.append(f"silent, though others report: {_listed(since)}")
        if self.young:
            sentences.append(
                f"too young to be judged but for sudden departures (less than a day): {_listed(self.young)}"
            )
        return sentences


def coverage(lake: Lake) -> Coverage:
    """What the scores of the last week cover."""
    import pyarrow.compute as pc

    now = clock_of(lake)
    if now is None:
        return Coverage()
    step = timedelta(seconds=STEP_SECONDS)
    scored_hours, until = lake.hours(ANOMALY_SCORES), format_hour(now)
    hours = [hour for hour in scored_hours if format_hour(now - SPAN) <= hour <= until]
    rows = lake.read_arrow(ANOMALY_SCORES, hours, ["cluster_id", "event_at"])
    rows = rows.filter(pc.less(rows["event_at"], now))
    spans = rows.group_by("cluster_id").aggregate([("event_at", "min"), ("event_at", "max")]).to_pylist()
    ends = {row["cluster_id"]: row["event_at_max"].astimezone(UTC) + step for row in spans}
    is_whole = hours == scored_hours[: len(hours)]
    young = [
        row["cluster_id"]
        for row in spans
        if row["event_at_max"] - row["event_at_min"] < YOUNG and (is_whole or row["event_at_min"] > now - SPAN + YOUNG)
    ]
    recent = [hour for hour in hours if hour >= format_hour(now - METRICS_SPAN)]
    steps = lake.read_arrow(STEPS, recent, list(METRICS))
    return Coverage(
        now,
        tuple(sorted(ends)),
        tuple(metric for metric in METRICS if steps[metric].null_count < steps.num_rows),
        {cluster: end for cluster, end in ends.items() if now - end > SILENT_AFTER},
        tuple(sorted(young)),
    )


def _listed(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
