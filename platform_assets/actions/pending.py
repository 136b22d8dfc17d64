"""The plan that waits to be applied: one JSON file beside the state of what was applied.

A plan is used at most once: it is marked as taken before it is applied. It is stale once its basis has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from platform_assets.actions.errors import ActionError
from platform_assets.core.files import locked, write_atomically

VALID_FOR = timedelta(minutes=15)
"""Maximum age of a plan when it is applied."""


@dataclass(frozen=True)
class PendingPlan:
    """A plan as a JSON document, and its basis."""

    plan_id: str
    planned_at: str
    basis: Mapping[str, Any]
    """What the plan was made from: serials of the state, versions of tables, settings; JSON values."""
    overrides: Mapping[str, str]
    failed_checks: Sequence[str]
    plan: Any
    taken_at: str | None = None

    @classmethod
    def of(
        cls,
        plan: Any,
        planned_at: datetime,
        basis: Mapping[str, Any],
        overrides: Mapping[str, str],
        failed_checks: Sequence[str],
    ) -> PendingPlan:
        text = json.dumps([plan, planned_at.isoformat(), basis], sort_keys=True)
        plan_id = hashlib.sha256(text.encode()).hexdigest()[:24]
        return cls(plan_id, planned_at.isoformat(), dict(basis), dict(overrides), list(failed_checks), plan)

    def is_stale(self, basis: Mapping[str, Any], overrides: Mapping[str, str], now: datetime) -> bool:
        """Whether it must not be shown or applied: another basis, other overrides, or too old."""
        age = now - datetime.fromisoformat(self.planned_at)
        return self.basis != basis or self.overrides != overrides or not timedelta() <= age <= VALID_FOR


class PendingPlanFile:
    """The file with the pending plan of one domain; an unreadable file counts as no plan."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, plan: PendingPlan) -> None:
        """Replace the pending plan. ActionError if it cannot be written."""
        with self._locked():
            self._write(plan)

    def load(self) -> PendingPlan | None:
        try:
            plan = PendingPlan(**json.loads(self.path.read_text(encoding="utf-8")))
            has_zone = datetime.fromisoformat(plan.planned_at).tzinfo is not None
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return plan if has_zone else None

    def take(self, basis: Mapping[str, Any], overrides: Mapping[str, str], now: datetime) -> PendingPlan | None:
        """The plan, marked as taken; None if it is stale, stopped, taken or absent."""
        with self._locked():
            plan = self.load()
            if plan is None or plan.taken_at or plan.failed_checks or plan.is_stale(basis, overrides, now):
                return None
            self._write(replace(plan, taken_at=now.astimezone(UTC).isoformat()))
        return plan

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self.path.with_suffix(".lock")):
            yield

    def _write(self, plan: PendingPlan) -> None:
        try:
            write_atomically(self.path, json.dumps(asdict(plan)) + "\n")
        except OSError as error:
            raise ActionError(
                f"{self.path} cannot be written ({error.strerror}); free space or let this user write there and run again."
            ) from error
