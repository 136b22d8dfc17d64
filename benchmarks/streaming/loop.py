"""The loop of `weir stream run` in a process of its own, watched: what it has done by when, at what cost.

    python -m benchmarks.streaming.loop HOME STREAM SECONDS RECORDS [BATCH_RECORDS]

Prints `ready` once it reads; at its end a JSON object. Stops after SECONDS, or once RECORDS are in the tables.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from platform_assets.ingest.streams.process import Figures, StreamProcess, streamed_source
from platform_assets.settings import load_settings
from spark_jobs.streaming.land import BatchBounds


def cpu() -> float:
    """CPU-seconds of this process until now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def ages(uri: str, at: float) -> np.ndarray:
    """Seconds from the put of each record of a landed object until `at`."""
    lines = gzip.decompress(Path(uri).read_bytes()).splitlines()
    puts = (line.partition(b"\t")[0] for line in lines if not line.startswith(b"#"))
    return at - np.array([float(put) for put in puts])


def main(home: str, stream: str, seconds: float, records: int, batch_records: int = 50_000) -> None:
    """Run it and print what was seen."""
    settings = load_settings(home, cloudfront_stream=stream)
    process = StreamProcess(settings, streamed_source("cloudfront"), bounds=BatchBounds(records=batch_records))
    rounds: list[tuple[int, int, float, float]] = []  # objects, records, wall clock, CPU-seconds
    silent: list[tuple[float, float]] = []  # wall clock and CPU-seconds, before the first record
    process._serving()  # what a first batch pays once: the model
    started, before = time.monotonic(), cpu()

    def tell(figures: Figures) -> None:
        now = (figures.objects, figures.records, time.time(), cpu())
        if not figures.objects:
            silent.append(now[2:])
        elif not rounds or figures.objects > rounds[-1][0]:
            rounds.append(now)

    def is_stopping() -> bool:
        return time.monotonic() - started >= seconds or process.figures.records >= records

    print("ready", flush=True)
    figures = process.run(is_stopping, tell)
    result = {"cpu": cpu() - before, "seconds": time.monotonic() - started, "records": figures.records,
        "objects": figures.objects, "throttled": figures.throttled, "behind": max(figures.behind_milliseconds.values(), default=0),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "rounds": rounds,
        "silent": [silent[0], silent[-1]] if silent else []}  # fmt: skip
    landing = process.lander.landing
    found = [ages(landing.uri(number), at) for number, _, at, _ in rounds]
    result["ages"] = np.concatenate(found).round(3).tolist() if found else []
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), *map(int, sys.argv[4:]))
