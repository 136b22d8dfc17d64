"""The version of Weir that made a home, and the upgrade of older homes.

A home without a version file was made before 0.2.0.
"""

from __future__ import annotations

import importlib.metadata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platform_assets.core.files import write_atomically
from spark_jobs.errors import ExitCode, WeirError

if TYPE_CHECKING:
    from platform_assets.settings import Settings

VERSION_FILE = "version"
UNMARKED = "0.1.0"
"""The version of a home without the file."""
DAGSTER_FOLDER = "dagster"
"""Folder of the Dagster instance; every home in which something has run has it."""


class HomeError(WeirError):
    """The home belongs to another version of Weir; one sentence that says what to do."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Upgrade:
    """What `weir upgrade` found and did."""

    before: str
    after: str
    kept: dict[str, int]
    """Count of what is kept: tables, models, …"""
    unusable_models: dict[str, str]
    """Serving models that this version cannot load: name -> why."""


def this_version() -> str:
    """The version of the installed distribution."""
    return importlib.metadata.version("weir")


def version_of(home: Path) -> str | None:
    """The version that made the home; None if nothing has run in it yet. HomeError if the file is unreadable."""
    path = home / VERSION_FILE
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return UNMARKED if (home / DAGSTER_FOLDER).is_dir() else None
    except (OSError, UnicodeDecodeError) as error:
        raise HomeError(f"{path} cannot be read ({type(error).__name__}); let this user read it.") from None
    if not text or not all(part.isdigit() for part in text.split(".")):
        raise HomeError(f"{path} holds no version such as {this_version()}; delete it and run `weir upgrade`.")
    return text


def require_current(home: Path) -> None:
    """HomeError if another version made the home, or its path is one that database addresses cannot hold."""
    if odd := sorted({*"?#%"} & {*str(home)}):
        raise HomeError(
            f"The path of the home {home} holds {' and '.join(odd)}; choose another with --home (WEIR_HOME)."
        )
    version, current = version_of(home), this_version()
    if version is None or _series(version) == _series(current):
        return
    if _series(version) < _series(current):
        raise HomeError(
            f"The home {home} was made by Weir {version}; run `weir upgrade --home {home}`, which keeps its data."
        )
    raise HomeError(f"The home {home} was made by Weir {version}, this is {current}; install {version} or later.")


def mark(home: Path) -> None:
    """Mark a home as made by this version."""
    write_atomically(home / VERSION_FILE, this_version() + "\n")


def upgrade(settings: Settings) -> Upgrade:
    """Upgrade the home: tables are laid out as they are declared now, its other files are checked, and the home is marked.

    HomeError if there is nothing to upgrade, or the home is newer.
    """
    home = settings.home
    version = version_of(home)
    if version is None:
        raise HomeError(f"Nothing has run in {home} yet, so there is nothing to upgrade; correct --home.")
    if _series(version) > _series(this_version()):
        require_current(home)
    _sign_models(settings)
    result = Upgrade(version, this_version(), _counts(settings), _unusable_models(settings))
    mark(home)
    return result


def _series(version: str) -> tuple[int, ...]:
    """Major and minor version; homes of one minor version are compatible."""
    return tuple(int(part) for part in version.split(".")[:2])


def _counts(settings: Settings) -> dict[str, int]:
    from platform_assets.clients.engine import lake_of
    from platform_assets.core.tables import all_tables

    lake = lake_of(settings)
    tables = [table for table in all_tables().values() if lake.delta(table) is not None]
    states = list(settings.home.glob("*/*applied*.json"))
    laid_out = sum(lake.lay_out(table) for table in tables)
    counts = {"tables": len(tables), "files of applied changes": len(states)}
    return counts | ({"tables in a new layout": laid_out} if laid_out else {})


def _sign_models(settings: Settings) -> None:
    """Sign the versions that passed their gate before versions were signed; once a home has a key, nothing more."""
    from platform_assets.clients.model_registry import ModelRegistry
    from platform_assets.core.secrets import SIGNING_FILE
    from platform_assets.training.sets import training_sets
    from weir_models import tracking

    if (settings.home / SIGNING_FILE).exists() or settings.signing_key.get_secret_value():
        return
    models = ModelRegistry.of(settings)
    for name in training_sets():
        for version in tracking.passed_versions(name, tracking_uri=settings.tracking_uri):
            with suppress(tracking.TrackingError):  # its files are gone; it serves nobody
                models.sign(name, version)


def _unusable_models(settings: Settings) -> dict[str, str]:
    from platform_assets.clients.model_registry import ModelRegistry
    from platform_assets.training.sets import training_sets

    models, errors = ModelRegistry.of(settings), {}
    for name in training_sets():
        try:
            version = models.champion(name)
            if version is not None:
                models.loaded(name, version)
        except WeirError as error:
            errors[name] = str(error)
    return errors
