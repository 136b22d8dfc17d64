"""Decoding of a logged field into the text that an application would see: repeated until nothing changes.

A log may hold a client's own %20 as %20 or as a space, and an attacker may encode twice or mix encodings: all of these
give the same text, so that the number of layers cannot change a score.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from functools import lru_cache
from html import unescape

MAX_ROUNDS = 6
MAX_CHARACTERS = 32_768
"""Of one field; CloudFront logs no URL above 8,192 bytes and no headers above 20 KB."""
MAX_HIDDEN = 8
"""Texts hidden in one text that are judged one by one."""

PERCENT_RUN = re.compile(r"(?:%[0-9a-fA-F]{2})+")
PERCENT_U = re.compile(r"%u([0-9a-fA-F]{4})")
BACKSLASH = re.compile(r"\\(?:u\{?([0-9a-fA-F]{4})\}?|x([0-9a-fA-F]{2}))")
ENTITY = re.compile(r"&(?:#[xX]0*[0-9a-fA-F]{1,6};?|#0*[0-9]{1,7};?|[a-zA-Z][a-zA-Z0-9]{1,23};)")
OVERLONG = re.compile(rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}")
OCTAL = re.compile(r"(?:\\[0-3]?[0-7]{2}){3,}")
UNDECODED = re.compile(r"%[0-9a-fA-Fu]|&[#a-zA-Z]|\\[ux0-7]")
SHORT_RUN = 48
"""Runs of percent-encoded bytes up to this length are decoded once and remembered."""
MIN_BASE64 = 12
HEX = re.compile(r"[0-9a-fA-F]+")
BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
SPACES = ("\t", "\x0b", "\x0c", "\xa0", "+", "\u3000")
MANY_SPACES = re.compile(r"  +")
COMPATIBLE = (range(0x80, 0x3400), range(0xF900, 0x10000), range(0x1F100, 0x1F300))
"""Where Unicode has characters that NFKC makes long."""
MAX_EXPANSION = 3
"""Characters that NFKC may make of one; ligatures of whole phrases become up to 18, and none of them helps an attack."""

DISGUISED = frozenset(b"./\\<>'\"%;:=()-\r\n\0")
"""Characters that attackers write as overlong UTF-8; other overlong bytes are data in another encoding."""
OVERLONG_MARK = "\ue000"
"""Marks overlong UTF-8, which only attackers write; a private-use character, so that no log contains it."""
NULL_MARK = "\ue001"
"""Marks a null byte."""
MALFORMED_MARK = "\ue003"
"""Marks an escape that does not decode and that a lenient server reads all the same."""
CLIMBING_MARK = "\ue004"
"""Marks that a separator behind two dots was malformed."""
ALL_MARKS = OVERLONG_MARK + NULL_MARK + MALFORMED_MARK + CLIMBING_MARK
LOOK_ALIKES = dict(
    zip(map(ord, "\u2215\u29f8\u2571\u2216\u29f5\u29f9\u2572\u3002\uefc8\uf025"), "///\\\\\\\\.//", strict=True)
)
"""Characters that a conversion to bytes makes a separator or a dot."""
INVISIBLE = (
    0xAD,
    0x34F,
    0x61C,
    0x180E,
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFE00, 0xFE10),
    0xFEFF,
)
"""Zero-width characters and marks of direction: inside a word they hide it from patterns alone."""


def _percent(match: re.Match[str]) -> str:
    run = match.group()
    return _short_percent_run(run) if len(run) <= SHORT_RUN else _percent_run(run)


@lru_cache(maxsize=65_536)
def _short_percent_run(run: str) -> str:
    return _percent_run(run)


def _percent_run(run: str) -> str:
    raw = bytes.fromhex(run.replace("%", ""))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        shorter = OVERLONG.sub(_overlong, raw)
        if shorter != raw:
            try:
                return shorter.decode("utf-8") + OVERLONG_MARK
            except UnicodeDecodeError:
                pass
        return raw.replace(b"\0", b"").decode("latin-1")


def _overlong(match: re.Match[bytes]) -> bytes:
    return _of_overlong(match.group())


@lru_cache(maxsize=4_096)
def _of_overlong(sequence: bytes) -> bytes:
    code = 0
    for position, byte in enumerate(sequence):
        code = byte & (0x1F if len(sequence) == 2 else 0x0F) if position == 0 else code << 6 | byte & 0x3F
    return bytes((code,)) if code in DISGUISED else sequence


def _code_point(match: re.Match[str]) -> str:
    return chr(int(match.group(1) or match.group(2), 16))


def _octal(match: re.Match[str]) -> str:
    """A run of octal escapes, where it is printable ASCII."""
    text = "".join(chr(int(digits, 8)) for digits in match.group()[1:].split("\\"))
    return text if text.isascii() and text.isprintable() else match.group()


def _entity(match: re.Match[str]) -> str:
    return _unescaped(match.group())


@lru_cache(maxsize=4_096)
def _unescaped(entity: str) -> str:
    return unescape(entity)


def decode(text: str) -> str:
    """The text with all layers of percent, %u, HTML and backslash encoding removed; case is kept."""
    text = text[:MAX_CHARACTERS]
    for _ in range(MAX_ROUNDS):
        if not UNDECODED.search(text):
            break
        before = text
        if "%" in text:
            text = PERCENT_U.sub(_code_point, text)
            text = PERCENT_RUN.sub(_percent, text)
        if "&" in text:
            text = ENTITY.sub(_entity, text)
        if "\\" in text:
            text = OCTAL.sub(_octal, BACKSLASH.sub(_code_point, text))
        if text == before:
            break
    return as_utf8(text)


def as_utf8(text: str) -> str:
    """The text in valid UTF-8: surrogate pairs joined, lone surrogates replaced."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def fold(decoded: str) -> str:
    """Lower case, NFKC, runs of spaces as one space; line ends stay.

    A plus is a space, since one log holds a client's plus as sent and another one as decoded %2B.
    """
    text = decoded
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _REPLACED.sub(_replaced, text))
    text = text.lower()
    for space in SPACES:
        text = text.replace(space, " ")
    if "\x00" in text:
        text = text.replace("\x00", NULL_MARK)
    if "  " in text:
        text = MANY_SPACES.sub(" ", text)
    return text


def _replacements() -> dict[str, str]:
    """Characters that NFKC would make longer than MAX_EXPANSION -> the first of these; look-alikes and invisible ones."""
    normal_forms = ((code, unicodedata.normalize("NFKC", chr(code))) for codes in COMPATIBLE for code in codes)
    first = {code: text[:MAX_EXPANSION] for code, text in normal_forms if len(text) > MAX_EXPANSION}
    every = first | LOOK_ALIKES | dict.fromkeys(INVISIBLE, "")
    return {chr(code): text for code, text in every.items()}


REPLACEMENTS = _replacements()
_REPLACED = re.compile("[" + "".join(map(re.escape, REPLACEMENTS)) + "]")


def _replaced(match: re.Match[str]) -> str:
    return REPLACEMENTS[match.group()]


def unmarked(text: str) -> str:
    """The text without marks, for display."""
    for mark in (OVERLONG_MARK, MALFORMED_MARK, CLIMBING_MARK):
        text = text.replace(mark, "")
    return text.replace(NULL_MARK, "\\0")


def hidden_texts(decoded: str) -> list[str]:
    """Readable texts that are encoded in base64 or as bare hex in the text, decoded; those beyond MAX_HIDDEN as one."""
    pieces = dict.fromkeys(
        piece for run in BASE64_RUN.findall(decoded) for piece in (run, *(run.split("/") if "/" in run else ()))
    )
    hidden = [decode(text) for piece in pieces if (text := _from_hex(piece) or _from_base64(piece))]
    return hidden if len(hidden) <= MAX_HIDDEN else [*hidden[:MAX_HIDDEN], " ".join(hidden[MAX_HIDDEN:])]


def _from_hex(run: str) -> str:
    """The readable ASCII whose codes are the hexadecimal digits of the run; empty where there is none."""
    digits = run.removeprefix("0x")
    if len(digits) % 2 or not HEX.fullmatch(digits):
        return ""
    text = bytes.fromhex(digits).decode("latin-1")
    return text if text.isascii() and text.isprintable() else ""


def _from_base64(run: str) -> str:
    """The readable text that the run encodes; empty where there is none."""
    body = run.rstrip("=")
    if len(body) < MIN_BASE64 or len(body) % 4 == 1 or not body.isascii():
        return ""
    body = body.replace("-", "+").replace("_", "/")
    try:
        text = base64.b64decode(body + "=" * (-len(body) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    readable = sum(c.isprintable() or c in "\r\n\t" for c in text)
    return text if readable >= 0.95 * len(text) else ""
