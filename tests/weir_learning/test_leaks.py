"""Leaks that were planted one at a time are found, and nothing is found where nothing leaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.learning import plants
from weir_learning.leaks import Outcome, Probe, altered_future, probe

PLANTED = plants.planted()


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_leak_is_found(name: str) -> None:
    one = PLANTED[name]
    assert one.expected is not None
    column = "leaked" if one.expected is Probe.TARGET_IN_INPUTS else None
    assert plants.is_found(one.findings(), one.expected, column)


@pytest.mark.parametrize("name", plants.FUTURES)
def test_a_feature_that_knows_the_future_is_found(name: str) -> None:
    assert plants.is_found(plants.future_findings(name), Probe.ALTERED_FUTURE, "leaked")


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_found_where_nothing_leaks(seed: int) -> None:
    findings = [*plants.clean(seed).findings(seed), *plants.future_findings(None, seed)]
    assert {finding.outcome for finding in findings} == {Outcome.CLEAN}
    assert {finding.probe for finding in findings} == set(Probe)


def test_a_copy_of_a_number_is_found() -> None:
    random = np.random.default_rng(1)
    frame = plants.clean().frame.assign(label=random.normal(size=plants.ROWS).cumsum())
    frame["near"] = 3 * frame["label"] + 0.001 * random.normal(size=plants.ROWS)
    frame["lag"] = frame["label"].shift(1)
    found = probe(frame, "label", ["near", "lag", "size"], "split", None, None, 0)
    assert [(finding.column, finding.is_leak) for finding in found] == [("near", True), ("lag", False), ("size", False)]


def test_shuffled_numbers_score_like_chance() -> None:
    frame = plants.clean().frame
    frame["label"] = frame["size"] + np.random.default_rng(2).normal(size=len(frame))

    def honest(fitted: pd.DataFrame, scored: pd.DataFrame) -> np.ndarray:
        return scored["size"].to_numpy() * np.cov(fitted["size"], fitted["label"])[0, 1]

    def reading(fitted: pd.DataFrame, scored: pd.DataFrame) -> np.ndarray:
        return scored["label"].to_numpy() + 5 * np.random.default_rng(3).normal(size=len(scored))

    outcomes = [probe(frame, "label", [], "split", None, fit, 0)[-1].outcome for fit in (honest, reading)]
    assert outcomes == [Outcome.CLEAN, Outcome.LEAK]


def test_companions_of_the_label_are_shuffled_with_it() -> None:
    frame = plants.clean().frame.assign(kind=lambda rows: np.where(rows["label"], "bad", "good"))
    seen = []

    def fit(fitted: pd.DataFrame, scored: pd.DataFrame) -> np.ndarray:
        seen.append(bool(((fitted["kind"] == "bad") == fitted["label"]).all()))
        return np.zeros(len(scored))

    probe(frame, "label", [], "split", "entity", fit, 0, companions=["kind"])
    probe(frame, "label", [], "split", "entity", fit, 0)
    assert seen == [True, False]


def test_too_few_rows_of_a_label_are_not_judged() -> None:
    frame = plants.clean().frame
    frame["label"] = (np.arange(len(frame)) < 5) | (np.arange(len(frame)) > len(frame) - 6)
    found = probe(frame, "label", plants.INPUTS, "split", None, plants.logistic, 0)
    assert {finding.outcome for finding in found} == {Outcome.NOT_JUDGED}
    assert {finding.probe for finding in found} == {Probe.TARGET_IN_INPUTS, Probe.SHUFFLED_TARGET}


def test_a_split_without_held_out_rows_is_not_judged() -> None:
    found = probe(plants.clean().frame, "label", ["size"], "split", None, None, 0, held_out="absent")
    assert [finding.outcome for finding in found] == [Outcome.NOT_JUDGED]


def test_a_past_of_no_rows_is_not_judged() -> None:
    found = altered_future(plants.causal, plants.series(), "at", ["lag"], 0, cuts=(0.0,))
    assert [finding.outcome for finding in found] == [Outcome.NOT_JUDGED]


def test_rows_that_the_future_removes_are_found() -> None:
    """Keeps what lies below the mean of all: with another future there are other rows."""
    found = altered_future(
        lambda raw: raw[raw["load"] < raw["load"].mean()].assign(lag=0.0), plants.series(), "at", ["lag"], 0
    )
    assert found[0].is_leak


def test_the_same_seed_finds_the_same() -> None:
    one = plants.clean()
    assert one.findings(3) == one.findings(3)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"label": None}, "is missing in"),
        ({"label": "many"}, "neither binary nor a number"),
    ],
)
def test_a_label_that_is_none_is_refused(change: dict, match: str) -> None:
    frame = plants.clean().frame
    frame["label"] = frame["country"] if change["label"] == "many" else None
    with pytest.raises(ValueError, match=match):
        replace(plants.clean(), frame=frame).findings()


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no column absent"):
        probe(plants.clean().frame, "label", ["absent"], "split", None, None, 0)


def test_scores_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="scores for"):
        probe(plants.clean().frame, "label", [], "split", None, lambda fitted, scored: np.zeros(3), 0)
