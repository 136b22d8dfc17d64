"""The table of figures of all serving models, each with its evidence, interval and n."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.learning import feedback, performance
from platform_assets.domains.learning.tables import MODEL_FIGURES, learners, windows_table
from platform_assets.releases.record import Releases
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake
from weir_models.contract import Learning

HELD_OUT, VERDICTS, OUTCOMES, ESTIMATE, TIMING = "held-out examples", "verdicts", "outcomes", "estimate", "timing"
NAMES = {"mae_relative_to_persistence": "MAE relative to persistence", "coverage": "coverage of the 90 % interval"}
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
            *_by_verdicts(lake, model, now),
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
    figures = with_f1_bounds(ModelRegistry.of(settings).version(model, version).figures, learning.figures)
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


def with_f1_bounds(figures: Mapping[str, float], names: Mapping[str, str]) -> dict[str, float]:
    """The figures with count and bounds of F1, where precision and recall have theirs.

    F1 is 2 j / (1 + j) of the share j of true positives among what is or was called positive; its bounds are those of j.
    """
    from weir_learning.figures import wilson

    f1, precision, recall = (names.get(name, "") for name in ("F1", "precision", "recall"))
    needed = (precision, recall, f"n_{precision}", f"n_{recall}")
    if f1 not in figures or any(figures.get(name, float("nan")) != figures.get(name) for name in needed):
        return dict(figures)
    called, positive = figures[f"n_{precision}"], figures[f"n_{recall}"]
    hits = min(figures[precision] * called, figures[recall] * positive)
    low, high = wilson(hits, called + positive - hits)
    bounds = {f"{f1}_low": 2 * low / (1 + low), f"{f1}_high": 2 * high / (1 + high)}
    return {**figures, **bounds, f"n_{f1}": round(called + positive - hits)}


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
