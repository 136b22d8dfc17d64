"""From the fields of a request to units: the pieces that are judged alone, each with its views.

A unit is a path, one parameter of a query, the path or one parameter of a referer, a user agent, or an unusual
method with its path. Judging pieces alone keeps a long benign query from adding up to an attack, and lets the
same piece be judged once however often it occurs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from weir_models.request_attack import decoding
from weir_models.request_attack.decoding import NULL_MARK, OVERLONG_MARK
from weir_models.request_attack.sql_tokens import token_types

NEXT_PARAMETER = re.compile(r"&(?=[\w.$:%\[\]-]{1,64}=)")
PARAMETER_NAME = re.compile(r"^[\w.$:%\[\]-]{0,64}=(?!=)")
ORIGIN = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]{1,12}://[^/?#\s'\"<>${}\\]*")
PATH_PAYLOAD = re.compile(r"['\"()\s;<>`,]")
MARKS = re.compile(f"[{NULL_MARK}{OVERLONG_MARK}]")

SQL_COMMENT = re.compile(r"/\*!\d{0,6}|/\*.*?\*/|\*/|(?:--|#)[^\n]{0,200}\n", re.DOTALL)
SQL_SPACE = re.compile(r"[\s`]+")
SHELL_FIELD = re.compile(r"\$\{?ifs\}?(?:\$\d)?|\$[@*]|\$\{@\}")
SHELL_QUOTES = str.maketrans("", "", "'\"\\^" + NULL_MARK + OVERLONG_MARK)
COMPACT = str.maketrans("", "", " \t\r\n'\"`\\\xad\u200b\u200c\u200d\ufeff" + NULL_MARK + OVERLONG_MARK + "".join(map(chr, range(1, 32))))
SCRIPT_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->")


@dataclass(frozen=True)
class Unit:
    """One piece of a request: where it stands and its text, folded."""

    kind: str
    text: str


def split_query(decoded: str) -> list[str]:
    """The parameters of a decoded query; an ampersand that no name follows belongs to the value."""
    return [piece for piece in NEXT_PARAMETER.split(decoded) if piece]


def units_of(kind: str, decoded: str) -> Iterator[Unit]:
    """The units of one decoded field, texts hidden in base64 included."""
    if kind == "p":
        path, mark, query = decoded.partition("?")
        yield from _folded("p", path)
        if mark:
            for piece in split_query(query):
                yield from _folded("v", piece)
    elif kind == "v":
        yield from _parameters("v", decoded)
    elif kind == "r":
        rest = ORIGIN.sub("", decoded)
        path, mark, query = rest.partition("?")
        yield from _folded("r", path)
        if mark:
            yield from _parameters("r", query)
    else:
        yield from _folded(kind, decoded)


def _parameters(kind: str, query: str) -> Iterator[Unit]:
    pieces = split_query(query)
    joined: dict[str, list[str]] = {}
    for piece in pieces:
        yield from _folded(kind, piece)
        name, mark, value = piece.partition("=")
        if mark:
            joined.setdefault(name, []).append(value)
    for values in joined.values():
        if len(values) > 1:
            yield from _folded(kind, ",".join(values))


def _folded(kind: str, decoded: str) -> Iterator[Unit]:
    if not decoded:
        return
    yield Unit(kind, decoding.fold(decoded))
    if kind in "pvr":
        for hidden in decoding.hidden_texts(decoded):
            yield Unit("v", decoding.fold(hidden))


def value_of(unit: Unit) -> str:
    """The text without the parameter's name; of a path the part that may be a payload."""
    if unit.kind == "p":
        found = PATH_PAYLOAD.search(unit.text)
        return unit.text[unit.text.rfind("/", 0, found.start()) + 1 :] if found else ""
    if unit.kind in "vr":
        return PARAMETER_NAME.sub("", unit.text, count=1)
    return unit.text


def views_of(unit: Unit) -> tuple[str, str, str, str, str, str]:
    """The unit's text as signals read it, in the order of signal.VIEWS."""
    text = unit.text
    value = value_of(unit)
    sql = MARKS.sub("", value)
    tokens = token_types(sql) if unit.kind in "pvr" else ""
    sql = SQL_SPACE.sub(" ", SQL_COMMENT.sub(" ", sql))
    shell = SHELL_FIELD.sub(" ", text) if "$" in text else text
    shell = shell.translate(SHELL_QUOTES)
    compact = SCRIPT_COMMENT.sub("", text).translate(COMPACT)
    return text, value, sql, shell, compact, tokens
