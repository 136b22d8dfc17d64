"""Encodings of clients: browsers, libraries, curl, and evasions of attackers.

The encoding of the log is in `simulator/web/cloudfront.py`.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from collections.abc import Callable
from random import Random
from urllib.parse import quote, quote_plus

Wire = Callable[[Random, str], str]

_BROWSER_SAFE = "!$%&()*+,-./:;=?@[\\]^_`{|}~"


def browser(rng: Random, text: str) -> str:
    """As the address bar does: blanks, quotes and angle brackets only (WHATWG URL, query percent-encode set)."""
    return quote(text, safe=_BROWSER_SAFE.replace("%", "").replace("&", "")).replace("&", "%26")


def library(rng: Random, text: str) -> str:
    return quote(text, safe="")


def form(rng: Random, text: str) -> str:
    return quote_plus(text)


def curl(rng: Random, text: str) -> str:
    """Only characters that would break the request line are encoded."""
    return text.replace("%", "%25").replace(" ", rng.choice(("%20", "+"))).replace("#", "%23").replace("\n", "%0a").replace("\t", "%09")


def raw(rng: Random, text: str) -> str:
    """The payload brings its own encoding; only blanks and line ends are replaced."""
    return text.replace(" ", "%20").replace("\n", "%0A").replace("\t", "%09").replace("#", "%23")


def twice(rng: Random, text: str) -> str:
    return quote(quote(text, safe=""), safe="")


def lower_hex(rng: Random, text: str) -> str:
    return "".join(f"%{byte:02x}" if not chr(byte).isalnum() else chr(byte) for byte in text.encode())


def everything(rng: Random, text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def scattered(rng: Random, text: str) -> str:
    """Random characters encoded, in either case of hex."""
    return "".join((f"%{byte:02X}" if rng.random() < 0.5 else f"%{byte:02x}") if rng.random() < 0.45 or byte <= 32 or chr(byte) in "#&%" or byte > 126 else chr(byte) for byte in text.encode())


def iis_unicode(rng: Random, text: str) -> str:
    """%uXXXX, which IIS and some firewalls decode."""
    return "".join(character if character.isalnum() or character in "-_." else f"%u{ord(character):04x}" for character in text)


def fullwidth(rng: Random, text: str) -> str:
    """Full-width look-alikes that some databases and frameworks fold to ASCII."""
    return quote("".join(chr(ord(character) + 0xFEE0) if character in "<>'\"=()/;" else character for character in text), safe="")


def mixed_case(rng: Random, text: str) -> str:
    return "".join(character.upper() if rng.random() < 0.5 else character.lower() for character in text)
