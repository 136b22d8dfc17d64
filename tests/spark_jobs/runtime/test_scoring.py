"""Scoring in tasks: each row is scored once, and a model that fails in a task is one sentence in the driver.

The model is a stand-in: a package `weir_models` that goes before the real one, in the driver and in the tasks of both
engines, and writes down how many rows each call of predict gets.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import client_oracle as oracle
import pytest
from client_oracle import FIRST_HOUR
from test_engines import HAS_JAVA, HAS_JAVA_OF_PYPI, score_rows

from spark_jobs.contract import format_hour
from spark_jobs.runtime.scoring import MARKS, UnusableModelError, explained
from spark_jobs.sources.cloudfront.tables import CLIENT_DAILY, CLIENT_SCORES, REQUEST_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake

ROOT = Path(__file__).parents[3]
HOURS = 3
NAMED = {"model_name": "client_abuse", "model_version": "7"}
STAND_IN = """
import os
import pandas as pd

class Model:
    def __init__(self, folder):
        self.folder = folder

    def predict(self, frame):
        if (self.folder / "fails").exists():
            return self.threshold_
        with (self.folder / "calls").open("a") as calls:
            calls.write(f"{len(frame)}\\n")
        is_abuse = frame["day_request_count"] > 2
        said = pd.Series(["because"] * len(frame), index=frame.index, dtype=object)
        return pd.DataFrame({"abuse_probability": 0.9, "is_abuse": is_abuse, "abuse_kind": said, "reason": said})

def load_dir(folder):
    return Model(folder)
"""
RUN = """
import json, sys
from spark_jobs.contract import Interval
from spark_jobs.storage.lake import Lake
from spark_jobs.main import JobRun, run_job
from spark_jobs.runtime.session import spark_session

engine, root, first, last, jobs, parameters = sys.argv[1:]
run = JobRun(spark_session(engine), Lake(root), Interval.spanning(first, last), json.loads(parameters), 2)
try:
    for job in jobs.split(","):
        found = run_job("cloudfront", job, run)
except Exception as error:
    found = [type(error).__name__, str(error)]
print(json.dumps(found))
"""
ENGINES = [
    "sail",
    pytest.param("local[2]", marks=pytest.mark.skipif(not (HAS_JAVA or HAS_JAVA_OF_PYPI), reason="there is no Java")),
]


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """The folder of the stand-in's model; `fails` in it makes it fail."""
    package = tmp_path / "path" / "weir_models"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "saved_model.py").write_text(STAND_IN, encoding="utf-8")
    (tmp_path / "model").mkdir()
    return tmp_path / "model"


def ran(engine: str, lake: Lake, model: Path, *jobs: str) -> Any:
    """Figures of the last job, or the name and the text of the error."""
    parameters = json.dumps({"model_dir": str(model), **NAMED})
    hours = [format_hour(FIRST_HOUR + timedelta(hours=hour)) for hour in (0, HOURS - 1)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(model.parent / "path"), str(ROOT)])}
    command = [sys.executable, "-c", RUN, engine, lake.root, *hours, ",".join(jobs), parameters]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, env=environment)
    assert finished.returncode == 0, finished.stderr[-3000:]
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.slow
def test_every_client_is_scored_only_once(lake: Lake, stand_in: Path) -> None:
    requests = oracle.random_requests(600, 3, HOURS)
    lake.overwrite_arrow(oracle.to_table(requests, REQUESTS, "event_at"), REQUESTS)
    lake.overwrite_arrow(oracle.to_table(score_rows(), REQUEST_SCORES, "event_at"), REQUEST_SCORES)
    finished = ran("sail", lake, stand_in, "client_hourly", "client_daily", "client_attacks", "client_scores")
    scored = lake.read_arrow(CLIENT_SCORES).to_pylist()
    clients = sum(lake.row_counts(CLIENT_DAILY).values())
    assert finished == {"rows": clients} and clients == len(scored) > 10
    assert sum(map(int, (stand_in / "calls").read_text().split())) == clients
    abusive = [row for row in scored if row["is_abuse"]]
    assert abusive and all(row["evidence_request_ids"] for row in abusive)
    assert {row["model_version"] for row in scored} == {"7"}
    delta = lake.delta(CLIENT_SCORES)
    assert delta is not None
    left = {path.name for path in Path(lake.path(CLIENT_SCORES)).rglob("*.parquet")}
    assert left == {Path(uri).name for uri in delta.file_uris()}, "what was staged is gone"


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_failing_model_is_one_sentence(engine: str, lake: Lake, stand_in: Path) -> None:
    (stand_in / "fails").touch()
    lake.overwrite_arrow(oracle.to_table(oracle.random_requests(60, 3, HOURS), REQUESTS, "event_at"), REQUESTS)
    assert ran(engine, lake, stand_in, "request_scores") == [
        "UnusableModelError",
        "The model client_abuse version 7 cannot be applied by this release (AttributeError: 'Model' object has no "
        "attribute 'threshold_'); run `weir train`.",
    ]


def test_other_errors_do_not_blame_the_model() -> None:
    with pytest.raises(OSError, match="disk full"), explained(NAMED):
        raise OSError("disk full")
    wrapped = f"job aborted:\n  File x\nUnusableModelError: {MARKS[0]}7: KeyError: 'a'{MARKS[1]}\n  at org.apache"
    with pytest.raises(UnusableModelError, match=r"^The model client_abuse version 7 .*\(KeyError: 'a'\)"):  # noqa: SIM117
        with explained(NAMED):
            raise RuntimeError(wrapped)
