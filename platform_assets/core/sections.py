"""A section of the settings: what one domain or one source adds to them. Read from the environment by settings.py alone."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class Section(BaseSettings):
    """Frozen values, each an environment variable: the section's prefix and the field, or the alias that a field names."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False, validate_by_name=True)

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Field -> its environment variable."""
        prefix = str(cls.model_config.get("env_prefix", ""))
        fields = cls.model_fields.items()
        return {name: str(field.validation_alias or f"{prefix}{name.upper()}") for name, field in fields}
