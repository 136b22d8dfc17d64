"""Files of metrics: samples, rejected lines with reasons, and errors of one sentence."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.sources.metrics import series_files
from spark_jobs.sources.metrics.content import FilesError
from spark_jobs.sources.metrics.mapping import overridden
from spark_jobs.sources.metrics.times import epoch_micros

AT = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
SECONDS = int(AT.timestamp())


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20 13:05:00",
        "2026-11-20T13:05:00Z",
        "2026-11-20T14:05:00+01:00",
        "2026-11-20T13:05:00.000",
        str(SECONDS),
        f"{SECONDS}.0",
        str(SECONDS * 1000),
        str(SECONDS * 1_000_000),
        str(SECONDS * 1_000_000_000),
    ],
)
@pytest.mark.parametrize("name", ["web.csv", "web.csv.gz", "web.jsonl"])
def test_all_notations_of_a_time_agree(tmp_path: Path, text: str, name: str) -> None:
    line = f'{{"timestamp": "{text}", "cpu_utilization": 41.5}}\n'
    table = f"timestamp,cpu_utilization\n{text},41.5\n"
    content = series_files.read_clusters(write(tmp_path, name, line if "json" in name else table))
    assert content.samples.select(["cluster_id", "event_at", "cpu_utilization"]).to_pylist() == [
        {"cluster_id": "web", "event_at": AT, "cpu_utilization": 41.5}
    ]
    assert not content.rejected


def test_mixed_time_notations_are_read(tmp_path: Path) -> None:
    text = f"timestamp,cpu_utilization\n2026-11-20 13:05:00,1\n{SECONDS},2\n2026-11-20T13:05:00Z,3\n"
    content = series_files.read_clusters(write(tmp_path, "a.csv", text))
    assert content.samples["event_at"].to_pylist() == [AT] * 3


def test_parquet_is_read_with_its_own_types(tmp_path: Path) -> None:
    table = pa.table({"timestamp": pa.array([AT], pa.timestamp("ms", "UTC")), "cpu_utilization": pa.array([7])})
    pq.write_table(table, tmp_path / "p.parquet")
    (row,) = series_files.read_clusters(tmp_path / "p.parquet").samples.to_pylist()
    assert row == {"cluster_id": "p", "event_at": AT, "cpu_utilization": 7.0, "line_number": 1}


def test_unreadable_lines_have_number_and_reason(tmp_path: Path) -> None:
    text = (
        "timestamp,cluster_id,cpu_utilization,pod_count\n"
        f"{SECONDS},a,1,\n"
        "\n"
        "yesterday,a,2,3\n"
        f"{SECONDS},a,2\n"
        f"{SECONDS},a,two,inf\n"
        "-5,a,2,3\n"
        f"{SECONDS},,4,NaN\n"
    )
    content = series_files.read_clusters(write(tmp_path, "shop.csv", text))
    actual = [(item.line_number, item.reason, item.metric) for item in content.rejected]
    assert actual == [
        (4, "bad_time", None),
        (5, "field_count", None),
        (6, "bad_number", "cpu_utilization"),
        (6, "bad_number", "pod_count"),
        (7, "time_out_of_range", None),
    ]
    assert content.rejected[0].raw_line == "yesterday,a,2,3"
    assert [
        (item["line_number"], item["cluster_id"], item["cpu_utilization"]) for item in content.samples.to_pylist()
    ] == [
        (2, "a", 1.0),
        (6, "a", None),
        (8, "shop", 4.0),
    ]


def test_a_broken_json_line_is_rejected_alone(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", f'{{"timestamp": {SECONDS}, "cpu_utilization": 0.1}}\n{{"timest\n[1]\n')
    content = series_files.read_clusters(path)
    assert [(item.line_number, item.reason) for item in content.rejected] == [(2, "bad_json"), (3, "bad_json")]
    assert content.samples["cpu_utilization"].to_pylist() == [0.1]


def test_number_columns_are_series_except_labels(tmp_path: Path) -> None:
    text = f"timestamp,series_id,queue,host,is_anomaly\n{SECONDS},s1,5,web-1,1\n{SECONDS + 60},s1,,web-2,0\n"
    content = series_files.read_series(write(tmp_path, "a.csv", text))
    assert (content.key, content.metrics, content.ignored_columns) == ("series_id", ("queue",), ("host", "is_anomaly"))
    assert content.samples["queue"].to_pylist() == [5.0, None]


def test_equal_names_in_two_folders_are_two_series(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        write(tmp_path, f"{folder}/cpu.csv", f"timestamp,value\n{SECONDS},1\n")
    write(tmp_path, "mem.csv", f"timestamp,value\n{SECONDS},1\n")
    assert list(series_files.by_key(series_files.read_series(tmp_path))) == ["mem", "x/cpu", "y/cpu"]


def test_a_folder_becomes_one_table(tmp_path: Path) -> None:
    write(tmp_path, "b.csv", f"timestamp,cpu_utilization,queue_depth\n{SECONDS},2,9\n")
    write(tmp_path, "a.csv", f"timestamp,cpu_utilization,pod_count\n{SECONDS + 300},1,3\n{SECONDS},0,3\n")
    content = series_files.read_clusters(tmp_path)
    assert content.metrics == ("cpu_utilization", "pod_count", "queue_depth")
    by_cluster = series_files.by_key(content)
    assert by_cluster["a"]["cpu_utilization"].to_pylist() == [0.0, 1.0], "in order of time"
    assert by_cluster["b"]["pod_count"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "is empty"),
        (
            "a.csv",
            "when,cpu\n1,2\n",
            "no header line with timestamp .* nearest to CSV; call the column of times timestamp",
        ),
        ("a.csv", "time,cpu,cpu\n1,2,3\n", "cpu occurs twice; rename one"),
        ("a.csv", "timestamp,load\n1,2\n", "holds no cpu_utilization; it has load"),
        ("a.jsonl", '{"cpu_utilization": 1}\n', "lacks timestamp"),
        ("a.parquet", "PAR1 but not really", "damaged Parquet"),
    ],
)
def test_an_unreadable_file_is_one_sentence(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(FilesError, match=message) as raised:
        series_files.read_clusters(write(tmp_path, name, text))
    assert str(raised.value).endswith(".") and "\n" not in str(raised.value)


def test_damaged_gzip_and_odd_columns_are_one_sentence(tmp_path: Path) -> None:
    whole = write(tmp_path, "a.csv.gz", f"timestamp,cpu_utilization\n{SECONDS},1\n" * 50)
    whole.write_bytes(whole.read_bytes()[:-9])
    with pytest.raises(FilesError, match="damaged gzip"):
        series_files.read_clusters(whole)
    odd = pa.table({"timestamp": pa.array([AT]), "cpu_utilization": pa.array([[1.0]])})
    pq.write_table(odd, tmp_path / "odd.parquet")
    with pytest.raises(FilesError, match="neither texts, numbers nor times"):
        series_files.read_clusters(tmp_path / "odd.parquet")
    with pytest.raises(FilesError, match="neither a file nor a folder"):
        series_files.read_clusters(tmp_path / "nowhere")


@pytest.mark.parametrize("value", [None, True, "", "soon", "nan", "1e40", "2026-13-01"])
def test_other_values_are_no_time(value: object) -> None:
    assert epoch_micros(value) is None


POLLED = {
    "Messages": [],
    "MetricDataResults": [
        {
            "Id": "cpu",
            "Label": "CPUUtilization",
            "Timestamps": [
                f"2026-11-20T0{hour}:{minute:02d}:00+00:00" for hour in range(3) for minute in range(0, 60, 5)
            ],
            "Values": [40.0 + number for number in range(36)],
        }
    ],
}
STREAM = [
    {"metric_stream_name": "s", "account_id": "1", "region": "r", "namespace": "AWS/RDS", "metric_name": "FreeStorageSpace",
     "dimensions": {"DBInstanceIdentifier": "a"}, "timestamp": 1_795_996_800_000 + 60_000 * number, "value": {"max": 9.0, "min": 9.0, "sum": 9.0 + number, "count": 1.0}, "unit": "Bytes"}
    for number in range(5)
]  # fmt: skip


def test_what_a_run_reads_is_replayed(tmp_path: Path) -> None:
    """Poll results of CloudWatch, indented as its command prints them, and a file with a column per metric beside them."""
    write(tmp_path, "web.json", json.dumps(POLLED, indent=4))
    write(tmp_path, "shop.csv", "timestamp,cpu_utilization\n2026-11-20T00:00:00Z,7\n")
    content = series_files.read_clusters(tmp_path)
    by_cluster = series_files.by_key(content)
    assert list(by_cluster) == ["shop", "web"]
    assert by_cluster["web"]["cpu_utilization"].to_pylist() == POLLED["MetricDataResults"][0]["Values"]
    first = by_cluster["web"]["event_at"][0].as_py()
    assert first == datetime(2026, 11, 20, 0, 5, tzinfo=UTC), "a step is known at its end"


def test_other_metrics_are_series_of_their_own(tmp_path: Path) -> None:
    content = series_files.read_series(write(tmp_path, "s.jsonl", "\n".join(map(json.dumps, STREAM))))
    ((name, rows),) = series_files.by_key(content).items()
    assert "FreeStorageSpace" in name
    assert rows["value"].to_pylist() == [9.0, 10.0, 11.0, 12.0, 13.0]


def test_columns_are_named_by_the_mapping(tmp_path: Path) -> None:
    path = write(tmp_path, "shop.csv", "timestamp,busy\n2026-11-20T00:00:00Z,0.5\n2026-11-20T00:05:00Z,0.6\n")
    mapping = overridden({"CSV busy": {"metric": "cpu_utilization", "factor": 100.0}})
    content = series_files.read_clusters(path, mapping)
    assert content.samples["cpu_utilization"].to_pylist() == [50.0, 60.0]


def test_one_unreadable_file_leaves_the_rest(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "timestamp,cpu_utilization\n2026-11-20T00:00:00Z,7\n")
    write(tmp_path, "b.json", '{"AutoScalingGroups": []}')
    write(tmp_path, "c.parquet", "PAR1 but not really")
    content = series_files.read_clusters(tmp_path)
    assert content.samples.num_rows == 1
    assert [sentence.split("/")[-1][:6] for sentence in content.unreadable] == ["b.json", "c.parq"]
