"""Injected anomalies: where they are, that labels are what changed, and how series are split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.metrics.injections import (
    ASIDE_SETS,
    DAY,
    FILES,
    FOLDER,
    KINDS,
    Series,
    all_series,
    daily_profile,
    inject,
    injected,
    robust_noise,
    standing_out,
)

EACH = [(kind, size) for kind, about in KINDS.items() for size in about.sizes]


def load(days: int = 28, swing: float = 12.0, noise: float = 1.5) -> Series:
    rng = np.random.default_rng(5)
    steps = np.arange(days * DAY)
    values = 40 + swing * np.sin(2 * np.pi * steps / DAY) + rng.normal(0, noise, len(steps))
    return Series("load", values.clip(0, 100), 100.0)


@pytest.mark.parametrize(("kind", "size"), EACH)
def test_labels_are_what_changed(kind: str, size: str) -> None:
    series = load()
    one = inject(series, kind, size)
    assert one is not None
    changed = one.frame["value"].to_numpy() != series.values
    labels = one.frame["is_anomaly"].to_numpy()
    assert not (changed & ~labels).any()
    assert changed[labels].mean() > 0.99
    assert len(one.windows) == KINDS[kind].windows
    inside = np.zeros(len(labels), dtype=bool)
    for first, last in one.windows:
        inside[first : last + 1] = True
        assert changed[first] and changed[last]
        assert first >= 7 * DAY
    assert (inside == labels).all()
    assert one.frame["value"].between(0, 100).all()
    assert list(one.frame) == ["at", "value", "is_anomaly"]
    assert str(one.frame["at"].dt.tz) == "UTC"


@pytest.mark.parametrize(("kind", "size"), EACH)
def test_the_seed_decides(kind: str, size: str) -> None:
    first, same, other = (inject(load(), kind, size, seed) for seed in (1, 1, 2))
    assert first is not None and same is not None and other is not None
    assert first.windows == same.windows
    assert (first.frame["value"] == same.frame["value"]).all()
    assert first.windows != other.windows


@pytest.mark.parametrize("kind", ["spike", "level_shift", "slow_leak"])
def test_the_greatest_change_is_as_many_times_the_noise(kind: str) -> None:
    series = load()
    for size, times in KINDS[kind].sizes.items():
        one = inject(series, kind, size)
        assert one is not None
        greatest = np.abs(one.frame["value"].to_numpy() - series.values).max()
        assert greatest == pytest.approx(times * robust_noise(series.values), rel=0.3 if kind == "spike" else 1e-6)


def test_a_lost_season_takes_the_profile_away() -> None:
    series = load()
    profile = daily_profile(series.values)
    for size, times in KINDS["lost_season"].sizes.items():
        one = inject(series, "lost_season", size)
        assert one is not None
        first, last = one.windows[0]
        taken = (series.values - one.frame["value"].to_numpy())[first : last + 1]
        at = profile[np.arange(first, last + 1) % DAY]
        assert np.corrcoef(taken, at)[0, 1] == pytest.approx(1)
        assert taken[:DAY].std() == pytest.approx(times * robust_noise(series.values), rel=0.01)


def test_a_frozen_sensor_repeats_its_last_value_for_hours() -> None:
    series = load()
    for size, hours in KINDS["frozen_sensor"].sizes.items():
        one = inject(series, "frozen_sensor", size)
        assert one is not None
        for first, last in one.windows:
            assert last - first + 1 == hours * 12
            assert (one.frame["value"].iloc[first : last + 1] == series.values[first - 1]).all()


def test_what_does_not_fit_is_left_out() -> None:
    assert inject(Series("flat", np.full(28 * DAY, 5.0), 100.0), "spike", "small") is None
    assert inject(load(swing=0.5), "lost_season", "large") is None
    assert inject(load(days=7), "level_shift", "small") is None


def test_the_noise_ignores_the_season() -> None:
    assert robust_noise(load(noise=1.5).values) == pytest.approx(1.5, rel=0.1)
    assert robust_noise(load(swing=30, noise=1.5).values) == pytest.approx(1.5, rel=0.1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir()
    values = load(days=9).values
    for file, columns in zip(FILES, [[str(n) for n in range(20)], [f"{n} 24" for n in range(15, 30)]], strict=True):
        pd.DataFrame(dict.fromkeys(columns, values)).to_csv(tmp_path / FOLDER / f"{file}.csv.gz")
    for file, column, most in ASIDE_SETS.values():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({column: values / 100 * min(most, 1000.0)}).to_csv(tmp_path / file, index=False)
    return tmp_path


def test_one_third_of_the_machines_is_aside_in_all_files(root: Path) -> None:
    dev, aside = ({one.name for one in all_series(root, split)} for split in ("dev", "aside"))
    assert aside >= set(ASIDE_SETS) and len(ASIDE_SETS) == 4
    machines = [{name.split("/")[1].split()[0] for name in names if "/" in name} for names in (dev, aside)]
    assert [len(own) for own in machines] == [20, 10]
    assert not machines[0] & machines[1]
    with pytest.raises(ValueError, match="choose from dev, aside"):
        next(all_series(root, "test"))


def test_all_kinds_of_a_split(root: Path) -> None:
    made = list(injected(root, "dev", least_days=2))
    assert {(one.kind, one.size) for one in made} == set(EACH)
    assert all(first >= 2 * DAY for one in made for first, _ in one.windows)


def test_a_window_stands_out_where_the_series_does_less_by_itself() -> None:
    calm = np.random.default_rng(3).normal(50.0, 1.0, 21 * DAY)
    wild = calm.copy()
    wild[100::300] += 40.0
    found = [
        standing_out(one) for values in (calm, wild) if (one := inject(Series("a", values, 100.0), "spike", "large"))
    ]
    assert found[0] == KINDS["spike"].windows and found[1] == 0
