"""Clusters that serve a shop, minute by minute: load with seasons, what goes wrong, and an autoscaler that follows.

What is true is here; how it is sampled and what is lost on the way is in cluster_files.py. Demand is in nodes: what
the load would keep busy at 100 % CPU, whether or not there are as many.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

METRICS = (
    "cpu_utilization",
    "memory_utilization",
    "network_utilization",
    "pod_count",
    "node_count",
    "request_rate",
    "response_time",
    "error_rate",
    "queue_depth",
    "spot_price",
)
"""Percent, percent, percent, count, count, a second, seconds, 0..1, count, USD an hour."""

NAMES = ("catalogue", "checkout", "search", "payments", "accounts", "recommendations")
LOAD = ("cpu_utilization", "network_utilization", "request_rate", "response_time")
AFFECTED = {
    "traffic_spike": LOAD,
    "deploy": ("cpu_utilization", "response_time"),
    "memory_leak": ("memory_utilization",),
    "outage": (*LOAD, "error_rate", "queue_depth"),
}
"""Kind of incident -> the metrics that show it."""
MINUTES_OF = {"traffic_spike": (20, 75), "deploy": (8, 20), "memory_leak": (300, 900), "outage": (10, 45)}
"""Kind -> shortest and longest."""
STRENGTH_OF = {"traffic_spike": (0.8, 2.2), "deploy": (0.15, 0.45), "memory_leak": (30.0, 50.0), "outage": (0.75, 1.0)}
"""Kind -> least and greatest: load added, load added for good, percent of memory at its end, share of requests lost."""
LIGHTER_SHARE = 0.4
"""Of the deploys: they take load away."""
INCIDENTS_A_DAY = 0.7
AROUND_INCIDENTS = 0.15
"""Share of the time of an incident that is kept free of it at both ends."""

BUSY, IDLE, AIM = 0.75, 0.40, 0.60
"""CPU at which the autoscaler adds nodes, at which it takes one away, and what it aims at."""
BOOT_MINUTES, CALM_MINUTES = 4, 15
GIVING_UP = 0.2
"""Share of the waiting work whose clients go away within a minute."""
LONGEST_QUEUE = 3.0
"""In minutes of all nodes."""


@dataclass(frozen=True)
class Incident:
    """Minutes `start` to `end` (exclusive) of the simulated span. After a deploy its new level stays."""

    kind: str
    start: int
    end: int
    strength: float

    @property
    def metrics(self) -> tuple[str, ...]:
        return AFFECTED[self.kind]


@dataclass(frozen=True)
class Cluster:
    """What a cluster is on every day: the same seed gives the same one."""

    name: str
    usual_demand: float
    day_amplitude: float
    peak_hour: float
    weekend: float
    """Factor of the load on Saturday and Sunday."""
    noise: float
    min_nodes: int
    pods_a_node: int
    requests_a_node: float
    seconds_a_request: float
    spot_price: float


@dataclass(frozen=True)
class Series:
    """A cluster over a span: one value a minute."""

    cluster: Cluster
    start: datetime
    demand: np.ndarray
    metrics: dict[str, np.ndarray]
    incidents: tuple[Incident, ...]

    @property
    def minutes(self) -> int:
        return len(self.demand)

    @cached_property
    def restarts(self) -> tuple[int, ...]:
        """Minutes in which processes began anew, and their counters with them."""
        return tuple(one.end for one in self.incidents if one.kind != "traffic_spike" and one.end < self.minutes)

    def at(self, minute: int) -> datetime:
        return self.start + timedelta(minutes=minute)


def cluster_of(seed: int, index: int) -> Cluster:
    """The cluster with this number; it depends on no other."""
    rng = np.random.default_rng([seed, index, 1])
    usual = float(rng.uniform(3.0, 12.0))
    name = NAMES[index % len(NAMES)]
    return Cluster(
        name=name if index < len(NAMES) else f"{name}-{index // len(NAMES) + 1}",
        usual_demand=usual,
        day_amplitude=float(rng.uniform(0.35, 0.75)),
        peak_hour=float(rng.uniform(11.0, 20.0)),
        weekend=float(rng.choice([0.6, 0.8, 1.25])),
        noise=float(rng.uniform(0.015, 0.04)),
        min_nodes=2,
        pods_a_node=int(rng.integers(6, 15)),
        requests_a_node=float(rng.uniform(40, 160)),
        seconds_a_request=float(rng.uniform(0.03, 0.15)),
        spot_price=float(rng.uniform(0.05, 0.3)),
    )


def simulate(seed: int, index: int, start: datetime, minutes: int) -> Series:
    """The cluster with this number from `start` (UTC) on."""
    cluster = cluster_of(seed, index)
    rng = np.random.default_rng([seed, index, 2, int(start.timestamp())])
    incidents = planned(rng, index, minutes)
    load = season(cluster, start, minutes) * np.exp(wandering(rng, minutes, cluster.noise, 0.97))
    for one in incidents:
        if one.kind == "traffic_spike":
            load[one.start : one.end] *= 1 + one.strength * swell(one.end - one.start)
    work = np.ones(minutes)
    for one in incidents:
        if one.kind == "deploy":
            work[one.start :] *= 1 + one.strength * np.minimum(
                1, np.arange(minutes - one.start) / (one.end - one.start)
            )
    demand = load * work
    lost = np.zeros(minutes)
    for one in incidents:
        if one.kind == "outage":
            lost[one.start : one.end] = one.strength
    busy, nodes, waiting = autoscaled(demand, lost, cluster.min_nodes)
    return Series(
        cluster, start, demand, _measured(rng, cluster, load, lost, busy, nodes, waiting, incidents), incidents
    )


def planned(rng: np.random.Generator, index: int, minutes: int) -> tuple[Incident, ...]:
    """One incident in each of equal parts of the span, so that none hides another; kinds take turns."""
    kinds = list(AFFECTED)
    parts = max(1, round(minutes / 1440 * INCIDENTS_A_DAY))
    found = []
    for number, (first, end) in enumerate(zip(*_parts(minutes, parts), strict=True)):
        kind = kinds[(index + number) % len(kinds)]
        room = int((end - first) * (1 - 2 * AROUND_INCIDENTS))
        shortest, longest = MINUTES_OF[kind]
        lasts = min(int(rng.integers(shortest, longest + 1)), room)
        begins = first + int((end - first) * AROUND_INCIDENTS) + int(rng.integers(0, room - lasts + 1))
        strength = float(rng.uniform(*STRENGTH_OF[kind]))
        if kind == "deploy" and rng.random() < LIGHTER_SHARE:
            strength = -strength
        found.append(Incident(kind, begins, begins + lasts, strength))
    return tuple(found)


def _parts(minutes: int, parts: int) -> tuple[list[int], list[int]]:
    edges = np.linspace(0, minutes, parts + 1).astype(int).tolist()
    return edges[:-1], edges[1:]


def season(cluster: Cluster, start: datetime, minutes: int) -> np.ndarray:
    """Demand without noise: a day with a peak and a shoulder, and weekends of their own, by the clock."""
    hours = start.hour + start.minute / 60 + np.arange(minutes) / 60
    turn = 2 * np.pi * (hours - cluster.peak_hour) / 24
    day = np.exp(cluster.day_amplitude * (np.cos(turn) + 0.25 * np.cos(2 * turn)))
    weekday = (start.weekday() + hours / 24) % 7
    # Saturday is 5; the week changes over within six hours around midnight.
    into_weekend = np.clip((weekday - 4.875) * 4, 0, 1) * np.clip((7.0 - weekday) * 4, 0, 1)
    result: np.ndarray = cluster.usual_demand * day * (1 + (cluster.weekend - 1) * into_weekend)
    return result


def wandering(rng: np.random.Generator, count: int, scale: float, memory: float) -> np.ndarray:
    """Noise that wanders and comes back, plus some that does not last."""
    pushes = rng.normal(0, scale * np.sqrt(1 - memory**2) * 2, count)
    found, now = np.empty(count), 0.0
    for number, push in enumerate(pushes.tolist()):
        now = memory * now + push
        found[number] = now
    return found + rng.normal(0, scale, count)


def swell(count: int) -> np.ndarray:
    """0 to 1 within the first sixth, and back in the last third."""
    place = (np.arange(count) + 1) / (count + 1)
    return np.minimum(1, np.minimum(place * 6, (1 - place) * 3))


def autoscaled(demand: np.ndarray, lost: np.ndarray, min_nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Busy share of the nodes (0..1), nodes, and waiting work (in node-minutes), as a reactive autoscaler leaves them.

    It adds nodes once CPU was high for three minutes, which are there four minutes later, and takes one away
    after a quarter of an hour with little load. `lost` is the share of the load that an outage keeps away.
    """
    count = len(demand)
    nodes = max(min_nodes, int(np.ceil(demand[0] / AIM)))
    busy, sizes, waits = np.empty(count), np.empty(count), np.empty(count)
    coming, ready, calm, high, waiting = 0, -1, 0, 0, 0.0
    for minute, (asked, away) in enumerate(zip(demand.tolist(), lost.tolist(), strict=True)):
        if minute == ready:
            nodes, coming = nodes + coming, 0
        able = nodes * (1 - away)
        work = asked * (1 - away) + waiting
        done = min(work, able)
        waiting = min((work - done) * (1 - GIVING_UP) + asked * away * 0.5, LONGEST_QUEUE * nodes)
        share = done / nodes
        high = high + 1 if share > BUSY else 0
        calm = calm + 1 if share < IDLE else 0
        if high >= 3 and not coming:
            coming = max(1, int(np.ceil(min(work, 2 * nodes) / AIM)) - nodes)
            ready, high = minute + BOOT_MINUTES, 0
        elif calm >= CALM_MINUTES and nodes > min_nodes and not coming and not away:
            nodes, calm = nodes - 1, 0
        busy[minute], sizes[minute], waits[minute] = share, nodes, waiting
    return busy, sizes, waits


def _measured(
    rng: np.random.Generator,
    cluster: Cluster,
    load: np.ndarray,
    lost: np.ndarray,
    busy: np.ndarray,
    nodes: np.ndarray,
    waiting: np.ndarray,
    incidents: tuple[Incident, ...],
) -> dict[str, np.ndarray]:
    count = len(load)

    def about(values: np.ndarray, share: float) -> np.ndarray:
        return values * (1 + rng.normal(0, share, count))

    requests = load * cluster.requests_a_node * (1 - lost)
    memory = 38 + 22 * np.minimum(1, busy) + 3 * wandering(rng, count, 0.2, 0.99)
    for one in incidents:
        if one.kind == "memory_leak":
            memory[one.start : one.end] += one.strength * np.arange(1, one.end - one.start + 1) / (one.end - one.start)
    crowding = 1 / (1 - np.minimum(busy, 0.95)) + 8 * waiting / nodes
    pods = np.ceil(np.maximum(nodes * cluster.pods_a_node * np.maximum(busy / AIM, 0.4), 2))
    price = cluster.spot_price * np.exp(np.repeat(wandering(rng, count // 60 + 1, 0.06, 0.95), 60)[:count])
    return {
        "cpu_utilization": np.clip(about(100 * busy, 0.01), 0.1, 100),
        "memory_utilization": np.clip(memory, 1, 99),
        "network_utilization": np.clip(
            about(100 * requests / (nodes * cluster.requests_a_node * 1.8), 0.02), 0.05, 100
        ),
        "pod_count": pods,
        "node_count": nodes,
        "request_rate": np.maximum(about(requests, 0.01), 0),
        "response_time": np.maximum(about(cluster.seconds_a_request * crowding * (1 + 4 * lost), 0.04), 0.001),
        "error_rate": np.clip(about(0.002 + 0.05 * np.maximum(0, busy - 0.9) + 0.7 * lost, 0.1), 0, 1),
        "queue_depth": np.round(waiting * cluster.requests_a_node * 6 + rng.poisson(2, count)),
        "spot_price": price,
    }
