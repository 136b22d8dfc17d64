"""JSON-lines files of the home, such as alerts.jsonl: append lines and drop old ones, safe for concurrent processes.

A writer holds the lock of the file. Trimming replaces the file, so that a crash leaves the old one intact; a process
that locked a replaced file opens the new one.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

WRITTEN_AT = "written_at"
"""When a line was appended (wall clock). Retention counts from here: a line may be about an earlier time."""


def append_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Append JSON lines, all or none, safe for concurrent processes; NaN and infinity become null."""
    if not records:
        return
    now = {WRITTEN_AT: datetime.now(UTC).isoformat()}
    text = "".join(
        json.dumps({**finite(record), **now}, ensure_ascii=False, allow_nan=False, default=str) + "\n"
        for record in records
    )
    data = text.encode("utf-8", "backslashreplace")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as descriptor:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            data = b"\n" + data  # a process was killed while writing: end its partial line
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(28, "no space left on device")
        except OSError:
            os.ftruncate(descriptor, size)
            raise


def finite(value: Any) -> Any:
    """The value with null in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def trim_lines(path: Path, before: datetime, group_of: Callable[[Mapping[str, Any]], str | None]) -> int:
    """Drop lines written before `before`; returns how many. A group is dropped when its latest line is old.

    Unreadable lines, such as the partial line of a killed process, are dropped too.
    """
    try:
        with _locked(path, os.O_RDONLY) as descriptor, open(descriptor, "rb", closefd=False) as lines:
            latest: dict[str, datetime] = {}
            for _, written_at, group in _parsed_lines(lines, group_of):
                if written_at is not None and group is not None:
                    latest[group] = max(written_at, latest.get(group, written_at))

            def stays(written_at: datetime | None, group: str | None) -> bool:
                return written_at is not None and latest.get(group or "", written_at) >= before

            lines.seek(0)
            dropped = sum(not stays(written_at, group) for _, written_at, group in _parsed_lines(lines, group_of))
            if dropped:
                lines.seek(0)
                kept_lines = (
                    line for line, written_at, group in _parsed_lines(lines, group_of) if stays(written_at, group)
                )
                _replace(path, kept_lines, stat.S_IMODE(os.fstat(descriptor).st_mode))
            return dropped
    except FileNotFoundError:
        return 0


def _parsed_lines(
    lines: IO[bytes], group_of: Callable[[Mapping[str, Any]], str | None]
) -> Iterator[tuple[bytes, datetime | None, str | None]]:
    """Each line, when it was written (None if unreadable), and its group."""
    for line in lines:
        try:
            record = json.loads(line)
            written_at = datetime.fromisoformat(record.get(WRITTEN_AT) or record["at"])
            yield line, written_at if written_at.tzinfo else written_at.replace(tzinfo=UTC), group_of(record)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield line, None, None


def _replace(path: Path, lines: Iterator[bytes], mode: int) -> None:
    """Atomically replace the locked file by one with these lines."""
    target = path.resolve()
    temporary = target.with_name(
        f".{target.name}.trimmed"
    )  # a fixed name: leftovers of a killed process are overwritten
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.fchmod(file.fileno(), mode)
        for line in lines:
            file.write(line if line.endswith(b"\n") else line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)


@contextmanager
def _locked(path: Path, flags: int) -> Iterator[int]:
    """A locked descriptor of the file at `path`."""
    while True:
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_current(path, descriptor):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _is_current(path: Path, descriptor: int) -> bool:
    """Whether `path` is still the open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
