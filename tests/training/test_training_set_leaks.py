"""The project's own training sets have no leak that the probes know, at small size; each set's split is what it says it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from platform_assets.domains.waf import training as waf_training
from platform_assets.settings import load_settings
from platform_assets.training.models import register_shipped
from platform_assets.training.sets import training_sets
from weir_learning.leaks import Finding, Outcome, Probe, probe
from weir_models import registry
from weir_models.request_attack import corpus


def fitting(name: str, score: str) -> Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]:
    """Fits the model as production does and scores the held-out rows."""
    module = registry.model_module(name)

    def fit_predict(fitted: pd.DataFrame, scored: pd.DataFrame) -> np.ndarray:
        return module.fit(fitted, seed=1).predict(scored)[score].to_numpy()

    return fit_predict


def outcomes(findings: list[Finding]) -> dict[Probe, set[Outcome]]:
    found: dict[Probe, set[Outcome]] = {}
    for finding in findings:
        found.setdefault(finding.probe, set()).add(finding.outcome)
    return found


def test_labelled_requests_have_no_leak() -> None:
    """Families are on one side; a shuffled family is learned by nothing that the held-out ones share."""
    findings = probe(
        corpus.generate(3, 4_000),
        "is_attack",
        training_sets()["request_attack"].inputs,
        "split",
        "family",
        fitting("request_attack", "attack_probability"),
        0,
        companions=["attack_class"],
    )
    assert outcomes(findings) == {
        Probe.ENTITY_OVERLAP: {Outcome.CLEAN},
        Probe.TARGET_IN_INPUTS: {Outcome.CLEAN},
        Probe.SHUFFLED_TARGET: {Outcome.CLEAN},
    }


@pytest.mark.slow
def test_labelled_clients_have_no_leak(tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days are on one side; addresses are not, as crawlers have the same ones every day."""
    settings = load_settings(str(tmp_path))
    register_shipped(settings, "request_attack")
    monkeypatch.setattr(waf_training, "SIMULATED_SCALE", 0.05)
    findings = probe(
        waf_training.labelled_clients(settings),
        "is_abuse",
        training_sets()["client_abuse"].inputs,
        "split",
        None,
        fitting("client_abuse", "abuse_probability"),
        0,
        companions=["abuse_kind"],
        time="hour_at",
    )
    assert outcomes(findings) == {
        Probe.LATER_ROWS: {Outcome.CLEAN},
        Probe.TARGET_IN_INPUTS: {Outcome.CLEAN},
        Probe.SHUFFLED_TARGET: {Outcome.CLEAN},
    }
