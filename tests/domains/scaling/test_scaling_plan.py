"""What a plan makes of a recommendation, the live size and what was applied; and what stops it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.actions.checks import failures
from platform_assets.actions.errors import RequestError
from platform_assets.domains.scaling.checks import Bounds, run_checks
from platform_assets.domains.scaling.plan import bounds_of, entry_of, plan, undo
from platform_assets.domains.scaling.plan_values import (
    DOWN,
    HOLD,
    STAY,
    UP,
    Entry,
    Forecast,
    LastApplied,
    Limits,
    LiveSize,
    Plan,
    Subject,
)
from weir_models.predictive_scaling.policy import PolicySettings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMITS = Limits(timedelta(minutes=15), 0.6)
FORECAST = Forecast(NOW - timedelta(minutes=5), UP, 9, "medium", "Predicted CPU (85.0%) exceeds 80%", 0.9, 70.0, 6)


def forecast(**values: Any) -> Forecast:
    return replace(FORECAST, **values)


def subject(**values: Any) -> Subject:
    given = {
        "cluster_id": "shop",
        "target": "asg: shop@eu-west-1",
        "live": LiveSize(6),
        "forecast": FORECAST,
        "now": NOW,
    }
    return Subject(**{**given, "is_file": False, **values})


def entry(**values: Any) -> Entry:
    return entry_of(subject(**values), LIMITS)


def test_a_recommendation_becomes_a_change_with_its_reason() -> None:
    found = entry()
    assert (found.operation, found.nodes_before, found.nodes_after) == (UP, 6, 9)
    assert found.reason == FORECAST.reasoning and found.urgency == "medium" and found.is_change


def test_starting_nodes_are_not_ordered_again() -> None:
    assert entry(live=LiveSize(9)).operation == STAY
    assert entry(live=LiveSize(11)).nodes_after == 11, "the forecast counted 6 of 11"
    kept = entry(live=LiveSize(8), forecast=forecast(action=STAY, target_nodes=6))
    assert (kept.operation, kept.nodes_after) == (STAY, 8)
    down = entry(live=LiveSize(4), forecast=forecast(action=DOWN, target_nodes=5))
    assert (down.operation, down.nodes_after) == (STAY, 4)


@pytest.mark.parametrize(
    ("live", "policy", "after", "said"),
    [
        (LiveSize(6, maximum=8), PolicySettings(), 8, "the maximum is 8"),
        (LiveSize(6), PolicySettings(maximum_nodes=7), 7, "the maximum is 7"),
        (LiveSize(6), PolicySettings(maximum_step_up=1), 7, "one step leads to 7"),
        (LiveSize(1, minimum=12), PolicySettings(), 11, "the minimum is 12; one step leads to 11"),
        (LiveSize(120), PolicySettings(), 115, "the maximum is 100; one step leads to 115"),
    ],
)
def test_bounds_and_step_limit_every_change(live: LiveSize, policy: PolicySettings, after: int, said: str) -> None:
    found = entry(live=live, policy=policy)
    assert found.nodes_after == after and found.reason.endswith(said)


def test_bounds_that_exclude_each_other_change_nothing() -> None:
    found = entry(live=LiveSize(6, minimum=8), policy=PolicySettings(maximum_nodes=7))
    assert (found.operation, found.nodes_after) == (STAY, 6) and "correct the file of targets" in found.reason


def test_old_metrics_hold_a_cluster() -> None:
    assert entry(now=NOW + timedelta(minutes=15)).is_change, "its step ended fifteen minutes ago, to the second"
    found = entry(now=NOW + timedelta(minutes=16))
    assert (found.operation, found.nodes_after, found.is_fresh) == (HOLD, 6, False)
    assert "16 minutes old, of at most 15" in found.reason
    assert entry(forecast=None).operation == HOLD


def test_a_cooldown_yields_to_present_load() -> None:
    up = LastApplied(6, scaled_up_at=NOW - timedelta(seconds=200))
    assert "cools down for 100 s more" in entry(last_applied=up).reason
    assert entry(last_applied=up).operation == HOLD
    assert entry(last_applied=up, now=NOW + timedelta(seconds=100)).operation == UP
    assert entry(last_applied=up, forecast=forecast(current_cpu_utilization=80.1)).operation == UP
    down = forecast(action=DOWN, target_nodes=4)
    fewer = LastApplied(6, scaled_down_at=NOW - timedelta(seconds=200))
    assert entry(last_applied=fewer).operation == UP, "having scaled down delays no scaling up"
    assert "700 s more" in entry(last_applied=fewer, forecast=down).reason
    assert "700 s more" in entry(last_applied=up, forecast=down).reason


def test_a_poor_forecast_is_not_acted_upon() -> None:
    found = entry(forecast=forecast(confidence=0.4))
    assert found.operation == HOLD and "only 40% of the last day's loads" in found.reason
    assert entry(forecast=forecast(confidence=0.4, current_cpu_utilization=95.0)).operation == UP


def test_an_undo_holds_a_cluster_whatever_its_load() -> None:
    found = entry(hold_reason="an undo holds it", forecast=forecast(current_cpu_utilization=95.0))
    assert (found.operation, found.nodes_after) == (HOLD, 6) and found.reason.endswith("but an undo holds it")


def test_without_node_counts_a_file_gets_multiples() -> None:
    uncounted = forecast(node_count=None, target_nodes=2)
    found = entry(forecast=uncounted, live=LiveSize(None), is_file=True)
    assert (found.nodes_before, found.nodes_after, found.is_counted, found.changed_nodes) == (None, 2, False, 1)
    assert entry(forecast=uncounted, live=LiveSize(2), is_file=True).is_change is False
    assert entry(forecast=uncounted).operation == HOLD
    assert entry(forecast=replace(uncounted, confidence=0.1), live=LiveSize(None), is_file=True).operation == HOLD


def test_an_empty_file_gets_the_size_in_force() -> None:
    found = entry(live=LiveSize(None), is_file=True, forecast=forecast(action=STAY, target_nodes=6))
    assert (found.operation, found.nodes_after, found.is_change, found.changed_nodes) == (STAY, 6, True, 0)


def test_a_pending_size_counts_once_it_arrives() -> None:
    asked = LastApplied(6, pending=9, pending_at=NOW - timedelta(seconds=60))
    higher = forecast(target_nodes=11)
    found = entry(live=LiveSize(9), last_applied=asked, forecast=higher)
    assert found.operation == HOLD and "240 s more" in found.reason and not found.is_changed_externally
    again = entry(live=LiveSize(6), last_applied=asked)
    assert again.operation == UP and not again.is_changed_externally, "it never arrived"


def test_an_external_change_is_named_or_allowed() -> None:
    known = LastApplied(4)
    assert entry(last_applied=known).is_changed_externally
    assert "somebody else set it to 6, 4 was applied last" in entry(last_applied=known).reason
    assert not entry(last_applied=known, allow_external_change=True).is_changed_externally
    assert not entry(last_applied=LastApplied()).is_changed_externally, "nothing was ever applied"


counts = st.integers(0, 150)


@given(
    live=counts,
    target=counts,
    action=st.sampled_from((UP, DOWN, STAY)),
    least=st.integers(0, 20),
    span=st.integers(0, 100),
    step=st.integers(1, 12),
    own=st.integers(0, 150),
)
def test_no_change_breaks_bounds_step_or_recommendation(
    live: int, target: int, action: str, least: int, span: int, step: int, own: int
) -> None:
    policy = PolicySettings(
        minimum_nodes=least, maximum_nodes=least + span, maximum_step_up=step, maximum_step_down=step
    )
    one = subject(
        live=LiveSize(live, maximum=own), policy=policy, forecast=forecast(action=action, target_nodes=target)
    )
    found, (lowest, highest) = entry_of(one, LIMITS), bounds_of(one)
    assert found.nodes_after is not None and abs(found.nodes_after - live) <= step
    if lowest <= live <= highest:
        assert lowest <= found.nodes_after <= highest
        assert found.operation in (action, STAY)
    results = run_checks(Plan((found,), NOW), Bounds(), {})
    assert {one.name: one.passed for one in results}["sizes_stay_within_bounds"]
    settled = entry_of(replace(one, live=replace(one.live, nodes=found.nodes_after)), LIMITS)
    if abs(found.nodes_after - live) < step:
        assert not settled.is_change, "applied, the plan is empty"


# Checks


def made(*entries: Entry) -> Plan:
    return Plan(entries, NOW)


def stopped(*entries: Entry, overrides: dict[str, str] | None = None, **bounds: Any) -> list[str]:
    return [one.name for one in failures(run_checks(made(*entries), Bounds(**bounds), overrides or {}))]


def test_a_sound_or_empty_plan_passes() -> None:
    assert not stopped(entry()) and not stopped()


def test_a_plan_without_fresh_clusters_stops() -> None:
    stale = entry(now=NOW + timedelta(hours=1))
    assert stopped(stale) == ["metrics_are_fresh"]
    assert not stopped(stale, entry(cluster_id="blog")), "one silent cluster holds back no other"
    assert stopped(stale, entry(is_file=True)) == ["metrics_are_fresh"], (
        "a file is replayed, the target in AWS is stale"
    )


def test_a_plan_with_mostly_poor_forecasts_stops() -> None:
    poor = [entry(cluster_id=str(n), forecast=forecast(confidence=0.2)) for n in range(3)]
    good = [entry(cluster_id=f"g{n}") for n in range(2)]
    assert stopped(*poor, *good) == ["forecasts_held"]
    assert not stopped(*poor[:2], *good, entry(cluster_id="x"))
    assert not stopped(*poor), "three clusters say nothing about the input"


def test_a_plan_stops_beyond_the_total_change() -> None:
    assert not stopped(entry(), entry(cluster_id="blog"), max_total_change=6)
    assert stopped(entry(), entry(cluster_id="blog"), max_total_change=5) == ["changes_are_bounded"]


def test_a_plan_beyond_its_bounds_stops() -> None:
    assert stopped(replace(entry(), maximum=8)) == ["sizes_stay_within_bounds"]
    assert stopped(replace(entry(), minimum=20, nodes_after=5, base=6)) == ["sizes_stay_within_bounds"]
    assert not stopped(replace(entry(), minimum=20, nodes_after=9, base=6))


def test_a_plan_over_an_external_change_stops() -> None:
    assert stopped(entry(last_applied=LastApplied(4))) == ["nobody_else_scaled"]
    same = entry(last_applied=LastApplied(4), forecast=forecast(action=STAY, target_nodes=6))
    assert same.is_changed_externally and not stopped(same), "nothing changes there"


def test_an_override_passes_one_check_with_reason() -> None:
    changed_externally = entry(last_applied=LastApplied(4))
    assert not stopped(changed_externally, overrides={"nobody_else_scaled": "by ana: it was me"})
    found = {
        r.name: r for r in run_checks(made(changed_externally), Bounds(), {"nobody_else_scaled": "by ana: it was me"})
    }
    assert found["nobody_else_scaled"].sentence.startswith("Overridden (by ana: it was me): Somebody else scaled")
    with pytest.raises(RequestError, match="There is no check 'nonsense' to override; there are metrics_are_"):
        stopped(changed_externally, overrides={"nonsense": "x"})


def test_a_plan_is_ordered_and_counts_changes() -> None:
    both = plan([subject(), subject(cluster_id="blog", live=LiveSize(9))], LIMITS, NOW, missing={"ads": "It is gone."})
    assert [one.cluster_id for one in both.entries] == ["blog", "shop"]
    assert both.summary() == "1 scale_up, 1 maintain; 1 cannot be read; 3 nodes change"
    assert "  shop scale_up 6 -> 9 (medium): Predicted" in both.text() and "  ads: It is gone." in both.text()
    assert [row["cluster_id"] for row in both.rows()] == ["blog", "shop"]


# Undo


def test_an_undo_respects_external_changes() -> None:
    applied = {"a": (4, 6), "b": (9, 7), "c": (4, 6), "d": (4, 6), "e": (None, 6), "f": (1, 2)}
    live = {"a": LiveSize(6), "b": LiveSize(7), "c": LiveSize(5), "d": LiveSize(4), "e": LiveSize(6)}
    found = undo(applied, live, dict.fromkeys(applied, "file:x"), NOW, 3, {"f": "It cannot be read."})
    assert {one.cluster_id: (one.operation, one.nodes_after) for one in found.entries} == {
        "a": (DOWN, 4),
        "b": (UP, 9),
        "c": (HOLD, 5),
        "d": (STAY, 4),
        "e": (HOLD, 6),
    }
    assert found.missing == {"f": "It cannot be read."} and found.serial == 3
