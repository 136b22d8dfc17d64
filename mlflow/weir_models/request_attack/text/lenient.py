"""A second reading of a field: what a lenient server would make of escapes that do not decode.

Strict decoding keeps what is malformed as it stands. Old servers and libraries do not: they read overlong and truncated
UTF-8 without checking it, count hexadecimal digits beyond f, take half an escape for a whole one, or lose a character
and write a question mark. All of these become the character that they stand for, followed by MALFORMED_MARK.

Bytes that are no ASCII are lone surrogates (0xDC00 + the byte), as in Python's own "surrogateescape".
"""

from __future__ import annotations

import re
from functools import lru_cache

from weir_models.request_attack.text.climbing import climbed
from weir_models.request_attack.text.decoding import (
    BACKSLASH,
    DISGUISED,
    ENTITY,
    MALFORMED_MARK,
    MAX_CHARACTERS,
    MAX_ROUNDS,
    PERCENT_U,
    as_utf8,
    decode,
)

LOWEST_LEADS = frozenset((0xC0, 0xC1, 0xE0, 0xF0, 0xF8, 0xFC))
"""First bytes of overlong forms; some readers keep nothing but the last six bits behind them."""
RAW = 0xDC00
"""What is added to a byte from 0x80 on until it is read as UTF-8."""
HALVES = {"2": "/", "5": "\\"}
SIGNS = frozenset("./\\")
WRITTEN_HEX = re.compile(
    r"(?:0x|\\x|\\?u00|(?:(?<![a-zA-Z0-9])|(?<=x2[eEfF])|(?<=x5[cC]))x)(2e|2f|5c)"
    r"|\\?u(2024|2215|2216|2044|29f5|29f8|3002|ff0e|ff0f|ff3c|efc8|f025)"
    r"|c0%*(ae|af)|c1%*(9c)|(?<=%)u(2e|2f|5c)(?![0-9a-f]{2})|(?:\+|(?<=%)2b)a(c4|c8|fw)-",
    re.IGNORECASE,
)
MAY_BE_WRITTEN = re.compile(r"[xu]|c[01]|a[cf]", re.IGNORECASE)
"""What every form of WRITTEN_HEX holds: one look for it is cheaper than trying them all at each character. A percent sign
before them is left, and read as one before a separator."""
WRITTEN = {
    "2e": ".",
    "2024": ".",
    "3002": ".",
    "ff0e": ".",
    "ae": ".",
    "56": ".",
    "5c": "\\",
    "2216": "\\",
    "29f5": "\\",
    "ff3c": "\\",
    "9c": "\\",
    "134": "\\",
    "c4": ".",
    "fw": "\\",
}
ANY_HEX = re.compile(
    r"(?:[^\w\s./\\]{1,3}(?:0?x|u\+?|u?\{)?|_x|u\+)0{0,4}(2e|2f|5c)(?![0-9a-f])[;}\])>_]?|\\0?(56|57|134)(?![0-9])",
    re.IGNORECASE,
)
UNREADABLE = re.compile(r"%(?:[0-9a-zA-Z]{2}(?<!%[0-9a-fA-F]{2})|u[0-9a-zA-Z]{2,4}|(?=%))")
LEAST_OF_ANY = 3
"""So often one text writes its dots and separators in a way that nobody knows."""
MAY_BE_ANY = re.compile(r"(?:2[ef]|5[c67]|134).{1,12}(?:2[ef]|5[c67]|134)", re.IGNORECASE | re.DOTALL)
RUN = re.compile("[\udc80-\udcff]++")
LEADS = tuple(
    re.compile(f"{lead}.{{{following}}}", re.DOTALL)
    for lead, following in (("\udcfc", 5), ("\udcf8", 4), ("\udcf0", 3), ("\udce0", 2), ("[\udcc0\udcc1]", 1))
)
"""Bytes whose following ones make a character that attackers disguise, if nobody checks them."""
BEFORE_SIGN = re.compile(r"(?<![\udc80-\udcff])[\udc80-\udcff]++(?=[./\\])")
_CONTROL = r"[\x00-\x08\x0e-\x1f\x7f]"
CONTROL = re.compile(rf"(?<=[./\\]){_CONTROL}++|(?<!{_CONTROL}){_CONTROL}++(?=[./\\])")


STRETCH = 256
LONGEST_PERIOD = 24
KEPT_REPEATS = 4
"""Of a stretch that repeats itself, in characters and in times."""


def lenient(text: str) -> str:
    """The field as a lenient server reads it; the strict reading where nothing is malformed."""
    text = _without_padding(text[:MAX_CHARACTERS])
    for _ in range(MAX_ROUNDS):
        before = text
        if "%u" in text:
            text = PERCENT_U.sub(_code_point, text)
        if MAY_BE_WRITTEN.search(text):
            text = WRITTEN_HEX.sub(_written, text)
        if "%" in text:
            text = _percent(text)
        if "&" in text:
            text = ENTITY.sub(lambda match: decode(match.group()), text)
        if "\\" in text:
            text = BACKSLASH.sub(_code_point, text)
        if text == before:
            break
    if MAY_BE_ANY.search(text) and len(ANY_HEX.findall(text)) >= LEAST_OF_ANY:
        text = ANY_HEX.sub(_written, text)
    return as_utf8(climbed(_read_bytes(UNREADABLE.sub(MALFORMED_MARK, text) if "%" in text else text)))


def _without_padding(text: str) -> str:
    """The text with what repeats for long left out: that much of it is padding, whatever it decodes to."""
    if len(text) <= 2 * STRETCH:
        return text
    kept = []
    for start in range(0, len(text), STRETCH):
        stretch = text[start : start + STRETCH]
        period = next((length for length in range(1, LONGEST_PERIOD + 1) if stretch[length:] == stretch[:-length]), 0)
        kept.append(stretch[: len(stretch) % period + KEPT_REPEATS * period] if period else stretch)
    return "".join(kept)


def _code_point(match: re.Match[str]) -> str:
    code = next(int(digits, 16) for digits in match.groups() if digits)
    if 0x80 <= code <= 0xFF:
        return chr(RAW + code)
    return chr(code) if not 0xD800 <= code < 0xE000 else "\ufffd"


def _percent(text: str) -> str:
    """What stands behind each percent sign read once; signs before a dot or a separator are malformed."""
    first, *pieces = text.split("%")
    read = [first]
    for piece in pieces:
        byte = _byte_of(piece[:2])
        if byte:
            read += (byte, piece[2:])
        elif piece[:1] in HALVES and not piece[1:2].isalnum() and (len(piece) > 1 or piece is pieces[-1]):
            read += (HALVES[piece[0]], MALFORMED_MARK, piece[1:])
        else:
            read += (MALFORMED_MARK if piece[:1] in SIGNS else "%", piece)
    return "".join(read)


@lru_cache(maxsize=65_536)
def _byte_of(digits: str) -> str:
    """The byte of two digits of base 36 behind a percent sign, as sixteen times the first and the second give it; or nothing."""
    if len(digits) < 2 or not digits.isascii() or not digits.isalnum() or digits[0] in "uU":
        return ""
    high, low = digits[0].lower(), digits[1].lower()
    byte = 16 * int(high, 36) + int(low, 36) & 0xFF
    if not (high <= "f" and low <= "f") and byte < 0x80 and byte not in DISGUISED:
        return ""
    return chr(byte) if byte < 0x80 else chr(RAW + byte)


def _written(match: re.Match[str]) -> str:
    digits = match.group(match.lastindex or 0).lower()
    return WRITTEN.get(digits, "/") + MALFORMED_MARK


def _read_bytes(text: str) -> str:
    """Bytes as UTF-8 where they are valid, else without checking what follows a leading byte."""
    if not text.isascii():
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
        if RUN.search(text):
            for pattern in LEADS:
                text = pattern.sub(_unchecked, text)
            text = BEFORE_SIGN.sub(MALFORMED_MARK, text)
    text = CONTROL.sub(MALFORMED_MARK, text)
    return text if text.isascii() else RUN.sub(_as_latin, text)


def _as_latin(match: re.Match[str]) -> str:
    return match.group().encode("utf-8", "surrogateescape").decode("latin-1")


def _unchecked(match: re.Match[str]) -> str:
    return _unchecked_text(match.group())


@lru_cache(maxsize=4_096)
def _unchecked_text(text: str) -> str:
    """The character of the low six bits of each following byte, where it is one that attackers disguise."""
    lead, *following = (ord(c) & 0xFF if RAW <= ord(c) < RAW + 0x100 else ord(c) for c in text)
    code = lead & (0x7F >> len(following) + 1)
    for byte in following:
        code = code << 6 | byte & 0x3F
    if code in DISGUISED:
        return chr(code) + MALFORMED_MARK
    low = "\\" if code & 0x3F == 0x1C else chr(code & 0x3F)
    return low + MALFORMED_MARK if low in "./\\" else text
