"""The Spark jobs of this source: each reads and overwrites exactly its interval. Named after their (first) table.

A job takes a `JobRun` and returns figures for people. What it computes is in the module named after the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.incremental import ledger
from spark_jobs.incremental.task_shares import (
    Reads,
    Work,
    items_of,
    shared_out,
    written,
    written_by_hour,
    written_by_share,
    written_from_stream,
)
from spark_jobs.runtime.canary import Served
from spark_jobs.runtime.scoring import Scoring, explained, scored, with_constants
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
from spark_jobs.sources.cloudfront.clients import network_of, network_of_address
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
from spark_jobs.storage.schema import arrow_schema, ddl_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from spark_jobs.main import JobRun
    from spark_jobs.storage.delta_log import ActiveFile
    from spark_jobs.storage.lake import Lake

CLIENTS_A_SHARE = 100_000
"""Rows of client_hourly for one task of client_daily: an hour of most sites ends in one file, a day is shared out."""
SCORES_A_SHARE = 4_000_000
"""Rows of request_scores for one task of client_attacks, which all tasks read."""
REQUESTS_A_TASK = 500_000
"""Requests for one task of request_scores: each task compiles the model's patterns and scores distinct texts anew."""


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
    """requests -> request_scores, with the model in `model_dir` and its canary; a task some hours."""
    keep = ("request_id", "event_at", "client_ip", HOUR_COLUMN)
    reads = Reads(REQUESTS, (*keep[:-1], *REQUEST_MODEL_INPUTS), REQUEST_MODEL_INPUTS)
    scoring = Scoring(Served.of(run.parameters), REQUEST_MODEL_INPUTS, keep, "client_ip", network_of_address)
    storage = run.lake.storage

    def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
        return scored(batches, scoring, storage, REQUEST_SCORES)

    with explained(run.parameters):
        files = written_from_stream(run, reads, REQUEST_SCORES, rows, REQUESTS_A_TASK)
    return {"rows": run.lake.commit(REQUEST_SCORES, files, run.interval.hours)}


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
    """client_frame -> client_scores, with the model in `model_dir` and evidence from requests; a task some hours."""
    lake = run.lake
    hours, frames, weights = _frame_work(run)
    by_hour = lake.files_by_hour(REQUESTS, hours)
    requests_of = [_paths({hour: by_hour.get(hour, [])})[0] for hour in hours]
    behind = {"request_model_version": run.parameters.get("request_model_version")}
    keep = ("client", "client_kind", "hour_at", "day_request_count", "attack_request_ids")
    scoring = Scoring(Served.of(run.parameters), CLIENT_MODEL_INPUTS, keep, "client", network_of)

    def of_hour(item: tuple[str, Sequence[Sequence[str]], Sequence[str]]) -> pa.Table:
        import pyarrow as pa

        hour, frame_paths, request_paths = item
        frame = _frame_of_hour(lake, frame_paths)
        parts = scored(frame.to_batches(), scoring, lake.storage, CLIENT_SCORES)
        clients = pa.concat_tables(parts).rename_columns({"day_request_count": "request_count"})
        rows = with_evidence(clients, lake.read_batches(REQUESTS, request_paths, REQUEST_COLUMNS, ["client_ip"]))
        return with_constants(rows, {**behind, HOUR_COLUMN: hour})

    work = Work(list(zip(hours, frames, requests_of, strict=True)), weights, "hours")
    with explained(run.parameters):
        files = written(run, CLIENT_SCORES, work, of_hour)
    return {"rows": lake.commit(CLIENT_SCORES, files, run.interval.hours)}


def client_frame(run: JobRun) -> DataFrame:
    """The client model's frame for the interval, from client_hourly, client_daily and client_attacks; hour by hour in tasks."""
    lake = run.lake
    _, items, weights = _frame_work(run)
    ddl = ddl_of(FRAME_SCHEMA)
    if not items:
        return run.spark.createDataFrame([], ddl)

    def frames(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for paths in items_of(batches):
            yield from _frame_of_hour(lake, paths).to_batches()

    return shared_out(run.spark, Work(items, weights, "hours"), run.tasks).mapInArrow(frames, ddl)


FRAME_TABLES = (CLIENT_HOURLY, CLIENT_DAILY, CLIENT_ATTACKS)


def _frame_work(run: JobRun) -> tuple[list[str], list[list[list[str]]], list[int]]:
    """Hours that have clients, the paths of their files of each of FRAME_TABLES, and the bytes of these."""
    files = [run.lake.files_by_hour(table, run.interval.hours) for table in FRAME_TABLES]
    hours = [hour for hour in run.interval.hours if hour in files[0] and hour in files[1]]
    paths = [[_paths({hour: by_hour.get(hour, [])})[0] for by_hour in files] for hour in hours]
    weights = [sum(file.size_bytes for by_hour in files for file in by_hour.get(hour, ())) for hour in hours]
    return hours, paths, weights


def _frame_of_hour(lake: Lake, paths: Sequence[Sequence[str]]) -> pa.Table:
    """In a task: the client model's frame of one hour from the files of each of FRAME_TABLES."""
    import pyarrow as pa

    schemas = [arrow_schema(table) for table in FRAME_TABLES]
    rows = [
        pa.Table.from_batches(lake.read_batches(table, table_paths, schema.names), schema)
        for table, table_paths, schema in zip(FRAME_TABLES, paths, schemas, strict=True)
    ]
    return client_frame_rows(*rows).combine_chunks()


def _paths(by_hour: Mapping[str, Sequence[ActiveFile]]) -> tuple[list[str], int]:
    """Paths of files, and how many rows they hold."""
    files = [file for hour_files in by_hour.values() for file in hour_files]
    return [file.path for file in files], sum(file.num_records for file in files)
