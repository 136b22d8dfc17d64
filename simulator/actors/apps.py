"""The shop's mobile app and its devices in stores: API clients without pages, pictures from the shop's host.

Sources: OkHttp and CFNetwork default user agents; REST calls as a shop's app makes them.
"""

from __future__ import annotations

from urllib.parse import quote

from simulator.web import words
from simulator.web.addresses import CARRIERS
from simulator.web.families import Family
from simulator.web.stage import Client, Stage


def _session(stage: Stage, client: Client, at: float, calls: int) -> None:
    """Configuration, token, then lists, products, searches, cart, with pictures and batches of events."""
    rng = stage.rng
    stage.call(client, at, "/v2/config")
    if rng.random() < 0.6:
        status = 401 if rng.random() < 0.12 else 0
        stage.call(client, at + 0.3, "/v2/token/refresh", method="POST", body=240, status=status)
    elif rng.random() < 0.3:
        while rng.random() < 0.15:
            stage.call(client, at + 4, "/v2/session", method="POST", body=96, status=401)
            at += rng.uniform(4, 20)
        stage.call(client, at + 6, "/v2/session", method="POST", body=96)
    for _ in range(calls):
        at = _step(stage, client, at + rng.lognormvariate(1.6, 1.0))


def _step(stage: Stage, client: Client, at: float) -> float:
    """One screen of the app; returns when it is complete."""
    rng, site = stage.rng, stage.site
    draw = rng.random()
    if draw < 0.34:
        product = site.product(rng)
        stage.call(client, at, f"/v2/products/{product.number}")
        if rng.random() < 0.5:
            stage.call(client, at + 0.1, f"/v2/products/{product.number}/stock")
        stage.load(client, at + 0.3, product.images[: rng.randrange(1, 4)])
    elif draw < 0.58:
        query = f"category={rng.choice(site.categories)}&page={rng.randrange(1, 6)}&limit=24"
        stage.call(client, at, "/v2/products", query)
        for _ in range(rng.randrange(0, 6)):
            image = site.product(rng).images[0]
            stage.send(client, at + rng.random(), *image)
    elif draw < 0.7:
        text = words.fill(rng, rng.choice(words.PLAIN_SEARCHES + words.NAMED_SEARCHES), site.theme)
        for end in sorted({rng.randrange(2, len(text) + 2), len(text)}):
            stage.call(client, at, "/v2/search", f"q={quote(text[:end])}&lang={rng.choice(('de', 'en', 'fr'))}")
            at += 0.8
    elif draw < 0.8:
        method = rng.choice(("GET", "POST", "PATCH"))
        stage.call(client, at, "/v2/cart", method=method, body=rng.choice((0, 88)))
    elif draw < 0.86:
        stage.call(client, at, "/v2/orders", status=401 if rng.random() < 0.1 else 0)
    elif draw < 0.9:
        stage.call(client, at, "/v2/stores", f"near={rng.uniform(36, 60):.4f},{rng.uniform(-9, 25):.4f}")
    else:
        stage.call(client, at, "/v2/events", method="POST", body=rng.randrange(300, 3000), status=202)
    return at


def _phones(stage: Stage, a_day: int, *templates: str) -> None:
    rng = stage.rng
    people: list[Client] = []
    for at in stage.moments(stage.crowd(a_day)):
        if people and rng.random() < 0.35:
            client = rng.choice(people)
        else:
            home = stage.addresses.home(rng, 0.4, CARRIERS) if rng.random() < 0.5 else stage.addresses.home(rng)
            template, minor, system = rng.choice(templates), rng.randrange(4, 12), rng.randrange(0, 5)
            agent = template.format(minor=minor, system=system, android=rng.randrange(12, 17))
            client = stage.client(*home, agent)
            people.append(client)
        _session(stage, client, at, int(rng.expovariate(1 / 8)) + 1)


def ios(stage: Stage) -> None:
    """Phones with the shop's app, by its name or CFNetwork's: tokens renewed, lists, pictures, no cookies. (CFNetwork)"""
    own = "ShopApp/7.{minor}.0 (iPhone; iOS 26.{system}; Scale/3.00)"
    _phones(stage, 170, own, "ShopApp/7{minor}0 CFNetwork/3826.500.131 Darwin/25.{system}.0")


def android(stage: Stage) -> None:
    """The same on OkHttp, now and then without the app's name. (OkHttp documentation)"""
    _phones(stage, 170, "ShopApp/7.{minor}.1 (Android {android}) okhttp/4.12.0", "okhttp/4.12.0")


def tills(stage: Stage) -> None:
    """Tablets in stores: a dozen behind one address, from opening to closing, requesting stock every minute."""
    rng = stage.rng
    agent = "ShopTill/3.2 (Linux; Android 13; Lenovo TB-X606F) Dart/3.5 (dart:io)"
    for _ in range(max(1, round(3 * stage.scale))):
        store = stage.client(*stage.addresses.home(rng, 0.0), agent, "modern_tool")
        for at in stage.ticks(95, 30):
            if not 8 <= (stage.start_hour + at / 3600) % 24 < 19:
                continue
            product = stage.site.product(rng)
            stage.call(store, at, f"/v2/products/{product.number}/stock")
            if rng.random() < 0.3:
                stage.call(store, at + 2, "/v2/orders", method="POST", body=rng.randrange(300, 900), status=201)


FAMILIES = (
    Family("app", "app_ios", ios, "CFNetwork user agents; mobile commerce API habits"),
    Family("app", "app_android", android, "OkHttp documentation; mobile commerce API habits"),
    Family("app", "app_tills", tills, "Flutter and Dart default user agent; point-of-sale polling", held_out=True, never_block=True),
)  # fmt: skip
