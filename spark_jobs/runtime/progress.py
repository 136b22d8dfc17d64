"""How far the job that runs now is, for whoever shows it: items or rows done, of how many.

The embedded engine's tasks run in the process of their driver and count here. On a cluster they count in processes of
their own, which nobody looks at. Functions of a module, since tasks cannot carry a lock with them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock


@dataclass(frozen=True)
class Progress:
    """`done` of `total` things called `noun`, which are rows or items of work."""

    done: int
    total: int
    noun: str
    counts_rows: bool = False


_lock = Lock()
_now: Progress | None = None


def begin(total: int, noun: str, counts_rows: bool = False) -> None:
    """A job begins on `total` things: its items, or its rows with `counts_rows`."""
    _set(Progress(0, total, noun, counts_rows))


def end() -> None:
    """Nothing that is counted runs any longer."""
    _set(None)


def item_done() -> None:
    """One item is done; does not count where rows do."""
    _advance(1, are_rows=False)


def rows_done(count: int) -> None:
    """Rows are done; they do not count where items do."""
    _advance(count, are_rows=True)


def now() -> Progress | None:
    """How far the job is; None where none that is counted runs."""
    return _now


def _set(progress: Progress | None) -> None:
    global _now
    with _lock:
        _now = progress


def _advance(count: int, are_rows: bool) -> None:
    global _now
    with _lock:
        if _now is not None and _now.counts_rows == are_rows:
            _now = replace(_now, done=min(_now.done + count, _now.total))
