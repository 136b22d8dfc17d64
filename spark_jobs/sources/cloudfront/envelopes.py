"""Envelopes of CloudWatch Logs and Firehose -> the messages in them, each a record of a log; other values are records themselves.

Sources: AWS, "Subscription filters with Amazon Data Firehose" and "Handle failure in data transformation".
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator

from spark_jobs.storage.json_records import JsonContent

_LIST_NAMES = ("logEvents", "events")
MAX_FAILED_BYTES = 64 << 20
"""Of one record that Firehose could not deliver, decompressed; Firehose takes records of 1,000 KiB."""


def unwrapped(content: JsonContent) -> Iterator[JsonContent]:
    """The record, or the messages of the events in an envelope; its control messages are no records."""
    value = content.fields
    if not isinstance(value, dict):
        yield content
        return
    if value.get("messageType") == "CONTROL_MESSAGE":
        return
    if "rawData" in value and "attemptsMade" in value:
        yield from _failed(content, value["rawData"])
        return
    events = next((value[name] for name in _LIST_NAMES if isinstance(value.get(name), list)), None)
    if events is None and "message" in value and "timestamp" in value and "c-ip" not in value:
        events = [value]
    if events is None:
        yield content
        return
    for event in events:
        message = event.get("message") if isinstance(event, dict) else None
        if not isinstance(message, str):
            yield JsonContent(json.dumps(event), None)
            continue
        yield _message(message)


def _message(text: str) -> JsonContent:
    """The text of a log event: a JSON object, or a line."""
    text = text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")  # JSON may hold halves of a pair
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    return JsonContent(text, fields if isinstance(fields, dict) else text)


def _failed(content: JsonContent, raw_data: object) -> Iterator[JsonContent]:
    """The lines of a record that Firehose could not have transformed or converted, as it keeps them below its error prefix."""
    try:
        data = base64.b64decode(str(raw_data), validate=True)
        if data.startswith(b"\x1f\x8b"):
            data = zlib.decompressobj(wbits=31).decompress(data, MAX_FAILED_BYTES)
    except (ValueError, zlib.error):
        yield JsonContent(content.text, None)
        return
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        message = JsonContent(line, line)
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            fields = None
        yield from unwrapped(JsonContent(line, fields)) if isinstance(fields, dict) else (message,)
