"""Machines with permission: partners' integrations, price comparison, and harmless surveys of the internet.

Tools by name, no cookies, no pictures, all day long, and welcome. Sources: HTTP libraries' default agents, comparison
portals' merchant documentation, ZMap's and Censys' scanning best practices.
"""

from __future__ import annotations

from simulator.web import agents
from simulator.web.families import Family
from simulator.web.stage import ALL_HOURS, Stage


def stock_sync(stage: Stage) -> None:
    """python-requests: signs in hourly, requests stock every two minutes, refreshes the token after a 401.

    Once a day its secret expires, and it fails to sign in every half minute until somebody renews it.
    """
    rng = stage.rng
    client = stage.server(agents.python_requests(rng), v6_share=0, lasting=True)
    for at in stage.ticks(3600, 5):
        stage.call(client, at, "/v2/session", method="POST", body=122)
    expired = stage.burst_start(2400)
    for at in stage.ticks(30, 1):
        if expired < at < expired + 2400:
            stage.call(client, at, "/v2/session", method="POST", body=122, status=401)
    for at in stage.ticks(120, 4):
        if rng.random() < 0.03:
            stage.call(client, at - 0.4, "/v2/stock", "updated_since=2026-11-19T22%3A00%3A00Z", status=401)
            stage.call(client, at - 0.2, "/v2/token/refresh", method="POST", body=210)
        since = f"2026-11-20T{int(at / 3600) % 24:02d}%3A{int(at / 60) % 60:02d}%3A00Z"
        stage.call(client, at, "/v2/stock", f"updated_since={since}&limit=500")


def feed_exports(stage: Stage) -> None:
    """Java: the whole assortment as a file every hour, then every product's picture that is new."""
    rng, site = stage.rng, stage.site
    client = stage.server("Apache-HttpClient/4.5.14 (Java/17.0.10)", v6_share=0, lasting=True)
    for at in stage.ticks(3600, 20):
        stage.call(client, at, "/v2/feeds/products.xml", "shop=marketplace&token=8f2c1d")
        for _ in range(stage.volume(rng.randrange(4, 26))):
            at += rng.uniform(0.2, 1.0)
            stage.send(client, at, *rng.choice(rng.choice(site.products).images))


def marketplace(stage: Stage) -> None:
    """Go: orders in and out with PUT, PATCH and DELETE, several workers at once, conflicts and retries after 5xx."""
    rng, site = stage.rng, stage.site
    workers = [stage.server("Go-http-client/2.0", "modern_tool", v6_share=0.3, lasting=True) for _ in range(3)]
    for at in stage.ticks(75, 30):
        if rng.random() < 0.15:
            skus = ",".join(str(rng.choice(site.products).number) for _ in range(rng.randrange(20, 200)))
            stage.call(rng.choice(workers), at - 5, "/v2/stock", f"skus={skus}")
        worker, number = rng.choice(workers), rng.choice(site.products).number
        method = rng.choice(("GET", "GET", "PUT", "PATCH", "DELETE", "POST"))
        path = rng.choice((f"/v2/products/{number}/stock", "/v2/orders", f"/v2/products/{number}"))
        body, status = rng.randrange(80, 800), rng.choice((0, 0, 0, 0, 0, 409, 404, 503))
        if stage.call(worker, at, path, method=method, body=body, status=status) == 503:
            for wait in (1, 3, 9):
                stage.call(worker, at + wait, "/v2/orders", method=method, body=300)


def comparison_feed(stage: Stage) -> None:
    """Takes the feed four times a day and checks a sample of pages."""
    rng, site = stage.rng, stage.site
    agent = "Mozilla/5.0 (compatible; PriceFetcher/3.2; +https://compare.example/bot)"
    client = stage.client(stage.addresses.within(stage.lasting, "185.60.112.0/22"), "FRA", agent, "tool")
    for at in stage.ticks(6 * 3600, 60):
        stage.call(client, at, "/v2/feeds/products.csv")
        for product in rng.sample(site.products, stage.volume(130)):
            at += rng.uniform(1.5, 3)
            stage.send(client, at, product.path)


def comparison_pages(stage: Stage) -> None:
    """Has a contract but no feed: reads some hundred product pages a day from two machines, politely, under its name."""
    rng, within = stage.rng, stage.addresses.within
    agent = "KelkooBot/2.4 (+https://compare.example/merchants)"
    clients = [stage.client(within(stage.lasting, "193.34.188.0/24"), "CDG", agent, "tool") for _ in range(2)]
    for at in stage.ticks(100, 20):
        client = rng.choice(clients)
        stage.send(client, at, "/robots.txt" if rng.random() < 0.01 else rng.choice(stage.site.products).path)


def affiliate_checker(stage: Stage) -> None:
    """Checks that affiliates' deep links still work: redirects with addresses in the query, a browser's name, HEAD then GET."""
    rng, site = stage.rng, stage.site
    client = stage.server(agents.desktop(rng), "modern_tool", v6_share=0, lasting=True)
    for at in stage.ticks(110, 15):
        product = rng.choice(site.products)
        campaign = f"awc={rng.randrange(1000, 9999)}_{int(at)}_{rng.randrange(10**8)}"
        query = f"url=https%3A%2F%2F{site.www}{product.path.replace('/', '%2F')}&{campaign}"
        stage.send(client, at, "/go", query, method=rng.choice(("HEAD", "GET")))
        stage.send(client, at + 0.6, product.path, campaign)


def _survey(stage: Stage, a_day: int, names: list[str], cidrs: tuple[str, ...], paths: tuple[str, ...]) -> None:
    """Each machine makes one or two requests; it uses the distribution's name as often as the site's own."""
    rng, site = stage.rng, stage.site
    for at in stage.moments(stage.crowd(a_day, ALL_HOURS), ALL_HOURS):
        address, agent = stage.addresses.within(rng, rng.choice(cidrs)), rng.choice(names)
        client = stage.client(address, "ORD", agent, "plain" if rng.random() < 0.3 else "tool")
        for path in paths[: rng.randrange(1, len(paths) + 1)]:
            stage.send(client, at, path, host=rng.choice((site.www, site.apex, site.distributions[0][1])))
            at += rng.uniform(0.5, 20)


_SEARCH = """\
Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)
Expanse, a Palo Alto Networks company, searches across the global IPv4 space multiple times per day
Mozilla/5.0 (compatible; InternetMeasurement/1.0; +https://internet-measurement.com/)""".splitlines()


_SHADOW = """\
Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36
Mozilla/5.0 (compatible; ShadowserverSurvey; +https://www.shadowserver.org/)""".splitlines()


_UNIVERSITY = """\
Mozilla/5.0 zgrab/0.x (research scan; https://scan.research.example)
python-httpx/0.27.2 (+https://netmeasure.example/optout)""".splitlines()


def survey_search(stage: Stage) -> None:
    """Search engines for machines: the front page, the icon, the contact for security reports."""
    ranges = ("162.142.125.0/24", "167.94.138.0/24", "198.235.24.0/24", "87.236.176.0/24")
    _survey(stage, 24, _SEARCH, ranges, ("/", "/favicon.ico", "/.well-known/security.txt"))


def survey_shadow(stage: Stage) -> None:
    """A foundation that tells owners which services are open: one page each."""
    _survey(stage, 14, _SHADOW, ("184.105.139.64/26", "74.82.47.0/26", "65.49.1.0/25"), ("/", "/robots.txt"))


def survey_university(stage: Stage) -> None:
    """A research group that measures TLS and policies, with its address in the name."""
    paths = ("/", "/.well-known/security.txt", "/robots.txt", "/ads.txt")
    _survey(stage, 14, _UNIVERSITY, ("129.187.0.0/24", "192.35.168.0/24"), paths)


FAMILIES = (
    Family("partner", "partner_stock_sync", stock_sync, "requests library; OAuth 2 client credentials (RFC 6749)", never_block=True),
    Family("partner", "partner_feed_exports", feed_exports, "marketplaces' merchant documentation", never_block=True),
    Family("partner", "partner_marketplace", marketplace, "marketplaces' order APIs; retry guidance (RFC 9110)", held_out=True, never_block=True),
    Family("price_comparison", "price_comparison_feed", comparison_feed, "comparison portals' feed documentation", never_block=True),
    Family("price_comparison", "price_comparison_pages", comparison_pages, "comparison portals' crawler pages", never_block=True),
    Family("price_comparison", "price_affiliate_checker", affiliate_checker, "affiliate networks on link checking", held_out=True, never_block=True),
    Family("survey", "survey_search", survey_search, "Censys, Palo Alto and others on their scanning"),
    Family("survey", "survey_shadow", survey_shadow, "Shadowserver on its scans"),
    Family("survey", "survey_university", survey_university, "ZMap: scanning best practices", held_out=True),
)  # fmt: skip
