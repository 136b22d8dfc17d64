"""Every benchmark of `make` runs to its last line at its smallest size; none of its figures is judged.

Left out: those that read the public sets below WEIR_EVAL_DATA; `make eval-clients` and `make bench-metrics-history`, which fit
models and take minutes whatever their size; in `make bench`, classic Spark, which takes a minute to warm up. DataFusion and chDB
run where `make peers` has installed them, and are named where it has not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEFT_OUT = {"bench-metrics-history", "eval", "eval-clients", "eval-scaling", "eval-anomalies"}
CONTENDERS = "gunzip,ours_sail,minimal,duckdb,polars,datafusion,chdb,python"
SMALLEST = {
    "bench": ({"BENCH_LINES": "2000", "BENCH_ROUNDS": "1", "BENCH_CONTENDERS": CONTENDERS}, "Equal in all"),
    "bench-path": ({"BENCH_LINES": "2000"}, "peak GiB"),
    "bench-commands": ({"BENCH_ROUNDS": "1", "BENCH_HOURS": "2"}, "weir --help"),
    "bench-history": ({"BENCH_ROUNDS": "1", "BENCH_HOURS": "1,3"}, "one new hour costs the same"),
    "bench-learning": ({"BENCH_ROWS": "2000,4000", "BENCH_SCALE": "0.01"}, "the same where nothing is due"),
    "eval-early": ({"SITES": "media_live", "SCALE": "0.05"}, "never to be blocked, blocked"),
    "eval-learning": ({"LEARNING_SIZE": "0.002"}, "planted leaks found"),
    "bench-hostile": ({"HOSTILE_MEGABYTES": "0.2", "HOSTILE_KINDS": "spaces,script"}, "the worst is"),
    "bench-stream": (
        {
            "STREAM_RATE": "300",
            "STREAM_SECONDS": "3",
            "STREAM_RECORDS": "3000",
            "STREAM_IDLE": "2",
            "STREAM_DOCUMENT": "",
        },
        "put to rows of the first records after it",
    ),
}
"""Target of `make` -> its environment at the smallest size, and what only a run that came to its end prints."""
TARGETS = set(re.findall(r"^((?:bench|eval)[a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_every_benchmark_is_run_or_left_out() -> None:
    assert SMALLEST.keys() | LEFT_OUT == TARGETS


@pytest.mark.slow
@pytest.mark.parametrize("target", SMALLEST)
def test_it_runs_to_its_end(target: str, tmp_path: Path) -> None:
    environment, end = SMALLEST[target]
    # make installs nothing and uses this interpreter: the stamp counts as there, and the folder of programs is this one's.
    programs = [f"BIN={Path(sys.executable).parent}", "STAMP=Makefile"]
    done = subprocess.run(
        ["make", target, *programs, *(f"{name}={value}" for name, value in environment.items())],
        cwd=ROOT,
        env={
            **os.environ,
            "BENCH_HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "mlflow")]),
        },
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert end in done.stdout and "Traceback" not in done.stderr, done.stdout[-2000:] + done.stderr[-2000:]
