"""States of versions: what follows from transitions, and which are refused."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets.releases.standing import (
    BARRED,
    CANARY,
    CANDIDATE,
    CHAMPION,
    PREVIOUS,
    RETIRED,
    SHADOW,
    SHARES,
    Standing,
    next_share,
    standing_of,
)


@dataclass(frozen=True)
class Step:
    version: str
    state: str
    share: float | None = None
    serial: int = 0


def after(*steps: tuple[str, str] | tuple[str, str, float]) -> Standing:
    rows = [Step(step[0], step[1], step[2] if len(step) == 3 else None, n + 1) for n, step in enumerate(steps)]
    return standing_of(reversed(rows))


def test_a_version_goes_from_candidate_to_champion() -> None:
    standing = after(("1", CHAMPION), ("2", CANDIDATE), ("2", SHADOW), ("2", CANARY, 0.05))
    assert (standing.champion, standing.challenger, standing.share) == ("1", "2", 0.05)
    assert standing.aliases == {CANDIDATE: None, SHADOW: None, CANARY: "2", CHAMPION: "1", PREVIOUS: None}
    standing = after(("1", CHAMPION), ("2", CANARY, 0.05), ("2", CHAMPION), ("3", CHAMPION))
    assert standing.states == {"1": RETIRED, "2": PREVIOUS, "3": CHAMPION}
    assert (standing.champion, standing.previous, standing.challenger) == ("3", "2", None)


def test_a_barred_champion_gives_way_to_the_one_before() -> None:
    standing = after(("1", CHAMPION), ("2", CHAMPION), ("2", BARRED))
    assert (standing.champion, standing.previous, standing.barred) == ("1", None, {"2"})
    assert standing.states == {"1": CHAMPION, "2": BARRED}


def test_a_challenger_taken_out_leaves_the_champion() -> None:
    standing = after(("1", CHAMPION), ("2", CANARY, 0.25), ("2", BARRED))
    assert (standing.champion, standing.challenger, standing.share) == ("1", None, 0.0)


@pytest.mark.parametrize(
    ("steps", "version", "state", "share", "told"),
    [
        ((("1", CHAMPION), ("2", BARRED)), "2", CHAMPION, None, "version 2 is barred"),
        ((("1", CHAMPION), ("2", BARRED)), "2", SHADOW, None, "version 2 is barred"),
        ((), "1", SHADOW, None, "no version serves yet"),
        ((("1", CHAMPION),), "1", CANARY, 0.05, "version 1 is the champion"),
        ((("1", CHAMPION), ("2", SHADOW)), "3", SHADOW, None, "version 2 is in shadow; one challenger at a time"),
        ((("1", CHAMPION),), "2", CANARY, 1.5, "a share above 0 and of at most 1"),
        ((("1", CHAMPION),), "2", CANARY, None, "a share above 0 and of at most 1"),
        ((("1", CHAMPION),), "1", BARRED, None, "version 1 is the only one that can serve"),
        ((("1", CHAMPION), ("2", CANARY, 0.05)), "2", CANARY, 0.05, "version 2 is canary already"),
        ((("1", CHAMPION),), "1", CHAMPION, None, "version 1 is champion already"),
    ],
)
def test_what_cannot_follow_is_refused(
    steps: tuple[tuple[str, str]], version: str, state: str, share: float | None, told: str
) -> None:
    assert told in (after(*steps).refusal(version, state, share) or "")


def test_a_canary_grows_step_by_step_to_all() -> None:
    shares, share = [], SHARES[0]
    while share is not None:
        shares.append(share)
        assert after(("1", CHAMPION), ("2", SHADOW)).refusal("2", CANARY, share) is None
        share = next_share(share)  # type: ignore[assignment]
    assert shares == [0.05, 0.25, 0.5, 1.0]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("12345"), st.sampled_from([CANDIDATE, SHADOW, CANARY, CHAMPION, RETIRED, BARRED]))
    )
)
def test_one_champion_and_one_challenger_at_any_time(moves: list[tuple[str, str]]) -> None:
    standing, served = Standing(), False
    for version, state in moves:
        share = 0.05 if state == CANARY else None
        if standing.refusal(version, state, share) is None:
            standing = standing.after(version, state, share, standing.serial + 1)
        served = served or standing.champion is not None
        in_states = list(standing.states.values())
        assert in_states.count(CHAMPION) == (1 if served else 0), "once one serves, one always does"
        assert in_states.count(SHADOW) + in_states.count(CANARY) <= 1
        assert in_states.count(PREVIOUS) <= 1
        assert standing.champion not in standing.barred and standing.challenger not in standing.barred
