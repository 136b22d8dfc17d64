"""Files of JSON lines in the home, such as alerts.jsonl: append whole lines, drop old ones, by several processes at once.

Who holds the lock of the file that bears the name may change it. Trimming puts a new file in its place, so that a crash
leaves the old one whole; whoever got the lock of a file that has lost its name in the meantime opens the new one.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

WRITTEN_AT = "written_at"
"""When a line was appended (wall clock): what retention counts from, for a line may tell of hours long ago."""


def append_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Append JSON lines, all or none, also when several processes do: no reader ever meets half a line for good."""
    if not records:
        return
    now = {WRITTEN_AT: datetime.now(UTC).isoformat()}
    text = "".join(
        json.dumps({**record, **now}, ensure_ascii=False, allow_nan=False, default=str) + "\n" for record in records
    )
    data = text.encode("utf-8", "backslashreplace")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as descriptor:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            data = b"\n" + data  # somebody was killed while writing: their half line stays alone
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(28, "no space left on device")
        except OSError:
            os.ftruncate(descriptor, size)
            raise


def trim_lines(path: Path, before: datetime, group_of: Callable[[Mapping[str, Any]], str | None]) -> int:
    """Drop lines written before `before`; returns how many. Lines of one group go when the last of them is old.

    A line that nobody can read, such as the half line of a process that was killed, goes too.
    """
    try:
        with _locked(path, os.O_RDONLY) as descriptor, open(descriptor, "rb", closefd=False) as lines:
            last: dict[str, datetime] = {}
            for _, written_at, group in _read(lines, group_of):
                if written_at is not None and group is not None:
                    last[group] = max(written_at, last.get(group, written_at))

            def stays(written_at: datetime | None, group: str | None) -> bool:
                return written_at is not None and last.get(group or "", written_at) >= before

            lines.seek(0)
            dropped = sum(not stays(written_at, group) for _, written_at, group in _read(lines, group_of))
            if dropped:
                lines.seek(0)
                kept = (line for line, written_at, group in _read(lines, group_of) if stays(written_at, group))
                _replace(path, kept, stat.S_IMODE(os.fstat(descriptor).st_mode))
            return dropped
    except FileNotFoundError:
        return 0


def _read(
    lines: IO[bytes], group_of: Callable[[Mapping[str, Any]], str | None]
) -> Iterator[tuple[bytes, datetime | None, str | None]]:
    """Each line, when it was written (None where it cannot be read) and its group."""
    for line in lines:
        try:
            record = json.loads(line)
            written_at = datetime.fromisoformat(record.get(WRITTEN_AT) or record["at"])
            yield line, written_at if written_at.tzinfo else written_at.replace(tzinfo=UTC), group_of(record)
        except (ValueError, KeyError, TypeError, AttributeError):
            yield line, None, None


def _replace(path: Path, lines: Iterator[bytes], mode: int) -> None:
    """Put a file of these lines in place of the one whose lock is held, whole or not at all."""
    real = path.resolve()
    begun = real.with_name(f".{real.name}.trimmed")  # one name: what a killed process left is overwritten
    with os.fdopen(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.fchmod(file.fileno(), mode)
        for line in lines:
            file.write(line if line.endswith(b"\n") else line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    begun.replace(real)


@contextmanager
def _locked(path: Path, flags: int) -> Iterator[int]:
    """A descriptor of the file that bears the name, with its lock."""
    while True:
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _bears(path, descriptor):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _bears(path: Path, descriptor: int) -> bool:
    """Whether the name still leads to the open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
