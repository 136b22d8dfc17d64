"""After a kill: a candidate that was not proved and a judgement without its step are found, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from platform_assets.domains.learning.continuing import left_candidate, unfollowed
from platform_assets.releases.record import Release
from platform_assets.releases.standing import CANARY, CANDIDATE, CHAMPION, SHADOW, Standing

AT = datetime(2026, 11, 20, tzinfo=UTC)


def step(version: str, command: str = "register", state: str = CANDIDATE, actor: str = "weir") -> Release:
    return Release.make(AT, actor, command, f"m {version}", "why", model="m", version=version, state=state)


@pytest.mark.parametrize(
    ("rows", "reasons", "known", "version"),
    [
        ([step("1"), step("2")], {"2": "age"}, [None, "1"], "2"),
        ([step("1"), step("2")], {"1": "age", "2": "drift"}, ["1"], "2"),
        ([step("1"), step("2")], {"1": "age", "2": "drift"}, ["2"], None),
        ([step("1"), step("2")], {"1": "age"}, [], "1"),
        ([step("2")], {}, [], None),
        ([step("2", actor="somebody")], {"2": "age"}, [], None),
        ([step("2", command="unbar")], {"2": "age"}, [], None),
        ([], {"2": "age"}, [], None),
    ],
)
def test_only_what_a_retraining_left_is_continued(
    rows: list[Release], reasons: dict[str, str], known: list[str | None], version: str | None
) -> None:
    left = left_candidate(rows, reasons, known)
    assert (left and left[0].version) == version
    assert left is None or left[1] == reasons[version or ""]


CANARY_NOW = Standing(4, {"1": CHAMPION, "2": CANARY}, champion="1", challenger="2", share=0.05)


def compared(**changes: Any) -> dict[str, Any]:
    return {"challenger": "2", "champion": "1", "state": CANARY, "share": 0.05, "evaluated_at": AT, **changes}


@pytest.mark.parametrize(
    ("standing", "rows", "is_left"),
    [
        (CANARY_NOW, [compared()], True),
        (CANARY_NOW, [compared(share=0.25), compared()], True),
        (CANARY_NOW, [compared(), compared(state=SHADOW, share=None)], False),
        (replace(CANARY_NOW, share=0.25), [compared()], False),
        (replace(CANARY_NOW, champion="3"), [compared()], False),
        (
            replace(CANARY_NOW, states={"1": CHAMPION, "2": SHADOW}, share=0.0),
            [compared(state=SHADOW, share=None)],
            True,
        ),
        (replace(CANARY_NOW, challenger=None), [compared()], False),
        (CANARY_NOW, [compared(evaluated_at=AT - timedelta(seconds=1))], False),
        (CANARY_NOW, [], False),
    ],
)
def test_a_judgement_is_followed_while_nothing_moved(
    standing: Standing, rows: list[dict[str, Any]], is_left: bool
) -> None:
    assert unfollowed(standing, rows, AT) == (rows[-1] if is_left else None)
