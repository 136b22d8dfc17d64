"""The plans of all scopes as one: shown, stored and checked together. Pure.

What is to be done in one scope is plan.py's, the checks are in checks/. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from platform_assets.actions.checks import CheckResult
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.plan.entries import Entry, late_files_of, summary_of
from platform_assets.domains.waf.plan.values import Plan
from platform_assets.domains.waf.scopes import Scope, format_by_scope


@dataclass(frozen=True)
class Plans:
    """One plan a scope, at least one, in the order of the settings."""

    plans: tuple[Plan, ...]
    missing: Mapping[Scope, str] = field(default_factory=dict)
    """Scopes that could not be read, with a sentence that says why: there is no plan for them, and nothing is applied."""

    @property
    def planned_at(self) -> datetime:
        return self.plans[0].planned_at

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return (*(one.scope for one in self.plans), *self.missing)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for one in self.plans for entry in one.entries)

    @property
    def changes(self) -> bool:
        return any(one.changes for one in self.plans)

    @property
    def late_files(self) -> tuple[str, ...]:
        return late_files_of(self.entries)

    def count(self, operation: str) -> int:
        return sum(one.count(operation) for one in self.plans)

    def rows(self) -> list[dict[str, Any]]:
        """Rows of the table `waf/plan`."""
        return [row for one in self.plans for row in one.rows()]

    def summary(self) -> str:
        """One line over all scopes; where there are several, also what each of them has of it."""
        parts = [f"{one.scope} {one.summary()}" for one in self.plans]
        parts += [f"{scope} unknown" for scope in self.missing]
        return summary_of(self.entries) + (f" ({'; '.join(parts)})" if len(parts) > 1 else "")

    def text(self, most: int = 50) -> str:
        """For people: each scope under its own heading, at most `most` lines a set."""
        blocks = [one.text(most) for one in self.plans]
        blocks += [f"No WAF plan for scope {scope}: {why}" for scope, why in self.missing.items()]
        return "\n".join(blocks)

    def check_complete(self) -> None:
        """WafError where a scope could not be read."""
        if self.missing:
            raise WafError(format_by_scope(self.missing, self.scopes))


def of_all_scopes(results: Mapping[Scope, Sequence[CheckResult]]) -> list[CheckResult]:
    """The same checks of every scope as one list: a check fails where it fails in one scope, and says in which."""
    return [_joined(dict(zip(results, found, strict=True))) for found in zip(*results.values(), strict=True)]


def _joined(found: Mapping[Scope, CheckResult]) -> CheckResult:
    telling = {scope: one for scope, one in found.items() if not one.passed} or found
    figures = [one.metadata for one in found.values()]
    is_same = all(one == figures[0] for one in figures)
    return replace(
        next(iter(telling.values())),
        sentence=format_by_scope({scope: one.sentence for scope, one in telling.items()}, found),
        metadata=figures[0] if is_same else {str(scope): one.metadata for scope, one in found.items()},
    )
