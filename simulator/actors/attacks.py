"""How attackers of all kinds go about it: fire a shot, look around in between, keep a pace.

Which payloads and paths they have is in `payloads/`; who they are, in `actors/`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from simulator.payloads.aim import Shot
from simulator.web import agents, tracking
from simulator.web.stage import Client, Stage
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
    """A person who reads, thinks and types; now and then a coffee."""
    return rng.lognormvariate(3.0, 0.8) + (rng.uniform(600, 2400) if rng.random() < 0.02 else 0)


def dripping(rng: Random) -> float:
    """Minutes apart."""
    return rng.lognormvariate(5.3, 0.6)


def fire(
    stage: Stage, client: Client, at: float, shot: Shot, attack: str, defended: float = 0.22, **overrides: str
) -> int:
    """Send a shot. Some are answered by what else defends the site (403), a few break the application (500)."""
    rng = stage.rng
    status = shot.status
    if not status:
        luck = rng.random()
        status = 403 if luck < defended else (500 if luck < defended + 0.02 else 0)
    referer = shot.referer or overrides.get("referer", "")
    if client.cookie and not referer and rng.random() < 0.6:
        referer = stage.site.link(rng.choice(("/", stage.site.product(rng).path)))
    return stage.send(
        client,
        at,
        shot.path,
        shot.query,
        method=shot.method,
        referer=referer,
        agent=shot.agent or overrides.get("agent", ""),
        status=status,
        attack=attack,
        body=shot.body,
        host=overrides.get("host", "") or (stage.site.api if shot.on_api else ""),
    )


def look_around(stage: Stage, client: Client, at: float, requests: int, gap: Gap, like_browser: bool = False) -> float:
    """Requests that anybody might make: pages, a search, robots.txt; with pictures where a browser is at work."""
    rng, site = stage.rng, stage.site
    if like_browser and not client.cookie:
        client.cookie = session_cookie(stage)
    here = ""
    for _ in range(requests):
        draw = rng.random()
        product = site.product(rng)
        path, query = (
            ("/", "")
            if draw < 0.3
            else (
                (product.path, "")
                if draw < 0.6
                else (site.category(rng), "")
                if draw < 0.8
                else (site.search(product.slug.split("-")[-1]))
                if draw < 0.9
                else ("/robots.txt", "")
            )
        )
        stage.send(
            client,
            at,
            path,
            query,
            referer=here or (rng.choice(tracking.SEARCH_REFERERS) if like_browser and rng.random() < 0.4 else ""),
        )
        if like_browser:
            here = site.link(path, query)
            for script, script_query in site.scripts[: rng.randrange(0, 7)]:
                stage.send(client, at + 0.3, script, script_query, referer=here)
            for image, image_query in product.images[: rng.randrange(0, 4)]:
                stage.send(client, at + 0.5, image, image_query, referer=here)
        at += gap(rng)
    return at


def any_agent(rng: Random) -> str:
    """What a script gives as its name: a browser of today, one it was copied with years ago, a library, nothing."""
    draw = rng.random()
    if draw < 0.42:
        return agents.desktop(rng)
    if draw < 0.6:
        return agents.old_browser(rng)
    if draw < 0.92:
        return agents.library(rng)
    return "" if draw < 0.96 else "Mozilla/5.0"
