"""New log objects as S3 tells of them: event notifications in an SQS queue -> objects as a listing has them.

Takes S3's own messages, sent straight to the queue, by SNS (raw delivery or not) or by EventBridge. Deletes nothing by
itself: whoever has put the objects away says so. SQS delivers at least once and in any order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from platform_assets.clients.aws import AWS_ERRORS, aws_client, aws_sentence
from platform_assets.ingest.objects import ListedObject, S3Prefix
from platform_assets.settings import Settings, value_of
from spark_jobs.contract import RawFiles
from spark_jobs.errors import ExitCode, WeirError

MESSAGES_A_CALL = 10
"""The most that SQS hands out or deletes in one call."""
MESSAGES_A_BATCH = 1000
BATCHES_A_RUN = 20
"""What is left then waits for the next run, so that a run has an end."""
WAIT_SECONDS = 1
"""Long polling asks all of SQS's servers; without it a message may be there and not be handed out."""
HIDDEN_SECONDS = 600
"""How long a message that was handed out is not handed out again: longer than a batch takes, since it is put away."""


class NotificationsError(WeirError):
    """The queue cannot be read or a message not be deleted; the message is one sentence that says what to do."""

    exit_code = ExitCode.SERVICE


@dataclass
class Batch:
    """Messages that were received together."""

    objects: list[ListedObject] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    """Of the messages that were understood, whether or not they told of objects of the location."""
    not_understood: list[str] = field(default_factory=list)
    """Ids of those that are left in the queue."""


def queue_url(settings: Settings, raw: RawFiles) -> str:
    """The URL of the queue that the settings name for a source; empty where there is none."""
    return str(value_of(settings, raw.queue_setting)) if raw.queue_setting else ""


class Queue:
    """The queue that announces new objects of a source's location."""

    def __init__(self, settings: Settings, raw: RawFiles) -> None:
        location, self.url = str(value_of(settings, raw.setting)), queue_url(settings, raw)
        if not location.startswith("s3://"):
            raise NotificationsError(
                f"WEIR_{(raw.queue_setting or '').upper()} announces objects in S3 and WEIR_{raw.setting.upper()} names none; "
                "set it to the s3:// URI of the logs."
            )
        self._location = S3Prefix(location, settings.aws_region, settings.s3_endpoint_url)
        try:
            self._client = aws_client("sqs", region_of(self.url) or settings.aws_region)
        except AWS_ERRORS as error:
            raise NotificationsError(aws_sentence(error, f"the queue {self.url}")) from error

    def is_empty(self) -> bool:
        """Whether there is nothing to receive, as far as SQS knows right now."""
        name = "ApproximateNumberOfMessages"
        found = self._asked("GetQueueAttributes", self._client.get_queue_attributes, AttributeNames=[name])
        return int(found["Attributes"][name]) == 0

    def batches(self) -> Iterator[Batch]:
        """What the queue holds, each message once; `delete` a batch before the next is asked for."""
        for _ in range(BATCHES_A_RUN):
            batch, is_last = self._batch()
            if batch.receipts or batch.not_understood:
                yield batch
            if is_last:
                return

    def _batch(self) -> tuple[Batch, bool]:
        batch = Batch()
        for _ in range(MESSAGES_A_BATCH // MESSAGES_A_CALL):
            found = self._asked(
                "ReceiveMessage",
                self._client.receive_message,
                MaxNumberOfMessages=MESSAGES_A_CALL,
                WaitTimeSeconds=WAIT_SECONDS,
                VisibilityTimeout=HIDDEN_SECONDS,
            ).get("Messages", [])
            if not found:
                return batch, True
            for message in found:
                told = objects_told(message["Body"], self._location)
                if told is None:
                    batch.not_understood.append(message["MessageId"])
                else:
                    batch.objects += told
                    batch.receipts.append(message["ReceiptHandle"])
        return batch, False

    def delete(self, batch: Batch) -> int:
        """Delete what was understood; returns how many messages SQS refused to, which it hands out again."""
        refused = 0
        for start in range(0, len(batch.receipts), MESSAGES_A_CALL):
            receipts = batch.receipts[start : start + MESSAGES_A_CALL]
            entries = [{"Id": str(number), "ReceiptHandle": one} for number, one in enumerate(receipts)]
            found = self._asked("DeleteMessage", self._client.delete_message_batch, Entries=entries)
            refused += len(found.get("Failed", []))
        return refused

    def _asked(self, right: str, call: Any, **arguments: Any) -> dict[str, Any]:
        try:
            found: dict[str, Any] = call(QueueUrl=self.url, **arguments)
        except AWS_ERRORS as error:
            raise NotificationsError(aws_sentence(error, f"the queue {self.url}", permission=f"sqs:{right}")) from error
        return found


def region_of(url: str) -> str:
    """The region in a queue's URL, empty where it has none (another endpoint)."""
    host = urlsplit(url).hostname or ""
    found = re.fullmatch(r"sqs(?:-fips)?\.([\w-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)", host)
    return found[1] if found else ""


def objects_told(body: str, location: S3Prefix) -> list[ListedObject] | None:
    """Objects of the location that a message says were written; None where it is no message of S3's."""
    try:
        found = json.loads(body)
        if isinstance(found, dict) and found.get("Type") == "Notification":  # the envelope of SNS
            found = json.loads(found["Message"])
        if found.get("Event") == "s3:TestEvent":  # sent once, when notifications are set up
            return []
        if found.get("source") == "aws.s3":
            return _of_event_bridge(found, location)
        return [told for record in found["Records"] for told in _of_record(record, location)]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _of_record(record: Mapping[str, Any], location: S3Prefix) -> list[ListedObject]:
    """One record of S3's own notification; its key is encoded like a form: `+` is a space."""
    bucket, event = record["s3"]["bucket"]["name"], record["eventName"].removeprefix("s3:")
    if not event.startswith("ObjectCreated:"):
        return []
    found = record["s3"]["object"]
    return _listed(bucket, unquote_plus(found["key"]), found.get("eTag"), found, record["eventTime"], location)


def _of_event_bridge(event: Mapping[str, Any], location: S3Prefix) -> list[ListedObject]:
    """An event of EventBridge; its key is as it is."""
    if event["detail-type"] != "Object Created":
        return []
    found = event["detail"]["object"]
    return _listed(event["detail"]["bucket"]["name"], found["key"], found.get("etag"), found, event["time"], location)


def _listed(
    bucket: str, key: str, etag: str | None, found: Mapping[str, Any], at: str, location: S3Prefix
) -> list[ListedObject]:
    if not location.holds(bucket, key):
        return []
    if not etag:
        raise ValueError("without an etag nobody can tell whether the content is known")
    written_at = datetime.fromisoformat(at).astimezone(UTC)
    return [ListedObject(f"s3://{bucket}/{key}", etag.strip('"'), int(found["size"]), written_at)]
