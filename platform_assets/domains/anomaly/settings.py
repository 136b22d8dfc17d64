"""Settings of anomalies (`settings.anomaly`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platform_assets.core.sections import Section
from platform_assets.domains.anomaly.tables import ANOMALY_SCORES

if TYPE_CHECKING:
    from platform_assets.settings import Settings


class AnomalySettings(Section):
    """How many alarms people want."""

    model_config = SettingsConfigDict(env_prefix="WEIR_ANOMALY_")

    alarms_per_week: float = Field(
        0.0,
        ge=0.0,
        le=100.0,
        multiple_of=0.25,
        description="Alarms a week that a cluster may raise, in steps of .25; fewer are rarer events. 0: as the model was fitted (3). Another budget scores all steps anew.",
    )


def made_with(settings: Settings) -> Mapping[str, str]:
    """The budget of alarms that scores are made with; empty for that of the model."""
    budget = settings.anomaly.alarms_per_week
    return {ANOMALY_SCORES.key: f"alarms_per_week={budget:g}" if budget else ""}
