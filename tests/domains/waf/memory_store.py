"""The state of what was applied last in memory, for tests that open many. No test here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platform_assets.domains.waf.apply.applied import Applied, AppliedStore


class MemoryAppliedStore(AppliedStore):
    """The store of one process."""

    def __init__(self, applied: Applied | None = None) -> None:
        super().__init__(Path())
        self.applied = applied or Applied()

    @contextmanager
    def lock(self) -> Iterator[None]:
        yield

    def load(self) -> Applied:
        return self.applied

    def save(self, state: Applied) -> None:
        self.applied = state
