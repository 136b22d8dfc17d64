"""Secrets of a home, generated once and readable by their owner only: the key of the hashes, the token of `weir ui`."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from platform_assets.settings import Settings

KEY_FILE = "hash.key"
TOKEN_FILE = "ui.token"
SIGNING_FILE = "signing.key"


def hash_key(settings: Settings) -> str:
    """The key of the hashes, from the settings, else from the home; constant for a home as long as its file is kept."""
    return settings.hash_key.get_secret_value() or _kept(settings.home / KEY_FILE)


def ui_token(settings: Settings) -> str:
    """The token that a browser or program shows to the servers of `weir ui`; another one once its file is deleted."""
    return _kept(settings.home / TOKEN_FILE)


def signing_key(settings: Settings) -> str:
    """The key that signs which model versions have passed their gates, from the settings, else from the home."""
    return settings.signing_key.get_secret_value() or _kept(settings.home / SIGNING_FILE)


def _kept(path: Path) -> str:
    """The secret in a file, which is made whole where it is missing: of two processes, one makes it."""
    with suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(32))
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
    return path.read_text(encoding="utf-8").strip()
