"""The asset exports/catalogue: the lake's tables in AWS Glue, where WEIR_GLUE_DATABASE names a database. Asset only.

What Glue is told, and how, is in clients/glue_catalogue.py.
"""

from typing import Any

import dagster as dg

from platform_assets.clients import glue_catalogue as glue
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
                deps=[key_of(key) for key in _goals()],  # after them every table that a run writes is there
                description="The lake's tables in the AWS Glue catalogue, for Athena and Trino.",
                group_name="exports",
                kinds={"glue"},
                owners=["team:edge"],
            )
        ],
    )
    def export_catalogue(context: dg.AssetExecutionContext) -> Any:
        yield dg.MaterializeResult(asset_key=CATALOGUE_KEY, metadata=_registered(settings))

    return [export_catalogue]


def _goals() -> list[str]:
    """What the pipelines end in, hours left out."""
    return sorted({goal for pipeline in pipelines().values() for goal in pipeline.goals} - steps().keys())


def _registered(settings: Settings) -> dict[str, Any]:
    if not settings.glue_database:
        return {"database": "none: WEIR_GLUE_DATABASE is empty"}
    report = glue.register(settings)
    return {"database": settings.glue_database, **{name: list(names) for name, names in report.__dict__.items()}}
