"""What a client's requests show of the people behind it: sessions of the site, and attacks that another site's page can cause.

A page anywhere on the web can make its visitors' browsers send requests here (GET, HEAD, POST), with the visitor's address and user
agent. Such requests prove nothing against somebody who was browsing the site. Pure; standard library only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from platform_assets.domains.waf.decisions import Row, whole
from platform_assets.domains.waf.rulebook import Sessions

ORDINARY_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
METHOD_CLASS = "protocol_abuse"
"""Attack class of requests whose method is unusual."""
BROWSING_REQUESTS = 3
"""Served requests over the site's own pages from which on a user agent browses."""


class SeenRequest(NamedTuple):
    """One request of a client, as far as it says who caused it."""

    event_at: datetime
    request_id: str
    method: str | None
    status: int | None
    host: str | None
    referer: str | None
    user_agent: str | None
    cookie: str | None
    is_asset: bool
    is_attack: bool
    has_query: bool = False
    attack_class: str | None = None

    @property
    def is_operation(self) -> bool:
        """Whether nothing but the method makes it an attack: what a program of WebDAV does with files."""
        is_method = bool(self.method) and self.method not in ORDINARY_METHODS and self.attack_class == METHOD_CLASS
        return self.is_attack and is_method and not self.has_query

    @property
    def is_served(self) -> bool:
        return self.method == "GET" and self.status is not None and (200 <= self.status <= 299 or self.status == 304)


@dataclass(frozen=True)
class Browsing:
    """What the requests of a client's 24 hours show."""

    browsing_agent_count: int = 0
    """User agents that browsed the site: several served requests that came from pages of its own."""
    foreign: Row = field(default_factory=dict)
    """Sums of client_hourly over the attack requests that a page of another site can have caused in a session."""
    operation_count: int = 0
    """Attack requests of which nothing but the method is unusual."""

    @property
    def foreign_attack_count(self) -> int:
        return whole(self.foreign.get("request_count"))


def browsing_agents(requests: Iterable[SeenRequest]) -> int:
    """How many user agents of a client browsed the site."""
    requests = list(requests)
    hosts = _own_hosts(requests)
    counts = Counter(request.user_agent for request in requests if _is_browsing(request, hosts))
    return sum(count >= BROWSING_REQUESTS for count in counts.values())


def foreign_attacks(requests: Iterable[SeenRequest], sessions: Sessions) -> list[str]:
    """Ids of an address's attack requests that a page of another site can have caused in a session of the site.

    They are GETs and HEADs without referer or with that of another site, and POSTs with that of another site, by a user
    agent whose session had begun before: it had been served pages and their assets from pages of the site, with the same
    cookie on both.
    """
    ordered = sorted(requests, key=lambda request: (request.event_at, request.request_id))
    hosts = _own_hosts(ordered)
    served: Counter[tuple[str | None, bool]] = Counter()
    cookies: dict[tuple[str | None, bool], set[str]] = defaultdict(set)
    ids = []
    for request in ordered:
        page, asset = (request.user_agent, False), (request.user_agent, True)
        if request.is_attack:
            has_session = (
                served[page] >= sessions.min_pages
                and served[asset] >= sessions.min_assets
                and not cookies[page].isdisjoint(cookies[asset])
            )
            if has_session and _can_be_foreign(request, hosts):
                ids.append(request.request_id)
        elif _is_browsing(request, hosts):
            kind = asset if request.is_asset else page
            served[kind] += 1
            if request.cookie:
                cookies[kind].add(request.cookie)
    return ids


def _own_hosts(requests: Iterable[SeenRequest]) -> frozenset[str]:
    """The hosts of the site that served the client something."""
    ordinary = (request for request in requests if request.is_served and not request.is_attack)
    return frozenset(request.host.lower() for request in ordinary if request.host)


def _is_browsing(request: SeenRequest, hosts: frozenset[str]) -> bool:
    """Whether the request was served and came from a page of the site."""
    is_ordinary = request.is_served and not request.is_attack and bool(request.user_agent)
    return is_ordinary and _host_of(request.referer) in hosts


def _can_be_foreign(request: SeenRequest, hosts: frozenset[str]) -> bool:
    """Whether a page of another site can have caused a request: an image, a form, a fetch without CORS.

    Browsers may leave out the referer; a POST without one is more often a program's.
    """
    referring_host = _host_of(request.referer)
    is_read = request.method in ("GET", "HEAD")
    return referring_host not in hosts and (is_read or (request.method == "POST" and referring_host != ""))


def _host_of(referer: str | None) -> str:
    """The host of a referer; empty where there is none."""
    try:
        return (urlsplit(referer or "").hostname or "").lower()
    except ValueError:
        return ""  # what a client sends may be no URL
