"""Steps up the tree that no decoding shows: separators that were lost, that repeat, or that nobody has heard of.

A text that climbs repeats itself: two dots and whatever stands for a separator, again and again, or the same odd sign between
the parts of a known file. Such texts get ordinary steps, followed by MALFORMED_MARK.
"""

from __future__ import annotations

import re
from itertools import pairwise

from weir_models.request_attack.text.decoding import MALFORMED_MARK

UNKNOWN_SEPARATOR = re.compile(f"\\.{MALFORMED_MARK}*\\.{MALFORMED_MARK}{{1,4}}(?=\\.{MALFORMED_MARK}*\\.|\\w)")
"""Two dots before an escape that nobody can read, and before two more or a name."""
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

PARTS = (
    r"(?:etc|proc|var|usr|opt|home|root|windows|winnt|inetpub|web-inf|meta-inf|conf|config|app|(?:boot|win|php|my)\.ini"
    r"|\.(?:env|git|aws|ssh|ht|svn|bash|kube|docker)|passwd|wp-config)"
)
JOINED_ONCE = re.compile(
    rf"\.\.([^\w\s&./\\][^\s&.]{{0,10}}?|_?(?:0?x|u\+?)?(?:00)?(?:2f|5c)_?|\\0?(?:57|134)){PARTS}(?:(?=\1)|(?![a-z]))",
    re.IGNORECASE,
)
"""Two dots, whatever it is, and the first part of a file that is worth a climb."""
LONGEST_SEPARATOR = 12
IS_ODD = re.compile(r"[^\w\s]|2[ef]|5c", re.IGNORECASE)
NO_SEPARATOR = re.compile(rf"^[^/\\]*\s|^[.?/\\{MALFORMED_MARK}]*$|[a-zA-Z]{{3}}")
NAME = re.compile(r"\.?\w")


def climbed(text: str) -> str:
    """The text with ordinary steps up in place of those that are disguised; nothing else is changed."""
    if "?" in text:
        text = LOST_WHOLE.sub(CLIMBS, CLIMBING.sub(_lost, text))
    text = UNKNOWN_SEPARATOR.sub(f"..{MALFORMED_MARK}/", text)
    if ".." in text:
        text = _joined_by_the_unknown(text)
    return JUNK.sub(_repeated_in, text)


def _joined_by_the_unknown(text: str) -> str:
    """Slashes in place of what follows pairs of dots again and again, or one pair and then joins the parts of a known file."""
    pieces = text.split("..")
    for piece, following in pairwise(pieces[1:]):
        if 0 < len(piece) <= LONGEST_SEPARATOR and following.startswith(piece) and _may_separate(piece):
            tail = next((other for other in pieces[2:] if other != piece and other.startswith(piece)), "")
            if NAME.match(tail, len(piece)):
                return _separated(text, text.index(".." + piece), piece)
    once = JOINED_ONCE.search(text)
    if once and _may_separate(once.group(1)):
        return _separated(text, once.start(), once.group(1))
    return text


def _may_separate(piece: str) -> bool:
    return bool(IS_ODD.search(piece)) and not NO_SEPARATOR.search(piece)


def _separated(text: str, start: int, separator: str) -> str:
    return text[:start] + text[start:].replace(separator, "/") + MALFORMED_MARK


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
