"""What attackers of all kinds have in common: shots, harmless requests in between, a pace, a user agent.

Payloads and paths are in `payloads/`, the attackers in the other modules.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from simulator.payloads.aim import Shot
from simulator.web import agents, tracking
from simulator.web.stage import Client, Options, Stage
from simulator.web.visits import session_cookie

Gap = Callable[[Random], float]


def hammering(rng: Random) -> float:
    """A tool with many threads: tens of requests a second."""
    return rng.expovariate(18.0)


def brisk(rng: Random) -> float:
    """A tool with one thread or a polite setting."""
    return rng.lognormvariate(-0.9, 0.5)


def measured(rng: Random) -> float:
    """A delay set to stay below rate limits: some seconds, with jitter."""
    return 3.0 + rng.expovariate(0.25)


def by_hand(rng: Random) -> float:
    """A person who reads, thinks and types, with a break now and then."""
    return rng.lognormvariate(3.0, 0.8) + (rng.uniform(600, 2400) if rng.random() < 0.02 else 0)


def dripping(rng: Random) -> float:
    """Minutes apart."""
    return rng.lognormvariate(5.3, 0.6)


def fire(
    stage: Stage, client: Client, at: float, shot: Shot, attack: str, defended: float = 0.22, **overrides: str
) -> int:
    """Send a shot. Other defenses of the site answer some (403), a few break the application (500)."""
    rng = stage.rng
    status = shot.status
    if not status:
        luck = rng.random()
        status = 403 if luck < defended else (500 if luck < defended + 0.02 else 0)
    referer = shot.referer
    if client.cookie and not referer and rng.random() < 0.6:
        referer = stage.site.link(rng.choice(("/", stage.site.product(rng).path)))
    host = overrides.get("host", "") or (stage.site.api if shot.on_api else "")
    options: Options = {"agent": shot.agent or overrides.get("agent", ""), "host": host, "referer": referer}
    options |= {"method": shot.method, "status": status, "attack": attack, "body": shot.body}
    return stage.send(client, at, shot.path, shot.query, **options)


def look_around(stage: Stage, client: Client, at: float, requests: int, gap: Gap, like_browser: bool = False) -> float:
    """Requests that anybody might make: pages, a search, robots.txt; with pictures in a browser. Returns the end."""
    rng, site = stage.rng, stage.site
    if like_browser and not client.cookie:
        client.cookie = session_cookie(stage)
    page = ""
    for _ in range(requests):
        draw = rng.random()
        product = site.product(rng)
        if draw < 0.3:
            path, query = "/", ""
        elif draw < 0.8:
            path, query = (product.path if draw < 0.6 else site.category(rng)), ""
        else:
            path, query = site.search(product.slug.split("-")[-1]) if draw < 0.9 else ("/robots.txt", "")
        referer = page or (rng.choice(tracking.SEARCH_REFERERS) if like_browser and rng.random() < 0.4 else "")
        stage.send(client, at, path, query, referer=referer)
        if like_browser:
            page = site.link(path, query)
            stage.load(client, at + 0.3, site.scripts[: rng.randrange(0, 7)], page)
            stage.load(client, at + 0.5, product.images[: rng.randrange(0, 4)], page)
        at += gap(rng)
    return at


def any_agent(rng: Random) -> str:
    """The user agent of a script: a current browser, an outdated one, a library, none."""
    draw = rng.random()
    if draw < 0.42:
        return agents.desktop(rng)
    if draw < 0.6:
        return agents.old_browser(rng)
    if draw < 0.92:
        return agents.library(rng)
    return "" if draw < 0.96 else "Mozilla/5.0"
