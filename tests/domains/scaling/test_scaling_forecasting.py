"""Which model forecasts, from which steps; and what is written of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry, NoChampionError
from platform_assets.domains.scaling.config import Rules, load_rules
from platform_assets.domains.scaling.forecasting import (
    Forecaster,
    are_plausible,
    forecast_rows,
    learned_leads,
    measured_lately,
    plot_of,
    write,
)
from platform_assets.releases.serving import Serving
from platform_assets.settings import Settings

START = datetime(2026, 11, 2, tzinfo=UTC)
MAX_AGE = timedelta(minutes=15)


def steps(cluster: str, count: int, cpu: float = 50.0, nodes: float | None = 4.0) -> pd.DataFrame:
    at = pd.date_range(START, periods=count, freq="5min")
    used = cpu + 5 * np.sin(np.arange(count) * 2 * np.pi / 288)
    node_count = np.nan if nodes is None else nodes
    return pd.DataFrame({"cluster_id": cluster, "event_at": at, "cpu_utilization": used, "node_count": node_count})


def naive() -> Forecaster:
    return Forecaster.naive()


def test_a_silent_cluster_is_not_forecast() -> None:
    silent = steps("silent", 50)
    open_end = steps("open", 60)
    open_end.loc[open_end.index[-2:], "cpu_utilization"] = np.nan
    all_steps = pd.concat([silent, open_end, steps("shop", 60)], ignore_index=True)
    found, gone = measured_lately(all_steps, MAX_AGE)
    assert gone == ["silent"]
    assert found.groupby("cluster_id").size().to_dict() == {"open": 58, "shop": 60}
    assert measured_lately(silent.assign(cpu_utilization=np.nan), MAX_AGE)[1] == ["silent"]


@pytest.mark.slow
def test_without_a_champion_the_naive_rule_names_itself(home: Settings) -> None:
    forecaster = naive()
    (row,) = forecast_rows(steps("shop", 400), forecaster, load_rules(home), {}, START)
    assert (row["model_name"], row["model_version"]) == ("naive", "persistence")
    assert row["reasoning"].endswith("(by the naive rule, for no model has passed its gate)")
    assert row["predicted_cpu_utilization"] == pytest.approx(row["current_cpu_utilization"])
    assert row["lower_90"] <= row["predicted_cpu_utilization"] <= row["upper_90"]
    assert row["made_at"] == START + timedelta(minutes=5 * 399) and row["node_count"] == 4


@pytest.mark.slow
def test_a_clusters_policy_shapes_its_recommendation(home: Settings) -> None:
    rules = Rules(
        home.home,
        {"a": {"target": "file: x", "scale_up_above": 40}, "b": {"target": "file: x"}},
        load_rules(home).bounds,
    )
    both = pd.concat([steps("a", 400), steps("b", 400)], ignore_index=True)
    forecaster = naive()
    rows = {row["cluster_id"]: row for row in forecast_rows(both, forecaster, rules, {}, START)}
    assert (rows["a"]["action"], rows["b"]["action"]) == ("scale_up", "maintain")
    assert forecaster.models["persistence"].policy is None, "the model itself is left as it is"


@pytest.mark.slow
def test_a_targets_size_replaces_a_missing_count(home: Settings) -> None:
    uncounted = steps("shop", 400, cpu=92.0, nodes=None)
    forecaster = naive()
    (alone,) = forecast_rows(uncounted, forecaster, load_rules(home), {}, START)
    (counted,) = forecast_rows(uncounted, forecaster, load_rules(home), {"shop": 10}, START)
    assert (alone["node_count"], alone["target_nodes"]) == (None, 2)
    assert counted["node_count"] == 10 and 11 <= counted["target_nodes"] <= 14
    assert len(plot_of([alone], uncounted).axes) == 1


@pytest.mark.slow
def test_a_gated_version_forecasts_and_is_named(home: Settings, tmp_path: Path) -> None:
    from weir_models import registry, tracking
    from weir_models.contract import Candidate
    from weir_models.predictive_scaling.model import PredictiveScaling, evaluate

    spec, history = registry.spec("predictive_scaling"), steps("shop", 500)
    model = PredictiveScaling(experts=("persistence", "yesterday")).fit(history)
    found = evaluate(model, history)
    figures = {**found.figures, "ratio_persistence_high": 0.9, "coverage": 0.9}
    baseline = history.describe(include="all").T.astype(str)
    candidate = Candidate(model, replace(found, figures=figures), history.head(20), baseline, {})
    version = tracking.register(candidate, spec, tracking_uri=home.tracking_uri)
    serving = Serving(home, lake_of(home), "predictive_scaling")
    with pytest.raises(NoChampionError):
        serving.now()
    tracking.promote(spec, version, tracking_uri=home.tracking_uri, figures=figures)
    ModelRegistry.of(home).sign(spec.name, version)
    forecaster = Forecaster(serving.loaded(serving.now()), serving.now())
    (row,) = forecast_rows(history, forecaster, load_rules(home), {}, START)
    assert (row["model_name"], row["model_version"]) == ("predictive_scaling", version)
    assert "naive" not in row["reasoning"]


@pytest.mark.slow
def test_how_long_a_size_has_to_last_is_learned_from_its_decisions(home: Settings) -> None:
    lake, forecaster = lake_of(home), naive()
    assert learned_leads(lake, START) == {}
    for hour in range(4):
        known = steps("shop", 900 + 12 * hour)
        rows = forecast_rows(known, forecaster, load_rules(home), {}, START + timedelta(hours=76 + hour))
        write(lake, rows, None)
    assert learned_leads(lake, START + timedelta(hours=80)) == {"shop": 3900.0}
    assert learned_leads(lake, START + timedelta(days=9)) == {}, "what was long ago tells nothing"
    slow, quick = (
        forecast_rows(known, forecaster, load_rules(home), {}, START, leads)[0]["reasoning"]
        for leads in ({"shop": 3900.0}, {})
    )
    assert "in the next 65 minutes" in slow and "in the next 10 minutes" in quick
    rules = Rules(home.home, {"shop": {"target": "file: x", "lead_seconds": 1200.0}}, load_rules(home).bounds)
    assert "next 20 minutes" in forecast_rows(known, forecaster, rules, {}, START, {"shop": 3900.0})[0]["reasoning"]


GOOD = {"cluster_id": "a", "lower_90": 1.0, "predicted_cpu_utilization": 2.0, "upper_90": 3.0, "confidence": 0.9, "target_nodes": 2}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "passed"),
    [
        ({}, True),
        ({"lower_90": None, "predicted_cpu_utilization": None, "upper_90": None}, True),
        ({"upper_90": None}, False),
        ({"upper_90": float("nan")}, False),
        ({"upper_90": float("inf")}, False),
        ({"lower_90": 2.5}, False),
        ({"lower_90": -1.0}, False),
        ({"confidence": 1.5}, False),
        ({"target_nodes": -1}, False),
    ],
)
def test_a_forecast_is_plausible_or_none(change: dict[str, float | None], passed: bool) -> None:
    outcome = are_plausible([GOOD, {**GOOD, "cluster_id": "b", **change}])
    assert outcome[0] == passed and (passed or "of b first" in outcome[1])
