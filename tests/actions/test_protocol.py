"""The laws of the protocol, for the smallest domain and for those that use it: the WAF twin, and sizes in a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from platform_assets.actions import pending
from platform_assets.actions.checks import failures
from platform_assets.actions.errors import IncompleteApplyError, PlanStoppedError, RequestError, StalePlanError
from platform_assets.actions.protocol import apply_pending, pending_plan, plan_now
from platform_assets.actions.state import StateError
from platform_assets.settings import Settings
from spark_jobs.errors import exit_code_of
from tests.actions.shelf import ShelfChange, ShelfStore
from tests.actions.users import KilledError, ShelfUser, User, user_of
from tests.domains.waf.waf_world import Clock

KINDS = ("shelf", "waf", "scaling")


@pytest.fixture(params=KINDS)
def user(
    request: pytest.FixtureRequest, home: Settings, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> User:
    return user_of(request.param, home, tmp_path / "world", clock, monkeypatch)


@pytest.fixture
def shelf(home: Settings) -> ShelfUser:
    return ShelfUser(home)


def counting(change: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the plan is made from now on."""
    made: list[int] = []
    make = type(change).make

    def counted(*arguments: Any, **named: Any) -> Any:
        made.append(1)
        return make(*arguments, **named)

    monkeypatch.setattr(type(change), "make", counted)
    return made


# A plan is made once


def test_the_stored_plan_is_the_one_applied(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    user.desire(2)
    made = counting(user.change(), monkeypatch)
    checked = plan_now(user.change())
    assert checked.plan_id and not failures(checked.results)
    assert pending_plan(user.change()) == checked.plan
    before = user.live()
    apply_pending(user.change())
    assert user.live() != before and len(made) == 1


def test_a_stored_plan_is_applied_at_most_once(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    user.desire(2)
    plan_now(user.change())
    apply_pending(user.change())
    made = counting(user.change(), monkeypatch)
    apply_pending(user.change())
    assert len(made) == 1, "made now, since the stored one was taken"


def test_without_a_stored_plan_one_is_made(user: User) -> None:
    user.desire(2)
    before = user.live()
    apply_pending(user.change())
    assert user.live() != before


def test_a_plan_for_other_input_is_stale(user: User) -> None:
    user.desire(1)
    plan_now(user.change())
    user.desire(3)
    apply_pending(user.change())
    overtaken = user.live()
    user.desire(3)
    apply_pending(user.change())
    assert user.live() == overtaken, "the newer input was applied at once"


def test_a_plan_on_an_older_serial_is_stale(user: User) -> None:
    user.desire(1)
    stored = plan_now(user.change())
    document = user.change().pending.path.read_text(encoding="utf-8")
    apply_pending(user.change())
    user.change().pending.path.write_text(document, encoding="utf-8")
    assert pending_plan(user.change()) is None
    _, errors = user.change().apply(stored.plan)
    assert [type(error) for error in errors.values()] == [StalePlanError]
    assert exit_code_of(next(iter(errors.values()))) == 4


def test_a_plan_that_is_too_old_is_stale(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    user.desire(1)
    plan_now(user.change())
    monkeypatch.setattr(pending, "VALID_FOR", -pending.VALID_FOR)
    assert pending_plan(user.change()) is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"plan_id": 1}', "[" * 100_000], ids=range(5))
def test_a_damaged_stored_plan_is_no_plan(shelf: ShelfUser, text: str) -> None:
    shelf.desire(1)
    plan_now(shelf.change())
    shelf.change().pending.path.write_text(text, encoding="utf-8")
    apply_pending(shelf.change())
    assert shelf.live() == {"a": 2, "b": 3}


@pytest.mark.parametrize("planned_at", ["garbage", "2026-11-20T13:00:00", 5, None])
def test_a_plan_without_its_time_is_none(shelf: ShelfUser, planned_at: Any) -> None:
    shelf.desire(1)
    plan_now(shelf.change())
    path = shelf.change().pending.path
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"planned_at": planned_at}))
    assert pending_plan(shelf.change()) is None
    apply_pending(shelf.change())
    assert shelf.live() == {"a": 2, "b": 3}


def test_a_state_nested_too_deeply_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "applied.json").write_text("[" * 100_000)
    with pytest.raises(StateError, match="does not hold what was applied last; restore it, or delete it"):
        ShelfStore(tmp_path / "applied.json").load()


# Checks and overrides


def test_a_failed_check_leaves_everything_unchanged(user: User) -> None:
    user.desire(5)
    assert [result.name for result in failures(plan_now(user.change()).results)] == [user.check]
    before = user.live()
    with pytest.raises(PlanStoppedError, match=f"{user.check} stops it now") as caught:
        apply_pending(user.change())
    assert exit_code_of(caught.value) == 4 and user.live() == before
    (alert,) = (user.change().settings.home / "alerts.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(alert)["details"].keys() == {user.check}


def test_an_override_counts_only_where_it_is_named(user: User) -> None:
    user.desire(5)
    overrides = {user.check: "by ana: a campaign"}
    assert not failures(plan_now(user.change(), overrides).results)
    with pytest.raises(PlanStoppedError):
        apply_pending(user.change())
    plan_now(user.change(), overrides)
    before = user.live()
    apply_pending(user.change(), overrides)
    assert user.live() != before


# Applying


def killed_at(steps: int) -> Callable[[], None]:
    left = iter(range(steps))

    def step() -> None:
        if next(left, None) is None:
            raise KilledError

    return step


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_at_any_step_converges(
    kind: str, home: Settings, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills, was_killed = 0, True
    while was_killed:
        user = user_of(kind, home, tmp_path / str(kills), clock, monkeypatch)
        user.desire(2)
        plan_now(user.change())
        remembered = user.intended()
        user.step = killed_at(kills)
        try:
            apply_pending(user.change())
            was_killed = False
        except KilledError:
            assert user.intended() != remembered, "what is intended is written down before the change"
        user.step = lambda: None
        apply_pending(user.change())
        reached = user.live()
        plan_now(user.change())
        apply_pending(user.change())
        assert user.live() == reached
        kills += 1
    assert kills > 2


def test_an_overtaken_plan_is_made_once_more(shelf: ShelfUser, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.desire(1)
    plan_now(shelf.change())
    overtake(monkeypatch, times=1)
    apply_pending(shelf.change())
    assert shelf.live() == {"a": 2, "b": 3} and shelf.world.made == 2


def test_a_plan_overtaken_twice_is_given_up(shelf: ShelfUser, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.desire(1)
    overtake(monkeypatch, times=9)
    with pytest.raises(StalePlanError):
        apply_pending(shelf.change())
    assert shelf.world.made == 2 and not shelf.live()


def overtake(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    apply, left = ShelfChange.apply, [times]

    def overtaken(change: ShelfChange, plan: Any) -> Any:
        if left[0] > 0:
            left[0] -= 1
            state = change.store.load()
            change.store.save(type(state)(state.serial + 1))
        return apply(change, plan)

    monkeypatch.setattr(ShelfChange, "apply", overtaken)


# What a domain may add


def test_the_audit_row_precedes_the_change(shelf: ShelfUser) -> None:
    shelf.desire(1)
    shelf.step = killed_at(0)
    with pytest.raises(KilledError):
        apply_pending(shelf.change())
    assert [row.subject for row in shelf.world.audit] == ["a"] and not shelf.live()


def test_a_failed_verification_is_reported(shelf: ShelfUser) -> None:
    shelf.desire(1)
    shelf.world.is_lossy = True
    with pytest.raises(IncompleteApplyError, match="a, b read back otherwise") as caught:
        apply_pending(shelf.change())
    assert exit_code_of(caught.value) == 5 and caught.value.reports[0].changed == ("a", "b")


def test_what_expires_is_in_the_next_plan(shelf: ShelfUser) -> None:
    shelf.desire(1)
    apply_pending(shelf.change())
    shelf.world.desired = {"b": 3}
    assert plan_now(shelf.change()).plan.numbers == {"a": 0}


def test_an_undo_needs_a_reason_and_goes_back(shelf: ShelfUser) -> None:
    with pytest.raises(RequestError, match="Nothing was applied"):
        shelf.change().plan_undo()
    shelf.desire(1)
    apply_pending(shelf.change())
    plan = shelf.change().plan_undo()
    with pytest.raises(RequestError, match="A reason of 1 to 300"):
        shelf.change().apply_undo(plan, " ")
    shelf.change().apply_undo(plan, "too early")
    assert shelf.live() == {"a": 0, "b": 0} and shelf.world.audit[-3].command == "undo"
