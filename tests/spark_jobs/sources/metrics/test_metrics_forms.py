"""Files of metrics as people have them: each form with its right values, and nothing that is left out in silence."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from spark_jobs.sources.metrics.mapping import overridden
from spark_jobs.sources.metrics.parse import Parsed, ParseOptions, parse
from spark_jobs.sources.metrics.times import epoch_micros, latest_micros

AT = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
SECONDS = int(AT.timestamp())
CPU = "cpu_utilization"


def parsed(content: str | bytes, name: str = "shop.csv", **options: Any) -> Parsed:
    data = content if isinstance(content, bytes) else content.encode()
    actual = parse(io.BytesIO(data), name, ParseOptions(**options))
    assert actual.present == actual.samples.num_rows + sum(item.line_number > 0 for item in actual.rejected)
    return actual


def rows(actual: Parsed, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in actual.samples.to_pylist()]


def values(actual: Parsed) -> list[tuple[Any, ...]]:
    assert not actual.rejected, actual.rejected
    return rows(actual, "cluster_id", "metric", "event_at", "value")


def reasons(actual: Parsed) -> list[tuple[int, str, str]]:
    return [(item.line_number, item.reason, item.detail) for item in actual.rejected]


# --- JSON ---------------------------------------------------------------------------------------------------------------

METRIC_DATA = {
    "MetricDataResults": [
        {
            "Id": "m1",
            "Label": "shop CPUUtilization",
            "Timestamps": ["2026-11-20T13:10:00+00:00", "2026-11-20T13:05:00+00:00"],
            "Values": [42.0, 41.5],
            "StatusCode": "Complete",
        }
    ],
    "Messages": [],
}
STATISTICS = {
    "Label": "CPUUtilization",
    "Datapoints": [
        {"Timestamp": "2026-11-20T13:10:00+00:00", "Average": 42.0, "Maximum": 90.0, "Unit": "Percent"},
        {"Timestamp": "2026-11-20T13:05:00+00:00", "Average": 41.5, "Maximum": 91.0, "Unit": "Percent"},
    ],
}
LABELS = {"__name__": "cluster:node_cpu:ratio_rate5m", "cluster": "shop"}
QUERY_RANGE = {
    "status": "success",
    "data": {
        "resultType": "matrix",
        "result": [{"metric": LABELS, "values": [[SECONDS, "0.415"], [SECONDS + 300, "0.42"]]}],
    },
}
VICTORIA = {"metric": LABELS, "values": [0.415, 0.42], "timestamps": [SECONDS * 1000, (SECONDS + 300) * 1000]}
WIDE = [
    {"timestamp": AT.isoformat(), "cluster_id": "shop", CPU: 41.5},
    {"time": SECONDS + 300, "cluster": "shop", "CPUUtilization": 42},
]


@pytest.mark.parametrize("indent", [None, 4])
@pytest.mark.parametrize("document", [METRIC_DATA, STATISTICS, QUERY_RANGE, VICTORIA])
def test_answers_are_read_in_any_layout(document: object, indent: int | None) -> None:
    actual = values(parsed(json.dumps(document, indent=indent) + "\n", "shop.json"))
    later = AT.replace(minute=10)
    assert sorted(actual, key=lambda row: row[2]) == [("shop", CPU, AT, 41.5), ("shop", CPU, later, 42.0)]


@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_of_objects_is_read(indent: int | None) -> None:
    first, second = WIDE
    same = {"timestamp": SECONDS + 300, "cluster_id": "shop", CPU: 42}
    actual = parsed(json.dumps([first, same], indent=indent), "a.json")
    assert [row[3] for row in values(actual)] == [41.5, 42.0]
    assert len(set(rows(actual, "line_number", "position"))) == 2
    assert values(parsed(json.dumps([second]), "b.json")) == [("shop", CPU, AT.replace(minute=10), 42.0)]


def test_replicas_of_prometheus_are_one_series() -> None:
    lines = [
        {"metric": {"__name__": "kubelet_running_pods", "cluster": "c", "instance": "n1", label: name}, "value": [1, "9"]}
        for label, name in (("prometheus_replica", "a"), ("prometheus_replica", "b"), ("replica", "0"), ("__replica__", "x"))
    ]  # fmt: skip
    assert set(rows(parsed("\n".join(map(json.dumps, lines))), "series")) == {("instance=n1",)}


def test_instances_of_a_stream_are_one_cluster_an_account() -> None:
    def record(account: str, instance: str) -> str:
        about = {
            "metric_stream_name": "all",
            "account_id": account,
            "namespace": "AWS/EC2",
            "timestamp": SECONDS * 1000,
        }
        value = {"max": 1, "min": 1, "sum": 1, "count": 1}
        return json.dumps(
            about | {"metric_name": "CPUUtilization", "dimensions": {"InstanceId": instance}, "value": value}
        )

    lines = [record("111122223333", "i-1"), record("111122223333", "i-2"), record("444455556666", "i-3")]
    names = {name for file in ("a", "b") for (name,) in rows(parsed("\n".join(lines), f"{file}.jsonl"), "cluster_id")}
    assert names == {"111122223333:AWS/EC2", "444455556666:AWS/EC2"}
    event = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "App", "Metrics": [{"Name": "x"}]}]}, "x": 1}
    envelope = {"owner": "111122223333", "logEvents": [{"message": json.dumps(event)}]}
    assert rows(parsed(json.dumps(envelope)), "cluster_id") == [("111122223333:App",)]


# --- CSV ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"timestamp,cluster_id,{CPU}\n2026-11-20 13:05:00,shop,41.5\n",
        f"Time;cluster;{CPU}\n2026-11-20 13:05:00;shop;41,5\n",
        f"sep=;\r\ntimestamp;cluster_id;{CPU}\r\n2026/11/20 13:05:00;shop;41,5\r\n",
        f'timestamp,cluster_id,{CPU}\n"2026-11-20 13:05:00 UTC",shop,41.5%\n',
        f"timestamp\tcluster_id\t{CPU}\n20.11.2026 13:05\tshop\t41,5 %\n",
        'Time,"node_cpu {cluster=""shop""}"\n2026-11-20 13:05:00,41.5\n',
        '"Time","shop CPUUtilization"\n"2026-11-20T13:05:00Z","41.5"\n',
        "Label,shop CPUUtilization\nPeriod,300\nTime,\n2026/11/20 13:05:00,41.5\n",
        f"Series;Time;Value\n{CPU};2026-11-20 13:05:00;41,5\n",
        f"Date,Time,{CPU}\n2026-11-20,13:05:00,41.5\n",
        "# exported\n\ntimestamp|CPU (%)\n1795179900|41.5\n",
    ],
)
def test_a_table_is_read_however_it_was_exported(text: str) -> None:
    assert values(parsed(text)) == [("shop", CPU, AT, 41.5)]
    for encoding in ("utf-16", "utf-8-sig"):
        assert values(parsed(text.encode(encoding))) == [("shop", CPU, AT, 41.5)]


@pytest.mark.parametrize(
    ("delimiter", "numbers", "right"),
    [
        (",", ['"1,234"', '"12,345,678"', '"1,234.5"'], [1234.0, 12345678.0, 1234.5]),
        (",", ['"1,5"', '"1.234,5"', "7"], [1.5, 1234.5, 7.0]),
        (";", ["1,5", "1.234", "1.234,5"], [1.5, 1234.0, 1234.5]),
        (";", ["46,973", "1.5", ""], [46.973, 1.5]),
        (";", ["1,234,567", "1.5", "2"], [1234567.0, 1.5, 2.0]),
        (";", ["1 234,5", "2'345,5", "3\u202f456,5"], [1234.5, 2345.5, 3456.5]),
        (",", ["1e-3", "-2", "61 %"], [0.001, -2.0, 61.0]),
    ],
)
def test_thousands_and_decimals_are_told_apart(delimiter: str, numbers: list[str], right: list[float]) -> None:
    lines = [f"{SECONDS + n}{delimiter}{number}" for n, number in enumerate(numbers)]
    actual = parsed("\n".join([f"timestamp{delimiter}queue_depth", *lines]))
    assert [row[3] for row in values(actual)] == right


def test_no_column_vanishes_in_silence() -> None:
    text = (
        f"timestamp,{CPU},region,busy,is_anomaly,\n{SECONDS},1,eu-west-1,12 of 20,0,3\n{SECONDS + 1},2,eu-west-1,,1,4\n"
    )
    actual = parsed(text)
    assert rows(actual, "metric") == [(CPU,), (CPU,)]
    assert [(item.line_number, item.reason, item.metric) for item in actual.rejected] == [
        (0, "not_a_metric", "region"),
        (0, "not_a_metric", "busy"),
        (0, "not_a_metric", None),
    ]
    assert "'region' holds no numbers: it has values such as 'eu-west-1'" in actual.rejected[0].detail
    assert len({(item.line_number, item.position) for item in actual.rejected}) == 3


def test_the_mapping_of_the_settings_names_columns() -> None:
    table = overridden({"CSV busy": {"metric": CPU, "factor": 100}, "CWAgent disk_used_percent": {"metric": "disk"}})
    actual = parsed(f"timestamp,Busy,disk_used_percent\n{SECONDS},0.5,7\n", mapping=table)
    assert rows(actual, "metric", "value") == [(CPU, 50.0), ("disk", 7.0)]


def test_two_columns_never_become_one_metric() -> None:
    actual = parsed(f"timestamp,cpu,{CPU}\n{SECONDS},1,2\n")
    assert sorted(rows(actual, "metric", "value")) == [("cpu", 1.0), (CPU, 2.0)]
    by_core = parsed(f'Time,"node_cpu {{cluster=""c"",cpu=""0""}}"\n{SECONDS},1\n')
    assert rows(by_core, "cluster_id", "series", "metric") == [("c", "cpu=0", "node_cpu")]


# --- kubectl ------------------------------------------------------------------------------------------------------------

TOP = "NAME   CPU(cores)   CPU(%)   MEMORY(bytes)   MEMORY(%)\na      1878m        46%      6211Mi          41%\n"


@pytest.mark.parametrize("time", ["# 2026-11-20T13:05:00Z", "Fri Nov 20 13:05:00 UTC 2026", "2026-11-20 13:05:00"])
def test_outputs_of_kubectl_top_take_the_time_before_them(time: str) -> None:
    actual = parsed(f"{time}\n{TOP}", "shop.txt")
    assert values(actual) == [("shop", CPU, AT, 46.0), ("shop", "memory_utilization", AT, 41.0)]
    assert set(rows(actual, "series")) == {("node=a",)}


def test_kubectl_top_without_a_time_is_rejected() -> None:
    assert [item[:2] for item in reasons(parsed(TOP))] == [(2, "bad_time")]
    unknown = parsed("2026-11-20T13:05:00Z\n" + TOP.replace("46%", "<unknown>"))
    assert rows(unknown, "metric") == [("memory_utilization",)]
    assert [item[:2] for item in reasons(unknown)] == [(3, "no_values")]


# --- what cannot be read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "nearest"),
    [
        (b"PK\x03\x04\x14\x00", "a spreadsheet"),
        ("<!DOCTYPE html>\n<p>", "an HTML or XML document"),
        ("# HELP up x\n# TYPE up gauge\nup 1\n", "Prometheus's exposition text"),
        ("NAME    CPU(cores)   MEMORY(bytes)\na   1m  5Mi\n", "kubectl top nodes"),
        ("DATAPOINTS\t41.5\t2026-11-20T13:05:00Z\tPercent\n", "--output json"),
        ("cpu,host=a usage=3 1795179900000000000\n", "line protocol"),
        ("when,cpu\n1,2\n", "call the column of times timestamp"),
        ('{"Datapoint": [], "Label": "x"}', "an answer of GetMetricStatistics and lacks Datapoints"),
        ('{"status": "error", "errorType": "bad_data", "error": "parse error"}', "reports an error: parse error"),
        ('{"hello": 1}', "it has the keys 'hello'"),
    ],
)
def test_the_nearest_form_is_named(content: str | bytes, nearest: str) -> None:
    ((_, _, detail),) = reasons(parsed(content))
    assert nearest in detail and detail.endswith(".")


def test_times_after_the_wall_clock_are_rejected() -> None:
    latest = latest_micros(AT)
    stream = {"metric_stream_name": "a", "namespace": "n", "metric_name": "m", "value": {"sum": 1, "count": 1, "min": 1, "max": 1}}  # fmt: skip
    contents = [
        f"timestamp,cpu\n{SECONDS + 299},1\n{SECONDS + 301},2\n",
        "\n".join(json.dumps(stream | {"timestamp": SECONDS + after}) for after in (299, 301)),
        "".join(f"{datetime.fromtimestamp(SECONDS + after, UTC).isoformat()}\n{TOP}" for after in (299, 301)),
    ]
    for content in contents:
        actual = parsed(content, latest=latest)
        assert {at.second for (at,) in rows(actual, "event_at")} == {59}
        assert {(reason, detail[:44]) for _, reason, detail in reasons(actual)} == {
            ("time_out_of_range", "The time 2026-11-20 13:10 UTC is after the c")
        }


def test_storage_that_fails_is_tried_again() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 2:
                raise OSError("connection reset")
            return super().read(3)

    actual = parse(Broken(b"timestamp,cpu\n1,2\n"), "a", ParseOptions())
    ((line, reason, detail),) = reasons(actual)
    assert (line, reason) == (0, "unreadable_object") and "connection reset" in detail


@pytest.mark.parametrize(
    "text",
    ["2026/11/20 13:05", "2026-11-20 13:05:00 utc", "2026-11-20 13:05 GMT", "20.11.2026 13:05:00",
     "Fri, 20 Nov 2026 13:05:00 GMT", "2026-11-20T13:05:00+0000"],
)  # fmt: skip
def test_further_notations_of_a_time_agree(text: str) -> None:
    assert epoch_micros(text) == SECONDS * 1_000_000
