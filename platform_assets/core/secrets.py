"""The key of the hashes: from the settings, else generated once into the home, readable by its owner only."""

from __future__ import annotations

import os
import secrets

from platform_assets.settings import Settings

KEY_FILE = "hash.key"


def hash_key(settings: Settings) -> str:
    """The key; constant for a home as long as its file is kept."""
    configured = settings.hash_key.get_secret_value()
    if configured:
        return configured
    path = settings.home / KEY_FILE
    if not path.exists():
        settings.home.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text(encoding="utf-8").strip()
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(32))
    return path.read_text(encoding="utf-8").strip()
