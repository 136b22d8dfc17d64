"""What happens by the clock: retraining, compaction and retention."""

import dagster as dg

from platform_assets.automation import key_of
from platform_assets.compaction import COMPACTION_KEY
from platform_assets.models import MODELS
from platform_assets.retention import RETENTION_KEY
from platform_assets.settings import Settings

COMPACTION_CRON = "0 4 * * *"
RETENTION_CRON = "30 4 * * *"


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Retraining when the settings say, compaction and then retention every night (UTC)."""
    training = [key for name, table in MODELS.items() for key in (key_of(table.key), dg.AssetKey(["models", name]))]
    return [
        dg.ScheduleDefinition(
            name="retrain_models",
            target=dg.AssetSelection.assets(*training),
            cron_schedule=settings.retrain_cron,
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Fits both models again; a version serves only once it has passed its gate.",
        ),
        dg.ScheduleDefinition(
            name="compact_tables",
            target=dg.AssetSelection.assets(COMPACTION_KEY),
            cron_schedule=COMPACTION_CRON,
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Puts the small files of settled hours together.",
        ),
        dg.ScheduleDefinition(
            name="carry_out_retention",
            target=dg.AssetSelection.assets(RETENTION_KEY),
            cron_schedule=RETENTION_CRON,
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Drops what is older than each table's retention.",
        ),
    ]
