"""One contender of the benchmark in a process of its own: a small warm-up, then its steps, timed. Prints JSON.

    python -m benchmarks.throughput.contenders NAME --data FOLDER --warm-up FOLDER --out FOLDER [--model FOLDER]

`bench.py` starts these in turn. The work of each peer is in its own module.
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
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.throughput.definitions import CLASSIC, THREADS
from benchmarks.throughput.processes import cpu_seconds

TASKS = 4
"""The platform's default for parse and scoring jobs."""
Steps = Mapping[str, Callable[[], Any]]
"""Name of a step -> what to run; it returns the number of rows, or another result to report."""


def log_files(data: Path) -> list[Path]:
    return sorted(data.glob("*.gz"))


def gunzip(data: Path, out: Path) -> Steps:
    """The floor: decompression alone, with the same library as ours."""
    from isal import isal_zlib

    def all_files() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(lambda path: len(isal_zlib.decompress(path.read_bytes(), 31)), log_files(data)))

    return {"parse": all_files}


def parsing(name: str, data: Path, out: Path) -> Steps:
    """The one step of a peer that makes no features."""
    module = _module(name)
    return {"parse": lambda: module.parse(log_files(data), out)}


def _module(name: str) -> Any:
    """The module of a peer; SystemExit with a sentence where its library is not installed."""
    try:
        return import_module(f"benchmarks.throughput.{name}_peer")
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error.name} is not installed; `make peers` installs it") from None


def peer(name: str, data: Path, out: Path) -> Steps:
    """The steps of a peer's module."""
    module = _module(name)
    return {
        **parsing(name, data, out),
        "client_hourly": lambda: module.client_hourly(out),
        "client_daily": lambda: module.client_daily(out),
    }


def ours(engine: str, data: Path, out: Path) -> Steps:
    """The platform's own jobs."""
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
    from benchmarks.throughput.generate import DAY
    from spark_jobs.contract import Interval
    from spark_jobs.main import JobRun
    from spark_jobs.runtime.session import spark_session
    from spark_jobs.storage.lake import Lake

    interval = Interval.spanning(*(hours or (f"{DAY}-00", f"{DAY}-23")))
    return JobRun(spark_session(engine), Lake(str(out / "lake")), interval, parameters, TASKS)


def _fill_ledger(lake: Any, data: Path) -> None:
    """Add every object by name, etag and size, as the asset of the raw objects does."""
    from spark_jobs.incremental import ledger
    from spark_jobs.sources.cloudfront.layouts import name_hour
    from spark_jobs.sources.cloudfront.tables import OBJECTS

    listed = []
    for path in log_files(data):
        status = path.stat()
        with path.open("rb") as content:
            etag = hashlib.file_digest(content, "md5").hexdigest()
        at = datetime.fromtimestamp(status.st_mtime, UTC)
        listed.append({"source_object": str(path), "etag": etag, "size_bytes": status.st_size, "modified_at": at})
    lake.overwrite_arrow(ledger.with_listed(lake.read_arrow(OBJECTS), listed, datetime.now(UTC), name_hour), OBJECTS)


CONTENDERS: dict[str, Callable[[Path, Path], Steps]] = {
    "gunzip": gunzip,
    "ours_sail": partial(ours, "sail"),
    "ours_classic": partial(ours, CLASSIC),
    "minimal": partial(parsing, "minimal"),
    **{name: partial(peer, name) for name in ("duckdb", "polars", "datafusion", "chdb", "spark", "python")},
}


def timed(steps: Steps) -> dict[str, Any]:
    """Step -> seconds, CPU-seconds and its result."""
    figures: dict[str, Any] = {}
    for name, step in steps.items():
        started, cpu_started = time.perf_counter(), cpu_seconds(os.getpid())
        result = step()
        seconds = time.perf_counter() - started
        figures[name] = {"seconds": seconds, "cpu": cpu_seconds(os.getpid()) - cpu_started, "result": result}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Run one contender of the benchmark.")
    parser.add_argument("name", choices=[*CONTENDERS, "scoring"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--warm-up", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    if options.name == "scoring":
        from benchmarks.throughput.scoring import scoring

        print(json.dumps(timed(scoring(options.out, options.model))))
        return
    small = options.out.with_name(f"{options.out.name}-warm-up")
    for folder in (small, options.out):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for step in CONTENDERS[options.name](options.warm_up, small).values():
        step()
    shutil.rmtree(small)
    print(json.dumps(timed(CONTENDERS[options.name](options.data, options.out))))


if __name__ == "__main__":
    main()
