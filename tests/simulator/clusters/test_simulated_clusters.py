"""Simulated clusters: their true metrics, and the samples that arrive."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from simulator.clusters.cluster import (
    INCIDENT_KINDS,
    METRICS,
    Series,
    autoscale,
    cluster_of,
    plan_incidents,
    season,
    simulate,
    swell,
)
from simulator.clusters.files import SKEW_MINUTES, request_counter, sample, sample_periods
from simulator.clusters.formats import CONTAINER_INSIGHTS, FORMATS, PROMETHEUS
from simulator.clusters.metrics import SKEWED, Summary, write_metrics

START = datetime(2026, 11, 20, tzinfo=UTC)
DAYS = 3
SEED = 5


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


@dataclass(frozen=True)
class World:
    out: Path
    summary: Summary
    series: list[Series]
    samples: dict[str, list[tuple[datetime, str, float]]]
    incidents: list[dict[str, Any]]
    faults: list[dict[str, Any]]


def lines_of(out: Path, cluster: str) -> Iterator[tuple[str, str]]:
    """(file, line) in order of the files."""
    for path in sorted((out / "raw").glob(f"{cluster}.*")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            yield path.name, line


def samples_of(out: Path, cluster: str) -> list[tuple[datetime, str, float]]:
    """(time, metric under the name of the form, value) as they arrive; of CSV by its columns."""
    found: list[tuple[datetime, str, float]] = []
    header: list[str] = []
    for name, line in lines_of(out, cluster):
        if ".csv." in name:
            row = next(csv.reader(io.StringIO(line)))
            if row[0] == "timestamp":
                header = row
                continue
            found += [(datetime.fromisoformat(row[0]), n, float(v)) for n, v in zip(header[2:], row[2:], strict=True)]
            continue
        record = json.loads(line)
        if ".stream." in name:
            value = record["value"]
            when = datetime.fromtimestamp(record["timestamp"] / 1000, UTC)
            found.append((when, record["metric_name"], value["sum"] / value["count"]))
        elif ".prometheus." in name:
            assert record["name"] == record["labels"]["__name__"]
            found.append((datetime.fromisoformat(record["timestamp"]), record["name"], float(record["value"])))
        else:
            about = record.get("_aws", record)
            when = datetime.fromtimestamp(int(about["Timestamp"]) / 1000, UTC)
            names = [one["Name"] for one in about["CloudWatchMetrics"][0]["Metrics"]]
            found += [(when, n, record[n]) for n in names]
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    out = tmp_path_factory.mktemp("clusters")
    summary = write_metrics(out, START, DAYS, 6, SEED)
    truth = [pq.read_table(out / "truth" / f"{name}.parquet").to_pylist() for name in ("incidents", "faults")]
    series = [simulate(SEED, index, START, DAYS * 1440) for index in range(6)]
    samples = {one.cluster.name: samples_of(out, one.cluster.name) for one in series}
    return World(out, summary, series, samples, *truth)


def digest(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# The true metrics


def test_a_cluster_depends_on_seed_and_number_only() -> None:
    assert simulate(SEED, 1, START, 600).cluster == simulate(SEED, 1, at(1440), 600).cluster == cluster_of(SEED, 1)
    assert cluster_of(SEED, 1) != cluster_of(SEED + 1, 1)
    names = [cluster_of(SEED, index).name for index in range(14)]
    assert len(set(names)) == 14
    first, second = (simulate(SEED, 1, at(1440 * day), 600).metrics["cpu_utilization"] for day in (0, 7))
    assert not np.array_equal(first, second), "of the same weekday"


def test_load_has_daily_peaks_and_distinct_weekends() -> None:
    cluster = cluster_of(SEED, 0)
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    week = season(cluster, monday, 7 * 1440).reshape(7, 1440)
    assert abs(int(week[2].argmax()) / 60 - cluster.peak_hour) < 0.1
    assert week[2].max() > 1.5 * week[2].min()
    assert week[5, 360:1080] / week[2, 360:1080] == pytest.approx(cluster.weekend)
    assert week[1] == pytest.approx(week[2])
    shifted = season(cluster, monday + timedelta(hours=6), 1440)
    assert shifted[:1080] == pytest.approx(week[0][360:]), "by the clock, not by the start"


@pytest.mark.parametrize("minutes", [360, 1440, 14 * 1440])
def test_incidents_lie_within_the_span_without_overlap(minutes: int) -> None:
    for index in range(8):
        found = plan_incidents(np.random.default_rng(index), index, minutes)
        edges = [edge for one in found for edge in (one.start, one.end)]
        assert edges == sorted(edges) and edges[0] > 0 and edges[-1] < minutes
        for one in found:
            shortest, longest = INCIDENT_KINDS[one.kind].minutes
            assert min(shortest, minutes // 2) <= one.end - one.start <= longest


def test_four_clusters_have_every_kind_of_incident() -> None:
    assert {one.kind for index in range(4) for one in simulate(SEED, index, START, 1440).incidents} == set(
        INCIDENT_KINDS
    )


def test_cpu_follows_demand_over_capacity(world: World) -> None:
    for series in world.series:
        calm = np.ones(series.minutes, bool)
        for one in series.incidents:
            if one.kind == "outage":
                calm[one.start : one.end + 60] = False
        expected = 100 * series.demand / series.metrics["node_count"]
        calm &= expected < 95
        assert np.median(np.abs(series.metrics["cpu_utilization"] - expected)[calm] / expected[calm]) < 0.02
        assert series.metrics["cpu_utilization"].max() <= 100


def of_kind(world: World, kind: str) -> Iterator[tuple[Series, Any]]:
    found = [(series, one) for series in world.series for one in series.incidents if one.kind == kind]
    assert found
    yield from found


def test_a_spike_multiplies_demand_for_a_while(world: World) -> None:
    for series, one in of_kind(world, "traffic_spike"):
        usual = season(series.cluster, START, series.minutes)
        ratio = series.demand / usual
        before = np.median(ratio[one.start - 60 : one.start])
        assert ratio[one.start : one.end].max() > before * (1 + 0.7 * one.strength)
        assert np.median(ratio[one.end : one.end + 30]) == pytest.approx(before, rel=0.35)


def test_a_deploy_shifts_the_level_permanently(world: World) -> None:
    for series, one in of_kind(world, "deploy"):
        # What a request costs: demand by requests, whatever the season.
        cost = series.demand / series.metrics["request_rate"]
        clear = [other for other in series.incidents if other.kind == "outage"]
        assert all(other.end < one.start - 60 or other.start > one.end + 60 for other in clear)
        before, after = np.median(cost[one.start - 60 : one.start]), np.median(cost[one.end : one.end + 60])
        assert after / before == pytest.approx(1 + one.strength, rel=0.02)


def test_a_leak_fills_the_memory_until_the_restart(world: World) -> None:
    for series, one in of_kind(world, "memory_leak"):
        memory = series.metrics["memory_utilization"]
        assert memory[one.end - 5 : one.end].mean() > memory[one.start - 60 : one.start].mean() + 15
        assert memory[one.end : one.end + 5].mean() < memory[one.end - 5 : one.end].mean() - 15


def test_an_outage_fails_requests_while_demand_goes_on(world: World) -> None:
    for series, one in of_kind(world, "outage"):
        inside, before = slice(one.start, one.end), slice(one.start - 60, one.start)
        metrics = series.metrics
        assert metrics["error_rate"][inside].min() > 10 * np.median(metrics["error_rate"][before])
        assert metrics["request_rate"][inside].max() < 0.5 * np.median(metrics["request_rate"][before])
        assert np.median(metrics["response_time"][inside]) > 2 * np.median(metrics["response_time"][before])
        assert np.median(series.demand[inside]) > 0.6 * np.median(series.demand[before])
        assert metrics["queue_depth"][inside].max() > 10 * np.median(metrics["queue_depth"][before])


def test_every_incident_names_the_metrics_that_show_it() -> None:
    assert all(set(kind.metrics) <= set(METRICS) for kind in INCIDENT_KINDS.values())


def test_the_autoscaler_comes_late_and_leaves_slowly() -> None:
    demand = np.concatenate([np.full(60, 3.0), np.full(60, 9.0), np.full(240, 3.0)])
    service = autoscale(demand, np.zeros(360), 2)
    busy, nodes = service.busy, service.nodes
    assert nodes[:60].tolist() == [5] * 60
    assert (nodes[60:66] == 5).all() and nodes[67] > 5, "high for three minutes, then four to boot"
    assert busy[61] == 1.0 and busy[110] < 0.75
    assert nodes[120] == nodes[119] and nodes[-1] < nodes[119]
    assert np.diff(nodes[120:]).min() == -1, "one at a time"


def test_excess_work_queues_and_drains() -> None:
    demand = np.concatenate([np.full(10, 1.0), np.full(5, 30.0), np.full(60, 1.0)])
    waiting = autoscale(demand, np.zeros(75), 2).queued
    assert waiting[9] == 0 and waiting[14] > 2 and waiting[-1] == 0


def test_a_swell_rises_and_falls_within_its_time() -> None:
    shape = swell(60)
    assert shape.max() == 1 and 0 < shape[0] < 0.2 and 0 < shape[-1] < 0.1
    assert (np.diff(shape[:10]) > 0).all() and (np.diff(shape[-15:]) < 0).all()


# The samples that arrive


def test_equal_arguments_replace_files_by_equal_bytes(world: World, tmp_path: Path) -> None:
    write_metrics(tmp_path, START, 1, 2, SEED + 1)
    write_metrics(tmp_path, START, DAYS, 6, SEED)
    assert digest(tmp_path) == digest(world.out)
    assert len(digest(world.out)) == world.summary.files + 3
    assert sum(1 for one in world.series for _ in lines_of(world.out, one.cluster.name)) == world.summary.lines


def test_a_further_cluster_changes_no_other(world: World, tmp_path: Path) -> None:
    write_metrics(tmp_path, START, DAYS, 4, SEED)
    ours, theirs = digest(tmp_path), digest(world.out)
    raw = [name for name in ours if name.startswith("raw/")]
    assert raw and all(ours[name] == theirs[name] for name in raw)


def test_clusters_take_turns_in_the_forms(world: World) -> None:
    forms = {path.name.split(".")[0]: path.name.split(".")[1] for path in (world.out / "raw").iterdir()}
    expected = {one.cluster.name: FORMATS[index % 4].name for index, one in enumerate(world.series)}
    assert forms == expected and set(forms.values()) == {"csv", "stream", "emf", "prometheus"}


NAMES_OF = {
    "csv": METRICS,
    "stream": [CONTAINER_INSIGHTS.get(name, name) for name in METRICS],
    "emf": [CONTAINER_INSIGHTS.get(name, name) for name in METRICS],
    "prometheus": [{"request_rate": "http_requests_total"}.get(n, PROMETHEUS.get(n, (n,))[0]) for n in METRICS],
}


def test_samples_match_the_true_metrics(world: World) -> None:
    for index, series in enumerate(world.series):
        form = FORMATS[index % 4].name
        samples = world.samples[series.cluster.name]
        assert {name for _, name, _ in samples} == set(NAMES_OF[form])
        skewed = [
            one for one in world.faults if one["kind"] == "clock_skew" and one["cluster_id"] == series.cluster.name
        ]
        own = dict(zip(METRICS, NAMES_OF[form], strict=True))["memory_utilization"]
        factor, later = (100, 1) if form == "prometheus" else (1, 0)
        off = []
        for when, name, value in samples:
            minute = round((when - START).total_seconds() / 60) - later
            if name == own and not any(one["start_at"] <= when < one["end_at"] + timedelta(hours=1) for one in skewed):
                off.append(abs(value * factor - series.metrics["memory_utilization"][minute]))
        assert len(off) > 500 and np.median(off) < 0.5


def test_periods_are_one_or_five_minutes_and_change(world: World) -> None:
    seen = {}
    for series in world.series:
        times = sorted({when for when, _, _ in world.samples[series.cluster.name]})
        moves = [round((b - a).total_seconds() / 60) for a, b in pairwise(times)]
        seen[series.cluster.name] = {move for move in (1, 5) if moves.count(move) > 100}
    assert list(seen.values()) == [{1, 5}, {1}, {1}, {1}, {5}, {5}]
    assert [one["cluster_id"] for one in world.faults if one["kind"] == "period_change"] == [
        world.series[0].cluster.name
    ]


def test_a_gap_holds_no_sample(world: World) -> None:
    gaps = [one for one in world.faults if one["kind"] == "gap"]
    assert {one["cluster_id"] for one in gaps} == {one.cluster.name for one in world.series}
    for gap in gaps:
        index = next(number for number, one in enumerate(world.series) if one.cluster.name == gap["cluster_id"])
        if index in (SKEWED, 3):  # stamped otherwise than taken
            continue
        assert not any(gap["start_at"] <= when < gap["end_at"] for when, _, _ in world.samples[gap["cluster_id"]])


def test_some_repeated_samples_have_another_value(world: World) -> None:
    same = other = 0
    for number, series in enumerate(world.series):
        if number == SKEWED:  # its clock alone makes times that are there twice
            continue
        first: dict[tuple[datetime, str], float] = {}
        for when, name, value in world.samples[series.cluster.name]:
            if (when, name) in first and name.endswith(("memory_utilization", "memory_utilization:ratio")):
                same, other = same + (first[when, name] == value), other + (first[when, name] != value)
            first.setdefault((when, name), value)
    assert same > other > 0
    told = sum(one["kind"] == "duplicate" for one in world.faults)
    assert 0.001 < told / sum(one.minutes for one in world.series) < 0.01


def test_one_clock_is_wrong_for_a_while(world: World) -> None:
    (skew,) = [one for one in world.faults if one["kind"] == "clock_skew"]
    assert skew["cluster_id"] == world.series[SKEWED].cluster.name
    times = [when for when, name, _ in world.samples[skew["cluster_id"]] if name == "queue_depth"]
    moves = [(b - a).total_seconds() / 60 for a, b in pairwise(times)]
    assert min(moves) < 2 - SKEW_MINUTES and sum(move < 0 for move in moves) == 1
    back = moves.index(min(moves))
    assert times[back] >= skew["end_at"] > times[back + 1] - timedelta(minutes=5)


def test_the_request_counter_falls_only_at_restarts(world: World) -> None:
    series = world.series[3]
    counter, resets = request_counter(series)
    falls = (np.flatnonzero(np.diff(counter) < 0) + 1).tolist()
    assert falls == list(resets) and counter.min() >= 0
    rate = np.diff(counter)[: resets[0] - 1] / 60
    assert rate == pytest.approx(series.metrics["request_rate"][1 : resets[0]], abs=0.02)
    told = [one["start_at"] for one in world.faults if one["kind"] == "counter_reset" and one["cluster_id"] == series.cluster.name]  # fmt: skip
    assert told == [at(minute) for minute in resets]


def test_every_span_has_a_counter_reset() -> None:
    series = simulate(SEED, 0, START, 1440)
    assert [one.kind for one in series.incidents] == ["traffic_spike"]
    assert request_counter(series)[1] == (720,)


def test_periods_share_the_span_and_cover_it() -> None:
    starts, lengths = sample_periods(63, (5, 1))
    assert starts[:3].tolist() == [0, 5, 10] and set(lengths[:6].tolist()) == {5} and set(lengths[6:].tolist()) == {1}
    assert lengths.sum() == 63 and (np.diff(starts) == lengths[:-1]).all()
    assert sample_periods(12, (5,))[1].tolist() == [5, 5, 2]


def test_a_period_of_five_minutes_holds_their_mean() -> None:
    series = simulate(SEED, 4, START, 720)
    samples = sample(SEED, 4, series, (5,), is_skewed=False)
    memory = dict(zip(samples.at.tolist(), samples.values["memory_utilization"].tolist(), strict=True))
    assert len(memory) > 100
    for minute, value in memory.items():
        assert value == pytest.approx(series.metrics["memory_utilization"][minute : minute + 5].mean(), rel=0.051)
    exact = [series.metrics["memory_utilization"][minute : minute + 5].mean() for minute in memory]
    assert np.median(np.abs(np.array(exact) - list(memory.values()))) < 0.001


def test_truth_has_the_demand_of_every_minute(world: World) -> None:
    demand = pq.read_table(world.out / "truth" / "demand.parquet")
    assert demand.num_rows == 6 * DAYS * 1440
    for series in world.series:
        own = demand.filter(pc.equal(demand["cluster_id"], series.cluster.name))
        assert own["event_at"][90].as_py() == at(90)
        assert np.array_equal(own["demand_nodes"].to_numpy(), series.demand)
    assert world.incidents == [
        {"cluster_id": series.cluster.name, "kind": one.kind, "start_at": at(one.start), "end_at": at(one.end),
         "metrics": list(one.metrics)}
        for series in world.series
        for one in series.incidents
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"start": at(30)}, "whole UTC hour"),
        ({"days": 0.1}, "six whole hours"),
        ({"days": 1.01}, "six whole hours"),
        ({"clusters": 0}, "at least one cluster"),
    ],
)
def test_what_cannot_be_simulated_is_refused(tmp_path: Path, values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        write_metrics(**{"out": tmp_path, "start": START, **values})


def test_the_program_says_what_it_wrote(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simulator.clusters", "--out", str(tmp_path), "--days", "0.25", "--clusters", "1"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3], timeout=60
    )
    assert "lines of 1 clusters in 1 files, 1 incidents" in done.stdout
    assert sorted(path.name for path in (tmp_path / "truth").iterdir()) == [
        "demand.parquet",
        "faults.parquet",
        "incidents.parquet",
    ]
