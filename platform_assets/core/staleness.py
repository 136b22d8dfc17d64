"""Which hours of which assets have to be made again: spark_jobs/lineage over the hourly assets that are declared.

Parsed hours are stale by the ledger; everything after them by the fingerprints of what it was made from.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from platform_assets.core.domain import domains, made_hourly, tables
from spark_jobs import registry
from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.incremental.lineage import Step
from spark_jobs.storage.lake import Lake


def steps() -> dict[str, Step]:
    """Hourly asset -> the hourly assets that it is made from; parsed hours are the ledger's."""
    hourly = {key for key, table in tables().items() if table.hourly}
    found = {
        key: Step(
            key,
            tuple(upstream for upstream in table.upstream if upstream in hourly),
            table.trailing_hours,
            table.reads_own_past,
        )
        for key, table in tables().items()
        if made_hourly(table)
    }
    assets = [asset for domain in domains().values() for asset in domain.hourly_assets]
    return found | {asset.key: Step(asset.key, asset.upstream) for asset in assets}


def stale_by_lineage(lake: Lake, keys: Sequence[str]) -> list[str]:
    """Hours that any of the assets has to make again, as far as what is upstream of them is made already."""
    return sorted({hour for hours in stale_by_asset(lake, keys).values() for hour in hours})


def stale_by_asset(lake: Lake, keys: Sequence[str]) -> dict[str, list[str]]:
    """Asset -> its hours that have to be made again, as far as what is upstream of them is made already."""
    from spark_jobs.incremental import lineage

    known, chain = lineage.recorded(lake), steps()
    return {key: lineage.stale(chain[key], known) for key in keys}


def stale_parsed_hours(lake: Lake, name: str) -> list[str]:
    """Hours whose parsed tables are not recorded as made from all objects of the ledger, or hold one that is due again."""
    from spark_jobs.incremental import ledger, lineage

    known, source = lineage.recorded(lake), registry.sources()[name]
    first, *others = (known.get(table.key, {}) for table in source.parsed)
    made = {hour: value for hour, value in first.items() if all(one.get(hour) == value for one in others)}
    return ledger.stale_hours(lake.read_arrow(source.objects), made, datetime.now(UTC))


def record_parsed(lake: Lake, hours: Sequence[str], name: str) -> None:
    """Record parsed hours: each is the hash of the objects that object_counts shows for it."""
    from spark_jobs.incremental import ledger, lineage

    source, columns = registry.sources()[name], ["source_object", "etag", HOUR_COLUMN]
    counts = lake.read_arrow(source.object_counts, hours, columns=columns)
    lineage.record(lake, dict.fromkeys((table.key for table in source.parsed), ledger.made_from(counts)))


def record_made(lake: Lake, keys: Sequence[str], hours: Sequence[str]) -> None:
    """Record that the hours of the assets were made from what is upstream of them now."""
    from spark_jobs.incremental import lineage

    known, chain = lineage.recorded(lake), steps()
    lineage.record(lake, {key: lineage.expected(chain[key], known, hours) for key in keys})
