"""What of a cookie resembles an attack, without the cookie: signs, and the words of which attacks are made.

Every other word becomes `x` and every number `1`, and values without a suspicious sign are left out, so that neither a
session nor anything else that a cookie says can be read from its shape. The request model scores shapes as it scores
queries; the cookie itself is hashed as before.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.sources.cloudfront.values import decode_once

MAX_COOKIE_CHARACTERS = 8_192
MAX_VALUES = 8
MAX_SHAPE_CHARACTERS = 300
"""Of one value."""
MAX_ROUNDS = 4
"""Of percent-decoding."""
LEAST_BASE64_CHARACTERS = 16
_E = r"%(?:25)*"
_GAP = rf"(?:\s|\+|{_E}2[0bB])"
_COMMANDS = "cat|id|ls|dir|wget|curl|nc|ping|whoami|uname|bash|sh|cmd|powershell|nslookup|sleep|type|net|echo"
SIGNS = (
    rf"['<`]|{_E}(?:27|3c|60|0[0ad])|\\x",
    rf"(?:[$#*@]|{_E}(?:2[34a]|40))(?:[{{(]|{_E}(?:7b|28))|(?:\{{|{_E}7b)(?:\{{|{_E}7b)|(?:\)|{_E}29){_GAP}*(?:\{{|{_E}7b)",
    rf"(?:\$|{_E}24)(?:ne|n?in|gte?|lte?|regex|where|exists|or|and)(?:[\"\]]|{_E}(?:22|5d))",
    rf"\.\.(?:[/\\;]|{_E}(?:2f|5c))|{_E}2e(?:\.|{_E}2e)|(?:/|{_E}2f)(?:etc|proc|windows|web-inf)(?:/|{_E}2f)|(?:win|boot)\.ini",
    rf"(?:^|[=;\s]|{_E}3[bd])[oc](?::|{_E}3a)(?:\+|{_E}2b)?\d+(?::|{_E}3a)|ro0ab|__proto__|jndi",
    r"(?:=|^)(?-i:Tzo|YTo|PD9|PHN|Li4v|JHtq|Jy)[a-z0-9]",
    rf"(?:union|select|insert|update|delete|drop|waitfor|benchmark|sleep|extractvalue|updatexml)(?:[(/]|{_GAP}|{_E}(?:28|2f))",
    rf"(?:javascript|file|gopher|dict|php|expect|ldaps?|rmi)(?::|{_E}3a)|169\.254\.169\.254|(?:eval|system|exec|passthru|phpinfo)(?:\(|{_E}28)",
    rf"(?:[|&;]|{_E}(?:7c|26|3b)){_GAP}*(?:{_COMMANDS})(?:/|{_GAP}|{_E}2f|$)|{_GAP}(?:or|and){_GAP}",
)
"""What sessions, JSON, base64 and consent strings do not need, escaped or not; in the common syntax of RE2 and Python."""
_SIGNS = tuple(
    re.compile(sign.replace("(?-i:Tzo|YTo|PD9|PHN|Li4v|JHtq|Jy)[a-z0-9]", "$^"), re.IGNORECASE) for sign in SIGNS
)
"""Of decoded text, in which base64 that does not decode says nothing."""
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{LEAST_BASE64_CHARACTERS},}}={{0,2}}")
_SERIALIZED_JAVA = re.compile(r"rO0AB[\w+/-]{3,}")
WORDS = frozenset(
    """
    a c i o s or and xor not union select all distinct insert into update delete from where set values having group order by limit offset
    drop create alter table database like rlike regexp between in is null case when then else end exec execute declare waitfor delay shutdown
    sleep benchmark pg_sleep concat char chr ascii substring substr mid length count extractvalue updatexml information_schema tables columns
    version user database load_file outfile dumpfile xp_cmdshell cast convert hex unhex if exists true false dual
    script img svg iframe body onload onerror onclick onmouseover onfocus ontoggle src href javascript alert prompt confirm document cookie location
    window eval fetch object embed style expression
    etc passwd shadow hosts proc self environ var log www windows win ini boot system32 web inf xml
    cat ls dir id whoami uname wget curl nc netcat bash sh zsh cmd exe powershell ping nslookup echo type net rm chmod tmp bin usr dev tcp null
    python perl ruby php node http https ftp file gopher dict expect ldap ldaps rmi dns jndi lower upper env sys date java lang runtime
    getruntime class classloader module forname getclass processbuilder exec constructor prototype __proto__ __class__ __globals__ __import__
    __subclasses__ __mro__ __init__ config self request settings os popen system passthru shell_exec phpinfo assert base64_decode filter input
    input convert encode resource require child_process process mainmodule global this return function var new
    localhost metadata internal meta data latest ne gt regex schema
    """.split()
)
"""Words that a shape keeps; a word that attacks need and that is missing here is an `x` to the model."""
_TOKEN = re.compile(r"169\.254\.169\.254|127\.0\.0\.1|0x[0-9a-f]+|[a-z_][a-z_]*(?:\d+(?=\b))?|\d+|[^\x00-\x7f]+")


def cookie_shapes(cookies: pa.Array) -> pa.Array:
    """Shapes of cookies as they were logged; null for those without a suspicious sign. Once per distinct cookie."""
    if pa.types.is_dictionary(cookies.type):
        shapes = cookie_shapes(cookies.dictionary)
        return shapes.take(cookies.indices).dictionary_encode()
    found = pa.array([False] * len(cookies), pa.bool_())
    for sign in SIGNS:
        found = pc.or_(found, pc.fill_null(pc.match_substring_regex(cookies, f"(?i:{sign})"), False))
    texts: list[str | None] = [None] * len(cookies)
    for row in pc.indices_nonzero(found).to_pylist():
        texts[row] = shape_of(decode_once(cookies[row].as_py()))
    return pa.array(texts, pa.string())


def shape_of(cookie: str) -> str | None:
    """The shape of one cookie header; null where no value has a suspicious sign."""
    shapes: list[str] = []
    for pair in cookie[:MAX_COOKIE_CHARACTERS].split("; "):
        name, _, value = pair.partition("=")
        for text in _readings(value or name):
            if any(sign.search(text) for sign in _SIGNS):
                shapes.append(_masked(text))
        if len(shapes) >= MAX_VALUES:
            break
    distinct = [shape for shape in dict.fromkeys(shapes) if shape.strip("x1")]
    return "&".join(f"x{number}={shape}" for number, shape in enumerate(distinct)) or None


def _readings(value: str) -> list[str]:
    """The value decoded until nothing changes, and what is base64 in it as a whole."""
    text = value
    for _ in range(MAX_ROUNDS):
        decoded = unquote_plus(text)
        if decoded == text:
            break
        text = decoded
    readings = [text]
    if _BASE64.fullmatch(text) and not _SERIALIZED_JAVA.match(text):
        try:
            raw = base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4))
            plain = raw.decode("ascii")
        except (binascii.Error, ValueError):
            return readings
        if plain.isprintable():
            readings = [plain]
    return readings


def _masked(text: str) -> str:
    """The text in lower case with all words masked but those of attacks."""
    java = _SERIALIZED_JAVA.match(text)
    if java:
        return "ro0abxxx"
    return _TOKEN.sub(_mask, text.lower())[:MAX_SHAPE_CHARACTERS].replace("&", "%26")


def _mask(match: re.Match[str]) -> str:
    word = match.group()
    if word in WORDS or word in ("169.254.169.254", "127.0.0.1"):
        return word
    if word.startswith("0x"):
        return "0x1"
    return "1" if word.isdigit() else "x"
