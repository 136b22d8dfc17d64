"""Challenger beside champion on the same rows of a window: guard figures with bounds that may be looked at every time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from spark_jobs.wording import counted
from weir_models.contract import Guard, Learning

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FLAGGED_MORE, FLAGGED_LESS, DIFFERENCE, FAILED, SLOWER = (
    "flagged_more", "flagged_less", "difference", "failed", "slower",
)  # fmt: skip
SHARES = (FLAGGED_MORE, FLAGGED_LESS, FAILED)
"""Figures that are shares of entities, each judged by a sequential test; the others by their value."""
BUCKETS = 4
"""An entity is compared in one of so many windows, so that windows are about different entities."""
LEAST_SECONDS = 0.05
"""Of the champion: below, a ratio of times is noise."""
BREACHED, PASSED, WAITING = "breached", "passed", "waiting"


@dataclass(frozen=True)
class Scored:
    """What a version says of rows: score, flag, and the CPU-seconds that it took. NaN: it failed at a row."""

    score: np.ndarray
    flag: np.ndarray
    entities: np.ndarray
    cpu_seconds: float


@dataclass(frozen=True)
class Judgement:
    """Of one challenger after a window."""

    verdict: str
    sentence: str
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Guard -> its Figure."""
    evidence: dict[str, Any] = field(default_factory=dict)
    """Figure -> state of its test, as JSON."""


def scored(model: Any, frame: pd.DataFrame, inputs: Sequence[str], learning: Learning) -> Scored:
    """A version on rows with the column `entity`; one that fails at all of them fails at every row.

    A model that answers once for a series of rows answers for its entity; steps before those that are compared (the column
    `is_compared`) are its past.
    """
    import numpy as np

    begin = time.process_time()
    entities = frame["entity"].to_numpy()
    try:
        predicted = model.predict(frame[list(inputs)])
        score = np.asarray(predicted[learning.score], dtype=float)
        flag = (
            np.asarray(predicted[learning.flag], dtype=bool) if learning.flag else np.zeros(len(predicted), dtype=bool)
        )
    except MemoryError:
        raise
    except Exception:  # whatever foreign code raises is a failure of the version, and told as its share of failed rows
        predicted, score, flag = frame, np.full(len(frame), np.nan), np.zeros(len(frame), dtype=bool)
    cpu_seconds = time.process_time() - begin
    if len(predicted) != len(frame):
        entities = predicted[learning.entity].to_numpy()
    elif "is_compared" in frame:
        kept = frame["is_compared"].to_numpy(dtype=bool)
        score, flag, entities = score[kept], flag[kept], entities[kept]
    return Scored(score, flag, entities, cpu_seconds)


def judge(challenger: Scored, champion: Scored, learning: Learning, evidence: Mapping[str, Any]) -> Judgement:
    """The guards after the rows of one more window; `evidence` is that of the windows before.

    A guard is breached where its figure is beyond the bound with 95 % confidence, however often it is looked at.
    """
    import numpy as np
    import pandas as pd

    if len(challenger.score) != len(champion.score):  # one of them failed at everything
        size = len(champion.score)
        challenger = Scored(
            np.full(size, np.nan), np.zeros(size, dtype=bool), champion.entities, challenger.cpu_seconds
        )
    rows = {
        FLAGGED_MORE: challenger.flag & ~champion.flag,
        FLAGGED_LESS: champion.flag & ~challenger.flag,
        FAILED: np.isnan(challenger.score) & ~np.isnan(champion.score),
    }
    of_each = pd.DataFrame(rows).groupby(champion.entities)
    means, flagged = of_each.mean(), pd.Series(champion.flag).groupby(champion.entities).mean()
    is_flagged = (flagged > 0).to_numpy()
    by_entity = {name: means[name].to_numpy(dtype=float) for name in (FLAGGED_MORE, FAILED)}
    by_entity[FLAGGED_LESS] = (means[FLAGGED_LESS] / flagged).to_numpy(dtype=float)[is_flagged]
    figures: dict[str, Figure] = {}
    states: dict[str, Any] = {}
    for guard in learning.guards:
        if guard.figure in SHARES and guard.at_most > 0:
            state = evidence.get(guard.figure)
            figures[guard.figure], states[guard.figure] = _share(guard, by_entity[guard.figure], state)
        elif guard.figure in SHARES:
            figures[guard.figure] = _beside(
                guard, float(by_entity[guard.figure].mean()) if len(means) else 0.0, len(means)
            )
        else:
            figures[guard.figure] = _beside(guard, _value(guard, challenger, champion), len(champion.score))
    described = {name: asdict(figure) for name, figure in figures.items()}
    if breached := [figure.sentence for figure in figures.values() if figure.is_above]:
        return Judgement(BREACHED, "; ".join(breached), described, states)
    if above := [figure.sentence for figure in figures.values() if (figure.value or 0.0) > figure.at_most]:
        return Judgement(WAITING, f"above its bound, but not proved: {'; '.join(above)}", described, states)
    return Judgement(PASSED, "; ".join(figure.sentence for figure in figures.values()), described, states)


@dataclass(frozen=True)
class Figure:
    """A guard's figure beside its bound."""

    name: str
    value: float | None
    """None: there was nothing to measure it on."""
    at_most: float
    n: int
    """Entities or rows behind it, of all windows."""
    is_above: bool
    """Proved to be beyond the bound."""
    is_below: bool
    """Proved to be within it."""
    needed: int = 0
    """Entities without a breach that would prove it."""

    @property
    def sentence(self) -> str:
        if self.value is None:
            return f"{self.name} could not be measured"
        proof = (
            ""
            if self.is_above or self.is_below
            else f", not proved: {counted(self.n, 'entity', 'entities')}, some {self.needed:,} are needed"
        )
        return f"{self.name} {self.value:.4g}, at most {self.at_most:g}{proof}"


def _share(guard: Guard, shares: np.ndarray, state: Any) -> tuple[Figure, Any]:
    from weir_learning.bounded import BoundedMean, values_needed

    test = (BoundedMean.from_state(state) if state else BoundedMean(guard.at_most)).updated(shares)
    needed = values_needed(guard.at_most)
    value = test.mean if test.n else None
    return Figure(guard.figure, value, guard.at_most, test.n, test.is_above, test.is_below, needed), test.state()


def _beside(guard: Guard, value: float, n: int) -> Figure:
    """A figure without a test: its value alone decides."""
    return Figure(guard.figure, value, guard.at_most, n, value > guard.at_most, value <= guard.at_most)


def _value(guard: Guard, challenger: Scored, champion: Scored) -> float:
    import numpy as np

    if guard.figure == SLOWER:
        return challenger.cpu_seconds / max(champion.cpu_seconds, LEAST_SECONDS)
    known = ~(np.isnan(challenger.score) | np.isnan(champion.score))
    return float(np.abs(challenger.score - champion.score)[known].mean()) if known.any() else 0.0
