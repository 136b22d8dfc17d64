"""What an actor works with: a clock, a random generator of its own, addresses, and `send`, which notes a request.

Holds no behaviour of any actor. A request is a plain tuple (see `Row`), for there are many; the edge completes them all
at once in `responses.py`.
"""

from __future__ import annotations

import math
from bisect import bisect
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import accumulate
from random import Random
from typing import NamedTuple

from simulator.web import agents
from simulator.web.addresses import ABROAD, CARRIERS, EDGES, HOMES, Addresses, hosting_block
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
    """One connection end: its address, the edge it reaches, what it says it is, how it connects."""

    address: str
    edge: str
    agent: str
    connection: Connection
    rtt: float
    """Seconds to the edge and back."""
    port: int
    """Where its ports are counted from."""
    cookie: str = ""
    forwarded: str = ABSENT
    """x-forwarded-for: what proxies add and liars claim."""
    hides_referer: bool = False

    def variant(self, agent: str = "", plain_http: bool = False) -> Client:
        """Somebody else, or the same without TLS, at the same address."""
        connection = PLAIN if plain_http else self.connection
        return replace(self, agent=agent or self.agent, connection=connection, cookie="")


class Row(NamedTuple):
    """A request as its sender made it and as the site answered it."""

    at: float
    """Seconds after the start."""
    client: Client
    family: Family
    attack: str
    """Attack class, empty for a request that is none."""
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


@dataclass
class Stage:
    """The world during one simulation, lent to one family after the other."""

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
        """Let a family act; what it does depends on seed, start and its name, not on who acted before.

        `lasting` is for what a later run of the same world must find again: addresses of offices, partners, monitors.
        """
        self.family = family
        self.rng = Random(f"{self.seed}:{self.start:%Y%m%d%H}:{family.name}")
        self.lasting = Random(f"{self.seed}:{family.name}")
        family.play(self)

    # How many, and when

    def crowd(self, at_full_scale: int, curve: tuple[int, ...] = SHOPPING_HOURS) -> int:
        """How many of a crowd that counts so many a day come during the hours simulated; never none."""
        share = sum(curve[(self.start_hour + hour) % 24] for hour in range(self.hours)) / sum(curve)
        return max(1, round(at_full_scale * self.scale * share))

    def actors(self, a_day: float) -> int:
        """How many separate actors of a kind that has so many a day; never none."""
        return max(1, round(a_day * self.scale * self.days))

    def volume(self, requests: int) -> int:
        """How long a burst is: shorter in a small or short world, so that a test does not drown in one scanner."""
        return max(4, round(requests * math.sqrt(min(1.0, self.scale) * min(1.0, self.days))))

    def moments(self, count: int, curve: tuple[int, ...] = SHOPPING_HOURS) -> list[float]:
        """So many moments, in order, as dense as the curve at their hour."""
        sums = list(accumulate(curve[(self.start_hour + hour) % 24] for hour in range(self.hours)))
        draw = self.rng.random
        return sorted((bisect(sums, draw() * sums[-1]) + draw()) * HOUR for _ in range(count))

    def burst_start(self, seconds: float) -> float:
        """When a burst of that length begins, so that it ends before the world does where it can."""
        return self.rng.random() * max(HOUR / 2, self.end - seconds)

    def ticks(self, every_seconds: float, jitter: float = 0.0) -> list[float]:
        """Regular moments from start to end, as timers make them."""
        at = self.rng.random() * every_seconds
        found = []
        while at < self.end:
            found.append(at + self.rng.uniform(-jitter, jitter))
            at += every_seconds
        return found

    # Who

    def shopper(self, phone_share: float = 0.55) -> Client:
        """Somebody at home or on the road with a browser."""
        rng = self.rng
        on_phone = rng.random() < phone_share
        among = CARRIERS if on_phone and rng.random() < 0.35 else HOMES
        address, region = self.addresses.home(rng, 0.28, among)
        client = self.client(address, region, agents.phone(rng) if on_phone else agents.desktop(rng))
        if rng.random() < 0.02:
            local = (
                f"192.168.{rng.randrange(3)}.{rng.randrange(2, 255)}",
                f"10.0.{rng.randrange(9)}.{rng.randrange(1, 255)}",
            )
            client.forwarded = rng.choice((*local, "127.0.0.1", "unknown"))
        client.hides_referer = rng.random() < 0.05
        return client

    def server(self, agent: str, stack: str = "tool", v6_share: float = 0.12, lasting: bool = False) -> Client:
        """A rented machine."""
        return self.client(*self.addresses.hosting(self.lasting if lasting else self.rng, v6_share), agent, stack)

    def compromised_home(self, agent: str, stack: str = "tool") -> Client:
        """A router, camera or computer at home that somebody else uses."""
        return self.client(*self.addresses.home(self.rng, 0.08, ABROAD + HOMES), agent, stack)

    def suspect(self, agent: str, stack: str = "tool") -> Client:
        """Where attackers connect from: rented machines, now and then homes. Some claim to come from elsewhere."""
        rng = self.rng
        client = self.server(agent, stack) if rng.random() < 0.62 else self.compromised_home(agent, stack)
        if rng.random() < 0.05:
            client.forwarded = rng.choice(
                ("127.0.0.1", "localhost:8080", "8.8.8.8", f"10.0.{rng.randrange(9)}.{rng.randrange(1, 255)}")
            )
        return client

    def block(self, v6: bool = False) -> tuple[str, str]:
        """A /24 or /64 of one hosting customer, and its region."""
        return hosting_block(self.rng, v6)

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

    # What

    def send(
        self,
        client: Client,
        at: float,
        path: str,
        query: str = "",
        *,
        method: str = "GET",
        referer: str = "",
        status: int = 0,
        attack: str = "",
        agent: str = "",
        host: str = "",
        cookie: str | None = None,
        body: int = 0,
        size: int = -1,
    ) -> int:
        """Note a request; returns the status that the site answers with. `status` and `size` overrule the site."""
        if not 0 <= at < self.end:
            return 200
        host = host or self.site.www
        page = self.site.answer(host, method, path)
        if client.connection.tls == ABSENT:
            status, size = (301 if method in ("GET", "HEAD") else 307), 167
        status = status or page.status
        if client.hides_referer:
            referer = ""
        self.rows.append(
            Row(
                at,
                client,
                self.family,
                attack,
                method,
                host,
                path,
                query,
                referer,
                agent or client.agent,
                client.cookie if cookie is None else cookie,
                page,
                status,
                size,
                body,
            )
        )
        return status
