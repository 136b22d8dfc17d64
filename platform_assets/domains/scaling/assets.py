"""Forecasts -> plan -> blocking checks -> sizes of clusters, as assets; forecasting.py and plan.py do the work."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from platform_assets.actions.assets import ChangeAssets, change_assets
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import NoChampionError
from platform_assets.core.asset_specs import check_specs, key_of, outcomes_of, spec_of
from platform_assets.core.plots import picture
from platform_assets.domains.scaling import audit, forecasting
from platform_assets.domains.scaling.config import load_rules
from platform_assets.domains.scaling.forecasting import Forecaster
from platform_assets.domains.scaling.planning import ScalingChange
from platform_assets.domains.scaling.tables import SCALING_FORECASTS, SCALING_PLAN
from platform_assets.releases.serving import Serving
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake

OWNER = "team:scaling"


def scaling_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """predictions/scaling_forecasts, scaling/plan with its checks, scaling/recommendations."""

    @dg.multi_asset(
        name="scaling_forecasts",
        specs=[spec_of(SCALING_FORECASTS, OWNER, {"scikitlearn", "deltalake"})],
        check_specs=check_specs(SCALING_FORECASTS),
    )
    def scaling_forecasts(context: dg.AssetExecutionContext) -> Any:
        lake = lake_of(settings)
        yield dg.MaterializeResult(asset_key=key_of(SCALING_FORECASTS.key), metadata=make_forecasts(settings, lake))
        plausible = forecasting.are_plausible(forecasting.newest_forecasts(lake))
        yield from outcomes_of(SCALING_FORECASTS, {"forecasts_are_plausible": plausible})

    return [scaling_forecasts, *change_assets(settings, _declared(settings))]


def _declared(settings: Settings) -> ChangeAssets:
    return ChangeAssets(
        table=SCALING_PLAN,
        audit=audit.AUDIT,
        owner=OWNER,
        key="scaling/recommendations",
        description="Sizes of node groups, Auto Scaling groups and lines of files as the plan wants them; a dry run unless applying is on.",
        kinds=frozenset({"python"}),
        is_on=settings.scaling.apply,
        command="weir run scaling --apply",
        change=ScalingChange,
        report_metadata=lambda report: {"changed": len(report.changed)},
    )


def make_forecasts(settings: Settings, lake: Lake) -> dict[str, Any]:
    """Forecast every cluster with recent metrics and write the rows; returns the asset's metadata."""
    now, rules = datetime.now(UTC), load_rules(settings)
    steps, silent = forecasting.measured_lately(
        forecasting.recent_steps(lake, now), timedelta(minutes=settings.scaling.max_age_minutes)
    )
    live = forecasting.live_sizes(steps, rules)
    leads = forecasting.learned_leads(lake, now)

    def forecast(forecaster: Forecaster) -> tuple[Forecaster, list[dict[str, Any]]]:
        return forecaster, forecasting.forecast_rows(steps, forecaster, rules, live, now, leads)

    serving = Serving(settings, lake, forecasting.MODEL)
    try:
        served = serving.now()
    except NoChampionError:
        forecaster, rows = forecast(Forecaster.naive())
    else:
        forecaster, rows = serving.with_fallback(served, lambda used: forecast(Forecaster(serving.loaded(used), used)))
    forecasting.write(lake, rows, settings.retention_days.get(SCALING_FORECASTS.key, SCALING_FORECASTS.retention_days))
    metadata: dict[str, Any] = {
        "dagster/row_count": len(rows),
        "model": f"{forecaster.name} {forecaster.served.versions}",
        "actions": dg.MetadataValue.json(dict(Counter(row["action"] for row in rows))),
        "silent clusters": dg.MetadataValue.json(silent),
        "table version": lake.version(SCALING_FORECASTS) or 0,
    }
    if any(row["upper_90"] is not None for row in rows):
        metadata["plot: busiest"] = picture(forecasting.plot_of(rows, steps), "forecasts")
    return metadata
