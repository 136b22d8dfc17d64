"""Declared crawlers: they name themselves, come from the ranges their operators publish, read robots.txt, keep a pace.

Sources: the operators' own pages on user agents and address ranges (Google, Microsoft, Apple, OpenAI, Anthropic, Amazon,
Yandex, Ahrefs, Semrush, DuckDuckGo).
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from simulator.web.families import Family
from simulator.web.stage import Client, Stage
from simulator.web.visits import old_link


@dataclass(frozen=True)
class Crawler:
    """An operator's crawler."""

    name: str
    agents: tuple[str, ...]
    ranges: tuple[str, ...]
    region: str
    machines: int
    pages_a_day: int
    assets: float = 0.0
    """Pictures and scripts a page, for those that render."""
    held_out: bool = False


_APPLE = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)"

CRAWLERS = (
    Crawler("googlebot", ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/152.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Googlebot-Image/1.0"), ("66.249.66.0/25", "66.249.79.0/25", "2001:4860:4801:10::/64"), "IAD", 9, 2100, 0.5),
    Crawler("bingbot", ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/148.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"), ("40.77.167.0/24", "52.167.144.0/24", "207.46.13.0/24"), "ORD", 7,
    1300, 0.2),
    Crawler("gptbot", ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.2; +https://openai.com/gptbot",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; OAI-SearchBot/1.0; +https://openai.com/searchbot"),
    ("20.171.206.0/24", "52.230.152.0/24"), "IAD", 4, 1200),
    Crawler("ahrefs", ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",), ("54.36.148.0/24", "51.222.253.0/26"), "YTO", 14, 800),
    Crawler("semrush", ("Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",), ("185.191.171.0/28", "85.208.96.192/27"),
    "AMS", 9, 450),
    Crawler("amazonbot", ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot) Chrome/119.0.6045.214 Safari/537.36",
    ), ("52.70.240.0/24", "23.22.35.0/24"), "IAD", 6, 350),
    Crawler("applebot", (_APPLE,), ("17.241.75.0/24", "17.241.219.0/24", "17.246.15.0/24"), "SFO", 6, 600, 0.4, True),
    Crawler("claudebot", ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",),
    ("216.73.216.0/24",), "ORD", 3, 800, 0.0, True),
    Crawler("yandexbot", ("Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; YandexImages/3.0; +http://yandex.com/bots)"), ("5.255.253.0/24", "87.250.224.0/24", "2a02:6b8:c0e::/48"), "HEL", 6, 500,
    0.1, True),
)


def crawl(crawler: Crawler, stage: Stage) -> None:
    """robots.txt and sitemap first and again every few hours; pages at a steady pace, old links among them."""
    rng, site = stage.rng, stage.site
    machines: list[Client] = [
        stage.client(stage.addresses.within(stage.lasting, stage.lasting.choice(crawler.ranges)), crawler.region, crawler.agents[0],
        "modern_tool") for _ in range(max(1, round(crawler.machines * min(1.0, stage.scale * 2))))
    ]
    for at in stage.ticks(rng.uniform(2.5, 5.0) * 3600, 600):
        stage.send(rng.choice(machines), at, "/robots.txt")
        if rng.random() < 0.5:
            stage.send(rng.choice(machines), at + 2, "/sitemap.xml")
    pages = stage.crowd(crawler.pages_a_day, (1,) * 24)
    for at in stage.ticks(stage.end / max(1, pages), stage.end / pages / 3):
        client, draw = rng.choice(machines), rng.random()
        agent = crawler.agents[0] if rng.random() < 0.7 else rng.choice(crawler.agents)
        product, status = rng.choice(site.products), 0
        if "mage" in agent.split("/")[0]:
            path, query = rng.choice(product.images)
        elif draw < 0.62:
            path, query = product.path, ""
        elif draw < 0.8:
            path, query = site.category(rng), rng.choice(("", "page=2", f"page={rng.randrange(3, 14)}",
                f"filter[colour]={rng.choice(('black', 'red'))}", "sort=price_asc"))
        elif draw < 0.88:
            path, query = rng.choice((*site.blog, "/", site.feed, "/help/returns", "/imprint")), ""
        elif draw < 0.91:
            path, query = site.search(product.slug.split("-")[-1])
        else:
            path, query, status = old_link(stage)
        stage.send(client, at, path, query, agent=agent, method="GET" if rng.random() < 0.985 else "HEAD", status=status)
        if rng.random() < crawler.assets:
            for asset, asset_query in [*site.scripts[: rng.randrange(1, 4)], product.images[0]]:
                stage.send(client, at + rng.uniform(1, 30), asset, asset_query, agent=agent)


FAMILIES = tuple(
    Family("crawler", f"crawler_{crawler.name}", partial(crawl, crawler),
    f"the operator's page on {crawler.name}: user agents, published ranges, robots.txt", crawler.held_out, never_block=True) for crawler in CRAWLERS
)
