"""Windows are cut alike by everybody; a trigger says why and why not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from platform_assets.domains.learning.triggers import Facts, Rules, trigger_of
from platform_assets.domains.learning.windows import whole_windows, window_of
from spark_jobs.contract import format_hour

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULES = Rules(timedelta(days=30), timedelta(hours=24), 20)


def hours(count: int, start: datetime = datetime(2026, 11, 18, tzinfo=UTC)) -> list[str]:
    return [format_hour(start + timedelta(hours=number)) for number in range(count)]


def test_only_windows_that_are_over_are_whole() -> None:
    assert [window.start.day for window in whole_windows(hours(47), 24)] == [18]
    assert [window.start.day for window in whole_windows(hours(48), 24)] == [18, 19]
    assert [window.start.hour for window in whole_windows(hours(13), 6)] == [0, 6]
    assert list(whole_windows([], 24)) == []


def test_a_window_with_gaps_is_whole_once_later_hours_came() -> None:
    some = [hours(24)[5], hours(48)[30]]
    assert [window.start.day for window in whole_windows(some, 24)] == [18]
    assert window_of(some[0], 24).hours == tuple(hours(24))
    assert window_of(some[1], 24).number == window_of(some[0], 24).number + 1


def facts(**changes: object) -> Facts:
    values = {
        "model": "m", "now": NOW, "champion": "3", "fitted_at": NOW - timedelta(days=2), "last_retraining": None,
        "new_labels": 0, "has_new_data": True, **changes,
    }  # fmt: skip
    return Facts(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"windows": [{"verdict": "retrain", "sentence": "it drifted."}]}, "drift: it drifted"),
        ({"windows": [{"verdict": "block", "sentence": "all of it."}]}, "drift: all of it"),
        ({"fitted_at": NOW - timedelta(days=31)}, "age: version 3 was fitted 31 days ago, at most 30 set"),
        ({"worse": ["coverage: loss 40.0% after 9.0%"]}, "performance: coverage: loss 40.0% after 9.0%"),
        ({"new_labels": 20}, "labels: 20 new verdicts, 20 are enough"),
    ],
)
@pytest.mark.parametrize(
    ("obstacle", "against"),
    [
        ({}, None),
        ({"champion": None}, "no version serves yet"),
        ({"is_paused": True}, "learning is paused; `weir learning resume` ends that"),
        ({"challenger": "4"}, "version 4 is being compared already"),
        ({"last_retraining": NOW - timedelta(hours=23)}, "rests until 2026-11-20 13:00 (UTC)"),
        ({"last_retraining": NOW - timedelta(hours=24)}, None),
        ({"has_new_data": False}, "a fit would see the same examples"),
    ],
)
def test_reasons_and_obstacles_are_told(
    changes: dict[str, object], reason: str, obstacle: dict[str, object], against: str | None
) -> None:
    trigger = trigger_of(facts(**{**changes, **obstacle}), RULES)
    if "champion" not in obstacle:
        assert any(reason in told for told in trigger.reasons)
    assert trigger.is_due == (against is None)
    assert against is None or against in trigger.sentence


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"windows": [{"verdict": "watch", "sentence": "x"}]},
        {"windows": [{"verdict": "retrain", "sentence": "x"}, {"verdict": "none", "sentence": "x"}]},
        {"new_labels": 19},
        {"fitted_at": NOW - timedelta(days=30)},
        {"fitted_at": None, "is_paused": True},
    ],
)
def test_without_a_reason_nothing_is_due(changes: dict[str, object]) -> None:
    trigger = trigger_of(facts(**changes), RULES)
    assert not trigger.is_due and trigger.sentence == "nothing speaks for a retraining"
