"""How software connects: HTTP version, TLS, cipher, and whether one connection serves several requests.

CloudFront prefers AES-128; browsers speak HTTP/2 and 3, tools mostly HTTP/1.1, old machines what they can.
`stage.py` and the actors choose among them.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from simulator.web.cloudfront import ABSENT


class Connection(NamedTuple):
    """Fields of the log; and `is_kept`: whether further requests use the same connection, and so the same port."""

    version: str
    tls: str
    cipher: str
    is_kept: bool


PLAIN = Connection("HTTP/1.1", ABSENT, ABSENT, False)
"""Without TLS: the edge answers with a redirect."""

_OLDER = "ECDHE-RSA-AES128-GCM-SHA256"
_NEWER = "TLS_AES_128_GCM_SHA256"


def _browser(rng: Random) -> Connection:
    pick = rng.random()
    if pick < 0.27:
        return Connection("HTTP/3.0", "TLSv1.3", _NEWER, True)
    if pick < 0.93:
        return Connection("HTTP/2.0", "TLSv1.3", _NEWER if pick < 0.85 else "TLS_CHACHA20_POLY1305_SHA256", True)
    return Connection("HTTP/2.0" if pick < 0.97 else "HTTP/1.1", "TLSv1.2", _OLDER, True)


def _tool(rng: Random) -> Connection:
    if rng.random() < 0.6:
        return Connection(
            "HTTP/1.1", "TLSv1.3", _NEWER if rng.random() < 0.9 else "TLS_AES_256_GCM_SHA384", rng.random() < 0.5
        )
    return Connection(
        "HTTP/1.1", "TLSv1.2", _OLDER if rng.random() < 0.9 else "ECDHE-RSA-AES256-GCM-SHA384", rng.random() < 0.5
    )


def _modern_tool(rng: Random) -> Connection:
    return Connection("HTTP/2.0" if rng.random() < 0.8 else "HTTP/1.1", "TLSv1.3", _NEWER, True)


def _old(rng: Random) -> Connection:
    version = "HTTP/1.1" if rng.random() < 0.7 else "HTTP/1.0"
    ciphers = ("ECDHE-RSA-AES128-SHA256", "AES128-SHA", "ECDHE-RSA-AES256-SHA")
    return Connection(version, "TLSv1.2" if rng.random() < 0.5 else "TLSv1.1", rng.choice(ciphers), False)


def _plain(rng: Random) -> Connection:
    return PLAIN if rng.random() < 0.7 else PLAIN._replace(version="HTTP/1.0")


STACKS: dict[str, Callable[[Random], Connection]] = {
    "browser": _browser, "tool": _tool, "modern_tool": _modern_tool, "old": _old, "plain": _plain,
}  # fmt: skip
"""Kind of software -> its connections."""
