"""Metric points to the file and to CloudWatch (moto), within CloudWatch's rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.endpoint
import pytest

from platform_assets.clients.metric_publishers import MetricPoint, MetricsError, publish
from platform_assets.settings import Settings

NOW = datetime.now(UTC).replace(microsecond=0)


def point(value: float = 1.0, at: datetime = NOW, **values: Any) -> MetricPoint:
    return MetricPoint("decisions", value, at, **values)


def lines(path: Path) -> list[dict[str, Any]]:
    """What was appended, but for when."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(datetime.fromisoformat(line.pop("written_at")) >= NOW for line in found)
    return found


# The file


def test_points_are_appended_to_the_file_of_the_home(home: Settings) -> None:
    publish(home, [point(3, unit="Count", dimensions={"action": "block"})])
    report = publish(home, [point(4.5)])
    assert (report.published, report.dropped, report.skipped) == (1, 0, 0)
    assert lines(home.home / "metrics.jsonl") == [
        {"name": "decisions", "value": 3.0, "unit": "Count", "at": NOW.isoformat(), "dimensions": {"action": "block"}},
        {"name": "decisions", "value": 4.5, "unit": "None", "at": NOW.isoformat(), "dimensions": {}},
    ]


def test_the_file_takes_any_time_but_no_value_that_is_not_finite(home: Settings) -> None:
    old = NOW - timedelta(days=4000)
    report = publish(home, [point(at=old), point(float("nan")), point(float("inf")), point(1e200)])
    assert (report.published, report.dropped, report.skipped) == (1, 3, 0)
    assert "3 dropped" in report.sentence
    assert [line["at"] for line in lines(home.home / "metrics.jsonl")] == [old.isoformat()]


def test_a_file_that_cannot_be_written_says_what_to_do(home: Settings) -> None:
    (home.home / "metrics.jsonl").mkdir()
    with pytest.raises(MetricsError, match=r"metrics\.jsonl cannot be written \(Is a directory\); free space or let"):
        publish(home, [point()])


# What a point may be


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit": "Requests"},
        {"dimensions": {"kind": ""}},
        {"dimensions": {"kind": "Bär"}},
        {"dimensions": {":kind": "a"}},
        {"dimensions": {f"d{number}": "a" for number in range(31)}},
        {"at": NOW.replace(tzinfo=None)},
    ],
)
def test_a_point_that_cloudwatch_would_refuse_cannot_be_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^Metric '?decisions"):
        point(**wrong)


# CloudWatch


@pytest.fixture
def cloudwatch(home: Settings, moto_endpoint: str) -> Settings:
    return home.model_copy(update={"metrics_target": "cloudwatch"})


@pytest.fixture
def request_bytes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Sizes of the bodies that leave this process, before compression (which botocore does for large ones)."""
    monkeypatch.setenv("AWS_DISABLE_REQUEST_COMPRESSION", "true")
    sizes: list[int] = []
    send = botocore.endpoint.Endpoint._send

    def spy(self: Any, request: Any) -> Any:
        sizes.append(len(request.body or b""))
        return send(self, request)

    monkeypatch.setattr(botocore.endpoint.Endpoint, "_send", spy)
    yield sizes


def published(settings: Settings, name: str = "decisions", **dimensions: str) -> list[float]:
    client = boto3.client("cloudwatch")
    answer = client.get_metric_statistics(
        Namespace="Weir",
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=NOW - timedelta(days=20),
        EndTime=NOW + timedelta(hours=4),
        Period=60,
        Statistics=["SampleCount"],
    )
    return [point["SampleCount"] for point in answer["Datapoints"]]


@pytest.mark.slow
def test_cloudwatch_gets_every_point_in_calls_of_a_thousand(cloudwatch: Settings, request_bytes: list[int]) -> None:
    report = publish(cloudwatch, [point(number) for number in range(2001)])
    assert (report.published, report.calls, len(request_bytes)) == (2001, 3, 3)
    assert sum(published(cloudwatch)) == 2001


@pytest.mark.slow
def test_a_call_stays_below_a_megabyte(cloudwatch: Settings, request_bytes: list[int]) -> None:
    dimensions = {f"dimension {number}": "/" * 1000 for number in range(10)}
    report = publish(cloudwatch, [point(dimensions=dimensions) for _ in range(150)])
    assert report.published == 150
    assert report.calls == len(request_bytes) > 1
    assert max(request_bytes) < 1_000_000


@pytest.mark.slow
def test_values_and_times_that_cloudwatch_refuses_are_left_out_and_counted(cloudwatch: Settings) -> None:
    times = [NOW - timedelta(days=15), NOW - timedelta(days=13), NOW + timedelta(hours=1), NOW + timedelta(hours=3)]
    report = publish(cloudwatch, [point(float("nan")), point(-float("inf")), *(point(at=at) for at in times)])
    assert (report.published, report.dropped, report.skipped, report.calls) == (2, 2, 2, 1)
    assert report.sentence == (
        "2 points to CloudWatch namespace Weir, 2 dropped (no finite value), 2 skipped (time outside CloudWatch's span)."
    )
    assert sum(published(cloudwatch)) == 2


@pytest.mark.slow
def test_the_span_is_counted_from_now(cloudwatch: Settings) -> None:
    at = datetime(2020, 5, 1, tzinfo=UTC)
    edges = [timedelta(days=-14), timedelta(days=-14, minutes=2), timedelta(hours=2, minutes=-2), timedelta(hours=2)]
    report = publish(cloudwatch, [point(at=at + edge) for edge in edges], now=at)
    assert (report.published, report.skipped) == (2, 2)


def test_nothing_to_publish_makes_no_call(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    nowhere = home.model_copy(update={"metrics_target": "cloudwatch"})
    assert publish(nowhere, [point(float("nan"))]).calls == 0


def test_a_call_that_fails_says_how_many_points_were_published(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    nowhere = home.model_copy(update={"metrics_target": "cloudwatch"})
    with pytest.raises(MetricsError) as caught:
        publish(nowhere, [point()])
    assert re.fullmatch(
        r"http://127\.0\.0\.1:9 cannot be reached for CloudWatch namespace Weir .* \(0 of 1 points were published before\)\.",
        str(caught.value),
    )
