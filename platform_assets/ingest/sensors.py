"""Dagster sensors: new raw objects start the ledger, then every stage that is due. core/scheduler.py picks the stage."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from platform_assets.clients.engine import lake_of
from platform_assets.core.asset_specs import key_of
from platform_assets.core.domain import pipelines, tables
from platform_assets.core.instance import close_abandoned_runs
from platform_assets.core.partitions import hours_before, tags_of_hours
from platform_assets.core.scheduler import Stage, has_enough, is_behind, is_missing, models_of, stages_of, stale_hours
from platform_assets.ingest import listings
from platform_assets.ingest.notifications import NotificationsError, Queue, queue_url
from platform_assets.ingest.objects import ObjectsError, count_objects
from platform_assets.settings import Settings
from platform_assets.training.models import keys_of_model, shipped_config, starts_shipped
from spark_jobs import registry
from spark_jobs.contract import RawFiles, Source, parse_hour
from spark_jobs.storage.lake import Lake

MAX_GAP_HOURS = 24
CAUSE = "weir/cause"
MAX_SINGLE_HOURS = 48
"""Hours that are requested one by one at a time."""
RETRY_SECONDS = 600
"""Pause of a stage after a failed run."""


def sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """A sensor on the raw location of each source, and one for everything downstream."""
    all_sources = registry.sources().values()
    return [
        *(_new_objects(settings, source, source.raw) for source in all_sources if source.raw is not None),
        _follow_upstream(settings, "follow_upstream", is_by_month=False),
        _follow_upstream(settings, "follow_upstream_by_month", is_by_month=True),
    ]


def _new_objects(settings: Settings, source: Source, raw: RawFiles) -> dg.SensorDefinition:
    ledger = key_of(source.objects.key)
    cause = {CAUSE: raw.sensor}

    @dg.sensor(
        name=raw.sensor,
        asset_selection=[ledger],
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Looks for {raw.noun} that the ledger has not seen, and has the ledger brought up to date.",
    )
    def new_objects(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not listings.location_of(settings, source.name):
            return dg.SkipReason(f"No {raw.noun.split()[0]} location is set (WEIR_{raw.setting.upper()}).")
        if reason := _why_busy(context.instance) or _why_paused(context.instance, cause):
            return dg.SkipReason(reason)
        try:
            is_new, nothing_new = has_new_objects(settings, lake_of(settings), datetime.now(UTC), source.name)
        except (ObjectsError, NotificationsError) as error:
            return dg.SkipReason(str(error))
        return dg.RunRequest(asset_selection=[ledger], tags=cause) if is_new else dg.SkipReason(nothing_new)

    return new_objects


def _follow_upstream(settings: Settings, name: str, is_by_month: bool) -> dg.SensorDefinition:
    """A sensor targets assets of one kind of partitions: those of a month each, or all others."""
    monthly = {key_of(key) for key, table in tables().items() if table.is_by_month and table.upstream}
    selected = dg.AssetSelection.assets(*sorted(monthly))

    @dg.sensor(
        name=name,
        target=selected if is_by_month else dg.AssetSelection.all() - selected,
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes the next stage whose hours are stale, whose model is missing or whose upstream is newer.",
    )
    def follow_upstream(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if reason := _why_busy(context.instance):
            yield dg.SkipReason(reason)
            return
        assert context.repository_def is not None
        requests, paused = next_requests(settings, context.repository_def.asset_graph, context.instance)
        own = [
            request for request in requests if (not monthly.isdisjoint(request.asset_selection or ())) == is_by_month
        ]
        yield from own
        if requests and not own:
            yield dg.SkipReason("What is due next belongs to the other sensor.")
        elif not requests:
            yield dg.SkipReason(" ".join(paused) or "Everything is made from what is upstream of it.")

    return follow_upstream


def next_requests(
    settings: Settings, graph: Any, instance: dg.DagsterInstance
) -> tuple[list[dg.RunRequest], list[str]]:
    """Requests for the first due stage of any pipeline, and why other due stages wait.

    A stage that failed recently is skipped; stages that do not depend on it continue.
    """
    lake = lake_of(settings)
    paused: dict[str, None] = {}
    stages = [stage for pipeline in pipelines().values() for stage in stages_of(graph, pipeline, settings)]
    for stage in dict.fromkeys(stages):  # pipelines over the same source share stages
        cause = {CAUSE: stage.keys[0]}
        requests, early = _stage_requests(settings, graph, instance, lake, stage, cause)
        if early:
            paused[
                f"Stale hours of {stage.keys[0]} before the first partition that was loaded: {early}; restart `weir ui`, "
                "or reload the code location."
            ] = None
        if not requests:
            continue
        if reason := _why_paused(instance, cause):
            paused[reason] = None
            continue
        return requests, list(paused)
    return [], list(paused)


def _stage_requests(
    settings: Settings,
    graph: Any,
    instance: dg.DagsterInstance,
    lake: Lake,
    stage: Stage,
    cause: dict[str, str],
) -> tuple[list[dg.RunRequest], int]:
    """Run requests of a stage, and how many stale hours are before its partitions; ledgers have their own sensors."""
    keys = [key_of(key) for key in stage.keys]
    if stage.kind == "hours":
        stale = stale_hours(graph, lake, stage, settings)
        early = set(hours_before(graph, stale.keys, stale.hours))
        hours = [hour for hour in stale.hours if hour not in early]
        keys, ranges = [key_of(key) for key in stale.keys], hour_ranges(hours)
        if (
            _last_failure(instance, cause) is not None
        ):  # one by one, so that an hour which fails keeps no other from being made
            ranges = [(hour, hour) for hour in hours[:MAX_SINGLE_HOURS]]
        requests = [
            dg.RunRequest(asset_selection=keys, tags={**cause, **tags_of_hours(graph, stale.keys, first, last)})
            for first, last in ranges
        ]
        return requests, len(early)
    if stage.kind == "models":
        names = [
            name
            for name in models_of(stage)
            if _is_untried(instance, name)
            and _has_input(settings, name)
            and (starts_shipped(settings, name) or has_enough(lake, instance, name))
            and is_missing(settings, name)
        ]
        shipped = [name for name in names if starts_shipped(settings, name)]
        if shipped:  # first, for the training tables of others may need their scores
            keys = [key_of(f"models/{name}") for name in shipped]
            return [dg.RunRequest(asset_selection=keys, tags=cause, run_config=shipped_config(shipped))], 0
        selected = [key for name in names for key in keys_of_model(name)]
        return [dg.RunRequest(asset_selection=selected, tags=cause)] if names else [], 0
    if stage.kind == "end" and is_behind(graph, instance, stage):
        return [dg.RunRequest(asset_selection=keys, tags=cause)], 0
    return [], 0


def _is_untried(instance: dg.DagsterInstance, model: str) -> bool:
    """Whether no version was ever fitted; a model that missed its gate is refitted by schedule or by a person."""
    return instance.get_latest_materialization_event(key_of(f"models/{model}")) is None


def _has_input(settings: Settings, model: str) -> bool:
    """Whether the model's source has a location, so that there is something to score."""
    from platform_assets.training.models import source_of
    from platform_assets.training.sets import training_sets

    return bool(listings.location_of(settings, source_of(training_sets()[model]).name))


def has_new_objects(settings: Settings, lake: Lake, now: datetime, name: str) -> tuple[bool, str]:
    """Whether a source's ledger needs an update, found out cheaply, and the reason if not.

    A due full listing is left to the ledger asset, which records it; only its feasibility is checked here, so that no
    run fails.
    """
    source = registry.sources()[name]
    raw = source.raw
    assert raw is not None
    if settings.full_listing_hours and listings.is_due(settings, lake, now, name):
        region, endpoint_url = settings.aws_region, settings.s3_endpoint_url
        count_objects(listings.location_of(settings, name), region=region, endpoint_url=endpoint_url, limit=1)
        return True, ""
    if url := queue_url(settings, raw):
        return not Queue(settings, raw).is_empty(), f"The queue {url} is empty."
    ledger = lake.read_arrow(source.objects, columns=listings.COLUMNS)
    listing = listings.listed(settings, ledger, now, in_full=not settings.full_listing_hours, source=name)
    known_contents = set(zip(ledger["source_object"].to_pylist(), ledger["etag"].to_pylist(), strict=True))
    is_new = any((item.source_object, item.etag) not in known_contents for item in listing.objects)
    return is_new, f"All {raw.noun} are known ({ledger.num_rows} in the ledger)."


def _why_busy(instance: dg.DagsterInstance) -> str | None:
    """Why nothing is requested now; runs of one home are sequential."""
    close_abandoned_runs(instance)
    if instance.get_runs_count(dg.RunsFilter(statuses=_UNFINISHED)):
        return "A run is not finished."
    if any(backfill.status.name == "REQUESTED" for backfill in instance.get_backfills(limit=5)):
        return "A backfill is not finished."
    return None


def _why_paused(instance: dg.DagsterInstance, cause: dict[str, str]) -> str | None:
    """Why a stage waits: its last run failed recently."""
    failure = _last_failure(instance, cause)
    if failure is None:
        return None
    pause = (failure.end_time or 0.0) + RETRY_SECONDS - time.time()
    if pause <= 0:
        return None
    return f"The run {failure.dagster_run.run_id} of {cause[CAUSE]} failed; it is tried again in {pause:.0f} s."


def _last_failure(instance: dg.DagsterInstance, cause: dict[str, str]) -> Any:
    """The record of a stage's last run if it failed, else None."""
    last_run = next(iter(instance.get_run_records(dg.RunsFilter(tags=cause), limit=1)), None)
    has_failed = last_run is not None and last_run.dagster_run.status == dg.DagsterRunStatus.FAILURE
    return last_run if has_failed else None


def hour_ranges(hours: list[str]) -> list[tuple[str, str]]:
    """Hours -> ranges (first, last), each for one run; a gap of more than a day begins a new range."""
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
