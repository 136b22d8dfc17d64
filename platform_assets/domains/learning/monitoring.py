"""Counts of a model's inputs and scores, window by window, beside the baseline of the version that served."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from platform_assets.clients.engine import SparkRunner
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.domain import tables
from platform_assets.domains.learning.retraining import load_recent
from platform_assets.domains.learning.tables import baselines_table, columns_table, learners, windows_table
from platform_assets.domains.learning.windows import Window, whole_windows
from platform_assets.settings import Settings
from platform_assets.training.sets import training_sets
from spark_jobs.contract import Interval, Job, Source, Table
from spark_jobs.errors import WeirError
from spark_jobs.profiling.bins import Bins, bins_of
from spark_jobs.profiling.jobs import table_document
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema
from spark_jobs.wording import counted
from weir_models import registry

if TYPE_CHECKING:
    from weir_learning.drift import Comparison

PROFILING = Source("profiling", "Counts of columns.", "team:platform", ())
COUNTS = Job("column_counts", ())
BASELINE_ROWS = 200_000
"""Rows, spread over the files of the window, that bins are cut by."""
LEAST_ROWS = 100
"""A window with fewer predictions is no baseline."""
MOST_WINDOWS = 60
"""Windows that one evaluation looks at, the newest."""
TIMED_BATCHES, BATCH_ROWS = 5, 1_000
"""Batches that service figures are measured on."""
INPUT, SCORE = "input", "score"


@dataclass(frozen=True)
class Watched:
    """Columns of one table that are counted in one pass."""

    table: Table
    columns: tuple[str, ...]
    role: str

    def name_of(self, column: str) -> str:
        return column if self.role == SCORE else f"{self.table.name}.{column}"


def watched(model: str) -> list[Watched]:
    """The tables of a model's inputs and of its predictions, with the columns that are watched; hourly ones only."""
    spec, learning, known = registry.spec(model), learners()[model], tables()
    found = []
    for key, columns in spec.inputs.items():
        table = known[key]
        names = tuple(name for name in columns if name != learning.entity and table.column(name).type != "timestamp")
        found.append(Watched(table, names, INPUT))
    scored = tuple(filter(None, (learning.score, learning.flag)))
    found.append(Watched(known[learning.predictions], scored, SCORE))
    return [one for one in found if one.table.hourly and one.columns]


def due_windows(settings: Settings, lake: Lake, model: str) -> list[Window]:
    """Whole windows with predictions (or, where these are not hourly, inputs) that were not looked at, oldest first."""
    last = watched(model)[-1].table
    done = set(lake.read_arrow(windows_table(model), columns=["window_start"])["window_start"].to_pylist())
    windows = whole_windows(lake.hours(last), settings.learning.window_hours)
    return [window for window in windows if window.start not in done][-MOST_WINDOWS:]


def look_at(settings: Settings, lake: Lake, model: str, window: Window) -> dict[str, Any]:
    """Count, compare and write one window; returns its row of `windows`."""
    version = _version_of(lake, model, window)
    by_table = {one: _counts(settings, lake, one, window, _bins(lake, model, version, one)) for one in watched(model)}
    baseline = _baseline(lake, model, version)
    rows = max((figures["rows"] for _, figures in by_table.values()), default=0)
    if not baseline:
        return _write(
            settings,
            lake,
            model,
            window,
            version,
            rows,
            None,
            by_table,
            _made_baseline(lake, model, version, window, by_table),
        )
    from weir_learning.drift import compare

    columns = [column for one, (bins, figures) in by_table.items() for column in _columns(one, bins, figures, baseline)]
    compared = compare(columns, previous=_drifted_before(lake, model, window))
    return _write(settings, lake, model, window, version, rows, compared, by_table, "")


def _version_of(lake: Lake, model: str, window: Window) -> str:
    """The version behind most predictions of the window; `none` where there are no hourly predictions."""
    table = watched(model)[-1].table
    if "model_version" not in table.column_names:
        return "none"
    counts = lake.read_arrow(table, window.hours, columns=["model_version"])["model_version"].value_counts().to_pylist()
    return str(max(counts, key=lambda pair: pair["counts"])["values"]) if counts else "none"


def _bins(lake: Lake, model: str, version: str, one: Watched) -> list[Bins]:
    """The bins of the version's baseline; none before there is one."""
    rows = _baseline(lake, model, version)
    names = {one.name_of(column): column for column in one.columns}
    return [Bins.from_json(json.loads(rows[name]["bins"])) for name in names if name in rows]


def _baseline(lake: Lake, model: str, version: str) -> dict[str, dict[str, Any]]:
    rows = lake.read_arrow(baselines_table(model)).to_pylist()
    return {row["column_name"]: row for row in rows if row["model_version"] == version}


def _counts(
    settings: Settings, lake: Lake, one: Watched, window: Window, bins: Sequence[Bins]
) -> tuple[list[Bins], dict[str, Any]]:
    """The bins and their counts in the window, in one pass; bins are cut first where there are none."""
    bins = list(bins) or _cut(lake, one, window)
    parameters = {"table": table_document(one.table), "bins": [each.to_json() for each in bins]}
    interval = Interval(window.start, window.end)
    return bins, SparkRunner.of(settings).run(PROFILING, COUNTS, lake, interval, parameters)


def _cut(lake: Lake, one: Watched, window: Window) -> list[Bins]:
    """Bins of the columns by rows spread over the window's files."""
    import pyarrow as pa

    by_hour = lake.files_by_hour(one.table, window.hours)
    files = list(dict.fromkeys(file for files in by_hour.values() for file in files))
    step = max(sum(file.num_records for file in files) // BASELINE_ROWS, 1)
    hours = window.hours if one.table.is_by_month else None
    texts = [name for name in one.columns if one.table.column(name).type == "string"]
    paths = [file.path for file in files]
    parts = [
        batch.take(pa.array(range(0, batch.num_rows, step)))
        for batch in lake.read_batches(one.table, paths, one.columns, texts, hours=hours)
    ]
    if not parts:
        return []
    sample = pa.Table.from_batches(parts).unify_dictionaries()
    return [bins_of(name, sample[name]) for name in one.columns]


def _made_baseline(
    lake: Lake, model: str, version: str, window: Window, by_table: Mapping[Watched, tuple[list[Bins], dict[str, Any]]]
) -> str:
    """Keep the counts of a window as the version's baseline; why, or why not."""
    *_, (_, last) = by_table.values()
    rows = last["rows"]
    if rows < LEAST_ROWS:
        return f"The window has {counted(rows, 'row')}, too few for the baseline of version {version} ({LEAST_ROWS} are needed)."
    import pyarrow as pa

    values = [
        {
            "model_version": version,
            "window_start": window.start,
            "window_end": window.end,
            "column_name": one.name_of(each.name),
            "role": one.role,
            "bins": json.dumps(each.to_json()),
            "counts": json.dumps(figures["counts"][each.name]),
        }
        for one, (bins, figures) in by_table.items()
        for each in bins
    ]
    table = baselines_table(model)
    lake.append_arrow(pa.Table.from_pylist(values, schema=arrow_schema(table)), table)
    return f"The first whole window of version {version}: later ones are compared with it."


def _columns(
    one: Watched, bins: Iterable[Bins], figures: Mapping[str, Any], baseline: Mapping[str, Mapping[str, Any]]
) -> list[Any]:
    from weir_learning.drift import Column

    return [
        Column(
            one.name_of(each.name),
            "categorical" if each.kind == "categorical" else "numeric",
            json.loads(baseline[one.name_of(each.name)]["counts"]),
            figures["counts"][each.name],
        )
        for each in bins
        if one.name_of(each.name) in baseline
    ]


def _drifted_before(lake: Lake, model: str, window: Window) -> set[str]:
    """The columns that had drifted in the window before this one."""
    rows = lake.read_arrow(columns_table(model), columns=["window_end", "column_name", "is_drifted"]).to_pylist()
    return {row["column_name"] for row in rows if row["window_end"] == window.start and row["is_drifted"]}


def _write(
    settings: Settings,
    lake: Lake,
    model: str,
    window: Window,
    version: str,
    rows: int,
    compared: Comparison | None,
    by_table: Mapping[Watched, tuple[list[Bins], dict[str, Any]]],
    sentence: str,
) -> dict[str, Any]:
    import pyarrow as pa

    of_window = {"model_version": version, "window_start": window.start, "window_end": window.end}
    if compared is not None:
        roles = {one.name_of(column): one.role for one in by_table for column in one.columns}
        values = [
            {
                **of_window,
                "column_name": column.name,
                "role": roles[column.name],
                "row_count": column.n,
                "baseline_row_count": column.m,
                "psi": _number(column.psi),
                "p_value": _number(column.p_value),
                "q_value": _number(column.q_value),
                "is_drifted": column.is_drifted,
                "is_lasting": column.is_lasting,
            }
            for column in compared.columns
        ]
        table = columns_table(model)
        lake.append_arrow(pa.Table.from_pylist(values, schema=arrow_schema(table)), table)
    row = {
        **of_window,
        "row_count": rows,
        **_scores(lake, model, window),
        **(service_figures(settings, model, version, window) if version != "none" else {}),
        "verdict": "baseline" if compared is None else str(compared.verdict.value),
        "sentence": sentence or (compared.sentence if compared is not None else ""),
        "drifted_share": None if compared is None else _number(compared.share),
        "evaluated_at": datetime.now(UTC),
    }
    if compared is None and "too few" in sentence:
        row["verdict"] = "unknown"
    table = windows_table(model)
    lake.append_arrow(pa.Table.from_pylist([row], schema=arrow_schema(table)), table)
    return row


def _scores(lake: Lake, model: str, window: Window) -> dict[str, Any]:
    """Flags, mean score and estimated performance of the window's predictions."""
    import numpy as np

    learning, table = learners()[model], watched(model)[-1].table
    if table.key != learning.predictions:
        return {}
    names = list(filter(None, (learning.score, learning.flag)))
    rows = lake.read_arrow(table, window.hours, columns=names)
    if not rows.num_rows:
        return {}
    scores = np.asarray(rows[learning.score].to_numpy(), dtype=float)
    found: dict[str, Any] = {"mean_score": _number(float(np.nanmean(scores)))}
    if learning.flag:
        flags = rows[learning.flag].to_numpy().astype(bool)
        found["flagged_count"] = int(flags.sum())
        if learning.outcome:
            from weir_learning.estimate import cbpe

            estimates = {estimate.name: estimate.value for estimate in cbpe(scores, flags)}
            found |= {f"estimated_{name}": _number(estimates.get(name)) for name in ("precision", "recall")}
    return found


def service_figures(settings: Settings, model: str, version: str, window: Window) -> dict[str, Any]:
    """How fast a version scores rows of the window's last hour, in batches; empty where it cannot be loaded."""
    import numpy as np

    frame = load_recent(settings, model, window.hours[-1:]).head(TIMED_BATCHES * BATCH_ROWS)
    try:
        loaded = ModelRegistry.of(settings).loaded(model, version)
    except WeirError:  # the run that serves says what is wrong
        return {}
    if frame.empty:
        return {}
    inputs, seconds = list(training_sets()[model].inputs), []
    size = len(frame) if "is_compared" in frame else BATCH_ROWS
    batches = [frame.iloc[start : start + size] for start in range(0, len(frame), size)]
    cpu = time.process_time()
    for batch in batches:
        begin = time.perf_counter()
        loaded.predict(batch[inputs].reset_index(drop=True))
        seconds.append(time.perf_counter() - begin)
    cpu = time.process_time() - cpu
    return {
        "timed_row_count": len(frame),
        "rows_per_second": len(frame) / max(sum(seconds), 1e-9),
        "cpu_seconds_per_1000_rows": 1000 * cpu / len(frame),
        "p50_milliseconds": 1000 * float(np.median(seconds)),
        "p95_milliseconds": 1000 * float(np.quantile(seconds, 0.95)),
    }


def _number(value: float | None) -> float | None:
    return None if value is None or value != value or value in (float("inf"), float("-inf")) else float(value)
