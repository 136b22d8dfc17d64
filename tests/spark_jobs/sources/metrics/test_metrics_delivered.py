"""Metric streams as Firehose delivers them: joined members, records without newlines, names of arrival, records twice."""

from __future__ import annotations

import gzip
import io
import json

import pytest

from spark_jobs.sources.metrics.ledger import hours_of, name_hour
from spark_jobs.sources.metrics.parse import ParseOptions, parse

NAME = "s3://metrics/2026/11/20/13/MetricStreams-1-2026-11-20-13-05-22-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
SECONDS = 1795179900


def sample(minute: int) -> bytes:
    value = {"count": 2.0, "sum": 100.0 + minute, "min": 40.0, "max": 60.0}
    return json.dumps({"metric_stream_name": "all", "account_id": "1", "region": "us-east-1", "namespace": "AWS/ECS",
        "metric_name": "CPUUtilization", "dimensions": {"ClusterName": "web"}, "timestamp": (SECONDS + 60 * minute) * 1000,
        "value": value, "unit": "Percent"}).encode()  # fmt: skip


@pytest.mark.parametrize("between", [b"\n", b""])
@pytest.mark.parametrize("compress", [gzip.compress, bytes])
def test_joined_objects_are_read_whole(between: bytes, compress: object) -> None:
    parts = [compress(sample(minute) + between) for minute in range(4)]  # type: ignore[operator]
    content = parse(io.BytesIO(b"".join(parts)), NAME, ParseOptions())
    assert content.samples["value"].to_pylist() == [50.0, 50.5, 51.0, 51.5]
    assert not content.rejected
    assert hours_of(content.samples) == ["2026-11-20-13"]


def test_a_name_tells_arrival_not_the_hour() -> None:
    assert name_hour(NAME) is None
