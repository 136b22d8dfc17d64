"""The command `weir`: parses arguments, shows progress, turns errors into one sentence and an exit code.

Exit codes: 0 done; 1 unexpected failure; 2 wrong usage or setting; 3 input missing or unreadable; 4 stopped by a check
(nothing is changed); 5 a service cannot be reached or used; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, TextIO

import typer

from platform_assets.cli import interrupt
from platform_assets.cli.features import features_app
from platform_assets.cli.stream import stream_app
from platform_assets.core.console import (
    Home,
    console_of,
    settings_of,
    stage_of,
    time_of,
)
from platform_assets.core.domain import domains, load
from platform_assets.core.escape import for_terminal
from platform_assets.core.files import keep_private
from spark_jobs.errors import ExitCode
from spark_jobs.wording import counted

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
GROUPS = {
    "run": "Run a domain's pipeline once, in this process.",
    "backtest": "What a model would have said over files of metrics, step by step.",
}


def _version(is_asked: bool) -> None:
    if is_asked:
        from platform_assets.core.home import this_version

        print(f"weir {this_version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """CloudFront access logs in, AWS WAF changes out; cluster metrics in, scaling and alerts out."""


@app.command()
def demo(
    home: Home = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Seed of the simulated day.")] = 7,
    scale: Annotated[float, typer.Option(min=0.001, max=1000, help="1.0 is about 160,000 lines a day.")] = 1.0,
) -> None:
    """Simulated logs into the local WAF, simulated cluster metrics into sizes and alerts, a model that learns; measured against the truth.

    Example: weir demo --home demo --scale 0.2
    """
    from platform_assets.cli import demo as demos
    from platform_assets.settings import remember

    values = demos.demo_settings(settings_of(home))
    settings = settings_of(home, **values)
    with console_of() as console:
        progress = stage_of(console)
        if all(world.is_there(settings) for world in demos.worlds()):
            folder = demos.worlds()[0].path(settings)
            console.print(f"The simulated world in {folder} is there already; delete the folder for a new one.")
        else:
            with progress("Simulating CloudFront logs and cluster metrics"):
                demos.simulate_missing(settings, seed, scale)
        remember(settings, **{world.setting: values[world.setting] for world in demos.worlds()})
        demos.play_all(console, settings, progress)


@app.command()
def train(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models; default: request_attack and client_abuse.", show_default=False),
    ] = None,
    home: Home = None,
) -> None:
    """Fit, evaluate and register models; a version serves once it has passed its gate.

    Example: weir train request_attack client_abuse
    """
    from platform_assets.cli import report, run

    settings = settings_of(home)
    with console_of() as console:
        selected = names or run.default_models()
        run.train(settings, stage_of(console), selected)
        report.show_models(console, settings, selected)


@app.command()
def export(
    table: Annotated[str, typer.Argument(help="requests, rejected_lines, request_scores, waf_decisions, …")],
    file: Annotated[Path, typer.Argument(help="Target; .parquet, .csv or .jsonl.")],
    home: Home = None,
    start: Annotated[str | None, typer.Option(help="First time, ISO 8601 (UTC).", show_default=False)] = None,
    end: Annotated[str | None, typer.Option(help="End, exclusive, ISO 8601 (UTC).", show_default=False)] = None,
) -> None:
    """Write a table, or a span of it, to a file.

    Example: weir export waf_decisions decisions.csv --start 2026-11-20
    """
    from platform_assets.outputs.table_files import export_table

    settings = settings_of(home)
    with console_of() as console:
        result = export_table(settings, table, file, time_of("--start", start), time_of("--end", end))
        console.print(f"{counted(result.rows, 'row')} of {table} are in {result.path}. {result.note}".rstrip())


@app.command()
def sql(
    query: Annotated[
        str | None, typer.Argument(help="One SELECT; - reads it from standard input; none lists the tables.")
    ] = None,
    home: Home = None,
    format: Annotated[
        Literal["table", "csv", "json"] | None,
        typer.Option("--format", help="Default: table on a terminal, csv elsewhere.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, max=1_000_000_000, help="Rows shown; 0: all. Default: 100 in a table.", show_default=False),
    ] = None,
) -> None:
    """SQL over the lake's tables, read only; the same text runs in Athena and Trino (docs/queries.md).

    Example: weir sql "SELECT action, count(*) FROM weir.decisions_waf_decisions GROUP BY action"
    """
    from platform_assets.outputs import sql_text

    settings = settings_of(home)
    with console_of() as console:
        if query is None:
            console.print(sql_text.listing(settings))
            return
        text = sys.stdin.read() if query == "-" else query
        for note in sql_text.show(console, settings, text, format, limit):
            _print_error(note)


@app.command("explain")
def explain_command(
    subject: Annotated[str, typer.Argument(help="Address, CIDR or request id.")],
    home: Home = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Why an address is (not) acted upon: decision -> model and score -> features -> requests -> log lines.

    Example: weir explain 203.0.113.7 --json
    """
    from platform_assets.core.explaining import explainer_of

    explainer = explainer_of(subject)
    explanation = explainer.explain(settings_of(home), subject)
    with console_of() as console:
        if json:
            print(explainer.to_json(explanation))
        else:
            console.print(explainer.render(explanation))


@app.command()
def ui(
    home: Home = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65_534,
            help="Dagster's port, remembered in the home (default: 3000); MLflow takes the next one.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Dagster (webserver and daemon) and MLflow, until interrupted.

    Example: weir ui --port 3100
    """
    from platform_assets.cli.ui import serve
    from platform_assets.settings import remember

    values = {} if port is None else {"ui_port": port}
    settings = settings_of(home, **values)
    if values:
        remember(settings, ui_port=str(port))
    serve(settings, settings.ui_port)


@app.command()
def upgrade(home: Home = None) -> None:
    """Bring a home that an older version made up to this one; its data stays.

    Example: weir upgrade --home .weir
    """
    from platform_assets.core.home import upgrade as upgrade_home
    from platform_assets.settings import load_settings

    result = upgrade_home(load_settings(home))
    with console_of() as console:
        counts = ", ".join(f"{count} {noun}" for noun, count in result.kept.items())
        console.print(f"The home was of {result.before} and is of {result.after} now; kept: {counts}.")
        for name, reason in result.unusable_models.items():
            console.print(f"{name}: {reason}")


@app.command()
def repair(home: Home = None) -> None:
    """Put aside what is damaged in a home and have the rest made again: tables, their files, databases.

    Example: weir repair
    """
    from platform_assets.maintenance.repair import repair as repair_home

    settings = settings_of(home)
    with console_of() as console:
        sentences = list(repair_home(settings))
        for sentence in sentences:
            console.print(sentence)
        if not sentences:
            console.print(
                "Nothing is damaged: every table's log and files and every database of the home could be read."
            )


@app.command()
def doctor(
    home: Home = None,
    thorough: Annotated[bool, typer.Option("--thorough", help="Read all data files and databases, too.")] = False,
) -> None:
    """What is configured, reachable, missing, damaged. Secrets are never printed.

    Example: weir doctor --thorough
    """
    from platform_assets.cli.doctor.examination import examine
    from platform_assets.cli.doctor.findings import exit_code, render
    from platform_assets.settings import load_settings

    settings = load_settings(home)
    with console_of() as console:
        findings = examine(settings, thorough)
        console.print(render(findings))
    raise typer.Exit(exit_code(findings))


def add_domain_commands() -> None:
    """Add the commands that the domains declare, grouped by their first word."""
    groups: dict[str, typer.Typer] = {}
    for domain in domains().values():
        for command_words, reference in domain.commands.items():
            *parents, name = command_words.split()
            command, parent = load(reference), app
            if parents:
                parent = groups.setdefault(parents[0], typer.Typer(help=GROUPS.get(parents[0]), no_args_is_help=True))
            if isinstance(command, typer.Typer):
                parent.add_typer(command, name=name)
            else:
                parent.command(name)(command)
    for name, group in groups.items():
        app.add_typer(group, name=name)


add_domain_commands()
app.add_typer(features_app, name="features")
app.add_typer(stream_app, name="stream")


def main() -> None:
    """Entry point: run the command and end the process."""
    os.environ.setdefault("RUST_LOG", "error")  # what fails in a native library is raised; it need not be logged too
    errors = sys.stderr  # libraries redirect it while they work
    interrupt.watch(lambda text: _print_error(text, errors))
    interrupt.end(run_command())


def run_command() -> int:
    """Run the command of sys.argv; returns its exit code. An error is one sentence; an unexpected one also a log file."""
    keep_private()
    try:
        code = app(standalone_mode=False)
    except SystemExit as error:
        code = error.code
    except BaseException as error:
        is_interrupt = interrupt.has_happened() or isinstance(error, KeyboardInterrupt | typer.Abort)
        code = ExitCode.INTERRUPTED if is_interrupt else _report(error)
    if code == ExitCode.INTERRUPTED:
        interrupt.say_once(_print_error)
    return code if isinstance(code, int) else 0


def _report(error: BaseException) -> int:
    from spark_jobs.errors import exit_code_of

    if hasattr(error, "format_message"):  # click's own: wrong usage; typer brings its own copy of click
        _print_error(error.format_message() or "A command is missing; see `weir --help`.")
        return 2
    code = exit_code_of(error)
    if code is not None:
        _print_error(str(error))
        return code
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="weir-", suffix=".log", delete=False, encoding="utf-8") as log:
        traceback.print_exception(error, file=log)
    _print_error(f"Something unexpected happened ({type(error).__name__}); please report it with the file {log.name}.")
    return 1


def _print_error(text: str, stream: TextIO | None = None) -> None:
    print(f"weir: {for_terminal(text, keep_lines=True)}", file=stream or sys.stderr)
