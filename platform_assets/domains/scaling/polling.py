"""The asset `raw/metrics/cloudwatch`, which polls CloudWatch; cloudwatch.py does the work."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from platform_assets.core.asset_groups import group_of
from platform_assets.core.asset_specs import key_of
from platform_assets.domains.scaling.cloudwatch import poll
from platform_assets.settings import Settings
from spark_jobs.registry import sources

CLOUDWATCH_KEY = "raw/metrics/cloudwatch"


def polling_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """raw/metrics/cloudwatch."""

    @dg.multi_asset(
        name="metrics_cloudwatch",
        specs=[
            dg.AssetSpec(
                key_of(CLOUDWATCH_KEY),
                description="Asks CloudWatch for the complete periods since the last poll and writes them to the raw location of metrics, one file a poll.",
                group_name=group_of(CLOUDWATCH_KEY),
                kinds={"cloudwatch"},
                owners=[sources()["metrics"].owner],
            )
        ],
    )
    def cloudwatch(context: dg.AssetExecutionContext) -> Any:
        yield dg.MaterializeResult(asset_key=key_of(CLOUDWATCH_KEY), metadata=poll(settings, datetime.now(UTC)))

    return [cloudwatch]


def aws_services(settings: Settings) -> list[str]:
    """Names of the AWS services that the domain uses with these settings."""
    return ["CloudWatch"] if settings.metrics.poll else []
