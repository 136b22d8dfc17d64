"""Atomic replacement, locks and rights of the files of the home."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""The rights of everybody but the owner, as bits of a file's mode."""


def keep_private() -> None:
    """From here on what this process and its children make is for their user only: logs hold personal data."""
    os.umask(os.umask(OTHERS) | OTHERS)


def write_atomically(path: Path, text: str) -> None:
    """Replace a file atomically: readers see the old content or the new, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file lock across threads and processes; it is released when the process dies."""
    from filelock import FileLock  # here, since pure modules import this one

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield


def numbered(path: Path) -> Iterator[Path]:
    """The path, then the path with -2, -3, … at its end: for the first that is free."""
    yield path
    yield from (path.with_name(f"{path.name}-{number}") for number in count(2))


def nearest_folder(path: Path) -> Path:
    """The path, or its closest parent that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())
