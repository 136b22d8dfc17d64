"""Every table of the lake, whoever declares it."""

from platform_assets.anomaly.tables import TABLES as ANOMALY_TABLES
from platform_assets.feature_store.tables import TABLES as FEATURE_TABLES
from platform_assets.scaling.tables import TABLES as SCALING_TABLES
from platform_assets.waf.tables import TABLES as WAF_TABLES
from spark_jobs import registry
from spark_jobs.contract import Table


def all_tables() -> dict[str, Table]:
    """By key: what users read, and what housekeeping keeps."""
    from platform_assets.listings import FULL_LISTINGS  # here, since both need the libraries that read a lake
    from spark_jobs.incremental.lineage import MADE_HOURS

    return {**tables_of_users(), **{table.key: table for table in (MADE_HOURS, FULL_LISTINGS)}}


def tables_of_users() -> dict[str, Table]:
    """By key: those of the sources, of WAF, of scaling, of anomalies and of the feature store."""
    actions = (*WAF_TABLES, *SCALING_TABLES, *ANOMALY_TABLES, *FEATURE_TABLES)
    return {table.key: table for table in (*registry.tables().values(), *actions)}
