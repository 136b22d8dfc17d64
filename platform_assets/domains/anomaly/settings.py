"""Settings of anomalies (`settings.anomaly`)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platform_assets.core.sections import Section


class AnomalySettings(Section):
    """How many alarms people want."""

    model_config = SettingsConfigDict(env_prefix="WEIR_ANOMALY_")

    alarms_per_week: float = Field(
        0.0,
        ge=0.0,
        le=100.0,
        multiple_of=0.25,
        description="Alarms a week that a cluster may raise, in steps of .25; fewer are rarer events. 0: as the model was fitted (3). Holds for steps scored from then on.",
    )
