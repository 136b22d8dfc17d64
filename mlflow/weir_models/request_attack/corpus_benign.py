"""Benign requests: pages, assets, programs, and above all values that look like attacks and are none."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import quote, quote_plus

from weir_models.request_attack.placing import NAMES, PATHS, Request, browser, encode, referer, word

R = random.Random
T = TypeVar("T")
PARTS = 3

NOUNS = [
    "dress",
    "table",
    "lamp",
    "ring",
    "necklace",
    "case",
    "phone",
    "cover",
    "book",
    "poster",
    "print",
    "shoes",
    "boots",
    "jacket",
    "shirt",
    "curtain",
    "rug",
    "knife",
    "drill",
    "saw",
    "pipe",
    "cable",
    "adapter",
    "charger",
    "camera",
    "lens",
    "tripod",
    "bag",
    "wallet",
    "watch",
    "clock",
    "mirror",
    "chair",
    "desk",
    "shelf",
    "sofa",
    "mattress",
    "pillow",
    "blanket",
    "towel",
    "soap",
    "candle",
    "vase",
    "mug",
    "plate",
    "bowl",
    "fork",
    "spoon",
    "pan",
    "pot",
    "grill",
    "oven",
    "fridge",
    "bottle",
    "bicycle",
    "helmet",
    "tent",
    "union",
    "suit",
    "select",
    "comfort",
    "drop",
    "earrings",
    "script",
    "font",
    "insert",
    "tray",
    "update",
    "kit",
    "delete",
    "key",
    "exec",
    "chair",
    "shell",
    "jewelry",
    "system",
    "board",
    "cat",
    "food",
    "head",
    "lamp",
    "tail",
    "light",
    "order",
    "form",
    "group",
    "ring",
    "java",
    "beans",
    "ruby",
    "ring",
    "python",
    "boots",
    "bash",
    "plate",
    "alert",
    "bracelet",
    "confirm",
    "band",
    "eval",
    "sheet",
]
ADJECTIVES = [
    "red",
    "blue",
    "green",
    "black",
    "white",
    "small",
    "large",
    "vintage",
    "antique",
    "modern",
    "handmade",
    "wooden",
    "brass",
    "silver",
    "golden",
    "cheap",
    "used",
    "new",
    "leather",
    "cotton",
    "woollen",
    "waterproof",
    "portable",
    "foldable",
    "wireless",
    "universal",
    "rustic",
    "oak",
]
NAMES_OF_PEOPLE = [
    "O'Brien",
    "O'Connor",
    "D'Angelo",
    "O'Neil",
    "D'Souza",
    "McDonald",
    "Smith-Jones",
    "van",
    "der",
    "Berg",
    "L'Oréal",
    "Müller",
    "José",
    "García",
    "Ñuñez",
    "François",
    "Łukasz",
    "Søren",
    "Zoë",
    "Æthelred",
]
PROSE = (
    "how to select the right size from the list", "union of workers and their families", "drop me a line where you can",
    "insert coin into slot and order by phone", "update your profile or delete from inbox", "having fun like never before",
    "she said 'I will go' and left", "the dog's bone and the cat's toy", "rock 'n' roll or jazz", "5 or 6 people; maybe more",
    "what is the difference between and or not in logic", "create table lamp from old bottle", "group by age and order by name",
    "I'd like to exec a plan - who's in?", "cats & dogs", "black & white; size 42", "price < 100 and rating > 4", "is 1 = 1 true?",
    "how to use sleep in python", "benchmark results for 2024", "alert the media", "confirm your booking (2 persons)", "the script was great",
    "javascript tutorial for beginners", "what does onclick mean", "how to cat a file in linux", "ls command options explained",
    "ping pong table", "wget vs curl", "root beer", "etc and so on...", "either/or", "passwd command", "who am i quiz", "id card holder",
    "Let's eat, grandma!", "Q&A: what's new?", "100% cotton -- machine wash", "e.g. this; i.e. that", "it's 5 o'clock somewhere",
    "12' x 8' shed", '27" monitor', "3/4\" pipe fitting", "7' 6\" surfboard", "size 8 1/2", "1 + 1 = 2", "a = b or c = d", "50% off!",
    "if (and only if) you can", "left join vs right join", "null and void", "true or false", "union made in 1950", "select all that apply",
    "system of a down", "shell shock game", "php developer jobs", "base64 decode online", "where is the love", "table for 2 or 3",
    "delete my account", "insert into my basket", "convert 10 usd to eur", "count to 10", "char siu pork", "cast iron pan (12\")", "limit 3 per customer",
)  # fmt: skip
SCRIPTS = (
    "привет мир",
    "москва погода",
    "日本語 テスト",
    "東京 ホテル 予約",
    "北京 天气",
    "한국어 검색",
    "שלום עולם",
    "مرحبا بالعالم",
    "สวัสดี",
    "γειά σου Κόσμε",
    "žluťoučký kůň",
    "größe und straße",
    "ação e reação",
    "कैसे हो",
    "emoji 😀👍 test",
    "naïve café “quoted”",
    "l’été à Paris",
    "Ｔｏｋｙｏ　ホテル",
)


def _of(r: R, part: int, items: Sequence[T]) -> T:
    """One of every third item, so that families of one kind share no phrasing across the splits."""
    return items[r.randrange(part, len(items), PARTS)]


def _phrase(r: R) -> str:
    return f"{r.choice(ADJECTIVES)} {r.choice(NOUNS)}"


def page(r: R) -> Request:
    """A page or an asset as a site serves it."""
    kind = r.random()
    if kind < 0.35:
        stem = f"/{r.choice(('assets', 'static', 'images', 'css', 'js', 'fonts', 'media/cache', 'wp-content/themes/site', 'dist'))}/{word(r)}"
        path = f"{stem}{r.choice(('', '.min', '-' + _hex(r, 8), '.chunk', '@2x', '_' + str(r.randint(1, 900))))}.{r.choice(('js', 'css', 'png', 'jpg', 'svg', 'woff2', 'ico', 'webp', 'gif', 'mp4', 'map'))}"
        query = r.choice(
            (
                None,
                None,
                f"v={r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 9)}",
                f"ver={r.randint(1, 6)}.{r.randint(0, 9)}",
                f"t={r.randint(10**9, 2 * 10**9)}",
                _hex(r, 10),
            )
        )
    elif kind < 0.8:
        path = r.choice(PATHS) + r.choice(
            (
                "",
                "",
                f"/{word(r)}-{word(r)}",
                f"/{r.randint(1, 99999)}",
                f"/{word(r)}.html",
                f"/{r.randint(2009, 2026)}/{r.randint(1, 12):02d}/{word(r)}-{word(r)}-{word(r)}",
            )
        )
        query = r.choice(
            (
                None,
                None,
                None,
                f"page={r.randint(1, 60)}",
                f"utm_source={word(r)}&utm_medium=email&utm_campaign={word(r)}_{word(r)}",
                f"gclid={_token(r, 60)}",
                f"fbclid={_token(r, 50)}",
                f"id={r.randint(1, 10**6)}",
                f"sort=price&order={r.choice(('asc', 'desc'))}",
            )
        )
    else:
        path = r.choice(
            (
                "/robots.txt",
                "/favicon.ico",
                "/sitemap.xml",
                "/feed",
                "/feed/",
                "/rss.xml",
                "/index.php",
                "/wp-admin/admin-ajax.php",
                "/wp-json/wp/v2/posts",
                "/api/v1/status",
                "/health",
                "/login",
                "/logout",
                "/signup",
                "/apple-touch-icon.png",
                "/manifest.json",
                "/ads.txt",
                "/.well-known/security.txt",
                "/.well-known/apple-app-site-association",
                "/oauth/authorize",
                "/blog/tags/puppet",
                "/projects/fex",
                "/search",
                "/contact",
                "/about-us",
                "/en-us/",
                "/graphql",
                "/.well-known/assetlinks.json",
                "/browserconfig.xml",
                "/crossdomain.xml",
                "/cron.php",
                "/ajax.php",
            )
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


def _hex(r: R, n: int) -> str:
    return "".join(r.choice("0123456789abcdef") for _ in range(n))


def _token(r: R, n: int) -> str:
    return "".join(r.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") for _ in range(n))


def search(r: R, part: int) -> str:
    """What people type into a search box."""
    return _of(r, part, (
        _phrase(r), f'"{_phrase(r)}"', f"{_phrase(r)} -{r.choice(NOUNS)}", f'"{r.choice(NOUNS)}" and "{r.choice(NOUNS)}"', f"{r.choice(NOUNS)} or {r.choice(NOUNS)}",
        f"{r.choice(NOUNS)} {r.randint(1, 60)}\"", f"{r.choice(NAMES_OF_PEOPLE)} {r.choice(NOUNS)}", f"{r.randint(1, 12)}' {r.choice(NOUNS)}", f"({r.choice(NOUNS)} OR {r.choice(NOUNS)}) {r.choice(ADJECTIVES)}",
        f"women's {r.choice(NOUNS)}", f"{r.choice(NOUNS)} for {r.randint(2, 90)} year old's", f"{r.choice(NOUNS)}, {r.choice(ADJECTIVES)} & {r.choice(ADJECTIVES)}", f"{r.randint(1, 99)} and {r.randint(1, 99)} {r.choice(NOUNS)}",
        f"{r.choice(NOUNS)} #{r.randint(1, 20)}", f"{r.choice(NOUNS)} {r.randint(1, 9)}/{r.randint(2, 16)} inch", f"{r.choice(NOUNS)}* {r.choice(ADJECTIVES)}", f"i <3 {r.choice(NOUNS)}s", f"{r.choice(NOUNS)} (new)", f"\"{r.choice(NOUNS)}\" + \"{r.choice(NOUNS)}\" + \"{r.choice(NOUNS)}\"",
    ))  # fmt: skip


def prose(r: R, part: int) -> str:
    """Sentences with the words of a query language, quotes and signs."""
    return " ".join(_of(r, part, PROSE) for _ in range(r.choice((1, 1, 1, 2))))


def foreign(r: R, part: int) -> str:
    """Other scripts, accents and typographic quotes."""
    return " ".join(_of(r, part, SCRIPTS) for _ in range(r.choice((1, 2))))


def contact(r: R, part: int) -> str:
    """Names, addresses, telephone numbers, mail addresses, dates as forms send them."""
    return _of(r, part, (
        f"{r.choice(NAMES_OF_PEOPLE)}", f"c/ {word(r)} {r.randint(1, 200)}, {r.randint(1, 9)}º {r.choice('abc')}", f"{r.randint(1, 999)} {word(r).title()} St. #{r.randint(1, 99)}", f"+{r.randint(1, 99)} ({r.randint(100, 999)}) {r.randint(100, 999)}-{r.randint(1000, 9999)}",
        f"{word(r)}.{word(r)}+{word(r)}@{word(r)}.com", f"{r.randint(1, 28)}/{r.randint(1, 12)}/{r.randint(1950, 2026)}", f"2026-11-{r.randint(1, 28):02d}T10:{r.randint(0, 59):02d}:00+02:00", f"{word(r)} s/n", f"{word(r)}, la", f"{r.randint(10**7, 10**8)}{r.choice('abcdxyz')}", f"P@ss{word(r)}!{r.randint(1, 99)}", f"{word(r)}*{r.randint(1, 99)}${word(r)}", f"{word(r)}'{r.randint(1, 9)};{word(r)}", f"Apt. {r.randint(1, 50)}; ring twice", f"{_token(r, 9)}--",
    ))  # fmt: skip


def structured(r: R, part: int) -> str:
    """JSON, filters, expressions of query languages for people, ranges, coordinates."""
    return _of(r, part, (
        json.dumps({"filter": {"price": {"min": r.randint(1, 9), "max": r.randint(10, 900)}}, "sort": word(r), "tags": [word(r), word(r)]}),
        json.dumps({"id": r.randint(1, 10**6), "name": r.choice(NAMES_OF_PEOPLE), "ok": True, "note": prose(r, part)}),
        json.dumps([[word(r), r.randint(1, 9)], [word(r), None]]),
        f"price gt {r.randint(1, 99)} and name eq '{word(r)}'", f"contains(name,'{word(r)}') or startswith(city,'{word(r)}')",
        f"project = {word(r).upper()} AND status in (Open, \"In Progress\") ORDER BY created DESC", f'title:"{_phrase(r)}" AND ({word(r)} OR {word(r)}*)', f"status:open label:bug author:{word(r)}", f"[{r.randint(1, 9)} TO {r.randint(10, 99)}]",
        f"{{{word(r)}(id:{r.randint(1, 99)}){{name,price{{value}}}}}}", f"{r.uniform(-90, 90):.5f},{r.uniform(-180, 180):.5f}", f"{word(r)}|{word(r)}|{word(r)}", f"{word(r)};{word(r)};q=0.{r.randint(1, 9)}", f"{r.randint(1, 9)};{r.randint(1, 9)};control;0;0;1;", "{{first_name}}", "{{ page.title }}", "${campaign.name}", "%%EMAIL%%", "[[unsubscribe]]", "{id}", "[object Object]", "undefined", "NaN", "<user-name>", "(null)", "null", "-1", "*/*", "text/html;charset=utf-8", f"rgb({r.randint(0, 255)},{r.randint(0, 255)},0)", f"width:{r.randint(100, 900)}px;height:auto", f"#{_hex(r, 6)}", f"{word(r)}::{word(r)}", f"[{word(r)}]", "a,b,c", "1..10", "!important", f"@{word(r)}", f"~{word(r)}", "0,0;1,1", f"={word(r)}", f"({word(r)})", "id,name,items(id,price)", "-created_at,+name",
    ))  # fmt: skip


def code(r: R, part: int) -> str:
    """Code that people search for or paste: no attack, though it has brackets and quotes."""
    return _of(r, part, (
        f"def {word(r)}(x): return x", f"for (int i = 0; i < {r.randint(2, 99)}; i++)", f"{word(r)}.{word(r)}({r.randint(1, 9)})", f"const {word(r)} = () => {{ return {r.randint(1, 9)}; }}", f"#include <{word(r)}.h>", f"std::vector<int> {word(r)}", f"List<String> {word(r)}", f"if (a && b) {{ {word(r)}(); }}", f"git commit -m \"{_phrase(r)}\"", "console.log usage", f"npm install --save {word(r)}", "C++ templates", "c# linq where", f"a[{r.randint(0, 9)}] = b[{r.randint(0, 9)}]", f"x = {r.randint(1, 9)}; y = {r.randint(1, 9)}", f"<div class=\"{word(r)}\">{_phrase(r)}</div>", f"<b>{_phrase(r)}</b>", f"<a href=\"/{word(r)}/\">{_phrase(r)}</a>", f"<p>{prose(r, part)}</p><br/>", f"**{word(r)}** and _{word(r)}_", f"src/{word(r)}/**/*.ts", f"TypeError: {word(r)} is not a function", f"Error: expected ';' before '{word(r)}'", f"NullPointerException at {word(r)}.{word(r)}(Main.java:{r.randint(1, 300)})", f"{word(r)}(1)", "y = mx + b", "f(x) = x^2 + 1", f"printf formatting %d %s {word(r)}", f"regex ^[a-z]+$ {word(r)}", f"@media (max-width: {r.randint(300, 900)}px)",
    ))  # fmt: skip


def opaque(r: R, part: int) -> str:
    """Tokens, hashes, base64 of data, signed values."""
    raw = json.dumps({"uid": r.randint(1, 10**6), "t": word(r), "exp": r.randint(10**9, 2 * 10**9)}).encode()
    return _of(r, part, (
        _hex(r, r.choice((16, 32, 40, 64))), _token(r, r.randint(10, 90)), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "eyJhbGciOiJIUzI1NiJ9." + base64.urlsafe_b64encode(raw).decode().rstrip("=") + "." + _token(r, 43), base64.b64encode(r.randbytes(r.randint(8, 60))).decode(), base64.b64encode(prose(r, part).encode()).decode(),
        f"{_hex(r, 8)}-{_hex(r, 4)}-{_hex(r, 4)}-{_hex(r, 4)}-{_hex(r, 12)}", f"{r.randint(10**9, 10**16)}", f"{_token(r, 12)}--{_hex(r, 40)}", f"{_token(r, 20)}|{r.randint(10**9, 2 * 10**9)}|{_token(r, 20)}", f"sha256-{base64.b64encode(r.randbytes(32)).decode()}",
    ))  # fmt: skip


def address(r: R, part: int) -> str:
    """Addresses and paths as values: where to go next, where one came from, which file to show."""
    return _of(r, part, (
        f"https://www.{word(r)}.com/{word(r)}?{word(r)}={r.randint(1, 99)}&x=y#top", f"/{word(r)}/{word(r)}?tab={word(r)}", f"http://{word(r)}.org/", f"//cdn.{word(r)}.net/{word(r)}.js", f"{word(r)}/{word(r)}.pdf", f"../{word(r)}", f"./{word(r)}", f"https://{word(r)}.example.com/oauth/callback", f"myapp://open/{word(r)}", f"mailto:{word(r)}@{word(r)}.com", f"C:\\Users\\{word(r)}\\Pictures\\{word(r)}.jpg", f"ftp.{word(r)}.org", f"{word(r)} ({r.randint(1, 9)}).docx", "about:blank", "javascript:void(0)", f"https://{word(r)}.com/?q=" + quote(prose(r, part)), f"s3://{word(r)}/{word(r)}/", f"/search?q={quote_plus(search(r, part))}&page=2",
    ))  # fmt: skip


def clumsy(r: R, part: int) -> Request:
    """Clients that mend nothing: broken links, double slashes, placeholders, followed script links."""
    path = _of(
        r,
        part,
        (
            f"//{word(r)}/{word(r)}",
            f"/{word(r)}/javascript:void(0)",
            f"/{word(r)}/undefined",
            f"/{word(r)}/[object%20Object]",
            f"/{word(r)}/%22https:/{word(r)}.com/%22",
            f"/{word(r)}/../{word(r)}.css",
            f"/{word(r)}/%E2%80%A6",
            f"/{word(r)})",
            f"/{word(r)}.",
            f"/{word(r)}&amp;id=3",
            f"/{word(r)}/{{{{url}}}}",
            f"/{word(r)}/${{img}}",
            f"/wiki/{word(r).title()}_({word(r)})",
            f"/wiki/{word(r).title()}'s_{word(r)}",
            f"/{word(r)};jsessionid={_hex(r, 32).upper()}",
            f"/{word(r)}/%20",
            f"/{word(r)}/<br",
            f"/{word(r)}/mailto:{word(r)}@{word(r)}.com",
            f"/{word(r)}/'+{word(r)}+'",
            f"/{word(r)}/@{word(r)}/{word(r)}",
            f"/~{word(r)}/",
            f"/{word(r)}!{word(r)}",
            f"/{word(r)}%2520{word(r)}.jpg",
            f"/{word(r)}/tel:+{r.randint(10**9, 10**10)}",
        ),
    )
    query = r.choice(
        (
            None,
            None,
            "?" + word(r),
            f"amp;id={r.randint(1, 99)}&amp;p=2",
            f"id={r.randint(1, 99)}&&p=1",
            "=",
            "&",
            f"{word(r)}",
            f"id={r.randint(1, 99)}'" if r.random() < 0.1 else f"id={r.randint(1, 99)}%20",
        )
    )
    return Request("GET", path, query, browser(r), referer(r))


def beacon(r: R) -> Request:
    """Counters and software updates: long queries with many opaque values."""
    count = r.randint(3, 24)
    values = (
        lambda: _hex(r, 32),
        lambda: str(r.randint(0, 10**10)),
        lambda: _token(r, 24),
        lambda: f"{r.randint(1, 9)}.{r.randint(0, 99)}.{r.randint(0, 999)}",
        lambda: "",
        lambda: f"{r.randint(1, 255)}.{r.randint(1, 255)}.{r.randint(1, 255)}.{r.randint(1, 254)}",
        lambda: encode(r, _phrase(r)),
        lambda: f"{r.randint(300, 2000)}x{r.randint(300, 2000)}",
        lambda: f"{word(r)}.exe",
        lambda: encode(r, f"https://{word(r)}.com/{word(r)}?a={r.randint(1, 9)}"),
        lambda: f"{word(r)}|{word(r)}",
        lambda: quote(base64.b64encode(r.randbytes(20)).decode()),
        lambda: "WIN_10",
        lambda: encode(r, "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz"),
        lambda: encode(r, json.dumps({"e": word(r), "n": r.randint(1, 9)})),
    )
    query = "&".join(f"{word(r)[:4]}{r.choice(('', '', str(i)))}={r.choice(values)()}" for i in range(count))
    path = r.choice(
        (
            "/collect",
            "/c.gif",
            "/pixel",
            "/report",
            "/stats.php",
            "/update/check",
            f"/dl/{_hex(r, 32)}",
            f"/depot/{r.randint(1, 10**6)}/chunk/{_hex(r, 40)}",
            f"/v3/static/{word(r)}.cab",
            "/log",
            "/query",
        )
    )
    return Request(r.choice(("GET", "GET", "POST")), path, query, browser(r), referer(r))


def back_office(r: R, part: int) -> Request:
    """A site's own sign-in, administration, editors and monitoring, as its people use them."""
    path = _of(
        r,
        part,
        (
            "/wp-login.php",
            "/wp-admin/",
            "/wp-admin/post.php",
            "/wp-admin/admin-ajax.php",
            "/wp-cron.php",
            "/xmlrpc.php",
            "/wp-json/wp/v2/posts",
            "/wp-content/uploads/2024/05/photo.jpg",
            "/wp-content/themes/site/timthumb.php",
            "/wp-content/plugins/forms/assets/form.js",
            "/wp-includes/js/jquery.js",
            "/admin",
            "/admin/",
            "/admin/login",
            f"/admin/{word(r)}",
            "/administrator",
            "/manage/orders",
            "/user/login",
            "/login.php",
            "/login.aspx",
            "/signin",
            "/metrics",
            "/health",
            "/status",
            "/console",
            "/swagger-ui.html",
            "/api-docs",
            "/grafana/d/abc",
            "/kibana/",
            "/actuator/health",
            "/config.json",
            "/manifest.json",
            "/test",
            "/dev/",
            "/old/index.html",
            "/install",
            "/setup",
            "/cgi-bin/search.cgi",
            "/cgi-bin/",
            "/admin.php",
            "/wordpress/wp-login.php",
            "/blog/wp-login.php",
            "/wp/wp-login.php",
            "/wp/wp-admin/",
            "/script/app.js",
            "/scripts/main.js",
            "/blog/tags/script",
            "/metrics/collect",
            "/manager/",
            "/env/",
            "/trace",
        ),
    )
    query = r.choice(
        (
            None,
            None,
            f"post={r.randint(1, 9999)}&action=edit",
            "redirect_to=https%3A%2F%2Fwww.example.com%2Fwp-admin%2F&reauth=1",
            f"action={word(r)}",
            f"src=https://www.example.com/wp-content/uploads/{word(r)}.jpg&w=105&h=66&zc=1",
        )
    )
    return Request(r.choice(("GET", "GET", "POST")), path, query, browser(r), referer(r))


PRODUCTS = [
    "nagios",
    "kibana",
    "grafana",
    "solr",
    "jenkins",
    "phpmyadmin",
    "drupal",
    "joomla",
    "wordpress",
    "struts",
    "tomcat",
    "weblogic",
    "shell",
    "sqlite",
    "mysql",
    "postgresql",
    "mongodb",
    "redis",
    "elasticsearch",
    "logstash",
    "docker",
    "kubernetes",
    "ansible",
    "puppet",
    "vim",
    "bash",
    "perl",
    "python",
    "ruby",
    "php",
    "java",
    "javascript",
    "nodejs",
    "apache",
    "nginx",
    "haproxy",
    "zabbix",
    "cacti",
    "prometheus",
    "consul",
    "airflow",
    "jupyter",
    "fckeditor",
    "ckeditor",
    "git",
    "svn",
    "mercurial",
    "env",
    "admin",
    "console",
    "script",
    "backup",
    "config",
    "install",
    "setup",
]


def about_software(r: R, part: int) -> Request:
    """Pages, pictures and downloads about software, on blogs and documentation sites."""
    name, other = r.choice(PRODUCTS), r.choice(PRODUCTS)
    path = _of(
        r,
        part,
        (
            f"/blog/tags/{name}",
            f"/blog/{r.randint(2009, 2026)}/{r.randint(1, 12):02d}/{name}-{word(r)}",
            f"/presentations/{name}-{word(r)}-2014/images/{other}-{word(r)}.png",
            f"/docs/{name}/{word(r)}.html",
            f"/articles/{name}-vs-{other}",
            f"/images/{name}.svg",
            f"/downloads/{name}-{r.randint(1, 9)}.{r.randint(0, 20)}.tar.gz",
            f"/projects/{name}-{word(r)}/",
            f"/files/{name}/{name}-{r.randint(1, 9)}.zip",
            f"/{word(r)}/{word(r)}/{name}.html",
            f"/tutorials/{name}/{word(r)}",
            f"/tag/{name}",
            f"/category/{name}/page/{r.randint(2, 20)}",
            f"/questions/{r.randint(1, 99999)}/{name}-{word(r)}-{other}",
            f"/wiki/{name.title()}",
            f"/static/{name}/{word(r)}.js",
            f"/update/{word(r)}.xml.zip",
            f"/bin/{r.randint(1000, 9999)}/{_hex(r, 32)}",
            f"/skins/{word(r)}/config.ini",
            f"/kcom_{word(r)}/{_hex(r, 8)}.dat",
            f"/common/style/{name}_extend_{_hex(r, 7)}.css",
            f"/general/{word(r)}.xml",
            f"/sdk/{word(r)}.js",
            f"/products/{name}",
            f"/{word(r)}/general/{word(r)}.xml",
        ),
    )
    query = r.choice((None, None, None, f"page={r.randint(1, 9)}", f"q={name}+{other}+tutorial"))
    return Request("GET", path, query, browser(r), referer(r))


def binary(r: R) -> Request:
    """Programs that put bytes or base64 of text into a query."""
    raw = r.randbytes(r.randint(10, 200))
    text = f"?{word(r)}@{word(r)}@{word(r)}@@{word(r).upper()}_{r.randint(1, 9)}@Z".encode()
    value = r.choice(
        (
            "".join(f"%{b:02x}" for b in raw),
            quote(raw),
            base64.b64encode(raw).decode(),
            base64.b64encode(text).decode(),
            quote(f"C:\\Program Files (x86)\\{word(r)}\\update\\{word(r)}.exe"),
            quote(f"file:///C:/Program Files/{word(r)}/index.html"),
            quote(f"D:\\{word(r)}\\{word(r)}.dll"),
        )
    )
    return Request(
        "GET",
        r.choice(("/query", "/report", "/v8/update.php", "/widget/show")),
        f"v={r.randint(1, 9)}.{r.randint(0, 9)}&{word(r)}={value}&cip={r.randint(1, 200)}.{r.randint(1, 200)}.1.2",
        browser(r),
        None,
    )


_SPLITS = ("fit", "calibrate", "evaluate")
_IN_EVERY_SPLIT: tuple[tuple[str, float, Callable[..., str | Request]], ...] = (
    ("search", 2.0, search), ("prose", 2.0, prose), ("contact", 1.0, contact), ("structured", 2.0, structured), ("code", 1.5, code), ("opaque", 1.0, opaque),
    ("address", 1.0, address), ("foreign", 0.7, foreign), ("clumsy", 1.0, clumsy), ("back_office", 1.0, back_office), ("about_software", 1.0, about_software),
)  # fmt: skip
FAMILIES: tuple[tuple[str, str, float, Callable[[R], str | Request]], ...] = (
    ("page", "fit", 2.0, page), ("binary", "fit", 0.7, binary), ("beacon", "evaluate", 1.5, beacon),
    *(
        (f"{name}_{part + 1}", split, share, partial(write, part=part))
        for name, share, write in _IN_EVERY_SPLIT
        for part, split in enumerate(_SPLITS)
    ),
)  # fmt: skip
