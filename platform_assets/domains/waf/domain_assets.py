"""All assets of the domain."""

from __future__ import annotations

import dagster as dg

from platform_assets.domains.waf.assets import waf_assets
from platform_assets.domains.waf.exports import export_assets
from platform_assets.settings import Settings


def all_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Decisions, the plan, the IP sets, and what leaves for a database, metrics and alerts."""
    return [*waf_assets(settings), *export_assets(settings)]
