"""Slow and low: attackers that make about two requests an hour over the whole time, below every rate limit.

OWASP Automated Threats: evasion by pace (OAT-014, OAT-008, OAT-011 alike). Rate rules never match.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from simulator.actors import attacks
from simulator.payloads import fetching, php, probes, sqli, templates, traversal, xss
from simulator.payloads.aim import Aim, Shot
from simulator.web import agents
from simulator.web.families import Family
from simulator.web.stage import Client, Stage

Deed = Callable[[Stage, Client, float], None]


def _persist(
    stage: Stage, a_day: float, deed: Deed, *, every: float = 1800.0, harmless: float = 0.2, browser: bool = True
) -> None:
    """This many clients, each with a deed about twice an hour from start to end, some requests harmless."""
    rng = stage.rng
    for _ in range(max(1, round(a_day * max(0.3, stage.scale)))):
        agent = agents.desktop(rng) if browser or rng.random() < 0.3 else attacks.any_agent(rng)
        client = stage.suspect(agent, "browser" if browser else "tool")
        pace = every * rng.uniform(0.7, 1.5)
        at = rng.random() * min(pace, stage.end)
        while at < stage.end:
            if rng.random() < harmless:
                attacks.look_around(stage, client, at, 1, attacks.brisk, browser and rng.random() < 0.4)
            else:
                deed(stage, client, at)
            at += pace * rng.lognormvariate(-0.1, 0.5)


def injection(stage: Stage) -> None:
    """One SQL probe, half an hour, the next, on the same few parameters."""
    aim = Aim(stage.site, 0.05)

    def deed(stage: Stage, client: Client, at: float) -> None:
        attacks.fire(stage, client, at, stage.rng.choice((sqli.by_hand, sqli.commented))(stage.rng, aim), "sqli")

    _persist(stage, 5, deed)


def paths(stage: Stage) -> None:
    """One path of a word list at a time, under a browser's name."""

    def deed(stage: Stage, client: Client, at: float) -> None:
        rng = stage.rng
        path = rng.choice((probes.secret(rng), rng.choice(probes.CONSOLES), rng.choice(probes.REPOSITORIES)))
        attacks.fire(stage, client, at, Shot(path.partition("?")[0]), "scanner_probe")

    _persist(stage, 5, deed, browser=False)


def sign_ins(stage: Stage) -> None:
    """One name and password every half hour; the whole list takes months."""

    def deed(stage: Stage, client: Client, at: float) -> None:
        rng, site = stage.rng, stage.site
        login = site.style.login
        stage.send(client, at, login, referer=site.link("/") if rng.random() < 0.4 else "")
        status = 302 if rng.random() < 0.008 else 401
        stage.post(client, at + 2, login, status=status, referer=site.link(login), body=rng.randrange(58, 130))

    _persist(stage, 5, deed, harmless=0.1)


def catalogue(stage: Stage) -> None:
    """One product after the other in the order of their numbers, at any hour."""
    numbers = itertools.count(stage.rng.randrange(1000) + 1)

    def deed(stage: Stage, client: Client, at: float) -> None:
        stage.send(client, at, stage.site.products[next(numbers) % len(stage.site.products)].path)

    _persist(stage, 4, deed, every=1300.0, harmless=0.0)


def mixed(stage: Stage) -> None:
    """One person's project: a class of attack today, another one tomorrow, without haste."""
    aim = Aim(stage.site, 0.1)
    shots = (
        (xss.script_addresses, "xss"), (xss.mutations, "xss"), (traversal.overlong, "path_traversal"),
        (templates.embedded, "template_injection"), (sqli.nosql, "sqli"), (fetching.disguises, "xxe_and_ssrf"),
    )  # fmt: skip

    def deed(stage: Stage, client: Client, at: float) -> None:
        shoot, attack = stage.rng.choice(shots)
        attacks.fire(stage, client, at, shoot(stage.rng, aim), attack)

    _persist(stage, 5, deed, harmless=0.35)


def shells(stage: Stage) -> None:
    """Looks for a shell left behind, each time under another name of a library."""
    aim = Aim(stage.site, 1.0)

    def deed(stage: Stage, client: Client, at: float) -> None:
        shot = stage.rng.choice((php.evaluated, php.settings))(stage.rng, aim)
        attacks.fire(stage, client, at, shot, "php_and_webshell", agent=agents.library(stage.rng))

    _persist(stage, 4, deed, browser=False, harmless=0.1)


FAMILIES = (
    Family("slow_and_low", "slow_injection", injection, "sqlmap --delay; OWASP Testing Guide on pacing", abuse_kind="slow_and_low"),
    Family("slow_and_low", "slow_paths", paths, "GreyNoise: persistent low-rate scanners", abuse_kind="slow_and_low"),
    Family("slow_and_low", "slow_sign_ins", sign_ins, "Akamai: low-and-slow credential stuffing", abuse_kind="slow_and_low"),
    Family("slow_and_low", "slow_catalogue", catalogue, "OWASP OAT-011, low rate", abuse_kind="slow_and_low"),
    Family("slow_and_low", "slow_mixed", mixed, "bug-bounty hunters' habits as programmes describe them", held_out=True, abuse_kind="slow_and_low"),
    Family("slow_and_low", "slow_shells", shells, "web-shell check-ins in incident reports", held_out=True, abuse_kind="slow_and_low"),
)  # fmt: skip
