"""A person's visit to a site that is no shop: pages with their assets, a search, perhaps a sign-in.

Visits to the shop are in `visits.py`; numbers and times of visits are the site's part.
"""

from __future__ import annotations

from simulator.web import tracking
from simulator.web.stage import SHOPPING_HOURS, Client, Stage
from simulator.web.visits import session_cookie, sign_in


def browse(
    stage: Stage, client: Client, at: float, pages: float = 4.0, warm: float = 0.4, signs_in: float = 0.0
) -> float:
    """A landing page, then on average so many more; `warm` is the share of visits that find assets in the cache of the
    browser, `signs_in` the share that opens the account. Returns the end."""
    rng, site = stage.rng, stage.site
    client.cookie = client.cookie or session_cookie(stage)
    path = "/" if rng.random() < 0.35 else site.product(rng).path
    referer = rng.choice(tracking.SEARCH_REFERERS) if rng.random() < 0.45 else ""
    query = tracking.click_query(rng) if referer and rng.random() < 0.15 else ""
    stage.send(client, at, path, query, referer=referer)
    page = site.link(path, query)
    if rng.random() > warm:
        stage.load(client, at + 0.3, [*site.styles, *site.scripts, *((font, "") for font in site.fonts)], page)
        stage.send(client, at + 0.6, site.logo, referer=page)
        stage.send(client, at + 0.8, "/favicon.ico", referer=page)
    if rng.random() < signs_in:
        at = sign_in(stage, client, at + rng.uniform(5, 20), site.link(site.style.login))
        stage.send(client, at, site.style.account, referer=site.link(site.style.login))
    for _ in range(int(rng.expovariate(1 / pages))):
        at += min(900.0, rng.lognormvariate(2.9, 0.9))
        draw, item = rng.random(), site.product(rng)
        if draw < 0.62:
            path, query = item.path, ""
        elif draw < 0.8:
            path, query = site.category(rng), "" if rng.random() < 0.6 else f"page={rng.randrange(2, 9)}"
        elif draw < 0.92:
            path, query = site.search(item.slug.replace("-", " "))
        else:
            path, query = rng.choice((*site.blog, "/help", "/privacy", "/gone")), ""
        stage.send(client, at, path, query, referer=page)
        page = site.link(path, query)
        stage.load(client, at + 0.4, item.images[: rng.randrange(0, 4)], page)
    return at


def visitors(
    stage: Stage, visits: int, pages: float = 4.0, signs_in: float = 0.0, curve: tuple[int, ...] = SHOPPING_HOURS
) -> None:
    """So many visits a day by people at home and on phones; one in six comes again."""
    people: list[Client] = []
    for at in stage.moments(stage.crowd(visits, curve), curve):
        if people and stage.rng.random() < 0.17:
            client = stage.rng.choice(people)
        else:
            client = stage.shopper()
            people.append(client)
        browse(stage, client, at, pages, signs_in=signs_in)
