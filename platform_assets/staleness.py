"""Which hours of which assets have to be made again. The chain of hourly assets, and spark_jobs/lineage over it.

Parsed hours are stale by the ledger; everything after them by the fingerprints of what it was made from.
"""

from __future__ import annotations

from collections.abc import Sequence

from platform_assets.anomaly.tables import ANOMALY_SCORES
from platform_assets.feature_store.tables import INFRASTRUCTURE_METRICS_ROWS
from platform_assets.listings import EDGE_SOURCE
from platform_assets.waf.tables import WAF_DECISIONS
from spark_jobs import registry
from spark_jobs.contract import HOUR_COLUMN, PARSED_LAYER
from spark_jobs.incremental.lineage import Step
from spark_jobs.storage.lake import Lake

DATABASE_KEY, METRICS_KEY = "exports/database", "exports/metrics"


def steps() -> dict[str, Step]:
    """Hourly asset -> its place in the chain, in an order in which each comes after what it reads."""
    hourly = {key: table for key, table in registry.tables().items() if table.hourly}
    found = {
        key: Step(key, tuple(up for up in table.upstream if up in hourly), table.trailing_hours)
        for key, table in hourly.items()
        if table.layer != PARSED_LAYER
    }
    scores = tuple(up for up in WAF_DECISIONS.upstream if up in hourly)
    found[WAF_DECISIONS.key] = Step(WAF_DECISIONS.key, scores, reads_own_past=True)
    for table in (ANOMALY_SCORES, INFRASTRUCTURE_METRICS_ROWS):
        read = tuple(up for up in table.upstream if up in hourly)
        found[table.key] = Step(table.key, read, table.trailing_hours)
    found[DATABASE_KEY] = Step(DATABASE_KEY, (WAF_DECISIONS.key,))
    found[METRICS_KEY] = Step(METRICS_KEY, (WAF_DECISIONS.key,))
    return found


def stale_by_lineage(lake: Lake, keys: Sequence[str]) -> list[str]:
    """Hours that any of the assets has to make again, as far as what is upstream of them is made already."""
    from spark_jobs.incremental import lineage

    known, chain = lineage.recorded(lake), steps()
    return sorted({hour for key in keys for hour in lineage.stale(chain[key], known)})


def stale_parsed_hours(lake: Lake, name: str = EDGE_SOURCE) -> list[str]:
    """Hours whose parsed tables are not recorded as made from all objects of the ledger as they are now."""
    from spark_jobs.incremental import ledger, lineage

    known, source = lineage.recorded(lake), registry.sources()[name]
    first, *others = (known.get(table.key, {}) for table in source.parsed)
    made = {hour: value for hour, value in first.items() if all(one.get(hour) == value for one in others)}
    return ledger.stale_hours(lake.read_arrow(source.objects), made)


def record_parsed(lake: Lake, hours: Sequence[str], name: str = EDGE_SOURCE) -> None:
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
