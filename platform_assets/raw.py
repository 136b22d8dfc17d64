"""The raw location and its ledger: `raw/cloudfront/logs` (the files, a source) and `raw/cloudfront/objects`."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from platform_assets import listings
from platform_assets.automation import key_of, spec_of
from platform_assets.resources.engine import SparkRunner, lake_of, storage_of
from platform_assets.resources.notifications import Queue
from platform_assets.resources.objects import ListedObject, list_objects
from platform_assets.settings import Settings
from platform_assets.staleness import stale_parsed_hours
from spark_jobs.lake import Lake
from spark_jobs.sources.cloudfront.tables import OBJECTS, SOURCE

LOGS_KEY = dg.AssetKey(["raw", "cloudfront", "logs"])


class NoInputError(Exception):
    """No raw location is set."""


def raw_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The logs as an external source and the ledger asset over them."""
    logs = dg.AssetSpec(
        LOGS_KEY,
        description="CloudFront log objects in the raw folder or bucket; delivered by AWS, never changed here.",
        group_name="raw",
        kinds={"s3", "file"},
        owners=[SOURCE.owner],
        metadata={"location": settings.cloudfront_raw or "not set: weir run edge --input PATH_OR_S3_URI"},
    )
    spec = spec_of(OBJECTS, SOURCE.owner, {"deltalake"}, frozenset(), None, None)

    @dg.multi_asset(name="cloudfront_objects", specs=[spec])
    def objects(context: dg.AssetExecutionContext) -> Any:
        figures = update_ledger(settings)
        context.log.info("Ledger: %s", figures)
        if "warning" in figures:
            context.log.warning(figures["warning"])
        lake = lake_of(settings)
        yield dg.MaterializeResult(
            asset_key=key_of(OBJECTS.key),
            metadata={"path": lake.path(OBJECTS), "table version": lake.version(OBJECTS) or 0, **figures},
        )

    return [logs, objects]


def update_ledger(settings: Settings) -> dict[str, Any]:
    """Add what is new in the raw location to the ledger, by listing it and by notifications; returns figures.

    A message is deleted after the ledger holds what it told of, so one that is handed out again adds nothing.
    """
    if not settings.cloudfront_raw:
        raise NoInputError(
            "No log location is set; run `weir run edge --input PATH_OR_S3_URI` once, or set WEIR_CLOUDFRONT_RAW."
        )
    lake, now = lake_of(settings), datetime.now(UTC)
    queue = Queue(settings) if settings.raw_queue_url else None
    known = _without_repeats(lake)
    before, figures = known.num_rows, {}
    is_due = listings.is_due(settings, lake, now)
    if queue is None or is_due:
        listing = listings.listed(settings, known, now, in_full=is_due)
        found = list(listing.objects)
        known = _with(settings, lake, known, found, now)
        if is_due:
            listings.record_full(settings, lake, now, len(found))
        figures = {"listed objects": len(found), "listed in full": listing.is_full}
    if queue is not None:
        known, told = _with_notified(settings, lake, known, queue, now)
        figures |= told
    return {
        **figures,
        "new objects": known.num_rows - before,
        "objects": known.num_rows,
        "stale hours": len(stale_parsed_hours(lake)),
    }


def _with_notified(
    settings: Settings, lake: Lake, known: Any, queue: Queue, now: datetime
) -> tuple[Any, dict[str, Any]]:
    """The ledger with what the queue holds, and figures."""
    messages = refused = 0
    left: list[str] = []
    for batch in queue.batches():
        known = _with(settings, lake, known, _settled(settings, known, batch.objects), now)
        refused += queue.delete(batch)
        messages += len(batch.receipts)
        left += batch.not_understood
    figures: dict[str, Any] = {"messages": messages}
    warnings = []
    if left:
        warnings.append(
            f"{len(left)} messages of {queue.url} are no notifications of S3's and stay there, such as {left[0]}; "
            "let a dead-letter queue take them, or point whatever sends them elsewhere."
        )
    if refused:
        warnings.append(f"{refused} messages of {queue.url} could not be deleted and will come again, to no effect.")
    return known, figures | ({"warning": " ".join(warnings)} if warnings else {})


def _settled(settings: Settings, known: Any, told: list[ListedObject]) -> list[ListedObject]:
    """What was told, and for names with several contents what S3 holds now: notifications come in any order."""
    names = {one.source_object for one in told}
    contents: dict[str, set[str]] = {}
    for name, etag in zip(known["source_object"].to_pylist(), known["etag"].to_pylist(), strict=True):
        if name in names:
            contents.setdefault(name, set()).add(etag)
    news = [one for one in told if one.etag not in contents.get(one.source_object, ())]
    for one in news:
        contents.setdefault(one.source_object, set()).add(one.etag)
    settled = [one for one in news if len(contents[one.source_object]) == 1]
    for name in sorted({one.source_object for one in news} - {one.source_object for one in settled}):
        there = list_objects(name, region=settings.aws_region, endpoint_url=settings.s3_endpoint_url)
        settled += [one for one in there if one.source_object == name]
    return settled


def _without_repeats(lake: Lake) -> Any:
    from spark_jobs.sources.cloudfront import ledger

    def once(rows: Any) -> Any:
        found = ledger.without_repeats(rows)
        return found if found.num_rows < rows.num_rows else None

    lake.rewrite(OBJECTS, once)
    return lake.read_arrow(OBJECTS)


def _with(settings: Settings, lake: Lake, known: Any, found: Iterable[ListedObject], now: datetime) -> Any:
    """The ledger with the objects found; it is in the lake when this returns."""
    from spark_jobs.sources.cloudfront import ledger

    updated = ledger.with_listed(known, map(vars, found), now)
    lake.append_arrow(updated.slice(known.num_rows), OBJECTS)
    unnamed = ledger.nameless(updated)
    if unnamed:
        observed = _observed(settings, unnamed)
        lake.rewrite(OBJECTS, lambda rows: ledger.with_observed_hours(rows, observed, now))
        return lake.read_arrow(OBJECTS)
    return updated


def _observed(settings: Settings, unnamed: Any) -> Any:
    """Hours of objects whose names do not tell them, by looking into the objects; in this process, wherever jobs run."""
    from platform_assets.lake import parse_parameters
    from spark_jobs.session import spark_session
    from spark_jobs.sources.cloudfront import ledger
    from spark_jobs.sources.cloudfront.transform import observed_hours

    runner = SparkRunner.of(settings)
    options = ledger.parse_options(parse_parameters(settings))
    return observed_hours(spark_session(runner.engine), storage_of(settings), unnamed, options, runner.tasks)
