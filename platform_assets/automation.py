"""When an asset is made again by itself, and how lineage is drawn between hours."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator

import dagster as dg

from platform_assets.actions.checks import CheckResult
from spark_jobs.contract import Table

RETRY_CRON = "*/10 * * * *"
READ_FOR_THE_OWN_HOUR = {"features/cloudfront/client_attacks": ("features/cloudfront/client_daily",)}
"""Table -> tables that its job reads besides its upstream without looking back, so they have to be made before it."""


def follows_upstream() -> dg.AutomationCondition:
    """Make a partition again once data that it is made of has changed, and every ten minutes where that failed.

    A new model version is no such change: hours keep the version they were scored with. Hours without a log object
    have no partition upstream and never will, so missing upstream partitions do not hold anything back. A blocking
    check that does not pass does, also across runs; that of a model is its gate, which only keeps the champion.
    """
    not_data = dg.AssetSelection.groups("models", "raw")
    changed = dg.AutomationCondition.any_deps_updated().ignore(not_data).since_last_handled()
    failed = dg.AutomationCondition.execution_failed() & dg.AutomationCondition.cron_tick_passed(RETRY_CRON)
    # Dagster's own all_deps_blocking_checks_passed() holds back what is new: its upstream's checks have never run.
    passed = (
        dg.AutomationCondition.check_passed()
        | dg.AutomationCondition.will_be_requested()
        | dg.AutomationCondition.missing()
    )
    checked = dg.AutomationCondition.all_deps_match(
        dg.AutomationCondition.all_checks_match(passed, blocking_only=True)
    ).ignore(not_data)
    return (
        (changed | failed)
        & ~dg.AutomationCondition.in_progress()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & checked
    ).with_label("follows upstream data")


def key_of(table_key: str) -> dg.AssetKey:
    return dg.AssetKey(table_key.split("/"))


def deps_of(table: Table, hourly_upstream: frozenset[str]) -> list[dg.AssetDep]:
    """A table's upstream as dependencies: its own hour and, where it looks back, the hours before."""
    own_hour = READ_FOR_THE_OWN_HOUR.get(table.key, ())
    deps = []
    for key in dict.fromkeys((*table.upstream, *own_hour)):
        mapping: dg.PartitionMapping | None = None
        if table.hourly and key in hourly_upstream and table.trailing_hours and key not in own_hour:
            with warnings.catch_warnings():
                # The parameter is marked as beta; the alternative is to refuse hours next to the first partition.
                warnings.simplefilter("ignore")
                mapping = dg.TimeWindowPartitionMapping(
                    start_offset=-table.trailing_hours, end_offset=0, allow_nonexistent_upstream_partitions=True
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
    table: Table,
    owner: str,
    kinds: set[str],
    hourly_upstream: frozenset[str],
    partitions: dg.PartitionsDefinition | None,
    automation: dg.AutomationCondition | None,
) -> dg.AssetSpec:
    """The asset of a table: key, description, columns, lineage and owner, all from its declaration."""
    return dg.AssetSpec(
        key=key_of(table.key),
        deps=deps_of(table, hourly_upstream),
        description=f"{table.meaning.removesuffix('.')}; one row is {table.grain}.",
        group_name=table.layer,
        kinds=kinds,
        owners=[owner],
        partitions_def=partitions if table.hourly else None,
        automation_condition=automation,
        metadata={"dagster/column_schema": column_schema(table), "retention days": table.retention_days},
    )


def check_results(table: Table, results: Iterable[CheckResult]) -> Iterator[dg.AssetCheckResult]:
    """What the checks of a plan found, as Dagster shows it."""
    for one in results:
        yield dg.AssetCheckResult(
            asset_key=key_of(table.key),
            check_name=one.name,
            passed=one.passed,
            description=one.sentence,
            metadata=dict(one.metadata),
        )


def check_specs(*tables: Table) -> list[dg.AssetCheckSpec]:
    """The declared checks of tables as asset checks."""
    return [
        dg.AssetCheckSpec(check.name, asset=key_of(table.key), description=check.meaning, blocking=check.blocking)
        for table in tables
        for check in table.checks
    ]
