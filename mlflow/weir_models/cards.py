"""Model cards and the files beside them. A card is the template in a model's folder, filled with the figures of an evaluation.

In a template `{{figure}}` stands for a figure, `{{figure%}}` for the same as a percentage with its 95 % bounds,
`{{table:name}}` for a table of the evaluation and `{{tag:name}}` for a tag. No figure is typed by hand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from weir_models.contract import Candidate, Evaluation, ModelSpec

PLACE = re.compile(r"\{\{(table:|tag:)?([\w.]+)(%?)\}\}")


def percentage(figures: Mapping[str, float], name: str) -> str:
    """A rate with interval and count: 97.1 % (95 % interval 96.8 to 97.4, n = 12,000)."""
    value = figures.get(name, math.nan)
    if math.isnan(value):
        return "not measured"
    text = f"{100 * value:.3g} %"
    low, high, n = (figures.get(key, math.nan) for key in (f"{name}_low", f"{name}_high", f"n_{name}"))
    if not math.isnan(low):
        text += f" (95 % interval {100 * low:.3g} to {100 * high:.3g}"
        text += f", n = {n:,.0f})" if not math.isnan(n) else ")"
    return text


def markdown_table(table: pd.DataFrame) -> str:
    """A DataFrame as a markdown table; floats with four significant digits."""

    def cell(value: object) -> str:
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
        return text.replace("|", "\\|").replace("\n", " ")

    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + " --- |" * len(table.columns)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines)


def write_card(template: str, spec: ModelSpec, evaluation: Evaluation, tags: Mapping[str, str] | None = None) -> str:
    """The card of one version; KeyError where the template names a figure that the evaluation lacks."""
    values = dict(tags or {})
    values |= {"name": spec.name, "meaning": spec.meaning, "owner": spec.owner, "naive_rule": spec.naive_rule}
    values |= {"training_table": spec.training_table, "label": spec.label}
    values["gates"] = "\n".join(f"- {gate.sentence(evaluation.figures)}" for gate in spec.gates)

    def fill(match: re.Match[str]) -> str:
        kind, name, percent = match.groups()
        if kind == "table:":
            return markdown_table(evaluation.tables[name])
        if kind == "tag:":
            return values.get(name, "not recorded")
        if name not in evaluation.figures:
            raise KeyError(f"the card of {spec.name} asks for the figure {name}, which the evaluation does not have")
        return percentage(evaluation.figures, name) if percent else f"{evaluation.figures[name]:.4g}"

    return PLACE.sub(fill, template)


def write_folder(folder: Path, candidate: Candidate, card: str, dpi: int | None = None) -> None:
    """Write card.md, baseline.csv, tables/ and plots/ of a model. `dpi`: of the plots; None: in full."""
    from weir_models import plots

    (folder / "card.md").write_text(card, encoding="utf-8")
    candidate.baseline.to_csv(folder / "baseline.csv", index=False)
    (folder / "tables").mkdir()
    for name, table in candidate.evaluation.tables.items():
        table.to_csv(folder / "tables" / f"{name}.csv", index=False)
    (folder / "plots").mkdir()
    for name, plot in candidate.evaluation.plots.items():
        (folder / "plots" / f"{name}.png").write_bytes(plots.png(plot, dpi or plots.FULL_DPI))
