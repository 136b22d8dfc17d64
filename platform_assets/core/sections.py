"""A section of the settings, declared by a domain or a source. Only settings.py reads it from the environment."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class Section(BaseSettings):
    """Frozen values, each from an environment variable: the section's prefix and the field, or the field's alias."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False, validate_by_name=True)

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Field -> its environment variable."""
        prefix = str(cls.model_config.get("env_prefix", ""))
        fields = cls.model_fields.items()
        return {name: str(field.validation_alias or f"{prefix}{name.upper()}") for name, field in fields}
