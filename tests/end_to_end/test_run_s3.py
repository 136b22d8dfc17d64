"""`weir run edge` with logs and lake on S3: the rows of a run on folders, explained, queried, and in the Glue catalogue.

Every command is a process of its own: deltalake waits for S3 without letting other Python threads run, such as those of
the moto server in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.outputs.sql_tables import sql_tables
from platform_assets.settings import Settings
from spark_jobs.registry import tables
from tests.end_to_end.conftest import Day

pytestmark = pytest.mark.slow
WEIR = [sys.executable, "-c", "from platform_assets.cli.app import main; main()"]
HOURS = 2
REQUESTS = tables()["parsed/cloudfront/requests"]
Weir = Callable[..., str]


@pytest.fixture(scope="module")
def aws(moto_server: str) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        values = {"ACCESS_KEY_ID": "testing", "SECRET_ACCESS_KEY": "testing", "DEFAULT_REGION": "us-east-1"}
        for name, value in {**values, "ENDPOINT_URL": moto_server}.items():
            patch.setenv(f"AWS_{name}", value)
        s3 = boto3.client("s3")
        for bucket in ("edge-logs", "edge-lake"):
            s3.create_bucket(Bucket=bucket)
        yield moto_server


@pytest.fixture(scope="module")
def weir(aws: str, simulated: Day, in_order: Settings, tmp_path_factory: pytest.TempPathFactory) -> Weir:
    """The command on a home whose logs and lake are on S3, after one run that changed the local WAF."""
    for path in simulated.punctual(*range(HOURS)):
        boto3.client("s3").upload_file(str(path), "edge-logs", f"cdn/{path.name}")
    environment = {
        **os.environ,
        "WEIR_HOME": str(tmp_path_factory.mktemp("on-s3")),
        "WEIR_LAKE": "s3://edge-lake/in/weir",
        "WEIR_MLFLOW_URI": in_order.tracking_uri,
        "WEIR_SIGNING_KEY": (in_order.home / "signing.key").read_text(),
        "WEIR_POLICY_FILE": in_order.waf.policy_file,
        "WEIR_GLUE_DATABASE": "weir",
    }

    def run(*arguments: str) -> str:
        command = [*WEIR, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environment)
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
        return done.stdout

    run("run", "edge", "--input", "s3://edge-logs/cdn/", "--apply")
    return run


def rows(weir: Weir, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(weir("sql", query, "--format", "json"))
    return found


def test_decisions_on_s3_are_those_of_a_run_on_folders(weir: Weir, in_order: Settings) -> None:
    columns = [name for name in WAF_DECISIONS.column_names if not name.endswith("_at")]
    query = f"SELECT {', '.join(columns)} FROM weir.decisions_waf_decisions ORDER BY decision_id"
    lake = lake_of(in_order)
    hours = lake.hours(REQUESTS)[:HOURS]  # what comes after them changes nothing about them
    local = lake.read_arrow(WAF_DECISIONS, hours, columns).sort_by("decision_id").to_pylist()
    assert local and rows(weir, query) == local


def test_the_plan_of_a_lake_on_s3_is_in_the_local_waf(weir: Weir) -> None:
    (planned,) = rows(weir, "SELECT count(*) AS entries FROM weir.waf_plan WHERE operation = 'add'")
    assert planned["entries"] > 0
    assert f"Applying would change: +0 -0, {planned['entries']} kept" in weir("waf", "status")


def test_a_decision_of_a_lake_on_s3_is_explained_down_to_its_log_lines(weir: Weir) -> None:
    (first, *_) = rows(weir, "SELECT address FROM weir.decisions_waf_decisions WHERE action = 'block' ORDER BY address")
    told = weir("explain", first["address"], "--json")
    assert "s3://edge-logs/cdn/" in told and json.loads(told)["decisions"]


def test_every_table_that_a_run_writes_is_in_the_glue_catalogue(weir: Weir) -> None:
    glue = boto3.client("glue")
    pages = glue.get_paginator("get_tables").paginate(DatabaseName="weir")
    there = {table["Name"]: table for page in pages for table in page["TableList"]}
    keys = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket="edge-lake", Prefix="in/weir/")
    logs = {
        item["Key"] for page in keys for item in page["Contents"] if item["Key"].endswith("/00000000000000000000.json")
    }
    written = {f"s3://edge-lake/{key.partition('_delta_log')[0]}" for key in logs}
    assert {table["StorageDescriptor"]["Location"] for table in there.values()} == written
    assert there.keys() <= sql_tables().keys() and len(there) > 10
