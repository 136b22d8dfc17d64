"""What the slow tests of the platform share: a simulated day, models that are fitted once, a home that is up to date.

Homes of single tests read the models of `trained` where they lie (WEIR_MLFLOW_URI), so nothing is fitted twice.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from platform_assets.settings import Settings, load_settings
from spark_jobs.contract import format_hour
from tests.conftest import kept_environment

ROOT = Path(__file__).parents[2]
HOURS = 6
CORPUS_SIZE = 3_000
LATE_HOUR = 2
"""The hour, from 0, a part of whose lines comes late."""
POLICY = """\
rules:
  # Little data puts the threshold of client_abuse where nearly nobody reaches it.
  require_is_abuse: false
  # Nothing that is decided about yesterday's hours may expire while a test runs, at whatever time of the day.
  count: {ttl_hours: 96, min_probability: 0.4}
  challenge: {ttl_hours: 96, min_probability: 0.5}
  block: {ttl_hours: 96, min_probability: 0.6}
  # Six hours are all there is.
  history: {min_hours: 0}
checks:
  # Yesterday's hours are up to 42 hours old, depending on the time of the day.
  max_silent_hours: 96
"""


class Day:
    """Simulated log files by hour: most of each hour's lines in punctual files, the rest in late ones."""

    def __init__(self, folder: Path, start: datetime) -> None:
        self.folder = folder
        self.hours = [format_hour(start + timedelta(hours=hour)) for hour in range(HOURS)]

    def punctual(self, *hours: int) -> list[Path]:
        return self._files("raw", hours)

    def late(self, *hours: int) -> list[Path]:
        return self._files("late", hours)

    def _files(self, name: str, hours: Iterable[int]) -> list[Path]:
        wanted = {self.hours[hour] for hour in hours}
        return sorted(path for path in (self.folder / name).iterdir() if path.name.split(".")[1] in wanted)

    @staticmethod
    def deliver(files: Iterable[Path], raw: Path) -> None:
        """As AWS does it: a file is there whole or not at all."""
        raw.mkdir(parents=True, exist_ok=True)
        for path in files:
            shutil.copyfile(path, raw / f"{path.name}.part")
            (raw / f"{path.name}.part").rename(raw / path.name)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Six hours of yesterday with all kinds of attackers."""
    folder = tmp_path_factory.mktemp("simulated")
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    command = [sys.executable, "-m", "simulator", "--out", str(folder), "--start", f"{start:%Y-%m-%dT%H}"]
    command += ["--hours", str(HOURS), "--scale", "0.15", "--seed", "3", "--late-share", "0.3"]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT, timeout=300)
    return Day(folder, start)


@pytest.fixture(scope="session")
def trained(simulated: Day, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a home whose two models are registered, fitted on little data, and serve.

    client_abuse learns the very day that the tests run on, as if it were three: what it decides there is not the point of these tests,
    only that it decides something, and the same everywhere.
    """
    import pandas as pd

    from platform_assets.cli.run import train
    from platform_assets.domains.waf import training
    from weir_models import registry
    from weir_models.request_attack import corpus

    settings = load_settings(tmp_path_factory.mktemp("trained"))
    generate, spec = corpus.generate, registry.spec

    def labelled_clients(settings: Settings) -> Any:
        seen = tmp_path_factory.mktemp("labelled")
        Day.deliver([*simulated.punctual(*range(HOURS)), *simulated.late(*range(HOURS))], seen / "raw")
        shutil.copytree(simulated.folder / "truth", seen / "truth")
        rows = training._labelled_day(settings, seen, "fit")
        days = [
            rows.assign(split=split, hour_at=rows["hour_at"] - timedelta(days=earlier))
            for earlier, split in ((2, "fit"), (1, "calibrate"), (0, "evaluate"))
        ]
        return pd.concat(days, ignore_index=True)[list(training.CLIENT_EXAMPLES.column_names)]

    with pytest.MonkeyPatch.context() as patch, kept_environment():
        patch.setattr(corpus, "generate", lambda seed: generate(seed, CORPUS_SIZE))
        edge = replace(training.TRAINING["client_abuse"], rows=labelled_clients)
        patch.setitem(training.TRAINING, "client_abuse", edge)
        patch.setattr(registry, "spec", lambda name: replace(spec(name), gates=()))
        train(settings)
    return settings


@pytest.fixture(scope="session")
def home_of(trained: Settings, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Settings]:
    """Settings of a new home with the trained models; its raw folder is `<home>/raw`."""
    policy = tmp_path_factory.mktemp("policy") / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")

    def make(name: str, **values: Any) -> Settings:
        home = tmp_path_factory.mktemp(name)
        (home / "raw").mkdir()
        shutil.copy(trained.home / "signing.key", home)
        given = {"cloudfront_raw": str(home / "raw"), "mlflow_uri": trained.tracking_uri, "policy_file": str(policy)}
        return load_settings(home, **{**given, **values})

    return make


@pytest.fixture(scope="session")
def in_order(simulated: Day, home_of: Callable[..., Settings]) -> Settings:
    """A home to which five hours and the late part of one came in time, run once: what late delivery has to end in."""
    from platform_assets.cli.run import run_pipeline

    settings = home_of("in-order")
    Day.deliver([*simulated.punctual(0, 1, 2, 3, 4), *simulated.late(LATE_HOUR)], settings.home / "raw")
    with kept_environment():
        run_pipeline(settings, "edge")
    return settings
