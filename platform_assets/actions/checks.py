"""Results of the checks of a plan, which of them stop it, and overrides, which let a check pass in one run.

What is checked, and its bounds, are each domain's own. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platform_assets.actions.errors import RequestError
from spark_jobs.contract import Check

OVERRIDES_TAG = "weir/overrides"
"""Tag of a run: the audit_ids of the overrides that hold in it."""


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
    """RequestError about the first name that is no check."""
    known = [check.name for check in declared]
    for name in names:
        if name not in known:
            raise RequestError(f"There is no check {name!r} to override; there are {', '.join(known)}.")


def run_checks(
    declared: Sequence[Check], checks: Mapping[str, Callable[[], Finding]], overrides: Mapping[str, str]
) -> list[CheckResult]:
    """All declared checks, in their order; `overrides`: check -> why it is overridden in this run."""
    results = []
    for check in declared:
        passed, sentence, metadata = checks[check.name]()
        why = overrides.get(check.name)
        if why is not None and not passed:
            passed, sentence = True, f"Overridden ({why}): {sentence}"
            metadata = {**metadata, "overridden_because": why}
        results.append(CheckResult(check.name, passed, sentence, metadata, check.blocking))
    return results


def failures(results: Iterable[CheckResult]) -> list[CheckResult]:
    """The results that stop a plan from being applied."""
    return [result for result in results if result.blocking and not result.passed]
