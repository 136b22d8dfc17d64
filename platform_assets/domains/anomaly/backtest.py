"""`weir backtest anomaly`: scores and alarms for metric files, each time scored from its past alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    import pandas as pd
    import pyarrow as pa

    from spark_jobs.sources.metrics.typed import FileContent
    from weir_models.anomaly_detection.series import MetricSeries


AlarmsPerWeek = Annotated[
    float, typer.Option("--alarms-per-week", min=0.25, max=100.0, help="Alarms a week that a series may raise.")
]


def backtest_command(input: Input, out: Out, alarms_per_week: AlarmsPerWeek = 3.0, home: Home = None) -> None:
    """A score and an alarm for each time of each series, by its past alone; a file without series_id is one series.

    Example: weir backtest anomaly --input metrics/ --out scores.parquet
    """
    from platform_assets.settings import load_settings

    with console_of() as console:
        with stage_of(console)("Replaying the detector"):
            mapping = overridden(load_settings(home).metrics.mapping)
            scores, content = backtest(input, out, mapping, alarms_per_week)
        show_left_out(console, content)
        from rich.table import Table

        from weir_models.anomaly_detection.detector import DetectorSettings

        table = Table("series", "rows", "weeks", "alarms", "alarms a week", box=None)
        for name, rows in scores.groupby("series_id", sort=True):
            weeks = (rows["timestamp"].max() - rows["timestamp"].min()).total_seconds() / 604_800
            alarms = int(rows["is_anomaly"].sum())
            table.add_row(
                str(name), f"{len(rows):,}", f"{weeks:.1f}", str(alarms), f"{alarms / weeks:.2f}" if weeks else ""
            )
        console.print(table)
        if not DetectorSettings().is_apart(len(content.metrics)):
            console.print(
                f"Series of more than {DetectorSettings().apart_at_most} metrics are judged by all their metrics together, "
                "not by each alone; give fewer columns to have each judged."
            )
        console.print(f"{counted(len(scores), 'score')} of {scores['series_id'].nunique()} series are in {out}.")


def backtest(
    location: Path, out: Path, mapping: Mapping[str, Mapped] = MAPPING, alarms_per_week: float = 3.0
) -> tuple[pd.DataFrame, FileContent]:
    """Scores and alarms of every series of `location`, one row per time, written to `out` (Parquet)."""
    import pandas as pd

    from spark_jobs.sources.metrics.series_files import by_key, read_series
    from weir_models.anomaly_detection.detector import DetectorSettings, detect
    from weir_models.anomaly_detection.threshold import Ration

    require_writable(out)
    content = read_series(location, mapping)
    series = [metric_series(name, samples, content.metrics) for name, samples in by_key(content).items()]
    if not series:
        raise BacktestError(f"{location} holds no sample with a time and a number; give files that do.")
    scores = detect(series, DetectorSettings(ration=Ration(alarms_per_week)))
    scores["timestamp"] = pd.to_datetime(scores["timestamp"], utc=True)
    write(scores, out)
    return scores, content


def metric_series(series_id: str, samples: pa.Table, metrics: tuple[str, ...]) -> MetricSeries:
    """Samples of one series in time order; of samples with equal times (to the second), the last counts."""
    import numpy as np
    import pyarrow as pa

    from spark_jobs.sources.metrics.times import SECOND
    from weir_models.anomaly_detection.series import MetricSeries

    seconds = samples["event_at"].cast(pa.int64()).to_numpy() // SECOND
    last = np.r_[seconds[1:] != seconds[:-1], True]
    columns = [name for name in metrics if samples[name].null_count < len(samples)] or list(metrics[:1])
    values = np.column_stack([samples[name].to_numpy().astype(np.float64) for name in columns])
    return MetricSeries(series_id, seconds[last].astype("datetime64[s]"), values[last], tuple(columns))
