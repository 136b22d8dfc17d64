"""Methods that were tried find what they are for, and see nothing of what comes later."""

from __future__ import annotations

import numpy as np

from benchmarks.metrics.anomaly_methods import cauchy, cut_forest, drifting, forest_scores, left_profile, spot

RNG = np.random.default_rng(5)


def test_the_cut_forest_parts_the_outlier_first() -> None:
    past = RNG.normal(size=(600, 4))
    now = np.vstack([RNG.normal(size=(30, 4)), np.full((1, 4), 9.0)])
    scores = forest_scores(cut_forest(past, seed=1), now)
    assert scores[-1] > 1.5 * scores[:-1].max()
    assert np.array_equal(scores, forest_scores(cut_forest(past, seed=1), now))


def test_a_new_shape_is_far_from_all() -> None:
    values = np.sin(np.arange(1_200) / 8.0)
    values[1_100:1_132] = RNG.normal(size=32)
    distances = left_profile(values, 0, 1_000, 1_200, 32)
    assert distances[131] > 10 * max(float(distances[:90].max()), 1e-3)
    changed = np.concatenate([values[:1_150], np.zeros(50)])
    assert np.array_equal(distances[:150], left_profile(changed, 0, 1_000, 1_200, 32)[:150])


def test_equal_ranks_combine_to_the_same() -> None:
    ranks = np.array([0.5, 2.0, 4.0])
    assert np.allclose(cauchy({"a": ranks, "b": ranks}, {"a": 2.0, "b": 1.0}), ranks, atol=1e-3)
    assert cauchy({"a": np.array([6.0]), "b": np.array([0.3])}, {"a": 1.0, "b": 1.0})[0] > 5.5


def test_spot_flags_the_spike_alone() -> None:
    scores = np.abs(RNG.normal(size=3_000))
    scores[2_500] = 30.0
    assert np.flatnonzero(spot(scores, 500, 1e-5)).tolist() == [2_500]


def test_a_drift_is_measured_from_before() -> None:
    assert drifting(np.array([1.0, 1.0, 1.0, 5.0, 5.0]), 2).tolist() == [0.0, 0.0, 0.0, 4.0, 2.0]
