"""A canary by its own decisions: entities count once, in the arm that served them, and arms are compared at any time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from platform_assets.domains.learning import experiments, outcomes
from platform_assets.domains.learning.comparing import BREACHED, PASSED, Judgement
from platform_assets.domains.learning.experiments import Rates, ended, plan_of, running
from platform_assets.domains.learning.feedback import Verdict
from platform_assets.domains.learning.outcomes import (
    FLAGGED_ARMS,
    WRONG_ARMS,
    WRONG_PAIRS,
    Outcome,
    first_served,
    judged,
)
from platform_assets.domains.learning.tables import learners
from platform_assets.domains.learning.windows import Window
from platform_assets.releases.record import Release, ReleaseError
from platform_assets.releases.standing import CANARY, CHAMPION, RETIRED

AT = datetime(2026, 11, 20, tzinfo=UTC)
WINDOW = Window(AT, AT + timedelta(hours=24))
LEARNING = learners()["client_abuse"]
NOTHING: tuple[list[bool], list[bool]] = ([], [])


def verdict(
    entity: str, flagged: bool | None, label: str, hours: float = 1, example: str = "", given: float = 30
) -> Verdict:
    return Verdict.make(
        AT + timedelta(hours=given), "a", label, f"{entity}@", "why", model="client_abuse", entity=entity,
        event_at=AT + timedelta(hours=hours), is_flagged=flagged, example=example,
    )  # fmt: skip


def test_an_entity_counts_once_in_the_arm_of_its_first_hour() -> None:
    rows = [
        ("h2", "a", "2", True), ("h1", "a", "1", False), ("h3", "a", "1", True),
        ("h1", "b", "2", False), ("h2", "b", "2", True), ("h1", "c", "1", True), ("h1", "old", "2", True),
    ]  # fmt: skip
    expected = {"a": (False, True), "b": (True, True), "c": (False, True)}
    assert first_served(rows, "2", {"old"}) == first_served(rows[::-1], "2", {"old"}) == expected
    assert first_served(rows[:2], "2", ()) == {"a": (False, False)}, "what the other arm flagged is not its own"


def arms(canary: tuple[int, int], champion: tuple[int, int], name: str = "") -> dict[str, tuple[bool, bool]]:
    """Entities of both arms: flagged of all."""
    return {
        f"{name}{arm}{number}": (arm, number < flagged)
        for arm, (flagged, n) in ((True, canary), (False, champion))
        for number in range(n)
    }


def test_equal_arms_breach_nothing() -> None:
    earlier: dict[str, Any] = {}
    for block in range(10):
        found = judged(arms((2, 100), (38, 1900), f"{block} "), {}, (), NOTHING, LEARNING, earlier)
        assert not found.breached
        earlier = json.loads(json.dumps(dict(found.evidence)))
    assert found.figures[FLAGGED_ARMS]["counts"] == (20, 1000, 380, 19000)
    assert found.figures[FLAGGED_ARMS]["verdict"] == "undecided"


@pytest.mark.parametrize(
    ("canary", "champion", "told"),
    [((30, 100), (38, 1900), "flags more than the champion"), ((0, 2000), (700, 2000), "flags less than the champion")],
)
def test_what_an_arm_really_flagged_breaches(canary: Any, champion: Any, told: str) -> None:
    found = judged(arms(canary, champion), {}, (), NOTHING, LEARNING, {})
    assert len(found.breached) == 1 and told in found.breached[0]
    joined = found.joined(Judgement(PASSED, "nothing on both's rows", {"slower": {}}, {"slower": 1}))
    assert joined.verdict == BREACHED and joined.sentence == found.breached[0]
    assert joined.evidence.keys() == {"slower", FLAGGED_ARMS, WRONG_ARMS, WRONG_PAIRS}


def test_a_difference_within_the_guard_is_no_breach() -> None:
    found = judged(arms((70, 10_000), (20, 10_000)), {}, (), NOTHING, LEARNING, {})
    assert found.breached == () and found.figures[FLAGGED_ARMS]["low"] > 0, "it is proved, and allowed"


def test_wrong_decisions_of_the_canary_breach() -> None:
    settled = arms((0, 200), (0, 3800))
    wrong = {entity for entity, (arm, _) in settled.items() if arm and entity.endswith(("1", "2"))}
    found = judged({}, settled, wrong, NOTHING, LEARNING, {})
    assert "people called more of its decisions wrong: 40 of 200 entities beside 0 of 3,800" in found.breached[0]
    assert judged({}, settled, {"False1", "False2"}, NOTHING, LEARNING, {}).breached == ()


def test_examples_that_people_judged_are_pairs() -> None:
    found = judged({}, {}, (), ([True] * 60, [False] * 60), LEARNING, {})
    assert "it is wrong more often by 1" in found.breached[0] and "60 examples" in found.breached[0]
    better = judged({}, {}, (), ([False] * 60, [True] * 60), LEARNING, {})
    assert not better.breached and better.figures[WRONG_PAIRS]["verdict"] == "better"


def test_verdicts_count_in_their_window_where_they_contradict() -> None:
    verdicts = [
        verdict("false alarm", True, "benign"), verdict("missed", False, "attack"), verdict("right", True, "attack"),
        verdict("not scored", None, "benign"), verdict("later", True, "benign", hours=24), verdict("first", True, "benign", hours=0),
    ]  # fmt: skip
    assert outcomes.wrongly_judged(verdicts, WINDOW) == {"false alarm", "missed", "first"}


def test_an_example_is_judged_once_an_entity() -> None:
    rows = [verdict("a", True, "benign", example="{}", given=given) for given in (5, 10, 20)]
    rows += [verdict("b", True, "benign", example="{}", given=20), verdict("c", True, "benign", given=20)]
    until = AT + timedelta(hours=30)

    def fresh(since: float, used: float | None) -> list[tuple[str, float]]:
        at = None if used is None else AT + timedelta(hours=used)
        found = outcomes.new_examples(rows, AT + timedelta(hours=since), until, at)
        return [(row.entity, (row.acted_at - AT).total_seconds() / 3600) for row in found]

    assert fresh(0, None) == [("a", 5), ("b", 20)]
    assert fresh(0, 12) == [("b", 20)], "a was judged at the look before"
    assert fresh(7, None) == [("a", 10), ("b", 20)], "the version may have been fitted on the first"


class Model:
    def __init__(self, flags: list[bool] | Exception) -> None:
        self.flags = flags

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        assert list(frame) == ["x", "y"]
        if isinstance(self.flags, Exception):
            raise self.flags
        return pd.DataFrame({"is_abuse": self.flags})


def test_a_version_that_fails_is_wrong_everywhere() -> None:
    rows = [verdict("a", True, "benign", example='{"x": 1}'), verdict("b", True, "attack", example='{"y": 2, "z": 3}')]
    models = [Model([True, True]), Model(KeyError("x"))]
    assert outcomes.errors_of(models, rows, ["x", "y"], "is_abuse") == ([True, False], [True, True])
    assert outcomes.errors_of(models, [], ["x"], "is_abuse") == ([], [])


def test_a_plan_says_how_long_each_way_takes() -> None:
    plan = plan_of(Rates(entities=100.0, flagged_share=0.02, judged=1.0), 0.01, 0.5)
    assert plan.flagged is not None and plan.pairs is not None and plan.wrong is None
    assert plan.flagged.observations == 17_094, "as `make eval-learning` plans it"
    first, second, third = plan.sentences
    assert (
        "17,094 entities, some 8 days" in first
        and "nothing was observed" in second
        and "judged examples, some" in third
    )
    assert plan_of(Rates(entities=100.0, flagged_share=0.02), 0.01, 0.05).flagged.observations > 4 * 17_094  # type: ignore[union-attr]
    assert plan_of(Rates(flagged_share=0.02), 0.01, 0.5).sentences[0].endswith("of which none come in now")
    assert plan_of(Rates(10.0, 0.0, 0.0, 0.995), 0.01, 0.5).details() == {"effect": 0.01}


@pytest.mark.parametrize(("effect", "share"), [(0.0, 0.5), (1.0, 0.5), (0.1, 0.0), (0.1, 1.0)])
def test_what_is_no_effect_cannot_be_planned(effect: float, share: float) -> None:
    with pytest.raises(ReleaseError, match="An effect is a difference of shares"):
        plan_of(Rates(10.0, 0.1), effect, share)


def test_an_experiment_needs_verdicts() -> None:
    with pytest.raises(ReleaseError, match="Nobody gives verdicts on predictive_scaling"):
        experiments.require_verdicts("predictive_scaling", plan_of(Rates(), 0.01, 0.5))
    with pytest.raises(ReleaseError, match="No verdict on client_abuse came in the last 30 days"):
        experiments.require_verdicts("client_abuse", plan_of(Rates(), 0.01, 0.5))
    experiments.require_verdicts("client_abuse", plan_of(Rates(judged=0.1), 0.01, 0.5))


def figure(verdict: str, n: int, difference: float = -0.1) -> dict[str, Any]:
    return {"verdict": verdict, "n": n, "difference": difference}


@pytest.mark.parametrize(
    ("figures", "state", "told"),
    [
        ({WRONG_PAIRS: figure("better", 40)}, CHAMPION, "it is wrong less often by 0.1 on 40 examples"),
        ({WRONG_ARMS: figure("better", 400)}, CHAMPION, "on 400 entities of both arms"),
        ({WRONG_PAIRS: figure("undecided", 100)}, RETIRED, "no difference was seen in the 100 observations planned"),
        ({WRONG_PAIRS: figure("undecided", 99)}, None, "has 99 of 100 of its observations"),
        ({}, None, "has none of its observations"),
    ],
)
def test_an_experiment_ends_by_evidence_or_as_planned(figures: Any, state: str | None, told: str) -> None:
    found = ended({"effect": 0.02, WRONG_PAIRS: 100}, figures)
    assert found[0] == state and told in found[1]


def test_an_experiment_is_known_by_the_newest_step() -> None:
    def step(command: str, state: str, details: str = "") -> Release:
        return Release.make(AT, "a", command, "m 2", "why", model="m", version="2", state=state, details=details)

    ab = step("ab", CANARY, '{"ab": {"effect": 0.02}}')
    assert running([step("shadow", "shadow"), ab], "2") == {"effect": 0.02}
    assert running([ab, step("canary", CANARY)], "2") is None and running([ab], "3") is None
    assert Outcome().joined(Judgement(PASSED, "s")).verdict == PASSED


def test_evidence_is_told_in_sentences() -> None:
    from platform_assets.domains.learning.compare_command import evidence

    found = judged(arms((30, 100), (38, 1900)), {}, (), ([True] * 60, [False] * 60), LEARNING, {})
    flags, pairs = evidence(json.loads(json.dumps(dict(found.figures))))
    assert flags.startswith("flagged of what each served: 30 of 100 beside 38 of 1,900, +0.2")
    assert flags.endswith(", more")
    assert pairs.startswith("wrong at the examples that people judged: n = 60, +1 (") and pairs.endswith(", worse")
    assert evidence({"slower": {"name": "slower"}}) == []
