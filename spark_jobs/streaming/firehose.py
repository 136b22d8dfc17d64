"""The record transformation of Firehose as a Lambda function: `spark_jobs.streaming.firehose.handler`.

Answers each record, in order, with `Ok` and its lines, `Dropped`, or `ProcessingFailed`. What fails, and what an answer has no
room for, Firehose keeps as it came below its error prefix, where batch reads it. Knows no format: the source does.

Source: AWS, "Transform source data in Amazon Data Firehose" and "Partition streaming data in Amazon Data Firehose".
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Final, Literal

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.registry import sources
from spark_jobs.wording import counted

logger = logging.getLogger(__name__)
OK: Final = "Ok"
DROPPED: Final = "Dropped"
FAILED: Final = "ProcessingFailed"
ANSWER_BYTES = 6_000_000
"""The largest answer; Lambda allows 6 MB and what comes around them."""
NAMED_RECORDS = 3
"""Records that the log names of those with one reason."""


class NoTransformError(WeirError):
    """No source, or more than one, can transform records."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Transformed:
    """The result of a record. `data`: whole lines; `event_at`: of its first event, seconds since 1970; `reason`: a stable word."""

    result: Literal["Ok", "Dropped", "ProcessingFailed"]
    data: bytes = b""
    event_at: int = 0
    reason: str = ""


Transform = Callable[[Sequence[bytes], Mapping[str, str]], Sequence[Transformed]]
"""Contents of records, and the environment with the settings of their format -> one result for each."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The answer to an invocation by Firehose. Errors are raised: Firehose asks again, and then keeps the records."""
    return {"records": answers(event["records"], _transform(), os.environ)}


def answers(
    records: Sequence[Mapping[str, Any]],
    transform: Transform,
    environment: Mapping[str, str],
    most_bytes: int = ANSWER_BYTES,
) -> list[dict[str, Any]]:
    """One answer a record, in their order, together at most `most_bytes` as JSON."""
    contents = [_decoded(record) for record in records]
    sound = [index for index, content in enumerate(contents) if content is not None]
    results = [Transformed(FAILED, reason="bad_base64") for _ in records]
    for index, result in zip(sound, transform([contents[i] or b"" for i in sound], environment), strict=True):
        results[index] = result
    listed = [{"recordId": record["recordId"], "result": FAILED} for record in records]
    remaining = most_bytes - len(json.dumps({"records": listed}))
    for index, result in enumerate(results):
        answer = _answer(records[index]["recordId"], result)
        growth = len(json.dumps(answer)) - len(json.dumps(listed[index]))
        if growth > remaining:
            results[index] = Transformed(FAILED, reason="answer_too_large")
            continue
        remaining -= growth
        listed[index] = answer
    _log_failures([record["recordId"] for record in records], results)
    return listed


def _answer(record_id: str, result: Transformed) -> dict[str, Any]:
    answer: dict[str, Any] = {"recordId": record_id, "result": result.result}
    if result.result == OK:
        at = datetime.fromtimestamp(result.event_at, UTC)
        keys = {"year": f"{at:%Y}", "month": f"{at:%m}", "day": f"{at:%d}", "hour": f"{at:%H}"}
        answer |= {"data": base64.b64encode(result.data).decode(), "metadata": {"partitionKeys": keys}}
    return answer


def _decoded(record: Mapping[str, Any]) -> bytes | None:
    try:
        return base64.b64decode(record["data"], validate=True)
    except (binascii.Error, ValueError):
        return None


def _log_failures(ids: Sequence[str], results: Sequence[Transformed]) -> None:
    """One line a reason. Reasons and ids alone: records hold addresses."""
    by_reason: dict[str, list[str]] = {}
    for record_id, result in zip(ids, results, strict=True):
        if result.result == FAILED:
            by_reason.setdefault(result.reason, []).append(record_id)
    for reason, failed in sorted(by_reason.items()):
        logger.warning("%s failed: %s; first %s", counted(len(failed), "record"), reason, failed[:NAMED_RECORDS])


def _transform() -> Transform:
    """The function of WEIR_FIREHOSE_SOURCE; where it is not set, of the one source that has any."""
    name = os.environ.get("WEIR_FIREHOSE_SOURCE", "")
    able = {source.name: source.stream.transform for source in sources().values() if source.stream is not None}
    functions = {source: function for source, function in able.items() if function and name in ("", source)}
    if len(functions) != 1:
        choices = ", ".join(sorted(source for source, function in able.items() if function))
        raise NoTransformError(f"WEIR_FIREHOSE_SOURCE={name} names no source of records; set it to one of {choices}.")
    module, _, function = next(iter(functions.values())).partition(":")
    found: Transform = getattr(import_module(module), function)
    return found
