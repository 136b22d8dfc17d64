"""The URI of MLflow: whether it can be reached, its SQLite file, and how it is shown without a password."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from urllib.parse import unquote_plus, urlsplit

CONNECT_TIMEOUT_SECONDS = 5.0


class TrackingError(RuntimeError):
    """MLflow cannot be reached or does not hold what was asked for; the message says what to do."""

    exit_code = 5


def without_password(uri: str, text: str = "") -> str:
    """The URI, or a text that contains it, without user, password and the values of its query."""
    shown = text or uri
    address, _, query = uri.partition("?")
    user, at, _ = address.partition("://")[2].rpartition("@")
    if at:
        shown = shown.replace(f"{user}@", "***@")
    values = {value for _, mark, value in (item.partition("=") for item in re.split("[&;#]", query)) if mark and value}
    for value in sorted(values, key=len, reverse=True):
        for form in (value, unquote_plus(value)):
            shown = shown.replace(f"={form}", "=***")
    return shown


def sqlite_file(uri: str) -> Path | None:
    """The database file of a SQLite URI."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def check_reachable(uri: str) -> None:
    """TrackingError where nothing answers: MLflow itself would retry for minutes."""
    database = sqlite_file(uri)
    if database is not None:
        try:
            database.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrackingError(
                f"the MLflow database {database} cannot be created ({error.strerror}): point WEIR_MLFLOW_URI at a "
                "writable folder, as sqlite:///<path>/mlflow.db"
            ) from error
        return
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), CONNECT_TIMEOUT_SECONDS).close()
    except OSError as error:
        raise TrackingError(
            f"MLflow at {without_password(uri)} does not answer ({error}): start the tracking server, or point WEIR_MLFLOW_URI "
            "at the right one or at a file, as sqlite:///<path>/mlflow.db"
        ) from error
