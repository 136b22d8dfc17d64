"""What the checks of every plan share: a result, which of them stop the apply, and overrides, which let one not count in one run.

What is looked at and its bounds are each domain's own. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.contract import Check

OVERRIDES_TAG = "weir/overrides"
"""Tag of a run: the audit_ids of the checks that do not count in it."""


@dataclass(frozen=True)
class CheckResult:
    """One check: whether the plan may go on, why in a sentence, and the figures."""

    name: str
    passed: bool
    sentence: str
    metadata: dict[str, Any]
    blocking: bool = True


Finding = tuple[bool, str, dict[str, Any]]


def unknown_check(names: Iterable[str], declared: Sequence[Check]) -> str:
    """One sentence about the first name that is no check; empty where there is none."""
    known = [check.name for check in declared]
    for name in names:
        if name not in known:
            return f"There is no check {name!r} to override; there are {', '.join(known)}."
    return ""


def judged(
    declared: Sequence[Check], findings: Mapping[str, Finding], overrides: Mapping[str, str]
) -> list[CheckResult]:
    """The findings as results, in the order of the table; `overrides`: check -> why it does not count this time."""
    results = []
    for check in declared:
        passed, sentence, metadata = findings[check.name]
        why = overrides.get(check.name)
        if why is not None and not passed:
            passed, sentence = True, f"Overridden ({why}): {sentence}"
            metadata = {**metadata, "overridden_because": why}
        results.append(CheckResult(check.name, passed, sentence, metadata, check.blocking))
    return results


def failures(results: Iterable[CheckResult]) -> list[CheckResult]:
    """The results that stop the apply."""
    return [one for one in results if one.blocking and not one.passed]
