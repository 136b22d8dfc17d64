"""The tables of the metrics source: columns, grain, upstream, checks. No pyspark here."""

from __future__ import annotations

from spark_jobs.contract import Check, Column, Job, RawFiles, Source, Table, objects_table
from spark_jobs.sources.metrics.cluster_metrics import CLUSTER_METRICS
from spark_jobs.sources.metrics.features import FEATURES

STEP_SECONDS = 300
OBJECTS = objects_table(
    "raw/metrics/objects",
    "Ledger of the metric files seen in the raw location; the files themselves are never changed.",
    grain="one metric file (key and etag)",
    upstream=("raw/metrics/files", "raw/metrics/cloudwatch"),
)

SAMPLES = Table(
    key="parsed/metrics/samples",
    meaning="Samples of metrics as they were delivered, converted by the mapping table, each with the file and line that it comes from.",
    grain="one sample (source_object, line_number, position)",
    partition="month",
    upstream=(OBJECTS.key,),
    unique=("source_object", "line_number", "position"),
    checks=(Check("every_sample_is_accounted_for", "samples + rejected = present, file by file"),),
    columns=(
        Column(
            "cluster_id",
            "string",
            "the cluster; where none is named, account:namespace of a stream, else the file",
            nullable=False,
        ),
        Column("series", "string", "what of the cluster was measured (NodeName=…); empty: all of it", nullable=False),
        Column("metric", "string", "one of ours by the mapping table, else the name that it came with", nullable=False),
        Column("event_at", "timestamp", "time of the sample; of a period its start", nullable=False),
        Column("value", "double", "the figure, in the unit of the metric; of a counter its state", nullable=False),
        Column("period_seconds", "double", "what the figure is over, null where it was not told"),
        Column("statistic", "string", "Average, Sum, …; null where it was not told"),
        Column("unit", "string", "unit that it was delivered in, null where it was not told"),
        Column("is_counter", "boolean", "value only rises, and begins at zero again at times", nullable=False),
        Column(
            "is_clock_skewed",
            "boolean",
            "ahead of its delivery, or delivered out of order by a constant offset",
            nullable=False,
        ),
        Column("ingested_at", "timestamp", "when the ledger first listed the file (wall clock)", nullable=False),
        Column("source_object", "string", "the file", nullable=False),
        Column("line_number", "int64", "line in the file, from 1; of Parquet the row", nullable=False),
        Column("position", "int64", "sample within the line, from 1", nullable=False),
    ),
)

REJECTED_SAMPLES = Table(
    key="parsed/metrics/rejected_samples",
    meaning="Samples and lines that are not in samples, each with its reason; line 0 stands for a file rejected as a whole, or for one of its columns.",
    grain="one rejected sample or line of one file",
    partition="month",
    upstream=(OBJECTS.key,),
    unique=("source_object", "line_number", "position"),
    columns=(
        Column("source_object", "string", "the file", nullable=False),
        Column("line_number", "int64", "line in the file, from 1; 0 for the file itself or a column", nullable=False),
        Column("position", "int64", "sample within the line, from 1; 0 for the line itself", nullable=False),
        Column("metric", "string", "the metric, where it is known"),
        Column("reason", "string", "why, as a stable word such as bad_time or bad_number", nullable=False),
        Column("detail", "string", "why, in a sentence with the values that decided it"),
        Column("raw_line", "string", "the line; first 8,192 characters"),
    ),
)

OBJECT_COUNTS = Table(
    key="parsed/metrics/object_counts",
    meaning="What became of each file's samples: the evidence that none was lost, and which etag an hour was made from.",
    grain="one metric file in one hour",
    partition="month",
    upstream=(OBJECTS.key,),
    unique=("source_object", "event_hour"),
    retention_days=None,
    columns=(
        Column("source_object", "string", "the file", nullable=False),
        Column("etag", "string", "the content that was read", nullable=False),
        Column("present_count", "int64", "samples and unreadable lines found in the whole file", nullable=False),
        Column("sample_count", "int64", "of these, in this hour's samples", nullable=False),
        Column("rejected_count", "int64", "of these, in this hour's rejected_samples", nullable=False),
        Column("other_hours_count", "int64", "of these, in other hours", nullable=False),
    ),
)

FLAGS = (
    Column(
        "is_gap",
        "boolean",
        "a metric that the cluster had within this hour or the one before has no value",
        nullable=False,
    ),
    Column("gap_metrics", "list<string>", "these metrics", nullable=False),
    Column(
        "is_duplicate", "boolean", "a time was delivered with different values; the last one counts", nullable=False
    ),
    Column(
        "is_mixed_period", "boolean", "samples of different periods, or of another period than before", nullable=False
    ),
    Column("is_counter_reset", "boolean", "a counter began anew", nullable=False),
    Column("is_clock_skewed", "boolean", "a sample's clock was wrong; it counts where it says", nullable=False),
)

CLUSTER_5MIN = Table(
    key="features/metrics/cluster_5min",
    meaning="The metrics of each cluster on a grid of five minutes: means of what was sampled within each step, and nothing filled in.",
    grain="one cluster in one step of five minutes; steps before its first and after its last sample of an hour have no row",
    partition="month",
    upstream=(SAMPLES.key,),
    trailing_hours=1,
    unique=("cluster_id", "event_at"),
    columns=(
        Column("cluster_id", "string", "the cluster", nullable=False),
        Column("event_at", "timestamp", "start of the step; its values are known five minutes later", nullable=False),
        *(Column(name, "double", f"{unit}; null where there is no sample") for name, unit in CLUSTER_METRICS),
        Column("sample_count", "int64", "samples that the row was made from, of all metrics", nullable=False),
        Column("cpu_sample_count", "int64", "of these, of cpu_utilization", nullable=False),
        *FLAGS,
        Column("ingested_at", "timestamp", "when the last of the samples was ingested; null in a gap"),
    ),
)

CLUSTER_FEATURES = Table(
    key="features/metrics/cluster_features",
    meaning="What is known of each cluster at a step and from the 24 hours before it, as models of scaling read it.",
    grain="one cluster in one step of five minutes",
    partition="month",
    upstream=(CLUSTER_5MIN.key,),
    trailing_hours=24,
    backfill_days=28,
    unique=("cluster_id", "event_at"),
    columns=(
        Column("cluster_id", "string", "the cluster", nullable=False),
        Column("event_at", "timestamp", "start of the step; its values are known five minutes later", nullable=False),
        *(Column(feature.name, feature.type, feature.meaning, nullable=feature.is_nullable) for feature in FEATURES),
        *FLAGS,
        Column("ingested_at", "timestamp", "when the last sample of the row and its windows was ingested"),
    ),
)

INCIDENT_EXAMPLES = Table(
    key="training/metrics/incident_examples",
    meaning="Simulated metrics of clusters whose incidents are known, that anomaly_detection is fitted and evaluated on.",
    grain="one simulated cluster in one step of five minutes",
    hourly=False,
    retention_days=400,
    unique=("cluster_id", "event_at"),
    columns=(
        Column("cluster_id", "string", "the split and the cluster: each split has clusters of its own", nullable=False),
        Column("event_at", "timestamp", "start of the step", nullable=False),
        *(Column(name, "double", f"as in cluster_5min; {unit}") for name, unit in CLUSTER_METRICS),
        Column("is_incident", "boolean", "the label: something went wrong that nobody meant", nullable=False),
        Column("incident_kind", "string", "what happened, deploys too; null where nothing did"),
        Column("split", "string", "fit or evaluate", nullable=False),
    ),
)

CALENDAR_PARAMETERS = {
    name: f"calendar_{name}" for name in ("time_zone", "business_days", "business_hours", "holidays")
}

SOURCE = Source(
    name="metrics",
    meaning="Metrics of clusters: CloudWatch, Container Insights, Prometheus, and CSV, Parquet or JSON-lines files",
    owner="team:platform",
    tables=(OBJECTS, SAMPLES, REJECTED_SAMPLES, OBJECT_COUNTS, CLUSTER_5MIN, CLUSTER_FEATURES, INCIDENT_EXAMPLES),
    jobs=(
        Job(
            "samples",
            (SAMPLES, REJECTED_SAMPLES, OBJECT_COUNTS),
            parameters={"mapping": "metrics_mapping", "max_object_bytes": "max_object_bytes"},
        ),
        Job("cluster_5min", (CLUSTER_5MIN,)),
        Job("cluster_features", (CLUSTER_FEATURES,), parameters={"calendar": CALENDAR_PARAMETERS}),
    ),
    raw=RawFiles(
        key="raw/metrics/files",
        meaning="Files of metric samples in the raw folder or bucket; delivered by Firehose, exporters or the poller, never changed here.",
        noun="metric files",
        setting="metrics_raw",
        how_to_set="run `weir run scaling --input PATH_OR_S3_URI` once, or set WEIR_METRICS_RAW",
        sensor="new_metric_files",
        is_optional=True,
        poller="raw/metrics/cloudwatch",
        poll_setting="cloudwatch_poll",
        include_setting="metrics_include",
        exclude_setting="metrics_exclude",
    ),
)
