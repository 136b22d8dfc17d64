"""What a run in MLflow shows: a dozen figures with all that the gates read, the rest in a table, the examples, one line."""

from __future__ import annotations

import json
import math

import pytest

from weir_models import registered, registry, run_record
from weir_models.contract import Gate, ModelSpec

SPECS = [registry.spec(name) for name in registry.names()]
OTHERS = {f"class_{number}_tpr": 0.5 for number in range(90)} | {f"n_class_{number}_tpr": 9.0 for number in range(90)}


def figures_of(gates: tuple[Gate, ...]) -> dict[str, float]:
    """Figures with which every gate holds, among many others."""
    found = dict(OTHERS)
    for gate in gates:
        found[gate.figure] = gate.at_least if gate.at_least is not None else gate.at_most if gate.at_most else 0.9
        if gate.at_least_figure:
            found[gate.at_least_figure] = 0.1
        found |= {f"{gate.figure}_low": 0.2, f"{gate.figure}_high": 0.99, f"n_{gate.figure}": 100.0}
        found |= {f"naive_{gate.figure}": 0.1}
    return found


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_gates_are_judged_alike_by_a_dozen_figures(spec: ModelSpec) -> None:
    figures = figures_of(spec.gates)
    shown = run_record.headline(spec, figures)
    assert len(shown) <= run_record.MOST_FIGURES
    assert next(iter(shown)) == spec.gates[0].figure
    for changed in ({}, *({gate.figure: -9.0 if gate.at_most is None else 9.0} for gate in spec.gates)):
        whole, part = figures | changed, run_record.headline(spec, figures | changed)
        assert [gate.holds(whole) for gate in spec.gates] == [gate.holds(part) for gate in spec.gates]
        assert [gate.sentence(whole) for gate in spec.gates] == [gate.sentence(part) for gate in spec.gates]


def test_a_figure_that_is_no_number_is_left_out_of_the_metrics_and_in_the_table() -> None:
    spec = SPECS[0]
    figures = figures_of(spec.gates) | {spec.gates[0].figure: math.nan}
    assert spec.gates[0].figure not in run_record.headline(spec, figures)
    assert spec.gates[0].figure in set(run_record.table_of(figures)["figure"])


def test_every_figure_is_in_the_table() -> None:
    figures = {
        "tpr": 0.9,
        "tpr_low": 0.8,
        "tpr_high": 0.95,
        "n_tpr": 40.0,
        "threshold": 0.4,
        "n_alone": 3.0,
        "x_low": 1.0,
    }
    table = run_record.table_of(figures)
    assert list(table["figure"]) == ["threshold", "tpr", "x_low", "n_alone"]
    row = table.set_index("figure").loc["tpr"]
    assert (row["value"], row["low_95"], row["high_95"], row["n"]) == (0.9, 0.8, 0.95, 40.0)
    values = {value for column in ("value", "low_95", "high_95", "n") for value in table[column] if value == value}
    assert values == set(figures.values())


def test_the_summary_says_whether_it_serves() -> None:
    spec = SPECS[0]
    figures = figures_of(spec.gates)
    assert run_record.summary(spec, "7", figures).endswith("every gate holds.")
    failed = run_record.summary(spec, "7", figures | {spec.gates[0].figure: math.nan})
    assert failed.startswith("Version 7: ") and failed.endswith("a gate fails, it does not serve.")
    assert "\n" not in failed


def test_the_examples_are_a_dataset_with_version_digest_and_rows() -> None:
    tags = {"training_table_version": "4", "examples": "120", "examples_sha256": "ab" * 32, "origin": "fitted"}
    found = run_record.dataset(SPECS[0], tags)
    assert found["name"] == f"{SPECS[0].training_table} version 4" and found["digest"] == "abababababab"
    assert json.loads(found["profile"]) == {"num_rows": 120}
    assert run_record.dataset(SPECS[0], {})["digest"] == "not recorded"


def test_figures_of_all_models_have_their_bounds_and_counts() -> None:
    (spec,) = [spec for spec in SPECS if spec.name == "client_abuse"]
    figures = figures_of(spec.gates) | {"fpr": 0.01, "fpr_low": 0.0, "fpr_high": 0.02, "n_fpr": 700.0}
    tags = {registered.FIGURES_TAG: run_record.shown_for_all(spec, figures)}
    shown = registered.figures_of({"other": 1.0, "fpr": 0.01}, tags)
    assert {name: shown[name] for name in ("fpr", "fpr_low", "fpr_high", "n_fpr", "other")} == {
        "fpr": 0.01, "fpr_low": 0.0, "fpr_high": 0.02, "n_fpr": 700.0, "other": 1.0,
    }  # fmt: skip
    assert len(run_record.headline(spec, figures)) <= run_record.MOST_FIGURES


@pytest.mark.parametrize("text", ["", "3", "[]", '{"fpr": "x"}', '{"fpr": null}'])
def test_a_tag_of_somebody_else_is_no_figure(text: str) -> None:
    assert registered.figures_of({"fpr": 0.01}, {registered.FIGURES_TAG: text}) == {"fpr": 0.01}
