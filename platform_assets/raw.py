"""The raw location and its ledger: `raw/cloudfront/logs` (the files, a source) and `raw/cloudfront/objects`."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from platform_assets.automation import key_of, spec_of
from platform_assets.resources.engine import SparkRunner, lake_of, storage_of
from platform_assets.resources.objects import list_objects
from platform_assets.settings import Settings
from platform_assets.staleness import stale_parsed_hours
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
        lake = lake_of(settings)
        yield dg.MaterializeResult(
            asset_key=key_of(OBJECTS.key),
            metadata={"path": lake.path(OBJECTS), "table version": lake.version(OBJECTS) or 0, **figures},
        )

    return [logs, objects]


def update_ledger(settings: Settings) -> dict[str, Any]:
    """List the raw location and add what is new to the ledger; returns figures."""
    from spark_jobs.sources.cloudfront import ledger

    if not settings.cloudfront_raw:
        raise NoInputError(
            "No log location is set; run `weir run edge --input PATH_OR_S3_URI` once, or set WEIR_CLOUDFRONT_RAW."
        )
    lake, now = lake_of(settings), datetime.now(UTC)
    known = lake.read_arrow(OBJECTS)
    listed = [asdict(item) for item in _listed(settings, known)]
    updated = ledger.with_listed(known, listed, now)
    unnamed = ledger.nameless(updated)
    if unnamed:
        updated = _with_hours(settings, updated, unnamed, now)
    if updated.num_rows != known.num_rows or unnamed or lake.version(OBJECTS) is None:
        lake.overwrite_arrow(updated, OBJECTS)
    return {
        "listed objects": len(listed),
        "new objects": updated.num_rows - known.num_rows,
        "objects": updated.num_rows,
        "stale hours": len(stale_parsed_hours(lake)),
    }


def _listed(settings: Settings, known: Any) -> Any:
    seen = {
        row["source_object"]: (row["size_bytes"], row["modified_at"], row["etag"])
        for row in known.select(["source_object", "size_bytes", "modified_at", "etag"]).to_pylist()
    }
    return list_objects(
        settings.cloudfront_raw,
        region=settings.aws_region,
        endpoint_url=settings.s3_endpoint_url,
        known=seen,
    )


def _with_hours(settings: Settings, updated: Any, unnamed: Any, now: datetime) -> Any:
    """Look into objects whose names do not tell their hours."""
    from platform_assets.lake import parse_parameters
    from spark_jobs.session import spark_session
    from spark_jobs.sources.cloudfront import ledger
    from spark_jobs.sources.cloudfront.transform import observed_hours

    runner = SparkRunner.of(settings)
    options = ledger.parse_options(parse_parameters(settings))
    found = observed_hours(spark_session(runner.engine), storage_of(settings), unnamed, options, runner.tasks)
    learnt = ledger.with_observed_hours(updated, found, now)
    return updated if learnt is None else learnt
