"""The folder of the benchmarks, and in it a home with champions that is fitted once and copied for each run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

WEIR = (sys.executable, "-c", "from platform_assets.cli.app import main; main()")


def bench_home() -> Path:
    """The folder that BENCH_HOME names, absolute; without it .weir/bench."""
    return Path(os.environ.get("BENCH_HOME", ".weir/bench")).absolute()


def with_champions(home: Path) -> Path:
    """A new home at `home` with the champions of BENCH_HOME/trained; what was there is removed.

    Where there are none, `weir train` fits them, which takes minutes.
    """
    trained = bench_home() / "trained"
    if not (trained / "mlflow.db").exists():
        subprocess.run([*WEIR, "train", "--home", str(trained)], check=True)
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(trained, home)
    return home
