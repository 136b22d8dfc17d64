"""Samples gathered from one file as columns, and what was rejected of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from spark_jobs.sources.metrics.file_columns import KEPT_CHARACTERS
from spark_jobs.sources.metrics.grid import clock_skewed
from spark_jobs.sources.metrics.typed import TIMESTAMP, FileContent

TEXTS = ("cluster_id", "series", "metric", "statistic", "unit")
OTHERS = ("at", "value", "period", "is_counter", "line", "position", "polled")


@dataclass(frozen=True)
class RejectedSample:
    """A sample or line that is not among the samples, and why."""

    line_number: int
    position: int
    reason: str
    detail: str
    raw_line: str = ""
    metric: str | None = None


@dataclass(frozen=True)
class Measure:
    """What a figure measures: the texts and marks of a sample. TypeError where a text or the period is of another type."""

    cluster_id: str
    series: str
    metric: str
    statistic: str | None = None
    unit: str | None = None
    period_seconds: float | None = None
    is_counter: bool = False
    polled: int | None = None

    def __post_init__(self) -> None:
        for name in TEXTS:
            text = getattr(self, name)
            if text is not None:
                if not isinstance(text, str):
                    raise TypeError(f"{name} is no text")
                text.encode()
        if self.period_seconds is not None and not is_number(self.period_seconds):
            raise TypeError("the period is no number")
        float(self.period_seconds or 0.0)


class SampleColumns:
    """Samples as columns, and what was rejected; `present` counts both."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Any]] = {name: [] for name in TEXTS}
        self.columns |= {name: [] for name in OTHERS}
        self.tables: list[pa.Table] = []
        self.rejected: list[RejectedSample] = []
        self.present = 0

    def add(self, line: int, position: int, at: int, value: float, measure: Measure) -> None:
        """One sample; `at` is microseconds since 1970."""
        columns = self.columns
        for name in TEXTS:
            columns[name].append(getattr(measure, name))
        columns["at"].append(at)
        columns["value"].append(value)
        columns["period"].append(measure.period_seconds)
        columns["is_counter"].append(measure.is_counter)
        columns["line"].append(line)
        columns["position"].append(position)
        columns["polled"].append(measure.polled)
        self.present += 1

    def reject(self, line: int, position: int, reason: str, detail: str, raw: str, metric: str | None = None) -> None:
        """One sample or line that is rejected."""
        encodable_detail = detail.encode("utf-8", "backslashreplace").decode()
        self.rejected.append(RejectedSample(line, position, reason, encodable_detail, raw[:KEPT_CHARACTERS], metric))
        self.present += 1

    def add_wide(self, content: FileContent) -> None:
        """The samples of a table with a column per metric, and its rejected lines."""
        wide = content.samples
        for position, metric in enumerate(content.metrics, 1):
            present_rows = wide.filter(wide[metric].is_valid())
            rows = present_rows.num_rows
            self.present += rows
            self.tables.append(
                pa.table(
                    {
                        "cluster_id": present_rows[content.key],
                        "series": pa.repeat("", rows),
                        "metric": pa.repeat(metric, rows),
                        "statistic": pa.nulls(rows, pa.string()),
                        "unit": pa.nulls(rows, pa.string()),
                        "event_at": present_rows["event_at"].cast(pa.int64()),
                        "value": present_rows[metric],
                        "period_seconds": pa.nulls(rows, pa.float64()),
                        "is_counter": pa.repeat(pa.scalar(False), rows),
                        "line_number": present_rows["line_number"],
                        "position": pa.repeat(pa.scalar(position, pa.int64()), rows),
                        "polled": pa.nulls(rows, pa.int64()),
                    }
                )
            )
        positions = {metric: position for position, metric in enumerate(content.metrics, 1)}
        for line in content.rejected:
            position = positions[line.metric] if line.metric else 0
            self.reject(line.line_number, position, line.reason, line.detail, line.raw_line, line.metric)

    def table(self, delivered: int | None) -> pa.Table:
        """The samples in the order of the file, with is_clock_skewed; `delivered`: when the file was (µs since 1970)."""
        table = pa.table(
            {
                **{name: pa.array(self.columns[name], pa.string()) for name in TEXTS},
                "event_at": pa.array(self.columns["at"], pa.int64()),
                "value": pa.array(self.columns["value"], pa.float64()),
                "period_seconds": pa.array(self.columns["period"], pa.float64()),
                "is_counter": pa.array(self.columns["is_counter"], pa.bool_()),
                "line_number": pa.array(self.columns["line"], pa.int64()),
                "position": pa.array(self.columns["position"], pa.int64()),
                "polled": pa.array(self.columns["polled"], pa.int64()),
            }
        )
        if self.tables:
            table = pa.concat_tables([*self.tables, table])
        skewed = pa.array(_skewed(table, delivered))
        index = table.schema.get_field_index("event_at")
        table = table.set_column(index, "event_at", table["event_at"].cast(TIMESTAMP))
        return table.drop_columns(["polled"]).append_column("is_clock_skewed", skewed)


def _skewed(samples: pa.Table, delivered: int | None) -> np.ndarray:
    """Series by series, in the order of the file."""
    if not samples.num_rows:
        return np.zeros(0, bool)
    codes = np.zeros(samples.num_rows, np.int64)
    for name in ("cluster_id", "series", "metric"):
        encoded = samples[name].combine_chunks().dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy(zero_copy_only=False)
    times = samples["event_at"].to_numpy()
    polled = samples["polled"].fill_null(-1).to_numpy()
    deliveries = np.where(polled >= 0, polled, np.iinfo(np.int64).max if delivered is None else delivered)
    flagged = np.zeros(len(times), bool)
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    for rows in np.split(order, bounds):
        flagged[rows] = clock_skewed(times[rows], deliveries[rows])
    return flagged


def is_number(value: object) -> bool:
    """Whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
