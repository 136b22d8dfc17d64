"""The Spark jobs of this source: each reads and overwrites exactly its interval. Named after their (first) table.

A job takes a `JobRun` and returns figures for people. What it computes is in the module named after the table.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from spark_jobs.contract import HOUR_COLUMN, Column
from spark_jobs.incremental import ledger
from spark_jobs.incremental.task_shares import (
    Reads,
    Work,
    items_of,
    shared_out,
    written,
    written_by_hour,
    written_by_share,
)
from spark_jobs.runtime import progress
from spark_jobs.runtime.scoring import explained, scored
from spark_jobs.sources.cloudfront import client_attacks as attacks
from spark_jobs.sources.cloudfront import client_daily as daily
from spark_jobs.sources.cloudfront import client_hourly as hourly
from spark_jobs.sources.cloudfront.client_scores import (
    FRAME_SCHEMA,
    REQUEST_COLUMNS,
    client_frame_rows,
    with_evidence,
)
from spark_jobs.sources.cloudfront.client_tables import CLIENT_MODEL_INPUTS
from spark_jobs.sources.cloudfront.ledger import parse_options
from spark_jobs.sources.cloudfront.requests import transform
from spark_jobs.sources.cloudfront.tables import (
    CLIENT_ATTACKS,
    CLIENT_DAILY,
    CLIENT_HOURLY,
    CLIENT_SCORES,
    OBJECTS,
    REQUEST_MODEL_INPUTS,
    REQUEST_SCORES,
    REQUESTS,
)
from spark_jobs.storage.schema import arrow_schema, ddl_of, spark_ddl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from spark_jobs.main import JobRun
    from spark_jobs.storage.delta_log import ActiveFile
    from spark_jobs.storage.writer import WrittenFile

CLIENTS_A_SHARE = 100_000
"""Rows of client_hourly for one task of client_daily: an hour of most sites ends in one file, a day is shared out."""
SCORES_A_SHARE = 4_000_000
"""Rows of request_scores for one task of client_attacks, which all tasks read."""
ADDED_TO_SCORES = ("evidence_request_ids", "model_name", "model_version", "request_model_version")
SCORED_CLIENTS = replace(
    CLIENT_SCORES,
    meaning="Rows of client_scores without evidence; their files are never committed.",
    columns=(
        *(column for column in CLIENT_SCORES.columns if column.name not in ADDED_TO_SCORES),
        Column("attack_request_ids", "list<string>", "as in client_attacks"),
    ),
)


def requests(run: JobRun) -> dict[str, Any]:
    """Log objects -> requests, rejected_lines, object_counts."""
    options = parse_options(run.parameters)
    objects_table = run.lake.read_arrow(OBJECTS)
    objects = ledger.objects_of(objects_table, run.interval.hours)
    report = transform(run.spark, run.lake, objects, run.interval, options, run.tasks)
    run.lake.rewrite(OBJECTS, lambda rows: ledger.after_reading(rows, report.observed_hours, report.unreadable_objects))
    return {
        "objects": len(objects),
        "lines_present": report.lines_present,
        "requests": report.requests,
        "rejected_lines": report.rejected,
        "rejected_by_reason": dict(report.reasons.most_common()),
        "objects_gone": report.missing_objects,
        "unreadable_objects": report.unreadable_objects,
    }


def client_hourly(run: JobRun) -> dict[str, Any]:
    """requests -> client_hourly."""
    reads = Reads(REQUESTS, hourly.COLUMNS, hourly.READ_AS_DICTIONARY)
    files = written_by_hour(run, reads, CLIENT_HOURLY, hourly.client_hourly_rows)
    return {"rows": run.lake.commit(CLIENT_HOURLY, files, run.interval.hours)}


def client_daily(run: JobRun) -> dict[str, Any]:
    """client_hourly -> client_daily, a task a share of the networks."""
    lake, hours = run.lake, run.interval.hours
    window = run.interval.widened(hours_before=CLIENT_DAILY.trailing_hours)
    by_hour = lake.files_by_hour(CLIENT_HOURLY, window.hours)
    paths, _ = _paths(by_hour)
    _, count = _paths({hour: by_hour.get(hour, ()) for hour in hours})
    shares = min(run.tasks, 1 + count // CLIENTS_A_SHARE)

    def rows(share: int) -> pa.Table:
        batches = lake.read_batches(CLIENT_HOURLY, paths, daily.COLUMNS, ["client"])
        return daily.client_daily_rows(batches, hours[0], hours[-1], share, shares)

    files = written_by_share(run, CLIENT_DAILY, rows, shares) if count else []
    return {"rows": lake.commit(CLIENT_DAILY, files, hours)}


def request_scores(run: JobRun) -> dict[str, Any]:
    """requests -> request_scores, with the model in `model_dir`."""
    keep = ("request_id", "event_at", "client_ip")
    ddl = spark_ddl(REQUEST_SCORES).split(", `model_name`")[0]
    requests_of_hours = run.lake.read(run.spark, REQUESTS, run.interval)
    progress.begin(_paths(run.lake.files_by_hour(REQUESTS, run.interval.hours))[1], "requests", counts_rows=True)
    rows = scored(
        requests_of_hours, run.parameters["model_dir"], REQUEST_MODEL_INPUTS, keep, ddl, run.lake.storage
    ).select("*", *_model_columns(run), F.date_format("event_at", "yyyy-MM-dd-HH").alias(HOUR_COLUMN))
    with explained(run.parameters):
        return {"rows": run.lake.overwrite(rows, REQUEST_SCORES, run.interval)}


def client_attacks(run: JobRun) -> dict[str, Any]:
    """request_scores -> client_attacks of the clients in client_daily, a task a share of the networks."""
    lake, hours = run.lake, run.interval.hours
    window = run.interval.widened(hours_before=CLIENT_ATTACKS.trailing_hours)
    scores, count = _paths(lake.files_by_hour(REQUEST_SCORES, window.hours))
    active, _ = _paths(lake.files_by_hour(CLIENT_DAILY, hours))
    shares = min(run.tasks, 1 + count // SCORES_A_SHARE)

    def rows(share: int) -> pa.Table:
        return attacks.client_attacks_rows(
            lake.read_batches(REQUEST_SCORES, scores, attacks.COLUMNS, ["client_ip", "attack_class"]),
            lake.read_batches(CLIENT_DAILY, active, attacks.ACTIVE_COLUMNS, ["client"]),
            share,
            shares,
        )

    files = written_by_share(run, CLIENT_ATTACKS, rows, shares) if scores and active else []
    return {"rows": lake.commit(CLIENT_ATTACKS, files, hours)}


def client_scores(run: JobRun) -> dict[str, Any]:
    """client_frame -> client_scores, with the model in `model_dir` and evidence from requests."""
    ddl = (
        "client string, client_kind string, hour_at timestamp, request_count bigint, "
        f"attack_request_ids array<string>, {HOUR_COLUMN} string, "
        "abuse_probability double, is_abuse boolean, abuse_kind string, reason string"
    )
    frame = client_frame(run).withColumn("request_count", F.col("day_request_count"))
    keep = ("client", "client_kind", "hour_at", "request_count", "attack_request_ids", HOUR_COLUMN)
    rows = scored(frame, run.parameters["model_dir"], CLIENT_MODEL_INPUTS, keep, ddl, run.lake.storage)
    with explained(run.parameters):
        files = run.lake.write(rows, SCORED_CLIENTS)
    try:
        return {"rows": run.lake.commit(CLIENT_SCORES, _with_evidence(run, files), run.interval.hours)}
    finally:
        run.lake.discard(SCORED_CLIENTS, files)


def _with_evidence(run: JobRun, files: Sequence[WrittenFile]) -> list[WrittenFile]:
    """The scored clients with evidence, as files of client_scores; a task an hour."""
    lake, parameters = run.lake, run.parameters
    scored_files: dict[str, list[str]] = defaultdict(list)
    for file in files:
        scored_files[file.hours[0]].append(file.path)
    requests_files = lake.files_by_hour(REQUESTS, sorted(scored_files))
    items = [(hour, paths, _paths({hour: requests_files.get(hour, [])})[0]) for hour, paths in scored_files.items()]
    weights = [1 + sum(file.size_bytes for file in requests_files.get(hour, ())) for hour in scored_files]
    schema = arrow_schema(SCORED_CLIENTS)
    versions = {
        "model_name": parameters["model_name"],
        "model_version": parameters["model_version"],
        "request_model_version": parameters.get("request_model_version"),
    }

    def of_hour(item: tuple[str, Sequence[str], Sequence[str]]) -> pa.Table:
        import pyarrow as pa

        hour, scored_paths, request_paths = item
        clients = pa.Table.from_batches(lake.read_batches(SCORED_CLIENTS, scored_paths, schema.names), schema)
        rows = with_evidence(clients, lake.read_batches(REQUESTS, request_paths, REQUEST_COLUMNS, ["client_ip"]))
        for name, value in {**versions, HOUR_COLUMN: hour}.items():
            rows = rows.append_column(name, pa.array([value] * rows.num_rows, pa.string()))
        return rows

    return written(run, CLIENT_SCORES, Work(items, weights, "hours"), of_hour)


def client_frame(run: JobRun) -> DataFrame:
    """The client model's frame for the interval, from client_hourly, client_daily and client_attacks; hour by hour in tasks."""
    lake = run.lake
    tables = (CLIENT_HOURLY, CLIENT_DAILY, CLIENT_ATTACKS)
    files = [lake.files_by_hour(table, run.interval.hours) for table in tables]
    hours = [hour for hour in run.interval.hours if hour in files[0] and hour in files[1]]
    items = [[_paths({hour: by_hour.get(hour, [])})[0] for by_hour in files] for hour in hours]
    weights = [sum(file.size_bytes for by_hour in files for file in by_hour.get(hour, ())) for hour in hours]
    ddl = ddl_of(FRAME_SCHEMA)
    if not items:
        return run.spark.createDataFrame([], ddl)

    def frames(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for paths in items_of(batches):
            schemas = [arrow_schema(table) for table in tables]
            rows = [
                pa.Table.from_batches(lake.read_batches(table, table_paths, schema.names), schema)
                for table, table_paths, schema in zip(tables, paths, schemas, strict=True)
            ]
            yield from client_frame_rows(*rows).combine_chunks().to_batches()

    return shared_out(run.spark, Work(items, weights, "hours"), run.tasks).mapInArrow(frames, ddl)


def _paths(by_hour: Mapping[str, Sequence[ActiveFile]]) -> tuple[list[str], int]:
    """Paths of files, and how many rows they hold."""
    files = [file for hour_files in by_hour.values() for file in hour_files]
    return [file.path for file in files], sum(file.num_records for file in files)


def _model_columns(run: JobRun) -> list[Any]:
    return [
        F.lit(run.parameters["model_name"]).alias("model_name"),
        F.lit(run.parameters["model_version"]).alias("model_version"),
    ]
