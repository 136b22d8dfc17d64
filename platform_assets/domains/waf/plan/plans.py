"""The plans of all scopes, shown, stored and checked together. Pure; standard library only."""

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
    """One plan per scope, at least one, in the order of the settings."""

    plans: tuple[Plan, ...]
    missing: Mapping[Scope, str] = field(default_factory=dict)
    """Scopes that could not be read -> why; they have no plan, and nothing is applied to them."""

    @property
    def planned_at(self) -> datetime:
        return self.plans[0].planned_at

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return (*(plan.scope for plan in self.plans), *self.missing)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for plan in self.plans for entry in plan.entries)

    @property
    def changes(self) -> bool:
        return any(plan.changes for plan in self.plans)

    @property
    def late_files(self) -> tuple[str, ...]:
        return late_files_of(self.entries)

    def count(self, operation: str) -> int:
        return sum(plan.count(operation) for plan in self.plans)

    def rows(self) -> list[dict[str, Any]]:
        """Rows of the table `waf/plan`."""
        return [row for plan in self.plans for row in plan.rows()]

    def summary(self) -> str:
        """One line for all scopes, and if there are several, also for each."""
        parts = [f"{plan.scope} {plan.summary()}" for plan in self.plans]
        parts += [f"{scope} unknown" for scope in self.missing]
        return summary_of(self.entries) + (f" ({'; '.join(parts)})" if len(parts) > 1 else "")

    def text(self, most: int = 50) -> str:
        """For people: each scope under its own heading, at most `most` lines per set."""
        blocks = [plan.text(most) for plan in self.plans]
        blocks += [f"No WAF plan for scope {scope}: {why}" for scope, why in self.missing.items()]
        return "\n".join(blocks)

    def check_complete(self) -> None:
        """WafError if a scope could not be read."""
        if self.missing:
            raise WafError(format_by_scope(self.missing, self.scopes))


def of_all_scopes(results: Mapping[Scope, Sequence[CheckResult]]) -> list[CheckResult]:
    """One result per check for all scopes: a check fails if it fails in any scope, and its sentence names the scope."""
    by_check = zip(*results.values(), strict=True)
    return [_joined(dict(zip(results, results_of_check, strict=True))) for results_of_check in by_check]


def _joined(results: Mapping[Scope, CheckResult]) -> CheckResult:
    reported = {scope: result for scope, result in results.items() if not result.passed} or results
    figures = [result.metadata for result in results.values()]
    is_same = all(other == figures[0] for other in figures)
    return replace(
        next(iter(reported.values())),
        sentence=format_by_scope({scope: result.sentence for scope, result in reported.items()}, results),
        metadata=figures[0] if is_same else {str(scope): result.metadata for scope, result in results.items()},
    )
