"""Forms of script without letters, in octal, and with marks inside words."""

from __future__ import annotations

import random
import re

MARKS = "\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u202e\u202d\u00ad\u2066"
DIGIT = ("+[]", "+!+[]", *(f"!+[]{'+!+[]' * n}" for n in range(1, 9)))
WORDS = {"false": "(![]+[])", "true": "(!![]+[])", "undefined": "([][[]]+[])"}


def letterless(rng: random.Random, text: str) -> str:
    """Six characters: each letter as an index into the word of a value; what no word holds is left out."""
    parts = []
    for c in text:
        holders = [word for word in WORDS if c in word]
        if holders:
            word = rng.choice(holders)
            parts.append(f"{WORDS[word]}[{DIGIT[word.index(c)]}]")
    return f"[][({'+'.join(parts)})]{rng.choice(('()', '``', '((' + '![]+[]))'))}"


def octal(rng: random.Random, text: str) -> str:
    """The text between the marks ⟦ and ⟧ as octal or hexadecimal escapes."""
    form = rng.choice(("\\{:o}", "\\{:03o}", "\\x{:02x}", "\\u{{{:x}}}"))
    return re.sub("⟦(.*?)⟧", lambda match: "".join(form.format(ord(c)) for c in match[1]), text)


def marked(rng: random.Random, text: str) -> str:
    """Invisible marks inside of words of three letters and more."""
    mark = rng.choice(MARKS)

    def split(match: re.Match[str]) -> str:
        at = rng.randint(1, len(match[0]) - 1)
        return match[0][:at] + mark + match[0][at:]

    return re.sub("[a-z]{3,}", split, text)
