"""`weir doctor`: what it says of an empty home, of what works and of what does not, and that it shows no secret."""

from __future__ import annotations

import io
import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from pydantic import SecretStr
from rich.console import Console

from platform_assets.cli.doctor import examination, machine, network
from platform_assets.cli.doctor.examination import checks, examine
from platform_assets.cli.doctor.findings import Finding, exit_code, render
from platform_assets.cli.doctor.machine import MACHINE
from platform_assets.domains.waf import doctor as edge_checks
from platform_assets.settings import Settings, load_settings


def states(settings: Settings) -> dict[str, str]:
    return {finding.name: finding.state for finding in examine(settings)}


def finding_of(settings: Settings, name: str) -> Finding:
    return next(finding for finding in examine(settings) if finding.name == name)


def changed(settings: Settings, **values: Any) -> Settings:
    return settings.model_copy(update={name: SecretStr(v) if name in SECRETS else v for name, v in values.items()})


SECRETS = {"database_url", "alerts_webhook_url", "hash_key", "signing_key"}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine is no finding; the tests of giving up set their own."""
    monkeypatch.setattr(network, "SECONDS", 30)


@pytest.fixture
def server() -> Iterator[Callable[[int], str]]:
    """Starts a local server that answers every GET with one status."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status if self.path.endswith("/health") else 404)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
        return f"127.0.0.1:{servers[-1].server_address[1]}"

    yield start
    for each in servers:
        each.shutdown()
        each.server_close()


def test_an_empty_home_fails_nothing_and_stays_empty(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "new")
    findings = examine(settings)
    assert exit_code(findings) == 0
    assert {finding.name: finding.state for finding in findings} == {
        "python": "ok", "engine": "ok", "settings": "ok", "home": "missing", "hash key": "missing", "named files": "off",
        "log objects": "missing", "log objects queue": "off", "cloudfront stream": "off", "metric files": "off", "lake": "missing", "databases": "missing", "mlflow": "missing", "champions": "missing", "database": "missing", "waf": "ok",
        "aws credentials": "off", "alerts webhook": "off", "alerts sns": "off", "metrics": "ok",
            "glue catalogue": "off",
            "online features": "ok",
    }  # fmt: skip
    assert not settings.home.exists()


def test_a_shipped_champion_is_told_from_one_that_was_fitted_here(home: Settings) -> None:
    absent = finding_of(home, "champions")
    assert absent.state == "missing" and "those that Weir ships: anomaly_detection, request_attack" in absent.sentence
    with sqlite3.connect(home.home / "mlflow.db") as mlflow:
        mlflow.execute("CREATE TABLE registered_models (name)")
        mlflow.execute("CREATE TABLE registered_model_aliases (alias, version, name)")
        mlflow.execute("CREATE TABLE model_version_tags (key, value, name, version)")
        aliases = [("champion", 2, "client_abuse"), ("champion", 1, "request_attack"), ("other", 1, "client_abuse")]
        mlflow.executemany("INSERT INTO registered_model_aliases VALUES (?, ?, ?)", aliases)
        tags = [("fitted here", "client_abuse", 2), ("shipped", "client_abuse", 1), ("shipped", "request_attack", 1)]
        mlflow.executemany("INSERT INTO model_version_tags VALUES ('origin', ?, ?, ?)", tags)
    found = finding_of(home, "champions")
    assert found.state == "ok" and found.sentence.startswith("client_abuse 2, request_attack 1. request_attack is the")
    assert found.sentence.endswith("fitted on generated data alone; `weir train request_attack` fits it here.")
    (home.home / "mlflow.db").write_bytes(b"no database" * 100)
    assert finding_of(home, "champions").state == "failed"


def test_what_is_there_is_counted(home: Settings, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.gz").write_bytes(b"")
    (home.home / "lake/parsed/cloudfront/requests/_delta_log").mkdir(parents=True)
    (home.home / "lake/decisions/waf_decisions/_delta_log").mkdir(parents=True)
    (home.home / "hash.key").write_text("k" * 32)
    (home.home / "hash.key").chmod(0o600)
    with sqlite3.connect(home.home / "mlflow.db") as mlflow, sqlite3.connect(home.home / "weir.db") as weir:
        mlflow.execute("CREATE TABLE registered_models (name)")
        mlflow.execute("INSERT INTO registered_models VALUES ('request_attack')")
        weir.execute("CREATE TABLE t (c)")
    settings = changed(home, cloudfront_raw=str(tmp_path / "raw"), metrics_raw=str(tmp_path / "raw"))
    found = {finding.name: finding for finding in examine(settings)}
    assert {found[name].state for name in ("home", "hash key", "log objects", "lake", "mlflow", "database")} == {"ok"}
    assert "holds 1 metric files" in found["metric files"].sentence
    assert "holds 1 log objects" in found["log objects"].sentence
    assert "holds 2 tables" in found["lake"].sentence
    assert "holds 1 registered model" in found["mlflow"].sentence
    assert "SQLite" in found["database"].sentence


SECRET_VALUES = {
    "database_url": "postgresql://me:hunter2pw@127.0.0.1:9/weir?sslpassword=hunter2ssl",
    "alerts_webhook_url": "http://me:hunter2hook@127.0.0.1:9/T0P5ECRET/path?key=hunter2query",
    "hash_key": "hunter2key",
    "mlflow_uri": "http://me:hunter2mlflow@127.0.0.1:9",
    "s3_endpoint_url": "http://me:hunter2store@127.0.0.1:9",
    "engine": "sc://127.0.0.1:9/;token=hunter2token",
}


def test_no_secret_is_printed(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAhunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://me:hunter2endpoint@127.0.0.1:9")
    topic = "arn:aws:sns:us-east-1:123456789012:alerts"
    aws = {"cloudfront_raw": "s3://logs", "lake": "s3://lake", "waf_target": "aws", "metrics_target": "cloudwatch"}
    monkeypatch.setattr(examination, "_without_secrets", lambda _, finding: finding)  # tested below
    findings = examine(changed(home, alerts_sns_topic_arn=topic, **aws, **SECRET_VALUES))
    shown = io.StringIO()
    Console(file=shown, width=500).print(render(findings))
    assert "hunter2" not in shown.getvalue() and "T0P5ECRET" not in shown.getvalue()
    failed = {finding.name for finding in findings if finding.state == "failed"}
    expected = {
        "engine",
        "log objects",
        "lake",
        "mlflow",
        "database",
        "waf",
        "aws credentials",
        "alerts webhook",
        "alerts sns",
        "metrics",
    }
    assert failed == expected, "each of these looked, and failed with its secret at hand"
    assert exit_code(findings) == 1


def test_a_secret_that_slips_into_a_sentence_is_masked(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MACHINE, "python", lambda settings: ("ok", settings.hash_key.get_secret_value()))
    assert finding_of(changed(home, hash_key="hunter2key"), "python").sentence == "***"


def test_a_check_that_breaks_hides_no_other(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MACHINE, "python", lambda _: 1 / 0)
    findings = examine(home)
    assert (findings[0].state, len(findings)) == ("failed", len(checks()))
    assert "ZeroDivisionError" in findings[0].sentence


def test_a_host_that_does_not_answer_ends_after_seconds(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts and says nothing
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        found = finding_of(changed(home, mlflow_uri=f"http://{address}"), "mlflow")
    assert found == Finding(
        "mlflow",
        "failed",
        f"The MLflow server at http://{address} cannot be reached; start it or correct WEIR_MLFLOW_URI.",
    )
    assert time.monotonic() - began < 15


def test_a_check_that_hangs_is_given_up(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "SECONDS", -0.9)
    monkeypatch.setitem(MACHINE, "python", lambda _: time.sleep(3))
    found = finding_of(home, "python")
    assert found.state == "failed" and "No answer within" in found.sentence


@pytest.mark.parametrize(
    ("status", "state", "said"),
    [
        (200, "ok", "answers."),
        (401, "ok", "asks for a user"),
        (403, "failed", "--allowed-hosts"),
        (500, "failed", "its log"),
    ],
)
def test_an_mlflow_server_is_asked(
    home: Settings, server: Callable[[int], str], status: int, state: str, said: str
) -> None:
    found = finding_of(changed(home, mlflow_uri=f"http://me:pw@{server(status)}/base/"), "mlflow")
    assert (found.state, said in found.sentence) == (state, True)


def test_a_webhook_is_reached_without_being_called(home: Settings, server: Callable[[int], str]) -> None:
    address = server(500)
    found = finding_of(changed(home, alerts_webhook_url=f"http://{address}/T0P5ECRET"), "alerts webhook")
    assert found == Finding("alerts webhook", "ok", f"The webhook at http://{address} can be reached.")


@pytest.mark.parametrize(
    ("values", "name", "said"),
    [
        ({"cloudfront_raw": "/nowhere/at/all"}, "log objects", "does not exist"),
        ({"metrics_raw": "/nowhere/at/all"}, "metric files", "does not exist"),
        (
            {"raw_queue_url": "https://sqs/logs"},
            "log objects queue",
            "set WEIR_CLOUDFRONT_RAW to the s3:// URI of the logs",
        ),
        ({"engine": "flink"}, "engine", "The engine flink is not known"),
        (
            {"engine": "emr-serverless"},
            "engine",
            "EMR Serverless needs WEIR_EMR_APPLICATION_ID, WEIR_EMR_JOB_ROLE_ARN, WEIR_PACKAGE_URI; set",
        ),
        ({"engine": "glue", "glue_job": "weir", "package_uri": "s3://c"}, "engine", "set WEIR_LAKE to an s3:// URI"),
        (
            {"engine": "sc://127.0.0.1:9"},
            "engine",
            "at sc://127.0.0.1:9 cannot be reached; start it or correct WEIR_ENGINE",
        ),
        ({"allow_list": "/nowhere/allow.txt"}, "named files", "/nowhere/allow.txt (WEIR_ALLOW_LIST)"),
        ({"database_url": "mysql://host/weir"}, "database", "kind mysql is not supported"),
        ({"alerts_webhook_url": "file:///etc/passwd"}, "alerts webhook", "not an http:// or https:// URL"),
        ({"waf_target": "aws"}, "aws credentials", "None were found and WAF need them; set AWS_ACCESS_KEY_ID"),
    ],
)
def test_what_is_wrong_ends_in_what_to_do(home: Settings, values: dict[str, Any], name: str, said: str) -> None:
    found = finding_of(changed(home, **values), name)
    assert (found.state, said in found.sentence) == ("failed", True), found


def test_a_hash_key_that_others_can_read_fails(home: Settings) -> None:
    (home.home / "hash.key").write_text("k" * 32)
    (home.home / "hash.key").chmod(0o644)
    found = finding_of(home, "hash key")
    assert (found.state, "run chmod 600" in found.sentence) == ("failed", True)


def test_a_home_that_others_can_enter_fails(home: Settings) -> None:
    home.home.chmod(0o755)
    found = finding_of(home, "home")
    assert (found.state, "run chmod 700" in found.sentence) == ("failed", True)


@pytest.mark.parametrize("name", ["ui.token", "signing.key"])
def test_a_secret_that_others_can_read_fails(home: Settings, name: str) -> None:
    (home.home / name).write_text("k" * 32)
    (home.home / name).chmod(0o600)
    assert finding_of(home, "home").state == "ok"
    (home.home / name).chmod(0o640)
    found = finding_of(home, "home")
    assert (found.state, "run chmod 600" in found.sentence) == ("failed", True)


@pytest.mark.parametrize(("name", "check"), [("ui.token", "home"), ("signing.key", "home"), ("hash.key", "hash key")])
def test_a_secret_that_was_cut_off_fails(home: Settings, name: str, check: str) -> None:
    for text in ("", "ab"):
        (home.home / name).write_text(text)
        (home.home / name).chmod(0o600)
        found = finding_of(home, check)
        assert found.state == "failed" and f"{name} is empty or cut off" in found.sentence, found
        assert "delete it to have a new one made" in found.sentence


def test_a_full_disk_and_a_home_that_is_a_file_fail(
    home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert states(changed(home, home=tmp_path / "file"))["home"] == "failed"
    monkeypatch.setattr(machine, "MIN_FREE_BYTES", 1 << 60)
    assert "free some" in finding_of(home, "home").sentence


@pytest.mark.parametrize(
    ("version", "state"),
    [("17.0.15", "ok"), ("25", "ok"), ("11.0.2", "failed"), ("1.8.0_402", "failed"), ("", "failed")],
)
def test_classic_spark_needs_a_java_that_is_new_enough(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, state: str
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    (tmp_path / "bin/java").chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert finding_of(changed(home, engine="local[*]"), "engine").state == state
    assert finding_of(home, "engine").state == "ok", "the embedded engine asks for none"


@pytest.mark.slow
def test_aws_is_asked_for_what_the_settings_use(home: Settings, moto_endpoint: str) -> None:
    boto3.client("s3", endpoint_url=moto_endpoint).create_bucket(Bucket="logs")
    boto3.client("s3", endpoint_url=moto_endpoint).put_object(Bucket="logs", Key="cf/a.gz", Body=b"")
    topic = boto3.client("sns", endpoint_url=moto_endpoint).create_topic(Name="alerts")["TopicArn"]
    queue = boto3.client("sqs", endpoint_url=moto_endpoint).create_queue(QueueName="new-logs")["QueueUrl"]
    settings = changed(
        home, raw_queue_url=queue, cloudfront_raw="s3://logs/cf/", lake="s3://logs/lake", waf_target="aws",
        metrics_target="cloudwatch", alerts_sns_topic_arn=topic,
    )  # fmt: skip
    found = {finding.name: finding for finding in examine(settings)}
    assert exit_code(found.values()) == 0
    assert "holds 1 log objects" in found["log objects"].sentence
    assert found["log objects queue"].sentence == f"The queue {queue} is there."
    assert (found["lake"].state, found["waf"].state, found["metrics"].state, found["alerts sns"].state) == (
        "missing",
        "ok",
        "ok",
        "ok",
    )
    assert found["aws credentials"].sentence == "Found (env), for S3, CloudWatch, SNS, SQS, WAF, account 123456789012."
    assert "testing" not in json.dumps([finding.sentence for finding in found.values()])


@pytest.mark.slow
def test_every_scope_of_waf_is_asked_in_its_region(home: Settings, moto_endpoint: str) -> None:
    settings = changed(home, waf_target="aws", waf_scopes="CLOUDFRONT,REGIONAL:eu-west-1")
    found = finding_of(settings, "waf")
    assert found.state == "ok"
    assert (
        "WAF CLOUDFRONT in us-east-1 answers" in found.sentence
        and "WAF REGIONAL in eu-west-1 answers" in found.sentence
    )


def test_a_scope_of_waf_that_fails_is_named_alone(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refusal(service: str, call: str, what: str, permission: str, region: str, *_: Any, **given: Any) -> str:
        asked.append((region, given["Scope"]))
        return f"AWS denied access to {what}." if region == "eu-west-1" else ""

    monkeypatch.setattr(network, "aws_refusal", refusal)
    scopes = "CLOUDFRONT,REGIONAL:eu-west-1,REGIONAL:us-east-1"
    assert edge_checks.waf(changed(home, waf_target="aws", waf_scopes=scopes)) == (
        "failed",
        "AWS denied access to WAF REGIONAL in eu-west-1.",
    )
    assert sorted(asked) == [("eu-west-1", "REGIONAL"), ("us-east-1", "CLOUDFRONT"), ("us-east-1", "REGIONAL")]


def test_the_credentials_of_another_store_are_not_shown_to_aws(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the store")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    settings = changed(home, lake="s3://lake", s3_endpoint_url="http://127.0.0.1:9")
    assert finding_of(settings, "aws credentials") == Finding("aws credentials", "ok", "Found (env), for S3.")
    assert finding_of(changed(settings, waf_target="aws"), "aws credentials").state == "failed", "those of WAF are"


@pytest.mark.slow
def test_postgresql_is_asked(home: Settings, postgres_url: str) -> None:
    found = finding_of(changed(home, database_url=postgres_url), "database")
    assert found.state == "ok" and found.sentence.startswith("PostgreSQL ")


def test_brackets_in_a_sentence_are_shown_as_they_are() -> None:
    shown = io.StringIO()
    Console(file=shown, width=200).print(render([Finding("engine", "ok", "local[*] and [bold]")]))
    assert "local[*] and [bold]" in shown.getvalue()


def test_a_variable_that_is_no_setting_is_named_with_the_one_that_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_EVAL_DATA", "somewhere")
    settings = load_settings(tmp_path)
    assert MACHINE["settings"](settings)[0] == "ok"
    monkeypatch.setenv("WEIR_WAF_SCOPE", "REGIONAL")
    (tmp_path / "weir.env").write_text("# WEIR_COMMENT=1\nWEIR_TASKS=2\nWEIR_XYZZY='1'\n", encoding="utf-8")
    state, sentence = MACHINE["settings"](settings)
    assert state == "failed"
    assert "WEIR_WAF_SCOPE (is WEIR_WAF_SCOPES meant?), WEIR_XYZZY;" in sentence
