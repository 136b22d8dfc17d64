"""The environment of an actor: clock, random generator, addresses, and `send`, which records a request.

No behavior of an actor is here. A request is a plain tuple (see `Row`) because there are many; `responses.py` completes
them all at once.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import accumulate
from random import Random
from typing import NamedTuple, TypedDict, Unpack

from simulator.web import agents
from simulator.web.addresses import ABROAD, CARRIERS, EDGES, HOMES, Addresses
from simulator.web.cloudfront import ABSENT
from simulator.web.connections import PLAIN, STACKS, Connection
from simulator.web.families import Family
from simulator.web.site import Page, Site

HOUR = 3600.0

SHOPPING_HOURS = (16, 11, 8, 7, 8, 12, 22, 38, 55, 66, 72, 75, 78, 74, 70, 70, 73, 80, 92, 100, 98, 84, 58, 32)
"""Relative volume by UTC hour of a shop whose visitors are mostly European, some American."""

OFFICE_HOURS = (1, 1, 1, 1, 1, 3, 20, 70, 95, 100, 95, 60, 85, 95, 90, 75, 40, 12, 5, 3, 2, 1, 1, 1)

ALL_HOURS = (1,) * 24


@dataclass(slots=True, eq=False)
class Client:
    """One client: address, edge location, user agent, connection."""

    address: str
    edge: str
    agent: str
    connection: Connection
    rtt: float
    """Seconds to the edge and back."""
    port: int
    """The offset of its ports."""
    cookie: str = ""
    forwarded: str = ABSENT
    """x-forwarded-for: added by proxies, forged by some attackers."""
    hides_referer: bool = False

    def variant(self, agent: str = "", plain_http: bool = False) -> Client:
        """Another client, or the same one without TLS, at the same address."""
        connection = PLAIN if plain_http else self.connection
        return replace(self, agent=agent or self.agent, connection=connection, cookie="")


class Row(NamedTuple):
    """A request as sent, with the answer of the site."""

    at: float
    """Seconds after the start."""
    client: Client
    family: Family
    attack: str
    """Attack class, empty for other requests."""
    method: str
    host: str
    path: str
    query: str
    referer: str
    agent: str
    cookie: str
    page: Page
    status: int
    size: int
    body: int
    byte_range: tuple[int, int] | None = None
    """First and last byte, of a 206."""
    wait: float = 0.0


class Options(TypedDict, total=False):
    """Optional parts of a request. `status` and `size` overrule the site; an attack class marks an attack."""

    method: str
    host: str
    referer: str
    agent: str
    cookie: str
    status: int
    size: int
    body: int
    attack: str
    byte_range: tuple[int, int]
    """First and last byte that the client requests; the status is then 206 unless another is given."""
    wait: float
    """Seconds that the origin keeps the request open."""


@dataclass
class Stage:
    """The world of one simulation, used by one family after the other."""

    seed: int
    hours: int
    scale: float
    start: datetime
    site: Site
    addresses: Addresses
    rows: list[Row] = field(default_factory=list)
    truths: dict[str, tuple[Family, bool]] = field(default_factory=dict)
    """By address: its family, and whether it abuses."""
    networks: dict[str, Family] = field(default_factory=dict)
    """Rotating networks."""

    def __post_init__(self) -> None:
        self.start_hour = self.start.hour
        self.rng = self.lasting = Random(self.seed)
        self.family: Family = None  # type: ignore[assignment]
        self.end = self.hours * HOUR
        self.days = self.hours / 24

    def play(self, family: Family) -> None:
        """Let a family act; its requests depend on seed, start and its name, not on earlier families.

        `lasting` draws what is the same in later runs of the same world: addresses of offices, partners, monitors.
        """
        self.family = family
        self.rng = Random(f"{self.seed}:{self.start:%Y%m%d%H}:{family.name}")
        self.lasting = Random(f"{self.seed}:{family.name}")
        family.play(self)

    # Counts and times

    def crowd(self, at_full_scale: int, curve: tuple[int, ...] = SHOPPING_HOURS) -> int:
        """The part of a crowd of this daily size that comes in the simulated hours; at least one."""
        share = sum(curve[(self.start_hour + hour) % 24] for hour in range(self.hours)) / sum(curve)
        return max(1, round(at_full_scale * self.scale * share))

    def actors(self, a_day: float) -> int:
        """The number of separate actors of a kind with this many a day; at least one."""
        return max(1, round(a_day * self.scale * self.days))

    def volume(self, requests: int) -> int:
        """The length of a burst: shorter in a small or short world, so that one scanner does not dominate."""
        return max(4, round(requests * math.sqrt(min(1.0, self.scale) * min(1.0, self.days))))

    def moments(self, count: int, curve: tuple[int, ...] = SHOPPING_HOURS) -> list[float]:
        """Times in order, as dense as the curve at their hour."""
        sums = list(accumulate(curve[(self.start_hour + hour) % 24] for hour in range(self.hours)))
        draw = self.rng.random
        return sorted((bisect(sums, draw() * sums[-1]) + draw()) * HOUR for _ in range(count))

    def burst_start(self, seconds: float) -> float:
        """The start of a burst of this length; it ends before the simulation does if possible."""
        return self.rng.random() * max(HOUR / 2, self.end - seconds)

    def ticks(self, every_seconds: float, jitter: float = 0.0) -> list[float]:
        """Regular times from start to end, as of a timer."""
        at = self.rng.random() * every_seconds
        times = []
        while at < self.end:
            times.append(at + self.rng.uniform(-jitter, jitter))
            at += every_seconds
        return times

    # Clients

    def shopper(self, phone_share: float = 0.55) -> Client:
        """A person with a browser, at home or on a phone."""
        rng = self.rng
        on_phone = rng.random() < phone_share
        among = CARRIERS if on_phone and rng.random() < 0.35 else HOMES
        address, region = self.addresses.home(rng, 0.28, among)
        client = self.client(address, region, agents.phone(rng) if on_phone else agents.desktop(rng))
        if rng.random() < 0.02:
            lan, vpn = (
                f"192.168.{rng.randrange(3)}.{rng.randrange(2, 255)}",
                f"10.0.{rng.randrange(9)}.{rng.randrange(1, 255)}",
            )
            client.forwarded = rng.choice((lan, vpn, "127.0.0.1", "unknown"))
        client.hides_referer = rng.random() < 0.05
        return client

    def server(self, agent: str, stack: str = "tool", v6_share: float = 0.12, lasting: bool = False) -> Client:
        """A rented machine."""
        return self.client(*self.addresses.hosting(self.lasting if lasting else self.rng, v6_share), agent, stack)

    def compromised_home(self, agent: str, stack: str = "tool") -> Client:
        """A router, camera or computer at home under foreign control."""
        return self.client(*self.addresses.home(self.rng, 0.08, ABROAD + HOMES), agent, stack)

    def suspect(self, agent: str, stack: str = "tool") -> Client:
        """An attacker's client: a rented machine or a home; some forge x-forwarded-for."""
        rng = self.rng
        client = self.server(agent, stack) if rng.random() < 0.62 else self.compromised_home(agent, stack)
        if rng.random() < 0.05:
            lan = f"10.0.{rng.randrange(9)}.{rng.randrange(1, 255)}"
            client.forwarded = rng.choice(("127.0.0.1", "localhost:8080", "8.8.8.8", lan))
        return client

    def client(
        self, address: str, region: str, agent: str, stack: str = "browser", abusive: bool | None = None
    ) -> Client:
        """A client at that address; `stack` is how its software speaks TLS and HTTP."""
        rng = self.rng
        if address not in self.truths:
            abuses = self.family.abuse_kind is not None if abusive is None else abusive
            self.truths[address] = (self.family, abuses)
        rtt = min(0.6, rng.lognormvariate(-3.4, 0.6))
        return Client(address, rng.choice(EDGES[region]), agent, STACKS[stack](rng), rtt, rng.randrange(1 << 30))

    # Requests

    def send(self, client: Client, at: float, path: str, query: str = "", **options: Unpack[Options]) -> int:
        """Record a request; returns the status of the response."""
        if not 0 <= at < self.end:
            return 200
        method, host = options.get("method", "GET"), options.get("host") or self.site.www
        page = self.site.answer(host, method, path)
        status, size = options.get("status", 0), options.get("size", -1)
        if client.connection.tls == ABSENT:
            status, size = (301 if method in ("GET", "HEAD") else 307), 167
        byte_range = options.get("byte_range")
        if byte_range and not status and page.status == 200:
            status, size = 206, byte_range[1] - byte_range[0] + 1
        status = status or page.status
        referer = "" if client.hides_referer else options.get("referer", "")
        agent, cookie = options.get("agent") or client.agent, options.get("cookie", client.cookie)
        attack, body = options.get("attack", ""), options.get("body", 0)
        row = Row(
            at,
            client,
            self.family,
            attack,
            method,
            host,
            path,
            query,
            referer,
            agent,
            cookie,
            page,
            status,
            size,
            body,
            byte_range,
            options.get("wait", 0.0),
        )
        self.rows.append(row)
        return status

    def post(self, client: Client, at: float, path: str, query: str = "", **options: Unpack[Options]) -> int:
        return self.send(client, at, path, query, method="POST", **options)  # type: ignore[misc]  # no method twice

    def call(self, client: Client, at: float, path: str, query: str = "", **options: Unpack[Options]) -> int:
        """A request to the API."""
        return self.send(client, at, path, query, host=self.site.api, **options)  # type: ignore[misc]  # no host twice

    def load(self, client: Client, at: float, assets: Iterable[tuple[str, str]], referer: str = "") -> None:
        """Requests of assets, by path and query, all at once."""
        for path, query in assets:
            self.send(client, at, path, query, referer=referer)
