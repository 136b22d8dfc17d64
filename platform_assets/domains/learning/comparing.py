"""Challenger beside champion on the same rows of a window: guard figures with bounds that may be looked at every time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
    figures: dict[str, dict[str, float | None]] = field(default_factory=dict)
    """Figure -> value, low, high, at_most."""
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
    figures: dict[str, dict[str, float | None]] = {}
    states: dict[str, Any] = {}
    breached = []
    for guard in learning.guards:
        if guard.figure in SHARES:
            figures[guard.figure], states[guard.figure] = _share(
                guard, by_entity[guard.figure], evidence.get(guard.figure)
            )
        else:
            figures[guard.figure] = _value(guard, challenger, champion)
        low = figures[guard.figure]["low"]
        if low is not None and low > guard.at_most:
            breached.append(_sentence(guard, figures[guard.figure]))
    if breached:
        return Judgement(BREACHED, "; ".join(breached), figures, states)
    above = [
        _sentence(guard, figures[guard.figure])
        for guard in learning.guards
        if (figures[guard.figure]["value"] or 0.0) > guard.at_most
    ]
    if above:
        return Judgement(WAITING, f"above its bound, but not proved: {'; '.join(above)}", figures, states)
    return Judgement(
        PASSED, "; ".join(_sentence(guard, figures[guard.figure]) for guard in learning.guards), figures, states
    )


def _share(guard: Guard, shares: np.ndarray, state: Any) -> tuple[dict[str, float | None], Any]:
    import numpy as np
    from weir_learning.sequential import PairedMeans

    test = PairedMeans.from_state(state) if state else PairedMeans()
    test = test.updated(shares, np.zeros(len(shares))) if len(shares) else test
    low, high = test.interval
    return {
        "value": test.difference if test.n else None,
        "low": max(low, 0.0) if test.n else None,
        "high": high if test.n else None,
        "at_most": guard.at_most,
        "n": float(test.n),
    }, test.state()


def _value(guard: Guard, challenger: Scored, champion: Scored) -> dict[str, float | None]:
    """A figure without a test: its value stands for its bounds."""
    import numpy as np

    if guard.figure == SLOWER:
        value = challenger.cpu_seconds / max(champion.cpu_seconds, 1e-3)
    else:
        known = ~(np.isnan(challenger.score) | np.isnan(champion.score))
        value = float(np.abs(challenger.score - champion.score)[known].mean()) if known.any() else 0.0
    return {"value": value, "low": value, "high": value, "at_most": guard.at_most, "n": float(len(champion.score))}


def _sentence(guard: Guard, figure: Mapping[str, float | None]) -> str:
    value, low, high = figure["value"], figure["low"], figure["high"]
    if value is None or low is None or high is None:
        return f"{guard.figure} is unknown"
    bounds = "" if low == high else f" ({low:.4g} to {high:.4g})"
    return f"{guard.figure} {value:.4g}{bounds}, at most {guard.at_most:g}"
