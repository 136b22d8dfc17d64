"""Jobs on EMR Serverless and Glue: what is asked of the services, and a whole run on stand-ins for them.

The services of the moto server run nothing, so `Service` starts main.py in their place: with exactly the arguments of
the request, and with nothing but the zip of `make package` to import.
"""

from __future__ import annotations

import itertools
import json
import os
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pyarrow as pa
import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from platform_assets.clients.aws import aws_client
from platform_assets.clients.engine import SparkRunner, cluster_of, lake_of
from platform_assets.clients.spark import emr_serverless, glue
from platform_assets.clients.spark.cluster import RunnerError, Submission
from platform_assets.definitions import build_defs
from platform_assets.settings import Settings, load_settings
from spark_jobs import registry
from spark_jobs.contract import Interval
from spark_jobs.runtime import package
from spark_jobs.runtime.calls import fetch_folder, publish_folder
from spark_jobs.sources.cloudfront.tables import OBJECTS, REQUESTS
from spark_jobs.storage.objects import Storage
from spark_jobs.storage.schema import arrow_schema
from tests.spark_jobs.cloudfront_lines import gzipped, line, log

ROLE = "arn:aws:iam::123456789012:role/weir-jobs"
KEY = "a-key-that-must-not-be-seen"
HOUR = "2026-11-20-13"
COMMON = {"lake": "s3://lake/data", "package_uri": "s3://code/weir/", "hash_key_secret": "weir/hash-key"}
VALUES: dict[str, dict[str, Any]] = {
    "emr-serverless": {"emr_application_id": "00f1abc", "emr_job_role_arn": ROLE, "spark_conf": {"spark.executor.memory": "4g"}},
    "glue": {"glue_job": "weir", "spark_conf": {"spark.a": "1", "spark.b": "2"}},
}  # fmt: skip
SUBMISSION = Submission("weir-requests-1", "s3://lake/data/_calls/1.json", Storage("eu-west-1"), "s3://lake/data")


def settings_for(home: Path, engine: str, **values: Any) -> Settings:
    return load_settings(home, engine=engine, hash_key=KEY, **(COMMON | VALUES[engine] | values))


def cluster_for(home: Path, engine: str, **values: Any) -> Any:
    found = cluster_of(settings_for(home, engine, **values))
    assert found is not None
    return found


@pytest.mark.parametrize("engine", VALUES)
def test_a_request_is_one_that_the_service_accepts_and_holds_no_secret(tmp_path: Path, engine: str) -> None:
    request = cluster_for(tmp_path, engine).request(SUBMISSION)
    shape = get_session().get_service_model(engine).operation_model("StartJobRun").input_shape
    report = ParamValidator().validate({"clientToken": "token"} | request if engine != "glue" else request, shape)
    assert not report.has_errors(), report.generate_report()
    assert KEY not in json.dumps(request)


def test_emr_serverless_is_given_code_environment_call_and_properties(tmp_path: Path) -> None:
    request = cluster_for(tmp_path, "emr-serverless").request(SUBMISSION)
    driver = request["jobDriver"]["sparkSubmit"]
    assert driver["entryPoint"] == "s3://code/weir/main.py"
    assert driver["entryPointArguments"] == ["--call", SUBMISSION.call_uri, "--region", "eu-west-1"]
    words = shlex.split(driver["sparkSubmitParameters"])
    assert words[:2] == ["--py-files", "s3://code/weir/weir-jobs.zip"]
    conf = dict(word.split("=", 1) for flag, word in itertools.pairwise(words) if flag == "--conf")
    assert conf["spark.archives"] == "s3://code/weir/environment.tar.gz#environment"
    assert conf["spark.executorEnv.PYSPARK_PYTHON"] == "./environment/bin/python"
    assert conf["spark.executor.memory"] == "4g"
    logs = request["configurationOverrides"]["monitoringConfiguration"]["s3MonitoringConfiguration"]
    assert logs == {"logUri": "s3://lake/data/_calls/logs/"}
    in_image = cluster_for(tmp_path, "emr-serverless", emr_environment="").request(SUBMISSION)
    assert "archives" not in json.dumps(in_image) and "PYSPARK_PYTHON" not in json.dumps(in_image)


def test_glue_is_given_code_modules_call_and_properties(tmp_path: Path) -> None:
    assert cluster_for(tmp_path, "glue").request(SUBMISSION) == {
        "JobName": "weir",
        "Arguments": {
            "--extra-py-files": "s3://code/weir/weir-jobs.zip",
            "--additional-python-modules": "s3://code/weir/requirements.txt",
            "--python-modules-installer-option": "-r",
            "--call": SUBMISSION.call_uri,
            "--region": "eu-west-1",
            "--conf": "spark.a=1 --conf spark.b=2",
        },
    }


@pytest.mark.parametrize(
    ("engine", "values", "said"),
    [
        ("emr-serverless", {"emr_application_id": ""}, "EMR Serverless needs WEIR_EMR_APPLICATION_ID; set them"),
        ("glue", {"glue_job": "", "package_uri": ""}, "Glue needs WEIR_GLUE_JOB, WEIR_PACKAGE_URI; set them"),
        ("glue", {"lake": "/lake"}, "Glue cannot reach the lake in /lake; set WEIR_LAKE to an s3:// URI."),
        ("glue", {"hash_key_secret": ""}, "Glue needs the hash key from AWS Secrets Manager; put"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_asked(
    tmp_path: Path, engine: str, values: dict[str, Any], said: str
) -> None:
    settings = settings_for(tmp_path, engine, **values)
    source = registry.sources()["cloudfront"]
    with pytest.raises(RunnerError, match=rf"^{said}"):
        SparkRunner.of(settings).run(
            source, source.jobs[0], lake_of(settings), Interval.of_hour(HOUR), {"hash_key": KEY}
        )


class Service:
    """Between a client and the moto server: a run that was started is carried out before its answer is handed on."""

    def __init__(self, zipped: Path, folder: Path) -> None:
        self.zipped, self.folder, self.requests = zipped, folder, list[dict[str, Any]]()
        self.calls: list[str] = []
        self.works = True

    def client(self, service: str, region: str, **options: Any) -> Any:
        client = aws_client(service, region, **options)
        client.meta.events.register(f"provide-client-params.{service}.StartJobRun", self._asked)
        client.meta.events.register(f"after-call.{service}.StartJobRun", self._started)
        return client

    def _asked(self, params: dict[str, Any], **_: Any) -> None:
        self.requests.append(params)

    def _started(self, **_: Any) -> None:
        request = self.requests[-1]
        if "jobDriver" in request:
            arguments = request["jobDriver"]["sparkSubmit"]["entryPointArguments"]
        else:  # Glue adds arguments of its own
            arguments = ["--JOB_NAME", "weir", *(word for pair in request["Arguments"].items() for word in pair)]
        bucket, _, key = arguments[arguments.index("--call") + 1].removeprefix("s3://").partition("/")
        self.calls.append(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())
        if self.works:
            command = [sys.executable, str(self.zipped.with_name("main.py")), *arguments, "--engine", "sail"]
            environment = os.environ | {"PYTHONPATH": str(self.zipped)}
            subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, check=False, timeout=200)


@pytest.fixture(scope="module")
def moto_process() -> Iterator[str]:
    """A moto server in a process of its own: Delta's library holds this interpreter while it waits for an answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def account(moto_process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty account, which botocore finds by the environment."""
    urllib.request.urlopen(urllib.request.Request(f"{moto_process}/moto-api/reset", method="POST"), timeout=10).close()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": moto_process,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def service(account: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """An account with buckets, the hash key, an application and a job; runs in it are carried out here."""
    for bucket in ("lake", "raw"):
        boto3.client("s3").create_bucket(Bucket=bucket)
    boto3.client("secretsmanager").create_secret(Name="weir/hash-key", SecretString=KEY)
    boto3.client("glue").create_job(
        Name="weir", Role=ROLE, Command={"Name": "glueetl", "ScriptLocation": "s3://code/weir/main.py"}
    )
    zipped = package.write_package(tmp_path / "package")[0]
    service = Service(zipped, tmp_path)
    for module in (emr_serverless, glue):
        monkeypatch.setattr(module, "aws_client", service.client)
    return service


def on_aws(home: Path, engine: str) -> Settings:
    """Settings with an object in the raw bucket and in the ledger of the lake."""
    data = gzipped(log(*(line(x_edge_request_id=f"id-{n}", cs_cookie=f"session={n}") for n in range(20))))
    name = f"E1.{HOUR}.abc.gz"
    boto3.client("s3").put_object(Bucket="raw", Key=name, Body=data)
    values: dict[str, Any] = {}
    if engine == "emr-serverless":
        application = boto3.client(engine).create_application(name="weir", type="SPARK", releaseLabel="emr-7.8.0")
        values["emr_application_id"] = application["applicationId"]
    settings = settings_for(home, engine, cloudfront_raw="s3://raw", **values)
    now = datetime.now(UTC)
    known = {"source_object": f"s3://raw/{name}", "etag": "e", "size_bytes": len(data), "name_hour": HOUR}
    rows = [{**known, "modified_at": now, "first_seen_at": now, "event_hours": [HOUR], "duplicate_of": None}]
    lake_of(settings).overwrite_arrow(pa.Table.from_pylist(rows, arrow_schema(OBJECTS)), OBJECTS)
    return settings


def materialize(settings: Settings) -> dg.ExecuteInProcessResult:
    defs = build_defs(settings)
    job = defs.resolve_implicit_global_asset_job_def()
    parsed = [dg.AssetKey(["parsed", "cloudfront", name]) for name in ("requests", "rejected_lines", "object_counts")]
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(
            instance=instance, asset_selection=parsed, partition_key=HOUR, raise_on_error=False
        )


@pytest.mark.slow
@pytest.mark.parametrize("engine", VALUES)
def test_an_asset_is_made_by_the_service_and_its_figures_come_back(
    tmp_path: Path, service: Service, engine: str
) -> None:
    settings = on_aws(tmp_path / "home", engine)
    result = materialize(settings)
    assert result.success, [event.message for event in result.all_events if event.is_step_failure]
    made = next(
        one
        for event in result.get_asset_materialization_events()
        if (one := event.materialization).asset_key.path[-1] == "requests"
    )
    of_run: Any = made.metadata["whole run"].value
    assert of_run["requests"] == 20
    rows = lake_of(settings).read_arrow(REQUESTS).to_pylist()
    digests = {blake2b(f"session={n}".encode(), key=KEY.encode(), digest_size=12).hexdigest() for n in range(20)}
    assert {row["cookie_hash"] for row in rows} == digests, "hashed with the key of the secret"
    assert KEY not in json.dumps([service.requests, service.calls], default=str)
    assert json.loads(service.calls[0])["secrets"] == {"hash_key": "weir/hash-key"}
    left = boto3.client("s3").list_objects_v2(Bucket="lake", Prefix="data/_calls")["Contents"]
    assert [one["Key"] for one in left] == ["data/_calls/"], "call and answer are deleted"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "log"), [("emr-serverless", "s3://lake/data/_calls/logs/applications/"), ("glue", "the stream jr_")]
)
def test_a_run_without_an_answer_ends_in_a_sentence_with_its_log(
    tmp_path: Path, service: Service, engine: str, log: str
) -> None:
    service.works = False
    result = materialize(on_aws(tmp_path / "home", engine))
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    error = failed.step_failure_data.error
    assert error is not None
    said = str(error.cause or error)
    assert "The job requests failed on" in said and log in said


def test_over_spark_connect_a_model_is_read_from_beside_the_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.skops").write_bytes(b"weights")
    seen: list[dict[str, Any]] = []

    def record_parameters(source: Any, job: str, run: Any) -> dict[str, Any]:
        seen.append(run.parameters)
        return {}

    monkeypatch.setattr("spark_jobs.runtime.session.spark_session", lambda engine: engine)
    monkeypatch.setattr("spark_jobs.main.run_job", record_parameters)
    source = registry.sources()["cloudfront"]
    for engine in ("sc://host:15002", "sail"):
        settings = load_settings(tmp_path / "home", engine=engine, lake=str(tmp_path / "lake"))
        given = {"model_dir": str(tmp_path / "model")}
        SparkRunner.of(settings).run(source, source.jobs[0], lake_of(settings), Interval.of_hour(HOUR), given)
    assert [Path(one["model_dir"]).parent for one in seen] == [tmp_path / "lake" / "_models", tmp_path]


@pytest.mark.slow
def test_a_model_lies_beside_the_lake_once_and_is_fetched_from_there(account: None, tmp_path: Path) -> None:
    boto3.client("s3").create_bucket(Bucket="lake")
    folder = tmp_path / "model"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "model.skops").write_bytes(b"weights")
    storage = Storage()
    uri = publish_folder(storage, folder, "s3://lake/data")
    assert uri.startswith("s3://lake/data/_models/")
    written = boto3.client("s3").list_objects_v2(Bucket="lake")["Contents"]
    assert publish_folder(storage, folder, "s3://lake/data") == uri
    again = boto3.client("s3").list_objects_v2(Bucket="lake")["Contents"]
    assert [one["LastModified"] for one in again] == [one["LastModified"] for one in written]
    fetched = fetch_folder(storage, uri, tmp_path / "fetched")
    assert (fetched / "inner" / "model.skops").read_bytes() == b"weights"
    (folder / "inner" / "model.skops").write_bytes(b"other")
    assert publish_folder(storage, folder, "s3://lake/data") != uri
