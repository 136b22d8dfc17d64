"""The table of figures of all serving models, each with its evidence, interval and n."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.learning import feedback, performance
from platform_assets.domains.learning.tables import MODEL_FIGURES, learners, windows_table
from platform_assets.releases.record import Releases
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake
from weir_models.contract import Learning

if TYPE_CHECKING:
    from weir_learning.figures import Measured

HELD_OUT, VERDICTS, OUTCOMES, ESTIMATE, TIMING = "held-out examples", "verdicts", "outcomes", "estimate", "timing"
NAMES = {
    "f1": "F1",
    "mae_relative_to_persistence": "MAE relative to persistence",
    "coverage": "coverage of the 90 % interval",
}
HEAD = ("model", "figure", "value", "95 %", "n", "evidence", "window")
TIMES = {
    "milliseconds a batch (p50)": "p50_milliseconds",
    "milliseconds a batch (p95)": "p95_milliseconds",
    "CPU-seconds per 1,000 rows": "cpu_seconds_per_1000_rows",
}


def write_figures(settings: Settings, lake: Lake) -> list[dict[str, Any]]:
    """Replace the table; returns its rows."""
    now, rows = datetime.now(UTC), []
    for model, learning in learners().items():
        champion = Releases.of(settings).settled(model).champion
        if champion is None:
            continue
        of_model = [
            *_held_out(settings, model, champion, learning),
            *_by_verdicts(lake, model, champion, now),
            *_of_outcomes(lake, model, champion),
            *_of_window(lake, model, champion),
        ]
        rows += [
            {"model": model, "model_version": champion, "low_95": None, "high_95": None, **row, "computed_at": now}
            for row in of_model
        ]
    lake.overwrite_rows(MODEL_FIGURES, rows)
    return rows


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row for people, in the order of HEAD."""
    low, high, start, end = (row.get(name) for name in ("low_95", "high_95", "window_start", "window_end"))
    return (
        f"{row['model']} {row['model_version']}",
        row["figure"],
        "unknown" if row["value"] is None else f"{row['value']:.4g}",
        "not known" if low is None or high is None else f"{low:.4g} to {high:.4g}",
        f"{row['n']:,}",
        row["evidence"],
        HELD_OUT if start is None or end is None else f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}",
    )


def _held_out(settings: Settings, model: str, version: str, learning: Learning) -> Iterator[dict[str, Any]]:
    from weir_learning.figures import Measured

    figures = ModelRegistry.of(settings).version(model, version).figures
    found = {
        name: Measured(
            name,
            figures[figure],
            figures.get(f"{figure}_low", float("nan")),
            figures.get(f"{figure}_high", float("nan")),
            int(figures.get(f"n_{figure}", 0)),
        )
        for name, figure in learning.figures.items()
        if figure in figures
    }
    yield from (_row(one, HELD_OUT) for one in {**found, **derived(found)}.values())


def derived(found: Mapping[str, Measured]) -> dict[str, Measured]:
    """Accuracy and F1 with their bounds, from the shares that they are made of, where these have their counts.

    F1 is 2 j / (1 + j) of the share j of true positives among what is or was called positive; its bounds are those of j.
    """
    from weir_learning.figures import Measured, wilson

    shares = {name: one for name, one in found.items() if one.n and one.value == one.value}
    figures = {}
    if (recall := shares.get("recall")) and (precision := shares.get("precision")):
        hits, whole = round(recall.value * recall.n), precision.n + recall.n - round(recall.value * recall.n)
        low, high = wilson(hits, whole)
        value = 2 * hits / (precision.n + recall.n)
        figures["F1"] = Measured("F1", value, 2 * low / (1 + low), 2 * high / (1 + high), whole)
    if (recall := shares.get("recall")) and (false := shares.get("false positive rate")):
        right, whole = round(recall.value * recall.n) + false.n - round(false.value * false.n), recall.n + false.n
        figures["accuracy"] = Measured("accuracy", right / whole, *wilson(right, whole), whole)
    return figures


def _row(one: Measured, evidence: str) -> dict[str, Any]:
    return {
        "figure": one.name,
        "evidence": evidence,
        "value": _known(one.value),
        "low_95": _known(one.low),
        "high_95": _known(one.high),
        "n": one.n,
    }


def _by_verdicts(lake: Lake, model: str, champion: str, now: datetime) -> Iterator[dict[str, Any]]:
    """Of what people judged of the champion's predictions; where they judged none yet, of the version that they judged last."""
    from weir_learning.figures import classifier_figures

    given = sorted(feedback.in_force(feedback.AUDIT.read(lake), model, now), key=lambda verdict: verdict.acted_at)
    judged = [one for one in given if one.is_flagged is not None and one.event_at is not None and one.model_version]
    if not judged:
        return
    of_champion = any(one.model_version == champion for one in judged)
    version = champion if of_champion else judged[-1].model_version
    known = [one for one in judged if one.model_version == version]
    at = [one.event_at for one in known if one.event_at is not None]
    span = {"model_version": version, "window_start": min(at), "window_end": max(at)}
    for one in classifier_figures([one.label for one in known], [bool(one.is_flagged) for one in known]):
        yield {**_row(replace(one, name=NAMES.get(one.name, one.name)), VERDICTS), **span}


def _of_outcomes(lake: Lake, model: str, version: str) -> Iterator[dict[str, Any]]:
    """Of the newest window: estimates, and what was measured; verdicts are taken of all windows together."""
    evidence = {performance.ESTIMATED: ESTIMATE, performance.MEASURED: OUTCOMES}
    for row in performance.newest(lake, model, version):
        if row["evidence"] in evidence:
            kept = ("value", "low_95", "high_95", "n", "window_start", "window_end")
            yield {
                "figure": NAMES.get(row["figure"], row["figure"]),
                "evidence": evidence[row["evidence"]],
                **{name: row[name] for name in kept},
            }


def _of_window(lake: Lake, model: str, version: str) -> Iterator[dict[str, Any]]:
    rows = lake.read_arrow(windows_table(model)).sort_by("window_start").to_pylist()
    timed = (row for row in reversed(rows) if row["model_version"] == version and row["timed_row_count"] is not None)
    newest = next(timed, None)
    if newest is None:
        return
    at = {"window_start": newest["window_start"], "window_end": newest["window_end"]}
    for name, column in TIMES.items():
        if newest[column] is not None:
            yield {"figure": name, "evidence": TIMING, "value": newest[column], "n": newest["timed_row_count"], **at}


def _known(value: float | None) -> float | None:
    return None if value is None or value != value else value
