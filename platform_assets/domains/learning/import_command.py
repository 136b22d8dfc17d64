"""The command `weir model import`. Parses arguments and prints results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from platform_assets.core.console import Home, console_of, settings_of


def import_command(
    source: Annotated[
        str,
        typer.Argument(help="A .skops file, an MLflow folder or its .zip, models:/NAME/VERSION, runs:/… or s3://…"),
    ],
    as_name: Annotated[str, typer.Option("--as", help="The model that it is a version of: request_attack, …")],
    example: Annotated[
        Path | None,
        typer.Option(help="Rows (.csv, .jsonl, .parquet) with inputs and what it predicted of them elsewhere."),
    ] = None,
    allow_pickle: Annotated[
        str, typer.Option(help="Names that a pickle may call; without them none is read.", show_default=False)
    ] = "",
    home: Home = None,
) -> None:
    """Check a model that was trained elsewhere, evaluate it as our own, and make it a candidate; it never serves by that.

    Example: weir model import ./abuse.skops --as client_abuse --example predicted.csv
    """
    from platform_assets.domains.learning.importing import import_model
    from spark_jobs.errors import ExitCode
    from weir_models import registry

    settings = settings_of(home)
    allowed = frozenset(allow_pickle.replace(",", " ").split())
    with console_of() as console:
        imported = import_model(settings, source, registry.spec(as_name).name, example, allowed)
        for sentence in imported.sentences:
            console.print(sentence)
        name, version = imported.model, imported.version
        if imported.has_passed_gate:
            console.print(
                f"{name} version {version} is a candidate; `weir model promote {name} {version} --to shadow` goes on."
            )
        else:
            console.print(f"{name} version {version} failed its gate and is retired; what serves stays.")
            raise typer.Exit(ExitCode.STOPPED)
