"""What a megabyte of hostile log lines costs beside an ordinary one: parsed and scored, each kind in a process of its own.

    python -m benchmarks.hostile.bench [--megabytes 4] [--kinds "spaces,script"]

Prints CPU-seconds and peak memory a megabyte, and their ratios to ordinary lines; exit code 1 where one is above BOUND.
"""

from __future__ import annotations

import argparse
import io
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.hostile.lines import KINDS, lines

BOUND = 3.0
ORDINARY = "ordinary"
LEAST_MEMORY = 1.0
"""Megabytes a megabyte that ordinary lines count as at least: a few fit into what the warm-up has left."""
BASE_MEGABYTES = 1.0
"""Peak memory counts what these many megabytes of ordinary lines take as well: imports, pools, the first batch."""


def measure(kind: str, megabytes: float, model_file: Path) -> tuple[float, float, int]:
    """CPU-seconds, megabytes of peak memory above those of a warm process, and requests, for lines of a kind."""
    import pyarrow as pa

    from spark_jobs.runtime.scoring import BATCH
    from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions
    from spark_jobs.sources.cloudfront.parse import ObjectParser
    from spark_jobs.sources.cloudfront.tables import REQUEST_MODEL_INPUTS
    from spark_jobs.storage.batches import merged

    model = pickle.loads(model_file.read_bytes())

    def work(text: bytes) -> int:
        rows = 0
        parsed = ObjectParser(LogObject("log", "etag", len(text)), io.BytesIO(text), ParseOptions())
        tables = (part.requests.select(REQUEST_MODEL_INPUTS) for part in parsed if part.requests is not None)
        batches = (batch for table in tables for batch in table.to_batches())
        for table in merged(batches, BATCH, REQUEST_MODEL_INPUTS):
            rows += len(pa.Table.from_pandas(model.predict(table.to_pandas())))
        return rows

    work("".join(lines(ORDINARY, int(BASE_MEGABYTES * 1e6), seed=2)).encode())
    text = "".join(lines(kind, int(megabytes * 1e6))).encode()
    warm = resource.getrusage(resource.RUSAGE_SELF)
    rows = work(text)
    end = resource.getrusage(resource.RUSAGE_SELF)
    cpu = end.ru_utime + end.ru_stime - warm.ru_utime - warm.ru_stime
    return cpu, (end.ru_maxrss - warm.ru_maxrss) / 1024, rows


def run_child(kind: str, megabytes: float, model_file: Path) -> tuple[float, float, int]:
    command = [sys.executable, "-m", "benchmarks.hostile.bench", "--child", kind, "--megabytes", str(megabytes)]
    done = subprocess.run([*command, "--model", str(model_file)], check=True, capture_output=True, text=True)
    cpu, memory, rows = done.stdout.split()
    return float(cpu) / megabytes, float(memory) / megabytes, int(rows)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=float, default=16.0)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--child")
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    if arguments.child:
        print(*measure(arguments.child, arguments.megabytes, arguments.model))
        return 0

    from weir_models.request_attack import corpus
    from weir_models.request_attack.model import fit

    with tempfile.TemporaryDirectory() as scratch:
        model_file = Path(scratch) / "model.pickle"
        model_file.write_bytes(pickle.dumps(fit(corpus.generate(seed=1, size=4_000), seed=1)))
        started = time.monotonic()
        base_cpu, measured_memory, rows = run_child(ORDINARY, arguments.megabytes, model_file)
        base_memory = max(measured_memory, LEAST_MEMORY)
        print(f"{'kind':28} {'requests':>8} {'CPU-s/MB':>9} {'ratio':>6} {'MB/MB':>7} {'ratio':>6}")
        print(f"{ORDINARY:28} {rows:8,} {base_cpu:9.3f} {1:6.2f} {measured_memory:7.1f} {1:6.2f}")
        worst = 0.0
        for kind in arguments.kinds.split(","):
            cpu, memory, rows = run_child(kind, arguments.megabytes, model_file)
            ratios = cpu / base_cpu, memory / base_memory
            worst = max(worst, *ratios)
            print(f"{kind:28} {rows:8,} {cpu:9.3f} {ratios[0]:6.2f} {memory:7.1f} {ratios[1]:6.2f}", flush=True)
    print(f"the worst is {worst:.2f} times ordinary, the bound {BOUND:g}; {time.monotonic() - started:.0f} s")
    return int(worst > BOUND)


if __name__ == "__main__":
    sys.exit(main())
