"""The asset that plans, with its checks, and the asset that applies the plan, for each kind of change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from platform_assets.actions.audit_table import AuditTable
from platform_assets.actions.checks import OVERRIDES_TAG
from platform_assets.actions.errors import IncompleteApplyError
from platform_assets.actions.protocol import Change, alert_when_stopped, apply_pending, pending_plan, plan_now
from platform_assets.clients.engine import lake_of
from platform_assets.core.asset_groups import group_of
from platform_assets.core.asset_specs import check_results, check_specs, key_of, spec_of
from platform_assets.core.escape import fenced, for_terminal
from platform_assets.settings import Settings
from spark_jobs.contract import Table
from spark_jobs.storage.lake import Lake


@dataclass(frozen=True)
class ChangeAssets:
    """Names and metadata of the two assets of one kind of change."""

    table: Table
    """The plan table."""
    audit: AuditTable[Any]
    owner: str
    key: str
    """Key of the asset that applies."""
    description: str
    kinds: frozenset[str]
    is_on: bool
    """Whether the settings allow applying; otherwise it is a dry run."""
    command: str
    """The command that applies."""
    change: Callable[[Settings, Lake], Change[Any, Any]]
    plan_metadata: Callable[[Any], Mapping[str, Any]] = lambda plan: {}
    report_metadata: Callable[[Any], Mapping[str, Any]] = lambda report: {}
    check_dry_run: Callable[[Any], None] = lambda plan: None
    """Raises if a dry run must fail although it changes nothing."""


def change_assets(settings: Settings, declared: ChangeAssets) -> list[dg.AssetsDefinition]:
    """The plan asset and the apply asset; a failed blocking check keeps the second from running."""
    table = declared.table
    kinds = {"python", "deltalake"}

    @dg.multi_asset(
        name=table.key.replace("/", "_"),
        specs=[spec_of(table, declared.owner, kinds)],
        check_specs=check_specs(table),
    )
    def plan_asset(context: dg.AssetExecutionContext) -> Any:
        lake = lake_of(settings)
        change = declared.change(settings, lake)
        checked = plan_now(change, _overrides(context, lake, declared))
        plan = checked.plan
        context.log.info(for_terminal(plan.text(), keep_lines=True))
        yield dg.MaterializeResult(
            asset_key=key_of(table.key),
            metadata={
                "dagster/row_count": len(plan.entries),
                "summary": plan.summary(),
                **declared.plan_metadata(plan),
                "plan": dg.MetadataValue.md(fenced(plan.text())),
                "plan id": checked.plan_id,
                "table version": lake.version(table) or 0,
            },
        )
        alert_when_stopped(change, checked)
        yield from check_results(table, checked.results)

    @dg.multi_asset(
        name=declared.key.replace("/", "_"),
        specs=[
            dg.AssetSpec(
                key_of(declared.key),
                deps=[key_of(table.key)],
                description=declared.description,
                group_name=group_of(declared.key, declared.key.partition("/")[0]),
                kinds=set(declared.kinds),
                owners=[declared.owner],
            )
        ],
    )
    def apply_asset(context: dg.AssetExecutionContext) -> Any:
        lake = lake_of(settings)
        change, overrides = declared.change(settings, lake), _overrides(context, lake, declared)
        if declared.is_on:
            try:
                report = apply_pending(change, overrides)
            except IncompleteApplyError as error:
                if error.reports:
                    texts = "\n".join(report.text() for report in error.reports)
                    context.log.error(for_terminal(texts, keep_lines=True))
                raise
            context.log.info(for_terminal(report.text(), keep_lines=True))
            metadata = {"applied": True, "summary": report.text(), **declared.report_metadata(report)}
        else:
            plan = pending_plan(change, overrides) or change.make(overrides).plan
            declared.check_dry_run(plan)
            context.log.info("Dry run; nothing is changed. %s", for_terminal(plan.summary()))
            metadata = {"applied": False, "summary": plan.summary(), "to apply": declared.command}
        yield dg.MaterializeResult(asset_key=key_of(declared.key), metadata=metadata)

    return [plan_asset, apply_asset]


def _overrides(context: dg.AssetExecutionContext, lake: Lake, declared: ChangeAssets) -> dict[str, str]:
    """The overrides of this run: its tag names their audit rows."""
    return declared.audit.overrides_of(lake, context.run.tags.get(OVERRIDES_TAG, "").split())
