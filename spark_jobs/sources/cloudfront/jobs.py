"""The Spark jobs of this source: each reads and overwrites exactly its interval. Named after their (first) table.

A job takes a `JobRun` and returns figures for people. What it computes is in `transform`, `features` and `scoring`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.lake import spark_ddl
from spark_jobs.scoring import scored
from spark_jobs.sources.cloudfront import features, ledger
from spark_jobs.sources.cloudfront.tables import (
    CLIENT_ATTACKS,
    CLIENT_DAILY,
    CLIENT_HOURLY,
    CLIENT_MODEL_INPUTS,
    CLIENT_SCORES,
    OBJECTS,
    REQUEST_MODEL_INPUTS,
    REQUEST_SCORES,
    REQUESTS,
)
from spark_jobs.sources.cloudfront.transform import transform

if TYPE_CHECKING:
    from spark_jobs.main import JobRun


def requests(run: JobRun) -> dict[str, Any]:
    """Log objects -> requests, rejected_lines, object_counts."""
    options = ledger.parse_options(run.parameters)
    known = run.lake.read_arrow(OBJECTS)
    objects = ledger.objects_of(known, run.interval.hours)
    report = transform(run.spark, run.lake, objects, run.interval, options, run.tasks)
    learnt = ledger.with_observed_hours(known, report.observed_hours)
    if learnt is not None:
        run.lake.overwrite_arrow(learnt, OBJECTS)
    return {
        "objects": len(objects),
        "lines_present": report.lines_present,
        "requests": report.requests,
        "rejected_lines": report.rejected,
        "rejected_by_reason": dict(report.reasons.most_common()),
        "objects_gone": report.missing_objects,
    }


def client_hourly(run: JobRun) -> dict[str, Any]:
    """requests -> client_hourly."""
    rows = features.client_hourly(run.lake.read(run.spark, REQUESTS, run.interval), run.tasks)
    return {"rows": run.lake.overwrite(rows, CLIENT_HOURLY, run.interval)}


def client_daily(run: JobRun) -> dict[str, Any]:
    """client_hourly -> client_daily."""
    hourly = run.lake.read(run.spark, CLIENT_HOURLY, run.interval.widened(hours_before=CLIENT_DAILY.trailing_hours))
    rows = features.client_daily(hourly, run.interval, run.tasks)
    return {"rows": run.lake.overwrite(rows, CLIENT_DAILY, run.interval)}


def request_scores(run: JobRun) -> dict[str, Any]:
    """requests -> request_scores, with the model in `model_dir`."""
    table = REQUEST_SCORES
    kept = ("request_id", "event_at", "client_ip")
    ddl = spark_ddl(table).split(", `model_name`")[0]
    rows = scored(
        run.lake.read(run.spark, REQUESTS, run.interval), run.parameters["model_dir"], REQUEST_MODEL_INPUTS, kept, ddl
    ).select("*", *_model_columns(run), F.date_format("event_at", "yyyy-MM-dd-HH").alias(HOUR_COLUMN))
    return {"rows": run.lake.overwrite(rows, table, run.interval)}


def client_attacks(run: JobRun) -> dict[str, Any]:
    """request_scores -> client_attacks."""
    scores = run.lake.read(run.spark, REQUEST_SCORES, run.interval.widened(hours_before=CLIENT_ATTACKS.trailing_hours))
    active = run.lake.read(run.spark, CLIENT_DAILY, run.interval)
    rows = features.client_attacks(scores, active)
    return {"rows": run.lake.overwrite(rows, CLIENT_ATTACKS, run.interval)}


def client_scores(run: JobRun) -> dict[str, Any]:
    """The three client feature tables -> client_scores, with the model in `model_dir`."""
    frame = client_frame(run)
    kept = ("client", "client_kind", "hour_at", "day_request_count", "attack_request_ids", HOUR_COLUMN)
    ddl = (
        "client string, client_kind string, hour_at timestamp, day_request_count bigint, "
        f"attack_request_ids array<string>, {HOUR_COLUMN} string, "
        "abuse_probability double, is_abuse boolean, abuse_kind string, reason string"
    )
    abusive = scored(frame, run.parameters["model_dir"], CLIENT_MODEL_INPUTS, kept, ddl)
    requests = run.lake.read(run.spark, REQUESTS, run.interval)
    rows = features.with_evidence(abusive, requests).select(
        "*",
        F.col("day_request_count").alias("request_count"),
        *_model_columns(run),
        F.lit(run.parameters.get("request_model_version")).cast("string").alias("request_model_version"),
    )
    return {"rows": run.lake.overwrite(rows, CLIENT_SCORES, run.interval)}


def client_frame(run: JobRun) -> Any:
    """What the client model reads, for the interval."""
    read = run.lake.read
    return features.client_frame(
        read(run.spark, CLIENT_HOURLY, run.interval),
        read(run.spark, CLIENT_DAILY, run.interval),
        read(run.spark, CLIENT_ATTACKS, run.interval),
    )


def _model_columns(run: JobRun) -> list[Any]:
    return [
        F.lit(run.parameters["model_name"]).alias("model_name"),
        F.lit(run.parameters["model_version"]).alias("model_version"),
    ]
