"""Placement of a value in a request, and its encoding: the same for attacks and benign values."""

from __future__ import annotations

import random
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{a}.0.{b}.{c} Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{d}.{e} Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{a}.0) Gecko/20100101 Firefox/{a}.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS {d}_{e} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android {e}; SM-G{c}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{a}.0.0.0 Mobile Safari/537.36",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; .NET CLR 2.0.{c}; .NET CLR 3.5.{b})",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Opera/9.80 (Windows NT 6.1; U; en) Presto/2.{d}.{c} Version/11.{e}",
    "okhttp/4.{e}.0", "curl/7.{d}.0", "python-requests/2.{d}.{e}", "Go-http-client/1.1", "Java/1.8.0_{a}", "Wget/1.{d}",
    "Apache-HttpClient/4.5.{e} (Java/11.0.{d})", "Dalvik/2.1.0 (Linux; U; Android {e}; Pixel {e})", "PostmanRuntime/7.{d}.0",
    "UptimeRobot/2.0; http://www.uptimerobot.com/", "Feedly/1.0 (+http://www.feedly.com/fetcher.html; {c} subscribers)",
    "MyShop/{d}.{e} CFNetwork/1{a}.0 Darwin/2{e}.1.0", "Valve/Steam HTTP Client 1.0", "Microsoft-CryptoAPI/10.0",
)  # fmt: skip
NAMES = """
    q s search query id page p cat category item product user name title lang ref sort filter from to date year url
    u next return redirect file path doc view action type mode key token code text msg comment email city address
    title data value keyword term tag author order size color limit offset callback format v ver t
""".split()
PATHS = """
    / /index.html /search /products /products/list /item /view /article /blog /blog/post /user/profile /api/v2/items
    /api/search /cart /checkout /catalog/browse /index.php /page.php /show.asp /list.jsp /news /download
    /shop/category /docs/guide /de/suche /fr/recherche /app/data /tienda/buscar /media/show /forum/topic
    /account/orders
""".split()
HOSTS = """
    www.example.com shop.example.org www.google.com duckduckgo.com www.bing.com news.example.net example.com
    blog.example.edu m.facebook.com t.co
""".split()


@dataclass(frozen=True)
class Request:
    """The fields that the model reads, as the requests table holds them."""

    method: str
    path: str | None
    query: str | None
    user_agent: str | None
    referer: str | None


def browser(rng: random.Random) -> str | None:
    """A user agent; sometimes none."""
    if rng.random() < 0.03:
        return None
    return rng.choice(BROWSERS).format(
        a=rng.randint(60, 140),
        b=rng.randint(1000, 6900),
        c=rng.randint(100, 990),
        d=rng.randint(10, 18),
        e=rng.randint(1, 9),
    )


def referer(rng: random.Random) -> str | None:
    """A linking page; often none."""
    if rng.random() < 0.45:
        return None
    return f"https://{rng.choice(HOSTS)}{rng.choice(PATHS)}"


def word(rng: random.Random) -> str:
    """A meaningless word."""
    return "".join(
        rng.choice(
            ("ba", "co", "di", "fe", "gu", "la", "mi", "no", "pe", "ro", "sa", "te", "vi", "zu", "lin", "mon", "ser")
        )
        for _ in range(rng.randint(1, 4))
    )


def plain_parameters(rng: random.Random) -> list[str]:
    """Other parameters of the same query."""
    return [
        f"{rng.choice(NAMES)}={rng.choice((word(rng), str(rng.randint(0, 9999)), 'true', 'en', ''))}"
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 4)))
    ]


def encode(rng: random.Random, value: str) -> str:
    """One of the encodings that clients use: none, percent once or twice, plus for spaces."""
    style = rng.random()
    if style < 0.35:
        return quote(value, safe="")
    if style < 0.6:
        return quote_plus(value)
    if style < 0.72:
        return quote(quote(value, safe=""), safe="")
    if style < 0.8:
        return quote(value, safe="!*'();:@,/?$[]|")
    return value


def place(rng: random.Random, value: str) -> Request:
    """A request that carries the value: mostly in the query, sometimes in the path, the referer or the user agent."""
    method = rng.choice(("GET",) * 8 + ("POST", "HEAD"))
    where = rng.random()
    path = rng.choice(PATHS)
    if where < 0.8:
        pieces = plain_parameters(rng)
        name = rng.choice(NAMES)
        pieces.insert(
            rng.randint(0, len(pieces)), f"{name}={encode(rng, value)}" if rng.random() < 0.97 else encode(rng, value)
        )
        return Request(method, path, "&".join(pieces), browser(rng), referer(rng))
    if where < 0.93:
        tail = quote(value, safe="/") if rng.random() < 0.6 else encode(rng, value)
        query = "&".join(plain_parameters(rng)) or None
        return Request(method, f"{path.rstrip('/')}/{tail}", query, browser(rng), referer(rng))
    address = f"https://{rng.choice(HOSTS)}{path}?{rng.choice(NAMES)}={encode(rng, value)}"
    return Request(method, path, None, browser(rng), address)
