"""The data stream of each source as an asset that Dagster observes; it does not run it, since a stream never ends."""

from typing import Any

import dagster as dg

from platform_assets.clients.engine import lake_of
from platform_assets.core.asset_groups import group_of
from platform_assets.core.asset_specs import key_of
from platform_assets.core.streams import is_alive, progress, progress_sentence
from platform_assets.ingest.streams.landed_objects import stream_of
from platform_assets.settings import Settings
from spark_jobs.contract import Source
from spark_jobs.registry import sources


def stream_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """`raw/<source>/stream` of each source whose stream is set."""
    return [_observed(settings, source) for source in sources().values() if stream_of(settings, source)]


def _observed(settings: Settings, source: Source) -> dg.AssetsDefinition:
    key = f"raw/{source.name}/stream"

    @dg.multi_observable_source_asset(
        name=f"{source.name}_stream",
        specs=[
            dg.AssetSpec(
                key_of(key),
                description=f"The data stream {stream_of(settings, source)}, read by `weir stream run {source.name}`; an observation shows how far it is.",
                group_name=group_of(key),
                kinds={"kinesis"},
                owners=[source.owner],
            )
        ],
    )
    def stream() -> Any:
        yield dg.ObserveResult(asset_key=key_of(key), metadata=_metadata(settings, source.name))

    return stream


def _metadata(settings: Settings, source: str) -> dict[str, Any]:
    row = progress(lake_of(settings)).get(source)
    if row is None:
        return {"state": f"never read on this lake; run `weir stream run {source}`"}
    return {
        "state": progress_sentence(row),
        "is running": is_alive(row),
        "records a second": float(row["records_per_second"] or 0.0),
        "seconds behind": float(row["behind_seconds"] or 0.0),
        "milliseconds behind by shard": dg.MetadataValue.json(row["shards_behind"]),
        "starts": int(row["start_count"]),
        "rejected lines": int(row["rejected_count"]),
        "late events": int(row["late_count"]),
        **({} if row["age_seconds"] is None else {"seconds from event to rows": float(row["age_seconds"])}),
    }
