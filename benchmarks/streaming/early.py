"""Whom early decisions would act on: simulated days of all sites, streamed minute by minute, against the simulator's truth.

    python -m benchmarks.streaming.early [--sites media_live,json_api] [--scale 0.3] [--document docs/streaming.md]

Each site's logs are parsed and scored by the jobs of batch with the request model that ships; the windows are those of the stream,
and what is known of an address is that of the hour before.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.clients.days import FIRST_DAY
from benchmarks.clients.sites import site_names
from benchmarks.evaluation import write_section
from platform_assets.domains.waf.early.decide import COLUMNS_OF_BOUNDS, Bounds, early_decisions, thresholds_of
from platform_assets.domains.waf.policy import load_policy
from platform_assets.ingest.objects import list_objects
from simulator.sites import all_sites
from spark_jobs.contract import HOUR_COLUMN, Interval, format_hour
from spark_jobs.incremental import ledger
from spark_jobs.main import JobRun
from spark_jobs.runtime.session import spark_session
from spark_jobs.sources.cloudfront import jobs, windows
from spark_jobs.sources.cloudfront.layouts import name_hour
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from spark_jobs.sources.cloudfront.tables import CLIENT_DAILY, OBJECTS, REQUEST_SCORES, REQUESTS
from spark_jobs.sources.cloudfront.windows import Windows, step
from spark_jobs.storage.lake import Lake
from weir_models.cards import markdown_table

SECTION, COMMAND = "early", "make eval-early"
HOURS, SEED, STEP_SECONDS = 24, 301, 10
FOLDER = Path(__file__).parents[2] / "mlflow" / "weir_models" / "request_attack" / "champion"


def tables_of(site: str, scale: float, scratch: str) -> tuple[Lake, pd.DataFrame]:
    """A lake with a simulated day of a site, and its truth."""
    out = Path(scratch) / site
    command = [
        sys.executable,
        "-m",
        "simulator",
        "--out",
        str(out),
        "--start",
        f"{FIRST_DAY:%Y-%m-%dT%H}",
        "--site",
        site,
    ]
    command += ["--hours", str(HOURS), "--scale", str(scale), "--seed", str(SEED)]
    subprocess.run(command, check=True, capture_output=True)
    lake = Lake(f"{scratch}/lake-{site}")
    listed = [asdict(item) for item in list_objects(str(out / "raw"))]
    objects = ledger.with_listed(lake.read_arrow(OBJECTS), listed, datetime.now(UTC), name_hour)
    lake.overwrite_arrow(objects, OBJECTS)
    hours = sorted({hour for row in objects.to_pylist() for hour in row["event_hours"]})
    parameters: dict[str, Any] = {"model_dir": str(FOLDER), "model_name": "request_attack", "model_version": "0"}
    parameters["latest_event"] = ParseOptions.latest_event  # simulated days may lie after the wall clock
    run = JobRun(spark_session("sail"), lake, Interval.spanning(hours[0], hours[-1]), parameters, tasks=2)
    for name in ("requests", "client_hourly", "client_daily", "request_scores"):
        getattr(jobs, name)(run)
    return lake, pd.read_parquet(out / "truth" / "clients.parquet")


def early_of(lake: Lake) -> dict[str, str]:
    """Address -> the strongest early action of the day."""
    rules = load_policy().rules
    requests = lake.read_arrow(REQUESTS, columns=list(windows.COLUMNS))
    scores = lake.read_arrow(REQUEST_SCORES, columns=list(windows.SCORE_COLUMNS))
    daily = lake.read_arrow(CLIENT_DAILY, columns=[*COLUMNS_OF_BOUNDS, HOUR_COLUMN]).to_pylist()
    by_hour: dict[str, dict[str, Any]] = {}
    for row in daily:
        by_hour.setdefault(row[HOUR_COLUMN], {})[row["client"]] = row
    evidence = sorted(windows.evidence_of(requests, scores, rules.early.min_probability))
    kept, actions = Windows(), dict[str, str]()
    for at, portion in groupby(evidence, key=lambda one: one.at // STEP_SECONDS):
        kept, reached = step(kept, portion, thresholds_of(rules))
        now = datetime.fromtimestamp(at * STEP_SECONDS, UTC) + timedelta(seconds=STEP_SECONDS)
        known = by_hour.get(format_hour(now - timedelta(hours=1)), {})
        for decision in early_decisions(reached, now, rules, (), Bounds(known)):
            if actions.get(decision.address) != "block":
                actions[decision.address] = decision.action
    return actions


def row_of(title: str, actions: dict[str, str], truth: pd.DataFrame) -> dict[str, Any]:
    """A row of the table: attackers and others by action, and how many of those that are never to be blocked."""
    clients = truth[truth["client_kind"] == "address"].set_index("client")
    counts: Counter[tuple[bool, str]] = Counter()
    protected = 0
    for address, action in actions.items():
        if address in clients.index:
            counts[bool(clients.loc[address, "is_abuse"]), action] += 1
            protected += bool(clients.loc[address, "never_block"]) and action == "block"
    abusive = int(clients["is_abuse"].sum())
    return {
        "site": title,
        "attackers": abusive,
        "of them challenged": counts[True, "challenge"],
        "blocked": counts[True, "block"],
        "others": len(clients) - abusive,
        "challenged": counts[False, "challenge"],
        "blocked wrongly": counts[False, "block"],
        "never to be blocked, blocked": protected,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", default="")
    parser.add_argument("--scale", type=float, default=0.3)
    parser.add_argument("--document", type=Path)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="weir-early-") as scratch:
        for site in site_names(arguments.sites):
            lake, truth = tables_of(site, arguments.scale, scratch)
            title = f"{site} (held out)" if all_sites()[site].held_out else site
            rows.append(row_of(title, early_of(lake), truth))
            print(rows[-1], flush=True)
    text = markdown_table(pd.DataFrame(rows))
    print(text)
    if arguments.document:
        write_section(arguments.document, SECTION, text, COMMAND)
    return 0


if __name__ == "__main__":
    sys.exit(main())
