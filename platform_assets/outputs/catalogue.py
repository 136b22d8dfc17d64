"""The asset exports/catalogue: registers the lake's tables in the AWS Glue database WEIR_GLUE_DATABASE, if it is set."""

from typing import Any

import dagster as dg

from platform_assets.clients import glue_catalogue as glue
from platform_assets.core.asset_groups import group_of
from platform_assets.core.asset_specs import key_of
from platform_assets.core.domain import pipelines
from platform_assets.core.staleness import steps
from platform_assets.settings import Settings

CATALOGUE_KEY = dg.AssetKey(["exports", "catalogue"])


def catalogue_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """exports/catalogue."""

    @dg.multi_asset(
        name="export_catalogue",
        specs=[
            dg.AssetSpec(
                CATALOGUE_KEY,
                deps=[key_of(key) for key in _goals()],  # after them, every table that a run writes exists
                description="The lake's tables in the AWS Glue catalogue, for Athena and Trino.",
                group_name=group_of("/".join(CATALOGUE_KEY.path)),
                kinds={"glue"},
                owners=["team:edge"],
            )
        ],
    )
    def export_catalogue(context: dg.AssetExecutionContext) -> Any:
        yield dg.MaterializeResult(asset_key=CATALOGUE_KEY, metadata=_register(settings))

    return [export_catalogue]


def _goals() -> list[str]:
    """The unpartitioned goals of all pipelines."""
    return sorted({goal for pipeline in pipelines().values() for goal in pipeline.goals} - steps().keys())


def _register(settings: Settings) -> dict[str, Any]:
    if not settings.glue_database:
        return {"database": "none: WEIR_GLUE_DATABASE is empty"}
    report = glue.register(settings)
    return {"database": settings.glue_database, **{name: list(names) for name, names in report.__dict__.items()}}
