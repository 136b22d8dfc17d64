"""Where a text stands in a request, and how its client encodes it; the surroundings are the same for both labels."""

from __future__ import annotations

import random
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from benchmarks.requests.render import AGENTS, PLACES, REFERERS, SHOP, Wire

FOLDERS = ("", "/blog", "/static", "/de/shop", "/api/v2/files", "/download", "/media/2026", "/docs/guide", "/images")
NAMES = (
    "q",
    "id",
    "file",
    "page",
    "name",
    "url",
    "lang",
    "data",
    "filter",
    "query",
    "text",
    "view",
    "s",
    "input",
    "ref",
)
EXTRAS = (
    "page=2",
    "sort=price",
    "utm_source=newsletter",
    "lang=en",
    "limit=20",
    "v=1719",
    "tab=reviews",
    "session=off",
)
URL_CHARACTERS = "!$&'()*+,/:;=?@[]|{}\\^`%~"


def sent(text: str) -> str:
    """Encode only what a request line cannot hold."""
    return quote(text, safe=URL_CHARACTERS)


def encoded(rng: random.Random, text: str) -> str:
    """A value as one of three kinds of client encodes it: whole, as a form, or only what would break the query."""
    how = rng.choice((_whole, quote_plus, _sparse))
    return how(text)


def _whole(text: str) -> str:
    return quote(text, safe="")


def _sparse(text: str) -> str:
    return quote(text, safe="!$'()*,/:;?@[]|{}\\^`~=")


def _surrounded(rng: random.Random, query: str) -> str:
    extras = rng.sample(EXTRAS, rng.choice((0, 0, 1, 2)))
    extras.insert(rng.randint(0, len(extras)), query)
    return "&".join(extras)


def _target(rng: random.Random) -> tuple[str, str]:
    path, name = rng.choice(PLACES)
    return path, rng.choice((name, rng.choice(NAMES)))


def in_value(rng: random.Random, text: str, is_wire: bool) -> Wire:
    """The value of a parameter."""
    path, name = _target(rng)
    value = sent(text) if is_wire else encoded(rng, text)
    return Wire("GET", path, _surrounded(rng, f"{name}={value}"), rng.choice(AGENTS), rng.choice(REFERERS), value)


def as_query(rng: random.Random, text: str, is_wire: bool) -> Wire:
    """Parameters with their names: the text is `name=value&…`, with its own encoding or that of a browser."""
    query = sent(text) if is_wire else quote(text, safe="=&+!$'()*,/:;?@[]")
    return Wire("GET", _target(rng)[0], _surrounded(rng, query), rng.choice(AGENTS), rng.choice(REFERERS), query)


def as_name(rng: random.Random, text: str, is_wire: bool) -> Wire:
    """A query without a name, or the name of a parameter."""
    query = (sent(text) if is_wire else _whole(text)) + rng.choice(("", "", "=", "=1"))
    return Wire("GET", _target(rng)[0], _surrounded(rng, query), rng.choice(AGENTS), rng.choice(REFERERS), query)


def in_path(rng: random.Random, text: str, is_wire: bool) -> Wire:
    """The end of the path."""
    part = sent(text).replace("?", "%3F") if is_wire else quote(text, safe="/:@!$&'()*+,;=~")
    query = _surrounded(rng, rng.choice(EXTRAS)) if rng.random() < 0.2 else None
    path = f"{rng.choice(FOLDERS)}/{part.removeprefix('/')}"
    return Wire("GET", path, query, rng.choice(AGENTS), rng.choice(REFERERS), part)


def in_agent(rng: random.Random, text: str, is_wire: bool) -> Wire:
    """The user agent, alone or after that of a browser."""
    agent = text if rng.random() < 0.5 else f"{rng.choice(AGENTS)} {text}"
    return Wire("GET", _target(rng)[0], None, agent, rng.choice(REFERERS), text)


def in_referer(rng: random.Random, text: str, is_wire: bool) -> Wire:
    """A parameter of the referring page."""
    path, name = _target(rng)
    value = sent(text) if is_wire else encoded(rng, text)
    return Wire("GET", path, None, rng.choice(AGENTS), f"{SHOP.rstrip('/')}{path}?{name}={value}", value)


PLACERS: dict[str, Callable[[random.Random, str, bool], Wire]] = {
    "v": in_value, "q": as_query, "n": as_name, "p": in_path, "a": in_agent, "r": in_referer,
}  # fmt: skip
"""Letter of a place -> the request with the text there."""
