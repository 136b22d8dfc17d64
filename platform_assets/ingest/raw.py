"""The raw location of each source and its ledger: `raw/<source>/<files>` (the files, external) and `raw/<source>/objects`."""

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import dagster as dg

from platform_assets.clients.engine import SparkRunner, lake_of, storage_of
from platform_assets.core.asset_specs import key_of, spec_of
from platform_assets.core.staleness import stale_parsed_hours
from platform_assets.ingest import listings
from platform_assets.ingest.listings import location_of
from platform_assets.ingest.notifications import Queue, queue_url
from platform_assets.ingest.objects import ListedObject, list_objects
from platform_assets.settings import Settings
from spark_jobs.contract import RawFiles, Source, Table
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.registry import sources
from spark_jobs.storage.lake import Lake


class NoInputError(WeirError):
    """No raw location is set."""

    exit_code = ExitCode.INPUT


def raw_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Of each source the raw objects as an external asset, and the ledger over them."""
    return [
        asset
        for source in sources().values()
        if source.raw is not None
        for asset in (_files(settings, source, source.raw), _ledger(settings, source))
    ]


def _files(settings: Settings, source: Source, raw: RawFiles) -> dg.AssetSpec:
    return dg.AssetSpec(
        key_of(raw.key),
        description=raw.meaning,
        group_name="raw",
        kinds={"s3", "file"},
        owners=[source.owner],
        metadata={"location": location_of(settings, source.name) or f"not set: {raw.how_to_set}"},
    )


def _ledger(settings: Settings, source: Source) -> dg.AssetsDefinition:
    table = source.objects
    spec = spec_of(table, source.owner, {"deltalake"})

    @dg.multi_asset(name=f"{source.name}_objects", specs=[spec])
    def objects(context: dg.AssetExecutionContext) -> Any:
        figures = update_ledger(settings, source.name)
        context.log.info("Ledger: %s", figures)
        if "warning" in figures:
            context.log.warning(figures["warning"])
        lake = lake_of(settings)
        yield dg.MaterializeResult(
            asset_key=key_of(table.key),
            metadata={"path": lake.path(table), "table version": lake.version(table) or 0, **figures},
        )

    return objects


def update_ledger(settings: Settings, name: str) -> dict[str, Any]:
    """Add what is new in the raw location of a source to its ledger, by listing it and by notifications; returns figures.

    A message is deleted after the ledger holds what it told of, so one that is handed out again adds nothing.
    """
    source = sources()[name]
    raw = source.raw
    if raw is None or not location_of(settings, name):
        how = raw.how_to_set if raw else "give it one"
        what = raw.noun.split()[0] if raw else name
        raise NoInputError(f"No {what} location is set; {how}.")
    listings.refuse_own_files(settings, location_of(settings, name))
    lake, now = lake_of(settings), datetime.now(UTC)
    queue = Queue(settings, raw) if queue_url(settings, raw) else None
    known = _without_repeats(lake, source.objects)
    before, figures = known.num_rows, {}
    is_due = listings.is_due(settings, lake, now, name)
    if queue is None or is_due:
        listing = listings.listed(settings, known, now, in_full=is_due, source=name)
        found = list(listing.objects)
        known = _with(settings, source, lake, known, found, now)
        if is_due:
            listings.record_full(settings, lake, now, len(found), name)
        figures = {"listed objects": len(found), "listed in full": listing.is_full}
    if queue is not None:
        known, told = _with_notified(settings, source, lake, known, queue, now)
        figures |= told
    return {
        **figures,
        "new objects": known.num_rows - before,
        "objects": known.num_rows,
        "stale hours": len(stale_parsed_hours(lake, name)),
    }


def _with_notified(
    settings: Settings, source: Source, lake: Lake, known: Any, queue: Queue, now: datetime
) -> tuple[Any, dict[str, Any]]:
    """The ledger with what the queue holds, and figures."""
    messages = refused = 0
    left: list[str] = []
    for batch in queue.batches():
        known = _with(settings, source, lake, known, _settled(settings, known, batch.objects), now)
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


def _without_repeats(lake: Lake, table: Table) -> Any:
    from spark_jobs.incremental import ledger

    def once(rows: Any) -> Any:
        found = ledger.without_repeats(rows)
        return found if found.num_rows < rows.num_rows else None

    lake.rewrite(table, once)
    return lake.read_arrow(table)


def _with(
    settings: Settings, source: Source, lake: Lake, known: Any, found: Iterable[ListedObject], now: datetime
) -> Any:
    """The ledger with the objects found; it is in the lake when this returns."""
    from spark_jobs.incremental import ledger

    of_source = import_module(f"spark_jobs.sources.{source.name}.ledger")
    wanted = listings.is_wanted(settings, source.raw) if source.raw else bool
    listed = (vars(item) for item in found if wanted(item.source_object))
    updated = ledger.with_listed(known, listed, now, of_source.name_hour)
    lake.append_arrow(updated.slice(known.num_rows), source.objects)
    unnamed = ledger.nameless(updated)
    if unnamed:
        observed = _observed(settings, source, of_source, unnamed)
        lake.rewrite(source.objects, lambda rows: ledger.with_observed_hours(rows, observed, now))
        return lake.read_arrow(source.objects)
    return updated


def _observed(settings: Settings, source: Source, of_source: Any, unnamed: Any) -> Any:
    """Hours of objects whose names do not tell them, by looking into the objects; in this process, wherever jobs run."""
    from platform_assets.core.job_parameters import parameters_of
    from spark_jobs.runtime.session import spark_session

    runner = SparkRunner.of(settings)
    return of_source.observed_hours(
        lambda: spark_session(runner.engine),
        storage_of(settings),
        unnamed,
        parameters_of(settings, source.name),
        runner.tasks,
    )
