"""A Spark Connect endpoint in a process of its own: the driver here, the tasks there, the tables the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime

import client_oracle as oracle
import pytest

from spark_jobs import main as entry_point
from spark_jobs.contract import format_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_DAILY, CLIENT_HOURLY, REQUESTS
from spark_jobs.storage.lake import Lake

SERVER = """
import sys
from pysail.spark import SparkConnectServer
server = SparkConnectServer(ip="127.0.0.1", port=0)
server.start(background=True)
print(server.listening_address[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def endpoint() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        yield f"sc://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


@pytest.mark.slow
def test_jobs_run_on_a_foreign_connect_server(lake: Lake, endpoint: str) -> None:
    requests = oracle.random_requests(400, 3, 22)
    lake.overwrite_arrow(oracle.requests_table(requests), REQUESTS)
    first, last = (format_hour(at) for at in (min(_hours(requests)), max(_hours(requests))))
    figures = []
    for job in ("client_hourly", "client_daily"):
        command = [sys.executable, entry_point.__file__, "--source", "cloudfront", "--job", job, "--start", first]
        command += ["--end", last, "--lake", lake.root, "--tasks", "2", "--engine", endpoint]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert finished.returncode == 0, finished.stderr[-3000:]
        figures.append(json.loads(finished.stdout)["rows"])
    hourly = oracle.client_hourly(requests)
    oracle.check_same(lake.read_arrow(CLIENT_HOURLY).to_pylist(), hourly, tolerance=2e-6)
    daily = oracle.client_daily(hourly.values(), min(_hours(requests)), max(_hours(requests)))
    oracle.check_same(lake.read_arrow(CLIENT_DAILY).to_pylist(), daily, tolerance=2e-6)
    assert figures == [len(hourly), len(daily)]


def _hours(requests: list[oracle.Row]) -> list[datetime]:
    return [row["event_at"].replace(minute=0, second=0) for row in requests]
