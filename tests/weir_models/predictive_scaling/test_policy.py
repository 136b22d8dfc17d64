"""The policy: default thresholds, bounds, cooldowns and the floor. Demand is in percent of one node."""

from __future__ import annotations

import re
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir_models.predictive_scaling.policy import Memory, PolicySettings, Recommendation, Situation, recommend

SETTINGS = PolicySettings()
LONG_LOW = Memory(low_since=0.0)
AT = 100_000.0


def asked(
    nodes: int,
    current: float,
    predicted: float,
    upper: float | None = None,
    memory: Memory = LONG_LOW,
    **changed: float,
) -> Recommendation:
    """The answer for utilizations in percent of the nodes in force."""
    bound = predicted if upper is None else upper
    now = Situation(AT, nodes, current * nodes, predicted * nodes, bound * nodes)
    return recommend(now, memory, PolicySettings(**changed))[0]  # type: ignore[arg-type]


def test_predicted_load_above_80_scales_up_to_70() -> None:
    found = asked(10, current=60, predicted=84)
    assert (found.action, found.target_nodes, found.urgency) == ("scale_up", 12, "medium")
    assert asked(10, current=60, predicted=91).urgency == "high"


def test_predicted_load_below_30_scales_down_to_60() -> None:
    found = asked(10, current=35, predicted=24, upper=30, maximum_step_down=9)
    assert (found.action, found.urgency) == ("scale_down", "low")
    assert found.target_nodes == 6  # 350 percent of a node at 60 each: the current load counts too
    assert asked(10, current=45, predicted=24).action == "maintain"


def test_a_present_load_scales_up() -> None:
    found = asked(10, current=95, predicted=78)
    assert (found.action, found.urgency) == ("scale_up", "high")
    assert found.target_nodes >= 12 and "Current CPU (95.0%)" in found.reasoning


def test_the_upper_bound_limits_both_directions() -> None:
    found = asked(10, current=60, predicted=70, upper=96)
    assert (found.action, found.target_nodes) == ("scale_up", 12) and "upper bound" in found.reasoning
    assert asked(10, current=20, predicted=20, upper=76).action == "maintain"
    assert asked(10, current=20, predicted=20, upper=64).target_nodes == 8


def test_one_node_is_never_scaled_down_to_two() -> None:
    found = asked(1, current=10, predicted=10)
    assert (found.action, found.target_nodes) == ("scale_up", 2) and "below the minimum of 2" in found.reasoning
    assert asked(1, current=10, predicted=10, minimum_nodes=1).action == "maintain"
    assert asked(2, current=10, predicted=10).action == "maintain"


def test_a_scale_up_cools_down_without_load() -> None:
    just = Memory(scaled_up_at=AT - 100)
    assert "200 s more" in asked(10, 60, 84, memory=just).reasoning
    assert asked(10, 60, 84, memory=just).action == "maintain"
    assert asked(10, 85, 84, memory=just).action == "scale_up"
    assert asked(10, 60, 84, memory=Memory(scaled_up_at=AT - 300)).action == "scale_up"


@pytest.mark.parametrize("memory", [Memory(AT - 500, None, 0.0), Memory(None, AT - 500, 0.0)])
def test_a_scale_down_waits_for_both_cooldowns(memory: Memory) -> None:
    found = asked(10, 10, 10, memory=memory)
    assert found.action == "maintain" and "400 s more" in found.reasoning


def test_nodes_are_released_after_lasting_low_load() -> None:
    now = Situation(AT, 10, 100.0, 100.0, 100.0)
    first, memory = recommend(now, Memory(), SETTINGS)
    assert first.action == "maintain" and "only for 0 of 600 s" in first.reasoning
    broken, _ = recommend(Situation(AT + 300, 10, 500.0, 500.0, 500.0), memory, SETTINGS)
    assert broken.action == "maintain" and "suits" in broken.reasoning
    lasting, _ = recommend(Situation(AT + 600, 10, 100.0, 100.0, 100.0), memory, SETTINGS)
    assert lasting.action == "scale_down"


def test_a_break_restarts_the_low_load_wait() -> None:
    _, memory = recommend(Situation(AT, 10, 500.0, 500.0, 500.0), LONG_LOW, SETTINGS)
    assert memory.low_since is None


def test_steps_are_bounded_and_the_reason_says_so() -> None:
    up = asked(20, current=300, predicted=300)
    assert up.target_nodes == 30 and "a step of at most 10" in up.reasoning
    down = asked(40, current=1, predicted=1)
    assert down.target_nodes == 35 and "a step of at most 5" in down.reasoning


def test_nodes_stay_within_their_bounds() -> None:
    assert asked(95, current=99, predicted=99).target_nodes == 100
    full = asked(100, current=99, predicted=99)
    assert full.action == "maintain" and "are the maximum" in full.reasoning
    assert asked(120, current=50, predicted=50, memory=Memory()).action == "scale_down"


def test_no_forecast_is_no_change() -> None:
    assert asked(4, current=nan, predicted=nan).action == "maintain"
    assert asked(0, current=0, predicted=0).action == "maintain"


@given(
    st.integers(1, 130),
    st.floats(0, 20_000),
    st.floats(0, 20_000),
    st.floats(0, 20_000),
    st.builds(Memory, *[st.none() | st.floats(AT - 2_000, AT)] * 3),
)
def test_every_answer_is_within_bounds_and_says_why(
    nodes: int, current: float, predicted: float, upper: float, memory: Memory
) -> None:
    found, _ = recommend(Situation(AT, nodes, current, predicted, upper), memory, SETTINGS)
    assert len(found.reasoning) > 10
    assert not re.search(r"nan|None", found.reasoning)
    if found.action == "scale_up":
        assert nodes < found.target_nodes <= min(SETTINGS.maximum_nodes, nodes + SETTINGS.maximum_step_up)
    elif found.action == "scale_down":
        assert max(SETTINGS.minimum_nodes, nodes - SETTINGS.maximum_step_down) <= found.target_nodes < nodes
        if nodes <= SETTINGS.maximum_nodes:
            assert current <= SETTINGS.scale_up_above * found.target_nodes + 1e-6
            assert upper <= SETTINGS.scale_up_above * found.target_nodes + 1e-6
    else:
        assert found.target_nodes == nodes and found.urgency == "none"


def test_the_bound_alone_orders_few_nodes() -> None:
    found = asked(10, current=60, predicted=60, upper=400)
    assert (found.action, found.target_nodes) == ("scale_up", 12), "1.3 times the nine that carry 60 % of ten"
    assert asked(12, current=50, predicted=50, upper=400).action == "maintain"
    assert asked(12, current=20, predicted=20, upper=400).action == "maintain", "it keeps what it asks for"


def young(current: float, hours: float, **values: float) -> Recommendation:
    now = Situation(AT, 10, current * 10, 990.0, 2_000.0, measured_hours=hours)
    return recommend(now, LONG_LOW, PolicySettings(**values))[0]  # type: ignore[arg-type]


def test_a_young_cluster_is_held() -> None:
    for current in (5, 50):
        found = young(current, 6.0)
        assert (found.action, found.target_nodes) == ("maintain", 10)
        assert found.reasoning.startswith("Too young to judge, so held at 10: 6.0 hours of the last 24 were measured")
    assert young(50, 12.0).action == "scale_up"
    assert young(50, 6.0, least_measured_hours=6).action == "scale_up"


def test_a_young_cluster_follows_its_present_load() -> None:
    found = young(95, 1.0)
    assert (found.action, found.target_nodes) == ("scale_up", 14) and found.reasoning.startswith("Current CPU")
