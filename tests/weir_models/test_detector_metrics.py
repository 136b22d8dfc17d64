"""Metrics of detectors at their edges."""

from __future__ import annotations

import math

import numpy as np
import pytest

from weir_models import detector_metrics


def test_wilson_bounds_are_exact_at_the_ends() -> None:
    low, high = detector_metrics.wilson_interval(9, 10)
    assert low == pytest.approx(0.5958, abs=1e-3)
    assert high == pytest.approx(0.9821, abs=1e-3)
    assert detector_metrics.wilson_interval(0, 100)[0] == 0.0
    assert detector_metrics.wilson_interval(100, 100)[1] == 1.0
    assert math.isnan(detector_metrics.wilson_interval(0, 0)[0])


def test_the_threshold_keeps_the_false_positive_rate() -> None:
    scores = np.concatenate([np.zeros(990), np.full(10, 0.7)])
    assert (scores >= detector_metrics.threshold_at_false_positive_rate(scores, 0.01)).mean() <= 0.01
    assert (scores >= detector_metrics.threshold_at_false_positive_rate(scores, 0.001)).mean() == 0


def test_a_macro_rate_weighs_groups_equally() -> None:
    assert detector_metrics.macro_rate([True] * 99 + [False], ["a"] * 99 + ["b"]) == 0.5


def test_areas_are_undefined_where_one_label_is_missing() -> None:
    assert math.isnan(detector_metrics.pr_auc([True, True], [0.1, 0.9]))
    assert detector_metrics.roc_auc([False, True], [0.1, 0.9]) == 1.0
