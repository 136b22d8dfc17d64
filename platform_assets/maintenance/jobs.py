"""Jobs on Dagster's pages: one for each pipeline, by its name, one that trains, one that keeps house.

They are what a person launches; the command line and the sensors make whatever is due stage by stage (core/scheduler.py).
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from platform_assets.core.asset_specs import key_of
from platform_assets.core.domain import Pipeline, pipelines
from platform_assets.core.scheduler import MODEL_LAYERS, not_polled
from platform_assets.maintenance.compaction import COMPACTION_KEY
from platform_assets.maintenance.retention import RETENTION_KEY
from platform_assets.settings import Settings
from platform_assets.training.models import keys_of_model
from platform_assets.training.sets import training_sets

TRAIN, HOUSEKEEPING = "train", "housekeeping"


def jobs(settings: Settings) -> list[Any]:
    """The jobs `edge`, `scaling`, `anomaly` and those of other pipelines, `train` and `housekeeping`."""
    models = [key for name in training_sets() for key in keys_of_model(name)]
    return [
        *(_pipeline_job(settings, pipeline) for pipeline in pipelines().values()),
        dg.define_asset_job(
            TRAIN,
            dg.AssetSelection.assets(*models),
            description="Fits all models; a version serves only once it has passed its gate.",
        ),
        dg.define_asset_job(
            HOUSEKEEPING,
            dg.AssetSelection.assets(COMPACTION_KEY, RETENTION_KEY),
            description="Puts small files together and drops what is older than its retention, now instead of at night.",
        ),
    ]


def _pipeline_job(settings: Settings, pipeline: Pipeline) -> Any:
    upstream = (
        dg.AssetSelection.assets(*map(key_of, pipeline.goals))
        .upstream()
        .required_multi_asset_neighbors()
        .materializable()
    )
    models = dg.AssetSelection.key_prefixes(*sorted(MODEL_LAYERS))
    left_out = dg.AssetSelection.assets(*map(key_of, sorted(not_polled(settings))))
    return dg.define_asset_job(
        pipeline.name,
        upstream - models - left_out,
        description=f"Makes chosen partitions of everything behind `weir run {pipeline.name}` anew, with the models that serve.",
    )
