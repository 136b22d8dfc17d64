"""The effect of withdrawn model versions on deciding an hour: which earlier decisions count, and how long each was enforced.

As with an `allow`, what is in force at the end of an hour counts, and later actions never change that. Recording a
withdrawal is manual/actions.py's; which decisions a plan follows is in_force.py's. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.decisions import Decision, Row
from platform_assets.domains.waf.manual.in_force import WITHDRAW, ManualAction, Span, spans

Versions = Callable[[Sequence[Row]], Mapping[str, frozenset[str]]]
"""Rows of decisions -> decision -> `name version` of each model that it rests on."""


@dataclass(frozen=True)
class Withdrawals:
    """The withdrawals that may affect decisions since a time; without any, no version is looked up."""

    spans: tuple[Span, ...]
    versions: Versions
    _behind: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, manual_actions: Iterable[ManualAction], since: datetime, versions: Versions) -> Withdrawals:
        withdrawn = [
            span for span in spans(manual_actions) if span.action.command == WITHDRAW and span.end > as_utc(since)
        ]
        return cls(tuple(withdrawn), versions)

    def counting(
        self, earlier: Sequence[Decision], at: datetime, own: Mapping[str, frozenset[str]]
    ) -> Sequence[Decision]:
        """The decisions that count as earlier ones for an hour that ends at `at`.

        `own`: client -> the models that its score of the hour rests on. A withdrawn version goes on deciding, though no
        plan follows it; among its own decisions all count, so that they are as they should be when it is resumed.
        """
        withdrawn = {span.action.subject for span in self.spans if span.action.acted_at <= at < span.end}
        if not withdrawn:
            return earlier
        behind = self._versions_behind(earlier)
        return [
            decision
            for decision in earlier
            if not behind[decision.decision_id] & withdrawn - own.get(decision.address, frozenset())
        ]

    def followed(self, decisions: Sequence[Decision]) -> list[Decision]:
        """The decisions split into the periods in which no version behind them was withdrawn."""
        touched = [decision for decision in decisions if any(_overlap(decision, span) for span in self.spans)]
        behind = self._versions_behind(touched)
        pieces = [decision for decision in decisions if not any(_overlap(decision, span) for span in self.spans)]
        for decision in touched:
            parts = [decision]
            for span in self.spans:
                if span.action.subject in behind[decision.decision_id]:
                    parts = [piece for part in parts for piece in _without(part, span)]
            pieces += parts
        return pieces

    def _versions_behind(self, decisions: Sequence[Decision]) -> Mapping[str, frozenset[str]]:
        unknown = [decision.row() for decision in decisions if decision.decision_id not in self._behind]
        if unknown:
            self._behind.update(self.versions(unknown))
        return self._behind


def _overlap(decision: Decision, span: Span) -> bool:
    return decision.decided_at < span.end and decision.expires_at > span.action.acted_at


def _without(decision: Decision, span: Span) -> list[Decision]:
    if not _overlap(decision, span):
        return [decision]
    before = replace(decision, expires_at=span.action.acted_at)
    # Hours are whole: that in which it is followed again is under it, like that in which it was left.
    after = replace(decision, decided_at=span.end.replace(minute=0, second=0, microsecond=0))
    return [piece for piece in (before, after) if piece.decided_at < piece.expires_at]
