"""Settings of the tides."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platform_assets.core.sections import Section


class TidesSettings(Section):
    """Tide gauges."""

    model_config = SettingsConfigDict(env_prefix="WEIR_TIDES_")

    raw: str = Field("", description="Folder of the tide files.")
