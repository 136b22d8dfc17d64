"""Whether a text could break out of where it stands: an attack needs a position to inject from.

A text that is complete in itself (every string and bracket that it opens it closes, it closes none that it did not open, and
nothing cuts off what follows) ends nothing that stands around it. Typed into a search box it is a snippet, a statement or a
line of a terminal that somebody looks for: nothing executes it.
"""

from __future__ import annotations

import re

from weir_models.request_attack.text.decoding import ALL_MARKS

MAX_CHARACTERS = 600
"""Of a text that somebody types; longer ones are taken as they are."""
SEARCH_BOX = re.compile(
    r"^(?:q|s|k|st|wd|kw|qs?|query|search\w{0,10}|keywords?|terms?|phrase|find|lookfor|suche|recherche|buscar|busca|cerca|zoek|sok"
    r"|sql|stmt|statement|jql|cql|soql|kql|promql|xpath|selector|expr(?:ession)?|formula|snippet)=(?!=)"
)
"""Parameters by which sites name what is looked for, or a statement that the site itself takes from its pages."""
BEGINNING = re.compile(r"[a-z_$({\[/.@\"'`~]")
OPERATOR = re.compile(
    r"(?:x?or|and|not|union|having|intersect|except|in|like|is|between|where|order\s+by|group\s+by|limit)\b"
)
CUT_OFF = re.compile(rf"--(?:\s|$)|--\s*['\"]|/\*|\*/|#\s*$|<|[\x00-\x1f\x7f{ALL_MARKS}]")
"""Comments, markup, and control characters."""
CARRIED_ON = re.compile(
    r"^(?!select\b|with\b).*\bunion[\s(]+(?:all\s+|distinct\s+)?[\s(]*select\b[\s(]*\S"
    r"|;\s*(?:select|insert|update|delete|drop|alter|create|truncate|exec\w*|declare|shutdown|waitfor)\b|^\(+\s*select\b"
    r"|(?:\b(?:where|and|or|by|set|from)|[=,(+|&])\s*$|\|\|\s*\w+\s*\(|\\(?:union|select|from)\b|^case\s+['\"\d]",
    re.DOTALL,
)
"""A second statement, a statement that is a value of another one, or one that whatever stands around it ends."""
BEFORE_STRING = frozenset(" ([{,=:<>+!|&?")
AFTER_STRING = re.compile(r"[\s)\]},:;.?!+=<>|&/-]|$")
STRING_OF_CODE = re.compile(
    r"\s*(?:(?:x?or|and|like|in|is|between)\b|(?:union|having|order|group|limit|select)\s|[|&;=)<>+*,\]}-])|.*[=<>(|&]\s*$"
)
"""What a string begins with where its quotes stand the other way around."""
CLOSED_BY = {")": "(", "]": "[", "}": "{"}
SEPARATOR = re.compile(r"[;|&`]|\$\(")
COMMAND_LINE = re.compile(
    r"[a-z][\w.]*-[a-z]\w*\b|(?:sudo|ls|cat|grep|awk|sed|find|ps|echo|git|docker|kubectl|npm|pip3?|apt(?:-get)?|yum|curl|wget|tar|cd|ssh"
    r"|dir|type|ipconfig|netstat|tasklist|ping|for|if|set|cmd|powershell|gci|gps|get-\w+|history|sort|head|tail|export|journalctl)\s"
)


def is_search_box(text: str) -> bool:
    """Whether the unit is the parameter of a search box."""
    return bool(SEARCH_BOX.match(text))


def is_command_alone(value: str) -> bool:
    """Whether there is no second command, or the first is one too: a line of a terminal."""
    return not SEPARATOR.search(value) or bool(COMMAND_LINE.match(value.strip()))


def is_complete(value: str) -> bool:
    """Whether the value breaks out of nothing, whichever statement it stands in."""
    value = value.strip()
    if len(value) > MAX_CHARACTERS or not BEGINNING.match(value) or OPERATOR.match(value) or CUT_OFF.search(value):
        return False
    if CARRIED_ON.search(value):
        return False
    opened: list[str] = []
    at = 0
    while at < len(value):
        sign = value[at]
        if sign in "'\"`":
            end = _end_of_string(value, at)
            if end is None:
                return False
            at = end
            continue
        if sign in "([{":
            opened.append(sign)
        elif sign in ")]}" and (not opened or opened.pop() != CLOSED_BY[sign]):
            return False
        at += 1
    return not opened


def _end_of_string(value: str, at: int) -> int | None:
    """Where the string that begins at a quote ends; None where it is no string of its own."""
    if at and value[at - 1] not in BEFORE_STRING:
        return None
    end = value.find(value[at], at + 1)
    if end < 0 or not AFTER_STRING.match(value, end + 1) or STRING_OF_CODE.match(value, at + 1, end):
        return None
    return None if any(sign in value[at + 1 : end] for sign in "'\"`\\") else end + 1
