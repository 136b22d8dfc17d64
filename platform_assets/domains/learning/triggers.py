"""Whether a model is to be fitted again, with what speaks for it and what stands against it. Pure; standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from spark_jobs.wording import counted


@dataclass(frozen=True)
class Facts:
    """What is known of a model when it is evaluated."""

    model: str
    now: datetime
    champion: str | None
    fitted_at: datetime | None
    """When the champion was registered; None: unknown."""
    last_retraining: datetime | None
    new_labels: int
    """Verdicts since the champion was fitted that would become labels."""
    has_new_data: bool
    """Whether a fit now would see anything else than the champion's did."""
    windows: Sequence[Mapping[str, Any]] = ()
    """Rows of `windows` since the champion serves, oldest first."""
    challenger: str | None = None
    is_paused: bool = False
    worse: Sequence[str] = ()
    """Figures in which the champion is proved to have become worse, as sentences."""


@dataclass(frozen=True)
class Rules:
    """When a retraining is due."""

    max_age: timedelta
    cooldown: timedelta
    min_new_labels: int


@dataclass(frozen=True)
class Trigger:
    """The answer, for and against."""

    reasons: tuple[str, ...]
    against: tuple[str, ...]

    @property
    def is_due(self) -> bool:
        return bool(self.reasons) and not self.against

    @property
    def sentence(self) -> str:
        """One line for people."""
        if not self.reasons:
            return "nothing speaks for a retraining"
        text = "; ".join(self.reasons)
        return f"{text}; but {'; '.join(self.against)}" if self.against else text


def trigger_of(facts: Facts, rules: Rules) -> Trigger:
    """Drift, performance, age and labels for it; a pause, a challenger, a cooldown and nothing new against it."""
    reasons = []
    last = facts.windows[-1] if facts.windows else None
    if last is not None and last["verdict"] in ("retrain", "block"):
        reasons.append(f"drift: {str(last['sentence']).rstrip('.')}")
    reasons += [f"performance: {sentence}" for sentence in facts.worse]
    if facts.fitted_at is not None and (age := facts.now - facts.fitted_at) > rules.max_age:
        reasons.append(
            f"age: version {facts.champion} was fitted {counted(age.days, 'day')} ago, at most {rules.max_age.days} set"
        )
    if facts.new_labels >= rules.min_new_labels:
        reasons.append(f"labels: {counted(facts.new_labels, 'new verdict')}, {rules.min_new_labels} are enough")
    against = []
    if facts.champion is None:
        against.append("no version serves yet; `weir train` fits the first")
    if facts.is_paused:
        against.append("learning is paused; `weir learning resume` ends that")
    if facts.challenger is not None:
        against.append(f"version {facts.challenger} is being compared already")
    if facts.last_retraining is not None and facts.now < (until := facts.last_retraining + rules.cooldown):
        against.append(
            f"it was fitted again {facts.last_retraining:%Y-%m-%d %H:%M}, and rests until {until:%Y-%m-%d %H:%M} (UTC)"
        )
    if not facts.has_new_data:
        against.append(
            "a fit would see the same examples and give the same model; verdicts (`weir feedback give`) or labelled files change that"
        )
    return Trigger(tuple(reasons), tuple(against) if reasons else ())
