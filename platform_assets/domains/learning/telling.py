"""What happened to a model, in about ten lines: each is read from a row of the tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from platform_assets.clients.engine import lake_of
from platform_assets.domains.learning import feedback
from platform_assets.domains.learning.tables import (
    MODEL_FIGURES,
    columns_table,
    comparisons_table,
    trigger_table,
    windows_table,
)
from platform_assets.releases.record import ROLLBACK, Releases
from platform_assets.releases.standing import CHAMPION
from platform_assets.settings import Settings
from spark_jobs.wording import counted


def told(settings: Settings, model: str, planted: str) -> list[str]:
    """The lines of the demo's third act; `planted` is how the reason of a planted version begins."""
    lake, releases = lake_of(settings), Releases.of(settings)
    transitions = releases.rows(model)
    comparisons = lake.read_arrow(comparisons_table(model)).sort_by("evaluated_at").to_pylist()
    triggers = lake.read_arrow(trigger_table(model)).sort_by("evaluated_at").to_pylist()
    bad = {row.version for row in transitions if row.reason.startswith(planted)}
    lines = [
        _verdicts(feedback.in_force(feedback.AUDIT.read(lake), model, datetime.now(UTC))),
        *_figures(lake.read_arrow(MODEL_FIGURES).to_pylist(), model),
        *_windows(lake.read_arrow(windows_table(model)).sort_by("window_start").to_pylist()),
        *_column(lake.read_arrow(columns_table(model)).to_pylist()),
        *_trigger(triggers),
        *(_comparison(row) for row in comparisons if row["challenger"] not in bad),
        *(_promotion(row) for row in transitions if row.state == CHAMPION and row.actor != "weir"),
        *(f"Version {row.version}, {row.reason}, as a canary of {row.share:.0%}." for row in transitions if row.share and row.version in bad),
        *(_comparison(row) for row in comparisons if row["challenger"] in bad),
        *(_incident(row) for row in transitions if row.command == ROLLBACK and row.version in bad),
        *_serving(releases.standing(model), triggers, model),
    ]  # fmt: skip
    return lines


def summary_of(settings: Settings, model: str) -> str:
    """The one line that matters."""
    releases = Releases.of(settings)
    standing = releases.standing(model)
    taken_out = [row.version for row in releases.rows(model) if row.command == ROLLBACK]
    out = f"version {taken_out[-1]} was taken out by itself" if taken_out else "none was taken out"
    return f"Models: {model} {standing.champion} serves after {standing.previous or 'none'}, {out}."


def _verdicts(verdicts: Sequence[feedback.Verdict]) -> str:
    wrong = sum(verdict.label != bool(verdict.is_flagged) for verdict in verdicts)
    return f"Judged: {counted(len(verdicts), 'verdict')}, which contradict the model in {wrong}."


def _figures(figures: Sequence[Mapping[str, Any]], model: str) -> list[str]:
    return [
        f"Figures: {row['figure']} of version {row['model_version']} by verdicts {row['value']:.3f} (95 % {row['low_95']:.3f} to {row['high_95']:.3f}, n = {row['n']})."
        for row in figures
        if (row["model"], row["evidence"], row["figure"]) == (model, "verdicts", "precision")
        and row["value"] is not None
    ]


def _windows(windows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not windows:
        return ["Watched: no window is whole yet."]
    hours = (windows[-1]["window_end"] - windows[-1]["window_start"]).total_seconds() / 3600
    verdicts = ", ".join(row["verdict"] for row in windows)
    return [f"Watched: {counted(len(windows), 'window')} of {counted(round(hours), 'hour')}: {verdicts}."]


def _column(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    """The column that departs most in the newest window."""
    newest = max((row["window_start"] for row in columns), default=None)
    known = [row for row in columns if row["window_start"] == newest and row["is_drifted"]]
    if not known:
        return []
    row = max(known, key=lambda row: row["psi"] or 0.0)
    return [
        f"Drift: {row['column_name']} has PSI {row['psi']:.2f} beside {counted(row['baseline_row_count'], 'row')} "
        f"of the baseline{', for two windows in a row' if row['is_lasting'] else ''}."
    ]


def _trigger(triggers: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        line
        for row in triggers
        if row["is_due"]
        for line in (f"Triggered: {'; '.join(row['reasons'])}.", f"Fitted again: {row['outcome'].rstrip('.')}.")
    ]


def _comparison(row: Mapping[str, Any]) -> str:
    return (
        f"Compared: version {row['challenger']} beside {row['champion']} on {counted(row['row_count'], 'row')} of "
        f"{counted(row['entity_count'], 'entity', 'entities')}: {row['verdict']}, {row['sentence']}."
    )


def _promotion(row: Any) -> str:
    return f"Promoted: version {row.version} by {row.actor}: {row.reason}."


def _incident(row: Any) -> str:
    figures = json.loads(row.details) if row.details else {}
    above = ", ".join(f"{name} {figure['value']:.3g}" for name, figure in figures.items() if figure.get("is_above"))
    return f"Incident: {row.acted_at:%H:%M:%S} {row.actor} {row.command} of version {row.version}, now {row.state} ({above})."


def _serving(standing: Any, triggers: Sequence[Mapping[str, Any]], model: str) -> list[str]:
    why = (
        f" Not fitted once more: {'; '.join(triggers[-1]['against'])}." if triggers and triggers[-1]["against"] else ""
    )
    return [
        f"Now version {standing.champion} of {model} serves, {standing.previous or 'none'} is the one to go back to.{why}"
    ]
