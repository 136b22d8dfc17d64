"""A second reading of a field: what a lenient server would make of escapes that do not decode.

Strict decoding keeps what is malformed as it stands. Old servers and libraries do not: they read overlong and truncated
UTF-8 without checking it, count hexadecimal digits beyond f, take half an escape for a whole one, or lose a character
and write a question mark. All of these become the character that they stand for, followed by MALFORMED_MARK.
"""

from __future__ import annotations

import re
from functools import lru_cache

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
BYTES_FROM = 0xE100
"""Private-use characters that stand for the bytes 0x80 to 0xff until they are read as UTF-8."""
ESCAPE = re.compile(r"%([0-9a-tv-zA-TV-Z])([0-9a-zA-Z])")
HALF_ESCAPE = re.compile(r"%(?:([25])(?![0-9a-zA-Z%])|(?=[./\\]))")
WRITTEN_HEX = re.compile(
    r"(?:(?<!%)%*(?:0x|\\x|[%\\]?u00)|(?:(?<![a-z0-9])|(?<=x2[ef])|(?<=x5c))x)(2e|2f|5c)|[%\\]?u(2024|2215|2216|2044|29f5|29f8|3002|ff0e|ff0f|ff3c|efc8|f025)"
    r"|(?<!%)%*c0%*(ae|af)|(?<!%)%*c1%*(9c)|%u(2e|2f|5c)(?![0-9a-f]{2})|(?:\+|%2b)a(c4|c8|fw)-",
    re.IGNORECASE,
)
MAY_BE_WRITTEN = re.compile(r"[xu]|c[01]|a[cf]", re.IGNORECASE)
"""What every form of WRITTEN_HEX holds: one look for it is cheaper than trying them all at each character."""
WRITTEN = {
    "2e": ".",
    "2024": ".",
    "3002": ".",
    "ff0e": ".",
    "ae": ".",
    "5c": "\\",
    "2216": "\\",
    "29f5": "\\",
    "ff3c": "\\",
    "9c": "\\",
    "c4": ".",
    "fw": "\\",
}
LEADS = tuple(
    re.compile(f"[{chr(BYTES_FROM + low)}-{chr(BYTES_FROM + high)}].{{{following}}}", re.DOTALL)
    for low, high, following in ((0xFC, 0xFD, 5), (0xF8, 0xFB, 4), (0xF0, 0xF7, 3), (0xE0, 0xEF, 2), (0xC0, 0xDF, 1))
)
BYTE = f"[{chr(BYTES_FROM + 0x80)}-{chr(BYTES_FROM + 0xFF)}]"
VALID = re.compile(f"{BYTE}+")
BEFORE_SIGN = re.compile(rf"(?<!{BYTE}){BYTE}++(?=[./\\])")
UNREADABLE = re.compile(r"%[0-9a-zA-Z]{2}(?<!%[0-9a-fA-F]{2})|%(?=%)")
UNKNOWN_SEPARATOR = re.compile(f"\\.{MALFORMED_MARK}*\\.{MALFORMED_MARK}{{1,4}}(?=\\.{MALFORMED_MARK}*\\.|\\w)")
"""Two dots before an escape that nobody can read, and before two more or a name."""
_CONTROL = r"[\x00-\x08\x0e-\x1f\x7f]"
CONTROL = re.compile(rf"(?<=[./\\]){_CONTROL}++|(?<!{_CONTROL}){_CONTROL}++(?=[./\\])")
CLIMBING = re.compile(r"(?<![.?/\\])[.?/\\]{6,}+(?=\w)")
"""Dots and separators before a name, of which some may have become question marks."""
LEAST_STEPS = 6
STEPS_BACKWARDS = re.compile(r"(?:[/\\?][.?]{2})*+")
LOST_WHOLE = re.compile(r"(?<![?])[?]{6,}+(?=(?:etc|proc|var|usr|root|boot|windows|winnt|web-inf)\b)", re.IGNORECASE)
LEAST_JUNK = 6
JUNK = re.compile(rf"([^a-zA-Z0-9\s&=]{{{LEAST_JUNK},}}+)(\w?)")
UP_TO_THE_LAST_LETTER = re.compile(r".*(?=\w)", re.DOTALL)
"""Of junk, which may hold underscores and letters beyond ASCII: a name begins there, too."""
MAX_UNIT = 16
REPEATS = 3
"""The same junk so often and then a name: however it is written, it climbs."""
PUNCTUATION = frozenset("-_*~!#+?,;:.'\"()[]{}|<>$@%^`")
CLIMBS = "../../../" + MALFORMED_MARK


def lenient(text: str) -> str:
    """The field as a lenient server reads it; the strict reading where nothing is malformed."""
    text = text[:MAX_CHARACTERS]
    for _ in range(MAX_ROUNDS):
        before = text
        text = PERCENT_U.sub(_code_point, text)
        if MAY_BE_WRITTEN.search(text):
            text = WRITTEN_HEX.sub(_written, text)
        text = HALF_ESCAPE.sub(_half, ESCAPE.sub(_escape, text))
        if "&" in text:
            text = ENTITY.sub(lambda match: decode(match.group()), text)
        if "\\" in text:
            text = BACKSLASH.sub(_code_point, text)
        if text == before:
            break
    text = _read_bytes(text)
    if "?" in text:
        text = LOST_WHOLE.sub(CLIMBS, CLIMBING.sub(_lost, text))
    text = UNKNOWN_SEPARATOR.sub("../", UNREADABLE.sub(MALFORMED_MARK, text))
    return as_utf8(JUNK.sub(_repeated_in, text))


def _code_point(match: re.Match[str]) -> str:
    code = next(int(digits, 16) for digits in match.groups() if digits)
    return chr(code) if not 0x80 <= code <= 0xFF else chr(BYTES_FROM + code)


def _escape(match: re.Match[str]) -> str:
    return _byte_of(match.group())


@lru_cache(maxsize=4_096)
def _byte_of(escape: str) -> str:
    """The byte of two digits of base 36 behind a percent sign, as sixteen times the first and the second give it."""
    high, low = escape[1], escape[2]
    byte = 16 * int(high, 36) + int(low, 36) & 0xFF
    is_hex = high.lower() <= "f" and low.lower() <= "f"
    if not is_hex and byte < 0x80 and byte not in DISGUISED:
        return escape
    return chr(byte) if byte < 0x80 else chr(BYTES_FROM + byte)


def _half(match: re.Match[str]) -> str:
    return {"2": "/", "5": "\\"}.get(match.group(1) or "", "") + MALFORMED_MARK


def _written(match: re.Match[str]) -> str:
    digits = next(group for group in match.groups() if group).lower()
    return WRITTEN.get(digits, "/") + MALFORMED_MARK


def _read_bytes(text: str) -> str:
    """Bytes as UTF-8 where they are valid, else without checking what follows a leading byte."""
    text = VALID.sub(_valid, text)
    for pattern in LEADS:
        text = pattern.sub(_unchecked, text)
    text = CONTROL.sub(MALFORMED_MARK, BEFORE_SIGN.sub(MALFORMED_MARK, text))
    return VALID.sub(lambda match: "".join(chr(ord(c) - BYTES_FROM) for c in match.group()), text)


def _valid(match: re.Match[str]) -> str:
    try:
        return bytes(ord(c) - BYTES_FROM for c in match.group()).decode("utf-8")
    except UnicodeDecodeError:
        return match.group()


def _unchecked(match: re.Match[str]) -> str:
    """The character of the low six bits of each following byte, where it is one that attackers disguise."""
    lead, *following = (ord(c) - BYTES_FROM if ord(c) >= BYTES_FROM else ord(c) for c in match.group())
    code = lead & (0x7F >> len(following) + 1)
    for byte in following:
        code = code << 6 | byte & 0x3F
    low = code & 0x3F
    if code not in DISGUISED and lead in LOWEST_LEADS:
        code = ord("\\") if low == 0x1C else low
        return chr(code) + MALFORMED_MARK if chr(code) in "./\\" else match.group()
    return chr(code) + MALFORMED_MARK if code in DISGUISED else match.group()


def _lost(match: re.Match[str]) -> str:
    """Steps up of which at least a third of the characters is left; those without a loss as they are."""
    run = match.group()
    ends = (len(run), len(run) - 1) if run[-1] in ".?" else (len(run),)  # the name may begin with a dot
    start, end = min((end - _length_of_steps(run[:end]), end) for end in ends)
    lost, length = run.count("?", start, end), end - start
    if length < LEAST_STEPS or not 0 < lost <= length * 2 / 3:
        return run
    return run[:start] + "../" * (length // 3) + MALFORMED_MARK + run[end:]


def _length_of_steps(text: str) -> int:
    """How many characters at the end of the text are steps up."""
    steps = STEPS_BACKWARDS.match(text[::-1])
    return steps.end() if steps else 0


def _repeated_in(match: re.Match[str]) -> str:
    """A run of junk with steps up in place of what repeats before a name; nothing else is changed."""
    junk, name = match.groups()
    if name:
        return _repeated(junk) + name
    before = UP_TO_THE_LAST_LETTER.match(junk)
    length = before.end() if before else 0
    return _repeated(junk[:length]) + junk[length:] if length >= LEAST_JUNK else junk


def _repeated(found: str) -> str:
    """Steps up behind repeated junk; ordinary punctuation, and steps that are readable, as they are."""
    junk = found.rstrip(".")
    for length in range(2, min(MAX_UNIT, len(junk) // REPEATS) + 1):
        unit = junk[-length:]
        if junk.endswith(unit * REPEATS):
            readable = set(unit) <= set("./\\" + MALFORMED_MARK)
            return found if readable or PUNCTUATION.issuperset(unit) else found + CLIMBS
    return found
