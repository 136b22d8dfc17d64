"""A home with three versions of a model that passed their gate, made once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.settings import Settings, load_settings

NAME = "predictive_scaling"
VERSIONS = ("1", "2", "3")


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    from weir_models import registry, tracking
    from weir_models.contract import Candidate
    from weir_models.predictive_scaling.model import PredictiveScaling, evaluate

    settings = load_settings(tmp_path_factory.mktemp("registered"))
    at = pd.date_range("2026-11-02", periods=500, freq="5min", tz="UTC")
    used = 50 + 5 * np.sin(np.arange(500) * 2 * np.pi / 288)
    history = pd.DataFrame({"cluster_id": "shop", "event_at": at, "cpu_utilization": used, "node_count": 4.0})
    model = PredictiveScaling(experts=("persistence", "yesterday")).fit(history)
    evaluation, spec = evaluate(model, history), replace(registry.spec(NAME), gates=())
    baseline = history.describe(include="all").T.astype(str)
    for _ in VERSIONS:
        candidate = Candidate(model, evaluation, history.head(20), baseline, {})
        version = tracking.register(candidate, spec, tracking_uri=settings.tracking_uri)
        tracking.pass_gate(spec, version, tracking_uri=settings.tracking_uri)
        ModelRegistry.of(settings).sign(NAME, version)
    return settings


@pytest.fixture
def home(registered: Settings, tmp_path: Path) -> Settings:
    """A copy of the home, where nothing serves yet."""
    folder = tmp_path / "home"
    shutil.copytree(registered.home, folder)
    return load_settings(folder)
