"""All Dagster definitions, derived from the sources and domains without naming them."""

from typing import Any

import dagster as dg

from platform_assets.core.domain import domains, load, parts
from platform_assets.core.files import keep_private
from platform_assets.feature_store.assets import feature_store_assets
from platform_assets.ingest.raw import raw_assets
from platform_assets.ingest.sensors import sensors
from platform_assets.ingest.source_assets import source_assets
from platform_assets.ingest.streams.assets import stream_assets
from platform_assets.maintenance.compaction import compaction_assets
from platform_assets.maintenance.jobs import jobs
from platform_assets.maintenance.retention import retention_assets
from platform_assets.maintenance.schedules import schedules
from platform_assets.outputs.catalogue import catalogue_assets
from platform_assets.settings import Settings, load_settings
from platform_assets.training.models import model_assets


def build_defs(settings: Settings, **overrides: Any) -> dg.Definitions:
    """The code location for one home; `overrides` replace settings by name."""
    settings = settings.model_copy(update=overrides)
    return dg.Definitions(
        assets=[
            *raw_assets(settings),
            *stream_assets(settings),
            *source_assets(settings),
            *model_assets(settings),
            *feature_store_assets(settings),
            *(
                asset
                for domain in domains().values()
                for reference in domain.assets
                for asset in load(reference)(settings)
            ),
            *compaction_assets(settings),
            *catalogue_assets(settings),
            *retention_assets(settings),
        ],
        jobs=jobs(settings),
        sensors=sensors(settings),
        schedules=[
            *schedules(settings),
            *(schedule for _, domain_schedules in parts("schedules") for schedule in domain_schedules(settings)),
        ],
        # A process per step would import everything again, 14 CPU-seconds each.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    keep_private()
    return build_defs(load_settings())
