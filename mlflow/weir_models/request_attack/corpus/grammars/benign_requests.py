"""Benign requests as a whole: pages, assets, programs, broken links, a site's own back office; and all benign families."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

from weir_models.request_attack.corpus.grammars import benign_values
from weir_models.request_attack.corpus.grammars.benign_values import hex_digits, one_of, phrase, token
from weir_models.request_attack.corpus.placing import NAMES, PATHS, Request, browser, encode, referer, word

R = random.Random


def page(r: R) -> Request:
    """A page or an asset as a site serves it."""
    kind = r.random()
    if kind < 0.35:
        stem = f"/{r.choice(('assets', 'static', 'images', 'css', 'js', 'fonts', 'media/cache', 'wp-content/themes/site', 'dist'))}/{word(r)}"
        path = f"{stem}{r.choice(('', '.min', '-' + hex_digits(r, 8), '.chunk', '@2x', '_' + str(r.randint(1, 900))))}.{r.choice(('js', 'css', 'png', 'jpg', 'svg', 'woff2', 'ico', 'webp', 'gif', 'mp4', 'map'))}"
        query = r.choice((None, None, f"v={r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 9)}",
            f"ver={r.randint(1, 6)}.{r.randint(0, 9)}", f"t={r.randint(10**9, 2 * 10**9)}", hex_digits(r, 10)))  # fmt: skip
    elif kind < 0.8:
        path = r.choice(PATHS) + r.choice(("", "", f"/{word(r)}-{word(r)}", f"/{r.randint(1, 99999)}", f"/{word(r)}.html",
            f"/{r.randint(2009, 2026)}/{r.randint(1, 12):02d}/{word(r)}-{word(r)}-{word(r)}"))  # fmt: skip
        query = r.choice((None, None, None, f"page={r.randint(1, 60)}",
            f"utm_source={word(r)}&utm_medium=email&utm_campaign={word(r)}_{word(r)}", f"gclid={token(r, 60)}", f"fbclid={token(r, 50)}",
            f"id={r.randint(1, 10**6)}", f"sort=price&order={r.choice(('asc', 'desc'))}"))  # fmt: skip
    else:
        path = r.choice(
            """
                /robots.txt /favicon.ico /sitemap.xml /feed /feed/ /rss.xml /index.php /wp-admin/admin-ajax.php
                /wp-json/wp/v2/posts /api/v1/status /health /login /logout /signup /apple-touch-icon.png
                /manifest.json /ads.txt /.well-known/security.txt /.well-known/apple-app-site-association
                /oauth/authorize /topics/recipes /projects/ /search /contact /about-us /en-us/ /graphql
                /.well-known/assetlinks.json /browserconfig.xml /crossdomain.xml /cron.php /ajax.php
            """.split()
        )
        query = None if r.random() < 0.7 else f"{r.choice(NAMES)}={word(r)}"
    return Request(
        r.choice(("GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"))
        if "/api" in path
        else r.choice(("GET",) * 9 + ("HEAD", "POST")),
        path,
        query,
        browser(r),
        referer(r),
    )


def clumsy(r: R, part: int) -> Request:
    """Clients that mend nothing: broken links, double slashes, placeholders, followed script links."""
    path = one_of(r, part, (f"//{word(r)}/{word(r)}", f"/{word(r)}/javascript:void(0)", f"/{word(r)}/undefined",
        f"/{word(r)}/[object%20Object]", f"/{word(r)}/%22https:/{word(r)}.com/%22", f"/{word(r)}/../{word(r)}.css", f"/{word(r)}/%E2%80%A6",
        f"/{word(r)})", f"/{word(r)}.", f"/{word(r)}&amp;id=3", f"/{word(r)}/{{{{url}}}}", f"/{word(r)}/${{img}}",
        f"/wiki/{word(r).title()}_({word(r)})", f"/wiki/{word(r).title()}'s_{word(r)}",
        f"/{word(r)};jsessionid={hex_digits(r, 32).upper()}", f"/{word(r)}/%20", f"/{word(r)}/<br",
        f"/{word(r)}/mailto:{word(r)}@{word(r)}.com", f"/{word(r)}/'+{word(r)}+'", f"/{word(r)}/@{word(r)}/{word(r)}", f"/~{word(r)}/",
        f"/{word(r)}!{word(r)}", f"/{word(r)}%2520{word(r)}.jpg", f"/{word(r)}/tel:+{r.randint(10**9, 10**10)}"))  # fmt: skip
    query = r.choice((None, None, "?" + word(r), f"amp;id={r.randint(1, 99)}&amp;p=2", f"id={r.randint(1, 99)}&&p=1", "=", "&",
        f"{word(r)}", f"id={r.randint(1, 99)}'" if r.random() < 0.1 else f"id={r.randint(1, 99)}%20"))  # fmt: skip
    return Request("GET", path, query, browser(r), referer(r))


def beacon(r: R) -> Request:
    """Counters and software updates: long queries with many opaque values."""
    count = r.randint(3, 24)
    values = (lambda: hex_digits(r, 32), lambda: str(r.randint(0, 10**10)), lambda: token(r, 24),
        lambda: f"{r.randint(1, 9)}.{r.randint(0, 99)}.{r.randint(0, 999)}", lambda: "",
        lambda: f"{r.randint(1, 255)}.{r.randint(1, 255)}.{r.randint(1, 255)}.{r.randint(1, 254)}", lambda: encode(r, phrase(r)),
        lambda: f"{r.randint(300, 2000)}x{r.randint(300, 2000)}", lambda: f"{word(r)}.exe", lambda: encode(r,
        f"https://{word(r)}.com/{word(r)}?a={r.randint(1, 9)}"), lambda: f"{word(r)}|{word(r)}",
        lambda: quote(base64.b64encode(r.randbytes(20)).decode()), lambda: "WIN_10", lambda: encode(r,
        "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz"), lambda: encode(r, json.dumps({"e": word(r), "n": r.randint(1, 9)})))  # fmt: skip
    query = "&".join(f"{word(r)[:4]}{r.choice(('', '', str(i)))}={r.choice(values)()}" for i in range(count))
    path = r.choice(("/collect", "/c.gif", "/pixel", "/report", "/stats.php", "/update/check", f"/dl/{hex_digits(r, 32)}",
        f"/depot/{r.randint(1, 10**6)}/chunk/{hex_digits(r, 40)}", f"/v3/static/{word(r)}.cab", "/log", "/query"))  # fmt: skip
    return Request(r.choice(("GET", "GET", "POST")), path, query, browser(r), referer(r))


def back_office(r: R, part: int) -> Request:
    """A site's own sign-in, administration, editors and monitoring, as its people use them."""
    path = one_of(r, part, ("/wp-login.php", "/wp-admin/", "/wp-admin/post.php", "/wp-admin/admin-ajax.php", "/wp-cron.php", "/xmlrpc.php",
        "/wp-json/wp/v2/posts", "/wp-content/uploads/2024/05/photo.jpg", "/wp-content/themes/site/timthumb.php",
        "/wp-content/plugins/forms/assets/form.js", "/wp-includes/js/jquery.js", "/admin", "/admin/", "/admin/login", f"/admin/{word(r)}",
        "/administrator", "/manage/orders", "/user/login", "/login.php", "/login.aspx", "/signin", "/metrics", "/health", "/status",
        "/console", "/swagger-ui.html", "/api-docs", "/grafana/d/abc", "/kibana/", "/actuator/health", "/config.json", "/manifest.json",
        "/test", "/dev/", "/old/index.html", "/install", "/setup", "/cgi-bin/search.cgi", "/cgi-bin/", "/admin.php",
        "/wordpress/wp-login.php", "/blog/wp-login.php", "/wp/wp-login.php", "/wp/wp-admin/", "/script/app.js", "/scripts/main.js",
        "/topics/script", "/metrics/collect", "/manager/", "/env/", "/trace"))  # fmt: skip
    query = r.choice((None, None, f"post={r.randint(1, 9999)}&action=edit",
        "redirect_to=https%3A%2F%2Fwww.example.com%2Fwp-admin%2F&reauth=1", f"action={word(r)}",
        f"src=https://www.example.com/wp-content/uploads/{word(r)}.jpg&w=105&h=66&zc=1"))  # fmt: skip
    return Request(r.choice(("GET", "GET", "POST")), path, query, browser(r), referer(r))


PRODUCTS = """
    nagios kibana grafana solr jenkins phpmyadmin drupal joomla wordpress struts tomcat weblogic shell sqlite mysql
    postgresql mongodb redis elasticsearch fluentd docker kubernetes ansible terraform vim bash perl python ruby php
    java javascript nodejs apache nginx haproxy zabbix cacti prometheus consul airflow jupyter fckeditor ckeditor
    git svn mercurial env admin console script backup config install setup
""".split()  # fmt: skip


def about_software(r: R, part: int) -> Request:
    """Pages, pictures and downloads about software, on blogs and documentation sites."""
    name, other = r.choice(PRODUCTS), r.choice(PRODUCTS)
    path = one_of(r, part, (f"/topics/{name}", f"/blog/{r.randint(2009, 2026)}/{r.randint(1, 12):02d}/{name}-{word(r)}",
        f"/slides/{name}-{word(r)}/img/{other}-{word(r)}.png", f"/docs/{name}/{word(r)}.html", f"/articles/{name}-vs-{other}",
        f"/images/{name}.svg", f"/downloads/{name}-{r.randint(1, 9)}.{r.randint(0, 20)}.tar.gz", f"/projects/{name}-{word(r)}/",
        f"/files/{name}/{name}-{r.randint(1, 9)}.zip", f"/{word(r)}/{word(r)}/{name}.html", f"/tutorials/{name}/{word(r)}", f"/tag/{name}",
        f"/category/{name}/page/{r.randint(2, 20)}", f"/questions/{r.randint(1, 99999)}/{name}-{word(r)}-{other}", f"/wiki/{name.title()}",
        f"/static/{name}/{word(r)}.js", f"/update/{word(r)}.xml.zip", f"/bin/{r.randint(1000, 9999)}/{hex_digits(r, 32)}",
        f"/skins/{word(r)}/config.ini", f"/kcom_{word(r)}/{hex_digits(r, 8)}.dat", f"/common/style/{name}_extend_{hex_digits(r, 7)}.css",
        f"/general/{word(r)}.xml", f"/sdk/{word(r)}.js", f"/products/{name}", f"/{word(r)}/general/{word(r)}.xml"))  # fmt: skip
    query = r.choice((None, None, None, f"page={r.randint(1, 9)}", f"q={name}+{other}+tutorial"))
    return Request("GET", path, query, browser(r), referer(r))


def binary(r: R) -> Request:
    """Programs that put bytes or base64 of text into a query."""
    raw = r.randbytes(r.randint(10, 200))
    text = f"?{word(r)}@{word(r)}@{word(r)}@@{word(r).upper()}_{r.randint(1, 9)}@Z".encode()
    value = r.choice(("".join(f"%{b:02x}" for b in raw), quote(raw), base64.b64encode(raw).decode(), base64.b64encode(text).decode(),
        quote(f"C:\\Program Files (x86)\\{word(r)}\\update\\{word(r)}.exe"), quote(f"file:///C:/Program Files/{word(r)}/index.html"),
        quote(f"D:\\{word(r)}\\{word(r)}.dll")))  # fmt: skip
    return Request(
        "GET",
        r.choice(("/query", "/report", "/v8/update.php", "/widget/show")),
        f"v={r.randint(1, 9)}.{r.randint(0, 9)}&{word(r)}={value}&cip={r.randint(1, 200)}.{r.randint(1, 200)}.1.2",
        browser(r),
        None,
    )


_SPLITS = ("fit", "calibrate", "evaluate")
_IN_EVERY_SPLIT: tuple[tuple[str, float, Callable[..., str | Request]], ...] = (
    ("search", 2.0, benign_values.search), ("prose", 2.0, benign_values.prose), ("contact", 1.0, benign_values.contact), ("structured", 2.0, benign_values.structured), ("code", 1.5, benign_values.code), ("opaque", 1.0, benign_values.opaque),
    ("address", 1.0, benign_values.address), ("foreign", 0.7, benign_values.foreign), ("clumsy", 1.0, clumsy), ("back_office", 1.0, back_office), ("about_software", 1.0, about_software),
)  # fmt: skip
FAMILIES: tuple[tuple[str, str, float, Callable[[R], str | Request]], ...] = (
    ("page", "fit", 2.0, page), ("binary", "fit", 0.7, binary), ("beacon", "evaluate", 1.5, beacon),
    *(
        (f"{name}_{part + 1}", split, share, partial(write, part=part))
        for name, share, write in _IN_EVERY_SPLIT
        for part, split in enumerate(_SPLITS)
    ),
)  # fmt: skip
