"""A planted leak stops the real training path with one sentence that names the column, and nothing is registered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from platform_assets.cli.outcome import RunFailed
from platform_assets.cli.run import train
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.learning import retraining
from platform_assets.domains.scaling import learning as scaling_learning
from platform_assets.domains.waf import training as waf_training
from platform_assets.settings import Settings
from platform_assets.training.leaks import LeakError, LeakProbes, findings_of
from platform_assets.training.models import fit_and_register, fitted
from platform_assets.training.sets import TrainingError, training_sets
from spark_jobs.errors import ExitCode, exit_code_of
from spark_jobs.storage.schema import arrow_schema
from weir_learning.leaks import Probe
from weir_models import shipped
from weir_models.request_attack import corpus

REQUESTS, CLIENTS = training_sets()["request_attack"], training_sets()["client_abuse"]


def stored(settings: Settings, model: str, rows: pd.DataFrame) -> None:
    table = training_sets()[model].table
    data = pa.Table.from_pandas(rows, schema=arrow_schema(table), preserve_index=False)
    lake_of(settings).overwrite_arrow(data, table)


def copied(rows: pd.DataFrame) -> pd.DataFrame:
    """The label in an input."""
    return rows.assign(referer=np.where(rows["is_attack"], "https://a.example/", "https://b.example/"))


def on_both_sides(rows: pd.DataFrame) -> pd.DataFrame:
    """A family that is held out is fitted as well."""
    return pd.concat([rows, rows[rows["split"] == "evaluate"].head(50).assign(split="fit")], ignore_index=True)


@pytest.mark.parametrize(
    ("plant", "sentence"),
    [
        (copied, r"\(target in an input\): referer alone predicts .*; take referer out of the inputs"),
        (
            on_both_sides,
            r"\(entity on both sides.*\): \d+ of \d+ held-out values of family .*; give each value of family",
        ),
    ],
)
def test_a_planted_leak_in_requests_is_not_fitted(home: Settings, plant: Any, sentence: str) -> None:
    stored(home, "request_attack", plant(corpus.generate(3, 1_500)))
    with pytest.raises(LeakError, match=f"^request_attack was not fitted, .*{sentence}") as error:
        fit_and_register(home, "request_attack")
    assert exit_code_of(error.value) == ExitCode.INPUT and "\n" not in str(error.value)
    assert ModelRegistry.of(home).model("request_attack") is None


def test_fitted_clients_later_than_held_out_ones_are_not_fitted(home: Settings) -> None:
    example = shipped.read("client_abuse").input_example
    rows = pd.concat([example.assign(split=split) for split in ("fit", "calibrate", "evaluate")], ignore_index=True)
    rows = rows.reindex(columns=list(CLIENTS.table.column_names))
    rows = rows.assign(is_abuse=np.arange(len(rows)) % 2 == 0, family="shoppers", client="203.0.113.7/32")
    day = {"fit": 3, "calibrate": 1, "evaluate": 2}
    rows["hour_at"] = [datetime(2026, 1, day[split], tzinfo=UTC) for split in rows["split"]]
    stored(home, "client_abuse", rows)
    with pytest.raises(LeakError, match=r"later hour_at than the first held-out one; hold out the latest rows"):
        fit_and_register(home, "client_abuse")
    own = rows.assign(family=rows["family"].where(rows["split"] != "fit", "folder:mine"))
    late = [finding for finding in findings_of("client_abuse", CLIENTS, own) if finding.probe is Probe.LATER_ROWS]
    assert not late[0].is_leak, "the user's own days are later than any simulated one"


def test_a_retraining_on_leaking_examples_is_an_answer(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining, "training_rows", lambda *_: copied(corpus.generate(3, 1_500)))
    version, outcome = retraining.retrain(home, "request_attack", "a test")
    assert version == "" and outcome.startswith("Nothing was fitted: request_attack was not fitted, since")


def reads_ahead(model: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """A forecast that is the next step."""
    return pd.DataFrame(
        {"event_at": rows["event_at"], "predicted_cpu_utilization": rows["cpu_utilization"].shift(-1)}
    ).reset_index(drop=True)


def test_a_forecast_that_reads_ahead_is_not_fitted(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    training = training_sets()["predictive_scaling"]
    at = pd.date_range("2026-11-16", periods=300, freq="5min", tz="UTC")
    rows = pd.DataFrame({"cluster_id": "shop", "event_at": at, "cpu_utilization": np.arange(300.0), "node_count": 3.0})
    probes = LeakProbes(series="cluster_id", series_time="event_at", past=f"{__name__}:reads_ahead")
    monkeypatch.setitem(scaling_learning.LEAK_PROBES, "predictive_scaling", probes)
    (finding,) = findings_of("predictive_scaling", training, rows)
    assert finding.is_leak and finding.column == "predicted_cpu_utilization"
    monkeypatch.undo()
    (finding,) = findings_of("predictive_scaling", training, rows)
    assert not finding.is_leak


@pytest.mark.slow
def test_a_leak_is_a_failed_check_of_the_run(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    leaking = replace(REQUESTS, rows=lambda settings: copied(corpus.generate(3, 1_500)))
    monkeypatch.setitem(waf_training.TRAINING, "request_attack", leaking)
    with pytest.raises(RunFailed, match=r"^The check request_attack_leaks stopped the run: .* referer") as error:
        train(home, names=["request_attack"])
    assert exit_code_of(error.value) == ExitCode.STOPPED
    assert ModelRegistry.of(home).model("request_attack") is None


@pytest.mark.parametrize("kind", [True, False])
def test_a_set_of_one_kind_is_not_fitted(home: Settings, kind: bool) -> None:
    rows = corpus.generate(3, 600)
    stored(home, "request_attack", rows[(rows["is_attack"] == kind) | (rows["split"] == "evaluate")])
    count = int(((rows["is_attack"] == kind) & (rows["split"] != "evaluate")).sum())
    with pytest.raises(TrainingError) as error:
        fit_and_register(home, "request_attack")
    assert str(error.value) == (
        f"request_attack was not fitted, since is_attack is {str(kind).lower()} in all of its {count:,} examples to fit; add some of the other kind."
    )
    assert ModelRegistry.of(home).model("request_attack") is None


def test_a_retraining_without_examples_is_an_answer(home: Settings) -> None:
    version, outcome = retraining.retrain(home, "predictive_scaling", "a test")
    assert version == "" and outcome.startswith("Nothing was fitted: features/metrics/cluster_5min holds no rows")


def test_a_load_that_was_never_measured_is_not_fitted(home: Settings) -> None:
    rows = pd.DataFrame({"cluster_id": ["shop"], "event_at": [datetime(2026, 1, 1, tzinfo=UTC)]})
    rows = rows.assign(cpu_utilization=np.nan, node_count=3.0)
    with pytest.raises(TrainingError, match="cpu_utilization has no value in any of its 1 example; add some"):
        fitted("predictive_scaling", training_sets()["predictive_scaling"], rows, {})
