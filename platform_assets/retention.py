"""How long data is kept: an asset that drops old hours and frees the space, and the schedules for it and retraining."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from platform_assets.resources import database
from platform_assets.resources.engine import lake_of
from platform_assets.settings import Settings
from platform_assets.waf.tables import TABLES as WAF_TABLES
from platform_assets.waf.tables import WAF_DECISIONS
from spark_jobs.contract import Table, format_hour
from spark_jobs.registry import tables

RETENTION_KEY = dg.AssetKey(["housekeeping", "retention"])
VACUUM_AFTER_HOURS = 24


def all_tables() -> dict[str, Table]:
    """Every lake table by key: those of the sources and those of WAF."""
    return {**tables(), **{table.key: table for table in WAF_TABLES}}


def retention_days(settings: Settings, table: Table) -> int:
    """Days that a table's rows are kept: the setting, else the table's own default."""
    return settings.retention_days.get(table.key, table.retention_days)


def retention_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """housekeeping/retention."""

    @dg.multi_asset(
        name="retention",
        specs=[
            dg.AssetSpec(
                RETENTION_KEY,
                description="Drops what is older than each table's retention, in the lake and in the database, and frees the space.",
                group_name="housekeeping",
                kinds={"deltalake"},
                owners=["team:edge"],
            )
        ],
    )
    def retention(context: dg.AssetExecutionContext) -> Any:
        yield dg.MaterializeResult(asset_key=RETENTION_KEY, metadata=carry_out(settings, datetime.now(UTC)))

    return [retention]


def carry_out(settings: Settings, now: datetime) -> dict[str, int]:
    """Forget and vacuum; returns hours dropped per table, files freed and database rows deleted."""
    lake, dropped, freed = lake_of(settings), {}, 0
    for table in all_tables().values():
        if table.hourly:
            limit = format_hour(now - timedelta(days=retention_days(settings, table)))
            if gone := lake.forget_before(table, limit):
                dropped[f"hours of {table.key}"] = gone
        freed += lake.vacuum(table, VACUUM_AFTER_HOURS)
    before = now - timedelta(days=retention_days(settings, WAF_DECISIONS))
    deleted = database.forget(settings.database, WAF_DECISIONS, "decided_at", before)
    return {**dropped, "files freed": freed, "database rows deleted": deleted}
