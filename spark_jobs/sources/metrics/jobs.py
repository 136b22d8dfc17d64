"""The Spark jobs of this source: each reads and overwrites exactly its interval. Named after their (first) table.

A job takes a `JobRun` and returns figures for people. What it computes is in the module named after the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_jobs.incremental import ledger
from spark_jobs.incremental.task_shares import Reads, written_by_stretch
from spark_jobs.sources.metrics.business_hours import calendar_of
from spark_jobs.sources.metrics.cluster_5min import COLUMNS, cluster_5min_rows
from spark_jobs.sources.metrics.cluster_features import cluster_features_rows
from spark_jobs.sources.metrics.ledger import parse_options
from spark_jobs.sources.metrics.samples import transform
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN, CLUSTER_FEATURES, OBJECTS, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from spark_jobs.main import JobRun


def samples(run: JobRun) -> dict[str, Any]:
    """Metric files -> samples, rejected_samples, object_counts."""
    objects_table = run.lake.read_arrow(OBJECTS)
    objects = ledger.objects_of(objects_table, run.interval.hours)
    times = {row["source_object"]: (row["modified_at"], row["first_seen_at"]) for row in ledger.current(objects_table)}
    options = parse_options(run.parameters)
    report = transform(run.spark, run.lake, objects, times, run.interval, options, run.tasks)
    run.lake.rewrite(OBJECTS, lambda rows: ledger.after_reading(rows, report.observed_hours, report.unreadable_objects))
    return {
        "objects": len(objects),
        "samples": report.samples,
        "rejected_samples": report.rejected,
        "rejected_by_reason": dict(report.reasons.most_common()),
        "objects_gone": report.missing_objects,
        "unreadable_objects": report.unreadable_objects,
    }


def cluster_5min(run: JobRun) -> dict[str, Any]:
    """samples -> cluster_5min."""
    files = written_by_stretch(run, Reads(SAMPLES, COLUMNS), CLUSTER_5MIN, cluster_5min_rows)
    return {"rows": run.lake.commit(CLUSTER_5MIN, files, run.interval.hours)}


def cluster_features(run: JobRun) -> dict[str, Any]:
    """cluster_5min -> cluster_features."""
    calendar = calendar_of(run.parameters.get("calendar", {}))

    def rows(steps: pa.Table, hours: Sequence[str]) -> pa.Table:
        return cluster_features_rows(steps, hours, calendar)

    files = written_by_stretch(run, Reads(CLUSTER_5MIN, CLUSTER_5MIN.column_names), CLUSTER_FEATURES, rows)
    return {"rows": run.lake.commit(CLUSTER_FEATURES, files, run.interval.hours)}
