"""The newest version of a local table, noted beside its log: a log that has lost its newest commits looks whole.

After a power failure, or when a copy of a lake was broken off, the older version would be taken for the newest.
"""

from __future__ import annotations

from pathlib import Path

from spark_jobs.errors import ExitCode, WeirError

HEAD = "_head"
"""The file of a table's folder that holds the number. Readers and `vacuum` pass over names that begin with `_`."""


class LostCommitsError(WeirError):
    """The log of a table has lost its newest commits."""

    exit_code = ExitCode.SERVICE


def note_head(uri: str, version: int) -> None:
    """Note a version that was committed. On S3 nothing is noted: a store loses no object that it has confirmed.

    A process that dies in between leaves the number before, and half a number is a smaller one: neither tells of damage.
    """
    if not uri.startswith("s3://"):
        Path(uri, HEAD).write_text(str(version), encoding="ascii")


def require_whole(uri: str, version: int) -> None:
    """LostCommitsError where the log once went on after `version`, its newest."""
    if lost := lost_commits(uri, version):
        raise LostCommitsError(
            f"The log of the table in {uri} has lost its newest {'commit' if lost == 1 else f'{lost} commits'}; run `weir "
            "repair`, then this again."
        )


def lost_commits(uri: str, version: int) -> int:
    """How many versions after `version`, the newest of the log (-1: there is no log), were committed once."""
    head = _head(uri)
    if head <= version or _commit(uri, head).exists():  # else another process has committed it meanwhile
        return 0
    return head - version


def _head(uri: str) -> int:
    """The version that was noted; -1 where none was, as in a table of an earlier version of Weir."""
    if uri.startswith("s3://"):
        return -1
    try:
        return int(Path(uri, HEAD).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return -1


def _commit(uri: str, version: int) -> Path:
    return Path(uri, "_delta_log", f"{version:020}.json")
