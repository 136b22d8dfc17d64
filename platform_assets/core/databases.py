"""The databases of a home, Dagster's and MLflow's: made once, under a lock, before anything uses them.

Several processes that create the same tables at once, or one that is killed while it does, would leave a database that no
later run can use. So each is made beside its place and moved there whole; a half-made one is put aside.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from platform_assets.clients.champions import Champions
from platform_assets.core.escape import for_terminal
from platform_assets.core.files import numbered
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode, WeirError

MADE = "databases"
"""The file that says which databases were found whole or made; beside the lock."""
LOCK_SECONDS = 300
BUSY_SECONDS = 10
"""How long a database that another process has locked is waited for."""
HEADER = b"SQLite format 3\0"
COMPANIONS = ("-wal", "-shm", "-journal")
"""Files that SQLite keeps beside a database; what they hold is part of it."""
DAGSTER_FILES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


class DatabaseFileError(WeirError):
    """A database cannot be read now, which says nothing of what it holds."""

    exit_code = ExitCode.SERVICE


def make_databases(settings: Settings, dagster_folder: Path) -> None:
    """Make what is missing or half-made. Cheap once it was done: a file is looked at."""
    mlflow_file = _mlflow_file(settings)
    expected = [dagster_folder / name for name in DAGSTER_FILES] + ([mlflow_file] if mlflow_file else [])
    marker = dagster_folder / MADE
    text = "".join(f"{path}\n" for path in expected)
    if _holds(marker, text) and all(path.exists() for path in expected):
        return
    with FileLock(dagster_folder / f"{MADE}.lock", timeout=LOCK_SECONDS):
        if _holds(marker, text) and all(path.exists() for path in expected):
            return
        scratch = dagster_folder / ".making"
        shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
        try:
            _make_dagster(dagster_folder, scratch)
            if mlflow_file is not None and _make_mlflow(mlflow_file, scratch):
                Champions.of(settings).forget()
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        marker.write_text(text, encoding="utf-8")


def damaged(settings: Settings, dagster_folder: Path, thorough: bool = False) -> dict[Path, str]:
    """Databases that are none, are cut off or lack their tables -> what is lost with each.

    `thorough`: those too whose pages contradict each other, for which all of them are read. DatabaseFileError where one
    cannot be read now, as it is locked.
    """
    mlflow_file = _mlflow_file(settings)
    lost = dict.fromkeys((dagster_folder / name for name in DAGSTER_FILES), "the history of runs is lost, no data")
    if mlflow_file is not None:
        lost[mlflow_file] = "the registered models are lost, `weir train` fits new ones"
    return {path: what for path, what in lost.items() if path.exists() and not _is_sound(path, thorough)}


def put_aside_damaged(settings: Settings, at: datetime) -> Iterator[str]:
    """Move damaged databases aside, so that the next command makes new ones; a sentence for each."""
    from platform_assets.core.home import DAGSTER_FOLDER

    folder = settings.home / DAGSTER_FOLDER
    for path, lost in damaged(settings, folder, thorough=True).items():
        aside = _put_aside(path, "damaged", at)
        (folder / MADE).unlink(missing_ok=True)
        yield f"{path} is damaged and is now {aside.name}: {lost}; the next command makes a new one."


def _put_aside(path: Path, why: str, at: datetime) -> Path:
    """Move a database, with what SQLite keeps beside it, to a free name; nothing is replaced."""

    def parts(path: Path) -> list[Path]:
        return [path.with_name(path.name + suffix) for suffix in ("", *COMPANIONS)]

    names = numbered(path.with_name(f"{path.name}.{why}-{at:%Y%m%dT%H%M%S}"))
    aside = next(name for name in names if not any(map(os.path.lexists, parts(name))))
    # The database first: it is none without its journal.
    for part, target in zip(parts(path), parts(aside), strict=True):
        with suppress(FileNotFoundError):
            part.rename(target)
    return aside


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The database. DatabaseFileError where it is locked or cannot be opened; other sqlite3.DatabaseErrors are damage."""
    try:
        uri = f"{path.absolute().as_uri()}?mode={_mode(path)}"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            yield connection
    except (sqlite3.OperationalError, OSError) as error:
        raise DatabaseFileError(
            f"The database {path} cannot be read ({error}); end what uses it, or let this user read and write it, and run "
            "again."
        ) from error


def _mode(path: Path) -> str:
    """How a database is opened: only a writer rolls back the transaction of a killed process. `rw` makes no file.

    sqlite3.DatabaseError for what is no database: opened, SQLite would delete the journal and log beside it.
    """
    file = path.resolve()  # SQLite keeps the journal beside it
    has_journal = file.with_name(f"{file.name}-journal").exists()
    if file.is_dir() or file.stat().st_size == 0 or (has_journal and not _has_header(file)):
        raise sqlite3.DatabaseError("file is not a database")
    return "rw" if has_journal else "ro"


def _has_header(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(HEADER)) == HEADER


def _is_sound(path: Path, thorough: bool) -> bool:
    if not _is_whole(path) or _is_cut_off(path):
        return False
    try:
        with _opened(path) as connection:
            return not thorough or connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.DatabaseError:
        return False


def _is_cut_off(path: Path) -> bool:
    """Whether the file is shorter than its header says: SQLite reads what is missing of the last page as zeros.

    With a journal or log beside it the file may be about to grow or shrink, and SQLite itself looks at what it holds.
    """
    if any(
        part.exists() and part.stat().st_size for part in (path.with_name(f"{path.name}{end}") for end in COMPANIONS)
    ):
        return False
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(HEADER):
        return True
    page_bytes, changes, pages, valid_for = (
        int.from_bytes(header[at : at + size]) for at, size in ((16, 2), (24, 4), (28, 4), (92, 4))
    )
    is_counted = changes == valid_for  # else a version of SQLite before 2010 wrote it
    return is_counted and path.stat().st_size < pages * (65_536 if page_bytes == 1 else page_bytes)


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except OSError:
        return False


def _mlflow_file(settings: Settings) -> Path | None:
    from weir_models.tracking_uri import sqlite_file

    return sqlite_file(settings.tracking_uri)


def _make_dagster(folder: Path, scratch: Path) -> None:
    if all(_is_whole(folder / name) for name in DAGSTER_FILES):
        return
    import dagster as dg

    scratch.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "dagster.yaml", scratch / "dagster.yaml")
    with _environment("DAGSTER_HOME", str(scratch)), dg.DagsterInstance.from_config(str(scratch)) as instance:
        instance.get_run_records(limit=1)
        instance.event_log_storage.get_maximum_record_id()
        instance.all_instigator_state()
    for name in DAGSTER_FILES:
        if not _is_whole(folder / name):
            _put(scratch / name, folder / name)


def _make_mlflow(file: Path, scratch: Path) -> bool:
    """Returns whether the database is a new one."""
    if _is_whole(file) and _count(file, "registered_models"):
        return False
    from weir_models.tracking import make_database, schema_version

    if _is_whole(file, schema_version()):  # else a migration may have been broken off
        return False
    scratch.mkdir(parents=True, exist_ok=True)
    make_database(scratch / file.name)
    _put(scratch / file.name, file)
    return True


def _put(made: Path, place: Path) -> None:
    """Move a database to its place; a half-made one is kept beside it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    was_there = place.exists()
    if any(os.path.lexists(place.with_name(place.name + suffix)) for suffix in ("", *COMPANIONS)):
        aside = _put_aside(place, "half-made", datetime.now(UTC))
        if was_there:
            print(
                f"weir: {for_terminal(str(place))} was only half made and is now {aside.name}; a new one is used.",
                file=sys.stderr,
            )
    with closing(sqlite3.connect(made)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made.replace(place)


def _is_whole(path: Path, version: str | None = None) -> bool:
    """Whether the last step of making the database, its schema's version, is in it, and more tables than that alone."""
    if not path.exists():
        return False
    try:
        with _opened(path) as connection:
            tables = _tables(connection)
            if "alembic_version" not in tables:
                return False
            versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.DatabaseError:
        return False
    return len(versions) == 1 and len(tables) > 1 and version in (None, versions[0][0])


def _count(path: Path, table: str) -> int:
    try:
        with _opened(path) as connection:
            if table not in _tables(connection):
                return 0
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    except sqlite3.DatabaseError:
        return 0


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
