"""Shipped champions in a home: of the code as it is now, registered through the gate, and replaced by what is fitted."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from platform_assets.cli.run import Runner
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.domain import pipelines
from platform_assets.core.scheduler import stages_of
from platform_assets.definitions import build_defs
from platform_assets.settings import Settings
from platform_assets.training.champions import hash_of, makeable, recipe_of
from platform_assets.training.models import register_shipped, starts_shipped
from platform_assets.training.sets import training_sets
from weir_models import registry, shipped, tracking


def test_every_model_that_needs_no_data_of_the_user_ships() -> None:
    assert {name for name in registry.names() if shipped.is_there(name)} == set(makeable())


@pytest.mark.parametrize("name", makeable())
def test_a_shipped_champion_is_of_the_code_as_it_is(name: str) -> None:
    """What fails here was changed without `make champions`."""
    assert asdict(shipped.recipe(name)) == asdict(recipe_of(name)), "run `make champions` and commit what it writes"


@pytest.mark.slow
def test_the_generated_requests_are_those_that_it_was_fitted_on(home: Settings) -> None:
    from platform_assets.training.champions import as_stored

    training = training_sets()["request_attack"]
    assert training.rows is not None
    examples = as_stored(training, training.rows(home))
    assert hash_of(examples) == shipped.manifest("request_attack")["tags"]["examples_sha256"]


def test_own_labelled_data_is_fitted_first(home: Settings) -> None:
    assert starts_shipped(home, "request_attack") and starts_shipped(home, "client_abuse")
    logs = home.model_copy(update={"labelled_logs": "mine"})
    assert starts_shipped(logs, "request_attack") and not starts_shipped(logs, "client_abuse")
    requests = home.model_copy(update={"labelled_requests": "mine.csv"})
    assert not starts_shipped(requests, "request_attack") and not starts_shipped(requests, "client_abuse")
    assert not starts_shipped(home, "predictive_scaling"), "which is fitted on the user's metrics"


@pytest.mark.slow
def test_a_home_without_champions_gets_the_shipped_ones_through_their_gate(home: Settings) -> None:
    runner = Runner(home)
    stages = [one for one in stages_of(runner.graph, pipelines()["edge"], home) if one.kind == "models"]
    runner.fit_missing(stages)
    models = ModelRegistry.of(home)
    for name in ("request_attack", "client_abuse"):
        version, tags = tracking.champion(name, tracking_uri=home.tracking_uri) or ("", {})
        assert (version, tags["origin"], tags["gate"]) == ("1", "shipped", "passed")
        assert models.fetched(name).version == "1" and models.passed_gate(name, "1"), "signed by the home"
        candidate = shipped.read(name)
        rows = candidate.input_example
        assert models.loaded(name, "1").predict(rows).equals(candidate.model.predict(rows))
        metadata = runner.outcome.metadata[f"models/{name}"]
        assert metadata["origin"] == "shipped" and metadata["model version"] == "1"
    runner.outcome.metadata.clear()
    runner.fit_missing(stages)
    assert not runner.outcome.metadata, "they serve, so nothing is registered again"


@pytest.mark.slow
def test_a_shipped_version_that_misses_a_gate_does_not_serve(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = registry.spec("anomaly_detection")
    strict = replace(spec, gates=(replace(spec.gates[0], at_least=2.0), *spec.gates[1:]))
    monkeypatch.setattr(registry, "spec", lambda name: strict)
    version, _, sentences, passed = register_shipped(home, "anomaly_detection")
    assert not passed and "fails" in sentences[0] and version == "1"
    assert ModelRegistry.of(home).champion("anomaly_detection") is None


def test_the_asset_of_a_model_says_how_it_is_made(home: Settings) -> None:
    job = build_defs(home).resolve_implicit_global_asset_job_def()
    schema: Any = job.get_node_named("request_attack").definition.config_schema
    assert "comes with Weir" in schema.config_type.fields["is_shipped"].description
