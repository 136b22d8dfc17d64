"""Rules and rewrites that families share: ordinary words, prose, languages, and forms of encoding."""

from __future__ import annotations

import random
from urllib.parse import quote

COMMON: dict[str, str | tuple[str, ...]] = {
    "n": tuple(map(str, (1, 2, 3, 5, 7, 10, 12, 25, 42, 99, 100, 250, 777, 1024, 2026, 4711, 31337))),
    "v": tuple("a b x y z k tmp foo val acc obj res qq it el ctx".split()),
    "tok": "‹a¦b¦c¦f¦k¦m¦r¦t¦x¦z›‹e¦i¦o¦u¦q¦7›‹l¦n¦r¦s¦v¦9›‹¦a¦d¦k¦2›",
    "noun": tuple("sandal jacket garden camera recipe novel guitar bicycle printer lamp kettle tent carpet mirror puzzle notebook".split()),
    "adj": tuple("red small cheap vintage wooden organic waterproof second-hand quiet modern portable soft".split()),
    "verb": tuple("buy find compare repair clean paint order return sell learn".split()),
    "city": tuple("Berlin Lisbon Osaka Austin Lyon Krakow Quito Bergen Pune Accra".split()),
    "person": tuple("Anna Omar Lucía Jürgen Mei Olga Kwame Priya Noah Chloé".split()),
    "last": tuple("O'Brien Müller García Ivanova D'Angelo Nguyen Smith Okafor Lindström Haddad".split()),
    "topic": tuple("gardening cooking astronomy statistics chess sailing pottery genealogy cycling physics".split()),
    "lang": tuple("Java Python Rust Perl Ruby Kotlin PHP Go Scala Swift".split()),
    "host": ("‹@tok›.‹example¦test¦invalid›", "‹@tok›‹@n›.‹com¦net¦io¦ru¦top¦xyz›", "‹@tok›.‹@tok›.‹com¦org¦site›"),
    "ip": "‹203.0.113¦198.51.100¦192.0.2¦45.9.148¦185.220.101›.‹@n8›",
    "n8": tuple(map(str, range(2, 254, 9))),
    "foreign": (
        "‹дешёвые¦новые¦красные¦лучшие› ‹кроссовки¦книги¦чайники¦велосипеды›", "‹安い¦新しい¦人気の›‹靴¦自転車¦カメラ¦本棚›",
        "‹أفضل¦أرخص¦جديد› ‹كتاب¦هاتف¦حذاء¦مطعم›", "‹günstige¦schöne¦größte› ‹Bücher¦Töpfe¦Schuhe¦Möbel›", "‹저렴한¦새로운¦빨간› ‹신발¦자전거¦책상¦노트북›",
        "‹καλύτερα¦φθηνά› ‹βιβλία¦παπούτσια¦ταξίδια›", "‹सस्ते¦नए¦लाल› ‹जूते¦किताब¦फोन›", "‹便宜的¦红色¦最好的›‹鞋子¦书¦相机¦餐厅›",
        "‹zapatos¦corazón¦niños¦jardín› ‹años¦baño¦español›", "‹tiếng¦giày¦sách› ‹Việt¦đẹp¦rẻ¦mới›", "‹ספרים¦נעליים¦מסעדה› ‹זולים¦חדשים›",
    ),
    "prose": (
        "‹how to¦where can I¦best way to› ‹@verb› a ‹@adj› ‹@noun›‹?¦ in ‹@city›¦ for ‹@n› euros¦›",
        "‹@adj› ‹@noun› ‹and¦or¦with¦without› ‹@adj› ‹@noun›", "‹@person›'s ‹@noun› ‹shop¦guide¦review¦blog›", "‹@topic› for ‹beginners¦children¦experts›: ‹@noun›, ‹@noun› & ‹@noun›",
    ),
}  # fmt: skip


def mixed_case(rng: random.Random, text: str) -> str:
    """Letters in either case at random."""
    return "".join(rng.choice((c.lower(), c.upper())) for c in text)


def hex_case(rng: random.Random, text: str) -> str:
    """Percent-encodings all in lower or all in upper case."""
    parts = text.split("%")
    form = rng.choice((str.lower, str.upper))
    return "%".join([parts[0]] + [form(part[:2]) + part[2:] for part in parts[1:]])


def old_client(rng: random.Random, text: str) -> str:
    """Percent-encoded in the first old charset that holds the text, as clients without UTF-8 do."""
    for charset in ("latin-1", "cp1251", "shift_jis", "gbk", "euc_kr", "cp1253", "cp1256"):
        try:
            return quote(text.encode(charset), safe="").replace("%20", rng.choice(("+", "%20")))
        except UnicodeEncodeError:
            continue
    return cut_utf8(rng, text)


def cut_utf8(rng: random.Random, text: str) -> str:
    """UTF-8 cut off within the last character beyond ASCII, as a limit on lengths does."""
    data = text.encode()
    ends = [n for n in range(1, len(data)) if data[n] >= 0x80 and data[n] < 0xC0]
    return quote(data[: rng.choice(ends)], safe="") if ends else quote(text, safe="")


def escape_call(rng: random.Random, text: str) -> str:
    """As the old function escape() of browsers writes: %uXXXX and %XX of Latin-1."""
    written = []
    for c in text:
        code = ord(c)
        plain = c.isascii() and (c.isalnum() or c in "@*_+-./")
        written.append(c if plain else f"%{code:02X}" if code < 256 else f"%u{code:04X}")
    return "".join(written)
