"""The sources: every folder of `spark_jobs/sources`. Imports no engine."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from spark_jobs.contract import Job, Source, Table
from spark_jobs.errors import WeirError

REQUIRED_FILES = ("__init__.py", "tables.py", "parse.py", "jobs.py", "ledger.py", "checks.py", "README.md")


class RegistryError(WeirError):
    """A folder of sources/ is not a whole source."""


@cache
def sources() -> dict[str, Source]:
    """Source by name. RegistryError where a folder is not a whole source."""
    by_name = {}
    for folder in sorted(Path(__file__).with_name("sources").iterdir()):
        if folder.is_dir() and not folder.name.startswith(("_", ".")):
            require_complete(folder)
            by_name[folder.name] = import_module(f"spark_jobs.sources.{folder.name}.tables").SOURCE
    return by_name


def require_complete(folder: Path) -> None:
    """RegistryError where the folder lacks a file of a source."""
    missing = [name for name in REQUIRED_FILES if not (folder / name).exists()]
    if missing:
        raise RegistryError(f"The source {folder.name} lacks {', '.join(missing)}; add them or remove the folder.")


@cache
def tables() -> dict[str, Table]:
    """Table of any source by key."""
    return {table.key: table for source in sources().values() for table in source.tables}


def job_of(source: Source, table: Table) -> Job:
    """The job that writes `table`."""
    for job in source.jobs:
        if table in job.tables:
            return job
    raise KeyError(f"No job of the source {source.name} writes {table.key}.")
