"""Benign values: what people and programs put into parameters, above all what looks like an attack and is none."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import quote, quote_plus

from weir_models.request_attack.corpus.placing import word

R = random.Random
T = TypeVar("T")
PARTS = 3
"""Families of one kind share no phrasing: each takes every third."""

NOUNS = """
    dress table lamp ring necklace case phone cover book poster print shoes boots jacket shirt curtain rug knife
    drill saw pipe cable adapter charger camera lens tripod bag wallet watch clock mirror chair desk shelf sofa
    mattress pillow blanket towel soap candle vase mug plate bowl fork spoon pan pot grill oven fridge bottle
    bicycle helmet tent union suit select comfort drop earrings script font insert tray update kit delete key exec
    chair shell jewelry system board cat food head lamp tail light order form group ring java beans ruby ring python
    boots bash plate alert bracelet confirm band eval sheet
""".split()  # fmt: skip
ADJECTIVES = """
    red blue green black white small large vintage antique modern handmade wooden brass silver golden cheap used new
    leather cotton woollen waterproof portable foldable wireless universal rustic oak
""".split()  # fmt: skip
NAMES_OF_PEOPLE = (
    "O'Brien", "O'Connor", "D'Angelo", "O'Neil", "D'Souza", "McDonald", "Smith-Jones", "van", "der", "Berg",
    "L'Oréal", "Müller", "José", "García", "Ñuñez", "François", "Łukasz", "Søren", "Zoë", "Æthelred",
)  # fmt: skip
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
    "if (and only if) you can", "left join vs right join", "null and void", "true or false", "the union of two lines", "select all that apply",
    "system of a down", "shell shock game", "php developer jobs", "base64 decode online", "where is the love", "table for 2 or 3",
    "delete my account", "insert into my basket", "convert 10 usd to eur", "count to 10", "char siu pork", "cast iron pan (12\")", "limit 3 per customer",
)  # fmt: skip
SCRIPTS = ("привет мир", "москва погода", "日本語 テスト", "東京 ホテル 予約", "北京 天气", "한국어 검색", "שלום עולם", "مرحبا بالعالم", "สวัสดี",
    "γειά σου Κόσμε", "žluťoučký kůň", "größe und straße", "ação e reação", "कैसे हो", "emoji 😀👍 test", "naïve café “quoted”",
    "l’été à Paris", "Ｔｏｋｙｏ　ホテル")  # fmt: skip


def one_of(r: R, part: int, items: Sequence[T]) -> T:
    """One of every third item, so that families of one kind share no phrasing across the splits."""
    return items[r.randrange(part, len(items), PARTS)]


def phrase(r: R) -> str:
    """Two words that people search for."""
    return f"{r.choice(ADJECTIVES)} {r.choice(NOUNS)}"


def hex_digits(r: R, n: int) -> str:
    """A run of hexadecimal digits, as hashes are."""
    return "".join(r.choice("0123456789abcdef") for _ in range(n))


def token(r: R, n: int) -> str:
    """A run of letters and digits, as identifiers of sessions are."""
    return "".join(r.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") for _ in range(n))


def search(r: R, part: int) -> str:
    """What people type into a search box."""
    return one_of(r, part, (
        phrase(r), f'"{phrase(r)}"', f"{phrase(r)} -{r.choice(NOUNS)}", f'"{r.choice(NOUNS)}" and "{r.choice(NOUNS)}"', f"{r.choice(NOUNS)} or {r.choice(NOUNS)}",
        f"{r.choice(NOUNS)} {r.randint(1, 60)}\"", f"{r.choice(NAMES_OF_PEOPLE)} {r.choice(NOUNS)}", f"{r.randint(1, 12)}' {r.choice(NOUNS)}", f"({r.choice(NOUNS)} OR {r.choice(NOUNS)}) {r.choice(ADJECTIVES)}",
        f"women's {r.choice(NOUNS)}", f"{r.choice(NOUNS)} for {r.randint(2, 90)} year old's", f"{r.choice(NOUNS)}, {r.choice(ADJECTIVES)} & {r.choice(ADJECTIVES)}", f"{r.randint(1, 99)} and {r.randint(1, 99)} {r.choice(NOUNS)}",
        f"{r.choice(NOUNS)} #{r.randint(1, 20)}", f"{r.choice(NOUNS)} {r.randint(1, 9)}/{r.randint(2, 16)} inch", f"{r.choice(NOUNS)}* {r.choice(ADJECTIVES)}", f"i <3 {r.choice(NOUNS)}s", f"{r.choice(NOUNS)} (new)", f"\"{r.choice(NOUNS)}\" + \"{r.choice(NOUNS)}\" + \"{r.choice(NOUNS)}\"",
    ))  # fmt: skip


def prose(r: R, part: int) -> str:
    """Sentences with the words of a query language, quotes and signs."""
    return " ".join(one_of(r, part, PROSE) for _ in range(r.choice((1, 1, 1, 2))))


def foreign(r: R, part: int) -> str:
    """Other scripts, accents and typographic quotes."""
    return " ".join(one_of(r, part, SCRIPTS) for _ in range(r.choice((1, 2))))


def contact(r: R, part: int) -> str:
    """Names, addresses, telephone numbers, mail addresses, dates as forms send them."""
    return one_of(r, part, (
        f"{r.choice(NAMES_OF_PEOPLE)}", f"c/ {word(r)} {r.randint(1, 200)}, {r.randint(1, 9)}º {r.choice('abc')}", f"{r.randint(1, 999)} {word(r).title()} St. #{r.randint(1, 99)}", f"+{r.randint(1, 99)} ({r.randint(100, 999)}) {r.randint(100, 999)}-{r.randint(1000, 9999)}",
        f"{word(r)}.{word(r)}+{word(r)}@{word(r)}.com", f"{r.randint(1, 28)}/{r.randint(1, 12)}/{r.randint(1950, 2026)}", f"2026-11-{r.randint(1, 28):02d}T10:{r.randint(0, 59):02d}:00+02:00", f"{word(r)} s/n", f"{word(r)}, la", f"{r.randint(10**7, 10**8)}{r.choice('abcdxyz')}", f"P@ss{word(r)}!{r.randint(1, 99)}", f"{word(r)}*{r.randint(1, 99)}${word(r)}", f"{word(r)}'{r.randint(1, 9)};{word(r)}", f"Apt. {r.randint(1, 50)}; ring twice", f"{token(r, 9)}--",
    ))  # fmt: skip


def structured(r: R, part: int) -> str:
    """JSON, filters, expressions of query languages for people, ranges, coordinates."""
    return one_of(r, part, (
        json.dumps({"filter": {"price": {"min": r.randint(1, 9), "max": r.randint(10, 900)}}, "sort": word(r), "tags": [word(r), word(r)]}),
        json.dumps({"id": r.randint(1, 10**6), "name": r.choice(NAMES_OF_PEOPLE), "ok": True, "note": prose(r, part)}),
        json.dumps([[word(r), r.randint(1, 9)], [word(r), None]]),
        f"price gt {r.randint(1, 99)} and name eq '{word(r)}'", f"contains(name,'{word(r)}') or startswith(city,'{word(r)}')",
        f"project = {word(r).upper()} AND status in (Open, \"In Progress\") ORDER BY created DESC", f'title:"{phrase(r)}" AND ({word(r)} OR {word(r)}*)', f"status:open label:bug author:{word(r)}", f"[{r.randint(1, 9)} TO {r.randint(10, 99)}]",
        f"{{{word(r)}(id:{r.randint(1, 99)}){{name,price{{value}}}}}}", f"{r.uniform(-90, 90):.5f},{r.uniform(-180, 180):.5f}", f"{word(r)}|{word(r)}|{word(r)}", f"{word(r)};{word(r)};q=0.{r.randint(1, 9)}", f"{r.randint(1, 9)};{r.randint(1, 9)};control;0;0;1;", "{{first_name}}", "{{ page.title }}", "${campaign.name}", "%%EMAIL%%", "[[unsubscribe]]", "{id}", "[object Object]", "undefined", "NaN", "<user-name>", "(null)", "null", "-1", "*/*", "text/html;charset=utf-8", f"rgb({r.randint(0, 255)},{r.randint(0, 255)},0)", f"width:{r.randint(100, 900)}px;height:auto", f"#{hex_digits(r, 6)}", f"{word(r)}::{word(r)}", f"[{word(r)}]", "a,b,c", "1..10", "!important", f"@{word(r)}", f"~{word(r)}", "0,0;1,1", f"={word(r)}", f"({word(r)})", "id,name,items(id,price)", "-created_at,+name",
    ))  # fmt: skip


def code(r: R, part: int) -> str:
    """Code that people search for or paste: no attack, though it has brackets and quotes."""
    return one_of(r, part, (
        f"def {word(r)}(x): return x", f"for (int i = 0; i < {r.randint(2, 99)}; i++)", f"{word(r)}.{word(r)}({r.randint(1, 9)})", f"const {word(r)} = () => {{ return {r.randint(1, 9)}; }}", f"#include <{word(r)}.h>", f"std::vector<int> {word(r)}", f"List<String> {word(r)}", f"if (a && b) {{ {word(r)}(); }}", f"git commit -m \"{phrase(r)}\"", "console.log usage", f"npm install --save {word(r)}", "C++ templates", "c# linq where", f"a[{r.randint(0, 9)}] = b[{r.randint(0, 9)}]", f"x = {r.randint(1, 9)}; y = {r.randint(1, 9)}", f"<div class=\"{word(r)}\">{phrase(r)}</div>", f"<b>{phrase(r)}</b>", f"<a href=\"/{word(r)}/\">{phrase(r)}</a>", f"<p>{prose(r, part)}</p><br/>", f"**{word(r)}** and _{word(r)}_", f"src/{word(r)}/**/*.ts", f"TypeError: {word(r)} is not a function", f"Error: expected ';' before '{word(r)}'", f"NullPointerException at {word(r)}.{word(r)}(Main.java:{r.randint(1, 300)})", f"{word(r)}(1)", "y = mx + b", "f(x) = x^2 + 1", "java.lang.NullPointerException", "java.io.IOException: Broken pipe", f"org.springframework.beans.factory.BeanCreationException {word(r)}", "TypeError: 'NoneType' object is not subscriptable", "git push --force origin main", "sudo apt-get install nginx", "docker run -it ubuntu", f"at com.{word(r)}.Main.main(Main.java:{r.randint(1, 99)})", "npm ERR! code ELIFECYCLE", "Uncaught ReferenceError: $ is not defined", "ls -la meaning", "segmentation fault (core dumped)", f"printf formatting %d %s {word(r)}", f"regex ^[a-z]+$ {word(r)}", f"@media (max-width: {r.randint(300, 900)}px)",
    ))  # fmt: skip


def opaque(r: R, part: int) -> str:
    """Tokens, hashes, base64 of data, signed values."""
    raw = json.dumps({"uid": r.randint(1, 10**6), "t": word(r), "exp": r.randint(10**9, 2 * 10**9)}).encode()
    return one_of(r, part, (
        hex_digits(r, r.choice((16, 32, 40, 64))), token(r, r.randint(10, 90)), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "eyJhbGciOiJIUzI1NiJ9." + base64.urlsafe_b64encode(raw).decode().rstrip("=") + "." + token(r, 43), base64.b64encode(r.randbytes(r.randint(8, 60))).decode(), base64.b64encode(prose(r, part).encode()).decode(),
        f"{hex_digits(r, 8)}-{hex_digits(r, 4)}-{hex_digits(r, 4)}-{hex_digits(r, 4)}-{hex_digits(r, 12)}", f"{r.randint(10**9, 10**16)}", f"{token(r, 12)}--{hex_digits(r, 40)}", f"{token(r, 20)}|{r.randint(10**9, 2 * 10**9)}|{token(r, 20)}", f"sha256-{base64.b64encode(r.randbytes(32)).decode()}",
    ))  # fmt: skip


def address(r: R, part: int) -> str:
    """Addresses and paths as values: where to go next, where one came from, which file to show."""
    return one_of(r, part, (
        f"https://www.{word(r)}.com/{word(r)}?{word(r)}={r.randint(1, 99)}&x=y#top", f"/{word(r)}/{word(r)}?tab={word(r)}", f"http://{word(r)}.org/", f"//cdn.{word(r)}.net/{word(r)}.js", f"{word(r)}/{word(r)}.pdf", f"../{word(r)}", f"./{word(r)}", f"https://{word(r)}.example.com/oauth/callback", f"myapp://open/{word(r)}", f"mailto:{word(r)}@{word(r)}.com", f"C:\\Users\\{word(r)}\\Pictures\\{word(r)}.jpg", f"ftp.{word(r)}.org", f"{word(r)} ({r.randint(1, 9)}).docx", "about:blank", "javascript:void(0)", f"https://{word(r)}.com/?q=" + quote(prose(r, part)), f"s3://{word(r)}/{word(r)}/", f"/search?q={quote_plus(search(r, part))}&page=2",
    ))  # fmt: skip
