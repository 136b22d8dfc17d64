"""The real Dagster daemon on a home: files that arrive end in WAF with nobody touching anything."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from platform_assets.cli.ui import commands
from platform_assets.clients.engine import lake_of
from platform_assets.core.instance import instance_of
from platform_assets.domains.waf.apply.targets import waf_targets
from platform_assets.domains.waf.tables import WAF_PLAN
from platform_assets.settings import Settings, remember

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("environment")]
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 900
"""For all of it; a quiet machine with two cores needs about half."""
RUNS_AT_MOST = 14
"""Six for the morning's files, six for the late one; and two more where a tick falls between two steps of a run."""


class Daemon:
    """`weir ui`'s daemon, without the servers, and what it did so far."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.log = settings, settings.home / "daemon.log"
        self.deadline = time.monotonic() + PATIENCE_SECONDS
        self.instance = instance_of(settings)  # sets DAGSTER_HOME and WEIR_HOME, which the daemon inherits
        self.process = subprocess.Popen(
            commands(settings, 0)["Dagster daemon"],
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )

    def wait(self, what: str, holds: Callable[[], bool]) -> None:
        while not holds():
            if self.process.poll() is not None:
                pytest.fail(f"The daemon stopped by itself while waiting until {what}.\n{self.told()}")
            if time.monotonic() > self.deadline:
                pytest.fail(f"{PATIENCE_SECONDS} s went by before {what}.\n{self.told()}")
            time.sleep(1)

    def runs(self) -> list[str]:
        """A line for every run: how it went, over which hours, what it made."""
        lines = []
        for record in self.instance.get_run_records(ascending=True):
            run = record.dagster_run
            ends = [run.tags.get(f"dagster/asset_partition_range_{end}", "") for end in ("start", "end")]
            made = sorted("/".join(key.path) for key in run.asset_selection or ())
            lines.append(f"{run.status.name:9} {ends[0]:13} {ends[1]:13} {', '.join(made)}")
        return lines

    def told(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if " DEBUG " not in line]
        return "\n".join(["Runs:", *self.runs(), "End of the daemon's log:", *lines[-60:]])

    def stop(self) -> None:
        """The daemon ends its code server and runs; whatever of its group is left then is killed."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for group in {self.process.pid, *self._groups()}:
                try:
                    os.killpg(group, number)
                except ProcessLookupError:
                    continue
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                continue
        self.instance.dispose()

    def _groups(self) -> set[int]:
        """Groups of processes that were started on this home and no other: the daemon's, and those of its children."""
        mine, found = f"DAGSTER_HOME={self.settings.home / 'dagster'}\0".encode(), set()
        for environment in Path("/proc").glob("[0-9]*/environ"):
            process = int(environment.parent.name)
            try:
                if process != os.getpid() and mine in environment.read_bytes():
                    found.add(os.getpgid(process))
            except (OSError, ProcessLookupError):
                continue
        return found - {os.getpgid(0)}


def addresses(settings: Settings) -> dict[str, set[str]]:
    """IP set -> what is in it now."""
    return {name: set(one.addresses) for name, one in waf_targets(settings)[0].read_sets().items()}


def planned(settings: Settings) -> dict[str, set[str]]:
    """IP set -> what the plan wants in it."""
    found: dict[str, set[str]] = {}
    for row in lake_of(settings).read_arrow(WAF_PLAN).to_pylist():
        if row["operation"] in ("add", "keep", "extend"):
            found.setdefault(row["ip_set"], set()).add(row["address"])
    return found


@pytest.fixture
def daemon(home_of: Callable[..., Settings], simulated: Any) -> Iterator[Daemon]:
    settings = home_of("daemon")
    simulated.deliver(simulated.punctual(0, 1, 2, 3, 4), Path(settings.cloudfront.raw))
    # As a user would have it: in the home, from where the daemon's code server and its runs read it.
    remember(
        settings,
        cloudfront_raw=settings.cloudfront.raw,
        mlflow_uri=settings.mlflow_uri,
        policy_file=settings.waf.policy_file,
        sensor_seconds="1",
        waf_apply="true",
    )
    running = Daemon(settings)
    try:
        yield running
    finally:
        running.stop()


def test_a_late_file_changes_waf_with_nobody_touching_anything(
    daemon: Daemon, simulated: Any, in_order: Settings
) -> None:
    settings, wanted = daemon.settings, planned(in_order)
    daemon.wait("the plan of the morning's files is in WAF", lambda: bool(addresses(settings)))
    before = addresses(settings)
    assert before != wanted, "the late file changes nothing; the test shows nothing"
    simulated.deliver(simulated.late(2), Path(settings.cloudfront.raw))
    daemon.wait("WAF is as if the late file had come in time", lambda: addresses(settings) == wanted)
    runs = daemon.runs()
    assert not [run for run in runs if run.startswith("FAILURE")], daemon.told()
    assert len(runs) <= RUNS_AT_MOST, daemon.told()
