"""A real standalone Spark cluster on this machine: a master and workers, each in its own JVM. No tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from spark_jobs.runtime.session import java_environment

START_SECONDS = 60
CLASSES = "org.apache.spark.deploy"


class Cluster:
    """`workers` are process groups: a worker with its executors and their Python."""

    def __init__(self, folder: Path) -> None:
        spec = find_spec("pyspark")
        assert spec is not None and spec.submodule_search_locations
        self.folder, self.spark_home = folder, Path(spec.submodule_search_locations[0])
        self.environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.environment |= java_environment() | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        # An installation by pip has no launcher beside its jars that would say these.
        self.environment |= {"SPARK_HOME": str(self.spark_home), "SPARK_SCALA_VERSION": "2.13"}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.master = ""
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        options = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
        self.master = self._started("master", ["master.Master", *options], r"Starting Spark master at (spark://\S+)")
        for number in (1, 2):
            work = ["--work-dir", str(self.folder / f"work-{number}"), "-c", "1", "-m", "640m"]
            command = ["worker.Worker", *options, *work, self.master]
            self._started(f"worker-{number}", command, r"(Successfully registered) with master")
            self.workers.append(self.processes[-1])

    def _started(self, name: str, command: Sequence[str], pattern: str) -> str:
        """Start a class of Spark's and wait for what it says; returns the group of the pattern."""
        log = self.folder / f"{name}.log"
        java = Path(self.environment["JAVA_HOME"]) / "bin" / "java" if "JAVA_HOME" in self.environment else "java"
        whole = [
            str(java),
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            f"{self.spark_home}/jars/*",
            f"{CLASSES}.{command[0]}",
            *command[1:],
        ]
        with log.open("wb") as file:
            process = subprocess.Popen(
                whole, cwd=self.folder, env=self.environment, stdout=file, stderr=file, start_new_session=True
            )
        self.processes.append(process)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if actual := re.search(pattern, log.read_text(encoding="utf-8", errors="replace")):
                return actual[1]
            time.sleep(0.1)
        raise RuntimeError(log.read_text(encoding="utf-8", errors="replace")[-3000:])

    def executors(self, worker: int) -> list[Path]:
        """Folders of the executors that the worker has started."""
        return sorted((self.folder / f"work-{worker + 1}").glob("app-*/*"))

    def kill_worker(self, number: int) -> None:
        os.killpg(self.workers[number].pid, signal.SIGKILL)
        self.workers[number].wait()

    def stop(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def standalone_cluster(folder: Path) -> Iterator[Cluster]:
    """A master and two workers of one core each, gone at the end."""
    folder.mkdir()
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
