"""A window beside its baseline: within the hours of the day, ids and texts by their own tests, and hours that are new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from platform_assets.domains.learning import baselines
from platform_assets.domains.learning.baselines import Baseline, Profile, baseline_of
from platform_assets.domains.learning.monitoring import Counted, compare, watched
from platform_assets.domains.learning.windows import Window
from spark_jobs.profiling.bins import Bins, counts_of
from spark_jobs.profiling.counts import Counts
from spark_jobs.profiling.texts import GROUP_TEXTS, GROUPS, sketch_of
from spark_jobs.storage.lake import Lake

DAY = Window(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
NUMBER = Bins("x", "numeric", edges=tuple(np.linspace(-1.3, 1.3, 9).tolist()))
TEXT = Bins("path", "text", edges=(8.0, 10.0, 12.0))
ID = Bins("cluster", "id")


def profiles(
    seed: int, hours: range, rows: int = 400, shift: float = 0.0, tail: str = "", clusters: int = 4
) -> dict[str, Profile]:
    """A day whose nights are unlike its noons: numbers, paths and clusters of some hours."""
    random = np.random.default_rng(seed)
    counts = {bins.name: Counts.none(bins) for bins in (NUMBER, TEXT, ID)}
    for hour in hours:
        numbers = random.normal(np.sin(hour / 24 * 2 * np.pi) * 2 + shift, size=rows)
        words = random.integers(0, 9 if hour < 8 else 40, rows)
        texts = pa.array([f"/{'night' if hour < 8 else 'day'}/{word}{tail if word % 3 == 0 else ''}" for word in words])
        names = pa.array([f"cluster-{number}" for number in range(clusters)])
        for bins, values in ((NUMBER, pa.array(numbers)), (TEXT, texts), (ID, names)):
            counts[bins.name].add(hour, counts_of(bins, values))
        sample = random.permutation(rows)[: GROUPS * GROUP_TEXTS]
        groups = np.arange(len(sample)) // GROUP_TEXTS
        counts["path"].add_sketch(hour, sketch_of(texts.take(pa.array(sample)), groups))
    return {bins.name: Profile("input", bins, counts[bins.name]) for bins in (NUMBER, TEXT, ID)}


def counted(found: dict[str, Profile], rows: int = 9_600) -> Counted:
    return Counted(DAY, "3", rows, found)


BASELINE = Baseline("3", profiles(1, range(24)))


@pytest.mark.parametrize("hours", [range(24), range(8), range(8, 14), range(20, 24)])
def test_night_and_noon_are_no_drift(hours: range) -> None:
    for seed in range(2, 8):
        compared = compare(counted(profiles(seed, hours)), BASELINE, ())
        assert compared.verdict == "none" and not compared.grown, compared.sentence


@pytest.mark.parametrize(
    ("changes", "drifted"),
    [({"shift": 0.5}, "x"), ({"tail": "?debug=1"}, "path"), ({"clusters": 6}, "cluster")],
)
def test_a_change_at_the_same_hours_is_found(changes: dict[str, float], drifted: str) -> None:
    compared = compare(counted(profiles(9, range(8), **changes)), BASELINE, ())  # type: ignore[arg-type]
    assert compared.verdict == "watch" and compared.comparison is not None
    assert compared.comparison.drifted == {drifted}
    again = compare(counted(profiles(10, range(8), **changes)), BASELINE, compared.comparison.drifted)  # type: ignore[arg-type]
    assert again.verdict == "retrain"


def test_hours_that_the_baseline_lacks_become_part_of_it() -> None:
    half = Baseline("3", profiles(1, range(12)))
    unlike = compare(counted(profiles(2, range(12, 24))), half, ())
    assert unlike.verdict == "baseline" and "at these hours" in unlike.sentence
    assert {name: profile.counts.hours for name, profile in unlike.grown.items()} == {
        key: list(range(12, 24)) for key in ("x", "path", "cluster")
    }
    both = compare(counted(profiles(2, range(6, 18))), half, ())
    assert both.verdict == "none" and both.comparison is not None
    assert both.grown["x"].counts.hours == list(range(12, 18))
    assert {column.n for column in both.comparison.columns if column.name == "x"} == {6 * 400}


def test_a_window_with_few_rows_is_no_baseline() -> None:
    compared = compare(counted(profiles(2, range(24), rows=4), rows=96), Baseline("3"), ())
    assert (compared.verdict, compared.grown) == ("unknown", {})
    assert "96 rows, too few for the baseline of version 3" in compared.sentence


def test_a_baseline_of_all_hours_together_is_still_compared() -> None:
    profile = BASELINE.profiles["x"]
    old = Baseline("3", {"x": Profile("input", NUMBER, Counts(profile.counts.values.sum(axis=0, keepdims=True)))})
    compared = compare(counted({"x": profiles(3, range(24))["x"]}), old, ())
    assert compared.verdict == "none" and not compared.grown
    assert compare(counted({"x": profiles(3, range(8))["x"]}), old, ()).verdict == "watch", "as it always was"


def test_a_baseline_is_kept_once_and_added_up(tmp_path: object) -> None:
    lake, model = Lake(str(tmp_path)), "request_attack"
    next_day = Window(DAY.end, DAY.end + timedelta(days=1))
    found = profiles(1, range(24))
    parts = [
        {name: Profile(p.role, p.bins, p.counts.of_hours(hours)) for name, p in found.items()}
        for hours in (range(12), range(12, 24))
    ]
    for _ in range(2):
        baselines.add(lake, model, "3", DAY, parts[0])
    assert baseline_of(lake, model, "3", DAY).profiles == {}, "a window is never compared with itself"
    baselines.add(lake, model, "3", next_day, parts[1])
    whole = baseline_of(lake, model, "3", Window(next_day.end, next_day.end + timedelta(days=1)))
    for name, profile in found.items():
        assert whole.profiles[name].bins == profile.bins
        assert (whole.profiles[name].counts.values == profile.counts.values).all()
    assert baseline_of(lake, model, "4", next_day).profiles == {}


def test_clusters_are_watched_as_ids_and_persons_are_not() -> None:
    by_model = {
        name: {column for one in watched(name) for column in one.columns}
        for name in ("request_attack", "anomaly_detection")
    }
    assert "cluster_id" in by_model["anomaly_detection"] and "client_ip" not in by_model["request_attack"]
