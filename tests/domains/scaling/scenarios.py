"""Scenarios of the closed loop: steps, ramps, peaks, days, gaps, young clusters, nodes that come late or never. No test here."""

from __future__ import annotations

import numpy as np

from tests.domains.scaling.closed_loop import DAY, Scenario
from weir_models.predictive_scaling.series import Values


def level(days: float, demand: float) -> Values:
    return np.full(round(days * DAY), demand)


def changed(before: float, after: float, days: float = 2.0, hours: float = 4.0) -> Values:
    return np.concatenate([level(days, before), level(hours / 24, after)])


def daily(days: float, low: float, high: float) -> Values:
    at = np.arange(round(days * DAY))
    return (low + high) / 2 - (high - low) / 2 * np.cos(2 * np.pi * at / DAY)


def peak(days: float = 2.0, usual: float = 160.0, height: float = 900.0, hours_after: float = 4.0) -> Values:
    """An hour of a greater demand that ended."""
    return np.concatenate([level(days, usual), level(1 / 24, height), level(hours_after / 24, usual)])


CHANGE = 2 * DAY
"""Step at which the level changes."""
BEFORE = CHANGE - 6
"""The first decision, before it changes."""

SCENARIOS: dict[str, Scenario] = {
    "steady young": Scenario(level(1.25, 160.0), 4, first=6, every=6, noise=0.003),
    "steady young without noise": Scenario(level(0.75, 160.0), 4, first=2, every=6, noise=0.0),
    "steady": Scenario(level(2.5, 160.0), 4, first=CHANGE, every=6),
    "step up": Scenario(changed(228.0, 433.0), 6, first=BEFORE),
    "noisy step up": Scenario(changed(228.0, 433.0), 6, first=BEFORE, noise=0.03),
    "large step up": Scenario(changed(228.0, 1000.0), 6, first=BEFORE),
    "step down": Scenario(changed(900.0, 300.0), 14, first=BEFORE),
    "ramp": Scenario(
        np.concatenate([level(2, 200.0), np.linspace(200.0, 800.0, 48), level(2 / 24, 800.0)]), 5, first=BEFORE
    ),
    "ended peak": Scenario(peak(), 4, first=BEFORE),
    "ended peak without scaling": Scenario(peak(), 4, first=CHANGE + 13),
    "daily": Scenario(daily(3, 150.0, 600.0), 10, first=CHANGE, every=6),
    "gap of two days": Scenario(level(4.75, 300.0), 6, first=4 * DAY, every=6, silent=(slice(CHANGE, 4 * DAY),)),
    "silence, then more": Scenario(
        np.concatenate([level(4, 200.0), level(0.75, 380.0)]),
        6,
        first=4 * DAY,
        every=6,
        silent=(slice(CHANGE, 4 * DAY),),
    ),
    "outage": Scenario(np.concatenate([level(2, 320.0), level(2 / 24, 8.0), level(4 / 24, 320.0)]), 6, first=BEFORE),
    "flapping": Scenario(np.where(np.arange(2.25 * DAY) // 2 % 2 == 0, 150.0, 330.0), 6, first=CHANGE),
    "scale near zero": Scenario(changed(0.4, 100.0), 3, first=BEFORE),
    "constant, then moving": Scenario(
        np.concatenate([level(2, 160.0), 160.0 + 40.0 * np.sin(np.arange(48))]), 4, first=BEFORE, noise=0.0
    ),
    "CPU as a share of one": Scenario(level(2.25, 240.0), 4, first=CHANGE, every=6, cpu_factor=0.01),
    "nodes late": Scenario(changed(228.0, 433.0), 6, first=BEFORE, delay=6),
    "half of the nodes": Scenario(changed(228.0, 433.0), 6, first=BEFORE, arriving=0.5),
    "no nodes": Scenario(changed(228.0, 433.0), 6, first=BEFORE, arriving=0.0),
}
