"""The command `weir`. Parses arguments, shows progress, turns errors into one sentence and an exit code; nothing else.

Exit codes: 0 done; 1 unexpected failure; 2 wrong usage or setting; 3 input missing or unreadable; 4 stopped by a check
(nothing is changed); 5 a service cannot be reached or used; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from platform_assets.anomaly_cli import run_anomaly_command
from platform_assets.backtest_cli import backtest_app
from platform_assets.domains.scaling.cli import run_scaling_command, scaling_app
from platform_assets.domains.waf.cli import waf_app
from platform_assets.features_cli import features_app
from platform_assets.terminal import (
    Home,
    Override,
    Reason,
    console_of,
    location_of,
    settings_of,
    stage_of,
    stop_where_not_applied,
    time_of,
)

app = typer.Typer(
    help="CloudFront access logs in, AWS WAF changes out; cluster metrics in, scaling and alerts out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
run_app = typer.Typer(help="Run a domain's pipeline once, in this process.", no_args_is_help=True)
app.add_typer(run_app, name="run")
run_app.command("anomaly")(run_anomaly_command)
app.add_typer(waf_app, name="waf")
app.add_typer(backtest_app, name="backtest")
app.add_typer(scaling_app, name="scaling")
app.add_typer(features_app, name="features")
run_app.command("scaling")(run_scaling_command)


@run_app.command("edge")
def run_edge_command(
    input: Annotated[
        str | None,
        typer.Option(
            "--input", help="Folder, file or s3:// URI of CloudFront logs; remembered in the home.", show_default=False
        ),
    ] = None,
    home: Home = None,
    apply: Annotated[bool, typer.Option("--apply", help="Change WAF; without it the plan is only shown.")] = False,
    override: Override = None,
    reason: Reason = "",
) -> None:
    """Logs -> features -> scores -> decisions -> WAF plan (and change, with --apply)."""
    from platform_assets import report, run
    from platform_assets.domains.waf.cli import overridden
    from platform_assets.settings import remember

    values: dict[str, Any] = {}
    if input is not None:
        values["cloudfront_raw"] = location_of(input)
    if apply:
        values["waf_apply"] = True
    settings = settings_of(home, **values)
    with console_of() as console:
        outcome = run.run_edge(settings, stage_of(console), overridden(settings, override, reason, "run edge"))
        if input is not None:
            remember(settings, cloudfront_raw=settings.cloudfront_raw)
        report.show_run(console, settings, outcome)
        stop_where_not_applied(settings, outcome)


@app.command()
def demo(
    home: Home = None,
    seed: Annotated[int, typer.Option(help="Seed of the simulated day.")] = 7,
    scale: Annotated[float, typer.Option(help="1.0 is about 160,000 lines a day.")] = 1.0,
) -> None:
    """Simulated logs into the local WAF, simulated cluster metrics into recommendations and alerts; measured against the truth."""
    from platform_assets import anomaly_cli, demo, report, run
    from platform_assets.domains.scaling import cli as scaling_cli
    from platform_assets.settings import remember

    logs, metrics = demo.folders(settings_of(home))
    settings = settings_of(
        home, cloudfront_raw=str(logs / "raw"), metrics_raw=str(metrics / "raw"), waf_apply=True, waf_target="twin"
    )
    with console_of() as console:
        stage = stage_of(console)
        if demo.is_there(settings):
            console.print(f"The simulated world in {logs} is there already; delete the folder for a new one.")
        else:
            with stage("Simulating CloudFront logs and cluster metrics"):
                demo.simulate(settings, seed, scale)
        outcome = run.run_edge(settings, stage)
        remember(settings, cloudfront_raw=settings.cloudfront_raw, metrics_raw=settings.metrics_raw)
        report.show_run(console, settings, outcome)
        report.show_truth(console, settings, logs / "truth")
        console.rule("Cluster metrics")
        _, alerting = demo.run_clusters(settings, stage)
        report.show_models(console, settings, ["predictive_scaling", "anomaly_detection"])
        scaling_cli.show(console, settings)
        anomaly_cli.show_alerts(console, settings, alerting)
        demo.show_incidents(console, settings, metrics / "truth")
        report.show_next(console, settings)
        stop_where_not_applied(settings, outcome)


@app.command()
def train(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models; default: request_attack and client_abuse.", show_default=False),
    ] = None,
    home: Home = None,
) -> None:
    """Fit, evaluate and register models; a version serves once it has passed its gate."""
    from platform_assets import report, run
    from platform_assets.models import models_of

    settings = settings_of(home)
    with console_of() as console:
        chosen = names or models_of("cloudfront")
        run.train(settings, stage_of(console), chosen)
        report.show_models(console, settings, chosen)


@app.command()
def export(
    table: Annotated[str, typer.Argument(help="requests, rejected_lines, request_scores, waf_decisions, …")],
    file: Annotated[Path, typer.Argument(help="Target; .parquet, .csv or .jsonl.")],
    home: Home = None,
    start: Annotated[str | None, typer.Option(help="First time, ISO 8601 (UTC).", show_default=False)] = None,
    end: Annotated[str | None, typer.Option(help="End, exclusive, ISO 8601 (UTC).", show_default=False)] = None,
) -> None:
    """Write a table, or a span of it, to a file."""
    from platform_assets.export import export_table

    settings = settings_of(home)
    with console_of() as console:
        done = export_table(settings, table, file, time_of("--start", start), time_of("--end", end))
        console.print(f"{done.rows} rows of {table} are in {done.path}. {done.note}".rstrip())


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
        int | None, typer.Option(min=0, help="Rows shown; 0: all. Default: 100 in a table.", show_default=False)
    ] = None,
) -> None:
    """SQL over the lake's tables, read only; the same text runs in Athena and Trino (docs/queries.md)."""
    from platform_assets import sql_text

    settings = settings_of(home)
    with console_of() as console:
        if query is None:
            console.print(sql_text.listing(settings))
            return
        text = sys.stdin.read() if query == "-" else query
        for note in sql_text.show(console, settings, text, format, limit):
            print(f"weir: {note}", file=sys.stderr)


@app.command("explain")
def explain_command(
    address: Annotated[str, typer.Argument(help="Address, CIDR or request id.")],
    home: Home = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Why an address is (not) acted upon: decision -> model and score -> features -> requests -> log lines."""
    from platform_assets import explain_text
    from platform_assets.explain import explain

    found = explain(settings_of(home), address)
    with console_of() as console:
        if json:
            print(explain_text.to_json(found))
        else:
            console.print(explain_text.render(found))


@app.command()
def ui(
    home: Home = None,
    port: Annotated[int, typer.Option(help="Dagster's port; MLflow takes the next one.")] = 3000,
) -> None:
    """Dagster (webserver and daemon) and MLflow, until interrupted."""
    from platform_assets.ui import serve

    serve(settings_of(home), port)


@app.command()
def doctor(home: Home = None) -> None:
    """What is configured, reachable, missing. Secrets are never printed."""
    from platform_assets import doctor as examining

    settings = settings_of(home)
    with console_of() as console:
        findings = examining.examine(settings)
        console.print(examining.render(findings))
    raise typer.Exit(examining.exit_code(findings))


def main() -> None:
    """Entry point: errors that a user can cause end in one sentence; others in one sentence and a log file."""
    os.environ.setdefault("RUST_LOG", "error")  # what fails in a native library is raised; it need not be logged too
    try:
        code = app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        _say("Interrupted; what was committed stays, the next run makes the rest.")
        code = 130
    except Exception as error:
        code = _failed(error)
    sys.exit(code if isinstance(code, int) else 0)


def _failed(error: Exception) -> int:
    from spark_jobs.errors import exit_code_of

    if hasattr(error, "format_message"):  # click's own: wrong usage; typer brings its own copy of click
        _say(error.format_message() or "A command is missing; see `weir --help`.")
        return 2
    code = exit_code_of(error)
    if code is not None:
        _say(str(error))
        return code
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="weir-", suffix=".log", delete=False, encoding="utf-8") as log:
        traceback.print_exception(error, file=log)
    _say(f"Something unexpected happened ({type(error).__name__}); please report it with the file {log.name}.")
    return 1


def _say(text: str) -> None:
    print(f"weir: {text}", file=sys.stderr)
