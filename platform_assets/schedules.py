"""What happens by the clock: retraining, compaction and retention."""

from collections.abc import Sequence

import dagster as dg

from platform_assets.automation import key_of
from platform_assets.compaction import COMPACTION_KEY
from platform_assets.models import MODELS
from platform_assets.polling import CLOUDWATCH_KEY
from platform_assets.retention import RETENTION_KEY
from platform_assets.settings import Settings

COMPACTION_CRON = "0 4 * * *"
POLL_CRON = "*/5 * * * *"
RETENTION_CRON = "30 4 * * *"


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Polling and retraining when the settings say, compaction and then retention every night (UTC)."""
    training = [key for name, table in MODELS.items() for key in (key_of(table.key), dg.AssetKey(["models", name]))]
    polling = [
        _schedule(
            "poll_cloudwatch", [key_of(CLOUDWATCH_KEY)], POLL_CRON, "Fetches the metrics of clusters from CloudWatch."
        )
    ]
    return [
        *(polling if settings.cloudwatch_poll else []),
        _schedule(
            "retrain_models",
            training,
            settings.retrain_cron,
            "Fits both models again; a version serves only once it has passed its gate.",
        ),
        _schedule(
            "compact_tables", [COMPACTION_KEY], COMPACTION_CRON, "Puts the small files of settled hours together."
        ),
        _schedule(
            "carry_out_retention", [RETENTION_KEY], RETENTION_CRON, "Drops what is older than each table's retention."
        ),
    ]


def _schedule(name: str, keys: Sequence[dg.AssetKey], cron: str, description: str) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=name,
        target=dg.AssetSelection.assets(*keys),
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
