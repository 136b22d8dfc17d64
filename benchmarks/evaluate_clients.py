"""How good is the client model on days and attackers it was not fitted on? Prints the table; nothing is kept.

    python benchmarks/evaluate_clients.py [--fit-seeds 101 102] [--evaluate-seeds 201 202] [--scale 1.0]

Simulates days (`python -m simulator`), runs the Spark jobs on the embedded engine as the platform does, fits
client_abuse on the families that are for fitting, and measures two kinds of new days: other seeds of those families, and
families that nobody fitted. Measuring only; what is fitted for the platform comes from its own assets.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from spark_jobs.contract import Interval
from spark_jobs.lake import Lake
from spark_jobs.main import JobRun
from spark_jobs.session import spark_session
from spark_jobs.sources.cloudfront import jobs, ledger
from spark_jobs.sources.cloudfront.tables import CLIENT_EXAMPLES, OBJECTS
from weir_models import metrics, tracking
from weir_models.client_abuse import evaluation, labelling, model
from weir_models.request_attack import corpus
from weir_models.request_attack import model as request_model

FIRST_DAY = datetime(2026, 11, 20, tzinfo=UTC)
WARM_UP_HOURS = 24
"""Simulated before the day that counts, so that the trailing 24 hours hold what they hold on any later day."""
JOBS = ("requests", "client_hourly", "client_daily", "request_scores", "client_attacks")


def simulate(folder: Path, seed: int, families: str, scale: float) -> pd.DataFrame:
    """One simulated day after its warm-up, on a date of its own, below `folder`; returns the truth about its clients."""
    start = FIRST_DAY + timedelta(days=2 * seed) - timedelta(hours=WARM_UP_HOURS)
    hours = WARM_UP_HOURS + 24
    command = [
        sys.executable, "-m", "simulator", "--out", str(folder), "--start", f"{start:%Y-%m-%dT%H}", "--hours", str(hours),
        "--seed", str(seed), "--scale", str(scale), "--families", families,
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[1])
    return pd.read_parquet(folder / "truth" / "clients.parquet")


def client_frame(raw: Path, lake: Lake, model_dir: Path) -> pd.DataFrame:
    """The logs below `raw` -> rows as the client model reads them, by the platform's own jobs."""
    listed = [
        {
            "source_object": str(path),
            "etag": hashlib.md5(path.read_bytes()).hexdigest(),
            "size_bytes": path.stat().st_size,
            "modified_at": datetime.fromtimestamp(path.stat().st_mtime, UTC),
        }
        for path in sorted(raw.rglob("*"))
        if path.is_file()
    ]
    known = ledger.with_listed(lake.read_arrow(OBJECTS), listed, datetime.now(UTC))
    lake.overwrite_arrow(known, OBJECTS)
    hours = sorted({hour for row in known.to_pylist() for hour in row["event_hours"]})
    parameters = {"model_dir": str(model_dir), "model_name": "request_attack", "model_version": "0"}
    run = JobRun(spark_session("sail"), lake, Interval.spanning(hours[0], hours[-1]), parameters, tasks=2)
    for name in JOBS:
        getattr(jobs, name)(run)
    frame: pd.DataFrame = jobs.client_frame(run).toPandas()
    frame["hour_at"] = pd.to_datetime(frame["hour_at"], utc=True)
    return frame[frame["hour_at"] >= frame["hour_at"].min() + timedelta(hours=WARM_UP_HOURS)].reset_index(drop=True)


@dataclass(frozen=True)
class Day:
    """A simulated day: labelled examples, every row as the platform scores it, and the truth."""

    examples: pd.DataFrame
    rows: pd.DataFrame
    truth: pd.DataFrame


def simulated_day(seed: int, families: str, split: str, scale: float, model_dir: Path) -> Day:
    """One day of the simulator through the platform's own jobs."""
    with tempfile.TemporaryDirectory() as scratch:
        truth = simulate(Path(scratch) / "world", seed, families, scale)
        rows = client_frame(Path(scratch) / "world" / "raw", Lake(f"{scratch}/lake"), model_dir)
    examples = labelling.label(rows, truth, split)
    print(
        f"  seed {seed}, families {families}: {len(examples):,} rows of {examples['client'].nunique():,} clients, "
        f"{examples.attrs['dropped']} rows without truth",
        flush=True,
    )
    return Day(examples[list(CLIENT_EXAMPLES.column_names)], rows, truth)


def show(title: str, fitted: model.ClientAbuse, days: Sequence[Day]) -> None:
    """Print the figures of some days."""
    examples = pd.concat([day.examples for day in days], ignore_index=True)
    measured = model.evaluate(fitted, examples)
    figures = measured.figures
    print(
        f"\n## {title}: {figures['n_abusive']:,.0f} abusive and {figures['n_benign']:,.0f} benign clients, each of one day"
    )
    for name in ("", "address_", "network_", "naive_aws_", "naive_any_attack_", "naive_either_"):
        rates = "   ".join(f"{rate} {_rate(figures, name + rate)}" for rate in ("precision", "recall"))
        print(f"{name.strip('_') or 'model':17s} {rates}   F1 {figures[name + 'f1']:.3f}")
    clients = evaluation.by_client(examples, fitted.predict(examples))
    alone = clients[clients["is_abuse"] & (clients["abuse_kind"] != "rotation")]
    print(f"without rotation  recall {_rate(metrics.rate_figures('recall', alone['flagged']), 'recall')}")
    print(
        f"PR-AUC {figures['pr_auc']:.4f}; hours to detect: median {figures['hours_to_detect_median']:.0f}, 90th percentile "
        f"{figures['hours_to_detect_p90']:.0f}; by the end of the first hour {_rate(figures, 'detected_in_first_hour')}; "
        f"kind agrees {_rate(figures, 'kind_agreement')}"
    )
    with pd.option_context("display.width", 160, "display.max_rows", 200, "display.float_format", "{:.3f}".format):
        print(measured.tables["by_kind"].to_string(index=False))
        families = measured.tables["by_family"]
        wrong = families[families["is_abuse"].astype(bool) != (families["flagged"] == 1)]
        wrong = wrong[wrong["flagged"].gt(0) | wrong["is_abuse"].astype(bool)]
        print("families that are not all right:", wrong.to_string(index=False), sep="\n")
        _show_never_block(clients, days)
    _show_collateral(fitted, days)


def _show_never_block(clients: pd.DataFrame, days: Sequence[Day]) -> None:
    """By family: clients that must never be blocked, how many are flagged, how near the nearest comes."""
    spared = pd.concat([day.truth.loc[day.truth["never_block"], "client"] for day in days])
    kept = clients[clients["client"].isin(set(spared)) & ~clients["is_abuse"]]
    table = kept.groupby("family").agg(
        clients=("client", "size"),
        flagged_itself=("flagged_itself", "sum"),
        flagged=("flagged", "sum"),
        highest=("abuse_probability", "max"),
    )
    print(f"never to be blocked: {kept['flagged_itself'].sum()} of {len(kept)} flagged, the nearest families:")
    print(table.reset_index().sort_values("highest", ascending=False).head(12).to_string(index=False))


def _show_collateral(fitted: model.ClientAbuse, days: Sequence[Day]) -> None:
    """Networks without a label, for abusers and others share them: what a flag on them reaches."""
    networks = innocent = guilty = 0
    for day in days:
        rows = day.rows[(day.rows["client_kind"] == "network") & ~day.rows["client"].isin(set(day.truth["client"]))]
        flagged = set(rows.loc[fitted.predict(rows)["is_abuse"].to_numpy(), "client"])
        seen = day.truth[day.truth["client"].isin(set(day.rows["client"])) & (day.truth["client_kind"] == "address")]
        inside = seen[seen["client"].map(evaluation.network_of).isin(flagged)]
        networks, guilty = networks + len(flagged), guilty + int(inside["is_abuse"].sum())
        innocent += int((~inside["is_abuse"]).sum())
    print(
        f"mixed networks, not counted above: {networks} flagged, with {guilty} abusive and {innocent} innocent addresses"
    )


def _rate(figures: Any, name: str) -> str:
    return f"{100 * figures[name]:6.2f} % [{100 * figures[name + '_low']:.1f}, {100 * figures[name + '_high']:.1f}] n={figures['n_' + name]:.0f}"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit-seeds", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--calibrate-seeds", type=int, nargs="+", default=[151])
    parser.add_argument("--evaluate-seeds", type=int, nargs="+", default=[201, 202])
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        print("request model: fitted on its own corpus", flush=True)
        model_dir = tracking.save_dir(request_model.fit(corpus.generate(0)), Path(scratch) / "request_attack")

        def days(seeds: Sequence[int], families: str, split: str) -> list[Day]:
            return [simulated_day(seed, families, split, given.scale, model_dir) for seed in seeds]

        fitting = days(given.fit_seeds, "fit", "fit") + days(given.calibrate_seeds, "fit", "calibrate")
        other_seeds = days(given.evaluate_seeds, "fit", "evaluate")
        other_families = days([seed + 1000 for seed in given.evaluate_seeds], "held_out", "evaluate")
    started = time.perf_counter()
    fitted = model.fit(pd.concat([day.examples for day in fitting], ignore_index=True))
    print(f"client model: fitted in {time.perf_counter() - started:.1f} s, threshold {fitted.threshold_:.4f}")
    show("other seeds, families of the fit", fitted, other_seeds)
    show("families that were held out", fitted, other_families)


if __name__ == "__main__":
    main(sys.argv[1:])
