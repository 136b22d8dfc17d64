"""Table declarations as Dagster asset specs, columns, checks and partition mappings."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from math import ceil
from typing import Any

import dagster as dg

from platform_assets.actions.checks import CheckResult
from platform_assets.core.asset_groups import group_of
from platform_assets.core.domain import tables
from spark_jobs.contract import Table

MISSING = "No raw file that was read holds them: nothing happened then, or it is not delivered yet. What comes is made by itself."
"""What Dagster's pages say of partitions that are missing."""
HOURS_OF_MONTH = 28 * 24
"""Of the shortest."""


def key_of(table_key: str) -> dg.AssetKey:
    return dg.AssetKey(table_key.split("/"))


def dep_on(key: str) -> dg.AssetDep:
    """The dependency of an asset without partitions. Of a partitioned one it names the last partition, the newest it has
    read: Dagster would list all of them at each run, since the first hour of the calendar."""
    declared = tables().get(key)
    is_hourly = declared is not None and declared.hourly
    return dg.AssetDep(key_of(key), partition_mapping=dg.LastPartitionMapping() if is_hourly else None)


def deps_of(table: Table) -> list[dg.AssetDep]:
    """Dependencies of a table: its own partition and, if it looks back on upstream, those before."""
    if not table.hourly:
        return [dep_on(key) for key in dict.fromkeys((*table.upstream, *table.also_reads))]
    declared = tables()
    deps = []
    for key in dict.fromkeys((*table.upstream, *table.also_reads)):
        mapping: dg.PartitionMapping | None = None
        is_hourly = key in declared and declared[key].hourly
        if is_hourly and table.trailing_hours and key not in table.also_reads:
            with warnings.catch_warnings():
                # The parameter is beta; without it the hours after the first partition would fail.
                warnings.simplefilter("ignore")
                hours = HOURS_OF_MONTH if declared[key].is_by_month else 1
                mapping = dg.TimeWindowPartitionMapping(
                    start_offset=-ceil(table.trailing_hours / hours),
                    end_offset=0,
                    allow_nonexistent_upstream_partitions=True,
                )
        deps.append(dg.AssetDep(key_of(key), partition_mapping=mapping))
    return deps


def column_schema(table: Table) -> dg.TableSchema:
    """The declared columns, as Dagster shows them on the asset."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                description=column.meaning + (" (personal data)" if column.personal else ""),
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in table.columns
        ]
    )


def spec_of(
    table: Table, owner: str, kinds: set[str], partitions: dg.PartitionsDefinition | None = None
) -> dg.AssetSpec:
    """The asset spec of a declared table."""
    return dg.AssetSpec(
        key=key_of(table.key),
        deps=deps_of(table),
        description=f"{table.meaning.removesuffix('.')}; one row is {table.grain}.",
        group_name=group_of(table.key),
        kinds=kinds,
        owners=[owner],
        partitions_def=partitions if table.hourly else None,
        metadata={
            "dagster/column_schema": column_schema(table),
            "retention days": table.retention_days,
            **({"missing partitions": MISSING} if table.hourly else {}),
        },
    )


def check_results(table: Table, results: Iterable[CheckResult]) -> Iterator[dg.AssetCheckResult]:
    """Check results of a plan as Dagster's."""
    for result in results:
        yield dg.AssetCheckResult(
            asset_key=key_of(table.key),
            check_name=result.name,
            passed=result.passed,
            description=result.sentence,
            metadata=dict(result.metadata),
        )


def outcomes_of(
    table: Table, outcomes: Mapping[str, tuple[bool, str, Mapping[str, Any]]]
) -> Iterator[dg.AssetCheckResult]:
    """Outcomes of declared checks by name (passed, sentence, metadata) as Dagster's."""
    for name, (passed, sentence, metadata) in outcomes.items():
        yield dg.AssetCheckResult(
            asset_key=key_of(table.key),
            check_name=name,
            passed=passed,
            description=sentence,
            metadata={key: as_metadata(value) for key, value in metadata.items()},
        )


def as_metadata(value: Any) -> Any:
    """A value as Dagster shows it: lists and mappings as JSON."""
    return dg.MetadataValue.json(value) if isinstance(value, dict | list) else value


def check_specs(*tables: Table) -> list[dg.AssetCheckSpec]:
    """The declared checks of tables as asset checks."""
    return [
        dg.AssetCheckSpec(check.name, asset=key_of(table.key), description=check.meaning, blocking=check.blocking)
        for table in tables
        for check in table.checks
    ]
