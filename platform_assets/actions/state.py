"""A JSON file of the home with what was applied last: locked while applying, replaced atomically.

Each domain defines its content. It has a serial number: a plan made on an older serial is not applied.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from platform_assets.actions.errors import ActionError
from platform_assets.core.files import locked, write_atomically


class State(Protocol):
    """What was applied last. `from_json` raises ValueError, KeyError, TypeError or AttributeError for unknown data."""

    @property
    def serial(self) -> int: ...

    def to_json(self) -> dict[str, Any]: ...

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self: ...


S = TypeVar("S", bound=State)


class StateError(ActionError):
    """The file cannot be read or written."""


class JsonState(Generic[S]):
    """The state in one file. `former`: the file to read as long as there is none at `path`."""

    kind: type[S]
    """The class of the state; without arguments it is the state before anything was applied."""
    lost: str
    """What deleting the file does, as a clause of the error message."""

    def __init__(self, path: Path, former: Path | None = None) -> None:
        self.path, self._former = path, former

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the file for one writer, across processes."""
        with locked(self.path.with_suffix(".lock")):
            yield

    def load(self) -> S:
        """The saved state. StateError if the file holds something else."""
        path = self._former if self._former is not None and not self.path.exists() else self.path
        try:
            return self.kind.from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return self.kind()
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise StateError(
                f"{path} does not hold what was applied last; restore it, or delete it, which {self.lost}."
            ) from None

    def save(self, state: S) -> None:
        """Replace the file. StateError if it cannot be written."""
        try:
            write_atomically(self.path, json.dumps(state.to_json(), indent=1) + "\n")
        except OSError as error:
            raise StateError(
                f"{self.path} cannot be written ({error.strerror}); free space or let this user write there and run again, which goes on from here."
            ) from error
