"""One contender of the benchmark in a process of its own: a small warm-up, then its steps, timed. Prints JSON.

    python -m benchmarks.contenders NAME --data FOLDER --warm-up FOLDER --out FOLDER [--model FOLDER]

`benchmarks.bench` starts these in turn. What a contender does is in its own module; here is how it is driven.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measuring import cpu_seconds

THREADS = 2
TASKS = 4
"""The platform's default for parse and scoring jobs."""
CLASSIC = f"local[{THREADS}]"
Steps = Mapping[str, Callable[[], Any]]
"""Name of a step -> what to run; it returns the rows made, or what else is worth saying."""


def log_files(data: Path) -> list[Path]:
    return sorted(data.glob("*.gz"))


def gunzip(data: Path, out: Path) -> Steps:
    """The floor: decompression alone, with the same library as ours."""
    from isal import isal_zlib

    def all_files() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(lambda path: len(isal_zlib.decompress(path.read_bytes(), 31)), log_files(data)))

    return {"parse": all_files}


def duckdb(data: Path, out: Path) -> Steps:
    from benchmarks import duckdb_peer as peer

    return {
        "parse": lambda: peer.parse(log_files(data), out, THREADS),
        "client_hourly": lambda: peer.client_hourly(out, THREADS),
        "client_daily": lambda: peer.client_daily(out, THREADS),
    }


def polars(data: Path, out: Path) -> Steps:
    from benchmarks import polars_peer as peer

    return {
        "parse": lambda: peer.parse(log_files(data), out, THREADS),
        "client_hourly": lambda: peer.client_hourly(out),
        "client_daily": lambda: peer.client_daily(out),
    }


def python(data: Path, out: Path) -> Steps:
    from benchmarks import python_peer as peer

    return {
        "parse": lambda: peer.parse(log_files(data), out),
        "client_hourly": lambda: peer.client_hourly(out),
        "client_daily": lambda: peer.client_daily(out),
    }


def spark(data: Path, out: Path) -> Steps:
    from benchmarks import spark_peer as peer
    from spark_jobs.runtime.session import spark_session

    session = spark_session(CLASSIC)
    return {
        "parse": lambda: peer.parse(session, log_files(data), out),
        "client_hourly": lambda: peer.client_hourly(session, out),
        "client_daily": lambda: peer.client_daily(session, out),
    }


def ours_sail(data: Path, out: Path) -> Steps:
    return _ours(data, out, "sail")


def ours_classic(data: Path, out: Path) -> Steps:
    return _ours(data, out, CLASSIC)


def _ours(data: Path, out: Path, engine: str) -> Steps:
    from spark_jobs.main import run_job

    run = job_run(out, engine)

    def requests() -> Any:
        _fill_ledger(run.lake, data)
        return run_job("cloudfront", "requests", run)["requests"]

    return {
        "parse": requests,
        "client_hourly": lambda: run_job("cloudfront", "client_hourly", run)["rows"],
        "client_daily": lambda: run_job("cloudfront", "client_daily", run)["rows"],
    }


def job_run(out: Path, engine: str, hours: tuple[str, str] | None = None, **parameters: str) -> Any:
    from benchmarks.generate import DAY
    from spark_jobs.contract import Interval
    from spark_jobs.main import JobRun
    from spark_jobs.runtime.session import spark_session
    from spark_jobs.storage.lake import Lake

    interval = Interval.spanning(*(hours or (f"{DAY}-00", f"{DAY}-23")))
    return JobRun(spark_session(engine), Lake(str(out / "lake")), interval, parameters, TASKS)


def _fill_ledger(lake: Any, data: Path) -> None:
    """As the asset of the raw objects does: every object by name, etag and size."""
    from spark_jobs.incremental import ledger
    from spark_jobs.sources.cloudfront.layouts import name_hour
    from spark_jobs.sources.cloudfront.tables import OBJECTS

    listed = []
    for path in log_files(data):
        found = path.stat()
        with path.open("rb") as content:
            etag = hashlib.file_digest(content, "md5").hexdigest()
        at = datetime.fromtimestamp(found.st_mtime, UTC)
        listed.append({"source_object": str(path), "etag": etag, "size_bytes": found.st_size, "modified_at": at})
    lake.overwrite_arrow(ledger.with_listed(lake.read_arrow(OBJECTS), listed, datetime.now(UTC), name_hour), OBJECTS)


CONTENDERS: dict[str, Callable[[Path, Path], Steps]] = {
    "gunzip": gunzip,
    "ours_sail": ours_sail,
    "duckdb": duckdb,
    "polars": polars,
    "spark": spark,
    "ours_classic": ours_classic,
    "python": python,
}


def timed(steps: Steps) -> dict[str, Any]:
    """Step -> seconds, CPU-seconds and what it returned."""
    figures: dict[str, Any] = {}
    for name, step in steps.items():
        began, cpu_began = time.perf_counter(), cpu_seconds(os.getpid())
        result = step()
        seconds = time.perf_counter() - began
        figures[name] = {"seconds": seconds, "cpu": cpu_seconds(os.getpid()) - cpu_began, "result": result}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Run one contender of the benchmark.")
    parser.add_argument("name", choices=[*CONTENDERS, "scoring"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--warm-up", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    if given.name == "scoring":
        from benchmarks.scoring import scoring

        print(json.dumps(timed(scoring(given.out, given.model))))
        return
    began = time.perf_counter()
    small = given.out.with_name(f"{given.out.name}-warm-up")
    for folder in (small, given.out):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for step in CONTENDERS[given.name](given.warm_up, small).values():
        step()
    shutil.rmtree(small)
    warm = time.perf_counter() - began
    print(json.dumps({"warm_up_seconds": warm, **timed(CONTENDERS[given.name](given.data, given.out))}))


if __name__ == "__main__":
    main()
