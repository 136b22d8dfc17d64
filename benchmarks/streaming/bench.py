"""What a stream costs and how late it is, beside batch over the same records: `make bench-stream`, into benchmarks/STREAMING.md.

    python -m benchmarks.streaming.bench

Environment: STREAM_RATE (20000 records a second), STREAM_SECONDS (60), STREAM_RECORDS (500000, for what a CPU-second does),
STREAM_IDLE (60 seconds), STREAM_DOCUMENT (empty: only printed), BENCH_HOME (.weir/bench). The stream, the loop and batch are
processes of their own: neither costs nor memory of one counts with another.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation import write_section
from benchmarks.throughput.generate import data_set
from benchmarks.throughput.homes import bench_home, with_champions

SECTION, COMMAND, STREAM = "figures", "make bench-stream", "edge"
PYTHON = (sys.executable, "-W", "ignore", "-m")
WARM_SECONDS = 5.0
"""Of a run at a rate, left out: the first batches load what later ones have."""
TEMPLATE_LINES = 300_000
RECORDS_A_SHARD = 1_000
"""What Kinesis takes a second and shard."""
P95_BAR, P99_BAR, MEMORY_BAR, RATE_BAR, SILENT_BAR = 3.0, 5.0, 1.2, 40_000, 0.01


class Stream:
    """A stream in a process of its own."""

    def __init__(self, folder: str, shards: int, reads_a_second: float) -> None:
        command = (*PYTHON, "benchmarks.streaming.producer", folder, STREAM, str(shards), str(reads_a_second))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._line()

    def send(self, command: str) -> None:
        """Send a command, without waiting for its answer."""
        assert self.process.stdin
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def done(self) -> None:
        """Wait for the answer to the oldest command."""
        self._line()

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@contextmanager
def stream(folder: str, shards: int, reads_a_second: float) -> Iterator[Stream]:
    """A stream that ends with the context."""
    served = Stream(folder, shards, reads_a_second)
    try:
        yield served
    finally:
        served.send("end")
        served.process.wait()


def loop(home: Path, served: Stream, seconds: float, records: int) -> subprocess.Popen[str]:
    """A loop that has begun to read."""
    keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_ENDPOINT_URL_KINESIS": served.url}
    command = (*PYTHON, "benchmarks.streaming.loop", str(home), STREAM, str(seconds), str(records))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **keys})
    assert process.stdout and process.stdout.readline().strip() == "ready"
    return process


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a process printed last."""
    out, _ = process.communicate()
    assert process.returncode == 0, out
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result


def at_a_rate(home: Path, folder: str, rate: float, seconds: float) -> dict[str, float]:
    """Decision latency and memory while records come at a rate, in a stream with AWS's limits."""
    with stream(folder, max(1, round(rate / RECORDS_A_SHARD)), 5.0) as served:
        process = loop(home, served, seconds + 2 * P99_BAR, int(rate * seconds))
        served.send(f"feed {rate} {seconds}")
        result = result_of(process)
        served.done()
    warm = int(rate * min(WARM_SECONDS, seconds / 3))
    ages = np.array(result["ages"][warm:] or result["ages"])
    p50, p95, p99 = np.quantile(ages, (0.5, 0.95, 0.99))
    used = result["cpu"] / result["seconds"]
    return {"p50": p50, "p95": p95, "p99": p99, "cores": used, "peak": result["peak_bytes"] / 2**30,
        "processed": result["records"], "offered": rate * seconds, "behind": result["behind"] / 1000}  # fmt: skip


def a_cpu_second(home: Path, folder: str, records: int) -> dict[str, float]:
    """Records that a CPU-second of the loop brings into the tables in full batches, and those that batch does."""
    with stream(folder, 4, 1e9) as served:
        served.send(f"put {records}")
        served.done()
        result = result_of(loop(home, served, 600, records))
    rounds = result["rounds"]
    (_, first, _, cold), (_, last, _, warm) = rounds[0], rounds[-1]
    whole = result["records"] / result["cpu"]
    batch = json.loads(
        subprocess.run(
            (*PYTHON, "benchmarks.streaming.batch", str(home), STREAM), check=True, capture_output=True, text=True
        ).stdout.splitlines()[-1]
    )
    return {"loop": (last - first) / (warm - cold) if last > first else whole, "whole": whole,
        "batch": batch["records"] / batch["cpu"], "differing": batch["differing_tables"], "records": batch["records"]}  # fmt: skip


def silent(home: Path, folder: str, seconds: float) -> dict[str, float]:
    """The share of a core that a loop takes while its stream is silent, and how late the first records after it are."""
    with stream(folder, 4, 5.0) as served:
        process = loop(home, served, seconds + 60, 1_000)
        served.send(f"feed 0 {seconds}")
        served.done()
        served.send("put 1000")
        served.done()
        result = result_of(process)
    (began, cold), (ended, warm) = result["silent"]
    return {"share": (warm - cold) / max(ended - began, 1e-9), "age": max(result["ages"])}


def text_of(rate: float, paced: dict[str, float], full: dict[str, float], idle: dict[str, float]) -> str:
    """The figures as a table, each beside its bar."""
    rows = [
        (f"put to rows at {rate:,.0f} records/s, p50", f"{paced['p50']:.2f} s", ""),
        ("p95", f"{paced['p95']:.2f} s", f"≤ {P95_BAR:g} s"),
        ("p99", f"{paced['p99']:.2f} s", f"≤ {P99_BAR:g} s"),
        ("of the records offered, in the tables at the end", f"{paced['processed'] / paced['offered']:.1%}", "all"),
        ("cores meanwhile", f"{paced['cores']:.2f}", ""),
        ("peak memory of the process", f"{paced['peak']:.2f} GiB", f"≤ {MEMORY_BAR:g} GB"),
        ("records a CPU-second, batches of 50,000", f"{full['loop']:,.0f}", f"> {RATE_BAR:,}"),
        ("the same with what a process pays once", f"{full['whole']:,.0f}", ""),
        ("batch over the same records, a CPU-second", f"{full['batch']:,.0f}", ""),
        ("tables in which batch differs from the stream", f"{full['differing']:.0f} of 2", "0"),
        ("share of a core while the stream is silent", f"{idle['share']:.2%}", f"< {SILENT_BAR:.0%}"),
        ("put to rows of the first records after it", f"{idle['age']:.2f} s", f"≤ {P95_BAR:g} s"),
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (("", "this run", "bar"), ("---", "---:", "---:"), *rows))
    cores, load = os.cpu_count(), os.getloadavg()[2]
    return f"{full['records']:,.0f} records for what a CPU-second does; {cores} cores, load over 15 minutes {load:.1f}.\n\n{table}"


def main() -> None:
    """Measure, print and write."""
    rate, seconds, idle_seconds = (
        float(os.environ.get(f"STREAM_{name}", default))
        for name, default in (("RATE", "20000"), ("SECONDS", "60"), ("IDLE", "60"))
    )
    records = int(os.environ.get("STREAM_RECORDS", "500000"))
    folder = data_set(min(TEMPLATE_LINES, records), home=bench_home()).folder
    home = bench_home() / "stream"
    full = a_cpu_second(with_champions(home), folder, records)
    print(f"{full['loop']:,.0f} records a CPU-second", flush=True)
    paced = at_a_rate(with_champions(home), folder, rate, seconds)
    idle = silent(with_champions(home), folder, idle_seconds)
    text = text_of(rate, paced, full, idle)
    print(text)
    if document := os.environ.get("STREAM_DOCUMENT", "benchmarks/STREAMING.md"):
        write_section(Path(document), SECTION, text, COMMAND)
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
