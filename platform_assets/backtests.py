"""Files of metrics -> what the models would have said at each time, as a file. Reads, calls the replay, writes; no model here.

A replay knows of each step what lies at or before it, so a forecast that is dated 12:00 has seen nothing after 12:00.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.sources.metrics.files import by_key, read_clusters, read_series
from spark_jobs.sources.metrics.grid import regular
from spark_jobs.sources.metrics.times import SECOND
from spark_jobs.sources.metrics.typed import FileContent

if TYPE_CHECKING:
    import pandas as pd

    from weir_models.anomaly_detection.series import MetricSeries
    from weir_models.predictive_scaling.backtest import BacktestResult
    from weir_models.predictive_scaling.series import DemandSeries

STEPS_SECONDS = (300, 600, 900, 1800)
"""Steps that divide the 30 minutes of a forecast."""
SPACINGS = 100
"""First spacings of a series that tell its step: later ones would be a look ahead."""


class BacktestError(WeirError):
    """The replay is not possible; one sentence that says why and what to do."""

    exit_code = ExitCode.INPUT


def scaling(location: Path, out: Path, workers: int = 2) -> tuple[BacktestResult, FileContent]:
    """Forecasts over the last 30 % of each cluster of `location`, written to `out` (Parquet)."""
    from weir_models.predictive_scaling.backtest import BacktestSettings, backtest

    _writable(out)
    content = read_clusters(location)
    series = [demand_series(name, samples) for name, samples in by_key(content).items()]
    if not series:
        raise BacktestError(f"{location} holds no sample of cpu_utilization with a time; give files that do.")
    result = backtest(series, BacktestSettings(workers=workers))
    if not len(result.forecasts):
        raise BacktestError(f"The series of {location} are too short to forecast anything; give at least some hours.")
    _write(result.forecasts, out)
    return result, content


def anomaly(location: Path, out: Path) -> tuple[pd.DataFrame, FileContent]:
    """Scores and alarms of every series of `location`, a row a time, written to `out` (Parquet)."""
    import pandas as pd

    from weir_models.anomaly_detection.stream import detect

    _writable(out)
    content = read_series(location)
    series = [metric_series(name, samples, content.metrics) for name, samples in by_key(content).items()]
    if not series:
        raise BacktestError(f"{location} holds no sample with a time and a number; give files that do.")
    found = detect(series)
    found["timestamp"] = pd.to_datetime(found["timestamp"], utc=True)
    _write(found, out)
    return found, content


def demand_series(cluster_id: str, samples: pa.Table) -> DemandSeries:
    """Samples of one cluster, in order of time, on a grid that begins with the first of them.

    A step is the mean of the samples after the step before it and up to its own time.
    """
    from weir_models.predictive_scaling.series import DemandSeries

    times = samples["event_at"].cast(pa.int64()).to_numpy()
    step = _step_seconds(times)
    phase = int(times[0]) % (step * SECOND)
    start, end = int(times[0]), int(times[-1]) + 1

    def on_grid(name: str) -> Any:
        values = samples[name].to_numpy(zero_copy_only=False).astype(np.float64)
        # Moved by almost a step, so that `[t, t + step)` of the grid is `(t - step, t]` here.
        moved = times - phase + step * SECOND - 1
        grid = regular(moved, values, step_seconds=step, start=start - phase, end=end - phase + step * SECOND - 1)
        return grid.values

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
    """Of the steps that there are the shortest that holds a sample a step, by the usual spacing of the first samples."""
    spacings = np.diff(np.unique(times[: SPACINGS + 1]))
    usual = float(np.median(spacings)) / SECOND if len(spacings) else 0.0
    return next((step for step in STEPS_SECONDS if step >= usual), STEPS_SECONDS[-1])


def metric_series(series_id: str, samples: pa.Table, metrics: tuple[str, ...]) -> MetricSeries:
    """Samples of one series in order of time; of equal times (to the second) the last counts."""
    from weir_models.anomaly_detection.series import MetricSeries

    seconds = samples["event_at"].cast(pa.int64()).to_numpy() // SECOND
    last = np.r_[seconds[1:] != seconds[:-1], True]
    columns = [name for name in metrics if samples[name].null_count < len(samples)] or list(metrics[:1])
    values = np.column_stack([samples[name].to_numpy().astype(np.float64) for name in columns])
    return MetricSeries(series_id, seconds[last].astype("datetime64[s]"), values[last], tuple(columns))


def _writable(out: Path) -> None:
    """Before hours of work, not after them."""
    if out.suffix != ".parquet":
        raise BacktestError(f"{out} must end in .parquet; name it so.")
    if not out.expanduser().parent.is_dir():
        raise BacktestError(f"The folder {out.parent} does not exist; create it.")


def _write(frame: pd.DataFrame, out: Path) -> None:
    out = out.expanduser()
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        frame.to_parquet(unfinished, index=False)
        unfinished.replace(out)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise BacktestError(f"{out} cannot be written ({error.strerror}); choose another place.") from None
