"""A site of items in sections, built from a vocabulary and an address scheme: the common part of all sites but the shop.

What a site has besides (segments, tiles, calls, downloads) is in its module of `simulator/sites/`.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from random import Random
from typing import ClassVar

from simulator.web.site import CSS, FONT, HTML, ICO, JPEG, JS, JSON, NONE, SVG, TEXT, XML, Page, Product, Site, Style
from simulator.web.words import NAMES, identifier

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Collection(Site):
    """Items in sections, with pictures, a search, a sign-in and the usual small files; the second host starts with `/`, robots.txt and a health page."""

    first_label: ClassVar[str] = "www"
    second_label: ClassVar[str] = "api"
    adjectives: ClassVar[tuple[str, ...]]
    things: ClassVar[tuple[str, ...]]
    sections: ClassVar[tuple[str, ...]]
    schemes: ClassVar[tuple[Style, ...]]
    """Address schemes; the seed picks one."""
    item_count: ClassVar[int] = 500
    item_page: ClassVar[Page] = Page(200, HTML, 42000, 0.3)
    """An item's page; its size is only typical."""
    theme = "books"

    def __init__(self, seed: int) -> None:
        rng = Random(f"site:{self.name}:{seed}")
        name = rng.choice(NAMES)
        self.www, self.api, self.apex = f"{self.first_label}.{name}.example", f"{self.second_label}.{name}.example", f"{name}.example"
        self.distributions = [(f"E{identifier(rng, 13, _DIGITS)}", f"d{identifier(rng, 13)}.cloudfront.net") for _ in range(2)]
        self.style, self.categories = self.schemes[seed % len(self.schemes)], self.sections
        self.products = [self._item(rng, number) for number in sorted(rng.sample(range(10200, 98000), self.item_count))]
        build = identifier(rng, 12, "0123456789abcdef")
        parts = ("main", "vendor", "runtime", "player", "polyfills", "consent")
        self.scripts = [(self.style.script.format(name=part, build=build), self.style.script_query.format(n=rng.randrange(1, 9))) for part in parts]
        self.styles = [(path.rsplit(".", 1)[0].replace("/js/", "/css/") + ".css", query) for path, query in self.scripts[:2]]
        self.fonts = [f"/assets/fonts/{weight}-{identifier(rng, 8)}.woff2" for weight in ("regular", "bold")]
        self.logo, self.feed = "/assets/logo.svg", "/feed/"
        self.blog = [f"/news/{rng.choice(self.adjectives)}-{rng.choice(self.things)}-{n}/" for n in range(20)]
        self.beacon = self.style.beacon
        self.www_pages, self.api_pages = self._first_pages(rng), self._second_pages(rng)

    def any_item(self, rng: Random) -> Product:
        """An item whatever its popularity."""
        return rng.choice(self.products)

    def _item(self, rng: Random, number: int) -> Product:
        slug = f"{rng.choice(self.adjectives)}-{rng.choice(self.things)}"
        path = self.style.product.format(slug=slug, number=number)
        images = tuple((self.style.image[0].format(slug=slug, number=number, n=n), self.style.image[1].format(slug=slug, number=number, n=n))
            for n in range(1, rng.randrange(2, 5)))
        return Product(number, slug, rng.choice(self.sections), path, images)

    def _first_pages(self, rng: Random) -> dict[str, Page]:
        style = self.style
        pages = {"/": Page(200, HTML, 48000, 0.5), "/robots.txt": Page(200, TEXT, 320, 0.97), "/sitemap.xml": Page(200, XML, 91000, 0.8),
            "/favicon.ico": Page(200, ICO, 4286, 0.99), "/manifest.webmanifest": Page(200, JSON, 640, 0.98), "/healthz": Page(200, TEXT, 2),
            "/.well-known/security.txt": Page(200, TEXT, 300, 0.9), "/imprint": Page(200, HTML, 18000, 0.8), "/privacy": Page(200, HTML, 39000, 0.8),
            "/help": Page(200, HTML, 27000, 0.7), "/go": Page(302, NONE, 0), self.logo: Page(200, SVG, 3000, 0.99),
            self.feed: Page(200, XML, 46000, 0.7)}
        for path in (style.search[0], style.cart, style.checkout, style.login, style.account, self.beacon[1]):
            pages.setdefault(path, Page(200, self.item_page.content_type, rng.randrange(2000, 30000)))
        for section in self.sections:
            pages[style.category.format(category=section)] = Page(200, self.item_page.content_type, rng.randrange(20000, 70000), self.item_page.hit_ratio)
        for item in self.products:
            page = self.item_page
            pages[item.path] = Page(200, page.content_type, int(page.size * rng.uniform(0.6, 1.6)), page.hit_ratio)
            for path, _ in item.images:
                pages.setdefault(path, Page(200, JPEG, int(rng.lognormvariate(10.3, 0.5)), 0.88))
        for path, _ in self.scripts:
            pages[path] = Page(200, JS, int(rng.lognormvariate(10.8, 0.8)), 0.97)
        for path, _ in self.styles:
            pages[path] = Page(200, CSS, int(rng.lognormvariate(9.9, 0.6)), 0.97)
        for path in self.fonts:
            pages[path] = Page(200, FONT, rng.randrange(18000, 46000), 0.98)
        for path in self.blog:
            pages[path] = Page(200, HTML, rng.randrange(22000, 50000), 0.5)
        return pages

    def _second_pages(self, rng: Random) -> dict[str, Page]:
        return {"/": Page(404, JSON, 64), "/robots.txt": Page(200, TEXT, 26, 0.9), "/healthz": Page(200, JSON, 15)}
