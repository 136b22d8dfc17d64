"""Raw objects and lake under s3://, by the engine's own reader and by pyarrow, with credentials from the environment.

All of it runs in a process of its own: deltalake waits for S3 without letting other Python threads run, such as those of
a moto server in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from cloudfront_lines import gzipped, line, log

from spark_jobs.storage.lake import Lake, LakeError

HOUR = "2026-11-20-13"

RUN = """
import json, os
from spark_jobs.contract import Interval
from spark_jobs.storage.lake import Lake
from spark_jobs.main import JobRun, run_job
from spark_jobs.storage.objects import Storage
from spark_jobs.runtime.session import spark_session
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from spark_jobs.sources.cloudfront.tables import CLIENT_HOURLY, OBJECT_COUNTS, REJECTED_LINES, REQUESTS
from spark_jobs.incremental.ledger import RawObject
from spark_jobs.sources.cloudfront.requests import transform

lake = Lake("s3://lake/in/a+b=c,d&e", Storage("us-east-1", {endpoint!r}))
spark, interval, hour = spark_session("sail"), Interval.of_hour({hour!r}), ({hour!r},)
objects = [RawObject(f"s3://raw/logs/{{name}}", name, size, hour) for name, size in {objects!r}]
found = []
for _ in range(2):
    report = transform(spark, lake, objects, interval, ParseOptions(), 2)
    rows = run_job("cloudfront", "client_hourly", JobRun(spark, lake, interval))
    found.append([report.requests, report.rejected, report.missing_objects, rows["rows"]])
requests = lake.read_arrow(REQUESTS)
lake.overwrite_arrow(requests, REQUESTS, [{hour!r}])
print(json.dumps({{
    "runs": found,
    "requests": sorted(requests["request_id"].to_pylist()),
    "reasons": sorted(lake.read_arrow(REJECTED_LINES)["reason"].to_pylist()),
    "counts": lake.row_counts(OBJECT_COUNTS),
    "hourly": sum(lake.read_arrow(CLIENT_HOURLY)["request_count"].to_pylist()),
    "vacuumed": lake.vacuum(REQUESTS, 0),
    "left": lake.read_arrow(REQUESTS).num_rows,
    "other services": os.environ["AWS_ENDPOINT_URL"],
}}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_named", [True, False], ids=["named", "from the environment"])
def test_logs_on_s3_become_tables_on_s3(moto_endpoint: str, is_named: bool) -> None:
    """The store is the one that is named, and the other services stay where they are; else botocore's variable tells."""
    everything_else = "http://127.0.0.1:9" if is_named else moto_endpoint
    client = boto3.client("s3", region_name="us-east-1", endpoint_url=moto_endpoint)
    for bucket in ("raw", "lake"):
        client.create_bucket(Bucket=bucket)
    rows = [line(x_edge_request_id=f"id-{i}", c_ip=f"192.0.2.{i % 7}") for i in range(50)]
    objects = {"a.gz": gzipped(log(*rows, "odd")), "b%20 c+d.gz": gzipped(log(rows[0], line(c_ip="2001:db8::7")))}
    for name, data in objects.items():
        client.put_object(Bucket="raw", Key=f"logs/{name}", Body=data)
    listed = [*((name, len(data)) for name, data in objects.items()), ("gone.gz", 7)]
    script = RUN.format(endpoint=moto_endpoint if is_named else "", hour=HOUR, objects=listed)
    environment = {**os.environ, "AWS_ENDPOINT_URL": everything_else}
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    actual = json.loads(finished.stdout)
    assert actual["runs"] == [[51, 3, ["s3://raw/logs/gone.gz"], 8]] * 2
    assert actual["requests"] == sorted([*(f"id-{i}" for i in range(50)), "id-1=="])
    assert actual["reasons"] == ["duplicate_request_id", "field_count", "object_gone"]
    assert actual["counts"] == {HOUR: 3}
    assert actual["hourly"] == 51
    assert actual["vacuumed"] > 0
    assert actual["other services"] == everything_else
    assert actual["left"] == 51
    prefix = "in/a+b=c,d&e/parsed/cloudfront/requests/event"
    keys = [item["Key"] for item in client.list_objects_v2(Bucket="lake", Prefix=prefix)["Contents"]]
    assert len(keys) == 1
    assert keys[0].startswith(f"in/a+b=c,d&e/parsed/cloudfront/requests/event_hour={HOUR}/")


WRITER = """
import sys, time
from pathlib import Path
import deltalake, pyarrow as pa
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema
from spark_jobs.storage.objects import Storage
from spark_jobs.incremental.lineage import MADE_HOURS
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS

root, endpoint, me, meeting = sys.argv[1:]
lake, commits = Lake(root, Storage("us-east-1", endpoint)), []
commit = deltalake.DeltaTable.create_write_transaction

def together(*arguments, **options):
    commits.append(me)
    if len(commits) == 1:  # both have read the same version before either commits
        Path(meeting, me).touch()
        deadline = time.monotonic() + 60
        while len(list(Path(meeting).iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.005)
    return commit(*arguments, **options)

def rows(table, **values):
    return pa.Table.from_pylist([values], schema=arrow_schema(table, with_hour=True))

deltalake.DeltaTable.create_write_transaction = together
lake.append_arrow(rows(MADE_HOURS, table_key=me, hour="h", fingerprint="f"), MADE_HOURS)
hour = f"2026-11-20-0{me}"
lake.overwrite_arrow(rows(OBJECT_COUNTS, source_object=me, etag="e", event_hour=hour), OBJECT_COUNTS, [hour])
print(len(commits))
"""

READER = """
import json, sys
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.objects import Storage
from spark_jobs.incremental.lineage import MADE_HOURS
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS

lake = Lake(sys.argv[1], Storage("us-east-1", sys.argv[2]))
print(json.dumps({
    "appended": sorted(lake.read_arrow(MADE_HOURS)["table_key"].to_pylist()),
    "overwritten": lake.row_counts(OBJECT_COUNTS),
    "versions": [lake.version(MADE_HOURS), lake.version(OBJECT_COUNTS)],
}))
"""


@pytest.fixture
def atomic_puts(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 decides `If-None-Match: *` and writes in one step; moto looks first and writes then."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication as Application

    answer: Callable[..., Any] = Application.__call__
    one_at_a_time = threading.Lock()

    def answered(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        if environ.get("HTTP_IF_NONE_MATCH") != "*":
            return answer(app, environ, start_response)
        with one_at_a_time:
            return answer(app, environ, start_response)

    monkeypatch.setattr(Application, "__call__", answered)


@pytest.mark.slow
@pytest.mark.usefixtures("atomic_puts")
@pytest.mark.parametrize("place", ["s3", "folder"])
def test_concurrent_writers_lose_no_rows(moto_endpoint: str, tmp_path: Path, place: str) -> None:
    boto3.client("s3").create_bucket(Bucket="lake")
    root = "s3://lake/shared" if place == "s3" else str(tmp_path / "lake")
    (tmp_path / "meeting").mkdir()

    def started(script: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, root, moto_endpoint, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def message(process: subprocess.Popen[str]) -> str:
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors[-3000:]
        return out

    commits = [int(message(one)) for one in [started(WRITER, me, str(tmp_path / "meeting")) for me in "12"]]
    actual = json.loads(message(started(READER)))
    assert sum(commits) > 4, "two commits each, and the overtaken one again"
    assert actual["appended"] == ["1", "2"]
    assert actual["overwritten"] == {"2026-11-20-01": 1, "2026-11-20-02": 1}
    assert actual["versions"] == [2, 2]


@pytest.mark.parametrize("odd", [" ", "#", "~", "ü", '"', "|"])
def test_an_unusable_prefix_is_refused_on_s3(odd: str) -> None:
    with pytest.raises(LakeError, match="The lake cannot lie in s3://lake/a") as caught:
        Lake(f"s3://lake/a{odd}b")
    assert repr(odd) in str(caught.value)
    assert Lake(f"/lake/a{odd}b").root == f"/lake/a{odd}b"
