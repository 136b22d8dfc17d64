"""The one entry point of Spark jobs: one job, one interval.

    spark-submit spark_jobs/main.py --source cloudfront --job client_hourly --start 2026-11-20-00 --end 2026-11-20-23 \
        --lake s3://bucket/lake [--engine submitted] [--tasks 8] [--parameters '{"model_dir": "…"}']

`--start` and `--end` are the first and the last hour. Prints the job's figures as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import Interval
from spark_jobs.lake import Lake
from spark_jobs.objects import Storage
from spark_jobs.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class JobRun:
    """What a job gets: an engine, the lake, the interval it overwrites, and plain JSON parameters."""

    spark: SparkSession
    lake: Lake
    interval: Interval
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tasks: int = 4


def run_job(source: str, job: str, run: JobRun) -> dict[str, Any]:
    """Run the function `job` of the source's jobs.py; returns its figures."""
    figures: dict[str, Any] = getattr(import_module(f"spark_jobs.sources.{source}.jobs"), job)(run)
    return figures


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="spark_jobs.main", description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True)
    parser.add_argument("--job", required=True)
    parser.add_argument("--start", required=True, help="first hour, YYYY-MM-DD-HH")
    parser.add_argument("--end", required=True, help="last hour, YYYY-MM-DD-HH")
    parser.add_argument("--lake", required=True, help="folder or s3:// URI")
    parser.add_argument("--engine", default="sail")
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument(
        "--endpoint-url", default="", help="S3-compatible store; default: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL"
    )
    parser.add_argument("--parameters", default="{}", help="JSON")
    given = parser.parse_args(arguments)
    lake = Lake(given.lake.rstrip("/"), Storage(given.region, given.endpoint_url))
    run = JobRun(
        spark_session(given.engine),
        lake,
        Interval.spanning(given.start, given.end),
        json.loads(given.parameters),
        given.tasks,
    )
    print(json.dumps(run_job(given.source, given.job, run)))


if __name__ == "__main__":
    main(sys.argv[1:])
