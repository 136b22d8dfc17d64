"""While a run goes on no process of it listens, and when it has ended, in whatever way, nothing of it is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.attack("neighbors on the machine: ports")]
COMMAND = "from platform_assets.cli.app import main; main()"
FAILING = """
from spark_jobs import main as jobs

def fail(*_):
    raise RuntimeError("the job fails after the engine has started")
jobs.run_job = fail
"""
WAITING = """
import time
import spark_jobs.main as jobs
made = jobs.run_job
def wait(*arguments):
    figures = made(*arguments)
    time.sleep(120)
    return figures
jobs.run_job = wait
"""
METRICS = "timestamp,cpu_utilization,node_count\n" + "".join(
    f"2026-11-18T{n // 12:02}:{n % 12 * 5:02}:00Z,{40 + n % 7},3\n" for n in range(36)
)
"""A run over them starts the engine and fits no model."""
ENDING_SECONDS = 10.0
"""Dagster's own watchers of a step's output look once a second whether its process is still there."""
STARTING_SECONDS = 1.0
"""The engine listens for some milliseconds, until its only client is connected."""


def listening(processes: Iterable[psutil.Process]) -> set[tuple[int, int]]:
    """Process and port of every TCP listener."""
    ports = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            ports |= {
                (process.pid, connection.laddr.port)
                for connection in process.net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            }
    return ports


@pytest.mark.parametrize(
    ("before", "sigterm", "code"), [("", False, 0), (FAILING, False, 1), (WAITING, True, 130)], ids=["normal", "error", "sigterm"]
)  # fmt: skip
def test_a_run_leaves_no_listener(tmp_path: Path, before: str, sigterm: bool, code: int) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "shop.csv").write_text(METRICS)
    arguments = ["run", "scaling", "--input", str(tmp_path / "raw"), "--home", str(tmp_path / "home")]
    run = psutil.Popen([sys.executable, "-c", before + COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
    first_seen: dict[tuple[int, int], float] = {}
    processes: set[psutil.Process] = {run}
    has_engine = False
    deadline = time.monotonic() + 400
    while run.poll() is None and time.monotonic() < deadline:
        with suppress(psutil.NoSuchProcess):
            processes |= set(run.children(recursive=True))
            has_engine |= any("pysail" in file.path for file in run.memory_maps())
        now = time.monotonic()
        ports = listening(processes)
        first_seen = {port: first_seen.get(port, now) for port in ports}
        assert all(now - since < STARTING_SECONDS for since in first_seen.values()), f"{ports} are open during a run"
        if sigterm and has_engine:
            time.sleep(2)
            run.send_signal(signal.SIGTERM)
            sigterm = False
        time.sleep(0.2)
    _, errors = run.communicate(timeout=60)
    assert has_engine, "no engine was started; the test shows nothing"
    assert run.returncode == code, errors.decode()
    assert listening(processes) == set()
    _, alive = psutil.wait_procs(processes, timeout=ENDING_SECONDS)
    assert not alive
