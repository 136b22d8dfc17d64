"""What models are fitted on: labels of simulated incidents, sentences where there is nothing, and who is fitted again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from platform_assets.cli.run import train
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.definitions import build_defs
from platform_assets.domains.anomaly.training import with_incidents
from platform_assets.domains.learning.assets import keys_of
from platform_assets.settings import Settings
from platform_assets.training.models import _shown, fit_and_register, training_examples
from platform_assets.training.sets import TrainingError, training_sets
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.errors import exit_code_of
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN
from spark_jobs.storage.schema import arrow_schema
from weir_models import registry
from weir_models.contract import Evaluation

START = datetime(2026, 11, 16, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def test_a_step_that_an_incident_overlaps_with_is_one_and_a_deploy_is_none() -> None:
    rows = pd.DataFrame({"cluster_id": ["a"] * 4 + ["b"], "event_at": [at(0), at(5), at(10), at(15), at(5)]})
    incidents = pd.DataFrame(
        {
            "cluster_id": ["a", "a"],
            "kind": ["outage", "deploy"],
            "start_at": [at(4), at(15)],
            "end_at": [at(10), at(20)],
        }
    )
    found = with_incidents(rows, incidents)
    assert found["is_incident"].tolist() == [True, True, False, False, False]
    assert found["incident_kind"].tolist() == ["outage", "outage", None, "deploy", None]


def test_every_model_has_its_training_set_and_its_inputs_are_columns_of_it() -> None:
    assert set(training_sets()) == set(registry.names())
    names = list(training_sets())
    assert names.index("request_attack") < names.index("client_abuse"), "clients are labeled by the scores of requests"
    for training in training_sets().values():
        assert set(training.inputs) <= set(training.table.column_names)
        assert (training.rows is None) == (training.table.layer != "training")


def test_a_fit_reads_the_newest_days_of_some_series(home: Settings) -> None:
    training = replace(training_sets()["predictive_scaling"], newest_days=2, most_series=("cluster_id", 3))
    zeros = {"boolean": False, "int64": 0, "list<string>": []}
    row = {column.name: zeros.get(column.type) for column in CLUSTER_5MIN.columns}
    start = datetime(2026, 11, 1, tzinfo=UTC)
    rows = [
        {**row, "cluster_id": f"c{number}", "event_at": at, HOUR_COLUMN: format_hour(at)}
        for at in (start + timedelta(hours=hour) for hour in range(100))
        for number in range(7)
    ]
    lake = lake_of(home)
    lake.overwrite_arrow(pa.Table.from_pylist(rows, arrow_schema(CLUSTER_5MIN, with_hour=True)), CLUSTER_5MIN)
    examples = training_examples(lake, training)
    assert sorted(examples["cluster_id"].unique()) == ["c0", "c2", "c4"] and len(examples) == 3 * 48
    assert len(training_examples(lake, replace(training, newest_days=None, most_series=None))) == 700


def test_a_model_without_rows_and_one_that_there_is_not_end_in_a_sentence(home: Settings) -> None:
    with pytest.raises(TrainingError) as no_rows:
        fit_and_register(home, "predictive_scaling")
    assert str(no_rows.value).startswith(
        "features/metrics/cluster_5min holds no rows that predictive_scaling could be fitted on; run `weir run"
    )
    with pytest.raises(
        TrainingError, match=r"There is no model tea; choose from .*request_attack, client_abuse"
    ) as error:
        train(home, names=["tea"])
    assert exit_code_of(error.value) == 3


@pytest.mark.parametrize(
    ("locations", "fitted"),
    [
        ({}, set()),
        ({"cloudfront_raw": "s3://a"}, {"request_attack", "client_abuse"}),
        ({"metrics_raw": "s3://a"}, {"predictive_scaling", "anomaly_detection"}),
    ],
)
def test_models_are_evaluated_where_their_source_has_a_location(
    home: Settings, locations: dict[str, str], fitted: set[str]
) -> None:
    schedule = build_defs(home, **locations).get_repository_def().get_schedule_def("evaluate_models")
    with dg.DagsterInstance.ephemeral() as instance:
        ticked = schedule.evaluate_tick(dg.build_schedule_context(instance, datetime.now(UTC)))
    keys = {key.to_user_string() for request in ticked.run_requests or () for key in request.asset_selection or ()}
    of_each = {key for name in fitted for key in keys_of(name)}
    assert keys == of_each | ({"learning/model_figures"} if fitted else set())
    assert bool(ticked.skip_message) == (not fitted)


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_predictive_scaling_is_fitted_on_the_steps_that_the_lake_holds(home: Settings) -> None:
    steps = 4 * 288
    load = 45 + 20 * np.sin(np.arange(steps) / 288 * 2 * np.pi) + np.random.default_rng(0).normal(0, 1, steps)
    rows = pd.DataFrame({"cluster_id": "shop", "event_at": [at(5 * step) for step in range(steps)]})
    rows = rows.assign(cpu_utilization=load, node_count=3.0)
    rows[HOUR_COLUMN] = rows["event_at"].dt.strftime("%Y-%m-%d-%H")
    schema = arrow_schema(CLUSTER_5MIN, with_hour=True)
    given = {name: rows[name] if name in rows else [None] * steps for name in schema.names}
    given |= {name: [False] * steps for name in schema.names if name.startswith("is_")}
    given |= {"gap_metrics": [[]] * steps, "sample_count": [1] * steps, "cpu_sample_count": [1] * steps}
    lake_of(home).overwrite_arrow(pa.Table.from_pydict(given, schema=schema), CLUSTER_5MIN)
    outcome = train(home, names=["predictive_scaling"])
    figures = outcome.metadata["models/predictive_scaling"]
    assert figures["ratio_persistence_high"] < 1 and figures["coverage"] > 0.5
    assert [name for name in figures if name.startswith("plot: ")] == ["plot: errors"]
    numbers = [name for name, value in figures.items() if isinstance(value, float)]
    assert len(numbers) == 6 and "/#/models/predictive_scaling/versions/" in figures["all figures and plots"]
    passed = not outcome.failed_checks
    assert ModelRegistry.of(home).champion("predictive_scaling") == (figures["model version"] if passed else None)


def test_a_page_shows_figures_of_four_digits(home: Settings) -> None:
    figures = {gate.figure: 0.99363057324840 for gate in registry.spec("client_abuse").gates}
    shown = _shown(home, "client_abuse", "1", Evaluation(figures=figures, tables={}, plots={}))
    assert {shown[name] for name in figures} == {0.9936}
