"""What the newest monitoring says, on the version in MLflow: a section of its card, its description, and plots as files of its run.

A version is written to only where the section is another than before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.escape import for_markdown
from platform_assets.domains.learning import feedback, plots
from platform_assets.domains.learning.model_figures import HEAD, cells
from platform_assets.domains.learning.tables import columns_table, comparisons_table, windows_table
from platform_assets.settings import Settings
from spark_jobs.wording import counted

if TYPE_CHECKING:
    from spark_jobs.storage.lake import Lake

HEADING = "## Monitoring"
TAG = "monitoring_card_sha256"
"""Tag of a version: the hash of the section that it has."""
DRIFT, RELIABILITY, COMPARISON, RELEASE = "drift", "reliability", "comparison", "release"
"""Names of plots."""


def plots_of(lake: Lake, model: str) -> dict[str, Any]:
    """Name -> matplotlib figure, of those that there are rows for."""
    comparisons = lake.read_arrow(comparisons_table(model)).to_pylist()
    verdicts = feedback.in_force(feedback.AUDIT.read(lake), model, datetime.now(UTC))
    scored = [verdict for verdict in verdicts if verdict.score is not None]
    found = {
        DRIFT: plots.drift(lake.read_arrow(columns_table(model)).to_pylist(), model),
        RELIABILITY: plots.reliability([float(v.score or 0.0) for v in scored], [v.label for v in scored], model),
        COMPARISON: plots.comparison(comparisons, model),
        RELEASE: plots.release(comparisons, model),
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def section_of(
    windows: Sequence[Mapping[str, Any]], comparisons: Sequence[Mapping[str, Any]], figures: Sequence[Mapping[str, Any]]
) -> str:
    """The section of a card: newest window with its verdict, newest comparison, and the figures with n and interval."""
    lines = [HEADING, ""]
    if windows:
        newest = max(windows, key=lambda row: row["window_start"])
        lines.append(
            f"Window {newest['window_start']:%Y-%m-%d %H:%M} to {newest['window_end']:%Y-%m-%d %H:%M} (UTC), "
            f"{counted(newest['row_count'], 'row')}: {for_markdown(newest['verdict'])}. {for_markdown(newest['sentence'])}"
        )
    for row in plots.of_newest(comparisons)[-1:]:
        lines.append(
            f"Version {row['challenger']} beside {row['champion']} from {row['window_start']:%Y-%m-%d %H:%M} on: "
            f"{row['verdict']}. {for_markdown(row['sentence'])}"
        )
    if figures:
        lines += ["", f"| {' | '.join(HEAD[1:])} |", "| --- " * len(HEAD[1:]) + "|"]
        lines += [f"| {' | '.join(map(for_markdown, cells(row)[1:]))} |" for row in figures]
    return "\n".join(lines)


def write_cards(settings: Settings, lake: Lake, figures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Bring the cards of the serving versions, and of those that were compared last, up to date; returns what was written.

    `figures`: rows of learning/model_figures. A run that takes no files keeps its card as it is, which is said.
    """
    written = []
    for model in dict.fromkeys(row["model"] for row in figures):
        of_model = [row for row in figures if row["model"] == model]
        windows = lake.read_arrow(windows_table(model)).to_pylist()
        comparisons = lake.read_arrow(comparisons_table(model)).to_pylist()
        champion = of_model[0]["model_version"]
        own = [row for row in of_model if row["model_version"] == champion]
        versions = {champion: section_of(windows, (), own)}
        for row in plots.of_newest(comparisons)[-1:]:
            if row["challenger"] != champion:
                versions[row["challenger"]] = section_of((), comparisons, ())
        for version, section in versions.items():
            if sentence := _written(settings, lake, model, version, section):
                written.append(sentence)
    return written


def _written(settings: Settings, lake: Lake, model: str, version: str, section: str) -> str:
    from weir_models import tracking
    from weir_models.plots import png
    from weir_models.tracking_uri import TrackingError

    digest = hashlib.sha256(section.encode()).hexdigest()
    known = {one.version: one.tags for one in ModelRegistry.of(settings).versions(model)}
    if version not in known or known[version].get(TAG) == digest:
        return ""
    uri = settings.tracking_uri
    try:
        card = tracking.attached(model, version, "card.md", tracking_uri=uri).split(f"\n{HEADING}")[0].rstrip()
        tracking.attach(model, version, "card.md", f"{card}\n\n{section}\n", tracking_uri=uri)
        for name, figure in plots_of(lake, model).items():
            tracking.attach(model, version, f"monitoring/{name}.png", png(figure), tracking_uri=uri)
        tracking.describe(model, version, section, HEADING, tracking_uri=uri)
        tracking.set_tag(model, version, TAG, digest, tracking_uri=uri)
    except TrackingError as error:
        return f"{model} {version}: its card stays as it is, for {error}"
    return f"{model} {version}: card and plots are those of now"
