"""NAB's score and VUS-PR on cases that can be counted by hand, or by a slow loop over their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.metrics import anomaly_peers as peers
from benchmarks.metrics.anomaly_scorers import (
    NabFile,
    nab_optimized,
    nab_score,
    probation,
    range_pr_auc,
    range_weights,
    scaled_sigmoid,
    vus_pr,
)
from weir_models import detector_metrics
from weir_models.anomaly_detection.evaluation import events, poisson_interval, spans

WINDOWS = ((40, 49), (80, 89))


def detections(*rows: int, size: int = 100) -> np.ndarray:
    scores = np.zeros(size)
    scores[list(rows)] = 1.0
    return scores


def test_silence_is_zero_earliest_hits_a_hundred() -> None:
    assert nab_score([NabFile(detections(), WINDOWS)], 0.5) == 0.0
    assert nab_score([NabFile(detections(40, 80), WINDOWS)], 0.5) == pytest.approx(100.0)


def test_a_false_positive_costs_as_published() -> None:
    far = nab_score([NabFile(detections(20, 40, 80), WINDOWS)], 0.5)
    assert far == pytest.approx(100 * (2 - 0.11 + 2) / 4)
    near = nab_score([NabFile(detections(40, 51, 80), WINDOWS)], 0.5)
    assert near == pytest.approx(100 * (4 + 0.11 * (2 / (1 + math.exp(5 * 2 / 9)) - 1)) / 4)


def test_only_the_earliest_hit_of_a_window_counts() -> None:
    early = nab_score([NabFile(detections(40, 41, 42, 80), WINDOWS)], 0.5)
    late = nab_score([NabFile(detections(45, 80), WINDOWS)], 0.5)
    assert early == pytest.approx(100.0)
    worth = scaled_sigmoid(-(49 - 45 + 1) / 10) / scaled_sigmoid(-1.0)
    assert late == pytest.approx(100 * (2 + 1 + worth) / 4)


def test_the_probation_is_not_scored() -> None:
    assert (probation(100), probation(4000), probation(50_000)) == (15, 600, 750)
    assert nab_score([NabFile(detections(3, 14, 40, 80), WINDOWS)], 0.5) == pytest.approx(100.0)


def test_the_optimized_threshold_is_the_best_of_all() -> None:
    random = np.random.default_rng(2)
    files = [NabFile(np.round(random.random(100), 1), WINDOWS), NabFile(np.round(random.random(80), 1), ((30, 35),))]
    best, threshold = nab_optimized(files)
    tried = [nab_score(files, at) for at in np.append(np.unique(np.concatenate([f.scores for f in files])), np.inf)]
    assert best == pytest.approx(max(tried)) and nab_score(files, threshold) == pytest.approx(best)


def slow_range_pr_auc(labels: np.ndarray, scores: np.ndarray, buffer: int) -> float:
    """The definition, a threshold at a time."""
    weights = labels.astype(float)
    for row in range(len(labels)):
        for first, last in spans(labels):
            away = max(first - row, row - last)
            if 0 < away <= buffer // 2:
                weights[row] = min(1.0, weights[row] + math.sqrt(1 - away / buffer))
    area, before = 0.0, 0.0
    runs = spans(weights > 0)
    for at in sorted(scores, reverse=True):
        said = scores >= at
        hits = float((weights * said).sum())
        positives = labels.sum() + (weights * said * ~labels).sum() / 2
        met = np.mean([said[first : last + 1].any() for first, last in runs])
        recall = min(hits / positives, 1.0) * met
        area += (recall - before) * hits / said.sum()
        before = recall
    return area


@pytest.mark.parametrize("buffer", [0, 1, 4, 9])
def test_the_range_area_equals_a_slow_loop(buffer: int) -> None:
    random = np.random.default_rng(buffer)
    labels = np.zeros(60, dtype=bool)
    labels[10:15] = labels[18:22] = labels[50:60] = True
    scores = np.round(random.random(60) + 0.3 * labels, 1)
    assert range_pr_auc(labels, scores, buffer, 60) == pytest.approx(slow_range_pr_auc(labels, scores, buffer))


def test_only_a_perfect_detector_fills_the_volume() -> None:
    labels = np.zeros(400, dtype=bool)
    labels[100:120] = labels[300:340] = True
    assert range_pr_auc(labels, labels.astype(float), 0, 400) == pytest.approx(1.0)
    random = np.random.default_rng(1).random(400)
    assert vus_pr(labels, range_weights(labels, 20), 20) > 0.9 > 0.4 > vus_pr(labels, random, 20)
    assert math.isnan(vus_pr(np.zeros(9, bool), random[:9]))


def test_several_flags_meet_an_event_once() -> None:
    labels, flags = np.zeros(30, bool), np.zeros(30, bool)
    labels[5:10] = labels[20:22] = True
    flags[[6, 8]] = flags[[12, 13]] = flags[28] = True
    found = events(labels, flags)
    assert (found.labelled, found.met, found.false) == (2, 1, 2)
    assert (found.precision, found.recall, found.f1) == (1 / 3, 0.5, pytest.approx(2 * 1 / 5))
    assert poisson_interval(0) == (0.0, pytest.approx(3.6889, abs=1e-3))


def test_the_windowed_gaussian_knows_only_what_came_before() -> None:
    values = np.r_[np.tile([1.0, 2.0, 3.0], 20), 30.0, 2.0]
    scores = peers.windowed_gaussian(values)
    assert scores[30:].argmax() == 30 and scores[60] == pytest.approx(1.0)
    assert (peers.windowed_gaussian(values[:60]) == scores[:60]).all()


def test_skyline_votes_for_a_jump_only() -> None:
    random = np.random.default_rng(3)
    at = np.datetime64("2026-03-02", "s") + 300 * np.arange(900)
    values = random.normal(100, 2, 900)
    values[850:] += 60
    scores = peers.skyline(at, values)
    assert scores[851:853].max() >= 5 / 7 and np.median(scores[300:850]) == 0
    assert (peers.skyline(at[:800], values[:800]) == scores[:800]).all()


def test_plain_pca_scores_what_leaves_the_plane() -> None:
    random = np.random.default_rng(4)
    past = random.normal(size=(500, 1)) @ np.ones((1, 5)) + random.normal(0, 0.05, (500, 5))
    now = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, -1]], dtype=float)
    assert detector_metrics.roc_auc([False, True], peers.plain_pca(past, now)) == 1.0
