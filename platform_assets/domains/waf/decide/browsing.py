"""What a client's requests show of the people behind it: sessions of the site, and attacks that another site's page can cause.

A page anywhere on the web can make its visitors' browsers send requests here (GET, HEAD, POST), with the visitor's address and user
agent. Such requests prove nothing against somebody who was browsing the site. Pure; standard library only.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from platform_assets.domains.waf.decisions import Row, whole
from platform_assets.domains.waf.rulebook import Rules, Sessions
from spark_jobs.sources.cloudfront.patterns import NOT_ENCODED

ORDINARY_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
METHOD_CLASS = "protocol_abuse"
"""Attack class of requests whose method is unusual."""
PROBE_CLASS = "scanner_probe"
"""Attack class of requests whose path is what only scanners ask for, on most sites."""
SCRIPT_CLASS = "php_and_webshell"
FILE_METHODS = ("GET", "HEAD", "PUT", "DELETE")
"""What a program does that keeps a folder in step; who uses an uploaded script sends a query or a POST."""
PLAIN_PATH = re.compile(r"[\w./~-]+")
MIN_FOLDER_FILES = 5
"""Ordinary files that a client put into a folder, from which on it keeps its files there."""
_NOT_ENCODED = re.compile(NOT_ENCODED)
SESSION_LASTS = timedelta(hours=24)
"""A page may stay open for long; what was served before that shows no session."""
SERVED_SHARE = 0.9
"""Of a client's requests for paths that look like probes, those that the site serves, from which on it serves them to the client."""
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
    path: str = ""
    query: str = ""
    probability: float = 0.0

    @property
    def text(self) -> tuple[str, str]:
        """What it asks for."""
        return self.path, self.query

    @property
    def is_of_a_program(self) -> bool:
        """Whether no browser can be made to send it: a browser encodes these characters, wherever the address comes from."""
        return _NOT_ENCODED.search(self.path + self.query) is not None

    @property
    def is_probe(self) -> bool:
        """Whether nothing but its path makes it an attack."""
        return self.is_attack and self.attack_class == PROBE_CLASS and not self.has_query

    @property
    def is_file(self) -> bool:
        """Whether nothing but the name of a file makes it an attack."""
        is_name = self.attack_class in (PROBE_CLASS, SCRIPT_CLASS) and PLAIN_PATH.fullmatch(self.path) is not None
        return self.is_attack and is_name and not self.has_query and self.method in FILE_METHODS

    @property
    def is_operation(self) -> bool:
        """Whether nothing but the method makes it an attack: what a program of WebDAV does with files."""
        is_method = bool(self.method) and self.method not in ORDINARY_METHODS and self.attack_class == METHOD_CLASS
        return self.is_attack and is_method and not self.has_query

    @property
    def is_written(self) -> bool:
        return self.method == "PUT" and self.status is not None and 200 <= self.status <= 299

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
    foreign_hour_count: int = 0
    """Hours in which one of them came that was not the same as an earlier one."""
    stored_attack_count: int = 0
    """Of them, those that came from a page of the site which others were served too, and made the same requests from."""
    operation_count: int = 0
    """Attack requests of which nothing but the method is unusual."""
    own_name_count: int = 0
    """Attack requests of which nothing but the path is unusual, where this site serves it to ordinary clients or has it for this one."""
    own_file_count: int = 0
    """Attack requests for files among others that the client put into a folder."""

    @property
    def foreign_attack_count(self) -> int:
        return whole(self.foreign.get("request_count"))


@dataclass(frozen=True)
class CertainAttacks:
    """The attack requests of an address that nothing excuses, whatever else it asks for."""

    request_ids: tuple[str, ...]
    session_count: int
    """People who seem to be behind the address: user agents and cookies with a session of the site."""


def browsing_agents(requests: Iterable[SeenRequest]) -> int:
    """How many user agents of a client browsed the site."""
    requests = list(requests)
    hosts = _own_hosts(requests)
    counts = Counter(request.user_agent for request in requests if _is_browsing(request, hosts))
    return sum(count >= BROWSING_REQUESTS for count in counts.values())


def own_files(requests: Iterable[SeenRequest]) -> list[SeenRequest]:
    """The attack requests for files in folders into which the same user agent put more files that look like none.

    A program that keeps a folder in step puts .php and .sql files there as it does photos.
    """
    ordinary: dict[tuple[str | None, str], set[str]] = defaultdict(set)
    odd: dict[tuple[str | None, str], set[str]] = defaultdict(set)
    found: dict[tuple[str | None, str], list[SeenRequest]] = defaultdict(list)
    for request in requests:
        folder = request.user_agent, request.path.rpartition("/")[0]
        if request.is_file:
            found[folder].append(request)
        if request.is_written and (request.is_file or not request.is_attack):
            (odd if request.is_file else ordinary)[folder].add(request.path)
    return [
        request
        for folder, requests_of_folder in found.items()
        if len(ordinary[folder]) >= max(MIN_FOLDER_FILES, len(odd[folder]))
        for request in requests_of_folder
    ]


def own_paths(requests: Iterable[SeenRequest], rules: Rules) -> frozenset[str]:
    """The paths that look like probes and that the site has for a client: few, and what it asks for of them is served.

    The owner of a shop and a program that fetches its export ask for the same few again and again. Who looks for what a site
    has asks for many, also where every path is answered with a page. What is sent (POST) may use such a path, and excuses nothing.
    `requests`: of two days, so that few a day are not few.
    """
    probes = [request for request in requests if request.is_probe]
    served = [request for request in probes if request.is_served]
    is_few = len({request.path for request in probes}) < rules.block.min_attack_requests
    is_served = len(served) >= SERVED_SHARE * len(probes)
    return frozenset(request.path for request in served) if is_few and is_served else frozenset()


class _Session:
    """What a user agent was served from pages of the site in the last 24 hours, in order of time."""

    def __init__(self) -> None:
        self._requests: deque[SeenRequest] = deque()
        self._counts: Counter[tuple[bool, str | None]] = Counter()
        """Whether it is an asset, and the cookie; of no cookie, all."""
        self._on_both: set[str] = set()
        """Cookies of pages and assets alike."""

    def add(self, request: SeenRequest) -> None:
        self._requests.append(request)
        self._count(request, 1)

    def holds(self, at: datetime, sessions: Sessions) -> bool:
        """Whether it is a session: pages and their assets, with the same cookie on both, over a while."""
        while self._requests and self._requests[0].event_at <= at - SESSION_LASTS:
            self._count(self._requests.popleft(), -1)
        lasted = at - self._requests[0].event_at if self._requests else timedelta()
        is_enough = self._counts[False, None] >= sessions.min_pages and self._counts[True, None] >= sessions.min_assets
        return is_enough and bool(self._on_both) and lasted >= timedelta(seconds=sessions.min_seconds)

    def _count(self, request: SeenRequest, change: int) -> None:
        self._counts[request.is_asset, None] += change
        if request.cookie:
            self._counts[request.is_asset, request.cookie] += change
            is_on_both = all(self._counts[is_asset, request.cookie] > 0 for is_asset in (False, True))
            (self._on_both.add if is_on_both else self._on_both.discard)(request.cookie)


def foreign_attacks(
    requests: Iterable[SeenRequest],
    sessions: Sessions,
    stored: Collection[tuple[tuple[str, str], str]] = (),
    earlier: Iterable[SeenRequest] = (),
) -> list[SeenRequest]:
    """An address's attack requests that a page of somebody else can have caused in a session of the site, oldest first.

    They are GETs and HEADs without referer or with that of another site, and POSTs with that of another site, by a user
    agent whose session had begun before: it had been served pages and their assets from pages of the site, with the same
    cookie on both. And GETs of `stored` (what they ask for, and the page of the site that they come from), by a user agent
    that had been served that page and is served assets as a browser is: somebody put the address into a page of the site.
    What no browser sends is neither. `earlier`: requests of the day before, in which a session may have begun.
    """
    ordered = sorted(requests, key=lambda request: (request.event_at, request.request_id))
    before = sorted(earlier, key=lambda request: (request.event_at, request.request_id))
    hosts = _own_hosts([*before, *ordered])
    assets = Counter(request.user_agent for request in ordered if request.is_asset and _is_browsing(request, hosts))
    of_agent: dict[str | None, _Session] = defaultdict(_Session)
    pages: set[tuple[str | None, str]] = set()
    found: list[SeenRequest] = []
    for number, request in enumerate([*before, *ordered]):
        if request.is_attack:
            is_stored = (
                (request.text, page_of(request.referer)) in stored
                and (request.user_agent, page_of(request.referer)) in pages
                and assets[request.user_agent] >= sessions.min_assets
            )
            if number < len(before) or request.is_of_a_program:
                continue
            if is_stored or (
                _can_be_foreign(request, hosts) and of_agent[request.user_agent].holds(request.event_at, sessions)
            ):
                found.append(request)
            continue
        if request.is_served and request.user_agent:
            pages.add((request.user_agent, _page(request)))
        if _is_browsing(request, hosts):
            of_agent[request.user_agent].add(request)
    return found


def pages_served(requests: Iterable[SeenRequest]) -> set[tuple[str, str]]:
    """User agents and the pages that they were served, as `page_of` names them."""
    ordinary = (request for request in requests if request.is_served and not request.is_attack)
    return {(request.user_agent, _page(request)) for request in ordinary if request.user_agent}


def _page(request: SeenRequest) -> str:
    return f"{(request.host or '').lower()}{request.path}"


@lru_cache(maxsize=1 << 14)
def page_of(referer: str | None) -> str:
    """Host and path of the page that a referer names."""
    try:
        parts = urlsplit(referer or "")
        return f"{(parts.hostname or '').lower()}{parts.path}"
    except ValueError:
        return ""


def can_be_stored(request: SeenRequest) -> bool:
    """Whether a page of the site can have caused an attack request, if somebody stored its address in it."""
    is_own = bool(request.host) and _host_of(request.referer) == (request.host or "").lower()
    return request.is_attack and request.method == "GET" and is_own


def first_hours(requests: Iterable[SeenRequest]) -> int:
    """Hours in which a request came that asks for something new; a page that stays open asks for the same again."""
    first: dict[tuple[str, str], str] = {}
    for request in requests:
        first.setdefault(request.text, f"{request.event_at:%d%H}")
    return len(set(first.values()))


def certain_attacks(
    requests: Iterable[SeenRequest], caused_by_others: Collection[str], own_names: Collection[str], rules: Rules
) -> CertainAttacks:
    """The attack requests of an address that count however much else it asks for. `caused_by_others`: ids of those that others can cause.

    Paths that scanners ask for count once each where they are few, since a program repeats the one that it is set to, and not
    at all where they are `own_names` of the site. People type odd things into forms: those of a user agent with a session
    count from `rules.foreign_pages.many_requests` on.
    """
    requests = list(requests)
    sessions = _sessions(requests, rules.sessions)
    by_agent: dict[str | None, list[SeenRequest]] = defaultdict(list)
    for request in requests:
        is_certain = request.is_attack and request.probability >= rules.certain_attacks.min_probability
        is_own = request.is_probe and request.path in own_names
        if is_certain and not (request.is_operation or is_own or request.request_id in caused_by_others):
            by_agent[request.user_agent].append(request)
    in_session = {agent for agent, _ in sessions}
    found: list[SeenRequest] = []
    for agent, attacks in by_agent.items():
        probes = {request.path: request for request in attacks if request.is_probe}
        if len(probes) < rules.block.min_attack_requests:
            attacks = [request for request in attacks if not request.is_probe] + list(probes.values())
        if agent not in in_session or len(attacks) >= rules.foreign_pages.many_requests:
            found += attacks
    return CertainAttacks(tuple(request.request_id for request in found), len(sessions))


def lone_attacks(
    requests: Iterable[SeenRequest], caused_by_others: Collection[str], own_names: Collection[str], rules: Rules
) -> list[SeenRequest]:
    """The attack requests of an address that count by themselves: those of user agents that neither have a session nor browse.

    People search for code and paste odd things; what a page of somebody else can cause, a program of WebDAV does, or this
    site serves by that name is none. Nor is what was served from a page of the site: addresses of pages, which their assets
    carry as referer, hold odd texts of campaigns.
    """
    requests = list(requests)
    hosts = _own_hosts(requests)
    browsed = Counter(request.user_agent for request in requests if _is_browsing(request, hosts))
    people = {agent for agent, count in browsed.items() if count >= BROWSING_REQUESTS}
    people |= {agent for agent, _ in _sessions(requests, rules.sessions)}
    files = {request.request_id for request in own_files(requests)}
    return [
        request
        for request in requests
        if request.is_attack
        and request.probability >= rules.lone_attacks.count_probability
        and request.user_agent not in people
        and not request.is_operation
        and not (request.is_served and _host_of(request.referer) == (request.host or "").lower() != "")
        and not (request.is_probe and request.path in own_names)
        and request.request_id not in caused_by_others
        and request.request_id not in files
    ]


def _sessions(requests: Iterable[SeenRequest], sessions: Sessions) -> set[tuple[str | None, str]]:
    """User agents and cookies that were served pages and their assets from pages of the site."""
    requests = list(requests)
    hosts = _own_hosts(requests)
    served = Counter(
        (request.user_agent, request.cookie, request.is_asset)
        for request in requests
        if request.cookie and _is_browsing(request, hosts)
    )
    return {
        (agent, cookie)
        for agent, cookie, is_asset in served
        if cookie
        and not is_asset
        and served[agent, cookie, False] >= sessions.min_pages
        and served[agent, cookie, True] >= sessions.min_assets
    }


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


@lru_cache(maxsize=1 << 14)
def _host_of(referer: str | None) -> str:
    """The host of a referer; empty where there is none."""
    try:
        return (urlsplit(referer or "").hostname or "").lower()
    except ValueError:
        return ""  # what a client sends may be no URL
