"""The asset that drops old hours and old lines of the home's files, and frees their space."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from platform_assets.clients import database, notifier
from platform_assets.clients import metric_publishers as metrics
from platform_assets.clients.engine import lake_of
from platform_assets.clients.json_lines import trim_lines
from platform_assets.core.asset_groups import group_of
from platform_assets.core.domain import domains, tables
from platform_assets.core.tables import all_tables
from platform_assets.ingest.streams.landed_objects import landing_of, stream_of
from platform_assets.settings import Settings
from spark_jobs.contract import Table
from spark_jobs.registry import sources

RETENTION_KEY = dg.AssetKey(["housekeeping", "retention"])
VACUUM_AFTER_HOURS = 24
RECORDS: dict[str, Callable[[Mapping[str, Any]], str | None]] = {
    notifier.FILE_NAME: notifier.alert_of,
    metrics.FILE_NAME: lambda record: None,
}
"""Append-only files of the home -> the function that groups lines to be dropped together."""
RECORDS_DAYS = 90


def retention_days(settings: Settings, table: Table) -> int | None:
    """Days that rows are kept after they were written: the setting, else the table's default; None: forever."""
    return settings.retention_days.get(table.key, table.retention_days)


def retention_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """housekeeping/retention."""

    @dg.multi_asset(
        name="retention",
        specs=[
            dg.AssetSpec(
                RETENTION_KEY,
                description="Drops what is older than its retention, in the lake, the landed objects of streams, the database and the home's files of alerts and metrics, and frees the space.",
                group_name=group_of("/".join(RETENTION_KEY.path)),
                kinds={"deltalake"},
                owners=["team:edge"],
            )
        ],
    )
    def retention(context: dg.AssetExecutionContext) -> Any:
        yield dg.MaterializeResult(asset_key=RETENTION_KEY, metadata=carry_out(settings, datetime.now(UTC)))

    return [retention]


def carry_out(settings: Settings, now: datetime) -> dict[str, int]:
    """Forget, trim and vacuum; returns hours and lines dropped, files freed and database rows deleted."""
    lake, dropped, freed, deleted = lake_of(settings), {}, 0, 0
    for table in all_tables().values():
        days = retention_days(settings, table)
        if (
            table.hourly
            and days is not None
            and (count := lake.forget_written_before(table, now - timedelta(days=days)))
        ):
            dropped[f"hours of {table.key}"] = count
        freed += lake.vacuum(table, VACUUM_AFTER_HOURS)
    for source in sources().values():
        days = None if not stream_of(settings, source) else retention_days(settings, source.parsed[0])
        if days is not None and (
            count := landing_of(settings, lake, source).forget_written_before(now - timedelta(days=days))
        ):
            dropped[f"landed objects of {source.name}"] = count
    for name, grouping in RECORDS.items():
        days = settings.retention_days.get(name, RECORDS_DAYS)
        if count := trim_lines(settings.home / name, now - timedelta(days=days), grouping):
            dropped[f"lines of {name}"] = count
    exported = {key: column for domain in domains().values() for key, column in domain.database_tables.items()}
    for key, column in exported.items():
        table = tables()[key]
        if (days := retention_days(settings, table)) is not None:
            deleted += database.forget(settings.database, table, column, now - timedelta(days=days))
    return {**dropped, "files freed": freed, "database rows deleted": deleted}
