"""Every table of the lake, whoever declares it."""

from platform_assets.core import domain
from spark_jobs.contract import Table


def all_tables() -> dict[str, Table]:
    """By key: what users read, and what housekeeping keeps."""
    from platform_assets.ingest.listings import FULL_LISTINGS  # here, since both need the libraries that read a lake
    from spark_jobs.incremental.lineage import MADE_HOURS

    return {**domain.tables(), **{table.key: table for table in (MADE_HOURS, FULL_LISTINGS)}}
