"""The databases of a home: whole or not there, however many processes make them at once or are killed while they do."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from platform_assets.core.databases import DAGSTER_FILES
from platform_assets.core.instance import prepare_home
from platform_assets.settings import Settings

pytestmark = pytest.mark.attack("faults: databases")

PREPARE = """
import sys
from pathlib import Path
from platform_assets.core.instance import instance_of
from platform_assets.settings import load_settings
settings = load_settings(Path(sys.argv[1]))
instance = instance_of(settings)
instance.get_run_records(limit=1)
from mlflow import MlflowClient
MlflowClient(tracking_uri=settings.tracking_uri, registry_uri=settings.tracking_uri).search_registered_models()
"""


def started(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PREPARE, str(home)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def check_usable(home: Path) -> None:
    process = started(home)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert not list(home.rglob(".making"))


@pytest.mark.slow
def test_processes_at_once_make_them_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    processes = [started(home) for _ in range(3)]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert not list(home.rglob("*.half-made-*"))


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [2.5, 4.5])
def test_a_kill_while_they_are_made_harms_no_later_run(tmp_path: Path, seconds: float) -> None:
    process = started(tmp_path)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    check_usable(tmp_path)


@pytest.mark.slow
def test_half_made_databases_are_put_aside(home: Settings) -> None:
    """As two runs at once, or one that was killed, have left them: tables without the version of their schema."""
    prepare_home(home)
    folder = home.home / "dagster"
    for path in (*(folder / name for name in DAGSTER_FILES), home.home / "mlflow.db"):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DELETE FROM alembic_version")
            connection.commit()
    (folder / "databases").unlink()
    prepare_home(home)
    assert len(list(home.home.rglob("*.half-made-*"))) == len(DAGSTER_FILES) + 1
    check_usable(home.home)


@pytest.mark.slow
def test_a_migration_that_was_broken_off_is_put_aside(home: Settings) -> None:
    prepare_home(home)
    path = home.home / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        connection.commit()
    (home.home / "dagster" / "databases").unlink()
    prepare_home(home)
    check_usable(home.home)
