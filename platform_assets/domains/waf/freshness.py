"""The age of events when they reach each stage: delivered, listed, parsed, scored, decided, applied.

Later stages are also measured from the delivery by AWS on, which is our own part of the delay. All times come from the
lake: from requests, the ledger, and the table of made hours. exports.py publishes the figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from platform_assets.clients.metric_publishers import MetricPoint
from platform_assets.domains.waf.tables import WAF_DECISIONS
from spark_jobs.contract import parse_hour
from spark_jobs.incremental import lineage
from spark_jobs.registry import tables
from spark_jobs.storage.lake import Lake

FRESHNESS_KEY, APPLIED_KEY = "exports/freshness", "waf/ip_sets"
DELIVERED, LISTED = "delivered", "listed"
STAGE_ASSETS = {
    "parsed": "parsed/cloudfront/requests",
    "scored": "predictions/client_scores",
    "decided": WAF_DECISIONS.key,
    "applied": APPLIED_KEY,
}
"""Stage -> the asset whose materialization of an hour ends it."""
STAGES = (DELIVERED, LISTED, *STAGE_ASSETS)
PERCENTILES = (50, 90, 99)
OLDEST = timedelta(days=14)
"""Older hours are replays: their delay means nothing, and CloudWatch rejects points that old."""

OBJECT_KEY = ("source_object", "etag")


@dataclass(frozen=True)
class Freshness:
    """Percentiles over the requests of one hour: seconds from the event to each stage, and from its delivery to each stage."""

    hour: str
    request_count: int
    seconds: Mapping[str, tuple[float, ...]]
    own_seconds: Mapping[str, tuple[float, ...]]

    def points(self) -> list[MetricPoint]:
        at = parse_hour(self.hour)
        return [
            MetricPoint(name, value, at, "Seconds", {"Stage": stage, "Percentile": f"p{percentile}"})
            for name, percentiles in (("EventAge", self.seconds), ("OwnDelay", self.own_seconds))
            for stage, values in percentiles.items()
            for percentile, value in zip(PERCENTILES, values, strict=True)
        ]


def hours_to_measure(lake: Lake, is_applied: bool) -> list[str]:
    """Hours whose decisions were made since they were last measured or applied."""
    return lineage.stale(_step(is_applied), lineage.recorded(lake))


def record_measured(lake: Lake, hours: Sequence[str], is_applied: bool) -> None:
    """Record that the hours are measured; where plans are applied, that their decisions are in WAF."""
    step = _step(is_applied)
    lineage.record(lake, {step.key: lineage.expected(step, lineage.recorded(lake), hours)})


def _step(is_applied: bool) -> lineage.Step:
    return lineage.Step(APPLIED_KEY if is_applied else FRESHNESS_KEY, (WAF_DECISIONS.key,))


def measure(lake: Lake, hours: Sequence[str], now: datetime) -> list[Freshness]:
    """The freshness of each hour that has requests and is not a replay."""
    recent = [hour for hour in hours if parse_hour(hour) >= now - OLDEST]
    if not recent:
        return []
    materializations, objects = _materializations(lake, recent), _objects(lake)
    measurements = (_of_hour(lake, hour, materializations.get(hour, {}), objects) for hour in recent)
    return [measurement for measurement in measurements if measurement is not None]


def stage_times(
    delivered: datetime, listed: datetime, materializations: Mapping[str, Sequence[datetime]]
) -> dict[str, datetime]:
    """When the requests of an object passed each stage: the first materialization of their hour after the stage before.

    A late object therefore counts from the materialization that it caused, and the others from the one before. Stages
    not reached yet are left out.
    """
    times = {DELIVERED: delivered, LISTED: listed}
    previous = listed
    for stage, key in STAGE_ASSETS.items():
        after = [at for at in materializations.get(key, ()) if at >= previous]
        if not after:
            break
        times[stage] = previous = min(after)
    return times


def _of_hour(
    lake: Lake,
    hour: str,
    materializations: Mapping[str, Sequence[datetime]],
    objects: Mapping[tuple[str, str], tuple[datetime, datetime]],
) -> Freshness | None:
    import numpy as np

    requests = lake.read_arrow(tables()[STAGE_ASSETS["parsed"]], [hour], columns=["source_object", "event_at"])
    if not requests.num_rows:
        return None
    counts = lake.read_arrow(tables()["parsed/cloudfront/object_counts"], [hour], columns=list(OBJECT_KEY))
    etags = dict(zip(*(counts[name].to_pylist() for name in OBJECT_KEY), strict=True))
    objects_of_rows = requests["source_object"].combine_chunks().dictionary_encode()
    events = requests["event_at"].cast("int64").to_numpy() / 1e6
    places = objects_of_rows.indices.to_numpy(zero_copy_only=False)
    times = []
    for name in objects_of_rows.dictionary.to_pylist():
        arrival = objects.get((name, etags.get(name, "")))
        times.append(stage_times(*arrival, materializations) if arrival else {})

    seconds: dict[str, tuple[float, ...]] = {}
    own_seconds: dict[str, tuple[float, ...]] = {}
    for stage in STAGES:
        by_object = np.array([reached[stage].timestamp() if stage in reached else np.nan for reached in times])
        at = by_object[places]
        if stage == DELIVERED:
            delivered = at
        if np.isnan(at).all():
            continue
        seconds[stage] = _percentiles(at - events)
        if stage != DELIVERED:
            own_seconds[stage] = _percentiles(at - delivered)
    return Freshness(hour, requests.num_rows, seconds, own_seconds)


def _percentiles(seconds: Any) -> tuple[float, ...]:
    """Percentiles of the values that are not NaN; negative values, from clocks that differ, count as 0."""
    import numpy as np

    delays = np.maximum(seconds[~np.isnan(seconds)], 0.0)
    return tuple(float(value) for value in np.percentile(delays, PERCENTILES, method="higher"))


def _materializations(lake: Lake, hours: Sequence[str]) -> dict[str, dict[str, list[datetime]]]:
    """Hour -> asset -> when it was materialized, as far back as made_hours goes."""
    import pyarrow.dataset as ds

    is_relevant = ds.field("hour").isin(list(hours)) & ds.field("table_key").isin(list(STAGE_ASSETS.values()))
    materializations: dict[str, dict[str, list[datetime]]] = {}
    for row in lake.read_arrow(lineage.MADE_HOURS, filter=is_relevant).to_pylist():
        materializations.setdefault(row["hour"], {}).setdefault(row["table_key"], []).append(
            row["made_at"].astimezone(UTC)
        )
    return materializations


def _objects(lake: Lake) -> dict[tuple[str, str], tuple[datetime, datetime]]:
    """(source_object, etag) -> when it was stored, and when the ledger first listed it."""
    columns = [*OBJECT_KEY, "modified_at", "first_seen_at"]
    rows = lake.read_arrow(tables()["raw/cloudfront/objects"], columns=columns).to_pylist()
    return {
        (row["source_object"], row["etag"]): (row["modified_at"].astimezone(UTC), row["first_seen_at"].astimezone(UTC))
        for row in rows
    }


def sentence(measured: Sequence[Freshness]) -> str:
    """The sentence on the newest hour for the report of a run; empty if nothing was measured."""
    if not measured:
        return ""
    newest = max(measured, key=lambda measurement: measurement.hour)
    stage = list(newest.seconds)[-1]
    p50, _, p99 = newest.seconds[stage]
    text = f"freshness of {newest.hour}: half of the requests are {stage} within {_span(p50)}, 99 % within {_span(p99)}"
    if stage in newest.own_seconds:
        delivery, own = newest.seconds[DELIVERED][0], newest.own_seconds[stage][0]
        text += f"; half are delivered within {_span(delivery)}, and Weir itself takes {_span(own)}"
    return text


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
