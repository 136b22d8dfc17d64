"""Leak probes: does a training set, or the way a model is fitted on it, know what it cannot know when it serves?

Every probe gives a finding, also where nothing leaks or nothing could be judged. What is done about one is not decided here.
After Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science" (Patterns 2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
FitPredict = Callable[[pd.DataFrame, pd.DataFrame], ArrayLike]
HELD_OUT = "evaluate"
CHANCE_LEVEL = 0.001
"""Probability that shuffled labels look like a leak where there is none."""
PERMUTATIONS = 4_000
COPY_AREA, COPY_CORRELATION = 0.98, 0.999
"""Area under the curve, or squared correlation, of one column alone from which on it is a copy of the label."""
LEAST_ROWS = 20
"""Held-out rows, and of a binary label rows of each value, below which nothing is judged."""
MOST_LEVELS = 50
"""A numeric column with no more values is also read as categories."""


class Probe(StrEnum):
    ENTITY_OVERLAP = "entity on both sides"
    LATER_ROWS = "fitted rows later than held-out ones"
    TARGET_IN_INPUTS = "target in an input"
    SHUFFLED_TARGET = "shuffled target"
    ALTERED_FUTURE = "altered future"


class Outcome(StrEnum):
    CLEAN = "clean"
    LEAK = "leak"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Finding:
    """What a probe found, of a column or of the whole set."""

    probe: Probe
    outcome: Outcome
    value: float
    """A count, an area under the curve, a squared correlation, or a p-value; nan where nothing was judged."""
    n: int
    """Rows that it is about."""
    sentence: str
    column: str | None = None

    @property
    def is_leak(self) -> bool:
        return self.outcome is Outcome.LEAK


def probe(
    frame: pd.DataFrame,
    label: str,
    inputs: Sequence[str],
    split: str,
    entity: str | None,
    fit_predict: FitPredict | None,
    seed: int,
    *,
    held_out: str = HELD_OUT,
    companions: Sequence[str] = (),
    time: str | None = None,
) -> list[Finding]:
    """All probes of a training set.

    The rows whose column `split` is `held_out` are scored, all others fitted. `entity`, if the split is by entity, is a
    column that is on one side only. `fit_predict(fitted, scored)` gives a score for each scored row and may use whatever
    it uses in production; `companions` are further forms of the label, which are shuffled with it. With `time`, no
    fitted row may be later than a held-out one. The label is binary or a number; ValueError otherwise, or of a column
    that is not there. Same seed, same findings.
    """
    missing = [c for c in {label, split, *inputs, *companions, *filter(None, (entity, time))} if c not in frame]
    if missing:
        raise ValueError(f"the training set has no column {', '.join(sorted(missing))}")
    target = _target(frame[label])
    is_out = (frame[split] == held_out).to_numpy()
    findings = [] if entity is None else [_overlap(frame[entity], is_out, entity)]
    if time is not None:
        findings.append(_later(frame[time], is_out))
    too_few = _too_few(target, is_out)
    if too_few:
        findings.append(Finding(Probe.TARGET_IN_INPUTS, Outcome.NOT_JUDGED, math.nan, int(is_out.sum()), too_few))
    else:
        findings += [_single(frame[name], target, is_out, name) for name in inputs]
    if fit_predict is not None and too_few:
        findings.append(Finding(Probe.SHUFFLED_TARGET, Outcome.NOT_JUDGED, math.nan, int(is_out.sum()), too_few))
    elif fit_predict is not None:
        findings.append(_shuffled(frame, [label, *companions], is_out, entity, fit_predict, seed))
    return findings


def altered_future(
    make: Callable[[pd.DataFrame], pd.DataFrame],
    raw: pd.DataFrame,
    time: str,
    inputs: Sequence[str],
    seed: int,
    *,
    cuts: Sequence[float] = (0.5, 0.8),
) -> list[Finding]:
    """Whether inputs of the past change with the future: `make` is repeated with what follows a cut altered, then cut off.

    `make` turns raw rows into a frame with the column `time` and the inputs. `cuts` are shares of the raw rows, in order
    of time. One finding for each input.
    """
    ordered = raw.sort_values(time, kind="stable", ignore_index=True)
    whole, changed, rows = make(ordered), dict.fromkeys(inputs, 0), 0
    for cut in cuts:
        at = ordered[time].iloc[min(int(cut * len(ordered)), len(ordered) - 1)]
        past = whole[whole[time] < at].reset_index(drop=True)
        rows += len(past)
        for variant in (_altered(ordered, time, at, seed), ordered[ordered[time] < at].reset_index(drop=True)):
            again = make(variant)
            again = again[again[time] < at].reset_index(drop=True)
            for name in inputs:
                is_comparable = len(again) == len(past)
                changed[name] += int((~_equal(past[name], again[name])).sum()) if is_comparable else len(past)
    return [_future(name, count, rows) for name, count in changed.items()]


def _finding(probe: Probe, leaks: bool, value: float, n: int, sentence: str, column: str | None = None) -> Finding:
    return Finding(probe, Outcome.LEAK if leaks else Outcome.CLEAN, value, n, sentence, column)


def _target(label: pd.Series) -> Values:
    """The label as numbers, 0 and 1 where it is binary."""
    if label.isna().any():
        raise ValueError(f"the label {label.name} is missing in {int(label.isna().sum())} rows")
    if label.nunique() == 2:
        return np.asarray(pd.factorize(label, sort=True)[0], dtype=np.float64)
    if not pd.api.types.is_numeric_dtype(label):
        raise ValueError(f"the label {label.name} is neither binary nor a number")
    return label.to_numpy(np.float64)


def _is_binary(target: Values) -> bool:
    return bool(np.isin(target, (0.0, 1.0)).all())


def _too_few(target: Values, is_out: NDArray[np.bool_]) -> str:
    """Why nothing can be judged; empty where it can."""
    sides = {"held-out": target[is_out], "fitted": target[~is_out]}
    for name, values in sides.items():
        counts = [int((values == v).sum()) for v in (0.0, 1.0)] if _is_binary(target) else [len(values)]
        if min(counts) < LEAST_ROWS:
            return f"Not judged: {name} rows are {' and '.join(map(str, counts))}, {LEAST_ROWS} are needed."
    return ""


def _overlap(entities: pd.Series, is_out: NDArray[np.bool_], entity: str) -> Finding:
    sides = [set(entities[side].dropna()) for side in (~is_out, is_out)]
    both = sides[0] & sides[1]
    rows = int(entities[is_out].isin(both).sum())
    sentence = (
        f"{len(both)} of {len(sides[1])} held-out values of {entity} were fitted as well, in {rows} held-out rows."
    )
    return _finding(Probe.ENTITY_OVERLAP, bool(both), float(len(both)), int(is_out.sum()), sentence, entity)


def _later(times: pd.Series, is_out: NDArray[np.bool_]) -> Finding:
    later = int((times[~is_out] > times[is_out].min()).sum())
    sentence = f"{later} fitted rows have a later {times.name} than the first held-out one."
    return _finding(Probe.LATER_ROWS, later > 0, float(later), int((~is_out).sum()), sentence)


def auc(target: Values, scores: Values) -> float:
    """Area under the ROC curve; ties count half."""
    from scipy.stats import rankdata

    positive = target == 1
    n, m = int(positive.sum()), int((~positive).sum())
    return float((rankdata(scores)[positive].sum() - n * (n + 1) / 2) / (n * m))


def _single(column: pd.Series, target: Values, is_out: NDArray[np.bool_], name: str) -> Finding:
    """How well one input alone predicts the held-out label, by its value, its presence, or the mean label of equal values."""
    fitted, scored = target[~is_out], target[is_out]
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    forms = [column.isna().to_numpy(np.float64)]
    if numeric or pd.api.types.is_datetime64_any_dtype(column):
        forms.append(column.astype("float64" if numeric else "int64").to_numpy(np.float64, na_value=np.nan))
    if not numeric or column.nunique() <= MOST_LEVELS:
        values = column.astype(str)
        means = pd.Series(fitted).groupby(values[~is_out].to_numpy()).mean()
        forms.append(values.map(means).fillna(fitted.mean()).to_numpy(np.float64))
    best = max(_strength(form, target, is_out) for form in forms)
    measure, bound = (
        ("area under the curve", COPY_AREA) if _is_binary(target) else ("squared correlation", COPY_CORRELATION)
    )
    sentence = f"{name} alone predicts the held-out label with {measure} {best:.4f}; it is a copy from {bound} on."
    return _finding(Probe.TARGET_IN_INPUTS, best >= bound, best, len(scored), sentence, name)


def _strength(form: Values, target: Values, is_out: NDArray[np.bool_]) -> float:
    """Area under the curve in the better direction, or squared correlation, on held-out rows; missing values are lowest."""
    known = np.isfinite(form)
    if _is_binary(target):
        lowest = form[known].min() - 1 if known.any() else 0.0
        area = auc(target[is_out], np.where(known, form, lowest)[is_out])
        return max(area, 1 - area)
    rows = is_out & known
    if rows.sum() < LEAST_ROWS or np.ptp(form[rows]) == 0 or np.ptp(target[rows]) == 0:
        return 0.0
    return float(np.corrcoef(form[rows], target[rows])[0, 1] ** 2)


def _shuffled(
    frame: pd.DataFrame,
    labels: list[str],
    is_out: NDArray[np.bool_],
    entity: str | None,
    fit_predict: FitPredict,
    seed: int,
) -> Finding:
    """Fit and score with labels that mean nothing: those of whole entities are exchanged where an entity has one label."""
    random = np.random.default_rng(seed)
    codes = _entities(frame, labels, entity)
    first = np.unique(codes, return_index=True)[1]
    order = random.permutation(len(first))
    shuffled = frame.assign(**{name: frame[name].to_numpy()[first[order]][codes] for name in labels})
    target = _target(shuffled[labels[0]])
    if too_few := _too_few(target, is_out):  # few entities may all come to one side
        return Finding(Probe.SHUFFLED_TARGET, Outcome.NOT_JUDGED, math.nan, int(is_out.sum()), too_few)
    scores = np.asarray(fit_predict(shuffled[~is_out], shuffled[is_out]), dtype=np.float64)
    if scores.shape != (int(is_out.sum()),):
        raise ValueError(f"fit_predict gave {scores.shape} scores for {int(is_out.sum())} rows")
    value, p = _beside_chance(target[is_out], scores, codes[is_out], random)
    measure = "area under the curve" if _is_binary(target) else "rank correlation"
    sentence = f"With shuffled labels the held-out rows are predicted with {measure} {value:.3f}, of which chance reaches as much with p = {p:.4f}."
    return _finding(Probe.SHUFFLED_TARGET, p <= CHANCE_LEVEL, p, int(is_out.sum()), sentence)


def _entities(frame: pd.DataFrame, labels: list[str], entity: str | None) -> NDArray[np.int64]:
    """What labels are exchanged between: entities where each has one label, else rows."""
    if entity is not None and (frame.groupby(entity, dropna=False)[labels].nunique(dropna=False) <= 1).to_numpy().all():
        return np.asarray(pd.factorize(frame[entity], use_na_sentinel=False)[0], dtype=np.int64)
    return np.arange(len(frame), dtype=np.int64)


def _beside_chance(
    target: Values, scores: Values, codes: NDArray[np.int64], random: np.random.Generator
) -> tuple[float, float]:
    """Area under the curve (or rank correlation), and how often exchanged labels reach it; one-sided."""
    from scipy.special import ndtr
    from scipy.stats import rankdata, spearmanr

    if not _is_binary(target):
        value = float(spearmanr(target, scores).statistic) if np.ptp(scores) and np.ptp(target) else 0.0
        return value, float(ndtr(-value * math.sqrt(len(target) - 1)))
    _, first, groups = np.unique(codes, return_index=True, return_inverse=True)
    ranks, sizes = np.bincount(groups, rankdata(scores)), np.bincount(groups).astype(np.float64)
    labels = target[first]
    if not 0 < target.sum() < len(target):
        return 0.5, 1.0

    def areas(drawn: Values) -> Values:
        n = drawn @ sizes
        return np.asarray((drawn @ ranks - n * (n + 1) / 2) / (n * (len(target) - n)))

    value = float(areas(labels))
    if len(sizes) == len(target):
        return value, _normal_p(value, target, rankdata(scores))
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = np.concatenate(
            [areas(random.permuted(np.tile(labels, (100, 1)), axis=1)) for _ in range(PERMUTATIONS // 100)]
        )
    return value, float((np.nan_to_num(drawn, nan=0.5) >= value - 1e-12).sum() + 1) / (len(drawn) + 1)


def _normal_p(area: float, target: Values, ranks: Values) -> float:
    from scipy.special import ndtr

    n, m = float(target.sum()), float((target == 0).sum())
    variance = n * m / (n + m) / (n + m - 1) * float(((ranks - ranks.mean()) ** 2).sum()) / (n * m) ** 2
    return float(ndtr((0.5 - area) / math.sqrt(variance))) if variance > 0 else 1.0


def _altered(raw: pd.DataFrame, time: str, at: object, seed: int) -> pd.DataFrame:
    """Rows from the time on get values of other rows; numbers are also moved beyond what was ever there."""
    random = np.random.default_rng(seed)
    rows = np.flatnonzero((raw[time] >= at).to_numpy())
    changed = raw.copy()
    for name in raw.columns.drop(time):
        values = raw[name].to_numpy(copy=True)
        values[rows] = values[random.permutation(rows)]
        if pd.api.types.is_float_dtype(raw[name]):
            values[rows] += np.nanmax(np.abs(raw[name])) + 1
        changed[name] = values
    return changed


def _equal(one: pd.Series, other: pd.Series) -> NDArray[np.bool_]:
    return np.asarray((one == other) | (one.isna() & other.isna()))


def _future(name: str, changed: int, rows: int) -> Finding:
    if not rows:
        return Finding(Probe.ALTERED_FUTURE, Outcome.NOT_JUDGED, math.nan, 0, f"{name} has no past to judge.", name)
    sentence = f"{name} changed in {changed} rows of the past when the future was altered or cut off."
    return _finding(Probe.ALTERED_FUTURE, changed > 0, float(changed), rows, sentence, name)
