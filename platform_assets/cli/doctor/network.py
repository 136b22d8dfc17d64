"""How checks reach other machines, each call within `SECONDS`."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

from platform_assets.cli.doctor.findings import State
from platform_assets.clients.aws import aws_refusal, url_without_secrets

SECONDS = 4
"""Timeout of one call; a whole check is given up a second later."""


def connect(url: str, default_port: int, subject: str, setting: str) -> tuple[State, str]:
    """Whether something listens at the host and port of a URL."""
    address = url_without_secrets(url)
    try:
        url_parts = urlsplit(url)
        socket.create_connection((url_parts.hostname or "", url_parts.port or default_port), SECONDS).close()
    except (OSError, ValueError):
        return "failed", f"{subject} at {address} cannot be reached; start it or correct {setting}."
    return "ok", f"{subject} at {address} can be reached."


def ask_aws(call: tuple[str, str, str, str], success: str, region: str, **arguments: Any) -> tuple[State, str]:
    """Whether a call (service, operation, subject of the sentence, IAM action) succeeds."""
    refusal = aws_refusal(*call, region, SECONDS, **arguments)
    return ("failed", refusal) if refusal else ("ok", f"{call[2]} {success}")
