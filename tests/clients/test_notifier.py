"""Alerts to the file, a webhook (a real local server) and SNS (moto, read back through SQS)."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from pydantic import SecretStr

from platform_assets.clients import notifier
from platform_assets.clients.notifier import CHAT_OPTIONS, Alert, NotifierError, NotifyReport, notify
from platform_assets.settings import Settings

AT = datetime(2026, 11, 20, 13, tzinfo=UTC)
ALERT = Alert(
    "waf_drift", "warning", "Two entries were added by hand – ä.", AT, {"ip_set": "weir-v4", "count": 2}, key="drift/1"
)


class Receiver:
    """A local HTTP server that answers with the given statuses in turn, the last one for ever."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                receiver.requests.append(
                    (f"{self.command} {self.path}", dict(self.headers), json.loads(body or b"null"))
                )
                status = receiver.statuses.pop(0) if len(receiver.statuses) > 1 else receiver.statuses[0]
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            do_POST = do_GET = answer

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits between attempts, noted and not waited."""
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waited.append)
    return waited


def with_webhook(settings: Settings, address: str, path: str = "/hooks/T0P5ECRET") -> Settings:
    return settings.model_copy(update={"alerts_webhook_url": SecretStr(f"http://{address}{path}")})


def lines(settings: Settings) -> list[dict[str, Any]]:
    """What was appended, but for when."""
    found = [json.loads(line) for line in (settings.home / "alerts.jsonl").read_text().splitlines()]
    assert all(line.pop("written_at") for line in found)
    return found


# The file


def test_without_another_target_an_alert_is_one_line_of_the_file(home: Settings) -> None:
    assert notify(home, ALERT) == NotifyReport(delivered=("file",))
    assert lines(home) == [
        {
            "kind": "waf_drift", "severity": "warning", "summary": "Two entries were added by hand – ä.",
            "at": "2026-11-20T13:00:00+00:00", "key": "drift/1", "details": {"ip_set": "weir-v4", "count": 2},
        }
    ]  # fmt: skip


def test_the_same_alert_again_is_not_repeated(home: Settings) -> None:
    notify(home, ALERT)
    assert notify(home, ALERT) == NotifyReport(already=("file",))
    assert len(lines(home)) == 1


def test_without_a_key_kind_time_and_summary_tell_alerts_apart(home: Settings) -> None:
    first, second = (Alert("late", "info", summary, AT) for summary in ("One hour is late.", "Two hours are late."))
    assert notify(home, first).delivered == notify(home, second).delivered == ("file",)
    assert notify(home, second).already == ("file",)


def test_a_half_line_in_the_file_does_no_harm(home: Settings) -> None:
    (home.home / "alerts.jsonl").write_text('{"key": "dri')
    assert notify(home, ALERT).delivered == ("file",)
    assert notify(home, ALERT).already == ("file",)


@pytest.mark.parametrize(
    "line",
    ["null", "1", "[]", "[" * 200_000, '{"delivery_of": "drift/1"}', '{"delivery_of": "drift/1", "delivered": null}',
     '{"delivery_of": "drift/1", "delivered": [[]]}'],
    ids=range(7),
)  # fmt: skip
def test_an_odd_line_is_passed_over(home: Settings, line: str) -> None:
    (home.home / "alerts.jsonl").write_text(f"{line}\n")
    assert notify(home, ALERT).delivered == ("file",)
    assert notify(home, ALERT).already == ("file",)


def test_a_figure_that_is_none_becomes_null(home: Settings) -> None:
    notify(home, Alert("late", "info", "One hour is late.", AT, {"ratio": float("nan"), "all": [float("inf"), 1.5]}))
    assert lines(home)[0]["details"] == {"ratio": None, "all": [None, 1.5]}


# Webhook


def test_a_webhook_gets_the_alert_as_json(home: Settings, receiver: Receiver) -> None:
    report = notify(with_webhook(home, receiver.address), ALERT)
    assert report.delivered == ("file", "webhook")
    ((request, headers, body),) = receiver.requests
    assert request == "POST /hooks/T0P5ECRET"
    assert headers["Content-Type"] == "application/json"
    shown = {"text": "[warning] Two entries were added by hand – ä.", **CHAT_OPTIONS}
    assert body == {**shown, **ALERT.as_record()}


def test_a_summary_mentions_nobody_in_a_chat(home: Settings, receiver: Receiver) -> None:
    notify(with_webhook(home, receiver.address), Alert("anomaly", "critical", "<!channel> grew", AT))
    ((_, _, body),) = receiver.requests
    assert body["text"] == "[critical] &lt;!channel&gt; grew" and body["mrkdwn"] is False
    assert body["summary"] == "<!channel> grew"


def test_user_and_password_of_the_url_become_basic_authentication(home: Settings, receiver: Receiver) -> None:
    notify(with_webhook(home, f"me:hunter%402@{receiver.address}"), ALERT)
    ((_, headers, _),) = receiver.requests
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"me:hunter@2"
    assert headers["Host"] == receiver.address


def test_a_webhook_that_stumbles_is_tried_again(home: Settings, receiver: Receiver, pauses: list[float]) -> None:
    receiver.statuses = [503, 429, 200]
    assert notify(with_webhook(home, receiver.address), ALERT).delivered == ("file", "webhook")
    assert pauses == [0.5, 2.0]


def failure_of(settings: Settings) -> NotifierError:
    with pytest.raises(NotifierError) as caught:
        notify(settings, ALERT)
    assert "T0P5ECRET" not in str(caught.value) and "hunter2" not in str(caught.value)
    assert re.fullmatch(r"[^\n]+[.]", str(caught.value))
    return caught.value


@pytest.mark.parametrize(("status", "attempts"), [(500, 3), (404, 1), (302, 1)])
def test_a_failing_webhook_is_reported_and_the_alert_is_in_the_file(
    home: Settings, receiver: Receiver, status: int, attempts: int
) -> None:
    receiver.statuses = [status]
    error = failure_of(with_webhook(home, receiver.address))
    assert f"The webhook at http://{receiver.address} answered {status}; check that it is up" in str(error)
    assert error.report.delivered == ("file",)
    assert len(receiver.requests) == attempts
    alert, attempt = lines(home)
    assert alert["key"] == "drift/1"
    assert (attempt["delivered"], list(attempt["failed"])) == ([], ["webhook"])
    assert "T0P5ECRET" not in json.dumps(attempt)


def test_an_alert_that_failed_is_delivered_when_raised_again_and_then_no_more(
    home: Settings, receiver: Receiver
) -> None:
    settings = with_webhook(home, receiver.address)
    receiver.statuses = [404, 200]
    failure_of(settings)
    assert notify(settings, ALERT) == NotifyReport(delivered=("webhook",), already=("file",))
    assert notify(settings, ALERT) == NotifyReport(already=("file", "webhook"))
    assert len(receiver.requests) == 2


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://me:hunter2@127.0.0.1:9/T0P5ECRET", "http://127.0.0.1:9 cannot be reached (ConnectionRefusedError)"),
        ("file:///etc/T0P5ECRET", "not an http:// or https:// URL"),
        ("T0P5ECRET", "not an http:// or https:// URL"),
        ("http://[T0P5ECRET", "not an http:// or https:// URL"),
        ("http://me:T0P5ECRET/2@127.0.0.1/", "not an http:// or https:// URL"),
    ],
)
def test_a_webhook_that_cannot_be_called_says_so_without_its_secret(home: Settings, url: str, said: str) -> None:
    assert said in str(failure_of(home.model_copy(update={"alerts_webhook_url": SecretStr(url)}))).replace(url, "")


def test_a_file_that_cannot_be_written_does_not_keep_the_alert_from_the_webhook(
    home: Settings, receiver: Receiver
) -> None:
    (home.home / "alerts.jsonl").mkdir()
    error = failure_of(with_webhook(home, receiver.address))
    assert "alerts.jsonl cannot be written" in str(error)
    assert error.report.delivered == ("webhook",)
    assert len(receiver.requests) == 1


def test_a_defect_in_one_target_does_not_keep_the_alert_from_the_others(
    home: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise KeyError("T0P5ECRET")

    monkeypatch.setattr(notifier, "_publish", break_down)
    settings = with_webhook(home, receiver.address).model_copy(
        update={"alerts_sns_topic_arn": "arn:aws:sns:us-east-1:1:t"}
    )
    assert failure_of(settings).report.delivered == ("file", "webhook")


# SNS


@pytest.fixture
def topic(home: Settings, moto_endpoint: str) -> Callable[..., tuple[Settings, Callable[[], list[dict[str, Any]]]]]:
    """A topic with a queue that subscribes to it: the settings, and a function that reads the queue."""

    def make(name: str = "alerts", **attributes: str) -> tuple[Settings, Callable[[], list[dict[str, Any]]]]:
        sns, sqs = (boto3.client(service, "eu-west-1", endpoint_url=moto_endpoint) for service in ("sns", "sqs"))
        arn = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
        queue = sqs.create_queue(QueueName=f"q-{name}", Attributes=attributes)["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)

        def read() -> list[dict[str, Any]]:
            messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            return [json.loads(message["Body"]) for message in messages]

        return home.model_copy(update={"alerts_sns_topic_arn": arn}), read

    return make


@pytest.mark.slow
def test_sns_subscribers_get_the_alert_from_a_topic_of_any_region(topic: Any) -> None:
    settings, read = topic()
    assert notify(settings, ALERT).delivered == ("file", "sns")
    (message,) = read()
    assert json.loads(message["Message"]) == ALERT.as_record()
    assert message["Subject"] == "[warning] Two entries were added by hand ? ?."
    assert message["MessageAttributes"]["severity"] == {"Type": "String", "Value": "warning"}
    assert notify(settings, ALERT).already == ("file", "sns")
    assert not read()


@pytest.mark.slow
def test_an_alert_too_long_for_sns_is_shortened_there_and_whole_in_the_file(topic: Any) -> None:
    settings, read = topic()
    notify(settings, Alert("late", "critical", "A line\nbreak " + "and more " * 30, AT, {"hours": "x" * 300_000}))
    (message,) = read()
    assert json.loads(message["Message"])["details"] == {"left_out": "too long for SNS; see alerts.jsonl"}
    assert len(message["Subject"]) == 99 and message["Subject"].isprintable()
    assert len(lines(settings)[0]["details"]["hours"]) == 300_000


@pytest.mark.slow
def test_a_fifo_topic_gets_its_group_and_deduplication(topic: Any) -> None:
    settings, read = topic("alerts.fifo", FifoTopic="true", FifoQueue="true")
    assert notify(settings, ALERT).delivered == ("file", "sns")
    assert len(read()) == 1


@pytest.mark.slow
def test_every_target_is_tried_before_the_failure_is_raised(topic: Any, receiver: Receiver) -> None:
    settings, read = topic()
    receiver.statuses = [500]
    error = failure_of(with_webhook(settings, receiver.address))
    assert error.report.delivered == ("file", "sns")
    assert list(error.report.failed) == ["webhook"]
    assert len(read()) == 1


@pytest.mark.slow
def test_a_missing_topic_says_so(topic: Any) -> None:
    settings, _ = topic()
    gone = f"{settings.alerts_sns_topic_arn}-gone"
    error = failure_of(settings.model_copy(update={"alerts_sns_topic_arn": gone}))
    assert f"SNS topic {gone} does not exist (NotFound)" in str(error)


def test_what_is_no_topic_says_so(home: Settings) -> None:
    error = failure_of(home.model_copy(update={"alerts_sns_topic_arn": "alerts"}))
    assert "alerts is not the ARN of an SNS topic; correct WEIR_ALERTS_SNS_TOPIC_ARN." in str(error)
