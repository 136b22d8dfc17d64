"""A window of a model in three steps: its inputs and scores are counted, compared with the baseline, and written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from platform_assets.clients.engine import SparkRunner
from platform_assets.core.domain import tables
from platform_assets.domains.learning import baselines, version_baselines
from platform_assets.domains.learning.baselines import Baseline, Profile, Profiles
from platform_assets.domains.learning.service import service_figures
from platform_assets.domains.learning.tables import columns_table, learners, windows_table
from platform_assets.domains.learning.windows import Window, whole_windows
from platform_assets.settings import Settings
from spark_jobs.contract import Interval, Job, Source, Table
from spark_jobs.profiling.bins import Bins, bins_of
from spark_jobs.profiling.counts import Counts
from spark_jobs.profiling.jobs import table_document
from spark_jobs.profiling.texts import GROUP_TEXTS
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted as number_of
from weir_models import registry

if TYPE_CHECKING:
    from weir_learning.drift import Column, Comparison, Evidence

PROFILING = Source("profiling", "Counts of columns.", "team:platform", ())
COUNTS = Job("column_counts", ())
BASELINE_ROWS = 200_000
"""Rows, spread over the files of the window, that bins are cut by."""
LEAST_ROWS = 100
"""A window with fewer predictions is no baseline."""
MOST_WINDOWS = 60
"""Windows that one evaluation looks at, the newest."""
INPUT, SCORE = "input", "score"
BASELINE, UNKNOWN = "baseline", "unknown"
"""Verdicts besides those of weir_learning.drift."""


@dataclass(frozen=True)
class Watched:
    """Columns of one table that are counted in one pass; an entity among them is an id."""

    table: Table
    columns: tuple[str, ...]
    role: str
    entity: str

    def name_of(self, column: str) -> str:
        return column if self.role == SCORE else f"{self.table.name}.{column}"


@dataclass(frozen=True)
class Counted:
    """What a window holds."""

    window: Window
    version: str
    """That served most of it."""
    rows: int
    """Predictions or, where these are not hourly, inputs."""
    profiles: Profiles


@dataclass(frozen=True)
class Compared:
    """What a window says beside the baseline."""

    verdict: str
    sentence: str
    comparison: Comparison | None = None
    """None: there was nothing to compare it with."""
    grown: Profiles = field(default_factory=dict)
    """What the baseline lacked, and gets from this window."""


def watched(model: str) -> list[Watched]:
    """The tables of a model's inputs and of its predictions, with the columns that are watched; hourly ones only.

    Times are not, nor ids of persons: a baseline outlives the retention of what it was made of.
    """
    spec, learning, known = registry.spec(model), learners()[model], tables()
    found = []
    for key, columns in spec.inputs.items():
        table = known[key]
        names = tuple(
            name
            for name in columns
            if table.column(name).type != "timestamp" and not (name == learning.entity and table.column(name).personal)
        )
        found.append(Watched(table, names, INPUT, learning.entity))
    scored = tuple(filter(None, (learning.score, learning.flag)))
    found.append(Watched(known[learning.predictions], scored, SCORE, learning.entity))
    return [one for one in found if one.table.hourly and one.columns]


def due_windows(settings: Settings, lake: Lake, model: str) -> list[Window]:
    """Whole windows with predictions (or, where these are not hourly, inputs) that were not looked at, oldest first."""
    last = watched(model)[-1].table
    done = set(lake.read_arrow(windows_table(model), columns=["window_start"])["window_start"].to_pylist())
    windows = whole_windows(lake.hours(last), settings.learning.window_hours)
    return [window for window in windows if window.start not in done][-MOST_WINDOWS:]


def look_at(settings: Settings, lake: Lake, model: str, window: Window, *, is_timed: bool = True) -> dict[str, Any]:
    """Count, compare and write one window; returns its row of `windows`. `is_timed`: with service figures."""
    version = _version_of(lake, model, window)
    note = "" if baselines.is_kept(lake, model, version) else version_baselines.take(settings, lake, model, version)
    baseline = baselines.baseline_of(lake, model, version, window)
    counted = count(settings, lake, model, window, baseline)
    compared = compare(counted, baseline, _drifted_before(lake, model, window))
    if compared.grown:
        baselines.add(lake, model, version, window, compared.grown)
        note += version_baselines.keep(settings, lake, model, version)
    service = service_figures(settings, model, version, window) if is_timed and version != "none" else {}
    return write(lake, model, counted, replace(compared, sentence=compared.sentence + note), service)


def count(settings: Settings, lake: Lake, model: str, window: Window, baseline: Baseline) -> Counted:
    """Count a window, one pass a table, by the bins of the baseline; they are cut first where there is none."""
    profiles: dict[str, Profile] = {}
    interval, rows = Interval(window.start, window.end), 0
    for one in watched(model):
        names = map(one.name_of, one.columns)
        bins = [baseline.profiles[name].bins for name in names if name in baseline.profiles] or _cut(lake, one, window)
        parameters = {"table": table_document(one.table), "bins": [each.to_json() for each in bins]}
        figures = SparkRunner.of(settings).run(PROFILING, COUNTS, lake, interval, parameters)
        rows = figures["rows"]
        for each in bins:
            counts = Counts.from_json(figures["counts"][each.name])
            profiles[one.name_of(each.name)] = Profile(one.role, each, counts)
    return Counted(window, baseline.version, rows, profiles)


def compare(counted: Counted, baseline: Baseline, drifted_before: Collection[str]) -> Compared:
    """A window beside the baseline, within each hour of the day; hours that the baseline lacks become part of it. Pure."""
    from weir_learning.drift import compare as compare_columns

    grown = baseline.lacks(counted.profiles) if counted.rows >= LEAST_ROWS else {}
    shared = [
        name
        for name, profile in counted.profiles.items()
        if name in baseline.profiles and _share_hours(profile.counts, baseline.profiles[name].counts)
    ]
    of_version = f"of version {counted.version}"
    if not shared and not grown:
        rows = number_of(counted.rows, "row")
        return Compared(
            UNKNOWN, f"The window has {rows}, too few for the baseline {of_version} ({LEAST_ROWS} are needed)."
        )
    if not shared:
        return Compared(
            BASELINE, f"The first window {of_version} at these hours: later ones are compared with it.", grown=grown
        )
    found = [evidence_of(name, counted.profiles[name], baseline.profiles[name]) for name in shared]
    comparison = compare_columns(found, previous=drifted_before)
    return Compared(str(comparison.verdict.value), comparison.sentence, comparison, grown)


def evidence_of(name: str, window: Profile, baseline: Profile) -> Column | Evidence:
    """Of a column: ids by the share of new ones, texts by a classifier where there are enough, all others by their bins."""
    from weir_learning.drift import Column, Kind, new_share, text_auc

    r, w, kind = baseline.counts, window.counts, window.bins.kind
    if kind == "id":
        seen = r.values.sum(axis=0)
        once, twice = int((seen == 1).sum()), int((seen == 2).sum())
        new, rows = int(w.values[:, seen == 0].sum()), int(w.values.sum())
        return new_share(new, rows, int(seen.sum()), once, twice).evidence(name)
    if r.sketch is not None and w.sketch is not None:
        texts = text_auc(r.sketch, w.sketch, GROUP_TEXTS)
        if texts.auc == texts.auc:
            return texts.evidence(name)
    values = w.values if len(w.values) == len(r.values) else w.values.sum(axis=0, keepdims=True)
    return Column(name, Kind.CATEGORICAL if kind == "categorical" else Kind.NUMERIC, r.values, values)


def write(lake: Lake, model: str, counted: Counted, compared: Compared, service: Mapping[str, Any]) -> dict[str, Any]:
    """Write the rows of a window, that of `windows` last: with it the window is done. Returns that row."""
    window, comparison = counted.window, compared.comparison
    of_window = {"model_version": counted.version, "window_start": window.start, "window_end": window.end}
    if comparison is not None and window.start not in _starts(lake, columns_table(model)):
        lake.append_rows(
            columns_table(model),
            (
                {
                    **of_window,
                    "column_name": column.name,
                    "role": counted.profiles[column.name].role,
                    "row_count": column.n,
                    "baseline_row_count": column.m,
                    "psi": _number(column.psi),
                    "p_value": _number(column.p_value),
                    "q_value": _number(column.q_value),
                    "is_drifted": column.is_drifted,
                    "is_lasting": column.is_lasting,
                }
                for column in comparison.columns
            ),
        )
    row = {
        **of_window,
        "row_count": counted.rows,
        **_scores(lake, model, window),
        **service,
        "verdict": compared.verdict,
        "sentence": compared.sentence,
        "drifted_share": None if comparison is None else _number(comparison.share),
        "evaluated_at": datetime.now(UTC),
    }
    lake.append_rows(windows_table(model), [row])
    return row


def _version_of(lake: Lake, model: str, window: Window) -> str:
    """The version behind most predictions of the window; `none` where there are none."""
    import pyarrow.compute as pc

    learning = learners()[model]
    table, made_at = tables()[learning.predictions], pc.field(learning.made_at)
    within = None if table.hourly else (made_at >= window.start) & (made_at < window.end)
    rows = lake.read_arrow(table, window.hours if table.hourly else None, ["model_version"], within)
    counts = rows["model_version"].value_counts().to_pylist()
    return str(max(counts, key=lambda pair: pair["counts"])["values"]) if counts else "none"


def _cut(lake: Lake, one: Watched, window: Window) -> list[Bins]:
    """Bins of the columns by rows spread over the window's files; of personal columns they hold no values."""
    import pyarrow as pa

    by_hour = lake.files_by_hour(one.table, window.hours)
    files = list(dict.fromkeys(file for files in by_hour.values() for file in files))
    step = max(sum(file.num_records for file in files) // BASELINE_ROWS, 1)
    hours = window.hours if one.table.is_by_month else None
    texts = [name for name in one.columns if one.table.column(name).type == "string"]
    parts = [
        batch.take(pa.array(range(0, batch.num_rows, step)))
        for batch in lake.read_batches(one.table, [file.path for file in files], one.columns, texts, hours=hours)
    ]
    if not parts:
        return []
    sample = pa.Table.from_batches(parts).unify_dictionaries()
    return [
        Bins(name, "id")
        if name == one.entity
        else bins_of(name, sample[name], keeps_values=not one.table.column(name).personal)
        for name in one.columns
    ]


def _share_hours(one: Counts, other: Counts) -> bool:
    return 1 in (len(one.values), len(other.values)) or not set(one.hours).isdisjoint(other.hours)


def _drifted_before(lake: Lake, model: str, window: Window) -> set[str]:
    """The columns that had drifted in the window before this one."""
    rows = lake.read_arrow(columns_table(model), columns=["window_end", "column_name", "is_drifted"]).to_pylist()
    return {row["column_name"] for row in rows if row["window_end"] == window.start and row["is_drifted"]}


def _starts(lake: Lake, table: Table) -> set[datetime]:
    return set(lake.read_arrow(table, columns=["window_start"])["window_start"].to_pylist())


def _scores(lake: Lake, model: str, window: Window) -> dict[str, Any]:
    """Flags and mean score of the window's predictions."""
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
    return found


def _number(value: float | None) -> float | None:
    return None if value is None or value != value or value in (float("inf"), float("-inf")) else float(value)
