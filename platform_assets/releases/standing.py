"""The state of every version of a model, folded from its transitions, and which transition may follow. Standard library only.

    candidate -> shadow -> canary 5, 25, 50, 100 % -> champion -> previous
    any of them -> retired or barred; a barred version comes back as a candidate, for a person's reason

There is one champion, one version to go back to, and at most one challenger (in shadow or canary) at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

State = Literal["candidate", "shadow", "canary", "champion", "previous", "retired", "barred"]
CANDIDATE, SHADOW, CANARY, CHAMPION, PREVIOUS, RETIRED, BARRED = (
    "candidate", "shadow", "canary", "champion", "previous", "retired", "barred",
)  # fmt: skip
SHARES = (0.05, 0.25, 0.5, 1.0)
"""Of the entities, that a canary serves step by step."""
ALIASES = (CANDIDATE, SHADOW, CANARY, CHAMPION, PREVIOUS)
"""States that are aliases in MLflow."""


class Transition(Protocol):
    """What is read of a row of releases/transitions."""

    @property
    def version(self) -> str: ...

    @property
    def serial(self) -> int: ...

    @property
    def state(self) -> str: ...

    @property
    def share(self) -> float | None: ...


@dataclass(frozen=True)
class Standing:
    """Where every version of one model stands."""

    serial: int = 0
    """Of the last transition."""
    states: dict[str, str] = field(default_factory=dict)
    """Version -> its state."""
    champion: str | None = None
    previous: str | None = None
    """The version that served before, and would again after a rollback."""
    challenger: str | None = None
    """The version in shadow or canary."""
    share: float = 0.0
    """Of the entities that the challenger serves; 0 in shadow."""

    def state_of(self, version: str) -> str | None:
        """The state of a version; None where it has none yet."""
        return self.states.get(version)

    @property
    def barred(self) -> frozenset[str]:
        """The versions that must not serve."""
        return frozenset(version for version, state in self.states.items() if state == BARRED)

    @property
    def candidate(self) -> str | None:
        """The newest candidate."""
        return max((v for v, state in self.states.items() if state == CANDIDATE), key=number_of, default=None)

    @property
    def aliases(self) -> dict[str, str | None]:
        """Alias in MLflow -> the version that it belongs to; None: it is not set."""
        challengers = {
            state: self.challenger if self.challenger is not None and self.states[self.challenger] == state else None
            for state in (SHADOW, CANARY)
        }
        return {
            CANDIDATE: self.candidate,
            **challengers,
            CHAMPION: self.champion,
            PREVIOUS: self.previous,
        }

    def after(self, version: str, state: str, share: float | None, serial: int) -> Standing:
        """The standing after one more transition."""
        states, champion, previous = {**self.states, version: state}, self.champion, self.previous
        challenger, its_share = self.challenger, self.share
        if challenger == version:
            challenger, its_share = None, 0.0
        if state in (SHADOW, CANARY):
            challenger, its_share = version, share or 0.0
        if state == CHAMPION and champion != version:
            if previous is not None and previous != version and states.get(previous) == PREVIOUS:
                states[previous] = RETIRED
            if champion is not None:
                states[champion] = PREVIOUS
            champion, previous = version, champion
        elif state != CHAMPION and champion == version:  # the champion itself goes: the one before serves again
            champion, previous = previous, None
            if champion is not None:
                states[champion] = CHAMPION
        elif state != CHAMPION and previous == version:
            previous = None
        return replace(
            self,
            serial=serial,
            states=states,
            champion=champion,
            previous=previous,
            challenger=challenger,
            share=its_share,
        )

    def refusal(self, version: str, state: str, share: float | None = None) -> str | None:
        """Why the version cannot go into the state now, as a clause; None where it can."""
        now = self.states.get(version)
        if now == BARRED and state != CANDIDATE:
            return f"version {version} is barred; `weir model unbar` lets it be a candidate again"
        if state in (SHADOW, CANARY):
            if self.champion is None:
                return "no version serves yet that it could be compared with"
            if version == self.champion:
                return f"version {version} is the champion"
            if self.challenger not in (None, version):
                return (
                    f"version {self.challenger} is in {self.states[self.challenger or '']}; one challenger at a time: "
                    "promote, retire or bar it first"
                )
        if state == CANARY and (share is None or not 0 < share <= 1):
            return "a canary serves a share above 0 and of at most 1"
        if version == self.champion and state != CHAMPION and self.previous is None:
            return f"version {version} is the only one that can serve; promote another first"
        if state in (now, PREVIOUS) and not (state == CANARY and share != self.share):
            return f"version {version} is {now or 'no previous champion'} already"
        return None


def standing_of(transitions: Iterable[Transition]) -> Standing:
    """The standing of one model after its transitions, in any order."""
    standing = Standing()
    for row in sorted(transitions, key=lambda row: row.serial):
        standing = standing.after(row.version, row.state, row.share, row.serial)
    return standing


def next_share(share: float) -> float | None:
    """The step after a share; None after the last."""
    return next((step for step in SHARES if step > share + 1e-9), None)


def number_of(version: str) -> int:
    """A version as a number; -1 for what is none."""
    return int(version) if version.isascii() and version.isdigit() and len(version) < 19 else -1
