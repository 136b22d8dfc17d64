"""Publishes metric points to a file or to CloudWatch, within CloudWatch's limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from platform_assets.clients.aws import AWS_ERRORS, aws_client, aws_sentence
from platform_assets.clients.json_lines import append_lines
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode, WeirError

FILE_NAME = "metrics.jsonl"

# Limits of CloudWatch's PutMetricData. The time range is a minute narrower, since a call takes time.
MAX_CALL_POINTS = 1000
MAX_CALL_BYTES = 950_000
MAX_PAST = timedelta(days=14) - timedelta(minutes=1)
MAX_AHEAD = timedelta(hours=2) - timedelta(minutes=1)
MAX_VALUE = 2.0**360
MAX_NAME_LENGTH = 255
MAX_DIMENSION_LENGTH = 1024
MAX_DIMENSIONS = 30
_PER_SECOND = """
    Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits Megabits Gigabits Terabits Count
""".split()
UNITS = {"None", "Seconds", "Microseconds", "Milliseconds", "Percent", *_PER_SECOND} | {
    f"{unit}/Second" for unit in _PER_SECOND
}


class MetricsError(WeirError):
    """Points could not be published; the message is one sentence that says why and what to do."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class MetricPoint:
    """One value of one metric; `at` is its event time."""

    name: str
    value: float
    at: datetime
    unit: str = "None"
    dimensions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"Metric {self.name} has a time without time zone.")
        if self.unit not in UNITS:
            raise ValueError(f"Metric {self.name} has unit {self.unit!r}; CloudWatch knows {', '.join(sorted(UNITS))}.")
        if not _is_text(self.name, MAX_NAME_LENGTH) or len(self.dimensions) > MAX_DIMENSIONS:
            raise ValueError(
                f"Metric {self.name!r} breaks CloudWatch's rules: a name of ASCII text, at most 30 dimensions."
            )
        for name, value in self.dimensions.items():
            if not _is_text(name, MAX_NAME_LENGTH) or name.startswith(":") or not _is_text(value, MAX_DIMENSION_LENGTH):
                raise ValueError(f"Metric {self.name} has dimension {name!r}={value!r}; both must be ASCII text.")


@dataclass(frozen=True)
class MetricsReport:
    """How many points were published, dropped and skipped; together all of them."""

    target: str
    published: int = 0
    dropped: int = 0
    """Not finite or beyond ±2^360."""
    skipped: int = 0
    """Outside the time range that CloudWatch accepts (two weeks back to two hours ahead)."""
    calls: int = 0

    @property
    def sentence(self) -> str:
        left_out = (
            f", {self.dropped:,} dropped (no finite value), {self.skipped:,} skipped (time outside CloudWatch's span)"
        )
        return f"{self.published:,} points to {self.target}{left_out if self.dropped or self.skipped else ''}."


def publish(settings: Settings, points: Sequence[MetricPoint], *, now: datetime | None = None) -> MetricsReport:
    """Publish points to the target in WEIR_METRICS_TARGET. MetricsError says how many were published before."""
    finite = [point for point in points if abs(point.value) <= MAX_VALUE]  # excludes NaN, too
    dropped = len(points) - len(finite)
    if settings.metrics_target == "file":
        path = settings.home / FILE_NAME
        try:
            append_lines(path, [_record(point) for point in finite])
        except OSError as error:
            raise MetricsError(
                f"{path} cannot be written ({error.strerror}); free space or let this user write there."
            ) from error
        return MetricsReport(str(path), len(finite), dropped, calls=1 if finite else 0)

    now = now or datetime.now(UTC)
    accepted = [point for point in finite if now - MAX_PAST <= point.at <= now + MAX_AHEAD]
    target = f"CloudWatch namespace {settings.metrics_namespace}"
    published = calls = 0
    try:
        client = aws_client("cloudwatch", settings.aws_region)
        for batch in _batches(accepted):
            client.put_metric_data(Namespace=settings.metrics_namespace, MetricData=[_datum(point) for point in batch])
            published += len(batch)
            calls += 1
    except AWS_ERRORS as error:
        sentence = aws_sentence(error, target, permission="cloudwatch:PutMetricData").removesuffix(".")
        raise MetricsError(f"{sentence} ({published:,} of {len(accepted):,} points were published before).") from error
    return MetricsReport(target, published, dropped, len(finite) - len(accepted), calls)


def _record(point: MetricPoint) -> dict[str, Any]:
    at = point.at.astimezone(UTC).isoformat()
    return {
        "name": point.name,
        "value": float(point.value),
        "unit": point.unit,
        "at": at,
        "dimensions": dict(point.dimensions),
    }


def _datum(point: MetricPoint) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in point.dimensions.items()]
    return {
        "MetricName": point.name,
        "Timestamp": point.at,
        "Value": float(point.value),
        "Unit": point.unit,
        "Dimensions": dimensions,
    }


def _batches(points: Sequence[MetricPoint]) -> Iterator[list[MetricPoint]]:
    batch: list[MetricPoint] = []
    batch_bytes = 0
    for point in points:
        point_bytes = _max_bytes(point)
        if batch and (len(batch) == MAX_CALL_POINTS or batch_bytes + point_bytes > MAX_CALL_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(point)
        batch_bytes += point_bytes
    if batch:
        yield batch


def _max_bytes(point: MetricPoint) -> int:
    """An upper bound of the uncompressed request size: form-encoded, up to three bytes a character."""
    texts = (point.name, *point.dimensions, *point.dimensions.values())
    return 260 + 110 * len(point.dimensions) + 3 * sum(len(text) for text in texts)


def _is_text(text: str, max_length: int) -> bool:
    return 0 < len(text) <= max_length and text.isascii() and text.isprintable() and bool(text.strip())
