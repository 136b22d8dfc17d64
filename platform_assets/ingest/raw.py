"""The raw files of each source as an external asset, and its ledger, the asset `raw/<source>/objects`."""

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import dagster as dg

from platform_assets.clients.engine import SparkRunner, lake_of, storage_of
from platform_assets.core.asset_groups import group_of
from platform_assets.core.asset_specs import key_of, spec_of
from platform_assets.core.escape import for_terminal
from platform_assets.core.partitions import note_first_hour
from platform_assets.core.staleness import stale_parsed_hours
from platform_assets.ingest import listings
from platform_assets.ingest.listings import location_of
from platform_assets.ingest.notifications import Queue, queue_url
from platform_assets.ingest.objects import ListedObject, list_objects
from platform_assets.ingest.streams.landed_objects import stream_of
from platform_assets.settings import Settings
from spark_jobs.contract import RawFiles, Source, Table
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.registry import sources
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted


class NoInputError(WeirError):
    """No raw location is set."""

    exit_code = ExitCode.INPUT


def raw_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """For each source the external asset of its raw objects, and its ledger."""
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
        group_name=group_of(raw.key),
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
            context.log.warning(for_terminal(figures["warning"]))
        lake = lake_of(settings)
        yield dg.MaterializeResult(
            asset_key=key_of(table.key),
            metadata={"path": lake.path(table), "table version": lake.version(table) or 0, **figures},
        )

    return objects


def update_ledger(settings: Settings, name: str) -> dict[str, Any]:
    """Add new raw objects of a source to its ledger, by listing and by notifications; returns figures.

    Messages are deleted once their objects are in the ledger; repeated messages add nothing.
    """
    from spark_jobs.incremental import ledger

    source = sources()[name]
    raw = source.raw
    if raw is not None and not location_of(settings, name) and stream_of(settings, source):
        return _of_stream_alone(settings, source)
    if raw is None or not location_of(settings, name):
        how = raw.how_to_set if raw else "give it one"
        what = raw.noun.split()[0] if raw else name
        raise NoInputError(f"No {what} location is set; {how}.")
    listings.refuse_own_files(settings, location_of(settings, name))
    lake, now = lake_of(settings), datetime.now(UTC)
    queue = Queue(settings, raw) if queue_url(settings, raw) else None
    rows = _without_repeats(lake, source.objects)
    rows_before, figures = rows.num_rows, {}
    is_due = listings.is_due(settings, lake, now, name)
    if queue is None or is_due:
        listing = listings.listed(settings, rows, now, in_full=is_due, source=name)
        objects = list(listing.objects)
        rows = _append(settings, source, lake, rows, objects, now)
        if is_due:
            listings.record_full(settings, lake, now, len(objects), name)
        figures = {"listed objects": len(objects), "listed in full": listing.is_full}
    if queue is not None:
        rows, queue_figures = _append_announced(settings, source, lake, rows, queue, now)
        figures |= queue_figures
    note_first_hour(settings, ledger.first_hour(rows))
    return {
        **figures,
        "new objects": rows.num_rows - rows_before,
        "objects": rows.num_rows,
        "stale hours": len(stale_parsed_hours(lake, name)),
    }


def _of_stream_alone(settings: Settings, source: Source) -> dict[str, Any]:
    """Figures of a ledger that only a stream fills."""
    from spark_jobs.incremental import ledger

    lake = lake_of(settings)
    rows = lake.read_arrow(source.objects)
    note_first_hour(settings, ledger.first_hour(rows))
    return {"objects": rows.num_rows, "stale hours": len(stale_parsed_hours(lake, source.name))}


def _append_announced(
    settings: Settings, source: Source, lake: Lake, rows: Any, queue: Queue, now: datetime
) -> tuple[Any, dict[str, Any]]:
    """The ledger with the objects that the queue announces, and figures."""
    messages = refused = 0
    not_understood: list[str] = []
    for batch in queue.batches():
        rows = _append(settings, source, lake, rows, _current_objects(settings, rows, batch.objects), now)
        refused += queue.delete(batch)
        messages += len(batch.receipts)
        not_understood += batch.not_understood
    figures: dict[str, Any] = {"messages": messages}
    warnings = []
    if not_understood:
        of_others = f"of {queue.url} that S3 did not send"
        waiting = counted(len(not_understood), f"message {of_others} stays", f"messages {of_others} stay")
        warnings.append(
            f"{waiting} there, such as {not_understood[0]}; "
            "let a dead-letter queue take them, or point whatever sends them elsewhere."
        )
    if refused:
        warnings.append(
            f"{counted(refused, 'message')} of {queue.url} could not be deleted and will come again, to no effect."
        )
    return rows, figures | ({"warning": " ".join(warnings)} if warnings else {})


def _current_objects(settings: Settings, rows: Any, announced: list[ListedObject]) -> list[ListedObject]:
    """The announced objects that are new; a name with several contents is looked up in S3, since notifications are unordered."""
    names = {item.source_object for item in announced}
    contents: dict[str, set[str]] = {}
    for name, etag in zip(rows["source_object"].to_pylist(), rows["etag"].to_pylist(), strict=True):
        if name in names:
            contents.setdefault(name, set()).add(etag)
    new_items = [item for item in announced if item.etag not in contents.get(item.source_object, ())]
    for item in new_items:
        contents.setdefault(item.source_object, set()).add(item.etag)
    settled = [item for item in new_items if len(contents[item.source_object]) == 1]
    for name in sorted({item.source_object for item in new_items} - {item.source_object for item in settled}):
        stored = list_objects(name, region=settings.aws_region, endpoint_url=settings.s3_endpoint_url)
        settled += [item for item in stored if item.source_object == name]
    return settled


def _without_repeats(lake: Lake, table: Table) -> Any:
    from spark_jobs.incremental import ledger

    def once(rows: Any) -> Any:
        distinct = ledger.without_repeats(rows)
        return distinct if distinct.num_rows < rows.num_rows else None

    lake.rewrite(table, once)
    return lake.read_arrow(table)


def _append(
    settings: Settings, source: Source, lake: Lake, rows: Any, objects: Iterable[ListedObject], now: datetime
) -> Any:
    """The ledger with new objects, written to the lake."""
    from spark_jobs.incremental import ledger

    source_ledger = import_module(f"spark_jobs.sources.{source.name}.ledger")
    is_wanted = listings.is_wanted(settings, source.raw) if source.raw else bool
    listed = (vars(item) for item in objects if is_wanted(item.source_object))
    updated = ledger.with_listed(rows, listed, now, source_ledger.name_hour)
    lake.append_arrow(updated.slice(rows.num_rows), source.objects)
    unnamed = ledger.nameless(updated)
    if unnamed:
        observed = _observed_hours(settings, source, source_ledger, unnamed)
        lake.rewrite(source.objects, lambda rows: ledger.with_observed_hours(rows, observed, now))
        return lake.read_arrow(source.objects)
    return updated


def _observed_hours(settings: Settings, source: Source, source_ledger: Any, unnamed: Any) -> Any:
    """Hours of objects whose names have none, by reading the objects in this process."""
    from platform_assets.core.job_parameters import parameters_of
    from spark_jobs.runtime.session import spark_session

    runner = SparkRunner.of(settings)
    return source_ledger.observed_hours(
        lambda: spark_session(runner.engine),
        storage_of(settings),
        unnamed,
        parameters_of(settings, source.name),
        runner.tasks,
    )
