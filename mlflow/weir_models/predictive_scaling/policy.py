"""The scaling policy: recommended number of nodes from forecast demand, with a reason. Pure.

Default thresholds with a floor from the present load, cooldowns, step limits, bounds and a memory. Demand is in percent of
one node: 250 keeps two and a half nodes busy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, inf, isfinite
from typing import Any, Literal

TIME_HORIZON_MINUTES = 30
HIGHEST_SHARE = 1.3
"""Nodes ordered for the upper bound alone, at most, relative to those that the forecast and the present load need."""


@dataclass(frozen=True)
class PolicySettings:
    """Thresholds in percent of utilization; times in seconds. `policy_of` fills in what a preset sets."""

    preset: Literal["budget", "thresholds"] = "thresholds"
    """budget: the cheapest size that keeps `violation_budget`; thresholds: the fixed thresholds below. Without one: budget."""
    violation_budget: float = 1.0
    """Percent of steps that may be above `scale_up_above`."""
    lead_seconds: float = 600.0
    """Time from one decision until the nodes of the next one serve; a size has to last that long. Learned where it is not set."""
    scale_up_above: float = 80.0
    scale_up_to: float = 70.0
    urgent_above: float = 90.0
    scale_down_below: float = 30.0
    scale_down_current_below: float = 40.0
    scale_down_to: float = 60.0
    minimum_nodes: int = 2
    maximum_nodes: int = 100
    maximum_step_up: int = 10
    maximum_step_down: int = 5
    cooldown_up_seconds: float = 300.0
    cooldown_down_seconds: float = 900.0
    low_for_seconds: float = 600.0
    """How long demand must have been low without interruption before nodes are released."""
    least_measured_hours: float = 12.0
    """Hours of the last 24 that must have been measured before a forecast counts."""
    least_peak_percent: float = 1.0
    """A cluster whose CPU was never above this is held, since its CPU may be a share of 0 to 1; 0 where it is not."""


PRESETS: Mapping[str, Mapping[str, float]] = {
    "budget": {"cooldown_up_seconds": 0.0, "cooldown_down_seconds": 0.0, "low_for_seconds": 0.0},
    "thresholds": {},
}
"""Preset -> fields that it sets where nobody else does."""
DEFAULT_PRESET = "budget"


def policy_of(overrides: Mapping[str, Any] | None = None) -> PolicySettings:
    """Settings of the preset that `overrides` name, or of the default one, with the overrides; TypeError for an unknown field."""
    values = {"preset": DEFAULT_PRESET, **(overrides or {})}
    return PolicySettings(**{**PRESETS[values["preset"]], **values})


def waiting(settings: PolicySettings) -> PolicySettings:
    """The settings with at least the waiting times of the thresholds, which decide where too little is known for a budget."""
    usual = PolicySettings()
    return replace(settings, **{name: max(getattr(settings, name), getattr(usual, name)) for name in PRESETS["budget"]})


@dataclass(frozen=True)
class Choice:
    """The size that a budget leads to."""

    nodes: int
    chance: float
    """That demand exceeds the threshold until the next size serves."""


@dataclass(frozen=True)
class Situation:
    """Inputs of a recommendation."""

    at: float
    """Seconds since 1970."""
    nodes: int
    """Nodes in force and nodes that are starting."""
    current_demand: float
    predicted_demand: float
    upper_demand: float
    """Upper bound of the 90 % interval."""
    measured_hours: float = inf
    """Hours of the last 24 that were measured."""
    peak_percent: float = inf
    """The greatest CPU utilization of the history, as it was given."""
    choice: Choice | None = None
    """What the budget leads to; None where the preset is another, or too little is known for it."""


@dataclass(frozen=True)
class Memory:
    """State from earlier recommendations; seconds since 1970."""

    scaled_up_at: float | None = None
    scaled_down_at: float | None = None
    low_since: float | None = None


@dataclass(frozen=True)
class Recommendation:
    """A recommended action."""

    action: str
    """scale_up, scale_down or maintain."""
    target_nodes: int
    urgency: str
    """high, medium, low or none."""
    reasoning: str


def nodes_for(demand: float, utilization: float) -> int:
    """Nodes that carry the demand at no more than that utilization (percent)."""
    return ceil(demand / utilization - 1e-9)


def recommend(now: Situation, memory: Memory, settings: PolicySettings) -> tuple[Recommendation, Memory]:
    """The recommendation, and the memory after following it."""
    nodes = now.nodes
    if nodes < 1:
        return Recommendation("maintain", nodes, "none", f"{nodes} nodes are in force: nothing to scale from"), memory
    if not (isfinite(now.current_demand) and isfinite(now.predicted_demand) and isfinite(now.upper_demand)):
        return Recommendation("maintain", nodes, "none", "No forecast: too little has been measured"), Memory(
            memory.scaled_up_at, memory.scaled_down_at
        )
    if now.peak_percent <= settings.least_peak_percent:
        return _stay(nodes, _why_share(now, settings), Memory(memory.scaled_up_at, memory.scaled_down_at))
    is_young = now.measured_hours < settings.least_measured_hours
    if is_young:  # what is measured counts, what is forecast does not yet
        now = replace(now, predicted_demand=now.current_demand, upper_demand=now.current_demand)
    current, predicted = now.current_demand / nodes, now.predicted_demand / nodes
    floor = nodes_for(max(now.current_demand, now.upper_demand), settings.scale_up_above)
    needed = nodes_for(max(now.predicted_demand, now.current_demand), settings.scale_up_to)
    # The bound alone orders few nodes, but keeps all that it asks for.
    ordered = min(floor, ceil(HIGHEST_SHARE * needed - 1e-9))
    low = not is_young and predicted < settings.scale_down_below and current < settings.scale_down_current_below
    low_since = (memory.low_since if memory.low_since is not None else now.at) if low else None
    new_memory = Memory(memory.scaled_up_at, memory.scaled_down_at, low_since)
    if nodes < settings.minimum_nodes:
        return _up(
            now,
            settings.minimum_nodes,
            f"{nodes} nodes are below the minimum of {settings.minimum_nodes}",
            new_memory,
            settings,
        )
    if nodes > settings.maximum_nodes:
        return _down(
            now,
            settings.maximum_nodes,
            f"{nodes} nodes are above the maximum of {settings.maximum_nodes}",
            new_memory,
            settings,
        )
    if now.choice is not None and not is_young:
        return _within_budget(now, now.choice, memory, settings)
    settings = waiting(settings)
    if predicted > settings.scale_up_above or ordered > nodes:
        desired = max(ordered, needed)
        return _up(now, desired, _why_up(current, predicted, now.upper_demand / nodes, settings), new_memory, settings)
    if is_young:
        return _stay(nodes, _why_young(now, settings), new_memory)
    if low:
        desired = max(
            floor,
            nodes_for(max(now.predicted_demand, now.current_demand), settings.scale_down_to),
            settings.minimum_nodes,
        )
        if desired < nodes:
            reason = f"Predicted CPU ({predicted:.1f}%) and current CPU ({current:.1f}%) allow scale down"
            return _down(now, desired, reason, new_memory, settings)
        return _stay(
            nodes,
            f"Load is low, but {nodes} nodes are the fewest that the minimum and the upper bound allow",
            new_memory,
        )
    return _stay(nodes, f"Capacity suits the predicted load ({predicted:.1f}%)", new_memory)


def _within_budget(
    now: Situation, choice: Choice, memory: Memory, settings: PolicySettings
) -> tuple[Recommendation, Memory]:
    """The size of the budget."""
    since = memory.low_since if memory.low_since is not None else now.at
    memory = replace(memory, low_since=since if choice.nodes < now.nodes else None)
    reason = (
        f"{'1 node is' if choice.nodes == 1 else f'{choice.nodes} nodes are'} the cheapest size with at most "
        f"{settings.violation_budget:g} % of steps above {settings.scale_up_above:g}% CPU; "
        f"the chance of it in the next {settings.lead_seconds / 60:g} minutes is {100 * choice.chance:.2g} %"
    )
    if choice.nodes > now.nodes:
        return _up(now, choice.nodes, reason, memory, settings)
    if choice.nodes < now.nodes:
        return _down(now, choice.nodes, reason, memory, settings)
    return _stay(now.nodes, reason, memory)


def _why_up(current: float, predicted: float, upper: float, settings: PolicySettings) -> str:
    """Reason for more nodes: current load, forecast or upper bound."""
    above = f"exceeds {settings.scale_up_above:g}%"
    if current > settings.scale_up_above:
        return f"Current CPU ({current:.1f}%) {above}, whatever is predicted ({predicted:.1f}%)"
    if predicted > settings.scale_up_above:
        return f"Predicted CPU ({predicted:.1f}%) {above}"
    return f"The upper bound of predicted CPU ({upper:.1f}%) {above}"


def _why_share(now: Situation, settings: PolicySettings) -> str:
    return (
        f"Held at {now.nodes}, for its CPU was never above {settings.least_peak_percent:g} %: is it a share of 0 to 1? "
        "If so, map it with a factor of 100, else set least_peak_percent of the cluster to 0"
    )


def _why_young(now: Situation, settings: PolicySettings) -> str:
    return (
        f"Too young to judge, so held at {now.nodes}: {now.measured_hours:.1f} hours of the last 24 were measured, "
        f"of at least {settings.least_measured_hours:g}"
    )


def _stay(nodes: int, reason: str, memory: Memory) -> tuple[Recommendation, Memory]:
    return Recommendation("maintain", nodes, "none", reason), memory


def _up(
    now: Situation, desired: int, reason: str, memory: Memory, settings: PolicySettings
) -> tuple[Recommendation, Memory]:
    """More nodes within the bounds; a present load does not wait for the cooldown."""
    most = min(settings.maximum_nodes, now.nodes + settings.maximum_step_up)
    target = min(desired, most)
    if target <= now.nodes:
        return _stay(now.nodes, f"{reason}, but {now.nodes} nodes are the maximum", memory)
    is_loaded = now.current_demand / now.nodes > settings.scale_up_above
    wait = _remaining(memory.scaled_up_at, settings.cooldown_up_seconds, now.at)
    if wait > 0 and not is_loaded:
        return _stay(now.nodes, f"{reason}, but the last scale up cools down for {wait:.0f} s more", memory)
    if target < desired:
        limit = "the maximum" if most == settings.maximum_nodes else f"a step of at most {settings.maximum_step_up}"
        reason = f"{reason}; {desired} nodes are needed, {limit} allows {target}"
    worst = max(now.predicted_demand, now.current_demand) / now.nodes
    urgency = "high" if worst > settings.urgent_above else "medium"
    return Recommendation("scale_up", target, urgency, reason), Memory(now.at, memory.scaled_down_at)


def _down(
    now: Situation, desired: int, reason: str, memory: Memory, settings: PolicySettings
) -> tuple[Recommendation, Memory]:
    """Fewer nodes, once the load has been low long enough and both cooldowns are over."""
    too_many = now.nodes > settings.maximum_nodes
    lasted = now.at - memory.low_since if memory.low_since is not None else 0.0
    if lasted < settings.low_for_seconds and not too_many:
        return _stay(
            now.nodes, f"{reason}, but only for {lasted:.0f} of {settings.low_for_seconds:.0f} s so far", memory
        )
    scaled = [at for at in (memory.scaled_up_at, memory.scaled_down_at) if at is not None]
    wait = _remaining(max(scaled, default=None), settings.cooldown_down_seconds, now.at)
    if wait > 0:
        return _stay(now.nodes, f"{reason}, but the last change cools down for {wait:.0f} s more", memory)
    target = max(desired, now.nodes - settings.maximum_step_down)
    if target > desired:
        reason = f"{reason}; {desired} nodes would do, a step of at most {settings.maximum_step_down} leads to {target}"
    return Recommendation("scale_down", target, "low", reason), Memory(memory.scaled_up_at, now.at, memory.low_since)


def _remaining(last_change: float | None, cooldown: float, at: float) -> float:
    """Remaining seconds of the cooldown."""
    return 0.0 if last_change is None else max(0.0, last_change + cooldown - at)
