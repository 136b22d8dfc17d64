"""Bad versions are found by what they say of the same rows; good ones go on, however often one looks."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from platform_assets.domains.learning.comparing import BREACHED, PASSED, WAITING, Judgement, Scored, judge, scored
from weir_models.contract import Guard, Learning
from weir_models.registry import spec

LEARNING = spec("request_attack").learning
assert LEARNING is not None
ROWS = 4_000


class Model:
    """Flags what is above its threshold."""

    def __init__(
        self, threshold: float = 0.9, change: Callable[[np.ndarray], np.ndarray] = lambda values: values
    ) -> None:
        self.threshold, self.change = threshold, change

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        values = self.change(frame["x"].to_numpy())
        return pd.DataFrame({"attack_probability": values, "is_attack": values > self.threshold})


def fails(values: np.ndarray) -> np.ndarray:
    raise KeyError("x")


def rows(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame({"x": random.beta(0.3, 1, ROWS), "entity": random.integers(0, ROWS // 4, ROWS) + seed * ROWS})


def judged(model: Model, windows: int, first_seed: int = 0) -> Judgement:
    """The judgement after so many windows, its evidence kept as JSON in between."""
    assert LEARNING is not None
    evidence: dict[str, object] = {}
    for seed in range(first_seed, first_seed + windows):
        frame = rows(seed)
        both = [scored(one, frame, ["x"], LEARNING) for one in (model, Model())]
        both = [Scored(one.score, one.flag, one.entities, 1.0) for one in both]
        judgement = judge(both[0], both[1], LEARNING, evidence)
        evidence = json.loads(json.dumps(judgement.evidence))
        if judgement.verdict == BREACHED:
            break
    return judgement


@pytest.mark.parametrize(
    ("model", "figure"),
    [
        (Model(change=lambda values: 1 - values), "flagged_more"),
        (Model(threshold=0.5), "flagged_more"),
        (Model(threshold=1.1), "flagged_less"),
        (Model(change=fails), "failed"),
        (Model(change=lambda values: np.where(values > 0.5, np.nan, values)), "failed"),
    ],
)
def test_a_bad_version_is_out_within_two_windows(model: Model, figure: str) -> None:
    judgement = judged(model, 2)
    assert judgement.verdict == BREACHED and figure in judgement.sentence


def test_a_slow_version_is_out_at_once() -> None:
    learning = Learning("p", "attack_probability", "entity", (Guard("slower", 3.0),), flag="is_attack")
    frame = rows(0)
    both = scored(Model(), frame, ["x"], learning)
    slow = judge(
        Scored(both.score, both.flag, both.entities, 3.1),
        Scored(both.score, both.flag, both.entities, 1.0),
        learning,
        {},
    )
    assert (slow.verdict, slow.sentence) == (BREACHED, "slower 3.1, at most 3")


def test_the_same_version_passes_every_window() -> None:
    judgement = judged(Model(), 5)
    assert judgement.verdict == PASSED
    assert {name: figure["value"] for name, figure in judgement.figures.items() if name != "slower"} == {
        "flagged_more": 0.0, "flagged_less": 0.0, "failed": 0.0,
    }  # fmt: skip


def test_a_version_at_its_bound_is_seldom_taken_out() -> None:
    """Flags that differ at the very bound, looked at after each of twelve windows: at most 5 % of such versions are out."""
    learning = Learning("p", "s", "entity", (Guard("flagged_more", 0.02),), flag="f")
    random, out = np.random.default_rng(3), 0
    for _ in range(60):
        evidence: dict[str, object] = {}
        for _ in range(12):
            flags = random.random(100) < 0.02
            one = Scored(np.zeros(100), flags, np.arange(100), 1.0)
            other = Scored(np.zeros(100), np.zeros(100, dtype=bool), np.arange(100), 1.0)
            judgement = judge(one, other, learning, evidence)
            evidence = judgement.evidence
            if judgement.verdict == BREACHED:
                out += 1
                break
    assert out <= 3


def test_more_flags_than_allowed_wait_until_they_are_proved() -> None:
    assert LEARNING is not None
    entities = np.arange(50)
    more = np.zeros(50, dtype=bool)
    more[-1] = True
    one = Scored(np.zeros(50), more, entities, 1.0)
    other = Scored(np.zeros(50), np.zeros(50, dtype=bool), entities, 1.0)
    judgement = judge(one, other, LEARNING, {})
    assert judgement.verdict == WAITING and "above its bound, but not proved: flagged_more 0.02" in judgement.sentence


def test_an_answer_for_each_series_is_compared_by_its_entity() -> None:
    learning = Learning("p", "forecast", "cluster_id", (Guard("difference", 10.0), Guard("failed", 0.0)))

    class Forecast:
        def __init__(self, shift: float) -> None:
            self.shift = shift

        def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
            last = frame.groupby("cluster_id")["cpu"].last()
            return pd.DataFrame({"cluster_id": last.index, "forecast": last.to_numpy() + self.shift})

    frame = pd.DataFrame({"cluster_id": ["a"] * 5 + ["b"] * 5, "cpu": range(10), "entity": ["a"] * 5 + ["b"] * 5})
    both = [scored(Forecast(shift), frame, ["cluster_id", "cpu"], learning) for shift in (12.0, 0.0)]
    both = [Scored(one.score, one.flag, one.entities, 1.0) for one in both]
    assert list(both[0].entities) == ["a", "b"]
    judgement = judge(both[0], both[1], learning, {})
    assert judgement.verdict == BREACHED and judgement.sentence == "difference 12, at most 10"
