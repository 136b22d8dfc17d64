"""The registry of models: folders, gates, figures and cards."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from weir_models import cards, detector_metrics, registry
from weir_models.contract import Evaluation, Gate


def test_request_attack_is_a_model_and_its_inputs_exist() -> None:
    from spark_jobs.sources.cloudfront.tables import SOURCE

    tables = {table.key: {column.name for column in table.columns} for table in SOURCE.tables}
    spec = registry.spec("request_attack")
    assert "request_attack" in [path.name for path in registry.HERE.iterdir()]
    assert spec.training_table in tables
    assert spec.label in tables[spec.training_table]
    for table, columns in spec.inputs.items():
        assert set(columns) <= tables[table]


def test_a_folder_without_its_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "half_a_model").mkdir()
    (tmp_path / "half_a_model" / "spec.py").touch()
    with pytest.raises(registry.RegistryError, match=r"half_a_model has no __init__.py, model.py, card.md"):
        registry.names(tmp_path)


def test_an_unknown_model_is_an_error() -> None:
    with pytest.raises(registry.RegistryError, match="there is no model nonsense"):
        registry.spec("nonsense")


def test_reading_a_specification_imports_no_model_and_no_mlflow() -> None:
    script = (
        "import sys; from weir_models import registry, tracking; registry.spec('request_attack');"
        "heavy = [m for m in ('mlflow', 'pyspark', 'dagster', 'skops', 'matplotlib') if m in sys.modules];"
        "assert not heavy, heavy; assert 'weir_models.request_attack.model' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_gate_fails_where_its_figure_is_missing_or_not_a_number() -> None:
    gate = Gate("tpr", at_least=0.5)
    assert gate.holds({"tpr": 0.5})
    assert not gate.holds({})
    assert not gate.holds({"tpr": math.nan})
    assert not Gate("tpr", at_least_figure="naive_tpr").holds({"tpr": 0.9, "naive_tpr": 0.95})


def test_wilson_bounds_hold_the_share_and_know_the_ends() -> None:
    low, high = detector_metrics.wilson_interval(9, 10)
    assert low == pytest.approx(0.5958, abs=1e-3)
    assert high == pytest.approx(0.9821, abs=1e-3)
    assert detector_metrics.wilson_interval(0, 100)[0] == 0.0
    assert detector_metrics.wilson_interval(100, 100)[1] == 1.0
    assert math.isnan(detector_metrics.wilson_interval(0, 0)[0])


def test_the_threshold_for_a_share_lets_no_more_than_that_share_through() -> None:
    scores = np.concatenate([np.zeros(990), np.full(10, 0.7)])
    assert (scores >= detector_metrics.threshold_at_false_positive_rate(scores, 0.01)).mean() <= 0.01
    assert (scores >= detector_metrics.threshold_at_false_positive_rate(scores, 0.001)).mean() == 0


def test_a_macro_rate_counts_small_groups_as_much_as_large_ones() -> None:
    assert detector_metrics.macro_rate([True] * 99 + [False], ["a"] * 99 + ["b"]) == 0.5


def test_areas_are_undefined_where_one_label_is_missing() -> None:
    assert math.isnan(detector_metrics.pr_auc([True, True], [0.1, 0.9]))
    assert detector_metrics.roc_auc([False, True], [0.1, 0.9]) == 1.0


def test_a_card_has_every_figure_and_refuses_a_hole() -> None:
    spec = registry.spec("request_attack")
    table = pd.DataFrame({"attack_class": ["sqli"], "n": [3], "tpr": [0.5]})
    evaluation = Evaluation({"tpr": 0.913, "tpr_low": 0.9, "tpr_high": 0.92, "n_tpr": 1200.0}, {"by_class": table}, {})
    text = cards.write_card("{{tag:name}}: {{tpr%}} {{tpr}}\n{{table:by_class}}", spec, evaluation)
    assert text.startswith("request_attack: 91.3 % (95 % interval 90 to 92, n = 1,200) 0.913")
    assert "| sqli | 3 | 0.5 |" in text
    with pytest.raises(KeyError, match="asks for the figure fpr"):
        cards.write_card("{{fpr}}", spec, evaluation)
