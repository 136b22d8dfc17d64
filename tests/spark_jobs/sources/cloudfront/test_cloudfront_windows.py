"""Windows of a stream: the same is reached in whatever order and portions requests come, and no more than there is."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.sources.cloudfront.windows import (
    KEPT_AN_ADDRESS,
    LATENESS_SECONDS,
    Evidence,
    Threshold,
    Windows,
    evidence_of,
    step,
)

THREE = Threshold("challenge", 3, 600)
FIVE = Threshold("block", 5, 600, programs_alone=True)


def attack(number: int, at: int, address: str = "192.0.2.1") -> Evidence:
    return Evidence(at, f"r{number}", address, "sqli", "3", f"/a?{number} or 1")


def reached(evidence: list[Evidence], portions: int = 1, programs: bool = True) -> set[tuple[str, str]]:
    windows, found = Windows(), set()
    evidence = evidence if programs else [replace(one, text=one.text.replace(" ", "+")) for one in evidence]
    size = -(-len(evidence) // portions) or 1
    for start in range(0, len(evidence), size):
        windows, new = step(windows, evidence[start : start + size], (THREE, FIVE))
        found |= {(one.address, one.threshold) for one in new}
    return found


def test_a_threshold_is_reached_within_its_window_alone() -> None:
    assert reached([attack(1, 0), attack(2, 300), attack(3, 599)]) == {("192.0.2.1", "challenge")}
    assert reached([attack(1, 0), attack(2, 300), attack(3, 600)]) == set()
    assert reached([attack(1, 0), attack(1, 1), attack(1, 2)]) == set()
    assert reached([attack(1, 0), attack(2, 1), attack(3, 2, "192.0.2.2")]) == set()


def test_a_job_that_repeats_itself_counts_once() -> None:
    same = [replace(attack(number, number), text="/job?old") for number in range(50)]
    assert reached(same) == set()
    assert reached([*same, attack(90, 20), attack(91, 30)]) == {("192.0.2.1", "challenge")}
    assert reached(
        [*same[:1], *(replace(one, at=one.at + 700) for one in same[1:]), attack(90, 20), attack(91, 30)]
    ) == {("192.0.2.1", "challenge")}


def test_what_a_browser_can_be_made_to_send_never_blocks() -> None:
    many = [attack(number, number) for number in range(9)]
    assert reached(many) == {("192.0.2.1", "challenge"), ("192.0.2.1", "block")}
    assert reached(many, programs=False) == {("192.0.2.1", "challenge")}


def test_what_is_reached_is_told_once_while_it_lasts() -> None:
    many = [attack(number, number) for number in range(30)]
    windows, first = step(Windows(), many[:10], (THREE,))
    windows, again = step(windows, many[10:], (THREE,))
    assert len(first) == 1 and again == []
    assert [one.at for one in first[0].evidence] == [0, 1, 2]
    later = [replace(one, at=one.at + 5000, request_id=f"x{one.request_id}") for one in many[:3]]
    assert len(step(windows, later, (THREE,))[1]) == 1


@given(
    times=st.lists(st.tuples(st.integers(0, LATENESS_SECONDS + 600 - 1), st.integers(0, 2)), max_size=40),
    seed=st.integers(0, 9),
    portions=st.integers(1, 12),
)
def test_any_order_and_any_portions_reach_the_same(times: list[tuple[int, int]], seed: int, portions: int) -> None:
    evidence = [attack(number, at, f"192.0.2.{place}") for number, (at, place) in enumerate(times)]
    shuffled = random.Random(seed).sample(evidence, len(evidence))
    assert reached(shuffled, portions) == reached(sorted(evidence))


def test_memory_of_an_address_is_bounded() -> None:
    windows, _ = step(Windows(), [attack(number, 0) for number in range(1000)], (THREE,))
    assert len(windows.by_address["192.0.2.1"]) == KEPT_AN_ADDRESS
    windows, _ = step(windows, [attack(1, 10_000, "192.0.2.9")], (THREE,))
    assert set(windows.by_address) == {"192.0.2.9"} and not windows.reached


@pytest.mark.parametrize(("status", "probability", "forwarded", "count"), [(403, 0.999, None, 1), (200, 0.999, None, 0),
    (None, 0.999, None, 0), (404, 0.98, None, 0), (403, 0.999, "192.0.2.8", 0)])  # fmt: skip
def test_evidence_is_certain_refused_and_ones_own(
    status: int | None, probability: float, forwarded: str | None, count: int
) -> None:
    at = datetime(2026, 11, 20, 13, 5, 7, tzinfo=UTC)
    requests = pa.table(
        {
            "request_id": ["a"],
            "client_ip": ["192.0.2.1"],
            "event_at": pa.array([at], pa.timestamp("us", "UTC")),
            "status": pa.array([status], pa.int32()),
            "uri_path": ["/a"],
            "uri_query": ["b"],
            "forwarded_for": pa.array([forwarded], pa.string()),
        }
    )
    scores = pa.table({"request_id": ["a"], "attack_probability": [probability], "is_attack": [True], "attack_class": ["sqli"], "model_version": ["3"]})  # fmt: skip
    found = evidence_of(requests, scores, 0.99)
    assert len(found) == count
    assert all(one == Evidence(int(at.timestamp()), "a", "192.0.2.1", "sqli", "3", "/a?b") for one in found)
