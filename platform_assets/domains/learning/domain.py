"""The domain `learning`: models are watched, retrained, proved, released and taken back."""

from __future__ import annotations

from platform_assets.core.domain import Domain
from platform_assets.domains.learning.tables import TABLES

DOMAIN = Domain(
    name="learning",
    meaning="Registered models are watched, retrained when there is reason, proved, released step by step and taken back.",
    tables=TABLES,
    commands={"model": "platform_assets.domains.learning.model_commands:model_app"},
)
