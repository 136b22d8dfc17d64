"""What `weir learning status` says of a model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from platform_assets.clients.engine import lake_of
from platform_assets.domains.learning import feedback, performance
from platform_assets.domains.learning.loop import facts_of
from platform_assets.domains.learning.tables import comparisons_table, trigger_table, windows_table
from platform_assets.domains.learning.triggers import trigger_of
from platform_assets.releases.record import Releases
from platform_assets.settings import Settings
from spark_jobs.wording import counted


def status_of(settings: Settings, model: str) -> dict[str, Any]:
    """Standing, newest window, trigger, newest comparison and performance, and the same as sentences."""
    lake = lake_of(settings)
    standing = Releases.of(settings).standing(model)
    facts, rules = facts_of(settings, lake, model)
    windows = lake.read_arrow(windows_table(model)).sort_by("window_start").to_pylist()
    comparisons = lake.read_arrow(comparisons_table(model)).sort_by("evaluated_at").to_pylist()
    evaluations = lake.read_arrow(trigger_table(model)).sort_by("evaluated_at").to_pylist()
    counts = feedback.performance(feedback.AUDIT.read(lake), model, datetime.now(UTC))
    sentences = [_serving(standing)]
    if windows:
        row = windows[-1]
        sentences.append(
            f"window {row['window_start']:%Y-%m-%d %H:%M} to {row['window_end']:%Y-%m-%d %H:%M}: {counted(row['row_count'], 'prediction')}, {row['verdict']}: {row['sentence']}"
        )
    else:
        sentences.append("no whole window was looked at yet")
    if evaluations:
        sentences.append(
            f"last evaluated {evaluations[-1]['evaluated_at']:%Y-%m-%d %H:%M}: {evaluations[-1]['outcome']}"
        )
    sentences.append(f"now: {trigger_of(facts, rules).sentence}")
    if comparisons:
        row = comparisons[-1]
        sentences.append(
            f"version {row['challenger']} beside {row['champion']} on {counted(row['row_count'], 'row')} of {counted(row['entity_count'], 'entity', 'entities')}: {row['verdict']}, {row['sentence']}"
        )
    if standing.champion is not None:
        sentences += [_performance(row) for row in performance.newest(lake, model, standing.champion)]
    if total := sum(counts.values()):
        sentences.append(
            f"of {total} that people judged: {counts['true_positives']} rightly flagged, {counts['false_positives']} wrongly, "
            f"{counts['false_negatives']} missed, {counts['true_negatives']} rightly left alone"
        )
    return {
        "champion": standing.champion,
        "challenger": standing.challenger,
        "state": standing.states.get(standing.challenger or ""),
        "share": standing.share,
        "window": windows[-1] if windows else None,
        "comparison": comparisons[-1] if comparisons else None,
        "judged": counts,
        "sentences": sentences,
    }


def _performance(row: Any) -> str:
    value, bounds = row["value"], ""
    if row["low_95"] is not None:
        bounds = f" ({row['low_95']:.3g} to {row['high_95']:.3g})"
    of = f"{row['figure']} {'not defined' if value is None else format(value, '.3g')}{bounds}, {row['evidence']}"
    worse = f"; {row['sentence']}" if row["is_worse"] else ""
    return f"{of}, of {counted(row['n'], 'prediction')} from {row['window_start']:%Y-%m-%d %H:%M} on{worse}"


def _serving(standing: Any) -> str:
    if standing.champion is None:
        return "no version serves"
    text = f"version {standing.champion} serves"
    if standing.challenger is not None:
        state = standing.states[standing.challenger]
        share = f" at {standing.share:.0%}" if standing.share else ""
        text += f", version {standing.challenger} is in {state}{share}"
    return text
