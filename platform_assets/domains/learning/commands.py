"""The commands `weir learning …` and `weir feedback …`. Parses arguments and prints results."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from platform_assets.core.console import Home, Json, Reason, console_of, print_json, settings_of, stage_of

if TYPE_CHECKING:
    from platform_assets.settings import Settings

learning_app = typer.Typer(help="Models that are watched, fitted again and judged.", no_args_is_help=True)
feedback_app = typer.Typer(help="Verdicts on requests, clients and alerts.", no_args_is_help=True)
Names = Annotated[list[str] | None, typer.Argument(help="Models; default: all.", show_default=False)]
Name = Annotated[str, typer.Argument(help="request_attack, client_abuse, …")]


@learning_app.command()
def status(home: Home = None, json: Json = False) -> None:
    """Of each model: who serves, what the newest window says, what speaks for fitting it again, what stands against it.

    Example: weir learning status --json
    """
    from platform_assets.domains.learning.report import status_of
    from platform_assets.domains.learning.tables import learners

    settings = settings_of(home)
    shown = {model: status_of(settings, model) for model in learners()}
    with console_of(to_stderr=json) as console:
        for model, values in shown.items():
            console.rule(model)
            for sentence in values["sentences"]:
                console.print(sentence)
        if json:
            print_json(shown)


@learning_app.command()
def evaluate(names: Names = None, home: Home = None) -> None:
    """Look at new windows, fit what is due, judge challengers; most of the time nothing is due.

    Example: weir learning evaluate request_attack
    """
    from platform_assets.cli.run import run_assets
    from platform_assets.domains.learning.assets import keys_of
    from platform_assets.domains.learning.report import status_of
    from platform_assets.domains.learning.tables import MODEL_FIGURES, learners

    settings = settings_of(home)
    models = _models(names) or list(learners())
    with console_of() as console:
        for model in models:
            run_assets(settings, f"Evaluating {model}", keys_of(model), stage_of(console))
        run_assets(settings, "Writing the models' figures", [MODEL_FIGURES.key], stage_of(console))
        for model in models:
            console.rule(model)
            for sentence in status_of(settings, model)["sentences"]:
                console.print(sentence)


@learning_app.command()
def figures(home: Home = None, json: Json = False) -> None:
    """How well each serving model does, with interval, n and evidence, as last evaluated.

    Example: weir learning figures
    """
    from rich.table import Column
    from rich.table import Table as Grid

    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.learning.model_figures import HEAD, cells
    from platform_assets.domains.learning.tables import MODEL_FIGURES

    settings = settings_of(home)
    rows = lake_of(settings).read_arrow(MODEL_FIGURES).to_pylist()
    with console_of(to_stderr=json) as console:
        if not rows:
            console.print("No model was evaluated yet; run `weir learning evaluate`.")
        grid = Grid(*(Column(name, overflow="fold") for name in HEAD), box=None, pad_edge=False)
        for row in rows:
            grid.add_row(*cells(row))
        console.print(grid)
        if json:
            print_json(rows)


@learning_app.command()
def pause(name: Name, reason: Reason = "", home: Home = None) -> None:
    """Fit and move nothing of a model by itself until it is resumed; it is watched all the same.

    Example: weir learning pause client_abuse --reason "a migration"
    """
    _set_paused(home, name, True, reason)


@learning_app.command()
def resume(name: Name, reason: Reason = "", home: Home = None) -> None:
    """End a pause.

    Example: weir learning resume client_abuse --reason "it is over"
    """
    _set_paused(home, name, False, reason)


@feedback_app.command("give")
def give(
    subject: Annotated[
        str, typer.Argument(help="Request id, ADDRESS@HOUR (203.0.113.7@2026-11-20T13:00), CLUSTER@TIME, or alert id.")
    ],
    verdict: Annotated[str, typer.Option("--verdict", help="attack, benign, incident or noise.")],
    reason: Reason = "",
    home: Home = None,
) -> None:
    """Say what something was: it shows in performance, and is a label of the next fit. Nothing else is done.

    Example: weir feedback give 203.0.113.7@2026-11-20T13:00 --verdict benign --reason "our uptime monitor"
    """
    from platform_assets.clients.caller import caller
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.learning import feedback

    settings = settings_of(home)
    actor = caller(settings.aws_region, asks_aws=False)
    given = feedback.verdicts_on(settings, subject, verdict, reason, actor=actor, at=datetime.now(UTC))
    feedback.AUDIT.append(lake_of(settings), [row for row, _ in given])
    with console_of() as console:
        for row, about in given:
            said = "it was not scored" if about.predicted is None else f"it said {about.predicted:.3f}"
            console.print(f"{row.model}: {about.description} was {verdict}; {said}.")
        offers = {offer for _, about in given if (offer := about.offers.get(verdict))}
        for offer in sorted(offers):
            console.print(f"To act upon it: {offer}")


@feedback_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV or JSON lines with subject, verdict and reason.")],
    home: Home = None,
) -> None:
    """Take many verdicts; those that cannot be taken are told, the others are.

    Example: weir feedback import verdicts.csv
    """
    from platform_assets.domains.learning.feedback_file import import_file
    from spark_jobs.wording import counted

    settings = settings_of(home)
    taken, refused = import_file(settings, file)
    with console_of() as console:
        console.print(f"{counted(taken, 'verdict was', 'verdicts were')} taken, {len(refused)} not.")
        for sentence in refused:
            console.print(sentence)
    if refused:
        raise typer.Exit(3)


def _models(names: list[str] | None) -> list[str]:
    from weir_models import registry

    return [registry.spec(name).name for name in names or ()]


def _set_paused(home: Path | None, name: str, is_paused: bool, reason: str) -> None:
    from platform_assets.actions.audit import reason_of
    from platform_assets.clients.caller import caller
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.learning.pausing import set_paused

    settings: Settings = settings_of(home)
    (model,) = _models([name])
    actor: Any = caller(settings.aws_region, asks_aws=False)
    set_paused(lake_of(settings), model, is_paused, reason_of(reason), actor)
    with console_of() as console:
        console.print(f"Learning of {model} is {'paused' if is_paused else 'resumed'}.")
