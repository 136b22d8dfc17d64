"""Envelopes of CloudWatch Logs -> the messages in them, each a record of a log; other values are records themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator

from spark_jobs.storage.json_records import JsonContent

_LIST_NAMES = ("logEvents", "events")


def unwrapped(content: JsonContent) -> Iterator[JsonContent]:
    """The record, or the messages of the events in an envelope; its control messages are no records."""
    value = content.fields
    if not isinstance(value, dict):
        yield content
        return
    if value.get("messageType") == "CONTROL_MESSAGE":
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
        try:
            fields = json.loads(message)
        except (ValueError, RecursionError):
            fields = None
        yield JsonContent(message, fields if isinstance(fields, dict) else message)
