"""Places of a payload: parameters of the shop, guessed parameters, path, header.

Holds no payload.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from dataclasses import dataclass
from random import Random

from simulator.web.site import Site

GUESSED = {
    "text": ("q", "s", "search", "keyword", "name", "title", "msg", "comment", "lang", "redirect", "error", "user", "email", "callback", "ref"),
    "id": ("id", "pid", "cat", "cid", "item", "page_id", "news_id", "uid", "product_id", "article", "nid", "order", "sort", "type"),
    "file": ("file", "page", "path", "template", "doc", "download", "include", "lang", "theme", "view", "filename", "img", "url", "dir", "f", "conf",
    "load"),
    "url": ("url", "uri", "target", "dest", "link", "src", "image_url", "feed", "host", "proxy", "callback", "webhook", "next", "return", "domain",
    "u", "fetch"),
    "command": ("cmd", "ip", "host", "ping", "exec", "query", "command", "daemon", "dir", "arg", "run", "hostname", "addr", "cli", "do"),
}
"""Kind of value -> parameter names in the wordlists of tools."""

_SCRIPTS = {
    "text": ("/search.php", "/index.php", "/contact.php", "/guestbook.asp", "/search.aspx", "/forum/search.do", "/"),
    "id": ("/index.php", "/product.php", "/news.php", "/view.php", "/item.asp", "/detail.aspx", "/article.jsp", "/category.php", "/shop/show.php",
    "/page.php"),
    "file": ("/index.php", "/download.php", "/view.php", "/show.jsp", "/get.aspx", "/static.php", "/export", "/viewer", "/plugins/pdf/view.php"),
    "url": ("/proxy", "/fetch", "/api/fetch", "/image", "/render", "/preview", "/oembed", "/webhook/test", "/index.php", "/pdf", "/thumbnail.php"),
    "command": ("/ping.php", "/tools/diag.cgi", "/cgi-bin/test.cgi", "/admin/ping", "/api/exec", "/status.php", "/cgi-bin/luci/admin", "/debug",
    "/run"),
}


@dataclass(frozen=True)
class Shot:
    """One request of an attacker."""

    path: str
    query: str = ""
    method: str = "GET"
    agent: str = ""
    referer: str = ""
    status: int = 0
    body: int = 0
    on_api: bool = False


class Aim:
    """An attacker's choice of targets: pages of the site or guessed scripts."""

    def __init__(self, site: Site, guessing: float = 0.35) -> None:
        self.site, self.guessing = site, guessing

    def query(self, rng: Random, payload: str, holds: str = "text", keep: str = "") -> Shot:
        """The payload, already encoded, as a parameter's value; `keep` stands before it as the original value."""
        site = self.site
        if rng.random() < self.guessing:
            query = f"{rng.choice(GUESSED[holds])}={keep}{payload}"
            if rng.random() < 0.2:
                query = f"{rng.choice(('action', 'do', 'mod', 'lang', 'm'))}={rng.choice(('view', 'list', 'show', 'en', '1'))}&{query}"
            return Shot(rng.choice(_SCRIPTS[holds]), query)
        draw = rng.random()
        if holds == "text" and draw < 0.5:
            path, parameter = site.style.search
            return Shot(path, f"{parameter}={keep}{payload}{site.style.search_tail if rng.random() < 0.5 else ''}")
        if draw < 0.2:
            return Shot("/v2/" + rng.choice(("products", "search", "stores", "prices")),
                f"{rng.choice(('q', 'category', 'filter', 'sort', 'id'))}={keep}{payload}", on_api=True)
        if draw < 0.4:
            return Shot(site.product(rng).path, f"{rng.choice(('ref', 'variant', 'id', 'colour', *GUESSED[holds][:4]))}={keep}{payload}")
        if draw < 0.8:
            rest = rng.choice(("", "page=2&", "sort=price_asc&", "filter[size]=m&"))
            return Shot(site.category(rng),
                f"{rest}{rng.choice(('page', 'sort', 'price', 'brand', 'filter[colour]', *GUESSED[holds][:4]))}={keep}{payload}")
        return Shot(rng.choice((site.style.cart, "/newsletter", "/help/delivery", "/api/reviews", "/go", site.style.account)),
            f"{rng.choice(GUESSED[holds])}={keep}{payload}")

    def path(self, rng: Random, payload: str) -> Shot:
        """The payload as the end of a path."""
        return Shot(rng.choice(("/", "/", f"/{rng.choice(self.site.categories)}/", "/assets/", "/blog/", "/api/")) + payload)

    def agent(self, rng: Random, payload: str) -> Shot:
        return Shot(self.page(rng), agent=payload)

    def referer(self, rng: Random, payload: str) -> Shot:
        return Shot(self.page(rng), referer=payload)

    def page(self, rng: Random) -> str:
        """A page that exists."""
        return rng.choice(("/", "/", self.site.category(rng), self.site.product(rng).path, self.site.style.search[0]))
