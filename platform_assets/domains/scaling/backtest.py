"""`weir backtest scaling`: forecasts for metric files, step by step, each from the past alone.

A forecast dated 12:00 uses nothing after 12:00.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from platform_assets.cli.backtest import (
    BacktestError,
    Input,
    Out,
    require_writable,
    show_left_out,
    write,
)
from platform_assets.core.console import Home, console_of, stage_of
from spark_jobs.sources.metrics.mapping import MAPPING, Mapped, overridden
from spark_jobs.wording import counted

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from spark_jobs.sources.metrics.typed import FileContent
    from weir_models.predictive_scaling.backtest import BacktestResult
    from weir_models.predictive_scaling.series import DemandSeries

RIVALS = {
    "persistence": "now, in 30 minutes",
    "mean_30_minutes": "mean of the last 30 minutes",
    "yesterday": "the same time yesterday",
    "ridge": "ridge on 15 lags",
    "ridge_daily": "ridge on 15 lags, fitted daily",
}

SHORT = ("÷ now", "÷ mean", "÷ day", "÷ ridge", "÷ daily")
"""Short titles of the rivals, in their order, so that the table fits a terminal."""
STEPS_SECONDS = (300, 600, 900, 1800)
"""Step lengths that divide the 30 minutes of a forecast."""
SPACINGS = 100
"""How many first spacings of a series determine its step; later ones would be a look ahead."""


def backtest_command(
    input: Input,
    out: Out,
    workers: Annotated[int, typer.Option(min=1, help="Processes; the result is the same for any number.")] = 2,
    home: Home = None,
) -> None:
    """Forecast CPU 30 minutes ahead over the last 30 % of each cluster, from its past alone, and replay scaling by it.

    Example: weir backtest scaling --input metrics/ --out forecasts.parquet
    """
    from platform_assets.settings import load_settings

    with console_of() as console:
        with stage_of(console)("Replaying forecasts"):
            result, content = backtest(input, out, workers, overridden(load_settings(home).metrics.mapping))
        show_left_out(console, content)
        _show_series(console, result.per_series)
        _show_overall(console, result.overall)
        console.print(f"{len(result.forecasts):,} forecasts are in {out}.")


def backtest(
    location: Path, out: Path, workers: int = 2, mapping: Mapping[str, Mapped] = MAPPING
) -> tuple[BacktestResult, FileContent]:
    """Forecasts over the last 30 % of each cluster of `location`, written to `out` (Parquet)."""
    from spark_jobs.sources.metrics.series_files import by_key, read_clusters
    from weir_models.predictive_scaling import backtest as replay

    require_writable(out)
    content = read_clusters(location, mapping)
    with_cpu = {
        name: samples
        for name, samples in by_key(content).items()
        if "cpu_utilization" in content.metrics and samples["cpu_utilization"].null_count < len(samples)
    }
    series = [demand_series(name, samples) for name, samples in with_cpu.items()]
    if not series:
        nothing = f"{location} holds no sample of cpu_utilization with a time; give files that do."
        raise BacktestError(content.unreadable[0] if content.unreadable else nothing)
    result = replay.backtest(series, replay.BacktestSettings(workers=workers))
    if not len(result.forecasts):
        raise BacktestError(f"The series of {location} are too short to forecast anything; give at least some hours.")
    write(result.forecasts, out)
    return result, content


def demand_series(cluster_id: str, samples: pa.Table) -> DemandSeries:
    """Samples of one cluster, in time order, resampled to a regular grid that begins with the first sample.

    Each step is the mean of the samples after the previous step and up to its own time.
    """
    import numpy as np
    import pyarrow as pa

    from spark_jobs.sources.metrics.grid import Samples, to_grid
    from spark_jobs.sources.metrics.times import SECOND
    from weir_models.predictive_scaling.series import DemandSeries

    times = samples["event_at"].cast(pa.int64()).to_numpy()
    step = _step_seconds(times)
    phase = int(times[0]) % (step * SECOND)
    start, end = int(times[0]), int(times[-1]) + 1

    def on_grid(name: str) -> Any:
        values = samples[name].to_numpy(zero_copy_only=False).astype(np.float64)
        # Moved by almost a step, so that `[t, t + step)` of the grid is `(t - step, t]` here.
        moved = times - phase + step * SECOND - 1
        end_moved = end - phase + step * SECOND - 1
        return to_grid(Samples(moved, values), step_seconds=step, start=start - phase, end=end_moved).values

    columns = {name: on_grid(name) for name in samples.column_names if pa.types.is_floating(samples[name].type)}
    nodes = columns.pop("node_count", None)
    return DemandSeries(
        cluster_id=cluster_id,
        start=np.datetime64(start // SECOND, "s"),
        cpu_utilization=columns.pop("cpu_utilization"),
        step_seconds=step,
        node_count=None if nodes is None or np.isnan(nodes).all() else nodes,
        others=columns,
    )


def _step_seconds(times: np.ndarray) -> int:
    """The shortest step length that is at least the median spacing of the first samples."""
    import numpy as np

    from spark_jobs.sources.metrics.times import SECOND

    spacings = np.diff(np.unique(times[: SPACINGS + 1]))
    usual = float(np.median(spacings)) / SECOND if len(spacings) else 0.0
    return next((step for step in STEPS_SECONDS if step >= usual), STEPS_SECONDS[-1])


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

    console.print(
        f"Over {counted(round(figures['n_series']), 'series', 'series')}; in brackets 95 % bounds over series:"
    )
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
