"""The domain `learning`: models are watched, retrained, proved, released and taken back."""

from __future__ import annotations

from platform_assets.core.domain import Domain
from platform_assets.domains.learning.tables import TABLES

DOMAIN = Domain(
    name="learning",
    meaning="Registered models are watched, retrained when there is reason, proved, released step by step and taken back.",
    tables=TABLES,
    assets=("platform_assets.domains.learning.assets:learning_assets",),
    schedules="platform_assets.domains.learning.assets:learning_schedules",
    settings={"learning": "platform_assets.domains.learning.settings:LearningSettings"},
    demo="platform_assets.domains.learning.demo:DEMO",
    commands={
        "model": "platform_assets.domains.learning.model_commands:model_app",
        "learning": "platform_assets.domains.learning.commands:learning_app",
        "feedback": "platform_assets.domains.learning.commands:feedback_app",
    },
)
