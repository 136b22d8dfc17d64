"""What actors and the edge need of a site: its hosts, items, address scheme, and its answers to requests.

The sites themselves are in `simulator/sites/`, visitors of the shop in `actors/`, the edge's part in `responses.py`.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from simulator.web.families import Family

(HTML, JSON, JS, CSS, WEBP, JPEG, FONT, ICO, TEXT, XML, SVG, NONE) = """\
text/html;%20charset=utf-8 application/json application/javascript text/css image/webp image/jpeg font/woff2 image/x-icon text/plain application/xml
image/svg+xml -""".split()
"""Content types as the log has them (the blank is encoded there)."""


@dataclass(frozen=True)
class Page:
    """How the site answers one path: status, type, usual body size in bytes, share of cache hits."""

    status: int
    content_type: str
    size: int
    hit_ratio: float = 0.0
    takes_body: bool = False
    """Whether it accepts POST and PUT though its type is neither HTML nor JSON."""

    @property
    def dynamic(self) -> bool:
        return self.content_type in (HTML, JSON)


@dataclass(frozen=True)
class Product:
    number: int
    slug: str
    category: str
    path: str
    images: tuple[tuple[str, str], ...]
    """Path and query of each picture."""


@dataclass(frozen=True)
class Style:
    """The address scheme of a shop system."""

    category: str
    product: str
    search: tuple[str, str]
    """Path and parameter; further fixed parameters follow the text."""
    search_tail: str
    cart: str
    checkout: str
    login: str
    account: str
    image: tuple[str, str]
    script: str
    script_query: str
    beacon: tuple[str, str, str]
    """Method, path and query of the call that each page makes."""


class Site(ABC):
    """One site, the same for the same seed; a subclass sets every attribute and names its clients."""

    name: ClassVar[str]
    held_out: ClassVar[bool] = False
    """Whether the site, with all its families, is never used for fitting."""
    theme: str
    """Key of `words.THEMES`: the vocabulary of searches."""
    style: Style
    www: str
    api: str
    """The second host, with a distribution of its own: of an API, of media, of downloads."""
    apex: str
    distributions: list[tuple[str, str]]
    """Of the first and of the second host: identifier (in file names) and domain (in cs(Host))."""
    categories: tuple[str, ...]
    products: list[Product]
    scripts: list[tuple[str, str]]
    styles: list[tuple[str, str]]
    fonts: list[str]
    logo: str
    feed: str
    blog: list[str]
    beacon: tuple[str, str, str]
    www_pages: dict[str, Page]
    api_pages: dict[str, Page]

    @abstractmethod
    def __init__(self, seed: int) -> None: ...

    @abstractmethod
    def families(self) -> tuple[Family, ...]:
        """The clients of the site."""

    def page(self, on_api: bool, path: str) -> Page | None:
        """What is at a path of the first or second host."""
        return (self.api_pages if on_api else self.www_pages).get(path)

    def answer(self, host: str, method: str, path: str) -> Page:
        """The response of the origin, before chance, load and defenses."""
        on_api = host == self.api or host == self.distributions[1][1]
        page = self.page(on_api, path)
        if method in ("GET", "HEAD"):
            return page or (_API_MISSING if on_api else _MISSING)
        if method == "OPTIONS":
            return _PREFLIGHT
        if method == "POST":
            if page is None:
                return _API_MISSING if on_api else _MISSING
            return page if page.dynamic or page.takes_body else _NOT_ALLOWED
        if method in ("PUT", "PATCH", "DELETE"):
            return page if page and (on_api or page.takes_body) else _NOT_ALLOWED
        return _BAD_METHOD

    def product(self, rng: Random) -> Product:
        """A product by popularity: few are popular, most are seldom seen."""
        return self.products[int(len(self.products) * rng.random() ** 2.6)]

    def search(self, text: str, plus: bool = True) -> tuple[str, str]:
        """Path and query of a search form that a browser sends."""
        path, parameter = self.style.search
        return path, f"{parameter}={(quote_plus(text) if plus else quote(text, safe=''))}{self.style.search_tail}"

    def category(self, rng: Random) -> str:
        return self.style.category.format(category=rng.choice(self.categories))

    def link(self, path: str, query: str = "") -> str:
        """The address of a page as a referer names it."""
        return f"https://{self.www}{path}" + (f"?{query}" if query else "")


_MISSING = Page(404, HTML, 9120, 0.1)
_API_MISSING = Page(404, JSON, 91)
_PREFLIGHT = Page(204, NONE, 0)
_NOT_ALLOWED = Page(405, HTML, 559)
_BAD_METHOD = Page(403, HTML, 915)
