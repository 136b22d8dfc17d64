"""Forecasts -> plan -> blocking checks -> sizes of clusters, as assets. What is forecast and planned is in forecasting.py and plan.py."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from platform_assets.actions.checks import OVERRIDES_TAG, failures
from platform_assets.clients.engine import lake_of
from platform_assets.clients.notifier import notify
from platform_assets.core.automation import check_results, check_specs, follows_upstream, key_of, spec_of
from platform_assets.core.plots import picture
from platform_assets.domains.scaling import audit, forecasting
from platform_assets.domains.scaling.config import load_rules
from platform_assets.domains.scaling.forecasting import Forecaster
from platform_assets.domains.scaling.planning import make_plan, plan_and_apply, stopped_alert
from platform_assets.domains.scaling.tables import SCALING_FORECASTS, SCALING_PLAN
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

OWNER = "team:scaling"
RECOMMENDATIONS_KEY = dg.AssetKey(["scaling", "recommendations"])


def scaling_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """predictions/scaling_forecasts, scaling/plan with its checks, scaling/recommendations."""

    @dg.multi_asset(
        name="scaling_forecasts",
        specs=[spec_of(SCALING_FORECASTS, OWNER, {"scikitlearn", "deltalake"}, frozenset(), None, follows_upstream())],
    )
    def scaling_forecasts(context: dg.AssetExecutionContext) -> Any:
        yield dg.MaterializeResult(
            asset_key=key_of(SCALING_FORECASTS.key), metadata=make_forecasts(settings, lake_of(settings))
        )

    @dg.multi_asset(
        name="scaling_plan",
        specs=[spec_of(SCALING_PLAN, OWNER, {"python", "deltalake"}, frozenset(), None, follows_upstream())],
        check_specs=check_specs(SCALING_PLAN),
    )
    def scaling_plan(context: dg.AssetExecutionContext) -> Any:
        import pyarrow as pa

        lake, key = lake_of(settings), key_of(SCALING_PLAN.key)
        made, results = make_plan(settings, lake, _overrides(context, lake))
        rows = pa.Table.from_pylist(made.rows(), schema=arrow_schema(SCALING_PLAN))
        lake.overwrite_arrow(rows, SCALING_PLAN)
        context.log.info(made.text())
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "dagster/row_count": len(made.entries),
                "summary": made.summary(),
                "plan": dg.MetadataValue.md(f"```\n{made.text()}\n```"),
                "table version": lake.version(SCALING_PLAN) or 0,
            },
        )
        if stopped := failures(results):
            notify(settings, stopped_alert(stopped, made))
        yield from check_results(SCALING_PLAN, results)

    @dg.multi_asset(
        name="scaling_recommendations",
        specs=[
            dg.AssetSpec(
                RECOMMENDATIONS_KEY,
                deps=[key_of(SCALING_PLAN.key)],
                description="Sizes of node groups, Auto Scaling groups and lines of files as the plan wants them; a dry run unless applying is on.",
                group_name="scaling",
                kinds={"python"},
                owners=[OWNER],
                automation_condition=follows_upstream(),
            )
        ],
    )
    def scaling_recommendations(context: dg.AssetExecutionContext) -> Any:
        lake = lake_of(settings)
        if settings.scaling.apply:
            report = plan_and_apply(settings, lake, _overrides(context, lake))
            context.log.info(report.text())
            metadata: dict[str, Any] = {"applied": True, "summary": report.text(), "changed": len(report.done)}
        else:
            made, _ = make_plan(settings, lake)
            context.log.info("Dry run; nothing is changed. %s", made.summary())
            metadata = {"applied": False, "summary": made.summary(), "to apply": "weir run scaling --apply"}
        yield dg.MaterializeResult(asset_key=RECOMMENDATIONS_KEY, metadata=metadata)

    return [scaling_forecasts, scaling_plan, scaling_recommendations]


def make_forecasts(settings: Settings, lake: Lake) -> dict[str, Any]:
    """Forecast every cluster that was measured lately and write it; the metadata of the asset."""
    now, rules = datetime.now(UTC), load_rules(settings)
    forecaster = Forecaster.serving(settings)
    steps, silent = forecasting.measured_lately(
        forecasting.recent_steps(lake, now), timedelta(minutes=settings.scaling.max_age_minutes)
    )
    live = forecasting.live_sizes(steps, rules)
    rows = forecasting.forecast_rows(steps, forecaster, rules, live, now)
    forecasting.write(lake, rows, settings.retention_days.get(SCALING_FORECASTS.key, SCALING_FORECASTS.retention_days))
    actions: dict[str, int] = {}
    for row in rows:
        actions[row["action"]] = actions.get(row["action"], 0) + 1
    metadata: dict[str, Any] = {
        "dagster/row_count": len(rows),
        "model": f"{forecaster.name} {forecaster.version}",
        "actions": dg.MetadataValue.json(actions),
        "silent clusters": dg.MetadataValue.json(silent),
        "table version": lake.version(SCALING_FORECASTS) or 0,
    }
    if any(row["upper_90"] is not None for row in rows):
        metadata["plot: busiest"] = picture(forecasting.plot_of(rows, steps), "forecasts")
    return metadata


def _overrides(context: dg.AssetExecutionContext, lake: Lake) -> dict[str, str]:
    """Those of this run: its tag names their rows of the audit."""
    return audit.overrides_of(lake, context.run.tags.get(OVERRIDES_TAG, "").split())
