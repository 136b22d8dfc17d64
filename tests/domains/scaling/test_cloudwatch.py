"""Polling CloudWatch (moto): what is asked for, what the file holds, and where the next poll goes on."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from platform_assets.domains.scaling import cloudwatch
from platform_assets.domains.scaling.cloudwatch import DEFAULT_METRICS, PollError, poll, queries_of
from platform_assets.settings import Settings
from spark_jobs.sources.metrics.ledger import name_hour
from spark_jobs.sources.metrics.parse import ParseOptions, parse

NOW = datetime.now(UTC).replace(second=30, microsecond=0)


def put(minutes_ago: int, value: float, name: str = "node_cpu_utilization", cluster: str = "shop") -> None:
    boto3.client("cloudwatch").put_metric_data(
        Namespace="ContainerInsights",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "ClusterName", "Value": cluster}],
                "Timestamp": NOW.replace(second=0) - timedelta(minutes=minutes_ago),
                "Value": value,
            }
        ],
    )


def samples(settings: Settings) -> list[dict[str, Any]]:
    """Of all files, in the order of their names."""
    found = []
    for path in sorted((Path(settings.metrics.raw) / "cloudwatch").iterdir()):
        with path.open("rb") as stream:
            parsed = parse(stream, str(path), ParseOptions())
        assert not parsed.rejected
        found += parsed.samples.to_pylist()
    return found


@pytest.fixture
def polled(home: Settings, tmp_path: Path) -> Settings:
    return home.model_copy(update={"metrics_raw": str(tmp_path / "raw"), "cloudwatch_clusters": "shop, blog"})


@pytest.mark.slow
def test_complete_periods_become_samples_and_the_next_poll_goes_on_with_an_overlap(
    polled: Settings, moto_endpoint: str
) -> None:
    for minutes in (200, 30, 10, 3, 1):
        put(minutes, float(minutes))
    figures = poll(polled, NOW)
    assert figures["datapoints"] == 3 and figures["queries"] == 2 * len(DEFAULT_METRICS)
    found = samples(polled)
    assert [(row["cluster_id"], row["metric"], row["value"]) for row in found] == [
        ("shop", "cpu_utilization", 30.0),
        ("shop", "cpu_utilization", 10.0),
        ("shop", "cpu_utilization", 3.0),
    ], "neither what is older than the first hours nor a period that may not be complete"
    assert found[-1]["event_at"] == NOW.replace(second=0) - timedelta(minutes=3)
    assert not any(row["is_clock_skewed"] for row in found)

    later = NOW + timedelta(minutes=4)
    assert poll(polled, later)["datapoints"] == 3, "10 and 3 minutes lie in the overlap"
    assert [row["value"] for row in samples(polled)][3:] == [10.0, 3.0, 1.0]
    assert poll(polled, later)["datapoints"] == 0, "nothing is complete since"
    names = [path.name for path in (Path(polled.metrics.raw) / "cloudwatch").iterdir()]
    assert len(names) == 2 and all(name_hour(name) for name in names)


@pytest.mark.slow
def test_many_queries_are_asked_in_calls_of_500_over_all_pages(
    polled: Settings, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(10, 5.0, cluster="c0")
    put(10, 7.0, cluster="c149")
    calls = []
    client_of = cloudwatch.aws_client

    def counted(*arguments: Any, **options: Any) -> Any:
        client = client_of(*arguments, **options)
        client.meta.events.register(
            "provide-client-params.cloudwatch.GetMetricData", lambda params, **_: calls.append(params)
        )
        return client

    monkeypatch.setattr(cloudwatch, "aws_client", counted)
    many = polled.model_copy(update={"cloudwatch_clusters": ",".join(f"c{n}" for n in range(150))})
    assert poll(many, NOW)["datapoints"] == 2
    assert [len(one["MetricDataQueries"]) for one in calls] == [500, 100]
    assert {one["ScanBy"] for one in calls} == {"TimestampAscending"}
    assert {(row["cluster_id"], row["value"]) for row in samples(many)} == {("c0", 5.0), ("c149", 7.0)}


def test_pages_of_one_query_are_one_result(polled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [
        {"MetricDataResults": [{"Id": "q0", "Label": "l", "StatusCode": "PartialData", "Timestamps": [NOW - timedelta(minutes=9)], "Values": [1.0]}]},
        {"MetricDataResults": [{"Id": "q0", "Label": "l", "StatusCode": "Complete", "Timestamps": [NOW - timedelta(minutes=8)], "Values": [2.0]}]},
    ]  # fmt: skip

    class Client:
        def get_paginator(self, name: str) -> Client:
            assert name == "get_metric_data"
            return self

        def paginate(self, **_: Any) -> list[dict[str, Any]]:
            return pages

    monkeypatch.setattr(cloudwatch, "aws_client", lambda *_, **__: Client())
    assert poll(polled, NOW)["datapoints"] == 2
    assert [row["value"] for row in samples(polled)] == [1.0, 2.0]
    pages[1]["MetricDataResults"][0]["StatusCode"] = "InternalError"
    with pytest.raises(PollError, match="CloudWatch answered InternalError for node_cpu_utilization; run again"):
        poll(polled, NOW + timedelta(hours=1))


def test_queries_are_read_from_a_file(polled: Settings, tmp_path: Path) -> None:
    path = tmp_path / "queries.yaml"
    path.write_text(
        "- {cluster_id: shop, namespace: AWS/ApplicationELB, metric_name: RequestCount, statistic: Sum,\n"
        "   period_seconds: 300, dimensions: {LoadBalancer: app/shop/1}}\n"
        "- {cluster_id: shop, metric: error_rate, expression: 'SEARCH(…)'}\n",
        encoding="utf-8",
    )
    first, second = queries_of(polled.model_copy(update={"cloudwatch_queries": str(path)}))
    assert first.request(3) == {
        "Id": "q3",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/ApplicationELB",
                "MetricName": "RequestCount",
                "Dimensions": [{"Name": "LoadBalancer", "Value": "app/shop/1"}],
            },
            "Period": 300,
            "Stat": "Sum",
        },
        "ReturnData": True,
    }
    assert second.request(0)["Expression"] == "SEARCH(…)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is no YAML"),
        ("", "holds no list of queries"),
        ("- 5", "Query 1 of"),
        ("- {cluster_id: a}", "names no metric"),
        ("- {cluster_id: a, metric_name: b, color: c}", "has other entries"),
        ("- {cluster_id: a, metric_name: b, period_seconds: 90}", "use a multiple of 60"),
        ("- {cluster_id: a, expression: m1/m2}", "names no metric"),
    ],
)
def test_wrong_queries_are_one_sentence(polled: Settings, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "queries.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PollError, match=said):
        queries_of(polled.model_copy(update={"cloudwatch_queries": str(path)}))


def test_what_is_missing_or_refused_is_one_sentence(home: Settings, polled: Settings) -> None:
    with pytest.raises(PollError, match="set WEIR_METRICS_RAW"):
        poll(home, NOW)
    with pytest.raises(PollError, match="WEIR_CLOUDWATCH_CLUSTERS"):
        queries_of(home)
    with pytest.raises(PollError, match="correct WEIR_CLOUDWATCH_QUERIES"):
        queries_of(home.model_copy(update={"cloudwatch_queries": "/nowhere"}))
    with pytest.raises(PollError, match="No AWS credentials were found for CloudWatch metrics"):
        poll(polled, NOW)


@pytest.mark.slow
def test_a_bucket_is_written_and_remembered_like_a_folder(
    polled: Settings, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="raw")
    on_s3 = polled.model_copy(update={"metrics_raw": "s3://raw/metrics/", "s3_endpoint_url": moto_endpoint})
    put(10, 5.0)
    assert poll(on_s3, NOW)["datapoints"] == 1
    assert poll(on_s3, NOW)["datapoints"] == 0
    (key,) = [one["Key"] for one in s3.list_objects_v2(Bucket="raw")["Contents"]]
    lines = gzip.decompress(s3.get_object(Bucket="raw", Key=key)["Body"].read()).decode().splitlines()
    assert key.startswith("metrics/cloudwatch/") and len(lines) == 2 * len(DEFAULT_METRICS)
    assert json.loads(lines[0])["Query"]["cluster_id"] == "shop"
