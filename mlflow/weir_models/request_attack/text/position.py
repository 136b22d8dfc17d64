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
SERVED = re.compile(
    r"/\.(?:well-known|netlify|auth|resources|imaging|rest|magnolia|ghost|within\.website|redwood|api|assets|proxy|static|public|cdn|functions"
    r"|lambda|edge|lfs)(?:/|$)|\.(?:png|jpe?g|gif|webp|avif|svg|ico|css|woff2?|ttf|mp[34]|webm)$"
)
"""Hidden folders that frameworks serve, and pictures, fonts and sounds wherever they lie."""
PROSE_BOX = re.compile(
    r"^(?:text|comments?|message|msg|title|subject|body|note|question|topic|description|content|review|feedback|answer)=(?!=)"
)
"""Parameters for sentences."""
BEGINNING = re.compile(r"[a-z_$({\[/.@\"'`~]")
OPERATOR = re.compile(
    r"(?:x?or|and|not|union|having|intersect|except|in|like|is|between|where|order\s+by|group\s+by|limit)\b"
)
CUT_OFF = re.compile(rf"--(?:\s|$)|--\s*['\"]|(?<!/)/\*|\*/|#\s*$|<|[\x00-\x1f\x7f{ALL_MARKS}]")
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


ASKED = re.compile(
    r"^(?:what|how|why|when|where|who|which|can|does|do|is|are|should|explain|meaning|difference|example|learn|prevent|avoid|fix)\b.*\s"
    r"|\s(?:explained|meanings?|examples?|tutorials?|explanation|definition|syntax|cheat\s?sheet|not\s+working|errors?|vs\.?\s.{1,40}|why|how"
    r"|stack\s?overflow|attacks?|injections?|mysql|postgres(?:ql)?|sqlite|oracle|sql\s+server|mssql|xpath|in\s+(?:sql|linux|windows|php|python|java))"
    r"[\s?!.]*$"
)
"""Words around a snippet that make it a question, and that no statement has."""
NOT_SPOKEN = re.compile(
    rf"--|/\*|#\s*$|[;|`<\x00-\x1f{ALL_MARKS}]|\$[({{]|&&|\.\.[/\\]|\bunion\b.*\bselect\b.*[,\d('@*]|\bnull\b.*,"
)
SPOKEN = re.compile(r"^(?!(?:https?|file|php|data)\b)[a-z][a-z'-]*\s+\S|^\S+\s+[a-z]{3,}(?:\s+[a-z]+)*$")
PROSE_TAIL = re.compile(
    r"^(?:[^=<>|;(]*\b[a-z]{2,}\b){2}[^=<>|;(]*['\"]\s+(?:--\s+[a-z]{5,}|#\d{1,4}\b)|\d['\"]\s*(?:x|by)\s*\d+['\"]\s+#\d"
)
"""Two words or a measure, a quote and then a dash with a word or a number: no comment of a statement."""
ACTS = re.compile(
    r"\$_|\$\{|\$\w+\s*\(|`|[\\@]|/\*|\d\s*[*^]|\d{3,}|\b(?:include|require)|\)\s*\("
    r"|\b(?!(?:echo|print|printf|date|time|isset|empty|count|strlen|foreach|for|while|if|elseif|switch|array|list|function|fn|class|new|round|range|trim"
    r"|ucfirst|strtoupper|strtolower|number_format|implode|explode|in_array|is_\w+|sort|min|max|sum)\b)[a-z_]\w*\s*\("
)
"""What of PHP does something, and functions that a lesson would not begin with."""


def is_search_box(text: str) -> bool:
    """Whether the unit is the parameter of a search box."""
    return bool(SEARCH_BOX.match(text))


def is_served(path: str) -> bool:
    """Whether a site means to serve what lies at the path, though a part of it begins with a dot."""
    return bool(SERVED.search(path))


def is_asked(value: str) -> bool:
    """Whether a statement stands in a question about it: the words around it would break it."""
    return len(value) <= MAX_CHARACTERS and bool(ASKED.search(value)) and not NOT_SPOKEN.search(value)


def is_spoken(value: str) -> bool:
    """Whether what looks like a path stands among words, where no program opens it and none is run."""
    return len(value) <= MAX_CHARACTERS and bool(SPOKEN.search(value)) and not NOT_SPOKEN.search(value)


def ends_as_prose(value: str) -> bool:
    """Whether a quote and what follows it end a sentence, not a statement."""
    return len(value) <= MAX_CHARACTERS and bool(PROSE_TAIL.search(value))


def is_lesson(value: str) -> bool:
    """Whether a piece of PHP does nothing but print."""
    return len(value) <= MAX_CHARACTERS and not ACTS.search(value)


def is_prose_box(text: str) -> bool:
    """Whether the unit is a parameter that people write sentences into."""
    return is_search_box(text) or bool(PROSE_BOX.match(text))


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
