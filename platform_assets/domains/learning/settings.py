"""Settings of the learning loop (`settings.learning`)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platform_assets.core.sections import Section


class LearningSettings(Section):
    """How often models are looked at, and what starts a retraining."""

    model_config = SettingsConfigDict(env_prefix="WEIR_LEARNING_")

    window_hours: int = Field(
        24, ge=1, le=168, description="Hours of a window of monitoring; whole windows since 1970 are compared."
    )
    cooldown_hours: int = Field(
        24,
        ge=0,
        le=24 * 90,
        description="Hours after a retraining in which no trigger starts another one of the model.",
    )
    min_new_labels: int = Field(
        20,
        ge=1,
        le=1_000_000,
        description="Verdicts of people since the last fit that are reason enough for a retraining.",
    )
    compared_rows: int = Field(
        20_000, ge=100, le=5_000_000, description="Rows of a window, at most, that champion and challenger both score."
    )
    windows_a_step: int = Field(
        1, ge=1, le=60, description="Windows without a breach of a guard after which a challenger goes a step on."
    )
    cron: str = Field("40 * * * *", description="When the daemon evaluates the models (UTC).")
