"""How checks reach other machines, each call within `SECONDS`."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

from platform_assets.cli.doctor.findings import State
from platform_assets.clients.aws import aws_refusal, url_without_secrets

SECONDS = 4
"""Timeout of one call; a whole check is given up a second later."""


def connect(url: str, default_port: int, what: str, setting: str) -> tuple[State, str]:
    """Whether something listens at the host and port of a URL."""
    where = url_without_secrets(url)
    try:
        parts = urlsplit(url)
        socket.create_connection((parts.hostname or "", parts.port or default_port), SECONDS).close()
    except (OSError, ValueError):
        return "failed", f"{what} at {where} cannot be reached; start it or correct {setting}."
    return "ok", f"{what} at {where} can be reached."


def ask_aws(call: tuple[str, str, str, str], success: str, region: str, **arguments: Any) -> tuple[State, str]:
    """Whether a call (service, operation, subject of the sentence, IAM action) succeeds."""
    refusal = aws_refusal(*call, region, SECONDS, **arguments)
    return ("failed", refusal) if refusal else ("ok", f"{call[2]} {success}")
