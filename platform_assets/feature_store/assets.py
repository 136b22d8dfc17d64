"""The assets feature_store/<group>: each ingests the columns of an hourly table of features."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from platform_assets.clients.engine import lake_of
from platform_assets.core.asset_specs import key_of, spec_of
from platform_assets.core.domain import feature_groups, tables
from platform_assets.core.partition_metadata import add_row_counts
from platform_assets.core.partitions import interval_of, partitions_of
from platform_assets.feature_store.groups import EVENT_AT, FeatureGroup, table_of
from platform_assets.feature_store.store import Ingested, ingest
from platform_assets.settings import Settings
from spark_jobs.contract import Table
from spark_jobs.incremental.lineage import Step
from spark_jobs.storage.lake import Lake

OWNER = "team:edge"


def feature_store_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The asset of each group that is filled from a table."""
    return [
        feature_group_asset(settings, group, tables()[group.filled_from])
        for group in feature_groups().values()
        if group.filled_from
    ]


def feature_group_asset(
    settings: Settings, group: FeatureGroup, source: Table, columns: Mapping[str, str] | None = None
) -> dg.AssetsDefinition:
    """The asset that fills a group from `source`, an hourly table.

    `columns`: feature -> column of the source, where the names differ. ValueError if the source lacks a column.
    """
    column_names = columns_of(group, source, columns or {})
    table = replace(table_of(group), upstream=(source.key,))
    partitions = partitions_of(settings, table)

    @dg.multi_asset(
        name=f"feature_store_{group.name}",
        specs=[spec_of(table, OWNER, {"deltalake"}, partitions)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def feature_group(context: dg.AssetExecutionContext) -> Any:
        hours = interval_of(context).hours
        ingested = ingest_hours(settings, group, source, column_names, hours, datetime.now(UTC))
        _record(lake_of(settings), Step(table.key, (source.key,)), hours)
        add_row_counts(context, lake_of(settings), table, hours)
        of_run = {"hours": len(hours), **ingested.__dict__}
        yield dg.MaterializeResult(asset_key=key_of(table.key), metadata={"whole run": dg.MetadataValue.json(of_run)})

    return feature_group


def _record(lake: Lake, step: Step, hours: Sequence[str]) -> None:
    from spark_jobs.incremental import lineage

    lineage.record(lake, {step.key: lineage.expected(step, lineage.recorded(lake), hours)})


def columns_of(group: FeatureGroup, source: Table, renamed: Mapping[str, str]) -> dict[str, str]:
    """Every column that ingesting needs -> its name in the source; ValueError if the source lacks one."""
    needed = (group.identifier.name, EVENT_AT.name, *group.feature_names)
    column_names = {name: renamed.get(name, name) for name in needed}
    if missing := sorted(set(column_names.values()) - set(source.column_names)):
        raise ValueError(f"{source.key} has no columns {', '.join(missing)}, which {group.name} is filled from.")
    return column_names


def ingest_hours(
    settings: Settings,
    group: FeatureGroup,
    source: Table,
    columns: Mapping[str, str],
    hours: Sequence[str],
    now: datetime,
) -> Ingested:
    """Ingest the source's rows of these hours.

    Rows without any feature are left out. Means of counts are rounded to whole numbers.
    """
    import pyarrow.compute as pc

    rows = lake_of(settings).read_arrow(source, hours, list(columns.values()))
    rows = rows.select(list(columns.values())).rename_columns(list(columns))
    has_any = pc.is_valid(rows[group.feature_names[0]])
    for feature in group.features:
        has_any = pc.or_(has_any, pc.is_valid(rows[feature.name]))
        if feature.type == "int64" and source.column(columns[feature.name]).type == "double":
            index = rows.column_names.index(feature.name)
            rows = rows.set_column(index, feature.name, pc.round(rows[feature.name]))
    return ingest(settings, group, rows.filter(has_any), now)
