"""Scores of anomaly detectors: NAB's (Lavin and Ahmad, 2015, standard profile) and VUS-PR (Paparrizos et al., 2022).

Event-wise F1 and false alarms a week are with the model's own evaluation. Point-adjusted F1 is left out: random scores
excel by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weir_models.anomaly_detection.evaluation import spans

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Spans = Sequence[tuple[int, int]]
"""First and last row of each labeled window, both within it."""

FALSE_POSITIVE_WEIGHT = 0.11
FALSE_NEGATIVE_WEIGHT = 1.0
PROBATION_SHARE, PROBATION_LONGEST = 0.15, 5000
FAR_BEHIND = 3.0
THRESHOLDS = 250


def probation(rows: int) -> int:
    """The number of first rows that NAB does not score."""
    return int(min(math.floor(PROBATION_SHARE * rows), PROBATION_SHARE * PROBATION_LONGEST))


def scaled_sigmoid(position: float) -> float:
    """Weight of a detection: near 1 at a window's left edge (-1), 0 at its right edge, -1 far behind it."""
    return -1.0 if position >= FAR_BEHIND else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def nab_weights(rows: int, windows: Spans) -> tuple[Values, NDArray[np.int64]]:
    """The weight of a detection at each row, and its window (-1 outside, -2 in probation)."""
    weights, inside = np.full(rows, FALSE_POSITIVE_WEIGHT * scaled_sigmoid(FAR_BEHIND)), np.full(rows, -1)
    best = scaled_sigmoid(-1.0)
    following = [*(first for first, _ in windows[1:]), rows][: len(windows)]
    for number, ((first, last), end) in enumerate(zip(windows, following, strict=True)):
        width = last - first + 1
        weights[first : last + 1] = [scaled_sigmoid(-(last - row + 1) / width) / best for row in range(first, last + 1)]
        inside[first : last + 1] = number
        behind = [scaled_sigmoid((row - last) / max(width - 1, 1)) for row in range(last + 1, end)]
        weights[last + 1 : end] = FALSE_POSITIVE_WEIGHT * np.array(behind)
    inside[: probation(rows)] = -2
    return weights, inside


@dataclass(frozen=True)
class NabFile:
    """One series of a corpus: the detector's scores and the labeled windows, ascending and apart."""

    scores: Values
    windows: Spans


def nab_raw(file: NabFile, threshold: float) -> float:
    """The unnormalized score of one series where rows at or above the threshold are detections."""
    weights, inside = nab_weights(len(file.scores), file.windows)
    detected = file.scores >= threshold
    raw = float(weights[detected & (inside == -1)].sum())
    for window in range(len(file.windows)):
        if (inside == window).any():
            hits = weights[detected & (inside == window)]
            raw += float(hits.max()) if len(hits) else -FALSE_NEGATIVE_WEIGHT
    return raw


def nab_normalized(raw: float, windows: int) -> float:
    """0 is the detector that never fires, 100 the one that hits every window at its first row."""
    silent = -FALSE_NEGATIVE_WEIGHT * windows
    return 100.0 * (raw - silent) / (windows - silent) if windows else math.nan


def nab_score(files: Sequence[NabFile], threshold: float) -> float:
    """NAB's score of the corpus at a threshold."""
    return nab_normalized(sum(nab_raw(file, threshold) for file in files), sum(len(file.windows) for file in files))


def nab_optimized(files: Sequence[NabFile]) -> tuple[float, float]:
    """NAB's score at the one threshold that is best over the corpus, as its leaderboard has it, and the threshold."""
    scores, changes = [], []
    base = 0.0
    for file in files:
        weights, inside = nab_weights(len(file.scores), file.windows)
        outside = inside == -1
        scores.append(file.scores[outside])
        changes.append(weights[outside])
        for window in range(len(file.windows)):
            rows = np.flatnonzero(inside == window)
            if not len(rows):
                continue
            base -= FALSE_NEGATIVE_WEIGHT
            order = rows[np.argsort(-file.scores[rows], kind="stable")]
            reached = np.maximum.accumulate(weights[order])
            scores.append(file.scores[order])
            changes.append(np.diff(reached, prepend=-FALSE_NEGATIVE_WEIGHT))
    at, change = np.concatenate(scores), np.concatenate(changes)
    order = np.argsort(-at, kind="stable")
    at, raw = at[order], base + np.cumsum(change[order])
    last = np.append(at[1:] != at[:-1], True)
    candidates, raws = np.append(np.inf, at[last]), np.append(base, raw[last])
    best = int(np.argmax(raws))
    return nab_normalized(float(raws[best]), sum(len(file.windows) for file in files)), float(candidates[best])


def range_weights(labels: Flags, buffer: int) -> Values:
    """Labels, with both edges of each run sloping off over half the buffer as a square root."""
    weights = labels.astype(np.float64)
    for first, last in spans(labels):
        after = np.arange(last + 1, min(last + buffer // 2 + 1, len(weights)))
        weights[after] += np.sqrt(1 - (after - last) / buffer)
        before = np.arange(max(first - buffer // 2, 0), first)
        weights[before] += np.sqrt(1 - (first - before) / buffer)
    return np.minimum(weights, 1.0)


def range_pr_auc(labels: Flags, scores: Values, buffer: int, thresholds: int = THRESHOLDS) -> float:
    """Area under precision and recall for labels with sloping edges; recall requires a hit in every run."""
    weights = range_weights(labels, buffer)
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    picks = ordered[np.linspace(0, len(scores) - 1, thresholds).astype(int)]
    predicted = np.searchsorted(-ordered, -picks, side="right")
    hits = np.cumsum(weights[order])[predicted - 1]
    sloping = np.cumsum(np.where(labels, 0.0, weights)[order])[predicted - 1]
    peaks = np.array([scores[first : last + 1].max() for first, last in spans(weights > 0)])
    met = (peaks[None, :] >= picks[:, None]).mean(axis=1)
    recall = np.minimum(hits / (labels.sum() + sloping / 2), 1.0) * met
    return float(np.sum(np.diff(recall, prepend=0.0) * hits / predicted))


def vus_pr(labels: Flags, scores: Values, longest_buffer: int = 100, thresholds: int = THRESHOLDS) -> float:
    """Volume under the surface of precision and recall over buffers of 0 … `longest_buffer` rows; nan without labels."""
    labels = np.asarray(labels, dtype=bool)
    if not labels.any():
        return math.nan
    return float(np.mean([range_pr_auc(labels, scores, b, thresholds) for b in range(longest_buffer + 1)]))
