"""One hour that cannot be made keeps no other from being made; a cause that all hours share stops the run at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import pytest

from platform_assets.cli import run
from platform_assets.cli.outcome import Outcome, RunFailed, stop_where_hours_are_missing
from platform_assets.cli.run import MAX_SET_ASIDE, Runner
from spark_jobs.errors import ExitCode

pytestmark = pytest.mark.attack("faults: an hour that cannot be made")

HOURS = [f"2026-11-20-{hour:02}" for hour in range(24)]


def runner_that_fails(
    is_bad: Callable[[str], bool], code: int = ExitCode.FAILED
) -> tuple[Runner, list[str], list[int]]:
    """A runner whose runs fail where one of their hours is bad, the hours that it makes, and the size of each run."""
    runner = Runner.__new__(Runner)
    runner.progress, runner.outcome = lambda _: nullcontext(None), Outcome()
    made: list[str] = []
    sizes: list[int] = []

    def run_range(
        keys: Sequence[str],
        hours: tuple[str, str] | None = None,
        may_stop: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        assert hours is not None
        span = [hour for hour in HOURS if hours[0] <= hour <= hours[1]]
        sizes.append(len(span))
        if bad := [hour for hour in span if is_bad(hour)]:
            raise RunFailed(f"The hour {bad[0]} takes too much memory.", code)
        made.extend(span)

    runner.run = run_range  # type: ignore[method-assign]
    return runner, made, sizes


def test_every_other_hour_is_made() -> None:
    bad = {HOURS[5], HOURS[23]}
    runner, made, sizes = runner_that_fails(bad.__contains__)
    runner.materialize_hours("Parsing", ["parsed/x"], HOURS)
    assert made == [hour for hour in HOURS if hour not in bad]
    assert runner.outcome.set_aside == {hour: f"The hour {hour} takes too much memory." for hour in sorted(bad)}
    assert len(sizes) < 20, "halves, not one run an hour"
    with pytest.raises(
        RunFailed, match=r"^2 hours could not be made, 2026-11-20-05 first; all others were, .* memory.$"
    ):
        stop_where_hours_are_missing(runner.outcome)


@pytest.mark.parametrize("code", [ExitCode.SERVICE, ExitCode.USAGE])
def test_a_cause_that_all_hours_share_stops_at_once(code: int) -> None:
    runner, _, sizes = runner_that_fails(lambda hour: True, code)
    with pytest.raises(RunFailed):
        runner.materialize_hours("Parsing", ["parsed/x"], HOURS)
    assert sizes == [24]


def test_where_hour_after_hour_fails_the_run_ends() -> None:
    runner, made, sizes = runner_that_fails(lambda hour: True)
    with pytest.raises(RunFailed):
        runner.materialize_hours("Parsing", ["parsed/x"], HOURS)
    assert not made and len(runner.outcome.set_aside) == MAX_SET_ASIDE and len(sizes) < 3 * MAX_SET_ASIDE


def test_an_hour_set_aside_is_not_tried_again_by_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from platform_assets.clients import engine
    from platform_assets.core import partitions, scheduler
    from platform_assets.core.scheduler import Stage, StaleHours

    runner, made, sizes = runner_that_fails({HOURS[5]}.__contains__)
    runner.graph, runner.settings = None, None  # type: ignore[assignment]
    monkeypatch.setattr(engine, "lake_of", lambda _: None)

    def stale(*_: Any) -> StaleHours:
        left = [hour for hour in HOURS[:8] if hour not in made]
        return StaleHours(("parsed/x",), left, left)

    monkeypatch.setattr(scheduler, "stale_hours", stale)
    monkeypatch.setattr(partitions, "hours_before", lambda *_: [])
    monkeypatch.setattr(run.Runner, "title", lambda *_: "Parsing")
    runner.make_stale_hours([Stage("hours", ("parsed/x",))], None)  # type: ignore[arg-type]
    assert runner.outcome.hours == [hour for hour in HOURS[:8] if hour != HOURS[5]]
    assert sizes.count(1) == 2, "the bad hour and its neighbor, once each"


def test_nothing_is_raised_where_all_was_made() -> None:
    stop_where_hours_are_missing(Outcome())
