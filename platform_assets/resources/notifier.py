"""Alerts to a file, a webhook and an SNS topic: every target that is configured is tried, and none hides an alert.

When to raise an alert is decided elsewhere. `<home>/alerts.jsonl` holds one line for each alert and, where another
target is configured, one line for each attempt to deliver it; from these a repeated alert is recognised by its key.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from platform_assets.resources.aws import AWS_ERRORS, aws_client, aws_sentence, url_without_secrets
from platform_assets.resources.records import append_lines
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode, WeirError

FILE_NAME = "alerts.jsonl"
WEBHOOK_SECONDS = 10
WEBHOOK_PAUSES_SECONDS = (0.5, 2.0)
"""Waits between the attempts; there is one attempt more than waits."""
WORTH_ANOTHER_ATTEMPT = {408, 425, 429, 500, 502, 503, 504}
SNS_SUBJECT_CHARACTERS = 99
SNS_MESSAGE_BYTES = 250_000  # of 262,144, attributes included


@dataclass(frozen=True)
class Alert:
    """What somebody should know. Alerts with the same key are one alert, delivered once to each target."""

    kind: str
    severity: Literal["info", "warning", "critical"]
    summary: str
    """One sentence."""
    at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    """Such as `waf_drift/2026-11-20-13`; by default kind, time and summary."""

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"Alert {self.kind} has a time without time zone.")

    @property
    def identity(self) -> str:
        return self.key or f"{self.kind}/{self.at.astimezone(UTC).isoformat()}/{self.summary}"

    def as_record(self) -> dict[str, Any]:
        at = self.at.astimezone(UTC).isoformat()
        words = {"kind": self.kind, "severity": self.severity, "summary": self.summary, "at": at, "key": self.identity}
        return {**words, "details": dict(self.details)}


@dataclass(frozen=True)
class NotifyReport:
    """Which targets have the alert now, and what kept the others from it (target -> sentence)."""

    delivered: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    already: tuple[str, ...] = ()
    """Targets that had it before; nothing was sent to them."""


class NotifierError(WeirError):
    """At least one target has not got the alert; one sentence for each. `report` says which have it."""

    exit_code = ExitCode.SERVICE

    def __init__(self, report: NotifyReport) -> None:
        super().__init__(" ".join(report.failed.values()))
        self.report = report


class _DeliveryError(Exception):
    """One target failed; one sentence."""


def notify(settings: Settings, alert: Alert) -> NotifyReport:
    """Deliver to every configured target, the file first; NotifierError after all of them were tried."""
    targets: dict[str, Callable[[Settings, Alert], None]] = {}
    if settings.alerts_webhook_url.get_secret_value():
        targets["webhook"] = _post
    if settings.alerts_sns_topic_arn:
        targets["sns"] = _publish
    already = _targets_that_have(settings, alert)
    delivered: list[str] = []
    failed: dict[str, str] = {}
    if "file" not in already:
        _attempt("file", lambda: _append(settings, alert.as_record()), delivered, failed)
    tried = {name: deliver for name, deliver in targets.items() if name not in already}
    for name, deliver in tried.items():
        _attempt(name, partial(deliver, settings, alert), delivered, failed)
    if tried:
        others = {name: sentence for name, sentence in failed.items() if name != "file"}
        done = [name for name in delivered if name != "file"]
        attempt = {
            "delivery_of": alert.identity,
            "at": datetime.now(UTC).isoformat(),
            "delivered": done,
            "failed": others,
        }
        _attempt("file", lambda: _append(settings, attempt), [], failed)
    report = NotifyReport(tuple(delivered), failed, tuple(name for name in ("file", *targets) if name in already))
    if failed:
        raise NotifierError(report)
    return report


def _attempt(name: str, deliver: Callable[[], None], delivered: list[str], failed: dict[str, str]) -> None:
    try:
        deliver()
    except _DeliveryError as error:
        failed[name] = str(error)
    except Exception as error:  # a defect of one target must not keep the alert from the others
        failed[name] = (
            f"The alert could not be delivered to {name} ({type(error).__name__}); report this as a defect of Weir."
        )
    else:
        delivered.append(name)


# The file


def _append(settings: Settings, record: Mapping[str, Any]) -> None:
    path = settings.home / FILE_NAME
    try:
        append_lines(path, [record])
    except OSError as error:
        raise _DeliveryError(
            f"{path} cannot be written ({error.strerror}); free space or let this user write there."
        ) from error


def alert_of(record: Mapping[str, Any]) -> str | None:
    """The identity of the alert that a line of the file is, or tells a delivery of."""
    found: str | None = record.get("key") or record.get("delivery_of")
    return found


def _targets_that_have(settings: Settings, alert: Alert) -> set[str]:
    have: set[str] = set()
    try:
        with (settings.home / FILE_NAME).open("rb") as lines:
            for line in lines:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # half a line of a process that was killed
                if record.get("key") == alert.identity:
                    have.add("file")
                elif record.get("delivery_of") == alert.identity:
                    have.update(record["delivered"])
    except OSError:
        return set()  # no file yet; where it cannot be read, once too often is better than never
    return have


# Webhook


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """urllib would follow with GET and drop the body: an alert lost with status 200."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(settings: Settings, alert: Alert) -> None:
    url = settings.alerts_webhook_url.get_secret_value()
    where = f"The webhook at {url_without_secrets(url)}"  # its path is often a secret
    text = f"[{alert.severity}] {alert.summary}"  # what Slack, Mattermost and their like show
    body = json.dumps({"text": text, **alert.as_record()}, default=str).encode()
    try:
        request = _request(url, body)
    except ValueError:
        raise _DeliveryError(
            "The webhook is not an http:// or https:// URL; correct WEIR_ALERTS_WEBHOOK_URL."
        ) from None
    opener = urllib.request.build_opener(_NoRedirect)
    for pause_seconds in (*WEBHOOK_PAUSES_SECONDS, None):
        try:
            opener.open(request, timeout=WEBHOOK_SECONDS).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            said, again = f"answered {error.code}", error.code in WORTH_ANOTHER_ATTEMPT
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            said, again = f"cannot be reached ({type(reason).__name__})", True
        if not again or pause_seconds is None:
            break
        time.sleep(pause_seconds)
    raise _DeliveryError(f"{where} {said}; check that it is up and correct WEIR_ALERTS_WEBHOOK_URL.")


def _request(url: str, body: bytes) -> urllib.request.Request:
    """A POST; user and password move from the URL to where HTTP wants them. ValueError for what is not HTTP."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("not an HTTP URL")
    headers = {"Content-Type": "application/json", "User-Agent": "weir"}
    user_info, _, host = parts.netloc.rpartition("@")
    if user_info:
        headers["Authorization"] = "Basic " + base64.b64encode(unquote(user_info).encode()).decode()
    return urllib.request.Request(urlunsplit(parts._replace(netloc=host)), data=body, headers=headers, method="POST")


# SNS


def _publish(settings: Settings, alert: Alert) -> None:
    topic = settings.alerts_sns_topic_arn
    parts = topic.split(":")
    if len(parts) != 6 or parts[2] != "sns":
        raise _DeliveryError(f"{topic} is not the ARN of an SNS topic; correct WEIR_ALERTS_SNS_TOPIC_ARN.")
    subject = f"[{alert.severity}] {alert.summary}".encode("ascii", "replace").decode()
    subject = "".join(character if character.isprintable() else " " for character in subject)[:SNS_SUBJECT_CHARACTERS]
    record = alert.as_record()
    if len(json.dumps(record, default=str)) > SNS_MESSAGE_BYTES:
        record["details"] = {"left_out": f"too long for SNS; see {FILE_NAME}"}
    words = {"kind": alert.kind, "severity": alert.severity}
    attributes = {name: {"DataType": "String", "StringValue": word} for name, word in words.items()}
    fifo = {}
    if topic.endswith(".fifo"):
        fifo = {"MessageGroupId": "weir", "MessageDeduplicationId": hashlib.sha256(alert.identity.encode()).hexdigest()}
    try:
        # Its own region: a topic may be elsewhere than the logs.
        client = aws_client("sns", parts[3], seconds=WEBHOOK_SECONDS)
        client.publish(
            TopicArn=topic,
            Subject=subject,
            Message=json.dumps(record, default=str),
            MessageAttributes=attributes,
            **fifo,
        )
    except AWS_ERRORS as error:
        what = f"SNS topic {topic}"
        raise _DeliveryError(aws_sentence(error, what, permission="sns:Publish")) from error
