"""The effect of withdrawn model versions on deciding an hour: which earlier decisions count, and how long each was enforced.

As with `allow`, the withdrawals in force at the end of an hour count, and later actions never change that.
manual/actions.py records withdrawals, in_force.py applies them to plans. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.decisions import Decision, Row
from platform_assets.domains.waf.manual.in_force import WITHDRAW, ManualAction, Span, spans

Versions = Callable[[Sequence[Row]], Mapping[str, frozenset[str]]]
"""Rows of decisions -> decision id -> `name version` of each model behind it."""


@dataclass(frozen=True)
class Withdrawals:
    """The withdrawals that may affect decisions since a time. Model versions are looked up only when needed."""

    spans: tuple[Span, ...]
    versions: Versions
    _behind: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, manual_actions: Iterable[ManualAction], since: datetime, versions: Versions) -> Withdrawals:
        withdrawn = (span for span in spans(manual_actions) if span.action.command == WITHDRAW)
        return cls(tuple(span for span in withdrawn if span.end > as_utc(since)), versions)

    def counting(
        self, earlier: Sequence[Decision], at: datetime, own: Mapping[str, frozenset[str]]
    ) -> Sequence[Decision]:
        """The earlier decisions that count for an hour that ends at `at`.

        `own`: client -> the models behind its score of the hour. A withdrawn version keeps deciding, although plans ignore
        it; its own earlier decisions count for it, so that its decisions are correct when it is resumed.
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
    # Hours are whole: the decision counts in both hours in which the withdrawal starts and ends.
    after = replace(decision, decided_at=span.end.replace(minute=0, second=0, microsecond=0))
    return [piece for piece in (before, after) if piece.decided_at < piece.expires_at]
