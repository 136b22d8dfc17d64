"""`spark-submit spark_jobs/main.py`: one job, one interval, with nothing of the orchestration around it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import client_oracle as oracle
import pytest

from spark_jobs import main as entry_point
from spark_jobs.contract import format_hour
from spark_jobs.lake import Lake
from spark_jobs.sources.cloudfront.tables import CLIENT_HOURLY, REQUESTS

SPARK_JOBS = Path(entry_point.__file__).parent


def test_no_module_beside_the_entry_point_hides_one_of_the_standard_library() -> None:
    names = {path.stem for path in SPARK_JOBS.iterdir() if not path.name.startswith("_")}
    assert "main" in names
    assert not names & sys.stdlib_module_names


@pytest.mark.slow
def test_a_job_runs_as_a_script_from_any_folder(lake: Lake, tmp_path: Path) -> None:
    requests = oracle.random_requests(300, 2, 21)
    lake.overwrite_arrow(oracle.requests_table(requests), REQUESTS)
    hour = format_hour(oracle.FIRST_HOUR)
    command = [sys.executable, str(SPARK_JOBS / "main.py"), "--source", "cloudfront", "--job", "client_hourly"]
    command += ["--start", hour, "--end", hour, "--lake", f"{lake.root}/", "--tasks", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    expected = {key: row for key, row in oracle.client_hourly(requests).items() if key[1] == oracle.FIRST_HOUR}
    assert json.loads(done.stdout) == {"rows": len(expected)}
    assert lake.hours(CLIENT_HOURLY) == [hour]
    oracle.check_same(lake.read_arrow(CLIENT_HOURLY).to_pylist(), expected, tolerance=2e-6)
