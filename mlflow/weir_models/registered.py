"""Registered versions as MLflow's SQLite database holds them, read without MLflow, whose import takes CPU-seconds.

Tables and columns are those of one version of MLflow's schema; a database of another version is left to MLflow itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SCHEMA = "dc11669786a5"
"""The schema's version (Alembic) in the release of MLflow that requirements.lock pins."""
TIMEOUT_SECONDS = 10.0
FIGURES_TAG = "figures"
"""Of a run: figures that are no metrics, as JSON (`run_record.shown_for_all`)."""


class UnknownDatabaseError(RuntimeError):
    """There is no such file yet, or its tables are not those that this module knows."""

    exit_code = 5


def figures_of(metrics: Mapping[str, float], tags: Mapping[str, str]) -> dict[str, float]:
    """The figures of a run by its metrics and tags; those of a tag that is no JSON object of numbers are left out."""
    try:
        tagged = {str(name): float(value) for name, value in json.loads(tags.get(FIGURES_TAG, "{}")).items()}
    except (ValueError, TypeError, AttributeError):
        tagged = {}
    return {**tagged, **metrics}


@dataclass(frozen=True)
class RegisteredVersion:
    """A version of a model in the registry."""

    version: str
    run_id: str
    tags: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    """Figures that its run logged; NaN where MLflow stored one."""


@dataclass(frozen=True)
class RegisteredModel:
    """A model in the registry."""

    created_at: str
    """Milliseconds since 1970, which tell a new registry, whose versions are counted from 1, from an older one."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Alias -> version."""


def read(file: Path, name: str, version: str = "", alias: str = "") -> RegisteredVersion | None:
    """A version, or the one with an alias; None where the registry has none. UnknownDatabaseError: ask MLflow."""
    with _opened(file) as connection:
        return _version(connection, name, version or _aliased(connection, name, alias))


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=TIMEOUT_SECONDS)
        ) as connection:
            connection.execute("BEGIN")  # all of the following see the same moment
            if connection.execute("SELECT version_num FROM alembic_version").fetchall() != [(SCHEMA,)]:
                raise UnknownDatabaseError(f"{file} has another schema than {SCHEMA}")
            yield connection
    except sqlite3.Error as error:
        raise UnknownDatabaseError(f"{file}: {error}") from error


def model(file: Path, name: str) -> RegisteredModel | None:
    """A registered model; None where the registry does not have it. UnknownDatabaseError: ask MLflow."""
    with _opened(file) as connection:
        where = "WHERE workspace = 'default' AND name = ?"
        row = connection.execute(f"SELECT creation_time FROM registered_models {where}", (name,)).fetchone()
        if row is None:
            return None
        pairs = connection.execute(f"SELECT alias, version FROM registered_model_aliases {where}", (name,))
        return RegisteredModel(str(row[0]), {alias: str(version) for alias, version in pairs})


def versions(file: Path, name: str) -> list[RegisteredVersion]:
    """All versions of a model, oldest first. UnknownDatabaseError: ask MLflow."""
    query = (
        "SELECT version FROM model_versions WHERE workspace = 'default' AND name = ? AND "
        "current_stage != 'Deleted_Internal' ORDER BY version"
    )
    with _opened(file) as connection:
        numbers = [str(number) for (number,) in connection.execute(query, (name,))]
        return [found for number in numbers if (found := _version(connection, name, number)) is not None]


def _aliased(connection: sqlite3.Connection, name: str, alias: str) -> str:
    query = "SELECT version FROM registered_model_aliases WHERE workspace = 'default' AND name = ? AND alias = ?"
    row = connection.execute(query, (name, alias)).fetchone()
    return str(row[0]) if row else ""


def _version(connection: sqlite3.Connection, name: str, version: str) -> RegisteredVersion | None:
    where = "WHERE workspace = 'default' AND name = ? AND version = ?"
    values = (name, version)
    row = connection.execute(
        f"SELECT run_id FROM model_versions {where} AND current_stage != 'Deleted_Internal'", values
    ).fetchone()
    if row is None:
        return None
    tags = dict(connection.execute(f"SELECT key, value FROM model_version_tags {where}", values).fetchall())
    metrics = connection.execute("SELECT key, value, is_nan FROM latest_metrics WHERE run_uuid = ?", (row[0],))
    figures = {key: float("nan") if is_nan else float(value) for key, value, is_nan in metrics}
    run_tags = dict(connection.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (row[0],)).fetchall())
    return RegisteredVersion(version, row[0] or "", tags, figures_of(figures, run_tags))
