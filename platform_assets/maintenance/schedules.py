"""Dagster schedules: polling, compaction and retention. Those of domains are theirs, such as the evaluation of models."""

from collections.abc import Sequence

import dagster as dg

from platform_assets.core.asset_specs import key_of
from platform_assets.maintenance.compaction import COMPACTION_KEY
from platform_assets.maintenance.retention import RETENTION_KEY
from platform_assets.settings import Settings, value_of
from spark_jobs.registry import sources

COMPACTION_CRON = "0 4 * * *"
POLL_CRON = "*/5 * * * *"
RETENTION_CRON = "30 4 * * *"


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Polling by the settings, compaction and then retention every night (UTC)."""
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
