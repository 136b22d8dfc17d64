"""What starts runs by itself: new raw objects -> ledger -> the hours that they make stale."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from platform_assets import listings
from platform_assets.automation import key_of
from platform_assets.instance import close_abandoned_runs
from platform_assets.listings import EDGE_SOURCE
from platform_assets.resources.engine import lake_of
from platform_assets.resources.notifications import NotificationsError, Queue
from platform_assets.resources.objects import ObjectsError, count_objects
from platform_assets.settings import Settings
from platform_assets.staleness import stale_parsed_hours
from spark_jobs import registry
from spark_jobs.contract import RawFiles, Source
from spark_jobs.storage.lake import Lake

PARTITION_RANGE_START = "dagster/asset_partition_range_start"
PARTITION_RANGE_END = "dagster/asset_partition_range_end"
MAX_GAP_HOURS = 24
CAUSE = "weir/cause"
RETRY_SECONDS = 600
"""How long hours are left alone after a run over them failed."""


def sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """A sensor on the raw location of each source, and the one that evaluates automation conditions."""
    automation = dg.AutomationConditionSensorDefinition(
        "follow_upstream",
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes partitions again whose upstream data changed.",
    )
    every = registry.sources().values()
    return [*(_sensor(settings, source, source.raw) for source in every if source.raw is not None), automation]


def _sensor(settings: Settings, source: Source, raw: RawFiles) -> dg.SensorDefinition:
    ledger_key = key_of(source.objects.key)
    parsed = [key_of(table.key) for table in source.jobs[0].tables]
    cause = {CAUSE: raw.sensor}

    @dg.sensor(
        name=raw.sensor,
        asset_selection=[ledger_key, *parsed],
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Looks for {raw.noun} that the ledger has not seen, then asks for the hours that they make stale.",
    )
    def new_objects(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if not listings.location_of(settings, source.name):
            yield dg.SkipReason(f"No {raw.noun.split()[0]} location is set (WEIR_{raw.setting.upper()}).")
            return
        waiting = _why_to_wait(context.instance, cause, raw.noun)
        if waiting:
            yield dg.SkipReason(waiting)
            return
        lake = lake_of(settings)
        stale = stale_parsed_hours(lake, source.name)
        if stale:
            for first, last in hour_ranges(stale):
                yield dg.RunRequest(
                    asset_selection=parsed, tags={**cause, PARTITION_RANGE_START: first, PARTITION_RANGE_END: last}
                )
            return
        try:
            is_new, nothing_new = look(settings, lake, datetime.now(UTC), source.name)
        except (ObjectsError, NotificationsError) as error:
            yield dg.SkipReason(str(error))
            return
        yield dg.RunRequest(asset_selection=[ledger_key], tags=cause) if is_new else dg.SkipReason(nothing_new)

    return new_objects


def look(settings: Settings, lake: Lake, now: datetime, name: str = EDGE_SOURCE) -> tuple[bool, str]:
    """Whether the ledger is to be brought up to date, as cheaply as that can be told, and what to say where not.

    A listing of everything that is due is left to the ledger, which remembers it; whether it can be made is tried here,
    so that no run has to fail.
    """
    source = registry.sources()[name]
    raw = source.raw
    assert raw is not None
    if settings.full_listing_hours and listings.is_due(settings, lake, now, name):
        region, endpoint_url = settings.aws_region, settings.s3_endpoint_url
        count_objects(listings.location_of(settings, name), region=region, endpoint_url=endpoint_url, limit=1)
        return True, ""
    if raw.queue_setting and getattr(settings, raw.queue_setting):
        return not Queue(settings).is_empty(), f"The queue {settings.raw_queue_url} is empty."
    known = lake.read_arrow(source.objects, columns=listings.COLUMNS)
    found = listings.listed(settings, known, now, in_full=not settings.full_listing_hours, source=name)
    seen = set(zip(known["source_object"].to_pylist(), known["etag"].to_pylist(), strict=True))
    is_new = any((one.source_object, one.etag) not in seen for one in found.objects)
    return is_new, f"All {raw.noun} are known and parsed ({known.num_rows} in the ledger)."


def _why_to_wait(instance: dg.DagsterInstance, cause: dict[str, str], noun: str) -> str | None:
    """Why nothing is asked for now: what the last objects started goes first, and a failed run gets a pause."""
    close_abandoned_runs(instance)
    if instance.get_runs_count(dg.RunsFilter(statuses=_UNFINISHED)):
        return "A run is not finished."
    if any(one.status.name == "REQUESTED" for one in instance.get_backfills(limit=5)):
        return f"What follows from the last {noun} is not finished."
    last = next(iter(instance.get_run_records(dg.RunsFilter(tags=cause), limit=1)), None)
    if last is not None and last.dagster_run.status == dg.DagsterRunStatus.FAILURE:
        pause = (last.end_time or 0.0) + RETRY_SECONDS - time.time()
        if pause > 0:
            return f"The run {last.dagster_run.run_id} failed; its hours are asked for again in {pause:.0f} s."
    return None


def hour_ranges(hours: list[str]) -> list[tuple[str, str]]:
    """Sorted hours -> ranges, each for one run: a gap of more than a day begins a new range."""
    from spark_jobs.contract import parse_hour

    ranges: list[tuple[str, str]] = []
    for hour in sorted(hours):
        if ranges and (parse_hour(hour) - parse_hour(ranges[-1][1])).total_seconds() <= MAX_GAP_HOURS * 3600:
            ranges[-1] = (ranges[-1][0], hour)
        else:
            ranges.append((hour, hour))
    return ranges


_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
