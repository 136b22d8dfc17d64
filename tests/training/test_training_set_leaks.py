"""The project's own training sets have no leak that the probes know, at small size; each set's split is what it says it is."""

from __future__ import annotations

import pytest

from platform_assets.domains.waf import training as waf_training
from platform_assets.settings import load_settings
from platform_assets.training.leaks import findings_of, leak_probes
from platform_assets.training.models import register_shipped
from platform_assets.training.sets import training_sets
from weir_learning.leaks import Finding, Outcome, Probe
from weir_models.request_attack import corpus


def outcomes(findings: list[Finding]) -> dict[Probe, set[Outcome]]:
    found: dict[Probe, set[Outcome]] = {}
    for finding in findings:
        found.setdefault(finding.probe, set()).add(finding.outcome)
    return found


def test_every_model_says_what_its_examples_are_split_by() -> None:
    assert leak_probes().keys() == training_sets().keys()
    for name, probes in leak_probes().items():
        columns = {probes.entity, probes.later, probes.series, probes.series_time, *probes.companions} - {""}
        assert columns <= set(training_sets()[name].table.column_names)


def test_labelled_requests_have_no_leak() -> None:
    """Families are on one side; a shuffled family is learned by nothing that the held-out ones share."""
    findings = findings_of("request_attack", training_sets()["request_attack"], corpus.generate(3, 4_000))
    assert outcomes(findings) == {
        Probe.ENTITY_OVERLAP: {Outcome.CLEAN},
        Probe.TARGET_IN_INPUTS: {Outcome.CLEAN},
        Probe.SHUFFLED_TARGET: {Outcome.CLEAN},
        Probe.ALTERED_FUTURE: {Outcome.CLEAN},
    }


@pytest.mark.slow
def test_labelled_clients_have_no_leak(tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days are on one side; addresses are not, as crawlers have the same ones every day."""
    settings = load_settings(str(tmp_path))
    register_shipped(settings, "request_attack")
    monkeypatch.setattr(waf_training, "SIMULATED_SCALE", 0.05)
    rows = waf_training.labelled_clients(settings)
    assert outcomes(findings_of("client_abuse", training_sets()["client_abuse"], rows)) == {
        Probe.LATER_ROWS: {Outcome.CLEAN},
        Probe.TARGET_IN_INPUTS: {Outcome.CLEAN},
        Probe.SHUFFLED_TARGET: {Outcome.CLEAN},
        Probe.ALTERED_FUTURE: {Outcome.CLEAN},
    }
