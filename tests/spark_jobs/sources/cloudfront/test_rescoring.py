"""Client features of a few clients without some of their requests: equal to the tables' where none is excluded."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import client_oracle as oracle
import pyarrow as pa
import pytest
from client_oracle import FIRST_HOUR, Row, check_same, random_scores

from spark_jobs.sources.cloudfront.client_tables import CLIENT_BEHAVIOR
from spark_jobs.sources.cloudfront.rescoring import client_rows, evidence
from spark_jobs.sources.cloudfront.tables import CLIENT_ATTACKS, CLIENT_DAILY, CLIENT_HOURLY
from spark_jobs.storage.schema import arrow_schema

HOUR = FIRST_HOUR + timedelta(hours=27)


def table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=arrow_schema(CLIENT_HOURLY))


def expected_rows(hourly: list[Row], scores: list[Row]) -> dict[tuple[str, datetime], Row]:
    days = oracle.client_daily(hourly, HOUR, HOUR)
    attacks = oracle.client_attacks(
        scores, [(client, row["client_kind"], hour) for (client, hour), row in days.items()]
    )
    empty = {c.name: 0 for c in CLIENT_ATTACKS.columns[3:-1]} | {"attack_request_ids": None}
    actual = {}
    for (client, hour), day in days.items():
        members = [r for r in hourly if r["hour_at"] == hour and client in (r["client"], oracle.network(r["client"]))]
        now, attack = oracle.summed(members), attacks.get((client, hour), empty)
        actual[client, hour] = {
            "client_kind": day["client_kind"],
            **{f"hour_{c.name}": now[c.name] for c in CLIENT_BEHAVIOR},
            **{f"day_{c.name}": day[c.name] for c in CLIENT_DAILY.columns[3:]},
            **{c.name: attack[c.name] for c in CLIENT_ATTACKS.columns[3:]},
        }
    return actual


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rescored_rows_equal_the_features_without_exclusions(seed: int) -> None:
    hourly = list(oracle.client_hourly(oracle.random_requests(900, 28, seed)).values())
    scores = random_scores(300, 28, seed)
    expected = expected_rows(hourly, scores)
    clients = sorted(client for client, _ in expected)
    check_same(client_rows(clients, HOUR, table(hourly), scores), expected, tolerance=2e-6)
    assert {row["client_kind"] for row in expected.values()} == {"address", "network"}
    some = random.Random(seed).sample(clients, 3)
    actual = client_rows(some, HOUR, table(hourly), scores)
    assert [row["client"] for row in actual] == sorted(some)


def test_excluded_requests_are_in_no_column() -> None:
    hourly = list(oracle.client_hourly(oracle.random_requests(900, 28, 4)).values())
    scores = random_scores(300, 28, 4)
    since = HOUR - timedelta(hours=3)
    kept = [row for row in hourly if row["hour_at"] >= since]
    later = [row for row in scores if row["event_at"] >= since]
    expected = expected_rows(kept, later)
    check_same(client_rows([c for c, _ in expected], HOUR, table(kept), later), expected, tolerance=2e-6)
    client = next(row["client"] for row in hourly if row["hour_at"] == HOUR)
    rest = [row for row in hourly if row["hour_at"] != HOUR]
    assert client_rows([client], HOUR, table(rest), scores) == [], "a client that did nothing in the hour has no row"


def test_evidence_is_failed_requests_then_the_latest() -> None:
    rows = [
        {"request_id": f"r{n:02}", "event_at": HOUR + timedelta(seconds=n), "status": 404 if n % 10 == 0 else 200}
        for n in range(40)
    ]
    random.Random(1).shuffle(rows)
    actual = evidence(rows)
    assert actual[:5] == ["r30", "r20", "r10", "r00", "r39"]
    assert len(actual) == 20
