"""Simulated days, and log files of other origin, through the platform's own Spark jobs: rows as the client model reads them.

What is measured on them is in evaluate_clients.py.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from platform_assets.ingest.objects import list_objects
from spark_jobs.contract import Interval
from spark_jobs.main import JobRun
from spark_jobs.runtime.session import spark_session
from spark_jobs.sources.cloudfront import jobs, ledger
from spark_jobs.sources.cloudfront.tables import CLIENT_EXAMPLES, OBJECTS
from spark_jobs.storage.lake import Lake
from weir_models.client_abuse import labeling

FIRST_DAY = datetime(2026, 11, 20, tzinfo=UTC)
WARM_UP_HOURS = 24
"""Simulated before the day that counts, so that the trailing 24 hours hold what they hold on any later day."""
JOBS = ("requests", "client_hourly", "client_daily", "request_scores", "client_attacks")


@dataclass(frozen=True)
class Day:
    """A simulated day: its number, labelled examples of the day, every row from the warm-up on, and the truth."""

    seed: int
    examples: pd.DataFrame
    rows: pd.DataFrame
    truth: pd.DataFrame


def simulate(folder: Path, start: datetime, hours: int, seed: int, families: str, scale: float) -> pd.DataFrame:
    """So many hours of the simulator below `folder`; returns the truth about their clients."""
    command = [
        sys.executable, "-m", "simulator", "--out", str(folder), "--start", f"{start:%Y-%m-%dT%H}", "--hours", str(hours),
        "--seed", str(seed), "--scale", str(scale), "--families", families,
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[1])
    return pd.read_parquet(folder / "truth" / "clients.parquet")


def client_frame(raw: Path, lake: Lake, model_dir: Path) -> pd.DataFrame:
    """The logs below `raw` -> rows as the client model reads them."""
    listed = [asdict(one) for one in list_objects(str(raw))]
    known = ledger.with_listed(lake.read_arrow(OBJECTS), listed, datetime.now(UTC))
    lake.overwrite_arrow(known, OBJECTS)
    hours = sorted({hour for row in known.to_pylist() for hour in row["event_hours"]})
    parameters = {"model_dir": str(model_dir), "model_name": "request_attack", "model_version": "0"}
    run = JobRun(spark_session("sail"), lake, Interval.spanning(hours[0], hours[-1]), parameters, tasks=2)
    for name in JOBS:
        getattr(jobs, name)(run)
    frame: pd.DataFrame = jobs.client_frame(run).toPandas()
    frame["hour_at"] = pd.to_datetime(frame["hour_at"], utc=True)
    return frame


def simulated_day(
    seed: int, families: str, split: str, scale: float, model_dir: Path, warm_up_hours: int = WARM_UP_HOURS
) -> Day:
    """One day after its warm-up, on a date of its own; the examples are of the day alone."""
    start = FIRST_DAY + timedelta(days=2 * seed) - timedelta(hours=warm_up_hours)
    with tempfile.TemporaryDirectory() as scratch:
        truth = simulate(Path(scratch) / "world", start, warm_up_hours + 24, seed, families, scale)
        rows = client_frame(Path(scratch) / "world" / "raw", Lake(f"{scratch}/lake"), model_dir)
    of_day = rows[rows["hour_at"] >= start + timedelta(hours=warm_up_hours)]
    examples = labeling.label(of_day.reset_index(drop=True), truth, split)
    print(
        f"  seed {seed}, families {families}: {len(examples):,} rows of {examples['client'].nunique():,} clients, "
        f"{examples.attrs['dropped']} rows without truth",
        file=sys.stderr,
        flush=True,
    )
    return Day(seed, examples[list(CLIENT_EXAMPLES.column_names)], rows, truth)
