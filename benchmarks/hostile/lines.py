"""Log lines that a client writes to be expensive, by kind, beside ordinary ones. Standard library only."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

FIELD_CHARACTERS = 8_000
"""CloudFront takes URLs up to 8,192 bytes."""
WORDS = (
    "about account blog cart catalog checkout contact docs en events faq gallery help home images index login news "
    "order page product search shop static support tag user video"
).split()
FIELDS = (
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
    "cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes "
    "time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version"
)
BROWSER = (
    "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20"
    "Chrome/{}.0.0.0%20Safari/537.36"
)


@dataclass(frozen=True)
class Request:
    """The fields of a line that a client chooses, as CloudFront logs them."""

    path: str = "/"
    query: str = "-"
    agent: str = "Mozilla/5.0"
    referer: str = "-"
    method: str = "GET"
    cookie: str = "-"
    forwarded: str = "-"


def word(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(string.ascii_lowercase, k=length))


def ordinary(chance: random.Random) -> Request:
    parameters = [f"{chance.choice(WORDS)}={chance.choice(WORDS)}{chance.randrange(999)}" for _ in range(chance.choice([0, 0, 1, 2, 3]))]  # fmt: skip
    return Request(
        "/" + "/".join(chance.choices(WORDS, k=3)) + f"/{chance.randrange(9_999)}",
        "&".join(parameters) or "-",
        BROWSER.format(chance.randrange(100, 130)),
        f"https://shop.example/{chance.choice(WORDS)}",
        cookie=f"session={word(chance, 24)}",
    )


def filled(piece: Callable[[random.Random], str], chance: random.Random) -> str:
    """Pieces up to the length of a field."""
    text = ""
    while len(text) < FIELD_CHARACTERS:
        text += piece(chance)
    return text[:FIELD_CHARACTERS]


def query(piece: Callable[[random.Random], str], start: str = "q=") -> Callable[[random.Random], Request]:
    return lambda chance: Request(query=f"{start}{word(chance, 6)}{filled(piece, chance)}"[:FIELD_CHARACTERS])


def repeated(text: str, start: str = "q=") -> Callable[[random.Random], Request]:
    return query(lambda _: text, start)


def encoded(text: str) -> str:
    return quote(text, safe="")


KINDS: dict[str, Callable[[random.Random], Request]] = {
    "tiny distinct parameters": query(lambda r: f"&{word(r, 3)}={word(r, 1)}'"),
    "tiny plain parameters": query(lambda r: f"&{word(r, 3)}={word(r, 2)}"),
    "one name with many values": query(lambda r: f"&a={word(r, 1)}'"),
    "parameters of a referer": lambda r: Request(
        referer=f"https://{word(r, 5)}.example/?" + filled(lambda r: f"&{word(r, 3)}=%3C{word(r, 1)}", r)
    ),
    "ligatures of phrases": repeated(encoded("\ufdfa")),
    "squared words": repeated(encoded("㌖㎯㏂")),
    "combining marks": repeated(encoded("a\u0315\u0300\u05ae\u0062")),
    "full width": repeated(encoded("＇ｏｒ１＝１")),
    "long user agents": lambda r: Request(agent=filled(lambda r: f"{word(r, 6)}%20", r)),
    "attacks in user agents": lambda r: Request(agent=filled(lambda r: f"{word(r, 6)}%20'%20or%20", r)),
    "line ends": repeated("%0A"),
    "comments to the line end": repeated("--%0A", "q='"),
    "bracketed comments": repeated("/*a*/", "q='"),
    "open comments": repeated("/*", "q='"),
    "layers of percent": repeated("%2525252525"),
    "broken percent": repeated("%%%2"),
    "encoded bytes": query(lambda r: f"%{r.randrange(128, 256):02X}"),
    "overlong bytes": repeated("%C0%AE%C0%AF"),
    "question marks": repeated("%3F"),
    "percent signs": repeated("%25"),
    "dots": repeated(".", "q=..?"),
    "control characters": repeated("%01", "q=..?"),
    "repeated junk": repeated("*~", "q=..?"),
    "entities": repeated("&lt;"),
    "numeric entities": repeated("&#x27;"),
    "backslash escapes": repeated("\\u0027"),
    "base64": query(lambda r: f"&a=PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg{word(r, 4)}"),
    "single quotes": repeated("'"),
    "mixed quotes": repeated("'%22`"),
    "brackets": repeated("("),
    "braces": query(lambda r: f"${{{word(r, 2)}}}"),
    "words of SQL": query(lambda r: r.choice(["union%20", "select%20", "'%20or%20", "1=1%20", "--%20"]) + word(r, 2)),
    "script": query(lambda r: r.choice(["%3Cscript%3E", "onerror=", "alert(", "javascript:"]) + word(r, 2)),
    "parents": lambda r: Request(path=f"/{word(r, 5)}" + filled(lambda _: "../", r)),
    "segments": lambda r: Request(path=filled(lambda r: f"/{word(r, 1)}", r)),
    "spaces": repeated("%20", "q='"),
    "long cookies": lambda r: Request(cookie=filled(lambda r: f"{word(r, 3)}={word(r, 3)};%20", r)),
    "forwarded addresses": lambda r: Request(
        forwarded=filled(lambda r: f"{r.randrange(256)}.{r.randrange(256)}.{r.randrange(256)}.1,%20", r)
    ),
    "odd methods": lambda r: Request(method=word(r, 12).upper(), path=f"/{word(r, 5)}"),
}


def lines(kind: str, byte_count: int, seed: int = 1) -> Iterator[str]:
    """Lines of a kind, or `ordinary` ones, up to about this many bytes; the header first."""
    chance = random.Random(seed)
    make = KINDS.get(kind, ordinary)
    yield "#Version: 1.0\n"
    yield FIELDS + "\n"
    written = number = 0
    while written < byte_count:
        request = make(chance)
        address = f"198.51.{chance.randrange(100)}.{chance.randrange(256)}"
        line = (
            f"2026-11-20\t13:{number % 60:02}:{number % 59:02}\tFRA56-P1\t1045\t{address}\t{request.method}\t"
            f"d111111abcdef8.cloudfront.net\t{request.path}\t200\t{request.referer}\t{request.agent}\t{request.query}\t"
            f"{request.cookie}\tHit\tid-{number}==\twww.example.com\thttps\t310\t0.012\t{request.forwarded}\tTLSv1.3\t"
            "TLS_AES_128_GCM_SHA256\tHit\tHTTP/2.0\n"
        )
        written += len(line)
        number += 1
        yield line
