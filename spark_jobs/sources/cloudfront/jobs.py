"""The Spark jobs of this source: each reads and overwrites exactly its interval. Named after their (first) table.

A job takes a `JobRun` and returns figures for people. What it computes is in `transform`, `features` and `scoring`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from spark_jobs.contract import HOUR_COLUMN, Column
from spark_jobs.incremental import ledger
from spark_jobs.incremental.shares import written_by_hour, written_by_share
from spark_jobs.runtime.scoring import explained, scored
from spark_jobs.sources.cloudfront import client_attacks as features
from spark_jobs.sources.cloudfront import client_daily as trailing
from spark_jobs.sources.cloudfront import client_hourly as hourly
from spark_jobs.sources.cloudfront.ledger import parse_options
from spark_jobs.sources.cloudfront.requests import transform
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
from spark_jobs.storage.schema import spark_ddl

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from spark_jobs.main import JobRun
    from spark_jobs.storage.writer import WrittenFile

ROWS_A_SHARE = 100_000
"""Of client_hourly for one task of client_daily: an hour of most sites ends in one file, a day is shared out."""
ADDED_TO_SCORES = ("evidence_request_ids", "model_name", "model_version", "request_model_version")
SCORED_CLIENTS = replace(
    CLIENT_SCORES,
    meaning="Rows of client_scores before evidence is looked for; their files are never committed.",
    columns=(
        *(column for column in CLIENT_SCORES.columns if column.name not in ADDED_TO_SCORES),
        Column("attack_request_ids", "list<string>", "as in client_attacks"),
    ),
)


def requests(run: JobRun) -> dict[str, Any]:
    """Log objects -> requests, rejected_lines, object_counts."""
    options = parse_options(run.parameters)
    known = run.lake.read_arrow(OBJECTS)
    objects = ledger.objects_of(known, run.interval.hours)
    report = transform(run.spark, run.lake, objects, run.interval, options, run.tasks)
    run.lake.rewrite(OBJECTS, lambda rows: ledger.with_observed_hours(rows, report.observed_hours))
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
    files = written_by_hour(
        run.spark,
        run.lake,
        run.interval,
        REQUESTS,
        CLIENT_HOURLY,
        hourly.client_hourly_rows,
        columns=hourly.COLUMNS,
        dictionaries=hourly.READ_AS_DICTIONARY,
        tasks=run.tasks,
    )
    return {"rows": run.lake.commit(CLIENT_HOURLY, files, run.interval.hours)}


def client_daily(run: JobRun) -> dict[str, Any]:
    """client_hourly -> client_daily, a task a share of the networks."""
    back = run.interval.widened(hours_before=CLIENT_DAILY.trailing_hours)
    held = run.lake.files_by_hour(CLIENT_HOURLY, back.hours)
    paths = [file.path for files in held.values() for file in files]
    made = sum(file.num_records for hour in run.interval.hours for file in held.get(hour, ()))
    shares = min(run.tasks, 1 + made // ROWS_A_SHARE)
    lake, first, last = run.lake, run.interval.hours[0], run.interval.hours[-1]

    def rows(share: int) -> pa.Table:
        batches = lake.read_batches(CLIENT_HOURLY, paths, trailing.COLUMNS, ["client"])
        return trailing.client_daily_rows(batches, first, last, share, shares)

    files = written_by_share(run.spark, lake, CLIENT_DAILY, rows, shares) if made else []
    return {"rows": lake.commit(CLIENT_DAILY, files, run.interval.hours)}


def request_scores(run: JobRun) -> dict[str, Any]:
    """requests -> request_scores, with the model in `model_dir`."""
    table = REQUEST_SCORES
    kept = ("request_id", "event_at", "client_ip")
    ddl = spark_ddl(table).split(", `model_name`")[0]
    requests_of_hours = run.lake.read(run.spark, REQUESTS, run.interval)
    rows = scored(
        requests_of_hours, run.parameters["model_dir"], REQUEST_MODEL_INPUTS, kept, ddl, run.lake.storage
    ).select("*", *_model_columns(run), F.date_format("event_at", "yyyy-MM-dd-HH").alias(HOUR_COLUMN))
    with explained(run.parameters):
        return {"rows": run.lake.overwrite(rows, table, run.interval)}


def client_attacks(run: JobRun) -> dict[str, Any]:
    """request_scores -> client_attacks."""
    scores = run.lake.read(run.spark, REQUEST_SCORES, run.interval.widened(hours_before=CLIENT_ATTACKS.trailing_hours))
    active = run.lake.read(run.spark, CLIENT_DAILY, run.interval)
    rows = features.client_attacks(scores, active)
    return {"rows": run.lake.overwrite(rows, CLIENT_ATTACKS, run.interval)}


def client_scores(run: JobRun) -> dict[str, Any]:
    """The three client feature tables -> client_scores, with the model in `model_dir`."""
    ddl = (
        "client string, client_kind string, hour_at timestamp, request_count bigint, "
        f"attack_request_ids array<string>, {HOUR_COLUMN} string, "
        "abuse_probability double, is_abuse boolean, abuse_kind string, reason string"
    )
    frame = client_frame(run).withColumn("request_count", F.col("day_request_count"))
    kept = ("client", "client_kind", "hour_at", "request_count", "attack_request_ids", HOUR_COLUMN)
    rows = scored(frame, run.parameters["model_dir"], CLIENT_MODEL_INPUTS, kept, ddl, run.lake.storage)
    # Evidence looks at the scores twice, and a plan is evaluated as often as it is looked at: files are not.
    with explained(run.parameters):
        files = run.lake.write(rows, SCORED_CLIENTS)
    try:
        return {"rows": run.lake.overwrite(_with_evidence(run, files), CLIENT_SCORES, run.interval)}
    finally:
        run.lake.discard(SCORED_CLIENTS, files)


def _with_evidence(run: JobRun, files: Sequence[WrittenFile]) -> DataFrame:
    ddl = spark_ddl(SCORED_CLIENTS)
    paths = [file.path for file in files]
    scores = run.lake.read_files(run.spark, SCORED_CLIENTS, paths, ddl) if paths else run.spark.createDataFrame([], ddl)
    return features.with_evidence(scores, run.lake.read(run.spark, REQUESTS, run.interval)).select(
        "*",
        F.date_format("hour_at", "yyyy-MM-dd-HH").alias(HOUR_COLUMN),
        *_model_columns(run),
        F.lit(run.parameters.get("request_model_version")).cast("string").alias("request_model_version"),
    )


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
