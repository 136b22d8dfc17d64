"""What a run in MLflow shows of a registered version: a dozen figures, its examples as a dataset, a summary of one line.

All figures are in the artifact figures.csv. No mlflow is imported here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from weir_models.contract import Model, ModelSpec

MOST_FIGURES = 12
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Releases of MLflow open an experiment of this kind on its runs. 3.17 goes by its switch "Model training" instead, which each
browser remembers, or by `?workflowType=machine_learning` in the address."""
DESCRIPTION_TAG = "mlflow.note.content"
DIGEST_LENGTH = 12


def headline(spec: ModelSpec, figures: Mapping[str, float]) -> dict[str, float]:
    """The figures that a person compares, the most important first: those of the gates, what they are held against, counts.

    Every figure that a gate reads is among them, so that a gate can be judged by them alone; NaN is left out.
    """
    gated = [gate.figure for gate in spec.gates]
    floors = [gate.at_least_figure for gate in spec.gates if gate.at_least_figure]
    naive = [f"naive_{name}" for name in gated]
    counts = [f"n_{name}" for name in gated]
    rest = [name for name in figures if not name.startswith("n_") and not _is_bound(name, figures)]
    bounds = [f"{name}_{end}" for name in gated for end in ("low", "high")]
    needed = list(dict.fromkeys([*gated, *floors]))
    others = [name for name in dict.fromkeys([*naive, *counts, *bounds, *rest]) if name not in needed]
    present = [name for name in [*needed, *others] if figures.get(name, float("nan")) == figures.get(name)]
    return {name: float(figures[name]) for name in present[: max(MOST_FIGURES, len(needed))]}


def shown_for_all(spec: ModelSpec, figures: Mapping[str, float]) -> str:
    """The figures that are shown for all models, with their bounds and counts, as JSON: a tag, since a metric is a chart."""
    shown = list(spec.learning.figures.values()) if spec.learning is not None else []
    declared = [name for one in shown for name in (one, f"{one}_low", f"{one}_high", f"n_{one}")]
    known = {name: float(figures[name]) for name in declared if figures.get(name, float("nan")) == figures.get(name)}
    return json.dumps(known, sort_keys=True)


def table_of(figures: Mapping[str, float]) -> pd.DataFrame:
    """All figures by name, one a row, with their 95 % bounds and counts beside them where there are any."""
    names = [name for name in sorted(figures) if not name.startswith("n_") and not _is_bound(name, figures)]
    counts = sorted({name for name in figures if name.startswith("n_")} - {f"n_{name}" for name in names})
    rows = [
        {
            "figure": name,
            "value": figures[name],
            "low_95": figures.get(f"{name}_low"),
            "high_95": figures.get(f"{name}_high"),
            "n": figures.get(f"n_{name}"),
        }
        for name in [*names, *counts]
    ]
    return pd.DataFrame(rows, columns=["figure", "value", "low_95", "high_95", "n"])


def _is_bound(name: str, figures: Mapping[str, float]) -> bool:
    return any(name.endswith(end) and name.removesuffix(end) in figures for end in ("_low", "_high"))


def summary(spec: ModelSpec, version: str, figures: Mapping[str, float]) -> str:
    """One line: the figures of the gates and whether all hold."""
    holds = all(gate.holds(figures) for gate in spec.gates)
    shown = ", ".join(f"{gate.figure} {figures.get(gate.figure, float('nan')):.4g}" for gate in spec.gates)
    return f"Version {version}: {shown}; {'every gate holds' if holds else 'a gate fails, it does not serve'}."


def dataset(spec: ModelSpec, tags: Mapping[str, str]) -> dict[str, Any]:
    """The examples as MLflow's Dataset takes them: name, digest, source with the table's version, number of rows."""
    table_version = tags.get("training_table_version", "")
    source = {"table": spec.training_table, "version": table_version, "origin": tags.get("origin", "")}
    return {
        "name": f"{spec.training_table} version {table_version}" if table_version else spec.training_table,
        "digest": tags.get("examples_sha256", "")[:DIGEST_LENGTH] or "not recorded",
        "source_type": "weir",
        "source": json.dumps(source),
        "profile": json.dumps({"num_rows": int(tags["examples"])}) if "examples" in tags else None,
    }


def parameters(model: Model) -> dict[str, Any]:
    """Parameters of an estimator, short enough for MLflow."""
    get_params = getattr(model, "get_params", None)
    return {key: str(value)[:500] for key, value in (get_params(deep=False) if get_params else {}).items()}
