"""Deliveries of CloudWatch, Firehose, Container Insights and Prometheus become samples, and none is lost."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.sources.metrics.content import lines_of
from spark_jobs.sources.metrics.mapping import MAPPING, MappingError, overridden
from spark_jobs.sources.metrics.parse import Parsed, ParseOptions, parse

AT = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
MS = int(AT.timestamp() * 1000)
SECONDS = MS // 1000


def parsed(*lines: object, name: str = "shop.jsonl", **options: Any) -> Parsed:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    actual = parse(io.BytesIO(text.encode()), name, ParseOptions(**options))
    assert actual.present == actual.samples.num_rows + sum(item.line_number > 0 for item in actual.rejected)
    return actual


def rows(actual: Parsed, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in actual.samples.to_pylist()]


def stream_record(metric: str = "RequestCount", **values: Any) -> dict[str, Any]:
    return {
        "metric_stream_name": "all",
        "account_id": "123456789012",
        "region": "eu-west-1",
        "namespace": "AWS/ApplicationELB",
        "metric_name": metric,
        "dimensions": {"LoadBalancer": "app/shop/1", "AvailabilityZone": "eu-west-1a"},
        "timestamp": MS,
        "value": {"max": 40.0, "min": 10.0, "sum": 120.0, "count": 4.0},
        "unit": "Count",
        **values,
    }


def test_a_metric_stream_gives_the_mapped_statistic() -> None:
    slow = stream_record("TargetResponseTime", unit="Milliseconds")
    line = json.dumps(stream_record()) + json.dumps(slow) + json.dumps(stream_record("HTTPCode_Target_5XX_Count"))
    actual = parsed(line)
    assert rows(actual, "cluster_id", "series", "metric", "value", "statistic", "period_seconds", "position") == [
        ("app/shop/1", "AvailabilityZone=eu-west-1a", "request_rate", 2.0, "Sum", 60.0, 1),
        ("app/shop/1", "AvailabilityZone=eu-west-1a", "response_time", 0.03, "Average", 60.0, 2),
        ("app/shop/1", "AvailabilityZone=eu-west-1a", "HTTPCode_Target_5XX_Count", 30.0, "Average", 60.0, 3),
    ]
    assert rows(actual, "event_at")[0] == (AT,)


def test_performance_events_are_node_and_pod_samples() -> None:
    node = {
        "Type": "Node",
        "ClusterName": "shop",
        "NodeName": "ip-10-0-0-1",
        "Timestamp": str(MS),
        "CloudWatchMetrics": [
            {
                "Namespace": "ContainerInsights",
                "Dimensions": [["NodeName", "ClusterName"], ["ClusterName"]],
                "Metrics": [{"Name": "node_cpu_utilization", "Unit": "Percent"}, {"Name": "node_absent"}],
            }
        ],
        "node_cpu_utilization": 41.5,
        "node_cpu_limit": 4000,
    }
    pod = {
        "Type": "Pod",
        "ClusterName": "shop",
        "Namespace": "web",
        "PodName": "api",
        "Timestamp": MS,
        "pod_cpu_utilization": 3,
        "number": 9,
    }
    emf = {**node, "_aws": {"Timestamp": MS, "CloudWatchMetrics": node["CloudWatchMetrics"]}}
    envelope = {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": json.dumps(pod)}]}
    actual = parsed(node, pod, emf, envelope)
    of_pod = ("shop", "Namespace=web,PodName=api", "pod_cpu_utilization", 3.0, None)
    of_node = ("shop", "NodeName=ip-10-0-0-1", "cpu_utilization", 41.5, "Percent")
    assert rows(actual, "cluster_id", "series", "metric", "value", "unit") == [of_node, of_pod, of_node, of_pod]


def test_prometheus_samples_are_read_in_both_forms() -> None:
    labels: dict[str, Any] = {"cluster": "shop", "pod": "api-1"}
    actual = parsed(
        {"metric": labels | {"__name__": "http_requests_total"}, "values": [[SECONDS, "5"], [SECONDS + 15, "7"]]},
        {"labels": labels, "name": "cluster:node_cpu:ratio_rate5m", "timestamp": MS, "value": 0.25},
        {"metric": {"__name__": "up", "instance": "a"}, "value": [SECONDS, "1"]},
        {"metric": {"__name__": "node_count", "cluster": "shop"}, "value": [SECONDS, "13"]},
        {"metric": {"__name__": "rpc_duration_seconds_count", "cluster": "shop"}, "value": [SECONDS, "8"]},
        {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {"__name__": "x_total"}, "value": [SECONDS, "NaN"]}]}},
    )  # fmt: skip
    assert rows(actual, "cluster_id", "series", "metric", "value", "is_counter") == [
        ("shop", "pod=api-1", "request_rate", 5.0, True),
        ("shop", "pod=api-1", "request_rate", 7.0, True),
        ("shop", "pod=api-1", "cpu_utilization", 25.0, False),
        ("shop", "instance=a", "up", 1.0, False),
        ("shop", "", "node_count", 13.0, False),
        ("shop", "", "rpc_duration_seconds_count", 8.0, True),
    ]
    assert [(item.line_number, item.reason, item.metric) for item in actual.rejected] == [(6, "bad_number", "x_total")]


def test_results_of_get_metric_data_are_read() -> None:
    query = {
        "cluster_id": "shop",
        "namespace": "AWS/ApplicationELB",
        "metric_name": "RequestCount",
        "dimensions": {"LoadBalancer": "app/shop/1"},
        "statistic": "Sum",
        "period_seconds": 300,
    }
    result = {"Label": "RequestCount", "Timestamps": [AT.isoformat()], "Values": [600.0]}
    error_rate = {"cluster_id": "shop", "expression": "m1/m2", "metric": "error_rate", "factor": 0.5}
    actual = parsed(
        {"polled_at": "2026-11-20T13:04:00+00:00", "Query": query, "MetricDataResult": result},
        {"MetricDataResults": [{**result, "Id": "m1"}]},
        {"Query": error_rate, "MetricDataResult": {**result, "Values": [0.2]}},
    )
    assert rows(actual, "cluster_id", "metric", "value", "period_seconds", "is_clock_skewed") == [
        ("shop", "request_rate", 2.0, 300.0, False),
        ("shop", "RequestCount", 600.0, None, False),
        ("shop", "error_rate", 0.1, None, False),
    ]
    early = {"polled_at": "2026-11-20T13:03:00+00:00", "Query": query, "MetricDataResult": result}
    assert rows(parsed(early), "is_clock_skewed") == [(True,)], "ahead of the poll that brought it"


def test_metric_columns_become_long_rows() -> None:
    text = f"timestamp,cluster_id,cpu_utilization,disk_free\n{SECONDS},a,1,2\n{SECONDS},b,,x\nsoon,b,1,1\n"
    actual = parse(io.BytesIO(text.encode()), "a.csv", ParseOptions())
    assert rows(actual, "cluster_id", "metric", "value", "line_number", "position") == [
        ("a", "cpu_utilization", 1.0, 2, 1),
        ("a", "disk_free", 2.0, 2, 2),
    ]
    assert [(item.line_number, item.position, item.reason) for item in actual.rejected] == [
        (3, 2, "bad_number"),
        (4, 0, "bad_time"),
    ]
    lines = parsed({"timestamp": SECONDS, "cpu_utilization": 1, "disk_free": 2}, {"timestamp": SECONDS, "disk_free": "x"},
                   {"timestamp": SECONDS, "disk_free": 3})  # fmt: skip
    assert rows(lines, "metric", "line_number") == [("cpu_utilization", 1), ("disk_free", 1), ("disk_free", 3)]
    assert [(item.line_number, item.position, item.reason) for item in lines.rejected] == [(2, 2, "bad_number")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"metric_stream_name": "a", "names', "bad_json"),
        ({"hello": "world"}, "unknown_record"),
        ([5], "bad_json"),
        (stream_record(value=5), "bad_record"),
        (stream_record("\ud800"), "bad_record"),
        (stream_record(value={"max": 0, "min": 0, "sum": 0, "count": 0}), "no_values"),
        (stream_record(timestamp=-1), "time_out_of_range"),
        (stream_record(timestamp="later"), "bad_time"),
        ({"Type": "Node", "ClusterName": "a", "Timestamp": MS}, "no_metric"),
        ({"metric": {}, "value": [1, 2]}, "no_metric"),
        ({"metric": {"__name__": "up"}, "value": 3}, "bad_record"),
    ],
)
def test_unusable_samples_are_rejected_with_their_line(line: object, reason: str) -> None:
    actual = parsed(stream_record(), line, stream_record())
    assert [(item.line_number, item.reason) for item in actual.rejected] == [(2, reason)]
    assert rows(actual, "line_number") == [(1,), (3,)]
    assert actual.rejected[0].raw_line and actual.rejected[0].detail.endswith(".")


def test_a_broken_line_keeps_its_earlier_objects() -> None:
    actual = parsed(json.dumps(stream_record()) + '{"metric_str')
    assert rows(actual, "position") == [(1,)] and [item.position for item in actual.rejected] == [2]


def test_an_unreadable_file_is_rejected_as_a_whole() -> None:
    for data, reason in ((b"", "empty_object"), (b"\x1f\x8bxx", "corrupt_gzip"), (b"hello\n", "no_header")):
        actual = parse(io.BytesIO(data), "a", ParseOptions())
        assert [(item.line_number, item.reason) for item in actual.rejected] == [(0, reason)]
        assert actual.samples.num_rows == actual.present == 0


def test_configured_mappings_override_the_defaults() -> None:
    table = overridden({"AWS/ApplicationELB RequestCount": {"metric": "requests", "statistic": "Maximum", "factor": 2}})
    assert rows(parsed(stream_record(), mapping=table), "metric", "value") == [("requests", 80.0)]
    assert MAPPING["AWS/ApplicationELB RequestCount"].metric == "request_rate"
    wrongs: tuple[dict[str, dict[str, Any]], ...] = (
        {"nospace": {"metric": "a"}},
        {"a b": {}},
        {"a b": {"metric": "a", "unit": "x"}},
        {"a b": {"metric": "a", "statistic": "p99"}},
    )
    for wrong in wrongs:
        with pytest.raises(MappingError):
            overridden(wrong)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.just(10**400)
    | st.text(max_size=8)
    | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.sampled_from([stream_record(), {"metric": {"__name__": "up"}, "values": [[SECONDS, "1"]]}, {"_aws": {"Timestamp": MS, "CloudWatchMetrics": []}, "node_x": 1},
                        {"MetricDataResults": [{"Label": "a", "Timestamps": [], "Values": []}]}]), st.data())  # fmt: skip
def test_no_record_breaks_the_parser(record: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(record)))
    parsed({**record, key: data.draw(JSON)}, stream_record())
    parsed({"timestamp": SECONDS, "a": 1, data.draw(st.text(max_size=3)): data.draw(JSON)})


def test_a_compressed_file_is_read_to_its_limit() -> None:
    record = json.dumps({"metric": {"__name__": "up", "cluster": "c"}, "value": [1_770_000_000, "1"]})
    content = (record + "\n" * 1_000_000) * 64
    stream = io.BytesIO(gzip.compress(content.encode()))
    whole = parse(stream, "a.jsonl.gz", ParseOptions())
    assert whole.present == whole.samples.num_rows == 64
    stream.seek(0)
    cut = parse(stream, "a.jsonl.gz", ParseOptions(max_object_bytes=32_000_000))
    assert [line.reason for line in cut.rejected] == ["object_too_large"]
    assert stream.tell() < len(stream.getvalue()), "the rest is not read"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_block_bounds_do_not_change_lines(size: int) -> None:
    data = "\ufeffa\nüber\n\n\u2028x\r\nend".encode() + b"\xff\n"
    blocks = [data[start : start + size] for start in range(0, len(data), size)]
    assert list(lines_of(blocks)) == data.decode("utf-8-sig", "replace").split("\n")
