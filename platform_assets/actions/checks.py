"""Check results of a plan, which of them stop it, and overrides, which let a check pass in one run.

Each domain defines its checks and their bounds. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from platform_assets.actions.errors import RequestError
from spark_jobs.contract import Check

OVERRIDES_TAG = "weir/overrides"
"""Tag of a run with the audit_ids of its overrides."""


@dataclass(frozen=True)
class CheckResult:
    """One check: whether it passed, why in a sentence, and the figures."""

    name: str
    passed: bool
    sentence: str
    metadata: dict[str, Any]
    blocking: bool = True


Finding = tuple[bool, str, dict[str, Any]]
"""Whether the check passed, its sentence, its figures."""


def check_overridable(names: Iterable[str], declared: Sequence[Check]) -> None:
    """RequestError for the first name that is not a check."""
    check_names = [check.name for check in declared]
    for name in names:
        if name not in check_names:
            raise RequestError(f"There is no check {name!r} to override; there are {', '.join(check_names)}.")


def run_checks(
    declared: Sequence[Check], checks: Mapping[str, Callable[[], Finding]], overrides: Mapping[str, str]
) -> list[CheckResult]:
    """All declared checks, in their order; `overrides`: check -> why it is overridden in this run."""
    results = []
    for check in declared:
        passed, sentence, metadata = checks[check.name]()
        override_reason = overrides.get(check.name)
        if override_reason is not None and not passed:
            passed, sentence = True, f"Overridden ({override_reason}): {sentence}"
            metadata = {**metadata, "overridden_because": override_reason}
        results.append(CheckResult(check.name, passed, sentence, metadata, check.blocking))
    return results


def failures(results: Iterable[CheckResult]) -> list[CheckResult]:
    """The results that stop a plan from being applied."""
    return [result for result in results if result.blocking and not result.passed]


class ShownPlan(Protocol):
    """What the plans of all domains can say of themselves."""

    def summary(self) -> str: ...

    def rows(self) -> list[dict[str, Any]]: ...


def for_machines(plan: ShownPlan, results: Iterable[CheckResult]) -> dict[str, Any]:
    """A plan as `--json` shows it, with the checks that stop it."""
    stopped_by = {result.name: result.sentence for result in failures(results)}
    return {"summary": plan.summary(), "stopped_by": stopped_by, "entries": plan.rows()}
