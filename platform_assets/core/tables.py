"""Every table of the lake."""

from platform_assets.core import domain
from spark_jobs.contract import Table


def all_tables() -> dict[str, Table]:
    """Table by key: those of users and of housekeeping."""
    from platform_assets.core.streams import STREAM_PROGRESS
    from platform_assets.ingest.listings import FULL_LISTINGS  # here, since both import Arrow
    from spark_jobs.incremental.lineage import MADE_HOURS

    return {**domain.tables(), **{table.key: table for table in (MADE_HOURS, FULL_LISTINGS, STREAM_PROGRESS)}}
