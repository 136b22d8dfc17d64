"""`weir backtest`: files in, a file out, and no figure of it knows what came later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from platform_assets.cli.app import app
from platform_assets.cli.backtest import BacktestError
from platform_assets.domains.anomaly import backtest as anomaly_backtest
from platform_assets.domains.scaling import backtest as scaling_backtest
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.sources.metrics.content import FilesError

DAY = 288
CUT = 4 * DAY


def load(steps: int, seed: int = 1, step: str = "5min") -> pd.DataFrame:
    """A load with a day in it, gaps, and a shift of its level."""
    draw = np.random.default_rng(seed)
    at = pd.date_range("2026-11-01", periods=steps, freq=step)
    cpu = (
        40 + 20 * np.sin(np.arange(steps) / DAY * 2 * np.pi) + draw.normal(0, 3, steps) + 10 * (np.arange(steps) > 700)
    )
    frame = pd.DataFrame({"timestamp": at, "cpu_utilization": np.clip(cpu, 0, 100), "memory_utilization": cpu / 2})
    return frame.drop(index=[50, 51, 900, 1000], errors="ignore").reset_index(drop=True)


def two_futures(folder: Path) -> tuple[Path, Path, pd.Timestamp]:
    """Two files that are the same up to a time, which is the last that both share."""
    first = pd.concat([load(5 * DAY, seed).assign(cluster_id=name) for seed, name in enumerate("ab")])
    cut = pd.Timestamp("2026-11-01") + CUT * pd.Timedelta("5min")
    second = first.copy()
    later = second["timestamp"] > cut
    second.loc[later, "cpu_utilization"] = 100 - second.loc[later, "cpu_utilization"] * 0.7
    second.loc[later, "memory_utilization"] = 3.0
    first.to_csv(folder / "one.csv", index=False)
    second.to_csv(folder / "other.csv", index=False)
    return folder / "one.csv", folder / "other.csv", cut.tz_localize("UTC")


@pytest.mark.slow
def test_no_forecast_and_no_interval_knows_a_later_sample(tmp_path: Path) -> None:
    one, other, cut = two_futures(tmp_path)
    made = [
        scaling_backtest.backtest(path, tmp_path / f"{path.stem}.parquet", workers)[0].forecasts
        for path, workers in ((one, 1), (other, 2))
    ]
    known = [frame[frame["made_at"] <= cut].reset_index(drop=True) for frame in made]
    assert len(known[0]) > 100
    pd.testing.assert_frame_equal(known[0], known[1], check_exact=True)
    later = [frame[frame["made_at"] > cut].reset_index(drop=True) for frame in made]
    assert not later[0].equals(later[1])
    assert ((made[0]["target_at"] - made[0]["made_at"]) == pd.Timedelta("30min")).all()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "one.parquet"), made[0], check_exact=True)


def test_no_score_and_no_alarm_knows_a_later_sample(tmp_path: Path) -> None:
    one, other, cut = two_futures(tmp_path)
    made = [anomaly_backtest.backtest(path, tmp_path / f"{path.stem}.parquet")[0] for path in (one, other)]
    known = [frame[frame["timestamp"] <= cut].reset_index(drop=True) for frame in made]
    assert len(known[0]) == 2 * (CUT + 1 - 4)
    pd.testing.assert_frame_equal(known[0], known[1], check_exact=True)
    assert made[0]["score"].between(0, 1).all()
    assert set(made[0]["series_id"]) == {"a", "b"}
    assert not made[0].equals(made[1])


def test_a_step_holds_what_came_up_to_its_own_time(tmp_path: Path) -> None:
    at = pd.date_range("2026-11-01", periods=12, freq="1min", tz="UTC")
    samples = pa.table({"event_at": pa.array(at, pa.timestamp("us", tz="UTC")), "cpu_utilization": np.arange(12.0)})
    coarse = pa.table({"event_at": samples["event_at"].take([0, 5, 10]), "cpu_utilization": [7.0, 8.0, 9.0]})
    assert scaling_backtest.demand_series("c", coarse).cpu_utilization.tolist() == [7.0, 8.0, 9.0]
    series = scaling_backtest.demand_series("c", samples)
    assert series.start == np.datetime64("2026-11-01T00:00:00")
    assert series.cpu_utilization.tolist() == [0.0, 3.0, 8.0, 11.0]


def test_steps_stand_at_the_times_of_the_samples() -> None:
    at = pd.date_range("2026-11-01 00:02:07", periods=6, freq="5min", tz="UTC").delete(2)
    samples = pa.table(
        {"event_at": pa.array(at, pa.timestamp("us", tz="UTC")), "cpu_utilization": [1.0, 2.0, 4.0, 5.0, 6.0]}
    )
    series = scaling_backtest.demand_series("c", samples)
    assert series.times[0] == at[0]
    assert np.array_equal(series.cpu_utilization, [1.0, 2.0, np.nan, 4.0, 5.0, 6.0], equal_nan=True)


@pytest.mark.parametrize(("spacing", "step"), [("1min", 300), ("5min", 300), ("10min", 600), ("1h", 1800)])
def test_the_step_follows_the_spacing_of_the_first_samples(spacing: str, step: int) -> None:
    at = pd.date_range("2026-11-01", periods=20, freq=spacing, tz="UTC")
    samples = pa.table({"event_at": pa.array(at, pa.timestamp("us", tz="UTC")), "cpu_utilization": np.ones(20)})
    assert scaling_backtest.demand_series("c", samples).step_seconds == step


def test_a_file_without_series_is_one_series_and_its_labels_are_no_metric(tmp_path: Path) -> None:
    frame = load(400)[["timestamp", "cpu_utilization"]].rename(columns={"cpu_utilization": "value"})
    frame["label"] = 0
    frame.loc[397, "timestamp"] = frame.loc[396, "timestamp"]
    frame.to_csv(tmp_path / "web-1.csv", index=False)
    found, content = anomaly_backtest.backtest(tmp_path, tmp_path / "out.parquet")
    assert set(found["series_id"]) == {"web-1"}
    assert content.metrics == ("value",)
    assert found["timestamp"].is_unique


def test_what_cannot_be_replayed_is_said_before_it_is_tried(tmp_path: Path) -> None:
    load(10).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(BacktestError, match=r"out\.csv must end in \.parquet; name it so\.$"):
        anomaly_backtest.backtest(tmp_path / "a.csv", tmp_path / "out.csv")
    with pytest.raises(BacktestError, match=r"does not exist; create it\.$"):
        scaling_backtest.backtest(tmp_path / "a.csv", tmp_path / "no" / "out.parquet")
    with pytest.raises(FilesError, match=r"neither a file nor a folder"):
        scaling_backtest.backtest(tmp_path / "b.csv", tmp_path / "out.parquet")


def test_the_command_prints_what_was_found_and_ends_in_a_sentence_where_it_cannot(tmp_path: Path) -> None:
    load(500).to_csv(tmp_path / "a.csv", index=False)
    done = CliRunner().invoke(
        app, ["backtest", "anomaly", "--input", str(tmp_path / "a.csv"), "--out", str(tmp_path / "o.parquet")]
    )
    assert done.exit_code == 0, done.output
    assert "498 scores of 1 series" in done.output


def test_files_without_cpu_are_one_sentence(tmp_path: Path) -> None:
    lines = [
        f'{{"metric": {{"__name__": "kubelet_running_pods", "cluster": "a"}}, "values": [[{1_795_996_800 + 300 * n}, "{n}"]]}}'
        for n in range(9)
    ]
    (tmp_path / "pods.jsonl").write_text("\n".join(lines))
    result = CliRunner().invoke(
        app, ["backtest", "scaling", "--input", str(tmp_path), "--out", str(tmp_path / "o.parquet")]
    )
    assert isinstance(result.exception, WeirError)
    assert result.exception.exit_code == ExitCode.INPUT
    assert "kubelet" not in str(result.exception)
    assert "no cpu_utilization; it has pod_count" in str(result.exception)


def test_what_was_not_read_is_named(tmp_path: Path) -> None:
    load(3 * DAY).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "b.json").write_text('{"AutoScalingGroups": []}')
    result = CliRunner().invoke(
        app, ["backtest", "anomaly", "--input", str(tmp_path), "--out", str(tmp_path / "o.parquet")]
    )
    assert result.exit_code == 0
    assert "not read: " in result.output
    assert "b.json" in result.output
