"""Rotation: one actor behind many addresses of one /24 or one /64, each used for a handful of requests.

Sources: vendors' documentation of rotating proxies and of whole /24 and /64 assignments; OWASP Automated Threats on
distributed automation. Only the network shows it; each address alone looks like a visitor who left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator.actors import attacks
from simulator.payloads import probes, sqli, traversal, xss
from simulator.payloads.aim import Aim, Shot
from simulator.web import agents
from simulator.web.addresses import home_block, hosting_block
from simulator.web.families import Family
from simulator.web.stage import Client, Stage
from simulator.web.visits import visit

Deed = Callable[[Client, float, int], None]


@dataclass(frozen=True)
class Rotation:
    """How an actor rotates: the number of addresses, and the range of deeds of each."""

    addresses: int
    each: tuple[int, int]
    v6: bool = False
    one_agent: bool = False
    neighbors: int = 0
    """Harmless homes in the same network; with them the network is one of homes."""
    stack: str = "modern_tool"


def _rotate(stage: Stage, rotation: Rotation, deed: Deed) -> None:
    """Act through networks of many addresses; each address does a few deeds, then the next one continues."""
    rng = stage.rng
    for _ in range(stage.actors(1.4)):
        block, region = (home_block if rotation.neighbors else hosting_block)(rng, rotation.v6)
        stage.networks[block] = stage.family
        fixed = agents.desktop(rng)
        step = 0
        span = stage.end * rng.uniform(0.25, 0.9)
        begin = stage.burst_start(span)
        count = max(12, stage.volume(rotation.addresses))
        for at in sorted(begin + rng.random() * span for _ in range(count)):
            address = stage.addresses.within(rng, block)
            client = stage.client(
                address, region, fixed if rotation.one_agent else agents.browser(rng, 0.2), rotation.stack
            )
            for _ in range(rng.randrange(*rotation.each)):
                deed(client, at, step)
                step += 1
                at += rng.lognormvariate(1.2, 0.8)
        for at in stage.moments(rotation.neighbors):
            address = stage.addresses.within(rng, block)
            visit(stage, stage.client(address, region, agents.browser(rng), abusive=False), at)


def _scrape(stage: Stage) -> Deed:
    offset = stage.rng.randrange(1000)

    def deed(client: Client, at: float, step: int) -> None:
        product = stage.site.products[(offset + step) % len(stage.site.products)]
        stage.send(client, at, product.path, referer="https://www.google.com/" if stage.rng.random() < 0.5 else "")

    return deed


def scraping(stage: Stage) -> None:
    """The catalog, in order, six pages an address, from a rented /24."""
    _rotate(stage, Rotation(130, (3, 8)), _scrape(stage))


def scanning(stage: Stage) -> None:
    """Secrets and consoles, two or three paths an address, from a rented /24."""

    def deed(client: Client, at: float, step: int) -> None:
        path = stage.rng.choice((probes.secret(stage.rng), stage.rng.choice(probes.CONSOLES))).partition("?")[0]
        attacks.fire(stage, client, at, Shot(path), "scanner_probe", 0.1)

    _rotate(stage, Rotation(90, (1, 5), stack="tool"), deed)


def stuffing(stage: Stage) -> None:
    """Sign-ins, two an address, from a rented /24."""
    _rotate(stage, Rotation(110, (1, 4)), _stuff(stage))


def _stuff(stage: Stage) -> Deed:
    def deed(client: Client, at: float, step: int) -> None:
        rng, login = stage.rng, stage.site.style.login
        if rng.random() < 0.4:
            stage.send(client, at - 0.5, login)
        status = 302 if rng.random() < 0.01 else rng.choice((401, 401, 401, 403))
        stage.post(client, at, login, status=status, referer=stage.site.link(login), body=rng.randrange(58, 130))

    return deed


def stuffing_v6(stage: Stage) -> None:
    """The same from one /64, where addresses cost nothing."""
    _rotate(stage, Rotation(140, (1, 3), v6=True), _stuff(stage))


def probing_v6(stage: Stage) -> None:
    """Injection probes from one /64, one shot an address, one browser name throughout."""
    aim = Aim(stage.site, 0.1)
    shots = ((sqli.timed, "sqli"), (xss.mutations, "xss"), (traversal.overlong, "path_traversal"))

    def deed(client: Client, at: float, step: int) -> None:
        shoot, attack = stage.rng.choice(shots)
        if stage.rng.random() < 0.3:
            stage.send(client, at, aim.page(stage.rng))
        else:
            attacks.fire(stage, client, at, shoot(stage.rng, aim), attack)

    _rotate(stage, Rotation(90, (1, 4), v6=True, one_agent=True), deed)


def residential(stage: Stage) -> None:
    """A proxy network's exits in one /24 of homes, with a few true neighbors in it."""
    _rotate(stage, Rotation(70, (3, 9), neighbors=3, stack="browser"), _scrape(stage))


FAMILIES = (
    Family("rotation", "rotation_scraping", scraping, "rotating datacentre proxies: vendors' documentation; OWASP OAT-011", abuse_kind="rotation"),
    Family("rotation", "rotation_scanning", scanning, "GreyNoise: scanning from whole /24s", abuse_kind="rotation"),
    Family("rotation", "rotation_stuffing", stuffing, "Akamai: distributed credential stuffing", abuse_kind="rotation"),
    Family("rotation", "rotation_stuffing_v6", stuffing_v6, "RFC 6177 assignments; reports on /64 rotation", abuse_kind="rotation"),
    Family("rotation", "rotation_probing_v6", probing_v6, "reports on IPv6 rotation against per-address limits", held_out=True, abuse_kind="rotation"),
    Family("rotation", "rotation_residential", residential, "residential-proxy studies (Mi et al., IEEE S&P 2019)", held_out=True, abuse_kind="rotation"),
)  # fmt: skip
