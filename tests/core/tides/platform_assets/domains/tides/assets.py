"""The assets of the domain."""

from typing import Any

import dagster as dg

from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.asset_specs import key_of, spec_of
from platform_assets.domains.tides.planning import gate_rows
from platform_assets.domains.tides.tables import GATE_PLAN
from platform_assets.settings import Settings
from spark_jobs.storage.schema import arrow_schema


def tides_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """tides/gate_plan."""

    @dg.multi_asset(name="gate_plan", specs=[SPEC])
    def gate_plan(context: dg.AssetExecutionContext) -> Any:
        import pyarrow as pa

        models = ModelRegistry.of(settings)
        model = models.loaded("tide_level", models.champion("tide_level") or "")
        lake = lake_of(settings)
        rows = gate_rows(model.mean_)
        lake.overwrite_arrow(pa.Table.from_pylist(rows, schema=arrow_schema(GATE_PLAN)), GATE_PLAN)
        yield dg.MaterializeResult(asset_key=key_of(GATE_PLAN.key), metadata={"gates": len(rows)})

    return [gate_plan]


SPEC = spec_of(GATE_PLAN, "team:harbor", {"python", "deltalake"})
