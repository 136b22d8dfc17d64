"""All assets of the domain, and the AWS services that it uses."""

from __future__ import annotations

import dagster as dg

from platform_assets.domains.scaling.assets import scaling_assets
from platform_assets.domains.scaling.polling import polling_assets
from platform_assets.settings import Settings


def all_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The poller of CloudWatch, forecasts, the plan and the sizes."""
    return [*polling_assets(settings), *scaling_assets(settings)]


def aws_services(settings: Settings) -> list[str]:
    """Names of the services that the settings make the domain use."""
    return ["CloudWatch"] if settings.metrics.poll else []
