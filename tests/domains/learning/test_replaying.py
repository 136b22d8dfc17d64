"""Promotion by replay: what is told of it, when it refuses, and for whom it is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from platform_assets.core.domain import load
from platform_assets.domains.learning.comparing import PASSED
from platform_assets.domains.learning.replaying import REFUSED, is_needed, judged
from platform_assets.domains.learning.tables import learners, replayers
from platform_assets.releases.standing import CANARY, CANDIDATE, CHAMPION, SHADOW, Standing
from platform_assets.training.replays import Replayed, ReplayedEntry
from platform_assets.training.sets import training_sets
from weir_models.contract import Replay

START = datetime(2026, 11, 20, tzinfo=UTC)


def entry(name: str, before: str, after: str, newly: bool, innocent: str = "") -> ReplayedEntry:
    return ReplayedEntry(name, before, after, newly, 10, 3, innocent)


def replayed(*entries: ReplayedEntry) -> Replayed:
    return Replayed(START, START + timedelta(hours=24), 4, 5, entries)


def test_what_changes_is_told_and_passes_without_innocents() -> None:
    verdict, sentence = judged(
        replayed(
            entry("192.0.2.1/32", "", "block", True),
            entry("192.0.2.2/32", "block", "", False, "judged benign"),
            entry("192.0.2.3/32", "count", "block", True),
            entry("192.0.2.4/32", "block", "count", False, "judged benign"),
        ),
        Replay(24, 0),
    )
    assert verdict == PASSED, "who is let go is no reason to refuse"
    assert sentence == ("2026-11-20 00:00 to 2026-11-21 00:00 decided again: 4 then, 5 now, 1 enter, 1 leave, 2 change")


@pytest.mark.parametrize(("bound", "verdict"), [(0, REFUSED), (1, REFUSED), (2, PASSED)])
def test_too_many_innocents_refuse(bound: int, verdict: str) -> None:
    innocents = [
        entry("192.0.2.1/32", "", "challenge", True, "judged benign"),
        entry("192.0.2.0/24", "count", "block", True, "on the allow list"),
    ]
    found, sentence = judged(
        replayed(*innocents, entry("192.0.2.9/32", "", "count", False, "judged benign")), Replay(24, bound)
    )
    assert found == verdict
    assert (
        f"2 known innocents would newly be acted on (192.0.2.1/32 judged benign, 192.0.2.0/24 on the allow list), at most {bound}"
        in sentence
    )


def test_without_stored_hours_there_is_nothing_to_refuse() -> None:
    assert judged(Replayed(), Replay(24, 0)) == (PASSED, "no stored hours to replay")


@pytest.mark.parametrize(
    ("model", "version", "state", "is_asked"),
    [
        ("client_abuse", "2", CANARY, True),
        ("client_abuse", "2", CHAMPION, True),
        ("client_abuse", "2", SHADOW, False),
        ("client_abuse", "3", CANARY, False),
        ("client_abuse", "3", CHAMPION, False),
        ("client_abuse", "1", CHAMPION, False),
        ("anomaly_detection", "2", CANARY, False),
    ],
)
def test_a_version_is_replayed_before_it_decides(model: str, version: str, state: str, is_asked: bool) -> None:
    states = {"1": CHAMPION, "2": CANDIDATE, "3": CANARY}
    assert is_needed(Standing(3, states, champion="1", challenger="3", share=0.05), model, version, state) is is_asked
    assert not is_needed(Standing(), model, version, state), "the first version has nothing to be compared with"


def test_a_specification_and_its_domain_declare_a_replay_together() -> None:
    for model in learners():
        reference = training_sets()[model].replay
        assert bool(reference) == (model in replayers())
        assert not reference or callable(load(reference))
