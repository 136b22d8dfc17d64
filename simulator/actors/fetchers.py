"""Machines that fetch on somebody's behalf: feed readers, link previews, prefetching browsers, mail and virus scanners.

Sources: the services' own pages on their agents (Feedly, Slack, Meta, Telegram, Discord …), the Speculation Rules and
private-prefetch-proxy documentation of Chrome, RSS readers' conditional requests (RFC 9110).
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.web import agents, tracking
from simulator.web.families import Family
from simulator.web.stage import ALL_HOURS, Client, Stage

# fmt: off
# Declarations read better a line each than an element each.
_FEED_SERVICES = (
    ("Feedly/1.0 (+http://www.feedly.com/fetcher.html; 341 subscribers; like FeedFetcher-Google)", "8.29.198.0/24", 1800),
    ("Inoreader/1.0 (+http://www.inoreader.com/feed-fetcher; 57 subscribers; )", "65.21.160.0/24", 3600),
    ("NewsBlur Feed Fetcher - 22 subscribers - https://www.newsblur.com/site/8237123/ (Mozilla/5.0)", "66.228.48.0/24", 2700),
    ("Feedbin feed-id:2214398 - 12 subscribers", "198.74.56.0/24", 1900),
)
_FEED_PROGRAMS = """\
NetNewsWire (RSS Reader; https://netnewswire.com/)
Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.5.0
FeedMe/4.3 Android
Akregator/6.1.2; librss/remnants
Reeder/5.4 CFNetwork/1568 Darwin/24.1.0""".splitlines()
_FEED_SERVERS = """\
FreshRSS/1.24.3 (Linux; https://freshrss.org)
Mozilla/5.0 (compatible; Miniflux/2.2.6; +https://miniflux.app)
Tiny Tiny RSS/24.12 (https://tt-rss.org/)
python-requests/2.31.0
Go-http-client/1.1
SimplePie/1.8.0""".splitlines()
_META = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"
_SOCIAL = (
    (_META, "173.252.64.0/19", "IAD"),
    (_META, "2a03:2880:10ff::/48", "IAD"),
    ("Twitterbot/1.0", "199.16.157.0/24", "SFO"),
    ("LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)", "108.174.8.0/24", "IAD"),
    ("Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)", "54.236.1.0/24", "IAD"),
)
_CHAT = (
    ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "54.89.92.0/24", "IAD"),
    ("TelegramBot (like TwitterBot)", "149.154.161.0/24", "AMS"),
    ("WhatsApp/2.24.20.79 A", "57.144.0.0/18", "FRA"),
    ("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "35.237.4.0/24", "IAD"),
    ("Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com", "52.114.64.0/20", "DUB"),
)
# fmt: on


def feed_services(stage: Stage) -> None:
    """Hosted readers: the feed every quarter of an hour to an hour, subscribers in the user agent."""
    rng = stage.rng
    for agent, cidr, every in _FEED_SERVICES:
        client = stage.client(stage.addresses.within(rng, cidr), "IAD", agent, "tool")
        for at in stage.ticks(every, 60):
            stage.send(client, at, stage.site.feed, status=304 if rng.random() < 0.8 else 0)


def feed_programs(stage: Stage) -> None:
    """Readers at home, each with an interval of its own, only while the computer runs."""
    rng = stage.rng
    for _ in range(stage.crowd(30, ALL_HOURS)):
        client = stage.client(*stage.addresses.home(rng), rng.choice(_FEED_PROGRAMS), "modern_tool")
        begin = rng.random() * stage.end * 0.6
        for at in stage.ticks(rng.choice((900, 1800, 3600)), 30):
            if begin < at < begin + 6 * 3600:
                stage.send(client, at, stage.site.feed, status=304 if rng.random() < 0.7 else 0)


def feed_own_servers(stage: Stage) -> None:
    """Readers that people run on rented machines, some misconfigured to ask every minute."""
    rng = stage.rng
    for _ in range(max(2, stage.crowd(14, ALL_HOURS))):
        client = stage.server(rng.choice(_FEED_SERVERS))
        for at in stage.ticks(rng.choice((60 if rng.random() < 0.12 else 1200, 1800, 3600)), 20):
            stage.send(client, at, stage.site.feed, status=304 if rng.random() < 0.6 else 0)


def _previews(stage: Stage, a_day: int, services: tuple[tuple[str, str, str], ...]) -> None:
    """Somebody pastes a link; a service fetches the page, and mostly its picture."""
    rng = stage.rng
    for at in stage.moments(stage.crowd(a_day)):
        agent, cidr, region = rng.choice(services)
        client = stage.client(stage.addresses.within(rng, cidr), region, agent, "modern_tool")
        product = stage.site.product(rng)
        query = ""
        if rng.random() >= 0.6:
            query = tracking.click_query(rng) if rng.random() < 0.8 else tracking.opaque_query(rng)
        if rng.random() < 0.2:
            stage.send(client, at - 1, "/robots.txt")
        stage.send(client, at, product.path, query, method="HEAD" if rng.random() < 0.08 else "GET")
        if rng.random() < 0.7:
            stage.send(client, at + 1.2, *product.images[0])


def preview_social(stage: Stage) -> None:
    """Links shared on networks: one page, mostly its picture, from the network's own ranges. (Meta, X, LinkedIn, Pinterest)"""
    _previews(stage, 45, _SOCIAL)


def preview_chat(stage: Stage) -> None:
    """Links pasted into a chat: the same within seconds, by the messenger's servers. (Slack, Telegram, WhatsApp, Discord)"""
    _previews(stage, 45, _CHAT)


def _machines(stage: Stage, count: int, ranges: tuple[str, ...], make: Callable[[str], Client]) -> list[Client]:
    rng = stage.rng
    return [make(stage.addresses.within(rng, rng.choice(ranges))) for _ in range(count)]


def preview_mail_gateways(stage: Stage) -> None:
    """Mail security opens every link of a newsletter before people do: bursts, browser names, cloud addresses, odd queries."""
    rng = stage.rng

    def gateway(address: str) -> Client:
        return stage.client(address, rng.choice(("DUB", "IAD")), agents.desktop(rng), "modern_tool")

    machines = _machines(stage, 40, ("40.94.16.0/20", "104.47.0.0/17", "52.100.0.0/15"), gateway)
    for _ in range(stage.actors(4)):
        begin = stage.burst_start(600)
        for _ in range(stage.volume(45)):
            client = rng.choice(machines)
            at = begin + rng.expovariate(1 / 90)
            path = rng.choice(("/offer", stage.site.product(rng).path, "/newsletter"))
            query = tracking.opaque_query(rng)
            stage.send(client, at, path, query, method="HEAD" if rng.random() < 0.3 else "GET")


def prefetch_browsers(stage: Stage) -> None:
    """Browsers that fetch likely next pages: product pages in bursts, no assets, then mostly nothing."""
    rng, site = stage.rng, stage.site
    for at in stage.moments(stage.crowd(45)):
        client = stage.shopper(0.7)
        page = site.category(rng)
        stage.send(client, at, page, referer="https://www.google.com/")
        for _ in range(rng.randrange(4, 22)):
            at += rng.expovariate(1.5)
            path = site.product(rng).path
            stage.send(client, at, path, referer=site.link(page), status=503 if rng.random() < 0.03 else 0)


def prefetch_proxy(stage: Stage) -> None:
    """A search engine's prefetch proxy: the advice file, then results fetched for people who have not clicked yet."""
    rng = stage.rng
    exits = [stage.client(stage.addresses.within(rng, "74.125.209.0/24"), "FRA", agents.phone(rng)) for _ in range(6)]
    for at in stage.moments(stage.crowd(130)):
        client = rng.choice(exits)
        if rng.random() < 0.2:
            stage.send(client, at - 1, "/.well-known/traffic-advice", agent="Chrome Privacy Preserving Prefetch Proxy")
        product = stage.site.product(rng)
        stage.send(client, at, product.path, agent=agents.phone(rng), referer="https://www.google.com/")
        stage.load(client, at + 0.3, stage.site.scripts[:3], stage.site.link(product.path))


def prefetch_antivirus(stage: Stage) -> None:
    """Link protection of virus scanners and toolbars: a page seconds before or after its reader, from elsewhere, old names."""
    rng = stage.rng

    def scanner(address: str) -> Client:
        region, agent = rng.choice(("SFO", "FRA", "NRT")), agents.old_browser(rng)
        return stage.client(address, region, agent, rng.choice(("old", "tool")))

    machines = _machines(stage, 25, ("150.70.172.0/22", "208.87.232.0/22", "64.124.8.0/24"), scanner)
    for at in stage.moments(stage.crowd(110)):
        client = rng.choice(machines)
        path = rng.choice((stage.site.product(rng).path, stage.site.style.account, stage.site.style.checkout, "/go"))
        stage.send(client, at, path, tracking.opaque_query(rng) if rng.random() < 0.5 else "")


FAMILIES = (
    Family("feed", "feed_services", feed_services, "Feedly's, Inoreader's and Feedbin's pages on their fetchers", never_block=True),
    Family("feed", "feed_programs", feed_programs, "NetNewsWire, Thunderbird and others: default agents"),
    Family("feed", "feed_own_servers", feed_own_servers, "FreshRSS, Miniflux, Tiny Tiny RSS documentation", held_out=True),
    Family("previewer", "preview_social", preview_social, "Meta, X, LinkedIn and Pinterest on their fetchers", never_block=True),
    Family("previewer", "preview_chat", preview_chat, "Slack, Telegram, WhatsApp and Discord on link previews", never_block=True),
    Family("previewer", "preview_mail_gateways", preview_mail_gateways, "Microsoft Safe Links documentation; mail marketers on bot clicks", held_out=True, never_block=True),
    Family("prefetcher", "prefetch_browsers", prefetch_browsers, "Speculation Rules documentation"),
    Family("prefetcher", "prefetch_proxy", prefetch_proxy, "Chrome: private prefetch proxy and traffic advice", never_block=True),
    Family("prefetcher", "prefetch_antivirus", prefetch_antivirus, "antivirus vendors on URL reputation fetches", held_out=True),
)  # fmt: skip
