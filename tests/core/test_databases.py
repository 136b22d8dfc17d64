"""The databases of a home: whole or not there, however many processes make them at once or are killed while they do."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platform_assets.cli.doctor import data
from platform_assets.core import databases
from platform_assets.core.databases import (
    COMPANIONS,
    DAGSTER_FILES,
    HEADER,
    DatabaseFileError,
    _is_whole,
    _put,
    put_aside_damaged,
)
from platform_assets.core.instance import prepare_home
from platform_assets.settings import Settings, load_settings

pytestmark = pytest.mark.attack("faults: databases")
AT = datetime(2026, 11, 20, 13, tzinfo=UTC)

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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose databases are made; tests copy it."""
    settings = load_settings(tmp_path_factory.mktemp("made"))
    prepare_home(settings)
    return settings.home


@pytest.mark.slow
def test_half_made_databases_are_put_aside(home: Settings, made: Path) -> None:
    """As two runs at once, or one that was killed, have left them: tables without the version of their schema."""
    shutil.copytree(made, home.home, dirs_exist_ok=True)
    folder = home.home / "dagster"
    for path in (*(folder / name for name in DAGSTER_FILES), home.home / "mlflow.db"):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DELETE FROM alembic_version")
            connection.commit()
    (folder / "databases").unlink()
    prepare_home(home)
    asides = [path for path in home.home.rglob("*.half-made-*") if not path.name.endswith(COMPANIONS)]
    assert len(asides) == len(DAGSTER_FILES) + 1
    check_usable(home.home)


@pytest.mark.slow
def test_a_migration_that_was_broken_off_is_put_aside(home: Settings, made: Path) -> None:
    shutil.copytree(made, home.home, dirs_exist_ok=True)
    path = home.home / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        connection.commit()
    (home.home / "dagster" / "databases").unlink()
    prepare_home(home)
    check_usable(home.home)


# What is damage, and what is not


HOLD_TRANSACTION = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size = 1")
connection.execute("UPDATE registered_models SET name = name || 'x'")
os._exit(9)
"""


@pytest.fixture
def mlflow(home: Settings) -> Path:
    """The database of a home with the tables that a whole one has."""
    path = home.home / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num)")
        connection.execute("INSERT INTO alembic_version VALUES ('1')")
        connection.execute("CREATE TABLE registered_models (name)")
        connection.executemany("INSERT INTO registered_models VALUES (?)", [("m" * 1000,)] * 2000)
        connection.commit()
    return path


@pytest.mark.parametrize("missing", [1, 500, 4095])
def test_a_last_page_that_is_cut_is_damage(home: Settings, mlflow: Path, missing: int) -> None:
    """SQLite would read zeros in place of what is missing."""
    (home.home / "dagster").mkdir()
    with closing(sqlite3.connect(mlflow)) as connection:
        connection.executescript("DELETE FROM registered_models WHERE rowid > 1000")  # the last pages are free ones
    assert data.own_databases(home)[0] == "ok"
    os.truncate(mlflow, mlflow.stat().st_size - missing)
    state, sentence = data.own_databases(home)
    assert state == "failed" and sentence.startswith(f"{mlflow} is damaged; run `weir repair` (")
    (said,) = put_aside(home)
    assert said.startswith(f"{mlflow} is damaged and is now ")


def test_zeros_in_the_middle_of_a_database_are_damage(home: Settings, mlflow: Path) -> None:
    (home.home / "dagster").mkdir()
    with mlflow.open("r+b") as file:
        file.seek(mlflow.stat().st_size // 2 // 4096 * 4096)
        file.write(bytes(4096))
    assert data.own_databases(home) == ("ok", f"Those of runs and models are whole{data.UNREAD}.")
    assert data.own_databases(home, thorough=True)[0] == "failed"
    assert len(put_aside(home)) == 1


def put_aside(home: Settings) -> list[str]:
    return list(put_aside_damaged(home, AT))


def test_a_killed_transaction_is_rolled_back(home: Settings, mlflow: Path) -> None:
    subprocess.run([sys.executable, "-c", HOLD_TRANSACTION, str(mlflow)], check=False)
    assert mlflow.with_name("mlflow.db-journal").stat().st_size > 0
    assert put_aside(home) == []
    with closing(sqlite3.connect(mlflow)) as connection:
        assert connection.execute("SELECT count(*) FROM registered_models WHERE name LIKE '%x'").fetchone() == (0,)


def test_a_locked_database_is_not_damaged(home: Settings, mlflow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(mlflow)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(
            DatabaseFileError, match=r"mlflow.db cannot be read \(database is locked\); end what uses it"
        ):
            put_aside(home)
        with pytest.raises(DatabaseFileError):
            _is_whole(mlflow)
    assert put_aside(home) == []


def test_a_path_with_odd_characters_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "a?mode=memory#b%41"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "d.db")) as connection:
        connection.executescript("CREATE TABLE alembic_version (v); CREATE TABLE t (c)")
        connection.executescript("ALTER TABLE alembic_version RENAME v TO version_num")
        connection.execute("INSERT INTO alembic_version VALUES ('1')")
        connection.commit()
    assert _is_whole(folder / "d.db")


@pytest.mark.parametrize("content", [b"", b"text", HEADER, b"x" * 5000])
def test_a_database_moves_aside_with_its_log(home: Settings, content: bytes) -> None:
    """Twice within one second, too."""
    path = home.home / "mlflow.db"
    for number in ("", "-2"):
        path.write_bytes(content)
        path.with_name("mlflow.db-wal").write_bytes(b"log" + number.encode())
        if content != HEADER:
            path.with_name("mlflow.db-journal").write_bytes(b"journal")
        (sentence,) = put_aside(home)
        aside = f"mlflow.db.damaged-20261120T130000{number}"
        assert f"is now {aside}: " in sentence
    for number in ("", "-2"):
        aside = f"mlflow.db.damaged-20261120T130000{number}"
        assert (home.home / aside).read_bytes() == content
        assert (home.home / f"{aside}-wal").read_bytes() == b"log" + number.encode()
        assert content == HEADER or (home.home / f"{aside}-journal").read_bytes() == b"journal"
    assert not path.with_name("mlflow.db-wal").exists()


def test_what_a_new_database_replaces_is_kept(tmp_path: Path) -> None:
    made, place = tmp_path / "made.db", tmp_path / "place.db"
    with closing(sqlite3.connect(made)) as connection:
        connection.execute("CREATE TABLE t (c)")
    for suffix in ("", "-journal", "-wal"):
        (tmp_path / f"place.db{suffix}").write_text(f"old{suffix}")
    _put(made, place)
    assert place.read_bytes().startswith(b"SQLite")
    assert sorted(path.read_text() for path in tmp_path.glob("place.db?*")) == ["old", "old-journal", "old-wal"]
