"""The commands `weir model …`: versions and where they stand, and moving them. Parses arguments and prints results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from platform_assets.core.console import Home, Json, Reason, console_of, print_json, settings_of
from platform_assets.domains.learning.compare_command import compare_command, figures_table, registered
from platform_assets.domains.learning.import_command import import_command

if TYPE_CHECKING:
    from rich.console import Console

    from platform_assets.releases.record import Release, Releases
    from platform_assets.releases.standing import Standing
    from platform_assets.settings import Settings

model_app = typer.Typer(help="Versions of models: which serve whom, and moving them.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="request_attack, client_abuse, …")]
Version = Annotated[int, typer.Argument(min=1, help="A version in the registry.")]
SHOWN_ROWS = 12
SERVED_SHARES = {"canary": 0.05, "ab": 0.5}
"""State that a person asks for -> its share unless one is named."""
model_app.command("compare")(compare_command)
model_app.command("import")(import_command)


@model_app.command("list")
def list_command(
    name: Annotated[str | None, typer.Argument(help="A model; default: all.", show_default=False)] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Every version with its state, since when and why.

    Example: weir model list request_attack
    """
    from platform_assets.releases.record import Releases
    from weir_models import registry

    settings = settings_of(home)
    names = [registry.spec(name).name] if name else list(registry.names())
    releases = Releases.of(settings)
    shown = {model: _versions(settings, releases, model) for model in names}
    with console_of(to_stderr=json) as console:
        for model, rows in shown.items():
            _show_versions(console, model, rows)
        if json:
            print_json(shown)


@model_app.command()
def show(name: Name, version: Version, home: Home = None, json: Json = False) -> None:
    """One version: its figures, what it was made of, and every step that it took.

    Example: weir model show client_abuse 2
    """
    from platform_assets.releases.record import Releases

    settings = settings_of(home)
    model, found = registered(settings, name, version)
    rows = [row for row in Releases.of(settings).rows(model) if row.version == found.version]
    with console_of(to_stderr=json) as console:
        console.rule(f"{model} version {found.version}")
        console.print(figures_table({found.version: found.figures}))
        for key in sorted(found.tags.keys() - {"gate_signature"}):
            console.print(f"{key}: {found.tags[key]}", style="dim")
        for row in rows:
            console.print(_step(row))
        if json:
            steps = [row.row() for row in rows]
            print_json({"version": found.version, "figures": found.figures, "tags": found.tags, "steps": steps})


@model_app.command()
def promote(
    name: Name,
    version: Version,
    to: Annotated[
        Literal["shadow", "canary", "ab", "champion"],
        typer.Option("--to", help="The state that the version goes into."),
    ] = "champion",
    share: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Of the entities that a canary (default 0.05) or A/B test (0.5) serves.",
            show_default=False,
        ),
    ] = None,
    effect: Annotated[
        float, typer.Option(help="Of an A/B test: the difference in the share of wrong decisions that is to be seen.")
    ] = 0.02,
    reason: Reason = "",
    override: Annotated[
        list[str] | None, typer.Option("--override", help="`replay`: promote in spite of what it found.")
    ] = None,
    home: Home = None,
) -> None:
    """Take a version that passed its gate a step on, or back to an older one: shadow, canary, A/B test, champion.

    Example: weir model promote client_abuse 3 --to canary --share 0.05 --reason "fewer false alarms"
    """
    from platform_assets.domains.learning.experiments import planned, require_verdicts
    from platform_assets.domains.learning.replaying import require
    from platform_assets.releases.record import AB, Releases
    from platform_assets.releases.standing import CANARY

    settings = settings_of(home)
    model, found = registered(settings, name, version)
    if share is not None and to not in SERVED_SHARES:
        raise typer.BadParameter(f"--share: only a canary or an A/B test serves a share; --to is {to}")
    asked, state, told = SERVED_SHARES.get(to) if share is None else share, CANARY if to == AB else to, []
    releases = Releases.of(settings)
    serial = _serial(releases, model)
    figures = dict(require(settings, model, found.version, state, override or ()) or {})
    if to == AB:
        plan = planned(settings, model, effect, asked or 0.0)
        require_verdicts(model, plan)
        figures[AB], told = plan.details(), plan.sentences
    standing = releases.move(
        model,
        found.version,
        state,
        reason,
        command=AB if to == AB else "",
        share=asked,
        figures=figures,
        expected_serial=serial,
    )
    with console_of() as console:
        console.print(f"{_sentence(model, standing)} It holds from the next run on.")
        for sentence in told:
            console.print(f"To see {sentence}.")


@model_app.command()
def rollback(name: Name, reason: Reason = "", home: Home = None) -> None:
    """Take the challenger out, or else the champion, for the version before; what it caused is withdrawn.

    Example: weir model rollback client_abuse --reason "it challenges a partner"
    """
    from platform_assets.domains.learning.withdrawing import roll_back
    from platform_assets.releases.record import Releases

    settings = settings_of(home)
    model = _name(name)
    version, withdrawn = roll_back(settings, model, reason)
    with console_of() as console:
        console.print(f"{model} version {version} is barred. {_sentence(model, Releases.of(settings).standing(model))}")
        for sentence in withdrawn:
            console.print(sentence)


@model_app.command()
def bar(name: Name, version: Version, reason: Reason = "", home: Home = None) -> None:
    """Keep a version from serving until somebody lifts that with a reason.

    Example: weir model bar request_attack 4 --reason "fitted on wrong labels"
    """
    from platform_assets.releases.record import Releases

    settings = settings_of(home)
    model, found = registered(settings, name, version)
    standing = Releases.of(settings).move(model, found.version, "barred", reason, command="bar")
    with console_of() as console:
        console.print(f"{model} version {found.version} is barred. {_sentence(model, standing)}")


@model_app.command()
def unbar(name: Name, version: Version, reason: Reason = "", home: Home = None) -> None:
    """Let a barred version be a candidate again.

    Example: weir model unbar request_attack 4 --reason "the labels were right"
    """
    from platform_assets.releases.record import UNBAR, Releases

    settings = settings_of(home)
    model, found = registered(settings, name, version)
    Releases.of(settings).move(model, found.version, "candidate", reason, command=UNBAR)
    with console_of() as console:
        console.print(f"{model} version {found.version} is a candidate again.")


def _serial(releases: Releases, model: str) -> int | None:
    """Of the last transition, before anything that takes time; None where promoting mends what others did to the alias."""
    from platform_assets.clients.champions import ChampionError

    try:
        return releases.settled(model).serial
    except ChampionError:
        return None


def _name(name: str) -> str:
    from weir_models import registry

    return registry.spec(name).name


def _versions(settings: Settings, releases: Any, model: str) -> list[dict[str, Any]]:
    """Every version of a model, newest first."""
    from platform_assets.clients.model_registry import ModelRegistry

    rows = releases.rows(model)
    standing, last = releases.standing(model), {row.version: row for row in rows}
    found = []
    for version in reversed(ModelRegistry.of(settings).versions(model)):
        row = last.get(version.version)
        found.append(
            {
                "version": version.version,
                "state": standing.state_of(version.version) or "unknown",
                "share": standing.share if version.version == standing.challenger else None,
                "since": None if row is None else row.acted_at,
                "why": "" if row is None else row.reason,
                "origin": version.tags.get("origin", ""),
            }
        )
    return found


def _show_versions(console: Console, model: str, rows: Sequence[dict[str, Any]]) -> None:
    from rich.table import Table as Grid

    from platform_assets.core.times import instant
    from spark_jobs.wording import counted

    console.rule(model)
    if not rows:
        console.print("no version yet")
        return
    grid = Grid("version", "state", "since", "why", box=None, pad_edge=False)
    for row in rows[:SHOWN_ROWS]:
        share = f" {row['share']:.0%}" if row["state"] == "canary" else ""
        since = "" if row["since"] is None else instant(row["since"])
        grid.add_row(row["version"], row["state"] + share, since, row["why"])
    console.print(grid)
    if len(rows) > SHOWN_ROWS:
        more = counted(len(rows) - SHOWN_ROWS, "older version is", "older versions are")
        console.print(f"{more} not shown; --json lists them.")


def _step(row: Release) -> str:
    from platform_assets.core.times import instant

    share = f" {row.share:.0%}" if row.share is not None else ""
    return f"{instant(row.acted_at)} {row.state}{share}, {row.by_whom}"


def _sentence(model: str, standing: Standing) -> str:
    """Who serves."""
    if standing.champion is None:
        return f"No version of {model} serves."
    challenger = standing.challenger
    if challenger is None:
        return f"{model} version {standing.champion} serves."
    if standing.share:
        return f"{model} version {standing.champion} serves, version {challenger} {standing.share:.0%} as a canary."
    return f"{model} version {standing.champion} serves, version {challenger} is compared with it in shadow."
