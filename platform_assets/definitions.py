"""Everything Dagster knows, in one place."""

from typing import Any

import dagster as dg

from platform_assets.anomaly.assets import anomaly_assets
from platform_assets.catalogue import catalogue_assets
from platform_assets.compaction import compaction_assets
from platform_assets.domains.scaling.assets import scaling_assets
from platform_assets.domains.waf.assets import waf_assets
from platform_assets.exports import export_assets
from platform_assets.feature_store.assets import feature_group_asset
from platform_assets.feature_store.groups import INFRASTRUCTURE_METRICS
from platform_assets.lake import source_assets
from platform_assets.models import model_assets
from platform_assets.polling import polling_assets
from platform_assets.raw import raw_assets
from platform_assets.retention import retention_assets
from platform_assets.schedules import schedules
from platform_assets.sensors import sensors
from platform_assets.settings import Settings, load_settings
from spark_jobs.sources.metrics.tables import CLUSTER_FEATURES


def build_defs(settings: Settings, **overrides: Any) -> dg.Definitions:
    """The code location for one home; `overrides` replace settings by name."""
    settings = settings.model_copy(update=overrides)
    return dg.Definitions(
        assets=[
            *raw_assets(settings),
            *polling_assets(settings),
            *source_assets(settings),
            *model_assets(settings),
            *anomaly_assets(settings),
            feature_group_asset(settings, INFRASTRUCTURE_METRICS, CLUSTER_FEATURES),
            *waf_assets(settings),
            *scaling_assets(settings),
            *export_assets(settings),
            *compaction_assets(settings),
            *catalogue_assets(settings),
            *retention_assets(settings),
        ],
        sensors=sensors(settings),
        schedules=schedules(settings),
        # A step in a process of its own imports everything anew: 14 CPU-seconds each.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build_defs(load_settings())
