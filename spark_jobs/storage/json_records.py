"""JSON raw objects -> records, however they were written: one a line, several a line, in an array, indented, or with a
comma after the last one.

Knows JSON, not what a record means; a source may unwrap envelopes into the records that they hold.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

DOCUMENT_BYTES = 64 << 20
"""The largest JSON object that is waited for: a whole answer of `aws logs filter-log-events`, say."""
_BETWEEN = re.compile(r"[\s,\[\]\ufeff]*")
_NEXT = re.compile(r'(?<![\s,\[\]])(?:[^\S\n]|[,\[\]])*+\n[\s,\[\]]*+(?=\{)|\}[ \t]*+,?+[ \t]*+(?=\{)|\n(?=[^\s}"\],])')
"""Where the next record may begin after one that is no JSON; each run of blanks is read once."""


@dataclass(frozen=True)
class JsonContent:
    """A value of the object, or one that an envelope holds."""

    text: str
    """As it stands in the object; bytes that are no UTF-8 as surrogates."""
    fields: Mapping[str, Any] | str | None
    """An object, the text of a message that is none, or None where the value is no JSON object."""


@dataclass(frozen=True)
class JsonRecord(JsonContent):
    """One record of an object. `number` counts up within the object: its line where each record has a line of its own."""

    number: int
    line: int
    """The line in which it begins, from 1."""
    problem: str = ""
    """A sentence where `fields` is None."""


Unwrap = Callable[[JsonContent], Iterable[JsonContent]]
"""A value -> the records in it: itself, or those that it is an envelope of."""


class JsonReader:
    """Iterates lists of the records of one object, given as chunks of bytes of any size."""

    def __init__(self, chunks: Iterable[bytes], unwrap: Unwrap = lambda value: (value,)) -> None:
        self._chunks, self._unwrap = chunks, unwrap
        self._text, self._line, self._number = "", 1, 0
        self._next_look = 0
        self.is_cut_off = False
        """Whether the text ended within a record."""

    def __iter__(self) -> Iterator[list[JsonRecord]]:
        decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        for chunk in self._chunks:
            self._text += decode(chunk)
            # A value of many chunks is tried again only once it has doubled.
            if len(self._text) >= self._next_look:
                yield list(self._records(is_last=False))
                self._next_look = 2 * len(self._text)
        self._text += decode(b"", True)
        yield list(self._records(is_last=True))

    def _records(self, is_last: bool) -> Iterator[JsonRecord]:
        """The records that the text holds whole; what is left of it stays for the next chunk."""
        text, at = self._text, 0
        decoder = json.JSONDecoder()
        while True:
            start = _end_of_separators(text, at)
            first = max(at, text.rfind("\n", at, start) + 1)
            self._line += text.count("\n", at, start)
            at = start
            if start == len(text):
                break
            may_grow = not is_last and len(text) - start < DOCUMENT_BYTES
            if text[start] == "{":
                try:
                    value, end = decoder.raw_decode(text, start)
                except (ValueError, RecursionError) as error:
                    is_incomplete = isinstance(error, json.JSONDecodeError) and _is_incomplete(error, len(text))
                    if is_incomplete and may_grow:
                        break
                    self.is_cut_off = is_incomplete and is_last
                    following = None if self.is_cut_off else _NEXT.search(text, start + 1)
                    if following is None and may_grow:
                        break
                    end = _start_of_next(following) if following else len(text)
                    yield self._record(JsonContent(_shown(text, first, end), None))
                else:
                    yield from map(self._record, self._unwrap(JsonContent(_shown(text, first, end), value)))
            else:
                newline = text.find("\n", start)
                if newline < 0 and may_grow:
                    break
                end = newline if newline >= 0 else len(text)
                yield self._record(JsonContent(_shown(text, first, end), None))
            self._line += text.count("\n", at, end)
            at = end
        self._text = text[at:]

    def _record(self, content: JsonContent) -> JsonRecord:
        self._number = max(self._number + 1, self._line)
        problem = "The record is not a JSON object." if content.fields is None else ""
        return JsonRecord(content.text, content.fields, self._number, self._line, problem)


def _start_of_next(match: re.Match[str]) -> int:
    """Where the text goes on: after the newline, which is the end of a line, or at the next record."""
    newline = match[0].find("\n")
    return match.start() + newline + 1 if newline >= 0 else match.end()


def _shown(text: str, start: int, end: int) -> str:
    """The record with what is blank around it on its lines, as a rejection shows it."""
    own = _without_trailing_lines(text[start:end])
    if len(own) == end - start:
        newline = text.find("\n", end)
        rest = text[end : newline if newline >= 0 else len(text)]
        own += rest if rest.isspace() else ""
    return own.removesuffix("\r")


def _without_trailing_lines(text: str) -> str:
    """The text up to the first newline of the blanks, commas and brackets at its end."""
    end = len(text)
    while end and (text[end - 1].isspace() or text[end - 1] in ",[]"):
        end -= 1
    newline = text.find("\n", end)
    return text[:newline] if newline >= 0 else text


def _end_of_separators(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return match.end() if match else at


def _is_incomplete(error: json.JSONDecodeError, length: int) -> bool:
    """Whether the text may go on where the decoder stopped: within a string, or close to the end."""
    if error.msg.startswith("Invalid control character"):
        return False
    return error.msg.startswith("Unterminated string") or error.pos >= length - len("-Infinity")
