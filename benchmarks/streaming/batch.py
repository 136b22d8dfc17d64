"""Batch over what a stream has landed, in a process of its own: the same records parsed and scored by the jobs of batch.

    python -m benchmarks.streaming.batch HOME STREAM

Prints a JSON object: CPU-seconds, records, and the rows that differ from those that the stream has appended.
"""

from __future__ import annotations

import json
import resource
import sys

from platform_assets.clients.engine import lake_of
from platform_assets.clients.spark.session_resource import EngineSession
from platform_assets.core.job_parameters import parameters_of
from platform_assets.releases.serving import Serving
from platform_assets.settings import load_settings
from spark_jobs.contract import Interval
from spark_jobs.main import JobRun, run_job
from spark_jobs.sources.cloudfront.tables import REQUEST_SCORES, REQUESTS

TASKS = 2
SCORES = ["request_id", "attack_probability", "is_attack", "attack_class", "reason", "model_version"]
PARSED = [name for name in REQUESTS.column_names if name not in ("source_object", "line_number")]


def main(home: str, stream: str) -> None:
    """Make the hours anew and compare."""
    settings = load_settings(home, cloudfront_stream=stream)
    lake = lake_of(settings)
    hours = lake.hours(REQUESTS)
    tables = {REQUESTS: PARSED, REQUEST_SCORES: SCORES}
    appended = {table: lake.read_arrow(table, columns=names).sort_by("request_id") for table, names in tables.items()}
    assert appended[REQUESTS].num_rows == appended[REQUEST_SCORES].num_rows > 0
    serving = Serving(settings, lake, "request_attack")
    served = serving.with_fallback(serving.now(), serving.fetched)
    engine, interval = EngineSession(engine="sail").spark_session, Interval.spanning(hours[0], hours[-1])
    before = resource.getrusage(resource.RUSAGE_SELF)
    run_job("cloudfront", "requests", JobRun(engine, lake, interval, parameters_of(settings, "cloudfront"), TASKS))
    run_job("cloudfront", "request_scores", JobRun(engine, lake, interval, served.parameters(), TASKS))
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    differing = sum(
        lake.read_arrow(table, columns=names).sort_by("request_id").to_pylist() != appended[table].to_pylist()
        for table, names in tables.items()
    )
    print(json.dumps({"cpu": cpu, "records": appended[REQUESTS].num_rows, "differing_tables": differing}))


if __name__ == "__main__":
    main(*sys.argv[1:])
