"""Delivers alerts to a file, a webhook and an SNS topic; one failing target does not keep an alert from the others.

`<home>/alerts.jsonl` has one line for each alert and, if another target is configured, one for each delivery attempt.
Repeated alerts are recognized in it by their key.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

from platform_assets.clients.aws import AWS_ERRORS, aws_client, aws_sentence, url_without_secrets
from platform_assets.clients.json_lines import append_lines, finite
from platform_assets.core.escape import for_chat
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode, WeirError

FILE_NAME = "alerts.jsonl"
WEBHOOK_SECONDS = 10
WEBHOOK_PAUSES_SECONDS = (0.5, 2.0)
"""Pauses between attempts; there is one more attempt than pauses."""
TRANSIENT_STATUS = {408, 425, 429, 500, 502, 503, 504}
CHAT_OPTIONS = {"mrkdwn": False, "link_names": False, "unfurl_links": False, "unfurl_media": False}
"""For Slack and those that read its messages: `text` is shown as it is."""
SNS_SUBJECT_CHARACTERS = 99
SNS_MESSAGE_BYTES = 250_000  # of 262,144, attributes included


@dataclass(frozen=True)
class Alert:
    """Alerts with the same key are one alert, delivered once to each target."""

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
        labels = {"kind": self.kind, "severity": self.severity, "summary": self.summary, "at": at, "key": self.identity}
        return {**labels, "details": finite(self.details)}


@dataclass(frozen=True)
class NotifyReport:
    """Which targets have the alert now, and why others do not (target -> sentence)."""

    delivered: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    already: tuple[str, ...] = ()
    """Targets that had it before; it was not sent to them again."""


class NotifierError(WeirError):
    """At least one target does not have the alert; one sentence for each. `report` says which have it."""

    exit_code = ExitCode.SERVICE

    def __init__(self, report: NotifyReport) -> None:
        super().__init__(" ".join(report.failed.values()))
        self.report = report


class _DeliveryError(Exception):
    """One target failed; one sentence."""


class _TransientError(Exception):
    """The webhook failed in a way that may succeed on retry."""


def notify(settings: Settings, alert: Alert) -> NotifyReport:
    """Deliver to every configured target, the file first; NotifierError after all were tried."""
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
    pending = {name: deliver for name, deliver in targets.items() if name not in already}
    for name, deliver in pending.items():
        _attempt(name, partial(deliver, settings, alert), delivered, failed)
    if pending:
        failed_targets = {name: sentence for name, sentence in failed.items() if name != "file"}
        delivered_targets = [name for name in delivered if name != "file"]
        attempt = {
            "delivery_of": alert.identity,
            "at": datetime.now(UTC).isoformat(),
            "delivered": delivered_targets,
            "failed": failed_targets,
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
    """The identity of the alert that a line of the file is about."""
    identity = record.get("key") or record.get("delivery_of")
    return identity if isinstance(identity, str) else None


def _targets_that_have(settings: Settings, alert: Alert) -> set[str]:
    have: set[str] = set()
    try:
        with (settings.home / FILE_NAME).open("rb") as lines:
            for line in lines:
                # A partial line of a killed process, or one that something else wrote: passed over.
                with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
                    have.update(_targets_of(json.loads(line), alert.identity))
    except OSError:
        return set()  # no file yet; if it is unreadable, a duplicate alert is better than none
    return have


def _targets_of(record: Mapping[str, Any], identity: str) -> set[str]:
    """The targets that have the alert by one line of the file; the exceptions of odd types where it is another line."""
    if record.get("key") == identity:
        return {"file"}
    return set(record["delivered"]) if record.get("delivery_of") == identity else set()


# Webhook


def _post(settings: Settings, alert: Alert) -> None:
    """POST the alert as JSON. A redirect is a failure: following it would drop the body and return 200."""
    import httpx
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_chain, wait_fixed

    url = settings.alerts_webhook_url.get_secret_value()
    webhook = f"The webhook at {url_without_secrets(url)}"  # its path is often a secret
    if not _is_http(url):
        raise _DeliveryError("The webhook is not an http:// or https:// URL; correct WEIR_ALERTS_WEBHOOK_URL.")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole URLs
    shown = {"text": for_chat(f"[{alert.severity}] {alert.summary}"), **CHAT_OPTIONS}
    body = json.dumps({**shown, **alert.as_record()}, default=str).encode()

    def post() -> None:
        headers = {"Content-Type": "application/json", "User-Agent": "weir"}
        try:
            response = httpx.post(url, content=body, headers=headers, timeout=WEBHOOK_SECONDS)
        except (httpx.TransportError, OSError) as error:
            raise _TransientError(f"cannot be reached ({type(_cause(error)).__name__})") from error
        if not response.is_success:
            answer = f"answered {response.status_code}"
            raise _TransientError(answer) if response.status_code in TRANSIENT_STATUS else _DeliveryError(answer)

    try:
        Retrying(
            stop=stop_after_attempt(len(WEBHOOK_PAUSES_SECONDS) + 1),
            wait=wait_chain(*map(wait_fixed, WEBHOOK_PAUSES_SECONDS)),
            retry=retry_if_exception_type(_TransientError),
        )(post)
    except (RetryError, _DeliveryError) as error:
        reason = error.last_attempt.exception() if isinstance(error, RetryError) else error
        raise _DeliveryError(f"{webhook} {reason}; check that it is up and correct WEIR_ALERTS_WEBHOOK_URL.") from None


def _cause(error: BaseException) -> BaseException:
    """The operating system's error at the root of a transport error, where there is one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error


def _is_http(url: str) -> bool:
    try:
        url_parts = urlsplit(url)
        return url_parts.scheme in {"http", "https"} and bool(url_parts.hostname) and url_parts.port != 0
    except ValueError:
        return False


# SNS


def _publish(settings: Settings, alert: Alert) -> None:
    topic = settings.alerts_sns_topic_arn
    arn = topic.split(":")
    if len(arn) != 6 or arn[2] != "sns":
        raise _DeliveryError(f"{topic} is not the ARN of an SNS topic; correct WEIR_ALERTS_SNS_TOPIC_ARN.")
    subject = f"[{alert.severity}] {alert.summary}".encode("ascii", "replace").decode()
    subject = "".join(character if character.isprintable() else " " for character in subject)[:SNS_SUBJECT_CHARACTERS]
    record = alert.as_record()
    if len(json.dumps(record, default=str)) > SNS_MESSAGE_BYTES:
        record["details"] = {"left_out": f"too long for SNS; see {FILE_NAME}"}
    labels = {"kind": alert.kind, "severity": alert.severity}
    attributes = {name: {"DataType": "String", "StringValue": label} for name, label in labels.items()}
    fifo = {}
    if topic.endswith(".fifo"):
        fifo = {"MessageGroupId": "weir", "MessageDeduplicationId": hashlib.sha256(alert.identity.encode()).hexdigest()}
    try:
        # The topic's own region, which may differ from that of the logs.
        client = aws_client("sns", arn[3], seconds=WEBHOOK_SECONDS)
        client.publish(
            TopicArn=topic,
            Subject=subject,
            Message=json.dumps(record, default=str),
            MessageAttributes=attributes,
            **fifo,
        )
    except AWS_ERRORS as error:
        raise _DeliveryError(aws_sentence(error, f"SNS topic {topic}", permission="sns:Publish")) from error
