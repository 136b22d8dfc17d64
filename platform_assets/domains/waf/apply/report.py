"""The result of applying a plan: per IP set, per scope, and for all scopes."""

from __future__ import annotations

from dataclasses import dataclass

from platform_assets.domains.waf.scopes import Scope


@dataclass(frozen=True)
class SetReport:
    """The changes of one IP set."""

    name: str
    created: bool = False
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    conflicts: int = 0


@dataclass(frozen=True)
class ApplyReport:
    """The result in one scope: the calls, and the changes of each IP set."""

    scope: Scope
    sets: tuple[SetReport, ...]
    reads: int
    writes: int
    throttled: int
    seconds_waited: float

    @property
    def added(self) -> int:
        return sum(len(report.added) for report in self.sets)

    @property
    def removed(self) -> int:
        return sum(len(report.removed) for report in self.sets)

    @property
    def conflicts(self) -> int:
        return sum(report.conflicts for report in self.sets)

    def text(self) -> str:
        head = f"WAF changed: +{self.added} -{self.removed}" if self.writes else "WAF unchanged"
        lines = [f"{head} ({self.writes} changing calls, {self.reads} reads, {self.conflicts} conflicts merged)"]
        for report in self.sets:
            if report.created or report.added or report.removed:
                note = ", created" if report.created else ""
                lines.append(f"  {report.name}: +{len(report.added)} -{len(report.removed)}{note}")
        return "\n".join(lines)


@dataclass(frozen=True)
class ApplyReports:
    """The results of all scopes."""

    reports: tuple[ApplyReport, ...]

    @property
    def added(self) -> int:
        return sum(report.added for report in self.reports)

    @property
    def removed(self) -> int:
        return sum(report.removed for report in self.reports)

    @property
    def writes(self) -> int:
        return sum(report.writes for report in self.reports)

    def text(self) -> str:
        """For people; names the scopes if there are several."""
        are_several = len(self.reports) > 1
        return "\n".join((f"{report.scope}: " if are_several else "") + report.text() for report in self.reports)
