"""The table of figures of all serving models, each with its evidence, interval and n."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.learning import feedback
from platform_assets.domains.learning.tables import MODEL_FIGURES, learners, windows_table
from platform_assets.releases.record import Releases
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake
from weir_models.contract import Learning

HELD_OUT, VERDICTS, ESTIMATE, TIMING = "held-out examples", "verdicts", "estimate", "timing"
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
            *_by_verdicts(lake, model, now),
            *_of_window(lake, model, champion),
        ]
        rows += [
            {"model": model, "model_version": champion, "low_95": None, "high_95": None, **row, "computed_at": now}
            for row in of_model
        ]
    lake.overwrite_rows(MODEL_FIGURES, rows)
    return rows


def _held_out(settings: Settings, model: str, version: str, learning: Learning) -> Iterator[dict[str, Any]]:
    figures = ModelRegistry.of(settings).version(model, version).figures
    for name, figure in learning.figures.items():
        if figure in figures:
            yield {
                "figure": name,
                "evidence": HELD_OUT,
                "value": _known(figures[figure]),
                "low_95": _known(figures.get(f"{figure}_low")),
                "high_95": _known(figures.get(f"{figure}_high")),
                "n": int(figures.get(f"n_{figure}", 0)),
            }


def _by_verdicts(lake: Lake, model: str, now: datetime) -> Iterator[dict[str, Any]]:
    from weir_learning.figures import wilson

    verdicts = feedback.in_force(feedback.AUDIT.read(lake), model, now)
    counts = feedback.performance(verdicts, model, now)
    if not sum(counts.values()):
        return
    hits, false = counts["true_positives"], counts["false_positives"]
    missed, left = counts["false_negatives"], counts["true_negatives"]
    at = [verdict.event_at for verdict in verdicts if verdict.event_at is not None]
    pairs = {
        "accuracy": (hits + left, hits + left + false + missed),
        "precision": (hits, hits + false),
        "recall": (hits, hits + missed),
    }
    for name, (part, whole) in pairs.items():
        low, high = wilson(part, whole) if whole else (None, None)
        yield {
            "figure": name,
            "evidence": VERDICTS,
            "value": part / whole if whole else None,
            "low_95": low,
            "high_95": high,
            "n": whole,
            "window_start": min(at),
            "window_end": max(at),
        }


def _of_window(lake: Lake, model: str, version: str) -> Iterator[dict[str, Any]]:
    rows = lake.read_arrow(windows_table(model)).sort_by("window_start").to_pylist()
    newest = next((row for row in reversed(rows) if row["model_version"] == version), None)
    if newest is None:
        return
    at = {"window_start": newest["window_start"], "window_end": newest["window_end"]}
    for name in ("precision", "recall"):
        if newest[f"estimated_{name}"] is not None:
            value = newest[f"estimated_{name}"]
            yield {"figure": name, "evidence": ESTIMATE, "value": value, "n": newest["row_count"], **at}
    for name, column in TIMES.items():
        if newest[column] is not None:
            yield {"figure": name, "evidence": TIMING, "value": newest[column], "n": newest["timed_row_count"], **at}


def _known(value: float | None) -> float | None:
    return None if value is None or value != value else value
