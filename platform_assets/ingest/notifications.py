"""S3 event notifications in an SQS queue -> listed objects.

Accepts S3's messages sent directly, by SNS (raw delivery or not) or by EventBridge. The caller deletes messages once
their objects are in the ledger. SQS delivers at least once and in any order.
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
"""SQS's maximum for one call."""
MESSAGES_A_BATCH = 1000
BATCHES_A_RUN = 20
"""The rest waits for the next run, so that a run ends."""
WAIT_SECONDS = 1
"""Long polling asks all of SQS's servers; short polling may miss messages."""
VISIBILITY_SECONDS = 600
"""Visibility timeout: longer than a batch takes."""


class NotificationsError(WeirError):
    """The queue cannot be used; the message is one sentence that says what to do."""

    exit_code = ExitCode.SERVICE


@dataclass
class Batch:
    """Messages that were received together."""

    objects: list[ListedObject] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    """Of understood messages, whether or not they announce objects of the location."""
    not_understood: list[str] = field(default_factory=list)
    """Ids of the messages that stay in the queue."""


def queue_url(settings: Settings, raw: RawFiles) -> str:
    """The URL of a source's queue in the settings; empty if there is none."""
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
        """Whether the queue is empty, approximately."""
        attribute = "ApproximateNumberOfMessages"
        response = self._call("GetQueueAttributes", self._client.get_queue_attributes, AttributeNames=[attribute])
        return int(response["Attributes"][attribute]) == 0

    def batches(self) -> Iterator[Batch]:
        """The messages of the queue; `delete` a batch before requesting the next."""
        for _ in range(BATCHES_A_RUN):
            batch, is_last = self._batch()
            if batch.receipts or batch.not_understood:
                yield batch
            if is_last:
                return

    def _batch(self) -> tuple[Batch, bool]:
        batch = Batch()
        for _ in range(MESSAGES_A_BATCH // MESSAGES_A_CALL):
            messages = self._call(
                "ReceiveMessage",
                self._client.receive_message,
                MaxNumberOfMessages=MESSAGES_A_CALL,
                WaitTimeSeconds=WAIT_SECONDS,
                VisibilityTimeout=VISIBILITY_SECONDS,
            ).get("Messages", [])
            if not messages:
                return batch, True
            for message in messages:
                objects = announced_objects(message["Body"], self._location)
                if objects is None:
                    batch.not_understood.append(message["MessageId"])
                else:
                    batch.objects += objects
                    batch.receipts.append(message["ReceiptHandle"])
        return batch, False

    def delete(self, batch: Batch) -> int:
        """Delete the understood messages; returns how many SQS refused to delete and will deliver again."""
        refused = 0
        for start in range(0, len(batch.receipts), MESSAGES_A_CALL):
            receipts = batch.receipts[start : start + MESSAGES_A_CALL]
            entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(receipts)]
            response = self._call("DeleteMessage", self._client.delete_message_batch, Entries=entries)
            refused += len(response.get("Failed", []))
        return refused

    def _call(self, action: str, call: Any, **arguments: Any) -> dict[str, Any]:
        try:
            response: dict[str, Any] = call(QueueUrl=self.url, **arguments)
        except AWS_ERRORS as error:
            raise NotificationsError(
                aws_sentence(error, f"the queue {self.url}", permission=f"sqs:{action}")
            ) from error
        return response


def region_of(url: str) -> str:
    """The region in a queue's URL; empty for other endpoints."""
    host = urlsplit(url).hostname or ""
    match = re.fullmatch(r"sqs(?:-fips)?\.([\w-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)", host)
    return match[1] if match else ""


def announced_objects(body: str, location: S3Prefix) -> list[ListedObject] | None:
    """Objects of the location that a message announces; None if it is not a message of S3."""
    try:
        event = json.loads(body)
        if isinstance(event, dict) and event.get("Type") == "Notification":  # the envelope of SNS
            event = json.loads(event["Message"])
        if event.get("Event") == "s3:TestEvent":  # sent once, when notifications are set up
            return []
        if event.get("source") == "aws.s3":
            return _of_event_bridge(event, location)
        return [announced for record in event["Records"] for announced in _of_record(record, location)]
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError):
        return None


def _of_record(record: Mapping[str, Any], location: S3Prefix) -> list[ListedObject]:
    """One record of an S3 notification; its key is form-encoded: `+` is a space."""
    bucket, event = record["s3"]["bucket"]["name"], record["eventName"].removeprefix("s3:")
    if not event.startswith("ObjectCreated:"):
        return []
    item = record["s3"]["object"]
    return _listed(bucket, unquote_plus(item["key"]), item.get("eTag"), item, record["eventTime"], location)


def _of_event_bridge(event: Mapping[str, Any], location: S3Prefix) -> list[ListedObject]:
    """An event of EventBridge; its key is not encoded."""
    if event["detail-type"] != "Object Created":
        return []
    item = event["detail"]["object"]
    return _listed(event["detail"]["bucket"]["name"], item["key"], item.get("etag"), item, event["time"], location)


def _listed(
    bucket: str, key: str, etag: str | None, item: Mapping[str, Any], written: str, location: S3Prefix
) -> list[ListedObject]:
    if not location.holds(bucket, key):
        return []
    if not etag:
        raise ValueError("without an etag nobody can tell whether the content is known")
    modified_at = datetime.fromisoformat(written).astimezone(UTC)
    size = int(item["size"])
    if not 0 <= size < 1 << 63:
        raise ValueError("no object has this size")
    return [ListedObject(f"s3://{bucket}/{key}", etag.strip('"'), size, modified_at)]
