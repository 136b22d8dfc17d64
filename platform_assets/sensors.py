"""What starts runs by itself: new log objects -> ledger -> the hours that they make stale."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from platform_assets import listings
from platform_assets.automation import key_of
from platform_assets.instance import close_abandoned_runs
from platform_assets.resources.engine import lake_of
from platform_assets.resources.notifications import NotificationsError, Queue
from platform_assets.resources.objects import ObjectsError, count_objects
from platform_assets.settings import Settings
from platform_assets.staleness import stale_parsed_hours
from spark_jobs.lake import Lake
from spark_jobs.sources.cloudfront.tables import OBJECTS, SOURCE

PARTITION_RANGE_START = "dagster/asset_partition_range_start"
PARTITION_RANGE_END = "dagster/asset_partition_range_end"
MAX_GAP_HOURS = 24
CAUSE = {"weir/cause": "new_log_objects"}
RETRY_SECONDS = 600
"""How long hours are left alone after a run over them failed."""


def sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The sensor on the raw location and the one that evaluates automation conditions."""
    ledger_key = key_of(OBJECTS.key)
    parsed = [key_of(table.key) for table in SOURCE.jobs[0].tables]

    @dg.sensor(
        name="new_log_objects",
        asset_selection=[ledger_key, *parsed],
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks for log objects that the ledger has not seen, then asks for the hours that they make stale.",
    )
    def new_log_objects(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if not settings.cloudfront_raw:
            yield dg.SkipReason("No log location is set (WEIR_CLOUDFRONT_RAW).")
            return
        waiting = _why_to_wait(context.instance)
        if waiting:
            yield dg.SkipReason(waiting)
            return
        lake, tags = lake_of(settings), CAUSE
        stale = stale_parsed_hours(lake)
        if stale:
            for first, last in hour_ranges(stale):
                yield dg.RunRequest(
                    asset_selection=parsed, tags={**tags, PARTITION_RANGE_START: first, PARTITION_RANGE_END: last}
                )
            return
        try:
            is_new, nothing_new = look(settings, lake, datetime.now(UTC))
        except (ObjectsError, NotificationsError) as error:
            yield dg.SkipReason(str(error))
            return
        yield dg.RunRequest(asset_selection=[ledger_key], tags=tags) if is_new else dg.SkipReason(nothing_new)

    automation = dg.AutomationConditionSensorDefinition(
        "follow_upstream",
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes partitions again whose upstream data changed.",
    )
    return [new_log_objects, automation]


def look(settings: Settings, lake: Lake, now: datetime) -> tuple[bool, str]:
    """Whether the ledger is to be brought up to date, as cheaply as that can be told, and what to say where not.

    A listing of everything that is due is left to the ledger, which remembers it; whether it can be made is tried here,
    so that no run has to fail.
    """
    if settings.full_listing_hours and listings.is_due(settings, lake, now):
        region, endpoint_url = settings.aws_region, settings.s3_endpoint_url
        count_objects(settings.cloudfront_raw, region=region, endpoint_url=endpoint_url, limit=1)
        return True, ""
    if settings.raw_queue_url:
        return not Queue(settings).is_empty(), f"The queue {settings.raw_queue_url} is empty."
    known = lake.read_arrow(OBJECTS, columns=listings.COLUMNS)
    found = listings.listed(settings, known, now, in_full=not settings.full_listing_hours)
    seen = set(zip(known["source_object"].to_pylist(), known["etag"].to_pylist(), strict=True))
    is_new = any((one.source_object, one.etag) not in seen for one in found.objects)
    return is_new, f"All log objects are known and parsed ({known.num_rows} in the ledger)."


def _why_to_wait(instance: dg.DagsterInstance) -> str | None:
    """Why nothing is asked for now: what the last objects started goes first, and a failed run gets a pause."""
    close_abandoned_runs(instance)
    if instance.get_runs_count(dg.RunsFilter(statuses=_UNFINISHED)):
        return "A run is not finished."
    if any(one.status.name == "REQUESTED" for one in instance.get_backfills(limit=5)):
        return "What follows from the last log objects is not finished."
    last = next(iter(instance.get_run_records(dg.RunsFilter(tags=CAUSE), limit=1)), None)
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
