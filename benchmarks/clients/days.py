"""Simulated days, and log files of other origin, through the platform's own Spark jobs: rows as the client model reads them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from platform_assets.domains.waf.decide.alone import Alone, attacks_alone, diluted
from platform_assets.domains.waf.decide.browsing import Browsing
from platform_assets.domains.waf.decide.campaigns import Campaign, campaigns_of
from platform_assets.domains.waf.decide.client import may_browse
from platform_assets.domains.waf.decide.echo import EchoHours
from platform_assets.domains.waf.decide.lone import Lone, attackers, lone_of
from platform_assets.domains.waf.decide.pages import PagesRead
from platform_assets.domains.waf.decide.repeats import Repeat, repeats_of
from platform_assets.domains.waf.decide.seen import browsing_of, seen_day
from platform_assets.domains.waf.decide.window import RequestHours
from platform_assets.domains.waf.policy import load_policy
from platform_assets.domains.waf.rulebook import Echo
from platform_assets.ingest.objects import list_objects
from spark_jobs.contract import Interval, format_hour
from spark_jobs.incremental import ledger
from spark_jobs.main import JobRun
from spark_jobs.runtime.session import spark_session
from spark_jobs.sources.cloudfront import jobs
from spark_jobs.sources.cloudfront.layouts import name_hour
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from spark_jobs.sources.cloudfront.tables import CLIENT_EXAMPLES, OBJECTS
from spark_jobs.storage.lake import Lake
from weir_models.client_abuse import labeling

FIRST_DAY = datetime(2026, 11, 20, tzinfo=UTC)
WARM_UP_HOURS = 24
"""Simulated before the measured day, so that the trailing 24 hours are as full as on any later day."""
JOBS = ("requests", "client_hourly", "client_daily", "request_scores", "client_attacks")


@dataclass(frozen=True)
class Day:
    """A simulated day: its number, its labeled examples, all rows from the warm-up on, the truth, and who browsed when."""

    seed: int
    examples: pd.DataFrame
    rows: pd.DataFrame
    truth: pd.DataFrame
    browsing: Mapping[datetime, Mapping[str, Browsing]] = field(default_factory=dict)
    """Start of an hour -> client -> what its requests show."""
    alone: Mapping[datetime, Mapping[str, Alone]] = field(default_factory=dict)
    """Start of an hour -> address -> its certain attacks alone."""
    lone: Mapping[datetime, Mapping[str, Lone]] = field(default_factory=dict)
    """Start of an hour -> address -> its attack requests that count by themselves."""
    campaigns: Mapping[datetime, Sequence[Campaign]] = field(default_factory=dict)
    repeats: Mapping[datetime, Sequence[Repeat]] = field(default_factory=dict)

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
    parameters: dict[str, Any] = {"model_dir": str(model_dir), "model_name": "request_attack", "model_version": "0"}
    parameters["latest_event"] = ParseOptions.latest_event  # simulated days lie after the wall clock
    run = JobRun(spark_session("sail"), lake, Interval.spanning(hours[0], hours[-1]), parameters, tasks=2)
    for name in JOBS:
        getattr(jobs, name)(run)
    frame: pd.DataFrame = jobs.client_frame(run).toPandas()
    frame["hour_at"] = pd.to_datetime(frame["hour_at"], utc=True)
    return frame


def browsing_by_hour(lake: Lake, rows: pd.DataFrame) -> dict[datetime, dict[str, Browsing]]:
    """What decisions of each hour see of the clients that attacked or failed to sign in; nobody is under a block."""
    rules, nobody = load_policy().rules, EchoHours.of([], Echo())
    harmful = rows[(rows["day_attack_request_count"] > 0) | (rows["day_sign_in_failure_count"] > 0)]
    browsing, kept = {}, RequestHours(lake)
    for hour, of_hour in harmful.groupby("hour_at"):
        records = of_hour.to_dict("records")
        clients = [
            row["client"] for row in records if may_browse(day_columns(row), row["day_attack_request_count"], rules)
        ]
        start = hour.to_pydatetime()
        kept.begin(format_hour(start))
        if clients:
            browsing[start] = browsing_of(seen_day(kept, format_hour(start), clients, nobody, rules), clients, rules)
    return browsing


Attacks = tuple[
    dict[datetime, dict[str, Alone]],
    dict[datetime, dict[str, Lone]],
    dict[datetime, list[Campaign]],
    dict[datetime, list[Repeat]],
]


def attacks_by_hour(lake: Lake, rows: pd.DataFrame) -> Attacks:
    """The attacks that decisions of each hour judge apart: certain ones, lone ones, campaigns, repeats; nobody is under a block."""
    rules, nobody = load_policy().rules, EchoHours.of([], Echo())
    alone, lone, campaigns, repeats, kept = {}, {}, {}, {}, RequestHours(lake)
    for start in (hour.to_pydatetime() for hour in sorted(rows["hour_at"].unique())):
        hour = format_hour(start)
        kept.begin(hour)
        few, attacking = diluted(kept, hour, nobody, rules), attackers(kept, hour, nobody, rules, ())
        if few or attacking:
            day = seen_day(kept, hour, {*few, *attacking}, nobody, rules)
            alone[start] = attacks_alone(hour, day, few, rules)
            lone[start] = lone_of(hour, day, attacking, rules)
        campaigns[start] = campaigns_of(kept, hour, nobody, rules)
        repeats[start] = repeats_of(kept, hour, nobody, rules)
    return alone, lone, campaigns, repeats


def with_pages_read(lake: Lake, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with as many different pages as decisions see."""
    volume, kept = load_policy().rules.volume, RequestHours(lake)
    pages_read = PagesRead(lake, volume)
    many = rows[rows["day_distinct_page_count"] >= volume.min_pages]
    for start, of_hour in many.groupby("hour_at"):
        hour = format_hour(start.to_pydatetime())
        kept.begin(hour)
        bounded = pages_read.bounded(kept, hour, [day_columns(row) for row in of_hour.to_dict("records")])
        rows.loc[of_hour.index, "day_distinct_page_count"] = [row["distinct_page_count"] for row in bounded]
    return rows


def day_columns(row: dict[str, Any]) -> dict[str, Any]:
    """The row of client_daily in a row of the client frame."""
    columns = {name.removeprefix("day_"): value for name, value in row.items() if name.startswith("day_")}
    return {"client": row["client"], "hour_at": row["hour_at"], **columns}


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
        lake = Lake(f"{scratch}/lake")
        rows = with_pages_read(lake, rows)
        browsing, apart = browsing_by_hour(lake, rows), attacks_by_hour(lake, rows)
    examples = labeling.label(rows[rows["hour_at"] >= day].reset_index(drop=True), truth, split)
    return Day(seed, examples[list(CLIENT_EXAMPLES.column_names)], rows, truth, browsing, *apart)
