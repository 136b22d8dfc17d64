"""The estimator that the registry keeps: what it answers, what fitting teaches it, and that it survives saving."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.weir_models.predictive_scaling.loads import DAY, START, daily, series
from weir_models import cards, registry, saved_model
from weir_models.predictive_scaling import model
from weir_models.predictive_scaling.conformal import ConformalSettings
from weir_models.predictive_scaling.forecasting import ForecastSettings, forecast
from weir_models.predictive_scaling.sizing import Levels
from weir_models.predictive_scaling.spec import INPUTS

CHEAP = ("persistence", "yesterday", "ridge")


def rows(days: float = 3, clusters: tuple[str, ...] = ("blue", "green"), nodes: float | None = 4.0) -> pd.DataFrame:
    """Recent rows of clusters, as the table of features has them."""
    parts = []
    for number, name in enumerate(clusters):
        values = daily(days, seed=number, noise=1.0)
        at = pd.to_datetime(START) + pd.to_timedelta(np.arange(len(values)) * 300, unit="s")
        parts.append(
            pd.DataFrame(
                {"cluster_id": name, "event_at": at.tz_localize("UTC"), "cpu_utilization": values, "node_count": nodes}
            )
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def fitted() -> model.PredictiveScaling:
    return model.PredictiveScaling(experts=CHEAP).fit(rows())


def test_each_cluster_has_one_row(fitted: model.PredictiveScaling) -> None:
    frame = rows()
    found = fitted.predict(frame.sample(frac=1.0, random_state=1))
    assert found["cluster_id"].tolist() == ["blue", "green"]
    assert (found["made_at"] == frame["event_at"].max()).all()
    assert (found["target_at"] - found["made_at"] == pd.Timedelta(minutes=30)).all()
    assert (found["lower_90"] <= found["predicted_cpu_utilization"]).all()
    assert (found["predicted_cpu_utilization"] <= found["upper_90"]).all()
    assert found["confidence"].between(0.5, 0.9).all() and (found["time_horizon"] == 30).all()
    assert found["reasoning"].str.len().min() > 10


def test_the_current_forecast_equals_the_backtest(fitted: model.PredictiveScaling) -> None:
    values = daily(3, seed=0, noise=1.0)
    made = forecast(series(values, nodes=np.full(len(values), 4.0)), len(values) - 3, fitted.settings())
    found = fitted.predict(rows()).iloc[0]
    assert found["predicted_cpu_utilization"] == made.predicted[-1] / 4.0
    assert (found["lower_90"], found["upper_90"]) == (made.lower[-1] / 4.0, made.upper[-1] / 4.0)


def test_clusters_do_not_mix(fitted: model.PredictiveScaling) -> None:
    together = fitted.predict(rows())
    alone = fitted.predict(rows(clusters=("blue",)))
    pd.testing.assert_frame_equal(together.head(1), alone, check_exact=True)


def test_busy_clusters_grow_and_idle_ones_shrink(fitted: model.PredictiveScaling) -> None:
    frame = rows(nodes=10.0)
    blue = frame["cluster_id"] == "blue"
    frame.loc[blue, "cpu_utilization"] = 95.0
    frame.loc[~blue, "cpu_utilization"] = 10.0
    found = fitted.predict(frame).set_index("cluster_id")
    assert found.loc["blue", "action"] == "scale_up" and found.loc["blue", "target_nodes"] > 10
    assert found.loc["green", "action"] == "scale_down" and found.loc["green", "target_nodes"] < 10


def test_the_cooldown_is_read_off_the_node_counts(fitted: model.PredictiveScaling) -> None:
    frame = rows(clusters=("blue",), nodes=10.0)
    frame["cpu_utilization"] = 10.0
    frame.loc[frame.index[-2:], "node_count"] = 9.0
    thresholds = copy.copy(fitted)
    thresholds.policy = {"preset": "thresholds"}
    found = thresholds.predict(frame).iloc[0]
    assert found["action"] == "maintain" and "cools down" in found["reasoning"]


def test_nodes_that_nobody_counts_make_the_capacity_one(fitted: model.PredictiveScaling) -> None:
    frame = rows(clusters=("blue",), nodes=None)
    frame["cpu_utilization"] = 95.0
    found = fitted.predict(frame).iloc[0]
    assert found["action"] == "scale_up" and found["target_nodes"] == 2
    assert found["reasoning"].startswith(model.UNCOUNTED)
    pd.testing.assert_frame_equal(
        fitted.predict(frame), fitted.predict(frame.drop(columns="node_count")), check_exact=True
    )


def test_few_rows_give_a_forecast_without_confidence(fitted: model.PredictiveScaling) -> None:
    found = fitted.predict(rows().groupby("cluster_id").head(3))
    assert found["predicted_cpu_utilization"].notna().all() and (found["confidence"] == 0.0).all()
    assert fitted.predict(rows().head(0)).shape == (0, 13)


def test_fit_reads_the_first_part_only(fitted: model.PredictiveScaling) -> None:
    frame = rows()
    held_out = frame.groupby("cluster_id").cumcount() >= round(0.7 * 3 * DAY) + 1
    altered = frame.assign(cpu_utilization=frame["cpu_utilization"].mask(held_out, 99.0))
    assert model.PredictiveScaling(experts=CHEAP).fit(altered).start_weights_ == fitted.start_weights_
    assert set(fitted.start_weights_) == set(CHEAP)


def test_evaluation_has_the_figures_of_gates_and_card(fitted: model.PredictiveScaling) -> None:
    spec = registry.spec("predictive_scaling")
    found = model.evaluate(fitted, rows(4))
    assert all(gate.figure in found.figures for gate in spec.gates)
    card = cards.write_card(registry.card_template(spec.name), spec, found)
    assert "persistence" in card and "{{" not in card
    assert spec.gates[0].holds(found.figures), spec.gates[0].sentence(found.figures)


def test_persistence_does_not_pass_the_gate() -> None:
    found = model.evaluate(model.naive(), rows(3))
    assert found.figures["ratio_persistence"] == 1.0
    spec = registry.spec("predictive_scaling")
    assert not all(gate.holds(found.figures) for gate in spec.gates)


class Unlimited(model.PredictiveScaling):
    """Intervals without any limit: no floor of the scale, no greatest error, no greatest demand."""

    def settings(self) -> ForecastSettings:
        conformal = ConformalSettings(least_errors=0, beyond_greatest=1e12)
        return replace(
            super().settings(), conformal=conformal, beyond_greatest=1e12, least_scale_share=0.0, resolution=0.0
        )


def test_absurd_bounds_do_not_pass_the_gate() -> None:
    frame = rows(4, clusters=("blue",))
    calm = (frame.index > 12) & (frame.index < 3 * DAY)
    frame["cpu_utilization"] = np.where(calm, 40.0, frame["cpu_utilization"] / 2)
    spec = registry.spec("predictive_scaling")
    failed = {}
    for kind in (model.PredictiveScaling, Unlimited):
        figures = model.evaluate(kind(experts=CHEAP).fit(frame), frame).figures
        failed[kind] = {gate.figure for gate in spec.gates if not gate.holds(figures)}
    assert {"width_relative", "greatest_bound"} <= failed[Unlimited]
    assert not failed[model.PredictiveScaling] & {"width_relative", "greatest_bound"}


@pytest.mark.parametrize(
    ("factor", "failing"), [(1.0, set()), (3.0, {"cost_beside_reactive"}), (0.4, {"violations_beside_reactive"})]
)
def test_sizes_that_do_not_pay_do_not_pass_the_gate(
    factor: float, failing: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    of = Levels.of
    monkeypatch.setattr(
        Levels,
        "of",
        lambda *given: replace(of(*given), levels=of(*given).levels * factor, before=of(*given).before * factor),
    )
    figures = model.evaluate(model.naive(), rows(10, nodes=20.0)).figures
    gates = [gate for gate in registry.spec("predictive_scaling").gates if "beside_reactive" in gate.figure]
    assert {gate.figure for gate in gates if not gate.holds(figures)} == failing


def test_a_saved_model_answers_the_same(fitted: model.PredictiveScaling, tmp_path: Path) -> None:
    loaded = saved_model.load_dir(saved_model.save_dir(fitted, tmp_path))
    pd.testing.assert_frame_equal(loaded.predict(rows()), fitted.predict(rows()), check_exact=True)


def test_policy_settings_come_with_the_model() -> None:
    strict = model.PredictiveScaling(experts=("persistence",), policy={"maximum_nodes": 5}).fit(rows())
    frame = rows(clusters=("blue",)).assign(cpu_utilization=99.0)
    assert strict.predict(frame).iloc[0]["target_nodes"] == 5


def test_rows_off_the_grid_are_refused(fitted: model.PredictiveScaling) -> None:
    frame = rows()
    with pytest.raises(ValueError, match="resample"):
        fitted.predict(frame.assign(event_at=frame["event_at"] + pd.Timedelta(seconds=7)))
    with pytest.raises(ValueError, match="cpu_utilization"):
        fitted.predict(frame.drop(columns="cpu_utilization"))


def test_a_missing_row_is_a_missing_step() -> None:
    frame = rows(clusters=("blue",)).drop(index=[10, 11])
    (found,) = model.series_of(frame)
    assert len(found) == 3 * DAY and np.isnan(found.cpu_utilization[[10, 11]]).all()


def test_the_specification_names_what_predict_reads() -> None:
    spec = registry.spec("predictive_scaling")
    assert spec.inputs == {"features/metrics/cluster_5min": INPUTS}
    assert set(INPUTS) <= set(rows().columns)
