"""Metadata of a partition that is its own, although one run makes many.

Dagster's `context.add_asset_metadata` lists all partitions of the run and copies what it holds at each call, so that a run
of two thousand hours would spend minutes in it; here all partitions are added at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster._core.execution.context.metadata_logging import AssetMetadataHandle, OutputMetadataAccumulator

from spark_jobs.contract import HOUR_FORMAT, Table, format_hour, parse_hour
from spark_jobs.storage.lake import Lake

ROWS = "dagster/row_count"


def add_to_partitions(
    context: dg.AssetExecutionContext, key: dg.AssetKey, by_partition: Mapping[str, Mapping[str, Any]]
) -> None:
    """Add metadata to partitions of an asset that this run makes: partition -> name -> value."""
    step = context.op_execution_context.get_step_execution_context()
    held = step._metadata_accumulator.per_output_metadata
    added: dict[Any, Mapping[str, Any]] = {
        AssetMetadataHandle(asset_key=key, partition_key=partition): metadata
        for partition, metadata in by_partition.items()
    }
    step._metadata_accumulator = OutputMetadataAccumulator(per_output_metadata={**held, **added})


def partitions_of_hours(context: dg.AssetExecutionContext, hours: Sequence[str]) -> dict[str, list[str]]:
    """Partition of this run -> those of the hours that lie in it: itself, or those of its month."""
    key_format = getattr(context.assets_def.partitions_def, "fmt", HOUR_FORMAT)
    grouped: dict[str, list[str]] = {}
    for hour in hours:
        partition = hour if key_format == HOUR_FORMAT else parse_hour(hour).strftime(key_format)
        grouped.setdefault(partition, []).append(hour)
    return grouped


def add_row_counts(
    context: dg.AssetExecutionContext,
    lake: Lake,
    table: Table,
    hours: Sequence[str],
    versions: Mapping[str, str] | None = None,
) -> None:
    """Give each partition the number of its rows in the lake, and the versions of the model that made those of this run.

    Of a month all hours count, not only those just made. `versions`: hour -> version.
    """
    made = partitions_of_hours(context, hours)
    own = {partition: _month_of(some[0]) if table.is_by_month else some for partition, some in made.items()}
    counts = lake.row_counts(table, [hour for of_partition in own.values() for hour in of_partition])
    by_partition: dict[str, dict[str, Any]] = {}
    for partition, of_partition in own.items():
        by_partition[partition] = {ROWS: sum(counts.get(hour, 0) for hour in of_partition)}
        if versions:
            serving = versions_in({hour: versions[hour] for hour in made[partition] if hour in versions})
            by_partition[partition]["model version"] = ", ".join(serving)
    add_to_partitions(context, dg.AssetKey(table.key.split("/")), by_partition)


def versions_in(versions: Mapping[str, str]) -> list[str]:
    """The distinct versions of hour -> version, oldest first."""
    return sorted(set(versions.values()), key=lambda version: (len(version), version))


def _month_of(hour: str) -> list[str]:
    at = parse_hour(hour).replace(day=1, hour=0)
    hours = [at + timedelta(hours=number) for number in range(31 * 24)]
    return [format_hour(one) for one in hours if one.month == at.month]
