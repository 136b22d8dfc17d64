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
from weir_models import tracking
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
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
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


def labelled_day(
    seed: int, families: str, split: str, scale: float, model_dir: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A simulated day as labelled examples, with its truth."""
    with tempfile.TemporaryDirectory() as scratch:
        truth = simulate(Path(scratch) / "world", seed, families, scale)
        frame = client_frame(Path(scratch) / "world" / "raw", Lake(f"{scratch}/lake"), model_dir)
    examples = labelling.label(frame, truth, split)
    print(
        f"  seed {seed}, families {families}: {len(examples):,} rows of {examples['client'].nunique():,} clients, {examples.attrs['dropped']} rows without truth",
        flush=True,
    )
    return examples[list(CLIENT_EXAMPLES.column_names)], truth


def never_block(examples: pd.DataFrame, scores: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """By family: clients that must never be blocked, how many are flagged, and how near the nearest comes."""
    clients = evaluation.by_client(examples, scores)
    clients = clients[clients["client"].isin(truth.loc[truth["never_block"], "client"])]
    table = clients.groupby("family").agg(
        clients=("client", "size"), flagged=("flagged", "sum"), highest=("abuse_probability", "max")
    )
    return table.reset_index()


def show(title: str, fitted: model.ClientAbuse, days: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> None:
    """Print the figures of some days."""
    examples = pd.concat([day for day, _ in days], ignore_index=True)
    truth = pd.concat([found for _, found in days], ignore_index=True)
    measured = model.evaluate(fitted, examples)
    figures = measured.figures
    print(
        f"\n## {title}: {figures['n_abusive']:,.0f} abusive and {figures['n_benign']:,.0f} benign clients, each of one day"
    )
    for name in ("", "naive_aws_", "naive_any_attack_", "naive_either_", "address_", "network_"):
        print(
            f"{name or 'model':18s} precision {_rate(figures, name + 'precision')}   recall {_rate(figures, name + 'recall')}   F1 {figures[name + 'f1']:.3f}"
        )
    print(
        f"PR-AUC {figures['pr_auc']:.4f}; flagged in its first hour {_rate(figures, 'detected_in_first_hour')}, median {figures['hours_to_detect_median']:.0f} h, 90th percentile {figures['hours_to_detect_p90']:.0f} h; kind agrees {_rate(figures, 'kind_agreement')}"
    )
    with pd.option_context("display.width", 160, "display.max_rows", 200, "display.float_format", "{:.3f}".format):
        print(measured.tables["by_kind"].to_string(index=False))
        print(measured.tables["by_family"].to_string(index=False))
        print("never to be blocked:")
        print(never_block(examples, fitted.predict(examples), truth).to_string(index=False))


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

        def days(seeds: Sequence[int], families: str, split: str) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
            return [labelled_day(seed, families, split, given.scale, model_dir) for seed in seeds]

        fitting = days(given.fit_seeds, "fit", "fit") + days(given.calibrate_seeds, "fit", "calibrate")
        other_seeds = days(given.evaluate_seeds, "fit", "evaluate")
        other_families = days([seed + 1000 for seed in given.evaluate_seeds], "held_out", "evaluate")
    started = time.perf_counter()
    fitted = model.fit(pd.concat([day for day, _ in fitting], ignore_index=True))
    print(f"client model: fitted in {time.perf_counter() - started:.1f} s, threshold {fitted.threshold_:.4f}")
    show("other seeds, families of the fit", fitted, other_seeds)
    show("families that were held out", fitted, other_families)


if __name__ == "__main__":
    main(sys.argv[1:])
