"""The folder of the benchmarks, and in it a home with the champions that Weir ships, which is copied for each run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

WEIR = (sys.executable, "-c", "from platform_assets.cli.app import main; main()")
REGISTER = """
import sys
from platform_assets.cli.run import default_models
from platform_assets.core.instance import prepare_home
from platform_assets.settings import load_settings
from platform_assets.training.models import register
from weir_models import shipped
settings = load_settings(sys.argv[1])
prepare_home(settings)
for name in default_models():
    register(settings, name, shipped.read(name))
"""
"""In a process of its own, so that what MLflow imports counts nowhere."""


def bench_home() -> Path:
    """The folder that BENCH_HOME names, absolute; without it .weir/bench."""
    return Path(os.environ.get("BENCH_HOME", ".weir/bench")).absolute()


def with_champions(home: Path) -> Path:
    """A new home at `home` with the champions of the edge; what was there is removed."""
    registered = bench_home() / "registered"
    if not (registered / "ready").exists():
        shutil.rmtree(registered, ignore_errors=True)
        subprocess.run([sys.executable, "-W", "ignore", "-c", REGISTER, str(registered)], check=True)
        (registered / "ready").touch()
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(registered, home)
    return home
