"""Secrets of a home, generated once and readable by their owner only: the key of the hashes, the token of `weir ui`."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from platform_assets.core.files import OTHERS
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode, WeirError

KEY_FILE = "hash.key"
TOKEN_FILE = "ui.token"
SIGNING_FILE = "signing.key"
MIN_CHARACTERS = 32
"""Of a secret in a file: a shorter one was cut off, or can be guessed."""
NEW_SECRET = {
    KEY_FILE: "to have a new one made (old and new hashes will differ)",
    TOKEN_FILE: "to have a new one made (open the new address that `weir ui` prints)",
    SIGNING_FILE: "to have a new one made (the models' signatures are then no longer valid: run `weir train`)",
}
"""What deleting the file does."""


class SecretError(WeirError):
    """A file of the home has no usable secret."""

    exit_code = ExitCode.SERVICE


def hash_key(settings: Settings) -> str:
    """The key of the hashes, from the settings, else from the home; constant for a home as long as its file is kept."""
    return settings.hash_key.get_secret_value() or _kept(settings.home / KEY_FILE)


def ui_token(settings: Settings) -> str:
    """The token that a browser or program shows to the servers of `weir ui`; another one once its file is deleted."""
    return _kept(settings.home / TOKEN_FILE)


def signing_key(settings: Settings) -> str:
    """The key that signs which model versions have passed their gates, from the settings, else from the home."""
    return settings.signing_key.get_secret_value() or _kept(settings.home / SIGNING_FILE)


def secret_problem(path: Path) -> str | None:
    """Why a file is no secret and what to do, in one sentence; None where it is one, or there is no file."""
    try:
        _read(path)
        is_open = bool(path.stat().st_mode & OTHERS)
    except FileNotFoundError:
        return None
    except SecretError as error:
        return str(error)
    return f"{path} can be read by other users; run chmod 600 on it." if is_open else None


def _kept(path: Path) -> str:
    """The secret in a file, which is made whole where it is missing: of two processes, one makes it."""
    with suppress(FileNotFoundError):
        return _read(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())  # else a power failure may leave an empty file under the name
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
    return _read(path)


def _read(path: Path) -> str:
    """The secret in a file. SecretError where it cannot be read, or is too short to be whole."""
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            raise
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SecretError(
            f"{path} cannot be read ({reason}); restore it, or delete it {NEW_SECRET[path.name]}."
        ) from None
    if len(secret) < MIN_CHARACTERS:
        raise SecretError(
            f"{path} is empty or cut off (it has fewer than {MIN_CHARACTERS} characters); restore it, or delete it "
            f"{NEW_SECRET[path.name]}."
        )
    return secret
