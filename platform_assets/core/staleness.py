"""Which hours of the declared hourly assets are stale.

Parsed hours are stale by the ledger, all others by the fingerprints of their upstream (spark_jobs/incremental) and of the
settings that their domain names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from platform_assets.core.domain import domains, load, made_hourly, tables
from spark_jobs import registry
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.incremental.lineage import Step
from spark_jobs.storage.lake import Lake

if TYPE_CHECKING:
    from platform_assets.settings import Settings


def steps() -> dict[str, Step]:
    """Step by hourly asset, without parsed tables."""
    hourly = {key for key, table in tables().items() if table.hourly}
    table_steps = {
        key: Step(
            key,
            tuple(upstream for upstream in table.upstream if upstream in hourly),
            table.trailing_hours,
            table.reads_own_past,
            table.backfill_days,
        )
        for key, table in tables().items()
        if made_hourly(table)
    }
    assets = [asset for domain in domains().values() for asset in domain.hourly_assets]
    return table_steps | {asset.key: Step(asset.key, asset.upstream) for asset in assets}


def steps_with(settings: Settings | None) -> dict[str, Step]:
    """Step by hourly asset, with the settings that its hours are made with; without any, those that nobody changed."""
    all_steps = steps()
    if settings is not None:
        for domain in domains().values():
            texts = load(domain.made_with)(settings) if domain.made_with else {}
            all_steps |= {key: replace(all_steps[key], made_with=text) for key, text in texts.items()}
    return all_steps


def stale_by_asset(lake: Lake, keys: Sequence[str], settings: Settings | None = None) -> dict[str, list[str]]:
    """Asset -> its stale hours, given what exists upstream now and the settings."""
    from spark_jobs.incremental import lineage

    recorded, all_steps = lineage.recorded(lake), steps_with(settings)
    return {key: lineage.stale(all_steps[key], recorded) for key in keys}


def stale_parsed_hours(lake: Lake, name: str) -> list[str]:
    """Hours whose parsed tables are not recorded as made from all objects of the ledger, or hold one that is due again.

    Hours after the current one, of a clock that is wrong, are none; nor are those that a running stream writes.
    """
    from platform_assets.core.streams import open_from
    from spark_jobs.incremental import ledger, lineage

    known, source = lineage.recorded(lake), registry.sources()[name]
    first, *others = (known.get(table.key, {}) for table in source.parsed)
    made = {hour: value for hour, value in first.items() if all(one.get(hour) == value for one in others)}
    now = datetime.now(UTC)
    present = format_hour(now)
    end = open_from(lake, name, now) if source.stream is not None else None
    hours = ledger.stale_hours(lake.read_arrow(source.objects), made, now)
    return [hour for hour in hours if hour <= present and (end is None or hour < end)]


def record_parsed(lake: Lake, hours: Sequence[str], name: str) -> None:
    """Record parsed hours with the fingerprint of their objects in object_counts."""
    from spark_jobs.incremental import ledger, lineage

    source, columns = registry.sources()[name], ["source_object", "etag", HOUR_COLUMN]
    counts = lake.read_arrow(source.object_counts, hours, columns=columns)
    lineage.record(lake, dict.fromkeys((table.key for table in source.parsed), ledger.made_from(counts)))


def record_made(lake: Lake, keys: Sequence[str], hours: Sequence[str], settings: Settings | None = None) -> None:
    """Record that the hours of the assets were made from their current upstream with the settings."""
    from spark_jobs.incremental import lineage

    recorded, all_steps = lineage.recorded(lake), steps_with(settings)
    lineage.record(lake, {key: lineage.expected(all_steps[key], recorded, hours) for key in keys})
