"""The shop: hosts, catalog and paths; the demo's site, and the one that the detectors are fitted on.

Three styles of address (a single-page shop, a Magento-like, a WooCommerce-like one) and four assortments, by seed, so
that no path and no product is typical. Its clients are in `simulator/actors/`.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from random import Random

from simulator.web.families import Family, all_families
from simulator.web.site import (
    CSS,
    FONT,
    HTML,
    ICO,
    JPEG,
    JS,
    JSON,
    NONE,
    SVG,
    TEXT,
    WEBP,
    XML,
    Page,
    Product,
    Site,
    Style,
)
from simulator.web.words import NAMES, THEMES, identifier

STYLES = (
    Style("/c/{category}", "/p/{slug}-{number}", ("/search", "q"), "", "/cart", "/checkout", "/account/login", "/account/orders",
          ("/_next/image", "url=%2Fmedia%2F{number}%2F{slug}-{n}.jpg&w=640&q=75"), "/_next/static/chunks/{name}-{build}.js", "",
          ("GET", "/api/session", "")),
    Style("/{category}.html", "/{slug}-{number}.html", ("/catalogsearch/result/", "q"), "", "/checkout/cart/", "/checkout/",
    "/customer/account/loginPost/", "/customer/account/",
          ("/media/catalog/product/{a}/{b}/{slug}_{n}.jpg", ""), "/static/version1762{digits}/frontend/Shop/default/en_US/{name}.min.js", "",
          ("GET", "/customer/section/load/", "sections=cart%2Cmessages%2Ccustomer&force_new_section_timestamp=false&_=1795{digits}123")),
    Style("/product-category/{category}/", "/product/{slug}-{number}/", ("/", "s"), "&post_type=product", "/cart/", "/checkout/",
    "/my-account/login/", "/my-account/orders/",
          ("/wp-content/uploads/2026/{month}/{slug}-{n}-600x600.jpg", ""), "/wp-content/themes/storefront/assets/js/{name}.min.js", "ver=4.6.{n}",
          ("POST", "/", "wc-ajax=get_refreshed_fragments")),
)


class Shop(Site):
    """One shop, the same for the same seed."""

    name = "shop"

    def __init__(self, seed: int) -> None:
        rng = Random(f"site:{seed}")
        self.theme = rng.choice(sorted(THEMES))
        self.style = STYLES[seed % len(STYLES)]
        name = rng.choice(NAMES)
        self.www, self.api, self.apex = f"www.{name}.example", f"api.{name}.example", f"{name}.example"
        self.distributions = [("E" + identifier(rng, 13, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
            f"d{identifier(rng, 13)}.cloudfront.net") for _ in range(2)]
        adjectives, things, self.categories = THEMES[self.theme]
        self.products = [self._product(rng, number,
            f"{rng.choice(adjectives)}-{rng.choice(adjectives)}-{rng.choice(things)}") for number in sorted(rng.sample(range(10200, 98000), 1400))]
        self.scripts = [
            (self._fill(rng, self.style.script, name=part), self._fill(rng, self.style.script_query))
            for part in ("main", "vendor", "runtime", "cart", "polyfills", "gallery", "analytics", "consent")
        ]
        self.styles = [(path.rsplit(".", 1)[0].replace("/js/", "/css/") + ".css", query) for path, query in self.scripts[:3]]
        self.fonts = [f"/assets/fonts/{family}-{identifier(rng, 8)}.woff2" for family in ("inter-regular", "inter-bold", "icons")]
        self.logo, self.feed = "/assets/logo.svg", "/blog/feed/"
        self.blog = [f"/blog/{rng.choice(('how-to-choose', 'caring-for', 'our-favourite', 'the-story-of'))}-{rng.choice(adjectives)}-{rng.choice(things)}-{n}/" for n in range(40)]
        self.beacon = (self.style.beacon[0], self.style.beacon[1], self._fill(rng, self.style.beacon[2]))
        self.www_pages = self._www_pages(rng)
        self.api_pages = self._api_pages(rng)

    def families(self) -> tuple[Family, ...]:
        return all_families()

    def _product(self, rng: Random, number: int, slug: str) -> Product:
        a, b, month = slug[0], slug[1], f"{rng.randrange(1, 12):02d}"
        path = self.style.product.format(slug=slug, number=number)
        images = tuple(
            (self.style.image[0].format(slug=slug, a=a, b=b, n=n, number=number, month=month),
            self.style.image[1].format(slug=slug, n=n, number=number))
            for n in range(1, rng.randrange(3, 7))
        )
        return Product(number, slug, rng.choice(self.categories), path, images)

    def _fill(self, rng: Random, template: str, name: str = "") -> str:
        return template.format(name=name, build=identifier(rng, 16, "0123456789abcdef"), digits=f"{rng.randrange(100000, 999999)}",
            n=rng.randrange(1, 9))

    def _www_pages(self, rng: Random) -> dict[str, Page]:
        style = self.style
        pages = {"/": Page(200, HTML, 61000, 0.55), "/robots.txt": Page(200, TEXT, 412, 0.97), "/sitemap.xml": Page(200, XML, 148000, 0.8),
            "/favicon.ico": Page(200, ICO, 4286, 0.99),
                 "/manifest.webmanifest": Page(200, JSON, 731, 0.98), "/.well-known/security.txt": Page(200, TEXT, 322, 0.9),
                 "/.well-known/assetlinks.json": Page(200, JSON, 410, 0.9),
                 "/apple-touch-icon.png": Page(200, "image/png", 6120, 0.98), "/ads.txt": Page(200, TEXT, 208, 0.9),
                 "/healthz": Page(200, TEXT, 2, 0.0), "/offer": Page(200, HTML, 42000, 0.9),
                 "/imprint": Page(200, HTML, 21000, 0.8), "/privacy": Page(200, HTML, 47000, 0.8), "/help/returns": Page(200, HTML, 33000, 0.7),
                 "/help/delivery": Page(200, HTML, 30100, 0.7),
                 "/newsletter": Page(200, HTML, 18000, 0.0), "/go": Page(302, NONE, 0, 0.0), "/admin": Page(404, HTML, 9120, 0.2),
                 self.logo: Page(200, SVG, 3120, 0.99),
                 self.feed: Page(200, "application/rss+xml;%20charset=UTF-8", 51000, 0.75), "/blog/": Page(200, HTML, 39000, 0.5),
                 "/blog/wp-login.php": Page(200, HTML, 5400),
                 "/blog/wp-admin/": Page(302, HTML, 0), "/blog/xmlrpc.php": Page(405, TEXT, 42),
                 "/blog/wp-json/wp/v2/posts": Page(200, JSON, 31000, 0.1), "/blog/wp-json/wp/v2/users": Page(401, JSON, 180)}
        for name in ("post.php", "edit.php", "admin-ajax.php", "post-new.php", "upload.php", "async-upload.php", "load-scripts.php",
                "load-styles.php"):
            pages[f"/blog/wp-admin/{name}"] = Page(200, HTML if "load" not in name else JS, rng.randrange(3000, 90000))
        for path in (style.search[0], style.cart, style.checkout, style.login, style.account, self.beacon[1], "/account/register", "/api/cart/items",
                "/api/reviews", "/api/consent"):
            pages.setdefault(path, Page(200, JSON if path.startswith(("/api", "/customer/section")) else HTML,
                rng.randrange(900, 4000) if path.startswith("/api") else rng.randrange(22000, 46000)))
        for category in self.categories:
            pages[style.category.format(category=category)] = Page(200, HTML, rng.randrange(52000, 88000), 0.35)
        for product in self.products:
            pages[product.path] = Page(200, HTML, rng.randrange(38000, 64000), 0.25)
            for path, _ in product.images:
                pages.setdefault(path, Page(200, WEBP if path.endswith("image") else JPEG, int(rng.lognormvariate(10.4, 0.5)), 0.86))
        for path, _ in self.scripts:
            pages[path] = Page(200, JS, int(rng.lognormvariate(10.6, 0.8)), 0.97)
        for path, _ in self.styles:
            pages[path] = Page(200, CSS, int(rng.lognormvariate(9.9, 0.6)), 0.97)
        for path in self.fonts:
            pages[path] = Page(200, FONT, rng.randrange(18000, 46000), 0.98)
        for path in self.blog:
            pages[path] = Page(200, HTML, rng.randrange(24000, 52000), 0.4)
        return pages

    def _api_pages(self, rng: Random) -> dict[str, Page]:
        pages = {f"/v2/{name}": Page(200, JSON, size, hits) for name, size, hits in (
            ("config", 2400, 0.9), ("products", 18500, 0.4), ("search", 9700, 0.0), ("cart", 900, 0.0), ("session", 640, 0.0),
            ("token/refresh", 610, 0.0), ("orders", 5200, 0.0),
            ("stock", 61000, 0.0), ("events", 12, 0.0), ("graphql", 4100, 0.0), ("prices", 24000, 0.1), ("stores", 7200, 0.8),
            ("feeds/products.csv", 480000, 0.3), ("feeds/products.xml", 910000, 0.3),
        )}
        for product in self.products:
            pages[f"/v2/products/{product.number}"] = Page(200, JSON, rng.randrange(1400, 5200), 0.3)
            pages[f"/v2/products/{product.number}/stock"] = Page(200, JSON, rng.randrange(80, 200))
        pages["/"] = Page(404, JSON, 64)
        pages["/robots.txt"] = Page(200, TEXT, 26, 0.9)
        pages["/healthz"] = Page(200, JSON, 15)
        return pages


SITE = Shop
