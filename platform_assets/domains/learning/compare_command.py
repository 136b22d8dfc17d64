"""The command `weir model compare`: two versions by their figures, and by what each would decide. Prints results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from platform_assets.core.console import Home, console_of, settings_of

if TYPE_CHECKING:
    from platform_assets.settings import Settings
    from spark_jobs.storage.lake import Lake
    from weir_models.registered import RegisteredVersion

Name = Annotated[str, typer.Argument(help="request_attack, client_abuse, …")]
Version = Annotated[int, typer.Argument(min=1, help="A version in the registry.")]
SHOWN_ENTRIES = 20


def compare_command(
    name: Name,
    version: Version,
    other: Annotated[int | None, typer.Argument(min=1, help="Default: the champion.", show_default=False)] = None,
    plan: Annotated[
        float | None,
        typer.Option(
            help="How long a difference of this size takes to be seen, at the rates of now.", show_default=False
        ),
    ] = None,
    share: Annotated[float, typer.Option(help="Of the entities, with --plan: the first version's.")] = 0.5,
    home: Home = None,
) -> None:
    """The figures of two versions side by side, as each was evaluated; how they compared on the same rows and by their own
    decisions; whose treatment the first would change; with --plan how long a test of both takes.

    Example: weir model compare request_attack 3 --plan 0.01 --share 0.25
    """
    from platform_assets.clients.engine import lake_of
    from platform_assets.core.times import instant
    from platform_assets.domains.learning.experiments import planned
    from platform_assets.domains.learning.replaying import newest
    from platform_assets.releases.record import ReleaseError, Releases

    settings = settings_of(home)
    model, first = registered(settings, name, version)
    champion = Releases.of(settings).standing(model).champion
    if other is None and champion is None:
        raise ReleaseError(f"The model {model} has no champion to compare with; name a second version.")
    _, second = registered(settings, name, other or int(champion or 0))
    with console_of() as console:
        console.print(figures_table({one.version: one.figures for one in (first, second)}))
        hashes = {one.tags.get("examples_sha256") for one in (first, second)}
        if len(hashes) > 1:
            console.print("They were evaluated on different examples, so the figures differ for that reason, too.")
        if compared := newest_comparison(lake_of(settings), model, first.version, second.version):
            console.print(
                f"On the same rows until {instant(compared['window_end'])}, in {compared['state']}: {compared['verdict']}, {compared['sentence']}."
            )
            for sentence in evidence(json.loads(compared["figures"])):
                console.print(sentence)
        if rows := newest(lake_of(settings), model, first.version, second.version):
            console.print(f"Replay: {rows[0]['sentence']}; {rows[0]['verdict']}.")
            console.print(_entries_table(rows[1 : SHOWN_ENTRIES + 1]))
            if len(rows) > SHOWN_ENTRIES + 1:
                console.print(f"{len(rows) - SHOWN_ENTRIES - 1} more are in learning/{model}/replay.")
        if plan is not None:
            for sentence in planned(settings, model, plan, share).sentences:
                console.print(f"To see {sentence}.")


def newest_comparison(lake: Lake, model: str, challenger: str, champion: str) -> dict[str, Any] | None:
    """The newest row of the comparisons of two versions; None where they were not compared."""
    from platform_assets.domains.learning.tables import comparisons_table, learners

    if model not in learners():
        return None
    rows = lake.read_arrow(comparisons_table(model)).sort_by("window_start").to_pylist()
    own = [row for row in rows if (row["challenger"], row["champion"]) == (challenger, champion)]
    return own[-1] if own else None


def evidence(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What followed from the decisions of both, a sentence for each test that has seen anything."""
    from platform_assets.domains.learning.outcomes import FLAGGED_ARMS, WRONG_ARMS, WRONG_PAIRS

    titles = {
        FLAGGED_ARMS: "flagged of what each served",
        WRONG_ARMS: "called wrong of what each served",
        WRONG_PAIRS: "wrong at the examples that people judged",
    }
    told = []
    for name, title in titles.items():
        figure = figures.get(name)
        if not figure or not figure["n"] or figure["difference"] is None:
            continue
        bounds = f"{figure['difference']:+.2g} ({figure['low']:+.2g} to {figure['high']:+.2g})"
        counts = figure["counts"]
        of = f"{counts[0]} of {counts[1]:,} beside {counts[2]} of {counts[3]:,}" if counts else f"n = {figure['n']:,}"
        words = {"worse": "more", "better": "fewer"} if name == FLAGGED_ARMS else {}  # more flags are neither
        told.append(f"{title}: {of}, {bounds}, {words.get(figure['verdict'], figure['verdict'])}")
    return told


def registered(settings: Settings, name: str, version: int) -> tuple[str, RegisteredVersion]:
    """The model and its version; RegistryError or TrackingError where there is none."""
    from platform_assets.clients.model_registry import ModelRegistry
    from weir_models import registry

    model = registry.spec(name).name
    return model, ModelRegistry.of(settings).version(model, str(version))


def figures_table(figures: dict[str, Any]) -> Any:
    """Figures of versions side by side."""
    from rich.table import Table as Grid

    grid = Grid("figure", *(f"version {version}" for version in figures), box=None, pad_edge=False)
    for name in dict.fromkeys(name for values in figures.values() for name in values):
        cells = [values.get(name, float("nan")) for values in figures.values()]
        grid.add_row(name, *(f"{value:.4g}" if value == value else "" for value in cells))
    return grid


def _entries_table(rows: Sequence[dict[str, Any]]) -> Any:
    from rich.table import Table as Grid

    grid = Grid("entry", "change", "then", "now", "requests", "benign", "innocent", box=None, pad_edge=False)
    for row in rows:
        cells = (row[name] for name in ("entry", "change", "champion_action", "challenger_action"))
        grid.add_row(*cells, f"{row['request_count']:,}", f"{row['benign_request_count']:,}", row["innocent"])
    return grid
