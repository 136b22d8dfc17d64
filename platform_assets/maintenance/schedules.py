"""Dagster schedules: polling, retraining, compaction and retention."""

from collections.abc import Sequence

import dagster as dg

from platform_assets.core.asset_specs import key_of
from platform_assets.ingest.listings import location_of
from platform_assets.maintenance.compaction import COMPACTION_KEY
from platform_assets.maintenance.retention import RETENTION_KEY
from platform_assets.settings import Settings, value_of
from platform_assets.training.models import keys_of_model, source_of
from platform_assets.training.sets import training_sets
from spark_jobs.registry import sources

COMPACTION_CRON = "0 4 * * *"
POLL_CRON = "*/5 * * * *"
RETENTION_CRON = "30 4 * * *"


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Polling and retraining by the settings, compaction and then retention every night (UTC)."""
    raws = [source.raw for source in sources().values() if source.raw is not None and source.raw.poller]
    polling = [
        _schedule(
            f"poll_{raw.poller.split('/')[-1]}",
            [key_of(raw.poller)],
            POLL_CRON,
            f"Fetches {raw.noun} into the raw location.",
        )
        for raw in raws
        if value_of(settings, raw.poll_setting)
    ]
    return [
        *polling,
        _retraining(settings),
        _schedule(
            "compact_tables", [COMPACTION_KEY], COMPACTION_CRON, "Puts the small files of settled hours together."
        ),
        _schedule(
            "carry_out_retention", [RETENTION_KEY], RETENTION_CRON, "Drops what is older than each table's retention."
        ),
    ]


def _retraining(settings: Settings) -> dg.ScheduleDefinition:
    """Retrains the models whose source has a location; others have nothing to score."""

    @dg.schedule(
        name="retrain_models",
        target=dg.AssetSelection.assets(*(key for name in training_sets() for key in keys_of_model(name))),
        cron_schedule=settings.retrain_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Fits the models again; a version serves only once it has passed its gate.",
    )
    def retrain_models(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        names = [name for name, training in training_sets().items() if location_of(settings, source_of(training).name)]
        if not names:
            return dg.SkipReason("No source has a location.")
        return dg.RunRequest(asset_selection=[key for name in names for key in keys_of_model(name)])

    return retrain_models


def _schedule(name: str, keys: Sequence[dg.AssetKey], cron: str, description: str) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=name,
        target=dg.AssetSelection.assets(*keys),
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
