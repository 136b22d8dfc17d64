"""Where the last applied entries are kept: a small JSON file of the home, replaced atomically, locked while applying.

Knows nothing of AWS; what the entries mean is applied.py's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from platform_assets.core.files import locked, write_atomically
from platform_assets.domains.waf.apply.applied import Applied
from platform_assets.domains.waf.errors import WafError


class AppliedStoreError(WafError):
    """The file of the last applied entries cannot be used; one sentence that says what to do."""


class AppliedStore(Protocol):
    """What apply needs: one writer at a time, and a save that is whole or not at all."""

    def lock(self) -> Any: ...

    def load(self) -> Applied: ...

    def save(self, applied: Applied) -> None: ...


class JsonAppliedStore:
    """The store in one file. `former`: the file that counts as long as there is none at `path`."""

    def __init__(self, path: Path, former: Path | None = None) -> None:
        self.path, self._former = path, former

    @contextmanager
    def lock(self) -> Iterator[None]:
        with locked(self.path.with_suffix(".lock")):
            yield

    def load(self) -> Applied:
        path = self._former if self._former is not None and not self.path.exists() else self.path
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Applied()
        try:
            return Applied.from_json(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise AppliedStoreError(
                f"{path} does not hold what was applied last; restore it, or delete it, which makes every live entry count as added by hand."
            ) from None

    def save(self, applied: Applied) -> None:
        try:
            write_atomically(self.path, json.dumps(applied.to_json(), indent=1) + "\n")
        except OSError as error:
            raise AppliedStoreError(
                f"{self.path} cannot be written ({error.strerror}); free space or let this user write there and run again, which goes on from here."
            ) from error


class MemoryAppliedStore:
    """The store of one process, for tests and dry runs."""

    def __init__(self, applied: Applied | None = None) -> None:
        self.applied = applied or Applied()

    @contextmanager
    def lock(self) -> Iterator[None]:
        yield

    def load(self) -> Applied:
        return self.applied

    def save(self, applied: Applied) -> None:
        self.applied = applied
