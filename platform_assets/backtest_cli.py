"""The commands `weir backtest …`: what the models would have said over files of metrics. Parses and shows; nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from platform_assets.terminal import console_of, stage_of

if TYPE_CHECKING:
    from spark_jobs.sources.metrics.typed import FileContent

backtest_app = typer.Typer(
    help="What a model would have said over files of metrics, step by step.", no_args_is_help=True
)
Input = Annotated[
    Path, typer.Option("--input", help="File or folder: CSV, Parquet or JSON lines with the column timestamp.")
]
Out = Annotated[Path, typer.Option("--out", help="Target, .parquet.")]
RIVALS = {
    "persistence": "now, in 30 minutes",
    "mean_30_minutes": "mean of the last 30 minutes",
    "yesterday": "the same time yesterday",
    "ridge": "ridge on 15 lags",
    "ridge_daily": "ridge on 15 lags, fitted daily",
}

SHORT = ("÷ now", "÷ mean", "÷ day", "÷ ridge", "÷ daily")
"""Of the rivals in their order, for a table that fits a terminal."""


@backtest_app.command()
def scaling(
    input: Input,
    out: Out,
    workers: Annotated[int, typer.Option(min=1, help="Processes; the result is the same for any number.")] = 2,
) -> None:
    """CPU 30 minutes ahead over the last 30 % of each cluster, by its past alone, and what scaling by it would have done."""
    from platform_assets import backtests

    with console_of() as console:
        with stage_of(console)("Replaying forecasts"):
            result, content = backtests.scaling(input, out, workers)
        _show_rejected(console, content)
        _show_series(console, result.per_series)
        _show_overall(console, result.overall)
        console.print(f"{len(result.forecasts):,} forecasts are in {out}.")


@backtest_app.command()
def anomaly(input: Input, out: Out) -> None:
    """A score and an alarm for each time of each series, by its past alone; a file without series_id is one series."""
    from platform_assets import backtests

    with console_of() as console:
        with stage_of(console)("Replaying the detector"):
            found, content = backtests.anomaly(input, out)
        _show_rejected(console, content)
        from rich.table import Table

        table = Table("series", "rows", "weeks", "alarms", "alarms a week", box=None)
        for name, rows in found.groupby("series_id", sort=True):
            weeks = (rows["timestamp"].max() - rows["timestamp"].min()).total_seconds() / 604_800
            alarms = int(rows["is_anomaly"].sum())
            table.add_row(
                str(name), f"{len(rows):,}", f"{weeks:.1f}", str(alarms), f"{alarms / weeks:.2f}" if weeks else ""
            )
        console.print(table)
        console.print(f"{len(found):,} scores of {found['series_id'].nunique()} series are in {out}.")


def _show_rejected(console: Any, content: FileContent) -> None:
    if content.rejected:
        reasons = ", ".join(f"{count} {name}" for name, count in Counter(r.reason for r in content.rejected).items())
        first = content.rejected[0]
        console.print(
            f"{len(content.rejected):,} lines or values were left out ({reasons}), such as line {first.line_number}: "
            f"{first.detail}",
            markup=False,
        )


def _show_series(console: Any, per_series: Any) -> None:
    from rich.table import Table

    table = Table("cluster", "forecasts", "MAE", *SHORT, "coverage", "width", box=None, show_edge=False)
    table.columns[0].no_wrap = True
    for row in per_series.to_dict("records"):
        table.add_row(
            str(row["cluster_id"]),
            f"{row['n']:,.0f}",
            f"{row['mae']:.3f}",
            *(f"{row[f'ratio_{name}']:.3f}" for name in RIVALS),
            f"{row['coverage']:.1%}",
            f"{row['width']:.2f}",
        )
    console.print(table)


def _show_overall(console: Any, figures: dict[str, float]) -> None:
    def bounded(name: str, form: str) -> str:
        low, high = figures[f"{name}_low"], figures[f"{name}_high"]
        return f"{figures[name]:{form}} ({low:{form}} to {high:{form}})"

    console.print(f"Over {figures['n_series']:.0f} series; in brackets 95 % bounds over series:")
    for name, meaning in RIVALS.items():
        console.print(
            f"  MAE {bounded(f'ratio_{name}', '.3f')} of '{meaning}' (geometric mean), "
            f"better on {figures[f'better_than_{name}']:.1%} of series"
        )
    console.print(
        f"  90 % intervals hold {figures['coverage']:.1%} on average, 88 to 92 % on {figures['coverage_held']:.1%} of "
        f"series; their mean width is {figures['width']:.2f} points"
    )
    console.print(
        f"  steps above the threshold: {bounded('violations', '.2%')}, reactive scaling "
        f"{bounded('violations_reactive', '.2%')}; node-hours {bounded('node_hours', ',.0f')}, reactive "
        f"{bounded('node_hours_reactive', ',.0f')}"
    )
