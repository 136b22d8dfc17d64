"""A person's visit with a browser: landing, pages with their assets, searches, cart, sign-in, stale links.

Every actor that is or contains people uses it; their number, addresses and times are the actor's part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from simulator.web import tracking, words
from simulator.web.site import Product
from simulator.web.stage import Client, Stage


@dataclass(frozen=True)
class Taste:
    """The habits of visitors: search texts, length of a visit, queries of their links."""

    searches: Sequence[str] = words.PLAIN_SEARCHES * 2 + words.NAMED_SEARCHES[:9] + words.WORLD_SEARCHES[-6:]
    search_share: float = 0.14
    pages: float = 5.0
    """Pages of a visit on average."""
    opaque_share: float = 0.04
    filters: bool = False
    """Whether pages send JSON and GraphQL in the query."""
    assets: bool = True
    images: float = 3.4
    """Pictures that load with a page on average; most pages come with a few, the rest are lazy."""


USUAL = Taste()


def session_cookie(stage: Stage) -> str:
    rng = stage.rng
    if rng.random() >= 0.93:
        return ""
    return f"sid={words.identifier(rng, 26)}; consent={rng.choice(('all', 'necessary', '1:1:0'))}; _ga=GA1.1.{rng.randrange(10**9)}.179{rng.randrange(10**7)}"


def visit(
    stage: Stage,
    client: Client,
    at: float,
    taste: Taste = USUAL,
    landing: tuple[str, str, str] | None = None,
    known: float = 0.35,
) -> float:
    """One visit from `at` on; returns its end. `landing` is a path, query and referer; `known` the share with a warm cache."""
    rng, site = stage.rng, stage.site
    client.cookie = session_cookie(stage)
    path, query, referer = landing or _landing(stage, taste)
    if rng.random() < 0.02:
        host = site.apex if rng.random() < 0.5 else site.www
        stage.send(client.variant(plain_http=True), at, path, query, host=host, cookie="")
        at += 0.1
    stage.send(client, at, path, query, referer=referer, cookie="" if rng.random() > known else client.cookie)
    page = site.link(path, query)
    if taste.assets and rng.random() > known:
        _first_assets(stage, client, at, page)
    _pictures(stage, client, at, page, None, taste)
    for _ in range(int(rng.expovariate(1 / taste.pages))):
        at += min(900.0, rng.lognormvariate(2.6, 0.95))
        draw = rng.random()
        product, status = None, 0
        if draw < taste.search_share:
            path, query = site.search(words.fill(rng, rng.choice(taste.searches), site.theme), plus=rng.random() < 0.8)
        elif draw < 0.62:
            product = site.product(rng)
            path, query = product.path, ""
        elif draw < 0.83:
            path, query = site.category(rng), _category_query(stage, taste)
        elif draw < 0.89:
            body, status_of_cart = stage.rng.randrange(40, 120), 201 if stage.rng.random() < 0.95 else 409
            stage.post(client, at - 2.0, "/api/cart/items", referer=page, body=body, status=status_of_cart)
            path, query = site.style.cart, ""
        elif draw < 0.92:
            path, query = rng.choice(site.blog), ""
        elif draw < 0.94:
            path, query = rng.choice(("/help/returns", "/help/delivery", "/privacy", "/imprint")), ""
        elif draw < 0.965:
            at = sign_in(stage, client, at, page)
            path, query = site.style.account, ""
        elif draw < 0.98:
            path, query, status = old_link(stage)
        elif draw < 0.99:
            path, query = site.style.checkout, "step=address"
        else:
            path, query = "/", ""
        stage.send(client, at, path, query, referer=page, status=status)
        page = site.link(path, query)
        _pictures(stage, client, at, page, product, taste)
    return at


def sign_in(stage: Stage, client: Client, at: float, referer: str, failures: float = 0.17) -> float:
    """Sign in through the form, with the occasional mistyped password."""
    rng, login = stage.rng, stage.site.style.login
    while rng.random() < failures:
        status = rng.choice((401, 401, 403, 422))
        stage.post(client, at, login, status=status, referer=referer, body=rng.randrange(60, 130))
        at += rng.lognormvariate(2.3, 0.5)
        failures *= 0.8
    stage.post(client, at, login, status=302, referer=referer, body=rng.randrange(60, 130))
    return at + 0.6


def _landing(stage: Stage, taste: Taste) -> tuple[str, str, str]:
    rng, site = stage.rng, stage.site
    draw = rng.random()
    if draw < 0.3:
        path = "/"
    elif draw < 0.74:
        path = site.product(rng).path
    else:
        path = site.category(rng) if draw < 0.93 else rng.choice(site.blog)
    if rng.random() < taste.opaque_share:
        return path, tracking.opaque_query(rng), rng.choice(tracking.MAIL_REFERERS + tracking.SOCIAL_REFERERS)
    draw = rng.random()
    if draw < 0.6:
        return path, "", "" if draw < 0.3 else rng.choice(tracking.SEARCH_REFERERS)
    query = tracking.click_query(rng)
    if draw < 0.8:
        return path, query, rng.choice(tracking.SEARCH_REFERERS)
    return path, query, rng.choice(tracking.SOCIAL_REFERERS if draw < 0.9 else tracking.MAIL_REFERERS)


def _first_assets(stage: Stage, client: Client, at: float, page: str) -> None:
    """What a browser without a cache loads: styles, scripts, fonts, icons, and the page's own call."""
    site, rng, send = stage.site, stage.rng, stage.send
    at += 0.15 + rng.random() * 0.3
    for path, query in site.styles + site.scripts:
        if rng.random() < 0.88:
            send(client, at, path, query, referer=page)
            at += rng.random() * 0.05
    stage.load(client, at, [(path, "") for path in site.fonts], site.link(site.styles[0][0]))
    send(client, at + 0.1, site.logo, referer=page)
    if rng.random() < 0.6:
        send(client, at + 0.4, "/favicon.ico", referer=page)
    if rng.random() < 0.25:
        send(client, at + 0.4, "/manifest.webmanifest", referer=page)
    if rng.random() < 0.05:
        send(client, at + 0.5, "/apple-touch-icon" + rng.choice((".png", "-precomposed.png", "-120x120.png")))
    if rng.random() < 0.03:
        name = rng.choice(("change-password", "apple-app-site-association", "passkey-endpoints"))
        send(client, at + 1.5, f"/.well-known/{name}")
    _beacon(stage, client, at + 0.3, page)


def _beacon(stage: Stage, client: Client, at: float, page: str) -> None:
    method, path, query = stage.site.beacon
    stage.send(client, at, path, query, method=method, referer=page, body=24 if method == "POST" else 0)


def _pictures(stage: Stage, client: Client, at: float, page: str, product: Product | None, taste: Taste) -> None:
    if not taste.assets:
        return
    site, rng = stage.site, stage.rng
    at += 0.2 + rng.random() * 0.3
    count = min(14, int(rng.expovariate(1 / taste.images)))
    if product:
        stage.load(client, at, product.images[: count + 1], page)
        count //= 2
    for _ in range(count):
        stage.load(client, at, site.product(rng).images[:1], page)
        at += rng.random() * 0.3
    if taste.filters and rng.random() < 0.5:
        _structured_request(stage, client, at)
    elif rng.random() < 0.2:
        _beacon(stage, client, at, page)


def _category_query(stage: Stage, taste: Taste) -> str:
    rng = stage.rng
    draw = rng.random()
    if draw < 0.45:
        return ""
    if draw < 0.6:
        return f"page={rng.randrange(2, 12)}"
    if draw < 0.75:
        return f"sort={rng.choice(('price_asc', 'price_desc', 'new', 'rating'))}&page={rng.randrange(1, 5)}"
    if draw >= 0.9 and taste.filters:
        return f"filters={quote(_filter_json(stage), safe=rng.choice(('', '{}:,[]')))}"
    color, size = rng.choice(("black", "blue,red", "green|grey")), rng.choice(("s", "m", "xl", "42"))
    price = f"price={rng.randrange(5, 40)}-{rng.randrange(50, 400)}"
    brands = f"brand%5B%5D={rng.randrange(1, 60)}&brand%5B%5D={rng.randrange(1, 60)}"
    return rng.choice((f"filter[colour]={color}&filter[size]={size}", price, brands))


def _filter_json(stage: Stage) -> str:
    rng = stage.rng
    return rng.choice(
        (
            f'{{"price":{{"gte":{rng.randrange(5, 50)},"lte":{rng.randrange(60, 400)}}},"brand":["{rng.choice(words.NAMES)}","O\'Neill"]}}',
            f'[{{"field":"size","op":"in","values":["{rng.randrange(36, 47)}","{rng.randrange(36, 47)}"]}},{{"field":"stock","op":">","value":0}}]',
            f'{{"and":[{{"colour":"{rng.choice(("black", "rose"))}"}},{{"or":[{{"sale":true}},{{"new":true}}]}}],"order":"price desc"}}',
        )
    )


def _structured_request(stage: Stage, client: Client, at: float) -> None:
    """GraphQL by GET and JSON in parameters, as single-page shops send them to their API."""
    rng, site = stage.rng, stage.site
    shop = f"https://{site.www}/"
    draw = rng.random()
    if draw < 0.12:
        numbers = ",".join(str(site.product(rng).number) for _ in range(rng.randrange(20, 260)))
        callback = f"jQuery3510{rng.randrange(10**16)}_1795{rng.randrange(10**9)}"
        path, query = "/v2/prices", f"ids={numbers}" + (f"&callback={callback}" if rng.random() < 0.5 else "")
    elif draw < 0.55:
        text = f'query Product($id:ID!){{product(id:$id){{name price(currency:"EUR"){{amount}} reviews(first:{rng.randrange(3, 20)}){{edges{{node{{text}}}}}}}}}}'
        variables = f'{{"id":{site.product(rng).number}}}'
        path, query = "/v2/graphql", f"query={quote(text)}&variables={quote(variables)}"
    else:
        if rng.random() < 0.6:
            stage.call(client, at - 0.2, "/v2/products", method="OPTIONS", referer=shop, cookie="")
        filters = quote(_filter_json(stage))
        path, query = "/v2/products", f"filter={filters}&fields=id,name,price&limit={rng.choice((12, 24, 48))}"
    stage.call(client, at, path, query, referer=shop, cookie="")


def old_link(stage: Stage) -> tuple[str, str, int]:
    """Where old links lead: products that are gone, addresses that a mail program cut, the scripts of the shop system
    before this one, downloads whose signature expired. Path, query, and the status if it is not the site's usual."""
    rng, site = stage.rng, stage.site
    product, number = rng.choice(site.products), rng.randrange(3, 900)
    gone = product.path.replace(str(product.number), str(product.number - 9000))
    draw = rng.random()
    if draw < 0.55:
        paths = (
            gone, product.path.rstrip("/")[: rng.randrange(6, 14)], f"/shop/{product.slug}", f"/{product.category}/old-{product.slug}.html",
            f"/media/{product.slug}.jpg", product.path + ")", product.path + "%20", product.path + "&amp;ref=mail", "/sale-2024/", "/undefined", "/null",
            f"/en/{product.slug}", "/index.html", "/index.php", "/" + product.path, f"{gone};jsessionid={words.identifier(rng, 32, '0123456789ABCDEF')}",
        )  # fmt: skip
        return rng.choice(paths), "", 0
    if draw < 0.8:
        former = (
            ("/index.php", f"cPath=21_{number}&products_id={number}"), ("/product.php", f"id={number}"), ("/product_info.php", f"products_id={number}&osCsid={words.identifier(rng, 32, '0123456789abcdef')}"),
            ("/search.php", f"q={quote_plus(words.fill(rng, rng.choice(words.NAMED_SEARCHES), site.theme))}"), ("/download.php", f"file=catalogue-{rng.randrange(2015, 2024)}.pdf"), ("/index.php", "page=contact"),
            ("/shop/show.php", f"item={number}&lang=en"), ("/view.php", f"page={rng.choice(('about', 'imprint', 'delivery/europe'))}"), ("/news.asp", f"nid={number}"), ("/index.php", f"option=com_content&view=article&id={number}:{product.slug}"),
            ("/detail.aspx", f"ID={number}&cat={product.category}"), ("/cgi-bin/shop.pl", f"action=show;item={number}"), ("/", f"p={number}"), ("/index.php", f"route=product/product&product_id={number}"),
        )  # fmt: skip
        return (*rng.choice(former), 0)
    if draw < 0.9:
        text = quote_plus(rng.choice(("größe", "éclairage", "niño", "façade", "señora", "smörgås")).encode("latin-1"))
        return site.style.search[0], f"{site.style.search[1]}={text}", 0
    signature = words.identifier(rng, 120, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~")
    return (
        f"/downloads/manual-{product.number}.pdf",
        f"Expires=1795{number:03d}000&Signature={signature}__&Key-Pair-Id=K2{words.identifier(rng, 12).upper()}",
        403,
    )
