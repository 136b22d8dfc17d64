"""The estimator: fitted on labelled clusters, beaten rule, reasons, saved and loaded, card without a hole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.weir_models.anomaly_detection.labeled_series import clusters
from weir_models import cards, registry, saved_model
from weir_models.anomaly_detection.model import AnomalyDetection, evaluate, fit, how_rare
from weir_models.anomaly_detection.series import SeriesError
from weir_models.contract import Evaluation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def examples() -> pd.DataFrame:
    return clusters()


@pytest.fixture(scope="module")
def model(examples: pd.DataFrame) -> AnomalyDetection:
    return fit(examples, seed=1)


@pytest.fixture(scope="module")
def evaluation(model: AnomalyDetection, examples: pd.DataFrame) -> Evaluation:
    return evaluate(model, examples)


def test_the_gates_hold_on_clusters_with_known_incidents(evaluation: Evaluation) -> None:
    spec = registry.spec("anomaly_detection")
    assert [gate.sentence(evaluation.figures) for gate in spec.gates if not gate.holds(evaluation.figures)] == []
    assert evaluation.figures["n_incidents"] > 3 and evaluation.figures["n_series"] == 2


def test_the_card_has_no_hole(evaluation: Evaluation) -> None:
    spec = registry.spec("anomaly_detection")
    card = cards.write_card(registry.card_template(spec.name), spec, evaluation)
    assert "{{" not in card and "cluster-0" in card


def test_unordered_rows_keep_their_index(model: AnomalyDetection, examples: pd.DataFrame) -> None:
    frame = examples[["cluster_id", "event_at", "cpu_utilization", "queue_depth"]].iloc[4000:8000]
    shuffled = frame.sample(frac=1, random_state=0)
    ordered, mixed = model.predict(frame), model.predict(shuffled)
    pd.testing.assert_frame_equal(mixed.loc[frame.index], ordered)
    raised = ordered[ordered["is_anomaly"]]
    assert len(raised) and raised[["severity", "metric", "reason"]].notna().all(axis=None)
    others = ordered[~ordered["is_anomaly"]]
    followers = others[others["reason"].notna()]
    assert others.drop(followers.index)[["severity", "metric"]].isna().all(axis=None)
    assert (followers["severity"].notna() | followers["reason"].str.startswith("recovery: ")).all()
    assert raised["reason"].str.contains("its like is seen").all()
    assert ordered["score"].between(0, 1).all()


def test_the_model_is_saved_and_loaded_the_same(
    model: AnomalyDetection, examples: pd.DataFrame, tmp_path: Path
) -> None:
    loaded = saved_model.load_dir(saved_model.save_dir(model, tmp_path / "model"))
    frame = examples.iloc[:1500]
    pd.testing.assert_frame_equal(loaded.predict(frame), model.predict(frame))


def test_without_labels_the_threshold_starts_at_the_budget(examples: pd.DataFrame) -> None:
    unlabelled = examples.drop(columns=["is_incident", "split"])
    found = evaluate(fit(unlabelled), unlabelled)
    assert fit(unlabelled).start_ == 0.0
    assert np.isnan(found.figures["event_recall"]) and found.figures["n_incidents"] == 0


def test_the_default_stays_where_no_threshold_keeps_to_the_bound(examples: pd.DataFrame) -> None:
    strict = AnomalyDetection(false_alarms_per_week=-1.0)
    assert strict.fit(examples).start_ == 0.0


def test_evaluated_rows_do_not_move_the_threshold(model: AnomalyDetection, examples: pd.DataFrame) -> None:
    altered = examples.copy()
    measured = altered["split"] == "evaluate"
    altered.loc[measured, "is_incident"] = ~altered.loc[measured, "is_incident"]
    altered.loc[measured, "cpu_utilization"] = 0.0
    again = fit(altered)
    assert again.start_ == model.start_


def test_a_frame_without_series_is_refused(model: AnomalyDetection) -> None:
    with pytest.raises(
        SeriesError, match=r"needs series_id or cluster_id, event_at and at least one of cpu_utilization"
    ):
        model.predict(pd.DataFrame({"event_at": [], "value": []}))


@pytest.mark.parametrize(
    ("weekly_rarity", "is_sudden", "expected"),
    [
        (-np.inf, False, "the departure lasts"),
        (-400.0, False, "times a week"),
        (-0.3, False, "about 2 times a week"),
        (0.0, False, "about once a week"),
        (1.0, False, "once in 10 weeks"),
        (9.0, False, "less than once in 10,000 weeks"),
        (-np.inf, True, "nothing like it was seen"),
    ],
)
def test_a_reason_tells_how_rare_any_row_is(weekly_rarity: float, is_sudden: bool, expected: str) -> None:
    assert expected in how_rare(weekly_rarity, is_sudden)
