"""One function for each medium that text of strangers is written to, so that nothing in it acts there.

Log lines, names of clusters and metrics, answers of servers: whoever sends them may write them for the reader's terminal,
spreadsheet or chat. What a person typed or Weir worded passes through the same functions. Pure; standard library only.
"""

from __future__ import annotations

import re

ZERO_WIDTH_SPACE = "\u200b"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the start of a cell."""
_ACTIVE_IN_CHAT = re.compile(r"@(?=\S)|(?<=:)(?=//)|(?<=\])(?=\()|(?<=\w)(?=\.[A-Za-z]{2,})")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$&:@])")
_FENCES = re.compile(r"`{3,}")


def for_terminal(text: str, *, keep_lines: bool = False) -> str:
    """With every control, direction and invisible character as its escape; `keep_lines`: line feeds stay."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or (keep_lines and character == "\n")
        else character.encode("unicode_escape").decode()
        for character in text
    )


def for_csv(text: str) -> str:
    """As in a terminal; what a spreadsheet would take for a formula begins with an apostrophe."""
    return for_terminal(f"'{text}" if text.startswith(FORMULA_STARTS) else text)


def for_chat(text: str) -> str:
    """As Slack, Mattermost and Teams show it literally: no mentions, no links, no markup of theirs."""
    literal = for_terminal(text, keep_lines=True).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ACTIVE_IN_CHAT.sub(lambda match: match[0] + ZERO_WIDTH_SPACE, literal)


def for_markdown(text: str) -> str:
    """One line of Markdown that shows the text literally."""
    return _MARKDOWN.sub(r"\\\1", for_terminal(text))


def fenced(text: str) -> str:
    """A block of Markdown that shows the lines of the text literally, whatever fences they hold."""
    longest = max((len(match[0]) for match in _FENCES.finditer(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{for_terminal(text, keep_lines=True)}\n{fence}"
