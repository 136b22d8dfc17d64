"""The asset that merges the small files of past hours, so that reading an hour opens one file.

Every task of a run writes its own file for an hour, and each late log object makes its hour again.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from platform_assets.clients.engine import lake_of
from platform_assets.core.asset_groups import group_of
from platform_assets.core.tables import all_tables
from platform_assets.settings import Settings
from spark_jobs.contract import format_hour
from spark_jobs.incremental import lineage

COMPACTION_KEY = dg.AssetKey(["housekeeping", "compaction"])
SETTLED_HOURS = 26
"""More recent hours are left alone: log objects may arrive for a day."""


def compaction_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """housekeeping/compaction."""

    @dg.multi_asset(
        name="compaction",
        specs=[
            dg.AssetSpec(
                COMPACTION_KEY,
                description="Puts the small files of hours that are settled into one a table and hour.",
                group_name=group_of("/".join(COMPACTION_KEY.path)),
                kinds={"deltalake"},
                owners=["team:edge"],
            )
        ],
    )
    def compaction(context: dg.AssetExecutionContext) -> Any:
        yield dg.MaterializeResult(asset_key=COMPACTION_KEY, metadata=carry_out(settings, datetime.now(UTC)))

    return [compaction]


def carry_out(settings: Settings, now: datetime) -> dict[str, int]:
    """Compact every table; returns how many files were merged, by table. Retention deletes the old files a day later."""
    lake = lake_of(settings)
    removed = {f"rows of {lineage.MADE_HOURS.key}": lineage.compact(lake)}
    before = format_hour(now - timedelta(hours=SETTLED_HOURS))
    for table in all_tables().values():
        removed[f"files of {table.key}"] = lake.compact(table, before)
    return {name: count for name, count in removed.items() if count}
