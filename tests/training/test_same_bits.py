"""The same examples and seed give the same model, bit for bit, in another process with other hashes and threads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from platform_assets.training.models import fitted
from platform_assets.training.sets import training_sets
from weir_models import saved_model, shipped
from weir_models.request_attack import corpus

ROOT = Path(__file__).parents[2]
START = "2026-11-16"


def requests() -> pd.DataFrame:
    return corpus.generate(3, 1_500)


def clients() -> pd.DataFrame:
    """The shipped example's clients over and over, their counts scaled by noise, abusive where they are scaled up."""
    random, example = np.random.default_rng(3), shipped.read("client_abuse").input_example
    rows = pd.concat([example] * 60, ignore_index=True)
    rows["is_abuse"] = random.random(len(rows)) < 0.4
    for name in rows.select_dtypes("number").columns:
        scale = np.where(rows["is_abuse"], 2.0, 1.0) * random.uniform(0.2, 2.0, len(rows))
        rows[name] = (rows[name] * scale).astype(rows[name].dtype)
    rows["abuse_kind"] = rows["is_abuse"].map({True: "scanner", False: None})
    rows["family"] = [f"family {number % 12}" for number in range(len(rows))]
    rows["split"] = np.repeat(["fit", "calibrate", "evaluate"], len(rows) // 3)
    rows["hour_at"] = pd.date_range(START, periods=len(rows), freq="10min", tz="UTC")
    rows["client"] = [f"203.0.{number // 250}.{number % 250}/32" for number in range(len(rows))]
    return rows.reindex(columns=list(training_sets()["client_abuse"].table.column_names))


def load(days: int) -> pd.Series:
    steps = np.arange(days * 288)
    noise = np.random.default_rng(0).normal(0, 1, len(steps))
    return pd.Series(45 + 20 * np.sin(steps / 288 * 2 * np.pi) + noise)


def steps() -> pd.DataFrame:
    at = pd.date_range(START, periods=4 * 288, freq="5min", tz="UTC")
    return pd.DataFrame({"cluster_id": "shop", "event_at": at, "cpu_utilization": load(4), "node_count": 3.0})


def incidents() -> pd.DataFrame:
    parts = []
    for split, first in (("fit", 900), ("evaluate", 1_000)):
        rows = steps().assign(cluster_id=f"{split}-shop", split=split, incident_kind=None)
        rows = rows.assign(is_incident=rows.index.isin(range(first, first + 60)))
        parts.append(rows.assign(cpu_utilization=rows["cpu_utilization"] + 20 * rows["is_incident"]))
    columns = list(training_sets()["anomaly_detection"].table.column_names)
    return pd.concat(parts, ignore_index=True).reindex(columns=columns)


EXAMPLES = {
    "request_attack": requests,
    "client_abuse": clients,
    "predictive_scaling": steps,
    "anomaly_detection": incidents,
}


def digest(name: str) -> str:
    """SHA-256 of a model fitted by the path that every fit takes, as it is saved."""
    candidate = fitted(name, training_sets()[name], EXAMPLES[name](), {})
    with tempfile.TemporaryDirectory() as folder:
        saved_model.save_dir(candidate.model, Path(folder))
        shipped.write_same_bytes(Path(folder) / shipped.MODEL)
        return hashlib.sha256((Path(folder) / shipped.MODEL).read_bytes()).hexdigest()


def test_every_model_is_fitted_twice() -> None:
    assert EXAMPLES.keys() == training_sets().keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_examples_and_seed_give_the_same_bits(name: str) -> None:
    found = set()
    for seed, threads in (("1", "1"), ("2", "2")):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", f"from tests.training.test_same_bits import digest; print(digest({name!r}))"],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found.add(done.stdout.split()[-1])
    assert len(found) == 1
