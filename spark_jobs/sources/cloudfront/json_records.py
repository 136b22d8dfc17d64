"""JSON log objects -> records, however they were written: one a line, several a line, in an array, indented, with a
comma after the last one, or as the messages of CloudWatch Logs events.

Knows JSON and envelopes, not what a record means (`record_lines.py`).
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

DOCUMENT_BYTES = 64 << 20
"""The largest JSON object that is waited for: a whole answer of `aws logs filter-log-events`, say."""
_BETWEEN = re.compile(r"[\s,\[\]\ufeff]*")
_NEXT = re.compile(r'(?:\n[\s,\[\]]*|\}[ \t]*,?[ \t]*)(?=\{)|\n(?=[^\s}"\],])')
"""Where the next record may begin after one that is no JSON."""
_TRAILING = re.compile(r"\n[\s,\[\]]*\Z")
_LIST_NAMES = ("logEvents", "events")


@dataclass(frozen=True)
class JsonRecord:
    """One record of an object. `number` counts up within the object: its line where each record has a line of its own."""

    number: int
    text: str
    """As it stands in the object; bytes that are no UTF-8 as surrogates."""
    fields: Mapping[str, Any] | str | None
    """An object, the text of a message that is none, or None where the record is no JSON object."""
    problem: str = ""
    """A sentence where `fields` is None."""


class JsonReader:
    """Iterates lists of the records of one object, given as chunks of bytes of any size."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._text, self._line, self._number = "", 1, 0
        self.is_cut_off = False
        """Whether the text ended within a record."""

    def __iter__(self) -> Iterator[list[JsonRecord]]:
        decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        for chunk in self._chunks:
            self._text += decode(chunk)
            yield list(self._records(is_last=False))
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
                    yield self._bad(_shown(text, first, end))
                else:
                    yield from self._unwrapped(value, _shown(text, first, end))
            else:
                newline = text.find("\n", start)
                if newline < 0 and may_grow:
                    break
                end = newline if newline >= 0 else len(text)
                yield self._bad(_shown(text, first, end))
            self._line += text.count("\n", at, end)
            at = end
        self._text = text[at:]

    def _bad(self, text: str) -> JsonRecord:
        return JsonRecord(self._next(), text, None, "The record is not a JSON object.")

    def _next(self) -> int:
        self._number = max(self._number + 1, self._line)
        return self._number

    def _unwrapped(self, value: dict[str, Any], text: str) -> Iterator[JsonRecord]:
        """A record, or the messages in an envelope of CloudWatch Logs; its control messages are no records."""
        if value.get("messageType") == "CONTROL_MESSAGE":
            return
        events = next((value[name] for name in _LIST_NAMES if isinstance(value.get(name), list)), None)
        if events is None and "message" in value and "timestamp" in value and "c-ip" not in value:
            events = [value]
        if events is None:
            yield JsonRecord(self._next(), text, value)
            return
        for event in events:
            message = event.get("message") if isinstance(event, dict) else None
            if not isinstance(message, str):
                yield self._bad(json.dumps(event))
                continue
            try:
                fields = json.loads(message)
            except (ValueError, RecursionError):
                fields = None
            yield JsonRecord(self._next(), message, fields if isinstance(fields, dict) else message)


def _start_of_next(match: re.Match[str]) -> int:
    """Where the text goes on: after the newline, which is the end of a line, or at the next record."""
    return match.start() + 1 if match[0].startswith("\n") else match.end()


def _shown(text: str, start: int, end: int) -> str:
    """The record with what is blank around it on its lines, as a rejection shows it."""
    own = _TRAILING.sub("", text[start:end])
    if len(own) == end - start:
        newline = text.find("\n", end)
        rest = text[end : newline if newline >= 0 else len(text)]
        own += rest if rest.isspace() else ""
    return own.removesuffix("\r")


def _end_of_separators(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return match.end() if match else at


def _is_incomplete(error: json.JSONDecodeError, length: int) -> bool:
    """Whether the text may go on where the decoder stopped: within a string, or close to the end."""
    return error.msg.startswith("Unterminated string") or error.pos >= length - len("-Infinity")
