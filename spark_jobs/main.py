"""The one entry point of Spark jobs: one job, one interval.

    spark-submit --py-files weir-jobs.zip main.py --source cloudfront --job client_hourly --start 2026-11-20-00 \
        --end 2026-11-20-23 --lake s3://bucket/lake --engine submitted [--tasks 8] [--parameters '{"cookies": "drop"}']

`--start` and `--end` are the first and the last hour. Prints the job's figures as one line of JSON. With `--call URI`,
a document holds the arguments (see runtime/calls.py), another one gets the figures, and unknown arguments, which
services add, are ignored.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import Interval
from spark_jobs.runtime import progress
from spark_jobs.runtime.calls import Call, CallError, answer_uri, read_text, write_text
from spark_jobs.runtime.session import SUBMITTED, spark_session
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.objects import Storage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PACKAGES = ("profiling",)
"""Packages of jobs that belong to no source; the name of one stands in the place of a source's."""


@dataclass(frozen=True)
class JobRun:
    """The arguments of a job: an engine, the lake, the interval that it overwrites, plain JSON parameters, the number of tasks."""

    spark: SparkSession
    lake: Lake
    interval: Interval
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tasks: int = 4


def run_job(source: str, job: str, run: JobRun) -> dict[str, Any]:
    """Run the function `job` of the source's jobs.py, or of a package of jobs over any table; returns its figures."""
    package = f"spark_jobs.{source}" if source in PACKAGES else f"spark_jobs.sources.{source}"
    try:
        figures: dict[str, Any] = getattr(import_module(f"{package}.jobs"), job)(run)
        return figures
    finally:
        progress.end()
        _release_memory()


def _release_memory() -> None:
    """Return freed memory to the system, which allocators would keep."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def carry_out(uri: str, storage: Storage, engine: str) -> dict[str, Any]:
    """Run the call at `uri` and write its answer: {"figures": …}, or {"kind": …, "error": …} before the error is raised."""
    try:
        text = read_text(storage, uri)
        if text is None:
            raise CallError(f"There is no call at {uri}; it may have been given up meanwhile, so run again.")
        call = Call.from_json(text)
        parameters = call.all_parameters(storage.region)
        run = JobRun(spark_session(engine), Lake(call.lake, storage), call.interval, parameters, call.tasks)
        figures = run_job(call.source, call.job, run)
    except Exception as error:
        message = " ".join(str(error).strip().splitlines()[:2])[
            :500
        ]  # the second line of Java's errors names the cause
        write_text(
            storage, answer_uri(uri), json.dumps({"kind": type(error).__name__, "error": message or "no message"})
        )
        raise
    write_text(storage, answer_uri(uri), json.dumps({"figures": figures}))
    return figures


def main(arguments: list[str]) -> None:
    """Run the job that the command line names, and print its figures."""
    parser = argparse.ArgumentParser(
        prog="spark_jobs.main", description=(__doc__ or "").splitlines()[0], allow_abbrev=False
    )
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument(
        "--endpoint-url", default="", help="S3-compatible store; default: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL"
    )
    parser.add_argument("--engine", help=f"default: sail; with --call: {SUBMITTED}, which is what spark-submit says")
    parser.add_argument("--call", help="URI of a document that holds everything below")
    call_options, _ = parser.parse_known_args([argument for argument in arguments if argument not in ("-h", "--help")])
    if call_options.call:
        storage = Storage(call_options.region, call_options.endpoint_url)
        print(json.dumps(carry_out(call_options.call, storage, call_options.engine or SUBMITTED)))
        return
    parser.add_argument("--source", required=True)
    parser.add_argument("--job", required=True)
    parser.add_argument("--start", required=True, help="first hour, YYYY-MM-DD-HH")
    parser.add_argument("--end", required=True, help="last hour, YYYY-MM-DD-HH")
    parser.add_argument("--lake", required=True, help="folder or s3:// URI")
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--parameters", default="{}", help="JSON")
    options = parser.parse_args(arguments)
    lake = Lake(options.lake.rstrip("/"), Storage(options.region, options.endpoint_url))
    run = JobRun(
        spark_session(options.engine or "sail"),
        lake,
        Interval.spanning(options.start, options.end),
        json.loads(options.parameters),
        options.tasks,
    )
    print(json.dumps(run_job(options.source, options.job, run)))


if __name__ == "__main__":
    main(sys.argv[1:])
