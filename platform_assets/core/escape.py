"""One function for each medium that text of strangers is written to, so that nothing in it acts there.

Log lines, names of clusters and metrics, answers of servers: whoever sends them may write them for the reader's terminal,
spreadsheet or chat. What a person typed or Weir worded passes through the same functions. Pure; standard library only.
"""

from __future__ import annotations

import re

ZERO_WIDTH_SPACE = "\u200b"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for a formula at the start of a cell."""
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that count as printable and show nothing."""
_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_PILED_MARKS = re.compile(f"(?<={_MARKS}{{3}}){_MARKS}+")
"""Combining marks after three others, which grow over the lines above."""
_ACTIVE_IN_CHAT = re.compile(
    r"@(?=\S)|(?<=:)(?=//)|(?<=\])(?=[(\[])|(?<=\S)(?=[.。．｡][^\W\d_]{2,})"  # mentions, links
    r"|[*~`|#](?=\S)|(?<=\S)(?=[*~`|])|(?<!\w)_(?=\S)|(?<=\S)(?=_(?!\w))|:(?=[a-z+])"  # emphasis, code, tables, tags, emoji
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$&:@])")
_FENCES = re.compile(r"`{3,}")


def for_terminal(text: str, *, keep_lines: bool = False) -> str:
    """With every control, direction and invisible character as its escape; `keep_lines`: line feeds stay."""
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(
        character if character.isprintable() or (keep_lines and character == "\n") else _escaped(character)
        for character in text
    )
    return _PILED_MARKS.sub(lambda match: _escaped(match[0]), _INVISIBLE.sub(lambda match: _escaped(match[0]), shown))


def _escaped(text: str) -> str:
    return text.encode("unicode_escape").decode()


def for_csv(text: str) -> str:
    """As in a terminal; what a spreadsheet would take for a formula begins with an apostrophe."""
    return for_terminal(f"'{text}" if text.startswith(FORMULA_STARTS) else text)


def for_chat(text: str) -> str:
    """One line that Slack, Mattermost and Teams show literally: no mentions, no links, no markup of theirs."""
    literal = for_terminal(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ACTIVE_IN_CHAT.sub(lambda match: match[0] + ZERO_WIDTH_SPACE, literal)


def for_markdown(text: str) -> str:
    """One line of Markdown that shows the text literally."""
    return _MARKDOWN.sub(r"\\\1", for_terminal(text))


def fenced(text: str) -> str:
    """A block of Markdown that shows the lines of the text literally, whatever fences they hold."""
    longest = max((len(match[0]) for match in _FENCES.finditer(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{for_terminal(text, keep_lines=True)}\n{fence}"
