"""The same path on S3: raw objects and lake under s3://, through the engine's own reader and ours, credentials by env.

All of it runs in a process of its own: deltalake waits for S3 without letting other Python threads run, such as those of
a moto server in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import boto3
import pytest
from cloudfront_lines import gzipped, line, log

pytestmark = pytest.mark.slow
HOUR = "2026-11-20-13"

RUN = """
import json, os
from spark_jobs.contract import Interval
from spark_jobs.lake import Lake
from spark_jobs.main import JobRun, run_job
from spark_jobs.objects import Storage
from spark_jobs.session import spark_session
from spark_jobs.sources.cloudfront.parse import ParseOptions
from spark_jobs.sources.cloudfront.tables import CLIENT_HOURLY, OBJECT_COUNTS, REJECTED_LINES, REQUESTS
from spark_jobs.sources.cloudfront.transform import RawObject, transform

lake = Lake("s3://lake/in/a folder", Storage("us-east-1", {endpoint!r}))
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
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["runs"] == [[51, 2, ["s3://raw/logs/gone.gz"], 8]] * 2
    assert found["requests"] == sorted([*(f"id-{i}" for i in range(50)), "id-1=="])
    assert found["reasons"] == ["duplicate_request_id", "field_count"]
    assert found["counts"] == {HOUR: 2}
    assert found["hourly"] == 51
    assert found["vacuumed"] > 0
    assert found["other services"] == everything_else
    assert found["left"] == 51
    prefix = "in/a folder/parsed/cloudfront/requests/event"
    keys = [item["Key"] for item in client.list_objects_v2(Bucket="lake", Prefix=prefix)["Contents"]]
    assert len(keys) == 1
    assert keys[0].startswith(f"in/a folder/parsed/cloudfront/requests/event_hour={HOUR}/")
