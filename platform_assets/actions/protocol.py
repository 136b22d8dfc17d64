"""From plan to verified result. A domain implements `Change`; the order of the steps is here.

1. `plan_now` makes the plan, runs its checks, and stores both as the pending plan.
2. `apply_pending` takes exactly that plan and applies it part by part. A plan that is stale or failed its checks is
   made and checked once more, and so is each part that another run changed in the meantime.
3. `Change.verify` reads back what was applied; differences are reported as not applied.

Audit rows and intended changes are written before anything is changed, so that the next run recognizes whatever a
killed process left behind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from platform_assets.actions.alerts import stopped_alert
from platform_assets.actions.checks import CheckResult, failures
from platform_assets.actions.errors import ActionError, PlanStoppedError, RequestError, StalePlanError
from platform_assets.actions.pending import PendingPlan, PendingPlanFile
from platform_assets.clients.notifier import notify
from platform_assets.settings import Settings
from spark_jobs.contract import Table
from spark_jobs.storage.lake import Lake

NO_OVERRIDES: Mapping[str, str] = MappingProxyType({})


class AnyPlan(Protocol):
    """What every plan has."""

    @property
    def planned_at(self) -> datetime: ...

    @property
    def entries(self) -> Sequence[Any]: ...

    def rows(self) -> list[dict[str, Any]]:
        """Rows of the plan table."""

    def summary(self) -> str:
        """One line."""

    def text(self) -> str:
        """All of it, for people."""


class AnyReport(Protocol):
    """What was changed."""

    def text(self) -> str: ...


P = TypeVar("P", bound=AnyPlan)
R = TypeVar("R", bound=AnyReport)


@dataclass(frozen=True)
class CheckedPlan(Generic[P]):
    """A plan, the results of its checks, and the id under which it is stored."""

    plan: P
    results: Sequence[CheckResult] = ()
    plan_id: str = ""


class Change(ABC, Generic[P, R]):
    """One kind of change. Its parts, such as scopes of WAF, are applied independently."""

    table: ClassVar[Table]
    """The plan table; it declares the checks."""
    alert_kind: ClassVar[str]
    unchanged: ClassVar[str]
    """What a stopped plan leaves as it is, as a clause: `WAF stays as it is`."""
    unchanged_alert: ClassVar[str]

    def __init__(self, settings: Settings, lake: Lake) -> None:
        self.settings, self.lake = settings, lake

    @property
    @abstractmethod
    def pending(self) -> PendingPlanFile: ...

    @property
    @abstractmethod
    def parts(self) -> Sequence[Hashable]: ...

    @abstractmethod
    def basis(self) -> dict[str, Any]:
        """The basis of a plan made now, as JSON: serials of the state, versions of tables, settings."""

    @abstractmethod
    def make(
        self, overrides: Mapping[str, str] = NO_OVERRIDES, parts: Sequence[Hashable] | None = None
    ) -> CheckedPlan[P]:
        """Plan and check all parts or some. `overrides`: check -> why it is overridden in this run."""

    @abstractmethod
    def to_document(self, plan: P) -> Any: ...

    @abstractmethod
    def from_document(self, document: Any) -> P:
        """The plan of a document. ValueError or KeyError if a different version wrote it."""

    @abstractmethod
    def apply(self, plan: P) -> tuple[dict[Any, R], dict[Any, ActionError]]:
        """Apply every part; returns reports and errors by part. StalePlanError for a part that another run changed."""

    @abstractmethod
    def join(self, reports: Mapping[Any, R]) -> Any:
        """The reports of all parts as one."""

    def incomplete(self, reports: Mapping[Any, R], errors: Mapping[Any, ActionError]) -> ActionError:
        """One error for all parts that failed."""
        return next(iter(errors.values()))

    def expire(self) -> None:
        """Called before each plan to end what has expired. Not needed where plans leave it out, as those of WAF do."""

    def plan_undo(self) -> P:
        """The plan that undoes the last apply. RequestError if there is nothing to undo."""
        raise RequestError("This kind of change has no undo; plan what it was before.")

    def verify(self, plan: P, reports: Mapping[Any, R]) -> dict[Any, ActionError]:
        """Read back what was applied: part -> how it differs. Not needed where `apply` already sees the result."""
        return {}


def plan_now(change: Change[P, R], overrides: Mapping[str, str] = NO_OVERRIDES) -> CheckedPlan[P]:
    """Make and check a plan, and store it, as the pending plan and in the plan table."""
    change.expire()
    basis = change.basis()  # before the plan: later changes make it stale
    checked = change.make(overrides)
    failed = failures(checked.results)
    document = change.to_document(checked.plan)
    pending = PendingPlan.of(document, checked.plan.planned_at, basis, overrides, [result.name for result in failed])
    change.pending.save(pending)
    change.lake.overwrite_rows(change.table, checked.plan.rows())
    return CheckedPlan(checked.plan, checked.results, pending.plan_id)


def alert_when_stopped(change: Change[P, R], checked: CheckedPlan[P]) -> list[CheckResult]:
    """The failed blocking checks; an alert is sent if there are any."""
    if failed := failures(checked.results):
        alert = stopped_alert(change.alert_kind, change.unchanged_alert, failed, checked.plan.planned_at)
        notify(change.settings, alert)
    return failed


def pending_plan(change: Change[P, R], overrides: Mapping[str, str] = NO_OVERRIDES) -> P | None:
    """The pending plan, for display, whether or not it passed its checks; None if it is stale."""
    stored = change.pending.load()
    if stored is None or stored.is_stale(change.basis(), overrides, datetime.now(UTC)):
        return None
    return _plan_of(change, stored)


def apply_pending(change: Change[P, R], overrides: Mapping[str, str] = NO_OVERRIDES) -> Any:
    """Apply the pending plan, or a new one if it may not be applied; returns the joined report.

    PlanStoppedError if a check stops the plan, StalePlanError if another run was faster twice, and the domain's error
    if parts failed; the other parts are applied.
    """
    pending = change.pending.take(change.basis(), overrides, datetime.now(UTC))
    plan = None if pending is None else _plan_of(change, pending)
    reports, errors = _apply_and_verify(change, plan or _passed_plan(change, overrides))
    if stale_parts := [part for part, error in errors.items() if isinstance(error, StalePlanError)]:
        try:
            later_reports, later_errors = _apply_and_verify(change, _passed_plan(change, overrides, stale_parts))
        except ActionError as error:
            if len(stale_parts) == len(change.parts):
                raise
            later_reports, later_errors = {}, dict.fromkeys(stale_parts, error)
        errors = {part: error for part, error in errors.items() if part not in later_reports} | later_errors
        reports |= later_reports
    if errors:
        raise change.incomplete(reports, errors) from next(iter(errors.values()))
    return change.join(reports)


def _apply_and_verify(change: Change[P, R], plan: P) -> tuple[dict[Any, R], dict[Any, ActionError]]:
    reports, errors = change.apply(plan)
    return reports, errors | change.verify(plan, reports)


def _passed_plan(change: Change[P, R], overrides: Mapping[str, str], parts: Sequence[Hashable] | None = None) -> P:
    """A new plan that passed its checks; PlanStoppedError otherwise."""
    checked = change.make(overrides, parts)
    if failed := alert_when_stopped(change, checked):
        raise PlanStoppedError(
            f"The plan changed since it was checked and {failed[0].name} stops it now, {change.unchanged}: {failed[0].sentence}"
        )
    return checked.plan


def _plan_of(change: Change[P, R], stored: PendingPlan) -> P | None:
    try:
        return change.from_document(stored.plan)
    except (ValueError, KeyError, TypeError):
        return None  # written by another version
