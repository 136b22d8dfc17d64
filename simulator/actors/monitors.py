"""Uptime monitors: the same few requests at the same interval, day and night.

Sources: UptimeRobot's, Pingdom's and Datadog's documentation of agents, locations and intervals.
"""

from __future__ import annotations

from simulator.web.families import Family
from simulator.web.stage import Stage
from simulator.web.visits import session_cookie

_PLACES = (
    ("178.255.152.0/24", "LHR"), ("94.75.211.72/29", "AMS"), ("76.72.172.208/29", "IAD"), ("85.195.116.128/29", "FRA"),
    ("185.93.3.80/28", "DFW"), ("173.254.206.240/28", "SFO"), ("43.225.198.120/29", "SYD"), ("2a02:cbf7::/64", "AMS"),
)  # fmt: skip


def uptime(stage: Stage) -> None:
    """HEAD of the front page once a minute from one place, confirmed from a second when it fails."""
    rng = stage.rng
    agent = "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)"
    first = stage.client(stage.addresses.within(stage.lasting, "69.162.124.224/28"), "DFW", agent, "tool")
    second = stage.client(stage.addresses.within(stage.lasting, "216.144.248.16/28"), "ORD", agent, "tool")
    for at in stage.ticks(60, 0.4):
        stage.send(first, at, "/", method="HEAD")
        if rng.random() < 0.004:
            stage.send(second, at + 5, "/", method="GET")


def places(stage: Stage) -> None:
    """A health page and a search, every few minutes, from eight places in turn, with a fresh query against caches."""
    agent, within = "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", stage.addresses.within
    probes = [stage.client(within(stage.lasting, cidr), region, agent, "tool") for cidr, region in _PLACES]
    for number, at in enumerate(stage.ticks(120, 2)):
        client = probes[number % len(probes)]
        stage.send(client, at, "/healthz", f"cachebust={int(at * 1000)}", host=stage.site.distributions[0][1])
        if number % 5 == 0:
            stage.send(client, at + 1, *stage.site.search("status check"))


def synthetic(stage: Stage) -> None:
    """A driven browser that goes through sign-in and cart every quarter of an hour, with test data, from two clouds."""
    rng, site, within = stage.rng, stage.site, stage.addresses.within
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/150.0.0.0 Safari/537.36 DatadogSynthetics"
    clouds = (("3.120.0.0/14", "FRA"), ("18.130.0.0/16", "LHR"))
    clients = [stage.client(within(stage.lasting, cidr), region, agent, "browser") for cidr, region in clouds]
    product, login = site.products[0], site.style.login
    for number, at in enumerate(stage.ticks(900, 3)):
        client = clients[number % 2]
        client.cookie = session_cookie(stage)
        for path in ("/", site.category(rng), product.path):
            stage.send(client, at, path, referer=site.link("/"))
            stage.load(client, at + 0.4, site.scripts + site.styles, site.link(path))
            at += 4
        status = 302 if rng.random() < 0.97 else 401
        stage.post(client, at, login, status=status, referer=site.link(login), body=90)
        stage.send(client, at + 2, site.style.cart)


FAMILIES = (
    Family("monitor", "monitor_uptime", uptime, "UptimeRobot documentation: one-minute HEAD checks, published addresses", never_block=True),
    Family("monitor", "monitor_places", places, "Pingdom documentation: probe servers, agent", never_block=True),
    Family("monitor", "monitor_synthetic", synthetic, "Datadog Synthetics documentation: browser tests", held_out=True, never_block=True),
)  # fmt: skip
