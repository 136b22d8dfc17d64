"""Scrapers: clients that take the catalogue, prices or pictures, by page, by number, by API, with or without a browser.

OWASP Automated Threats OAT-011 (scraping). Every single request is one that a visitor might make.
"""

from __future__ import annotations

from simulator.actors import attacks
from simulator.web import agents
from simulator.web.families import Family
from simulator.web.stage import Stage
from simulator.web.visits import session_cookie


def walkers(stage: Stage) -> None:
    """Category pages one after the other, then each product, under a browser's name, without a single asset. (Scrapy documentation)"""
    rng, site = stage.rng, stage.site
    for _ in range(stage.actors(3)):
        client = stage.suspect(agents.desktop(rng) if rng.random() < 0.8 else agents.old_browser(rng))
        delay = rng.choice((0.4, 1.0, 2.5, 6.0))
        at = stage.burst_start(600 * delay)
        queue: list[tuple[str, str]] = []
        for _ in range(stage.volume(rng.randrange(250, 800))):
            at += delay * rng.uniform(0.5, 1.5)
            if not queue:
                category = rng.choice(site.categories)
                path = site.style.category.format(category=category)
                queue = [(path, f"page={page}") for page in range(1, rng.randrange(3, 12))]
                products = (product for product in site.products if product.category == category)
                queue += [(product.path, "") for product in products if rng.random() < 0.4]
            path, query = queue.pop(0)
            stage.send(client, at, path, query, referer=site.link("/") if rng.random() < 0.2 else "")


def headless(stage: Stage) -> None:
    """A driven browser with everything that it loads; steady, page after page, never a cart. (Playwright documentation)"""
    rng, site = stage.rng, stage.site
    system = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    for _ in range(stage.actors(3)):
        if rng.random() < 0.7:
            agent = agents.desktop(rng)
        else:
            agent = f"{system} HeadlessChrome/{rng.randrange(120, 154)}.0.0.0 Safari/537.36"
        client = stage.suspect(agent, "browser")
        client.cookie = session_cookie(stage)
        at = stage.burst_start(1500)
        first = rng.randrange(len(site.products))
        for number in range(stage.volume(rng.randrange(50, 130))):
            at += rng.uniform(5, 14)
            product = site.products[(first + number) % len(site.products)]
            category = site.link(site.style.category.format(category=product.category))
            stage.send(client, at, product.path, referer=category)
            assets = [*site.scripts[: rng.randrange(0, 5)], *site.styles[: rng.randrange(0, 3)], *product.images[:3]]
            for path, query in assets:
                stage.send(client, at + rng.random(), path, query, referer=site.link(product.path))


def by_number(stage: Stage) -> None:
    """Counts product numbers up, right or wrong, so that most answers are 404. (OWASP OAT-011, sequential identifiers)"""
    rng, site = stage.rng, stage.site
    for _ in range(stage.actors(3)):
        client = stage.suspect(attacks.any_agent(rng))
        number = rng.randrange(10200, 90000)
        on_api = rng.random() < 0.5
        at = stage.burst_start(900)
        for _ in range(stage.volume(rng.randrange(250, 700))):
            at += rng.lognormvariate(-0.3, 0.4)
            number += 1
            if on_api:
                stage.call(client, at, f"/v2/products/{number}")
            else:
                slug = "x" if rng.random() < 0.9 else "item"
                stage.send(client, at, site.style.product.format(slug=slug, number=number))


def price_watchers(stage: Stage) -> None:
    """The same few hundred products every few hours, a new browser name each time, from a handful of addresses. (price-intelligence vendors)"""
    rng, site = stage.rng, stage.site
    watched = rng.sample(site.products, 160)
    for _ in range(stage.actors(5)):
        client = stage.server(agents.desktop(rng), "modern_tool")
        for at in stage.ticks(rng.choice((3.0, 4.0, 6.0)) * 3600, 300):
            agent = agents.browser(rng, 0.3)
            for product in rng.sample(watched, min(len(watched), stage.volume(36))):
                at += rng.lognormvariate(0.7, 0.7)
                referer = rng.choice(("", "", "https://www.google.com/"))
                stage.send(client, at, product.path, agent=agent, referer=referer)


def api_takers(stage: Stage) -> None:
    """The app's interface without the app: list after list by page and filter, prices and stock. (OWASP API4, API6)"""
    rng, site = stage.rng, stage.site
    for _ in range(stage.actors(3)):
        library, minor = agents.library(rng), rng.randrange(1, 11)
        app = f"ShopApp/7.{minor}.0 (Android 13) okhttp/4.12.0"
        agent = rng.choice((library, app, agents.desktop(rng)))
        client = stage.suspect(agent, "modern_tool")
        at = stage.burst_start(1800)
        for page in range(stage.volume(rng.randrange(180, 520))):
            at += rng.lognormvariate(0.3, 0.5)
            draw = rng.random()
            if draw < 0.35:
                query = f"category={rng.choice(site.categories)}&page={page % 40}&limit=100"
                stage.call(client, at, "/v2/products", query)
            elif draw < 0.9:
                number = site.products[(page * 7) % len(site.products)].number
                stage.call(client, at, f"/v2/products/{number}" + ("/stock" if rng.random() < 0.4 else ""))
            else:
                since = f"since={rng.randrange(10**9)}"
                stage.call(client, at, "/v2/prices", since, status=rng.choice((200, 401, 429)))


def picture_takers(stage: Stage) -> None:
    """Only pictures, all of a product, the largest size, with a forged referer. (image-scraping tools)"""
    rng, site = stage.rng, stage.site
    for _ in range(stage.actors(3)):
        client = stage.suspect(attacks.any_agent(rng))
        referer = rng.choice((site.link("/"), "https://www.google.com/", ""))
        at = stage.burst_start(500)
        products = iter(rng.sample(site.products, 400))
        for _ in range(stage.volume(rng.randrange(60, 160))):
            at += rng.lognormvariate(-0.2, 0.6)
            images = [(path, query.replace("w=640", "w=3840")) for path, query in next(products).images]
            stage.load(client, at, images, referer)


FAMILIES = (
    Family("scraper", "scraper_walkers", walkers, "Scrapy documentation; OWASP OAT-011", abuse_kind="scraper"),
    Family("scraper", "scraper_headless", headless, "Playwright and Puppeteer documentation; OWASP OAT-011", abuse_kind="scraper"),
    Family("scraper", "scraper_by_number", by_number, "OWASP OAT-011; OWASP API1 sequential identifiers", abuse_kind="scraper"),
    Family("scraper", "scraper_price_watchers", price_watchers, "vendors' reports on price scraping in retail", abuse_kind="scraper"),
    Family("scraper", "scraper_api_takers", api_takers, "OWASP API Security Top 10: API4, API6", held_out=True, abuse_kind="scraper"),
    Family("scraper", "scraper_picture_takers", picture_takers, "image-download tools; OWASP OAT-011", held_out=True, abuse_kind="scraper"),
)  # fmt: skip
