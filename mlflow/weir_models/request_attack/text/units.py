"""Units: the pieces of a request that are judged separately, and the views that signals read.

A unit is a path, one parameter of a query, the path or one parameter of a referer, a user agent, or an unusual method
with its path. Separate units keep a long benign query from adding up to an attack, and a unit that occurs often is judged
once.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from weir_models.request_attack.text import decoding
from weir_models.request_attack.text.decoding import ALL_MARKS, CLIMBING_MARK, MALFORMED_MARK
from weir_models.request_attack.text.lenient import lenient
from weir_models.request_attack.text.sql_tokens import token_types

MAX_PARAMETERS = 32
"""Judged one by one; all that follow are one unit, so that a query of thousands costs no more than its length."""
HIDING_KINDS = "pvr"
"""Fields in which base64 and bare hex are decoded."""
NEXT_PARAMETER = re.compile(r"&(?=[\w.$:%\[\]-]{1,64}=)")
PARAMETER_NAME = re.compile(r"^[\w.$:%\[\]-]{0,64}=(?!=)")
ORIGIN = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]{1,12}://[^/?#\s'\"<>${}\\]*")
PATH_PAYLOAD = re.compile(r"/\*|['\"()\s;<>`,]")
MARKS = re.compile(f"[{ALL_MARKS}]")
MALFORMED_STEP = re.compile(rf"\.{MALFORMED_MARK}?\.{MALFORMED_MARK}?[/\\]{MALFORMED_MARK}")
MOST_MARKS = 8

SQL_COMMENT = re.compile(r"/\*!\d{0,6}|/\*.{0,200}?\*/|\*/|(?:--|#)[^\n]{0,200}\n", re.DOTALL)
SQL_ODD_SPACE = re.compile(r"  |[\r\n`]")
SQL_SPACE = re.compile(r"[\s`]+")
SHELL_EMPTY = re.compile(r"(?<=[a-z/])\$(?:[@*!1-9]|\{(?:[@*!1-9]|[a-z_]\w{0,15})\}|\(\))(?=[a-z/])")
"""Variables without a value inside a word, which a shell leaves out."""
SHELL_FIELD = re.compile(r"\$\{?ifs\}?(?:\$\d)?|\$[@*]|\$\{@\}")
SHELL_PADDED = re.compile(f"['\"\\\\^{ALL_MARKS}]")
SHELL_QUOTES = "'\"\\^" + ALL_MARKS
COMPACT = " '\"`\\" + ALL_MARKS + "".join(map(chr, range(1, 32)))
SCRIPT_COMMENT = re.compile(r"/\*.{0,200}?\*/|<!--|-->")


class Unit(NamedTuple):
    """One piece of a request: its kind (where it stands) and its folded text."""

    kind: str
    text: str


def units_of(kind: str, decoded: str) -> list[Unit]:
    """The units of one decoded field."""
    text = decoding.fold(decoded)
    if kind in "vc":
        return _parameters(kind, text)
    if kind not in "pr":
        return [Unit(kind, text)]
    path, mark, query = (ORIGIN.sub("", text) if kind == "r" else text).partition("?")
    units = [Unit(kind, path)] if path else []
    return units + _parameters("v" if kind == "p" else "r", query) if mark else units


def hidden_units(decoded: str) -> list[Unit]:
    """Texts that are encoded in base64 or as hex in a decoded field, each as a value of the query."""
    return [Unit("v", decoding.fold(hidden)) for hidden in decoding.hidden_texts(decoded)]


def lenient_units(kind: str, field: str) -> list[Unit]:
    """Units of the field, as it was logged, in which a lenient server reads something else; their marks at the end."""
    text = lenient(field)
    units = units_of(kind, text) if MALFORMED_MARK in text else []
    return [Unit(unit.kind, _marked_at_the_end(unit.text)) for unit in units if MALFORMED_MARK in unit.text]


def _marked_at_the_end(text: str) -> str:
    """The text without marks, and behind it MOST_MARKS of them at most, and one where a step up was malformed."""
    marks = MALFORMED_MARK * min(text.count(MALFORMED_MARK), MOST_MARKS)
    return text.replace(MALFORMED_MARK, "") + marks + (CLIMBING_MARK if MALFORMED_STEP.search(text) else "")


def _parameters(kind: str, query: str) -> list[Unit]:
    """Parameters, and the joined values of repeated names; an ampersand without a following name belongs to the value."""
    if "&" not in query:
        return [Unit(kind, query)] if query else []
    pieces = [piece for piece in NEXT_PARAMETER.split(query, maxsplit=MAX_PARAMETERS) if piece]
    units = [Unit(kind, piece) for piece in pieces]
    names = [piece.partition("=")[0] for piece in pieces]
    if len(set(names)) < len(names):
        joined: dict[str, list[str]] = {}
        for name, piece in zip(names, pieces, strict=True):
            joined.setdefault(name, []).append(piece[len(name) + 1 :])
        units += [Unit(kind, ",".join(values)) for values in joined.values() if len(values) > 1]
    return units


def _left_out(match: re.Match[str]) -> str:
    """Nothing, but for the variable that separates words."""
    return match.group() if match.group() == "${ifs}" else ""


def _without(characters: str, text: str) -> str:
    """The text without any of the characters; a table of translation is slow where a text is not all ASCII."""
    if text.isascii():
        return text.translate(_table(characters))
    return _pattern(characters).sub("", text)


@lru_cache(maxsize=4)
def _table(characters: str) -> dict[int, int | None]:
    return str.maketrans("", "", characters)


@lru_cache(maxsize=4)
def _pattern(characters: str) -> re.Pattern[str]:
    return re.compile("[" + re.escape(characters) + "]+")


def value_of(unit: Unit) -> str:
    """The text without the parameter's name; for a path the part from a suspicious character's segment on."""
    if unit.kind == "p":
        payload = PATH_PAYLOAD.search(unit.text)
        return unit.text[unit.text.rfind("/", 0, payload.start()) + 1 :] if payload else ""
    if unit.kind in "vrc":
        return PARAMETER_NAME.sub("", unit.text, count=1)
    return unit.text


def views(unit: Unit) -> tuple[str, str, str, str, str, str]:
    """The views of a unit in the order of signal.VIEWS."""
    kind, text = unit
    value = value_of(unit)
    sql = value if value.isascii() else MARKS.sub("", value)
    tokens = token_types(sql.replace("`", " ")) if kind in "pvrc" else ""
    if "*" in sql or "\n" in sql:
        sql = SQL_COMMENT.sub(" ", sql)
    if SQL_ODD_SPACE.search(sql):
        sql = SQL_SPACE.sub(" ", sql)
    shell = SHELL_FIELD.sub(" ", SHELL_EMPTY.sub(_left_out, text)) if "$" in text else text
    if SHELL_PADDED.search(shell):
        shell = _without(SHELL_QUOTES, shell)
    compact = _without(COMPACT, SCRIPT_COMMENT.sub("", text) if "*" in text or "--" in text else text)
    return text, value, sql, shell, compact, tokens
