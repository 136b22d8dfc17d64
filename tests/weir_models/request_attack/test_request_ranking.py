"""The ranking below the threshold: it breaks ties and moves no decision."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.weir_models.request_attack.request_samples import requests
from weir_models.request_attack import ranking
from weir_models.request_attack.model import RequestAttack

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=40)), max_size=12)


@pytest.fixture(scope="module")
def scored(request_model: RequestAttack, examples: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Held-out examples with probabilities, and the sums and probabilities without a ranking."""
    part = examples[examples["split"] == "evaluate"].reset_index(drop=True)
    sums = request_model.decision_function(part)
    return request_model.predict(part), sums, request_model._probability(sums)


def test_no_decision_moves(request_model: RequestAttack, scored: tuple[pd.DataFrame, np.ndarray, np.ndarray]) -> None:
    found, _, plain = scored
    above = plain >= request_model.threshold_
    assert (found["is_attack"].to_numpy() == above).all()
    assert (found["attack_probability"].to_numpy()[above] == plain[above]).all()
    assert (found["attack_probability"].to_numpy()[~above] < request_model.threshold_).all()


def test_different_sums_keep_their_order(scored: tuple[pd.DataFrame, np.ndarray, np.ndarray]) -> None:
    found, sums, _ = scored
    below = ~found["is_attack"].to_numpy()
    by_sum = found[below].groupby(sums[below])["attack_probability"]
    lowest, highest = by_sum.min().to_numpy(), by_sum.max().to_numpy()
    assert len(lowest) > 10
    assert (highest[:-1] < lowest[1:]).all()


def test_few_attacks_share_the_floor(
    scored: tuple[pd.DataFrame, np.ndarray, np.ndarray], examples: pd.DataFrame
) -> None:
    found, sums, _ = scored
    attacks = examples[examples["split"] == "evaluate"]["is_attack"].to_numpy()
    at_floor = found["attack_probability"].to_numpy()[attacks & (sums == sums.min())]
    assert len(at_floor) > 5, "without the ranking they share it"
    assert len(set(at_floor)) > len(at_floor) / 2
    assert (found["attack_probability"].to_numpy()[attacks] == found["attack_probability"].min()).mean() <= 0.1


def test_what_resembles_attacks_is_ranked_before_what_does_not(request_model: RequestAttack) -> None:
    strange, ordinary = request_model.predict(requests("q=<x('y", "q=garden lamp"))["attack_probability"]
    assert ordinary < strange < request_model.threshold_


@given(TEXTS, st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_evidence_depends_on_the_text_alone(texts: list[str | None], at: int) -> None:
    weights = np.random.default_rng(1).integers(-16, 40, ranking.BINS).astype(np.int8)
    together = ranking.evidence(pa.array(texts, type=pa.string()), weights)
    alone = [ranking.evidence(pa.array([text], type=pa.string()), weights)[0] for text in texts]
    assert together.tolist() == alone
    assert ranking.evidence(pa.array(texts, type=pa.string())[at:], weights).tolist() == alone[at:]
    assert ((together >= 0) & (together <= 1)).all()


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=60, deadline=None)
def test_nothing_that_is_added_lowers_the_evidence(before: str, text: str, after: str) -> None:
    weights = np.random.default_rng(2).integers(-16, 40, ranking.BINS).astype(np.int8)
    alone, within = ranking.evidence(pa.array([text, before + text + after], type=pa.string()), weights)
    assert within >= alone or len(text.encode()) < ranking.WINDOW + 2


def test_weights_say_what_attacks_hold() -> None:
    weights = ranking.weigh(pa.array(["<script>"] * 20), pa.array(["garden lamp"] * 20))
    assert ranking.evidence(pa.array(["<script>", "garden lamp", "", None]), weights).tolist()[1:] == [0.0, 0.0, 0.0]
    assert ranking.evidence(pa.array(["<script>"]), weights)[0] > 0.1
