"""Simulated days, and log files of other origin, through the platform's own Spark jobs: rows as the client model reads them."""

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
from spark_jobs.incremental import ledger
from spark_jobs.main import JobRun
from spark_jobs.runtime.session import spark_session
from spark_jobs.sources.cloudfront import jobs
from spark_jobs.sources.cloudfront.layouts import name_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_EXAMPLES, OBJECTS
from spark_jobs.storage.lake import Lake
from weir_models.client_abuse import labeling

FIRST_DAY = datetime(2026, 11, 20, tzinfo=UTC)
WARM_UP_HOURS = 24
"""Simulated before the measured day, so that the trailing 24 hours are as full as on any later day."""
JOBS = ("requests", "client_hourly", "client_daily", "request_scores", "client_attacks")


@dataclass(frozen=True)
class Day:
    """A simulated day: its number, its labeled examples, all rows from the warm-up on, and the truth."""

    seed: int
    examples: pd.DataFrame
    rows: pd.DataFrame
    truth: pd.DataFrame

    @property
    def is_warm_up(self) -> pd.Series:
        """Of each row: whether it lies before the measured day."""
        return self.rows["hour_at"] < self.examples["hour_at"].min().floor("D")


def client_frame(raw: Path, scratch: str, model_dir: Path) -> pd.DataFrame:
    """The logs below `raw` -> rows as the client model reads them; the lake is a folder of `scratch`."""
    lake = Lake(f"{scratch}/lake")
    listed = [asdict(item) for item in list_objects(str(raw))]
    objects = ledger.with_listed(lake.read_arrow(OBJECTS), listed, datetime.now(UTC), name_hour)
    lake.overwrite_arrow(objects, OBJECTS)
    hours = sorted({hour for row in objects.to_pylist() for hour in row["event_hours"]})
    parameters = {"model_dir": str(model_dir), "model_name": "request_attack", "model_version": "0"}
    run = JobRun(spark_session("sail"), lake, Interval.spanning(hours[0], hours[-1]), parameters, tasks=2)
    for name in JOBS:
        getattr(jobs, name)(run)
    frame: pd.DataFrame = jobs.client_frame(run).toPandas()
    frame["hour_at"] = pd.to_datetime(frame["hour_at"], utc=True)
    return frame


def simulated_day(seed: int, families: str, split: str, scale: float, model_dir: Path, site: str = "shop") -> Day:
    """One day of a site after its warm-up, on a date of its own; the examples are of the day alone."""
    day = FIRST_DAY + timedelta(days=2 * seed)
    start = day - timedelta(hours=WARM_UP_HOURS)
    with tempfile.TemporaryDirectory() as scratch:
        world = Path(scratch) / "world"
        options = ["--start", f"{start:%Y-%m-%dT%H}", "--hours", str(WARM_UP_HOURS + 24), "--families", families]
        options += ["--site", site]
        command = ["-m", "simulator", "--out", str(world), "--seed", str(seed), "--scale", str(scale), *options]
        root = Path(__file__).parents[2]
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, cwd=root)
        truth = pd.read_parquet(world / "truth" / "clients.parquet")
        rows = client_frame(world / "raw", scratch, model_dir)
    examples = labeling.label(rows[rows["hour_at"] >= day].reset_index(drop=True), truth, split)
    return Day(seed, examples[list(CLIENT_EXAMPLES.column_names)], rows, truth)
