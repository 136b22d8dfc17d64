"""Clusters that serve a shop, minute by minute: seasonal load, incidents, and a reactive autoscaler.

The true state is here; how it is sampled and what is lost on the way is in files.py. Demand is in nodes: how many the load
would keep busy at 100 % CPU, whether or not there are as many.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

import numpy as np

UNITS = {
    "cpu_utilization": "Percent", "memory_utilization": "Percent", "network_utilization": "Percent", "pod_count": "Count",
    "node_count": "Count", "request_rate": "Count/Second", "response_time": "Seconds", "error_rate": "None",
    "queue_depth": "Count", "spot_price": "None",
}  # fmt: skip
"""Metric -> unit in CloudWatch's words. The error rate is 0..1, the spot price in USD an hour."""
METRICS = tuple(UNITS)

NAMES = ("catalogue", "checkout", "search", "payments", "accounts", "recommendations")
LOAD = ("cpu_utilization", "network_utilization", "request_rate", "response_time")
BOOT_MINUTES, CALM_MINUTES = 4, 15
BUSY, IDLE, TARGET = 0.75, 0.40, 0.60
"""CPU above which the autoscaler adds nodes, below which it removes one, and its target."""
ABANDON_SHARE = 0.2
"""Share of the queued work whose clients give up within a minute."""
LONGEST_QUEUE = 3.0
"""In minutes of all nodes."""
INCIDENTS_A_DAY = 0.7
MARGIN_SHARE = 0.15
"""Share of an incident's time slot that stays free at both ends."""
LIGHTER_SHARE = 0.4
"""Of the deploys: they reduce load."""


@dataclass(frozen=True)
class IncidentKind:
    """The metrics that show the incident, and the ranges of its length in minutes and of its strength."""

    metrics: tuple[str, ...]
    minutes: tuple[int, int]
    strength: tuple[float, float]


INCIDENT_KINDS = {
    "traffic_spike": IncidentKind(LOAD, (20, 75), (0.8, 2.2)),
    "deploy": IncidentKind(("cpu_utilization", "response_time"), (8, 20), (0.15, 0.45)),
    "memory_leak": IncidentKind(("memory_utilization",), (300, 900), (30.0, 50.0)),
    "outage": IncidentKind((*LOAD, "error_rate", "queue_depth"), (10, 45), (0.75, 1.0)),
}
"""Strength: load added, load added permanently, percent of memory at its end, share of requests lost."""


@dataclass(frozen=True)
class Incident:
    """Minutes `start` to `end` (exclusive) of the simulated span. After a deploy its new level stays."""

    kind: str
    start: int
    end: int
    strength: float

    @property
    def metrics(self) -> tuple[str, ...]:
        return INCIDENT_KINDS[self.kind].metrics

    @property
    def minutes(self) -> slice:
        return slice(self.start, self.end)


@dataclass(frozen=True)
class Cluster:
    """The constant properties of a cluster: the same seed gives the same ones."""

    name: str
    usual_demand: float
    day_amplitude: float
    peak_hour: float
    weekend: float
    """Factor of the load on Saturday and Sunday."""
    noise: float
    pods_a_node: int
    requests_a_node: float
    seconds_a_request: float
    spot_price: float
    min_nodes: int = 2


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
        """Minutes in which processes restarted, and their counters with them."""
        ends = (incident.end for incident in self.incidents if incident.kind != "traffic_spike")
        return tuple(end for end in ends if end < self.minutes)

    def at(self, minute: int) -> datetime:
        return self.start + timedelta(minutes=minute)


@dataclass(frozen=True)
class Service:
    """How a cluster serves its demand: the busy share of its nodes (0..1), nodes, and queued work in node-minutes."""

    busy: np.ndarray
    nodes: np.ndarray
    queued: np.ndarray


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
        pods_a_node=int(rng.integers(6, 15)),
        requests_a_node=float(rng.uniform(40, 160)),
        seconds_a_request=float(rng.uniform(0.03, 0.15)),
        spot_price=float(rng.uniform(0.05, 0.3)),
    )


def simulate(seed: int, index: int, start: datetime, minutes: int) -> Series:
    """The cluster with this number from `start` (UTC) on."""
    cluster = cluster_of(seed, index)
    rng = np.random.default_rng([seed, index, 2, int(start.timestamp())])
    incidents = plan_incidents(rng, index, minutes)
    load = season(cluster, start, minutes) * np.exp(noise(rng, minutes, cluster.noise, 0.97))
    work, lost = np.ones(minutes), np.zeros(minutes)
    for incident in incidents:
        length = incident.end - incident.start
        if incident.kind == "traffic_spike":
            load[incident.minutes] *= 1 + incident.strength * swell(length)
        elif incident.kind == "deploy":
            work[incident.start :] *= 1 + incident.strength * np.minimum(
                1, np.arange(minutes - incident.start) / length
            )
        elif incident.kind == "outage":
            lost[incident.minutes] = incident.strength
    demand = load * work
    service = autoscale(demand, lost, cluster.min_nodes)
    metrics = _metrics(rng, cluster, load, lost, service)
    leaks = [incident for incident in incidents if incident.kind == "memory_leak"]
    metrics["memory_utilization"] = _with_leaks(metrics["memory_utilization"], leaks)
    return Series(cluster, start, demand, metrics, incidents)


def plan_incidents(rng: np.random.Generator, index: int, minutes: int) -> tuple[Incident, ...]:
    """One incident in each of equal slots of the span, so that none hides another; kinds take turns."""
    kinds = list(INCIDENT_KINDS)
    slots = max(1, round(minutes / 1440 * INCIDENTS_A_DAY))
    edges = np.linspace(0, minutes, slots + 1).astype(int).tolist()
    incidents = []
    for number, (first, end) in enumerate(pairwise(edges)):
        name = kinds[(index + number) % len(kinds)]
        room = int((end - first) * (1 - 2 * MARGIN_SHARE))
        shortest, longest = INCIDENT_KINDS[name].minutes
        length = min(int(rng.integers(shortest, longest + 1)), room)
        begin = first + int((end - first) * MARGIN_SHARE) + int(rng.integers(0, room - length + 1))
        strength = float(rng.uniform(*INCIDENT_KINDS[name].strength))
        if name == "deploy" and rng.random() < LIGHTER_SHARE:
            strength = -strength
        incidents.append(Incident(name, begin, begin + length, strength))
    return tuple(incidents)


def season(cluster: Cluster, start: datetime, minutes: int) -> np.ndarray:
    """Demand without noise, by the clock: a day with a peak and a shoulder, and weekends with a level of their own."""
    hours = start.hour + start.minute / 60 + np.arange(minutes) / 60
    angle = 2 * np.pi * (hours - cluster.peak_hour) / 24
    day = np.exp(cluster.day_amplitude * (np.cos(angle) + 0.25 * np.cos(2 * angle)))
    weekday = (start.weekday() + hours / 24) % 7
    # Saturday is 5; the level changes over six hours around midnight.
    weekend_share = np.clip((weekday - 4.875) * 4, 0, 1) * np.clip((7.0 - weekday) * 4, 0, 1)
    result: np.ndarray = cluster.usual_demand * day * (1 + (cluster.weekend - 1) * weekend_share)
    return result


def noise(rng: np.random.Generator, count: int, scale: float, memory: float) -> np.ndarray:
    """An autoregressive process of first order with white noise added."""
    shocks = rng.normal(0, scale * np.sqrt(1 - memory**2) * 2, count)
    values, level = np.empty(count), 0.0
    for number, shock in enumerate(shocks.tolist()):
        level = memory * level + shock
        values[number] = level
    return values + rng.normal(0, scale, count)


def swell(count: int) -> np.ndarray:
    """0 to 1 within the first sixth, and back in the last third."""
    position = (np.arange(count) + 1) / (count + 1)
    return np.minimum(1, np.minimum(position * 6, (1 - position) * 3))


def autoscale(demand: np.ndarray, lost: np.ndarray, min_nodes: int) -> Service:
    """Serve the demand with a reactive autoscaler; `lost` is the share of the load that an outage keeps away.

    Nodes are added once CPU was high for three minutes, start four minutes later, and are removed one at a time after a
    quarter of an hour with little load.
    """
    count = len(demand)
    nodes = max(min_nodes, int(np.ceil(demand[0] / TARGET)))
    service = Service(np.empty(count), np.empty(count), np.empty(count))
    starting, ready, calm, high, queued = 0, -1, 0, 0, 0.0
    for minute, (requested, lost_share) in enumerate(zip(demand.tolist(), lost.tolist(), strict=True)):
        if minute == ready:
            nodes, starting = nodes + starting, 0
        capacity = nodes * (1 - lost_share)
        work = requested * (1 - lost_share) + queued
        completed = min(work, capacity)
        queued = min((work - completed) * (1 - ABANDON_SHARE) + requested * lost_share * 0.5, LONGEST_QUEUE * nodes)
        busy = completed / nodes
        high = high + 1 if busy > BUSY else 0
        calm = calm + 1 if busy < IDLE else 0
        if high >= 3 and not starting:
            starting = max(1, int(np.ceil(min(work, 2 * nodes) / TARGET)) - nodes)
            ready, high = minute + BOOT_MINUTES, 0
        elif calm >= CALM_MINUTES and nodes > min_nodes and not starting and not lost_share:
            nodes, calm = nodes - 1, 0
        service.busy[minute], service.nodes[minute], service.queued[minute] = busy, nodes, queued
    return service


def _metrics(
    rng: np.random.Generator, cluster: Cluster, load: np.ndarray, lost: np.ndarray, service: Service
) -> dict[str, np.ndarray]:
    count = len(load)
    busy, nodes, queued = service.busy, service.nodes, service.queued

    def about(values: np.ndarray, share: float) -> np.ndarray:
        return values * (1 + rng.normal(0, share, count))

    requests = load * cluster.requests_a_node * (1 - lost)
    memory = 38 + 22 * np.minimum(1, busy) + 3 * noise(rng, count, 0.2, 0.99)
    crowding = 1 / (1 - np.minimum(busy, 0.95)) + 8 * queued / nodes
    pods = np.ceil(np.maximum(nodes * cluster.pods_a_node * np.maximum(busy / TARGET, 0.4), 2))
    price = cluster.spot_price * np.exp(np.repeat(noise(rng, count // 60 + 1, 0.06, 0.95), 60)[:count])
    network = 100 * requests / (nodes * cluster.requests_a_node * 1.8)
    return {
        "cpu_utilization": np.clip(about(100 * busy, 0.01), 0.1, 100),
        "memory_utilization": memory,
        "network_utilization": np.clip(about(network, 0.02), 0.05, 100),
        "pod_count": pods,
        "node_count": nodes,
        "request_rate": np.maximum(about(requests, 0.01), 0),
        "response_time": np.maximum(about(cluster.seconds_a_request * crowding * (1 + 4 * lost), 0.04), 0.001),
        "error_rate": np.clip(about(0.002 + 0.05 * np.maximum(0, busy - 0.9) + 0.7 * lost, 0.1), 0, 1),
        "queue_depth": np.round(queued * cluster.requests_a_node * 6 + rng.poisson(2, count)),
        "spot_price": price,
    }


def _with_leaks(memory: np.ndarray, leaks: list[Incident]) -> np.ndarray:
    for leak in leaks:
        length = leak.end - leak.start
        memory[leak.minutes] += leak.strength * np.arange(1, length + 1) / length
    return np.clip(memory, 1, 99)
