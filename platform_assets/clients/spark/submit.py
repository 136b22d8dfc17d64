"""spark-submit in client mode to any master: the driver runs on this machine, its tasks on the cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from platform_assets.clients.spark.cluster import RunEnd, RunnerError, Submission
from spark_jobs.runtime.package import ZIP, entry_point, write_zip
from spark_jobs.runtime.session import CONNECT_MODE, EngineError, java_environment
from spark_jobs.storage.lake import Lake


@dataclass(frozen=True)
class SparkSubmit:
    """Submits to `master`. Without `package_uri` the zip is built from the installed code."""

    master: str
    home: Path
    package_uri: str = ""
    conf: Mapping[str, str] = field(default_factory=dict)
    hash_key_secret: str = ""
    title: str = "the Spark cluster"
    takes_environment: bool = True

    def check(self, lake: Lake) -> None:
        spark_submit()

    def command(self, submission: Submission, py_files: str) -> list[str]:
        """The command line; no secret is on it."""
        conf = {"spark.sql.session.timeZone": "UTC", "spark.ui.showConsoleProgress": "false", **self.conf}
        command = [str(spark_submit()), "--master", self.master, "--deploy-mode", "client", "--name", submission.name]
        command += ["--py-files", py_files]
        for name, value in conf.items():
            command += ["--conf", f"{name}={value}"]
        return [*command, str(entry_point()), *submission.arguments]

    def carry_out(self, submission: Submission) -> RunEnd:
        log = self.home / "spark" / f"{submission.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        py_files = f"{self.package_uri}/{ZIP}" if self.package_uri else str(write_zip(self.home / "spark" / ZIP))
        # Spark Connect's variable would keep a classic session from starting.
        environment = {name: value for name, value in os.environ.items() if name != CONNECT_MODE}
        environment.setdefault("PYSPARK_PYTHON", sys.executable)
        try:
            environment |= java_environment()
        except EngineError as error:
            raise RunnerError(str(error)) from None
        with log.open("w", encoding="utf-8") as file:
            process = subprocess.run(
                self.command(submission, py_files),
                env=environment | dict(submission.secrets),
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        if process.returncode == 0:
            log.unlink()
        failure = f"spark-submit ended with code {process.returncode}" if process.returncode else ""
        return RunEnd(failure, f"its log is {log}")


def spark_submit() -> Path:
    """The script of SPARK_HOME, else of the package pyspark. RunnerError if there is neither."""
    home = os.environ.get("SPARK_HOME")
    spec = find_spec("pyspark")
    folders = (
        [Path(home)] if home else [Path(folder) for folder in (spec.submodule_search_locations if spec else None) or ()]
    )
    for folder in folders:
        if (script := folder / "bin" / "spark-submit").exists():
            return script
    raise RunnerError(
        "spark-submit was not found; set SPARK_HOME to a Spark 4 installation, or install the package pyspark."
    )
