"""Notifications of new log objects: what is understood, and that a ledger loses and doubles nothing by them."""

from __future__ import annotations

import http.server
import json
import threading
import time
import urllib.parse
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.ingest import notifications, raw, sensors
from platform_assets.ingest.notifications import NotificationsError, Queue, announced_objects, region_of
from platform_assets.ingest.objects import ListedObject, S3Prefix
from platform_assets.ingest.raw import update_ledger
from platform_assets.settings import Settings
from spark_jobs.errors import exit_code_of
from spark_jobs.registry import sources
from spark_jobs.sources.cloudfront.tables import OBJECTS

LOCATION = S3Prefix("s3://raw/logs/", "us-east-1", "")
AT = datetime(2026, 11, 20, 14, 0, 5, 123000, UTC)
KEY = "logs/E1.2026-11-20-13.a b+ä.gz"
FOUND = [ListedObject(f"s3://raw/{KEY}", "abc", 7, AT)]
_RAW = sources()["cloudfront"].raw
assert _RAW is not None
RAW = _RAW


def record(key: str = KEY, etag: str = "abc", event: str = "ObjectCreated:Put", bucket: str = "raw") -> dict[str, Any]:
    encoded = urllib.parse.quote_plus(key)
    told = {"key": encoded, "size": 7, "eTag": etag, "sequencer": "0055AED6DCD90281E5"}
    s3 = {"bucket": {"name": bucket}, "object": told}
    return {"eventSource": "aws:s3", "eventTime": "2026-11-20T14:00:05.123Z", "eventName": event, "s3": s3}


def message(*records: dict[str, Any]) -> str:
    return json.dumps({"Records": list(records)})


def event_bridge(kind: str = "Object Created", key: str = KEY) -> str:
    told = {"key": key, "size": 7, "etag": "abc", "sequencer": "0055AED6DCD90281E5"}
    detail = {"version": "0", "bucket": {"name": "raw"}, "object": told, "reason": "PutObject"}
    return json.dumps({"version": "0", "source": "aws.s3", "detail-type": kind, "time": "2026-11-20T14:00:05.123Z", "detail": detail})  # fmt: skip


def by_sns(body: str) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:…", "Message": body})


# Messages


@pytest.mark.parametrize(
    "body", [message(record()), by_sns(message(record())), event_bridge(), by_sns(event_bridge())],
    ids=["S3", "S3 by SNS", "EventBridge", "EventBridge by SNS"],
)  # fmt: skip
def test_a_message_of_each_way_tells_of_the_object_with_its_name_as_it_is(body: str) -> None:
    assert announced_objects(body, LOCATION) == FOUND


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-20T14:00:05.123Z", "Bucket": "raw"}),
        message(record(bucket="other")),
        message(record("elsewhere/E1.2026-11-20-13.a.gz")),
        message(record("logs/E1.2026-11-20-13.a.gz.tmp")),
        message(record("logs/")),
        message(record(event="ObjectRemoved:Delete")),
        event_bridge("Object Deleted"),
        event_bridge(key="elsewhere/a.gz"),
        message(),
    ],
)  # fmt: skip
def test_a_message_about_something_else_of_s3_is_understood_and_tells_nothing(body: str) -> None:
    assert announced_objects(body, LOCATION) == []


def test_one_message_may_tell_of_several_objects() -> None:
    body = message(
        record(), record(bucket="other"), record("logs/b.gz", "def", "ObjectCreated:CompleteMultipartUpload")
    )
    assert announced_objects(body, LOCATION) == [*FOUND, ListedObject("s3://raw/logs/b.gz", "def", 7, AT)]


@pytest.mark.parametrize("body", ["", "hello", "3", "[]", "null", "{}", '{"Records": 3}', '{"Records": [{}]}', by_sns("x"),
                                  '{"Type": "Notification"}', '{"source": "aws.s3"}', message(record(etag=""))])  # fmt: skip
def test_a_message_that_is_none_of_s3s_is_not_understood(body: str) -> None:
    assert announced_objects(body, LOCATION) is None


def test_a_queue_is_asked_in_the_region_of_its_url() -> None:
    assert region_of("https://sqs.eu-west-1.amazonaws.com/123456789012/logs") == "eu-west-1"
    assert region_of("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/logs") == "cn-north-1"
    assert region_of("http://127.0.0.1:5000/123456789012/logs") == ""


# The ledger


class World:
    """A bucket that tells a queue what is put into it, and a home that reads both."""

    def __init__(self, home: Settings) -> None:
        self.s3, self.sqs = boto3.client("s3"), boto3.client("sqs")
        self.s3.create_bucket(Bucket="raw")
        self.url = self.sqs.create_queue(QueueName="logs")["QueueUrl"]
        self.settings = home.model_copy(update={"cloudfront_raw": "s3://raw/logs/", "raw_queue_url": self.url})
        queue = {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:logs", "Events": ["s3:ObjectCreated:*"]}
        self.s3.put_bucket_notification_configuration(
            Bucket="raw", NotificationConfiguration={"QueueConfigurations": [queue]}
        )

    def put(self, key: str, body: str = "") -> None:
        self.s3.put_object(Bucket="raw", Key=key, Body=(body or key).encode())

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def waiting(self) -> int:
        """Messages that are there, handed out or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def rows(self) -> list[tuple[str, str]]:
        rows = lake_of(self.settings).read_arrow(OBJECTS).to_pylist()
        return sorted((row["source_object"].removeprefix("s3://raw/"), row["etag"]) for row in rows)

    def present(self) -> list[tuple[str, str]]:
        found = self.s3.list_objects_v2(Bucket="raw", Prefix="logs/").get("Contents", [])
        return sorted((one["Key"], one["ETag"].strip('"')) for one in found)


@pytest.fixture
def world(home: Settings, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(notifications, "WAIT_SECONDS", 0)
    world = World(home)
    world.put("logs/E1.2026-11-20-10.a.gz")
    assert update_ledger(world.settings, "cloudfront")["listed in full"], "what was there before the queue"
    return world


@pytest.mark.slow
def test_what_s3_tells_is_in_the_ledger_without_a_listing_and_the_messages_are_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(45):
        world.put(f"logs/E1.2026-11-20-13.{number} +ä.gz")
    world.put("elsewhere/E1.2026-11-20-13.a.gz")
    monkeypatch.setattr(raw.listings, "listed", None)
    figures = update_ledger(world.settings, "cloudfront")
    assert (figures["new objects"], figures["messages"]) == (45, 46) and "warning" not in figures
    assert world.rows() == world.present() and world.waiting() == 0
    assert update_ledger(world.settings, "cloudfront")["new objects"] == 0


@pytest.mark.slow
def test_messages_that_come_twice_and_in_any_order_end_in_what_s3_holds(world: World) -> None:
    key = "logs/E1.2026-11-20-13.a.gz"
    world.put(key, "first")
    first = world.present()[-1][1]
    world.put(key, "second")
    second = world.present()[-1][1]
    world.sqs.purge_queue(QueueUrl=world.url)
    world.send(message(record(key, second)), message(record(key, first)), message(record(key, second)))
    assert update_ledger(world.settings, "cloudfront")["new objects"] == 1
    assert world.rows() == world.present()
    world.send(message(record(key, first)), message(record(key, second)))
    assert update_ledger(world.settings, "cloudfront")["new objects"] == 0, "the one that was overtaken comes late"
    assert world.rows() == world.present()


def killed(*_: object) -> None:
    raise SystemExit


@pytest.mark.slow
def test_a_crash_between_ledger_and_queue_loses_and_doubles_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "VISIBILITY_SECONDS", 1)
    for number in range(12):
        world.put(f"logs/E1.2026-11-20-13.{number}.gz")
    with monkeypatch.context() as crash:
        crash.setattr(Queue, "delete", killed)
        with pytest.raises(SystemExit):
            update_ledger(world.settings, "cloudfront")
    assert world.rows() == world.present() and world.waiting() == 12
    time.sleep(1.1)
    figures = update_ledger(world.settings, "cloudfront")
    assert (figures["messages"], figures["new objects"]) == (12, 0)
    assert world.rows() == world.present() and world.waiting() == 0


@pytest.mark.slow
def test_a_crash_before_the_ledger_is_written_leaves_the_messages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "VISIBILITY_SECONDS", 1)
    world.put("logs/E1.2026-11-20-13.a.gz")
    with monkeypatch.context() as crash:
        crash.setattr(raw, "_append", killed)
        with pytest.raises(SystemExit):
            update_ledger(world.settings, "cloudfront")
    time.sleep(1.1)
    assert update_ledger(world.settings, "cloudfront")["new objects"] == 1
    assert world.rows() == world.present() and world.waiting() == 0


@pytest.mark.slow
def test_a_message_that_is_not_understood_stays_and_is_told(world: World) -> None:
    world.send("hello", message(record("logs/E1.2026-11-20-13.a.gz")))
    figures = update_ledger(world.settings, "cloudfront")
    assert figures["new objects"] == 1 and world.waiting() == 1
    assert figures["warning"].startswith(f"1 message of {world.url} that S3 did not send stays there, such as ")


@pytest.mark.slow
def test_more_messages_than_a_run_takes_wait_for_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "MESSAGES_A_BATCH", 20)
    monkeypatch.setattr(notifications, "BATCHES_A_RUN", 2)
    for number in range(50):
        world.send(message(record(f"logs/E1.2026-11-20-13.{number}.gz")))
    assert [update_ledger(world.settings, "cloudfront")["new objects"] for _ in range(3)] == [40, 10, 0]


@pytest.mark.slow
def test_what_no_message_told_is_found_by_the_full_listing(world: World) -> None:
    world.put("logs/E1.2026-11-20-13.a.gz")
    world.sqs.purge_queue(QueueUrl=world.url)
    assert update_ledger(world.settings, "cloudfront")["new objects"] == 0
    always = world.settings.model_copy(update={"full_listing_hours": 0})
    assert update_ledger(always, "cloudfront")["new objects"] == 1 and world.rows() == world.present()


@pytest.mark.slow
def test_the_sensor_asks_the_queue_and_takes_nothing_from_it(world: World) -> None:
    lake, now = lake_of(world.settings), datetime.now(UTC)
    assert sensors.has_new_objects(world.settings, lake, now, "cloudfront") == (
        False,
        f"The queue {world.url} is empty.",
    )
    world.put("logs/E1.2026-11-20-13.a.gz")
    assert [sensors.has_new_objects(world.settings, lake, now, "cloudfront")[0] for _ in range(3)] == [True] * 3
    assert update_ledger(world.settings, "cloudfront")["new objects"] == 1


# Faults


@pytest.mark.slow
def test_a_missing_queue_says_so(world: World) -> None:
    settings = world.settings.model_copy(update={"raw_queue_url": f"{world.url}-of-others"})
    with pytest.raises(NotificationsError) as caught:
        update_ledger(settings, "cloudfront")
    assert f"the queue {world.url}-of-others does not exist (" in str(caught.value)
    assert exit_code_of(caught.value) == 5


@pytest.mark.parametrize(("call", "right"), [("batches", "sqs:ReceiveMessage"), ("is_empty", "sqs:GetQueueAttributes")])
def test_a_queue_without_rights_names_the_right(
    home: Settings, monkeypatch: pytest.MonkeyPatch, call: str, right: str
) -> None:
    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = b'{"__type": "com.amazonaws.sqs#AccessDenied", "message": "Access to the resource is denied."}'
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(403)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{server.server_port}")
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/logs"
    with pytest.raises(NotificationsError) as caught:
        next(
            iter(
                getattr(
                    Queue(home.model_copy(update={"cloudfront_raw": "s3://raw", "raw_queue_url": url}), RAW), call
                )()
            )
        )
    server.shutdown()
    server.server_close()
    said = f"AWS denied access to the queue {url} (AccessDenied); allow {right} to these credentials or use others."
    assert str(caught.value) == said


def test_a_queue_beside_a_folder_says_what_to_set(home: Settings) -> None:
    with pytest.raises(NotificationsError, match="set it to the s3:// URI of the logs"):
        update_ledger(
            home.model_copy(update={"cloudfront_raw": str(home.home / "raw"), "raw_queue_url": "https://sqs"}),
            "cloudfront",
        )
