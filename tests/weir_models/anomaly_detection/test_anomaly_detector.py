"""The stream: no look ahead, sense about constants and gaps, anomalies of known places found, alarms kept to the budget."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.weir_models.anomaly_detection.labeled_series import DAY_ROWS, STEP, daily, series, times
from weir_models.anomaly_detection import univariate
from weir_models.anomaly_detection.detector import DetectorSettings, detect, detected
from weir_models.anomaly_detection.refits import Schedule
from weir_models.anomaly_detection.series import MetricSeries, SeriesError
from weir_models.anomaly_detection.threshold import CRITICAL, HIGHEST, Ration, alarms


def same(before: pd.DataFrame, after: pd.DataFrame, rows: int) -> bool:
    """The same bits in the first rows."""
    return all(
        before[column].to_numpy()[:rows].tobytes() == after[column].to_numpy()[:rows].tobytes()
        for column in ("timestamp", "score", "is_anomaly")
    )


@pytest.mark.slow
@pytest.mark.parametrize("metrics", [1, 3, 20])
def test_an_altered_future_changes_no_earlier_bit(metrics: int) -> None:
    values = daily(2600, seed=5, metrics=metrics)
    values[1700:1720] += 30.0
    values[900:905, 0] = np.nan
    whole = detect([series(values)])
    random = np.random.default_rng(0)
    for cut in (64, 65, 289, 1707, 2599):
        altered = values.copy()
        altered[cut:] = random.normal(1e4, 1e5, altered[cut:].shape)
        altered[cut + 5 :: 7] = np.nan
        later = times(len(values)).copy()
        later[cut:] += 17 * np.arange(1, len(later) - cut + 1)
        assert same(whole, detect([series(altered, at=later)]), cut), cut
        assert same(whole, detect([series(values[:cut])]), cut), cut


@settings(max_examples=8, deadline=None)
@given(st.integers(2, 700), st.integers(0, 2**31), st.sampled_from([1, 2]))
def test_no_cut_changes_earlier_rows(cut: int, seed: int, metrics: int) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(size=(700, metrics)).cumsum(axis=0)
    values[random.random(values.shape) < 0.05] = np.nan
    at = np.datetime64("2026-03-02", "s") + np.cumsum(random.choice([60, 300, 9000], 700, p=[0.3, 0.69, 0.01]))
    quick = DetectorSettings(probation_rows=70)
    whole = detect([series(values, at=at)], quick)
    assert same(whole, detect([series(values[:cut], at=at[:cut])], quick), cut)


def test_results_are_reproducible_and_independent_of_other_series() -> None:
    one, other = series(daily(800, seed=1), "a"), series(daily(700, seed=2), "b")
    alone, together = detect([one]), detect([other, one])
    assert same(alone, together[together["series_id"] == "a"], len(alone))
    assert list(together["series_id"].unique()) == ["b", "a"] and len(together) == 1500


@pytest.mark.parametrize("value", [0.0, 42.0, 1e9, 0.1])
@pytest.mark.parametrize("metrics", [1, 2, 20])
def test_a_constant_series_has_no_alarm(value: float, metrics: int) -> None:
    found = detect([series(np.full((1200, metrics), value))])
    assert not found["is_anomaly"].any() and found["score"].max() < 0.5


def test_a_series_that_repeats_exactly_has_no_alarm() -> None:
    day = np.r_[np.full(100, 10.0), np.full(88, 80.0), np.full(100, 10.0)]
    assert not detect([series(np.tile(day, 14))])["is_anomaly"].any()


@pytest.mark.parametrize("metrics", [1, 4])
def test_a_gap_is_no_anomaly(metrics: int) -> None:
    values = daily(10 * DAY_ROWS, seed=3, metrics=metrics)
    missing = values.copy()
    missing[1500:1600] = np.nan
    assert not detect([series(missing)])["is_anomaly"][1500 : 1600 + DAY_ROWS].any()
    assert (detect([series(missing)])["score"].to_numpy()[1500:1600] == 0).all()
    kept = np.r_[0:1500, 1650 : len(values)]
    found = detect([series(values[kept], at=times(len(values))[kept])])
    assert not found["is_anomaly"][1500 : 1500 + DAY_ROWS].any()


def test_a_metric_that_begins_late_is_no_anomaly() -> None:
    values = daily(8 * DAY_ROWS, seed=3, metrics=3)
    values[: 5 * DAY_ROWS, 1] = np.nan
    assert not detect([series(values)])["is_anomaly"][5 * DAY_ROWS : 6 * DAY_ROWS].any()


def test_series_without_values_or_rows_score_nothing() -> None:
    assert detect([]).empty
    assert detect([series(np.empty((0, 1)))]).empty
    found = detect([series(np.full((400, 2), np.nan)), series(np.array([[1.0]]))])
    assert len(found) == 401 and not found["score"].any() and not found["is_anomaly"].any()


def test_the_probation_scores_low_and_raises_nothing() -> None:
    values = daily(600, seed=4)
    values[200:210] += 500.0
    found = detect([series(values)])
    assert found["score"][:DAY_ROWS].max() <= 0.01 and not found["is_anomaly"][:DAY_ROWS].any()


def test_a_sudden_departure_is_raised_on_the_first_day() -> None:
    settings = DetectorSettings(sudden_in_probation=True)
    quiet = daily(DAY_ROWS, seed=4)
    assert not detected(series(quiet), settings).is_anomaly.any()
    for begin, is_raised in ((40, False), (200, True)):
        values = quiet.copy()
        values[begin:] += 90.0
        values = np.column_stack([np.full(DAY_ROWS, np.nan), values])
        actual = detected(series(values), settings)
        assert np.flatnonzero(actual.is_anomaly).tolist() == ([begin] if is_raised else [])
        if is_raised:
            assert actual.metric[begin] == 1 and actual.score[begin] == 0.5 and actual.is_sudden.sum() == 1
            shorter = detected(series(values[: begin + 1]), settings)
            assert shorter.is_anomaly[begin], "what comes later changes nothing"


@pytest.mark.parametrize("shape", ["spike", "level", "flat"])
def test_an_anomaly_is_raised_where_it_begins(shape: str) -> None:
    values = daily(12 * DAY_ROWS, seed=6)
    begin = 10 * DAY_ROWS + 20
    if shape == "spike":
        values[begin] += 30.0
    elif shape == "level":
        values[begin : begin + 60] += 30.0
    else:
        values[begin : begin + 150] = values[begin]
    rows = np.flatnonzero(detect([series(values)])["is_anomaly"])
    assert begin <= rows[0] <= begin + (150 if shape == "flat" else 2)
    assert len(rows) == (2 if shape == "flat" else 1), "a flat line becomes critical while it lasts"


def test_windows_are_durations() -> None:
    for period, cadence in ((60.0, 1440), (300.0, 288), (3600.0, 64)):
        schedule = Schedule.of(period, history_days=60)
        assert schedule.cadence == cadence and schedule.history == max(60 * 86_400 // period, 2016)


def test_a_sensor_that_stands_still_is_found_again_and_again() -> None:
    values = daily(20 * DAY_ROWS, seed=6)
    begins = [day * DAY_ROWS + 50 for day in (10, 13, 16)]
    for begin in begins:
        values[begin : begin + 60] = values[begin - 1]
    found = detected(series(values))
    for begin in begins:
        assert found.is_anomaly[begin : begin + 60].any(), begin


def test_a_weekend_is_no_lasting_departure_from_its_second_on() -> None:
    values = daily(21 * DAY_ROWS, seed=2)[:, 0]
    day = np.arange(len(values)) // DAY_ROWS
    values[day % 7 >= 5] -= 25.0
    earlier = univariate.same_time(times(len(values)), values, 0, len(values), 300.0)
    differences = np.abs(univariate.from_earlier_days(values, earlier))
    assert differences[day == 5].mean() > 20 and differences[day >= 12].mean() < 2


def test_a_broken_relation_between_metrics_is_found() -> None:
    random = np.random.default_rng(8)
    common = random.normal(size=(6000, 2))
    values = common @ random.normal(size=(2, 20)) + random.normal(0, 0.1, (6000, 20))
    shuffled = values[5000:5040, ::-1].copy()
    values[5000:5040] = shuffled
    found = detected(series(values))
    assert found.is_anomaly.sum() <= most_alarms(DetectorSettings().ration_of(20), 6000 / 2016)
    assert found.is_anomaly[5000:5040].sum() == 1
    assert found.weekly_rarity[5000:5040].max() > found.weekly_rarity[:5000].max()
    assert np.median(found.score[5010:5040]) > np.quantile(found.score[:5000], 0.99)
    one_a_month = DetectorSettings(ration=Ration(alarms_per_week=0.25))
    fewer = detected(series(values), one_a_month)
    assert fewer.is_anomaly.sum() < found.is_anomaly.sum() and fewer.is_anomaly[5000:5040].sum() == 1


@settings(max_examples=60, deadline=None)
def most_alarms(ration: Ration, weeks: float) -> float:
    """The guaranteed upper bound of alarms in that many weeks."""
    return ration.alarms_per_week * weeks + max(HIGHEST - ration.begin, 0.0) / ration.step + 1.0


@given(
    st.lists(st.floats(-2, 6), min_size=50, max_size=400),
    st.sampled_from([0.5, 1.0, 7.0]),
    st.sampled_from([0.25, 1.0]),
    st.integers(60, 40_000),
)
def test_alarms_never_exceed_the_budget(rarity: list[float], budget: float, step: float, period: int) -> None:
    ration = Ration(budget, step=step, quiet_seconds=0.0)
    at = np.datetime64("2026-03-02", "s") + period * np.arange(len(rarity))
    raised = int(alarms(at, np.array(rarity), ration).sum())
    weeks = period * (len(rarity) - 1) / (7 * 86_400)
    assert raised <= most_alarms(ration, weeks)


def test_the_worst_series_just_reaches_the_budget() -> None:
    at = np.datetime64("2026-03-02", "s") + 3600 * np.arange(24 * 7 * 20)
    ration = Ration(1.0, quiet_seconds=0.0)
    raised = int(alarms(at, np.full(len(at), HIGHEST), ration).sum())
    assert 19 <= raised <= most_alarms(ration, 20)


def test_rows_that_continue_an_alarm_are_unmarked() -> None:
    at = times(400)
    rarity = np.full(400, -1.0)
    rarity[100:300] = 2.0
    assert np.flatnonzero(alarms(at, rarity, Ration())).tolist() == [100]


def test_a_lasting_alarm_hides_no_critical_one() -> None:
    at = times(400)
    rarity = np.full(400, -1.0)
    rarity[100:300] = 2.0
    rarity[[250, 252, 299]] = CRITICAL
    assert np.flatnonzero(alarms(at, rarity, Ration())).tolist() == [100, 250]


def test_a_larger_budget_hears_more() -> None:
    at = times(3000)
    rarity = np.where(np.arange(3000) % 300 == 299, -0.5, -2.0)
    assert not alarms(at, rarity, Ration(1.0)).any()
    assert alarms(at, rarity, Ration(7.0)).sum() > 3


def test_a_setting_that_rations_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="correct the settings"):
        Ration(0.0)


def test_blocks_cover_all_rows_at_fixed_places() -> None:
    long = list(Schedule(288, 8064).blocks(5000))
    for rows in (1, 64, 65, 1000, 4999):
        short = list(Schedule(288, 8064).blocks(rows))
        assert short == long[: len(short)] and short[-1][0] < rows <= short[-1][1]


def test_duplicate_times_are_refused() -> None:
    at = times(3)
    at[1] = at[0]
    with pytest.raises(SeriesError, match="occur twice; sort and merge the rows first"):
        MetricSeries("one", at, np.zeros((3, 1)), ("m",))
    with pytest.raises(SeriesError, match="one row a time and one column a metric"):
        MetricSeries("one", times(3), np.zeros((2, 1)), ("m",))
    assert np.timedelta64(5, "m") == STEP
