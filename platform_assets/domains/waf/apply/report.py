"""What applying a plan did: per IP set, per scope, and in all scopes."""

from __future__ import annotations

from dataclasses import dataclass

from platform_assets.domains.waf.scopes import Scope


@dataclass(frozen=True)
class SetReport:
    """What applying did to one IP set."""

    name: str
    created: bool = False
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    conflicts: int = 0


@dataclass(frozen=True)
class ApplyReport:
    """What applying did in one scope: the calls, and per IP set what was added and removed."""

    scope: Scope
    sets: tuple[SetReport, ...]
    reads: int
    writes: int
    throttled: int
    seconds_waited: float

    @property
    def added(self) -> int:
        return sum(len(one.added) for one in self.sets)

    @property
    def removed(self) -> int:
        return sum(len(one.removed) for one in self.sets)

    @property
    def conflicts(self) -> int:
        return sum(one.conflicts for one in self.sets)

    def text(self) -> str:
        head = f"WAF changed: +{self.added} -{self.removed}" if self.writes else "WAF unchanged"
        lines = [f"{head} ({self.writes} changing calls, {self.reads} reads, {self.conflicts} conflicts merged)"]
        for one in self.sets:
            if one.created or one.added or one.removed:
                note = ", created" if one.created else ""
                lines.append(f"  {one.name}: +{len(one.added)} -{len(one.removed)}{note}")
        return "\n".join(lines)


@dataclass(frozen=True)
class ApplyReports:
    """What applying did in all scopes."""

    reports: tuple[ApplyReport, ...]

    @property
    def added(self) -> int:
        return sum(one.added for one in self.reports)

    @property
    def removed(self) -> int:
        return sum(one.removed for one in self.reports)

    @property
    def writes(self) -> int:
        return sum(one.writes for one in self.reports)

    def text(self) -> str:
        """Scopes are named where there are several."""
        named = len(self.reports) > 1
        return "\n".join((f"{one.scope}: " if named else "") + one.text() for one in self.reports)
