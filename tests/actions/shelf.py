"""The smallest domain that changes something: numbers on a shelf. No test here."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from platform_assets.actions import checks
from platform_assets.actions.audit import AuditRow, reason_of
from platform_assets.actions.errors import ActionError, IncompleteApplyError, RequestError, StalePlanError
from platform_assets.actions.pending import PendingPlanFile
from platform_assets.actions.protocol import NO_OVERRIDES, Change, CheckedPlan
from platform_assets.actions.state import JsonState
from platform_assets.settings import Settings
from spark_jobs.contract import Check, Column, Table
from spark_jobs.storage.lake import Lake

SHELF_PLAN = Table(
    key="shelf/plan",
    meaning="Which number each shelf shall hold.",
    grain="one shelf",
    unique=("shelf",),
    hourly=False,
    checks=(Check("numbers_are_small", "no number is above ten"),),
    retention_days=1,
    columns=(Column("shelf", "string", "its name", nullable=False), Column("number", "int64", "its number")),
)


@dataclass(frozen=True)
class ShelfPlan:
    numbers: Mapping[str, int]
    serial: int
    planned_at: datetime

    @property
    def entries(self) -> Sequence[str]:
        return sorted(self.numbers)

    def rows(self) -> list[dict[str, Any]]:
        return [{"shelf": name, "number": number} for name, number in self.numbers.items()]

    def summary(self) -> str:
        return f"{len(self.numbers)} shelves"

    text = summary


@dataclass(frozen=True)
class ShelfReport:
    changed: tuple[str, ...]

    def text(self) -> str:
        return f"{len(self.changed)} changed"


@dataclass(frozen=True)
class ShelfState:
    """`owned` is confirmed, `pending` was written down before the shelf was changed."""

    serial: int = 0
    owned: Mapping[str, int] = field(default_factory=dict)
    pending: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"serial": self.serial, "owned": self.owned, "pending": self.pending, "before": self.before}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ShelfState:
        return cls(int(data["serial"]), data["owned"], data["pending"], data["before"])


class ShelfStore(JsonState[ShelfState]):
    kind = ShelfState
    lost = "forgets the shelves"


@dataclass
class World:
    """The shelves, the audit, what is desired, and a step that a test may be killed at."""

    live: dict[str, int] = field(default_factory=dict)
    desired: dict[str, int] = field(default_factory=dict)
    audit: list[AuditRow] = field(default_factory=list)
    is_lossy: bool = False
    """Whether the shelves accept writes and forget them."""
    made: int = 0
    step: Callable[[], None] = lambda: None


class ShelfChange(Change[ShelfPlan, ShelfReport]):
    table = SHELF_PLAN
    alert_kind = "shelf_stopped"
    unchanged = "the shelves stay as they are"
    unchanged_alert = "The shelves stay as they are"
    parts = ("shelves",)

    def __init__(self, settings: Settings, lake: Lake, world: World) -> None:
        super().__init__(settings, lake)
        self.world, self.folder = world, Path(settings.home) / "shelf"
        self.store = ShelfStore(self.folder / "applied.json")

    @property
    def pending(self) -> PendingPlanFile:
        return PendingPlanFile(self.folder / "plan.json")

    def basis(self) -> dict[str, Any]:
        return {"serial": self.store.load().serial, "desired": dict(self.world.desired)}

    def make(
        self, overrides: Mapping[str, str] = NO_OVERRIDES, parts: Sequence[Hashable] | None = None
    ) -> CheckedPlan[ShelfPlan]:
        self.world.made += 1
        numbers = {name: n for name, n in self.world.desired.items() if self.world.live.get(name) != n}
        plan = ShelfPlan(numbers, self.store.load().serial, datetime.now(UTC))
        found = {"numbers_are_small": partial(self._small, plan)}
        return CheckedPlan(plan, checks.run_checks(SHELF_PLAN.checks, found, overrides))

    def _small(self, plan: ShelfPlan) -> checks.Finding:
        large = [name for name, number in plan.numbers.items() if number > 10]
        return not large, f"{len(large)} numbers are above ten.", {"large": large}

    def to_document(self, plan: ShelfPlan) -> Any:
        return {**vars(plan), "planned_at": plan.planned_at.isoformat()}

    def from_document(self, document: Any) -> ShelfPlan:
        return ShelfPlan(**{**document, "planned_at": datetime.fromisoformat(document["planned_at"])})

    def apply(self, plan: ShelfPlan) -> tuple[dict[Any, ShelfReport], dict[Any, ActionError]]:
        with self._locked(plan) as state:
            if state is None:
                return {}, {"shelves": StalePlanError("Another plan was applied since this one was made.")}
            before = {name: self.world.live.get(name, 0) for name in plan.numbers}
            for name, number in sorted(plan.numbers.items()):
                self._intend(name, number, before)
                self.world.step()
                if not self.world.is_lossy:
                    self.world.live[name] = number
                self.world.step()
        return {"shelves": ShelfReport(tuple(sorted(plan.numbers)))}, {}

    def _intend(self, name: str, number: int, before: Mapping[str, int]) -> None:
        """The audit row and the intent, before the shelf is changed."""
        self.world.audit.append(AuditRow.make(datetime.now(UTC), "ana", "apply", name, f"set to {number}"))
        state = self.store.load()
        pending = {**state.pending, name: number}
        self.store.save(replace(state, serial=state.serial + 1, pending=pending, before=before))

    def verify(self, plan: ShelfPlan, reports: Mapping[Any, ShelfReport]) -> dict[Any, ActionError]:
        differing = [name for name, number in plan.numbers.items() if self.world.live.get(name) != number]
        if not reports or not differing:
            return {}
        return {"shelves": IncompleteApplyError(f"{', '.join(differing)} read back otherwise.", *reports.values())}

    def join(self, reports: Mapping[Any, ShelfReport]) -> ShelfReport:
        return reports["shelves"]

    def expire(self) -> None:
        """Shelves that are desired no longer are emptied."""
        owned = {**self.store.load().owned, **self.store.load().pending}
        for name in owned.keys() - self.world.desired.keys():
            self.world.desired[name] = 0

    def plan_undo(self) -> ShelfPlan:
        state = self.store.load()
        if not state.before:
            raise RequestError("Nothing was applied that could be undone.")
        return ShelfPlan(state.before, state.serial, datetime.now(UTC))

    def apply_undo(self, plan: ShelfPlan, reason: str) -> ShelfReport:
        self.world.audit.append(AuditRow.make(datetime.now(UTC), "ana", "undo", "shelves", reason_of(reason)))
        reports, errors = self.apply(plan)
        assert not errors
        return self.join(reports)

    @contextmanager
    def _locked(self, plan: ShelfPlan) -> Iterator[ShelfState | None]:
        with self.store.lock():
            state = self.store.load()
            yield state if state.serial == plan.serial else None
