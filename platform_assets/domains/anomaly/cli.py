"""The command `weir run anomaly`: parses arguments and prints results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from platform_assets.core.console import Folded, Home, Json, console_of, location_of, print_json, settings_of, stage_of
from spark_jobs.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from platform_assets.cli.outcome import Outcome
    from platform_assets.settings import Settings

COLORS = {"critical": "red", "warning": "yellow", "info": "dim"}


def run_anomaly_command(
    input: Annotated[
        str | None,
        typer.Option(
            "--input", help="Folder, file or s3:// URI of metric files; remembered in the home.", show_default=False
        ),
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Metric files -> features -> scores of clusters -> alerts; people are told of new ones.

    Example: weir run anomaly --input metrics/
    """
    from platform_assets.cli import report
    from platform_assets.cli.outcome import stop_where_hours_are_missing
    from platform_assets.cli.run import run_pipeline
    from platform_assets.settings import remember

    values: dict[str, Any] = {}
    if input is not None:
        values["metrics_raw"] = location_of(input)
    settings = settings_of(home, **values)
    with console_of(to_stderr=json) as console:
        outcome = run_pipeline(settings, "anomaly", stage_of(console))
        if input is not None:
            remember(settings, metrics_raw=settings.metrics.raw)
        report.show_models(console, settings, ["anomaly_detection"])
        show_alerts(console, settings, outcome)
        if json:
            print_json(outcome.for_machines())
        stop_where_hours_are_missing(outcome)


def show_alerts(console: Console, settings: Settings, outcome: Outcome) -> None:
    """The alerts of the last week, the most severe first; what they speak of, and what they do not."""
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.anomaly.coverage import coverage
    from platform_assets.domains.anomaly.tables import ANOMALY_ALERTS
    from spark_jobs.sources.metrics.left_out import left_out

    console.rule("Alerts")
    lake = lake_of(settings)
    rows, judged = lake.read_arrow(ANOMALY_ALERTS).to_pylist(), coverage(lake)
    if judged.until is None:
        console.print("nothing was judged: no step of any cluster was scored")
    elif rows:
        _show_rows(console, rows, outcome)
        console.print(Folded(f"judged: {judged.scope}"))
    else:
        console.print(f"no alarm was raised in the last week of {judged.scope}")
    for sentence in (*judged.sentences(datetime.now(UTC)), *left_out(lake).sentences):
        console.print(Folded(sentence))


def _show_rows(console: Console, rows: Sequence[Mapping[str, Any]], outcome: Outcome) -> None:
    states = Counter(row["state"] for row in rows)
    notified = outcome.metadata.get("anomaly/alerts", {}).get("told", 0)
    console.print(
        f"{counted(sum(row['alarm_count'] for row in rows), 'alarm')} in {counted(len(rows), 'alert')}: {states['open']} open, "
        f"{states['resolved']} resolved; people were told of {notified}"
    )
    for row in rows:
        console.print(f"{row['severity']:>8}", style=COLORS[row["severity"]], end="")
        console.print(f" {row['state']:8} {row['first_at']:%Y-%m-%d %H:%M}  ", end="")
        console.print(row["sentence"])
