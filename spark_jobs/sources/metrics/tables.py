"""The tables of the metrics source: columns, grain, upstream, checks. No pyspark here."""

from __future__ import annotations

from spark_jobs.contract import Source

SOURCE = Source(
    name="metrics",
    meaning="Metrics of clusters: CloudWatch, Container Insights, Prometheus, and CSV, Parquet or JSON-lines files",
    owner="team:platform",
    tables=(),
)
