"""Client features against an oracle, and their independence of the future, the far past and the order of rows."""

from __future__ import annotations

import ipaddress
import itertools
import random
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import client_oracle as oracle
import numpy as np
import pyarrow as pa
import pytest
from client_oracle import FIRST_HOUR, Row, check_same, keyed
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.contract import HOUR_COLUMN, Interval, format_hour
from spark_jobs.main import JobRun, run_job
from spark_jobs.sources.cloudfront.client_daily import client_daily_rows
from spark_jobs.sources.cloudfront.client_scores import with_evidence
from spark_jobs.sources.cloudfront.clients import address_cidrs, network_of, networks_of, share_of
from spark_jobs.sources.cloudfront.jobs import client_frame
from spark_jobs.sources.cloudfront.tables import (
    CLIENT_ATTACKS,
    CLIENT_DAILY,
    CLIENT_HOURLY,
    CLIENT_SCORES,
    REQUEST_SCORES,
    REQUESTS,
)
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema, columns_schema

slow = pytest.mark.slow


def at(hour: int) -> datetime:
    return FIRST_HOUR + timedelta(hours=hour)


def between(first: int, last: int) -> Interval:
    return Interval(at(first), at(last + 1))


def random_hourly(count: int, hours: int, seed: int) -> list[Row]:
    """Rows as of client_hourly, with any numbers in them, most clients with gaps longer than a day."""
    draw = random.Random(seed)
    rows = {}
    for _ in range(count):
        client, hour = oracle.cidr(draw.choice(oracle.ADDRESSES)), at(draw.randrange(hours))
        row: Row = {"client": client, "client_kind": "address", "hour_at": hour}
        row |= {name: draw.randrange(1, 10_000) for name in (*oracle.SUMMED, *oracle.MAXIMA)}
        row |= {"address_count": 1, "path_entropy_bits": draw.random() * 9, "time_taken_seconds": draw.random() * 99}
        row |= {"first_event_at": hour, "last_event_at": hour + timedelta(minutes=59)}
        rows[client, hour] = row
    return list(rows.values())


def hourly_table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=arrow_schema(CLIENT_HOURLY))


def daily(rows: list[Row], first: int, last: int) -> list[Row]:
    return client_daily_rows(hourly_table(rows).to_batches(), format_hour(at(first)), format_hour(at(last))).to_pylist()


# --- client_daily, pure -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "hours", "seed"), [(400, 100, 1), (400, 30, 2), (60, 200, 3), (1, 1, 4), (15, 2, 5)])
def test_client_daily_is_what_the_long_way_gives(count: int, hours: int, seed: int) -> None:
    rows = random_hourly(count, hours, seed)
    expected = oracle.client_daily(rows, at(0), at(hours))
    check_same(daily(rows, 0, hours), expected)
    if count == 400:
        assert {row["client_kind"] for row in expected.values()} == {"address", "network"}


def test_client_daily_has_the_schema_of_its_table() -> None:
    actual = client_daily_rows(
        hourly_table(random_hourly(50, 30, 1)).to_batches(), format_hour(at(0)), format_hour(at(30))
    )
    assert actual.schema.names == [*CLIENT_DAILY.column_names, HOUR_COLUMN]
    assert actual.cast(arrow_schema(CLIENT_DAILY, with_hour=True)).num_rows == actual.num_rows
    assert client_daily_rows([], format_hour(at(0)), format_hour(at(1))).schema == arrow_schema(
        CLIENT_DAILY, with_hour=True
    )


@pytest.mark.parametrize("encoded", [True, False])
def test_shares_of_client_daily_add_up(encoded: bool) -> None:
    rows = random_hourly(300, 40, 6)
    table = hourly_table(rows)
    if encoded:
        table = table.set_column(table.schema.get_field_index("client"), "client", table["client"].dictionary_encode())
    span = format_hour(at(0)), format_hour(at(40))
    batches = table.to_batches(max_chunksize=97)
    parts = [client_daily_rows(batches, *span, share, 3).to_pylist() for share in range(3)]
    assert all(parts)
    key = itemgetter("client", "client_kind", "hour_at")
    assert sorted(itertools.chain(*parts), key=key) == sorted(daily(rows, 0, 40), key=key)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 80)), max_size=40), st.integers(0, 80))
def test_distinct_addresses_of_a_network_span_24_hours(seen: list[tuple[int, int]], requested: int) -> None:
    template = random_hourly(1, 1, 1)[0]
    rows = [{**template, "client": f"192.0.2.{n}/32", "hour_at": at(hour)} for n, hour in set(seen)]
    actual = keyed(daily(rows, requested, requested)) if rows else {}
    day = {n for n, hour in seen if requested - 23 <= hour <= requested}
    active = any(hour == requested for _, hour in seen)
    network = actual.get(("192.0.2.0/24", at(requested)))
    assert (network["address_count"] if network else 0) == (len(day) if active and len(day) > 1 else 0)


def test_history_before_the_24_hours_changes_no_bit() -> None:
    rows = random_hourly(700, 90, 7)
    with_history = daily(rows, 60, 80)
    window = [row for row in rows if row["hour_at"] >= at(60 - 23)]
    assert len(window) < len(rows)
    for other in (
        window,
        [row for row in window if row["hour_at"] <= at(80)],
        random.Random(1).sample(rows, len(rows)),
    ):
        assert keyed(daily(other, 60, 80)) == keyed(with_history)
    one_by_one = [row for hour in range(60, 81) for row in daily(rows, hour, hour)]
    assert keyed(one_by_one) == keyed(with_history)


def test_the_future_changes_no_row_of_the_past() -> None:
    rows = random_hourly(500, 60, 8)
    changed = [row if row["hour_at"] <= at(40) else {**row, "request_count": 10**9} for row in rows]
    changed += [row for row in random_hourly(300, 90, 9) if row["hour_at"] > at(60)]
    assert keyed(daily(changed, 0, 40)) == keyed(daily(rows, 0, 40))


def test_sums_over_many_addresses_are_exact() -> None:
    template = random_hourly(1, 1, 1)[0]
    rows = [{**template, "client": f"192.0.2.{n % 256}/32", "hour_at": at(n // 256), "request_count": 1} for n in range(256 * 24)]  # fmt: skip
    actual = keyed(daily(rows, 23, 23))
    assert actual["192.0.2.0/24", at(23)]["request_count"] == 256 * 24
    assert actual["192.0.2.0/24", at(23)]["address_count"] == 256
    assert len(actual) == 257


@given(st.integers(0, 2**128 - 1) | st.integers(0, 2**64 - 1) | st.builds(lambda a, b: a << 64 | b, st.integers(0, 9), st.integers(0, 9)))  # fmt: skip
def test_network_of_an_address_equals_the_ipaddress_module(number: int) -> None:
    for address in (ipaddress.IPv6Address(number), ipaddress.IPv4Address(number % 2**32)):
        client = oracle.cidr(str(address))
        assert network_of(client) == oracle.network(client)


def test_client_columns_equal_the_ipaddress_module() -> None:
    draw = random.Random(14)
    numbers = [draw.getrandbits(128) for _ in range(300)]
    for _ in range(1_700):
        groups = [draw.choice([0, 0, 0, 1, 0xFF, 0xFFFF, draw.getrandbits(16)]) for _ in range(8)]
        numbers.append(int("".join(f"{group:04x}" for group in groups), 16))
    addresses = [str(ipaddress.IPv6Address(n)) for n in numbers] + [str(ipaddress.IPv4Address(n % 2**32)) for n in numbers[:300]]  # fmt: skip
    addresses += [
        "::",
        "::1",
        "1::",
        "::ffff:0:0",
        "2001:db8::",
        "0:0:0:1::",
        "1:2:3:4:5:6:7:8",
        "0.0.0.0",
        "255.255.255.255",
    ]
    clients = address_cidrs(pa.array(addresses))
    assert clients.to_pylist() == [oracle.cidr(address) for address in addresses]
    assert networks_of(clients).to_pylist() == [oracle.network(address) for address in addresses]
    for shares in (2, 7):
        assert (share_of(networks_of(clients), shares) == share_of(clients, shares)).all()


# --- on the engine ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def requests() -> list[Row]:
    return oracle.random_requests(2_000, 5, 11)


def run(sail: Any, lake: Lake, job: str, interval: Interval) -> list[Row]:
    """Run a job and read the interval of its table."""
    table = {t.name: t for t in (CLIENT_HOURLY, CLIENT_DAILY, CLIENT_ATTACKS)}[job]
    figures = run_job("cloudfront", job, JobRun(sail, lake, interval, tasks=3))
    actual = lake.read_arrow(table, interval.hours)
    assert figures == {"rows": actual.num_rows}
    assert lake.read_arrow(table).schema == arrow_schema(table, with_hour=True)
    return actual.to_pylist()


@slow
def test_client_hourly_equals_the_oracle(sail: Any, lake: Lake, requests: list[Row]) -> None:
    lake.overwrite_arrow(oracle.requests_table(requests), REQUESTS)
    check_same(run(sail, lake, "client_hourly", between(0, 4)), oracle.client_hourly(requests), tolerance=2e-6)


@slow
def test_client_hourly_is_bitwise_equal_for_any_files(sail: Any, lake: Lake) -> None:
    requests = oracle.random_requests(2_000, 2, 18, oracle.ADDRESSES[:5])
    lake.overwrite_arrow(oracle.requests_table(requests), REQUESTS)
    first = keyed(run(sail, lake, "client_hourly", between(0, 4)))
    writer = lake.writer(REQUESTS)
    for start in range(0, 2_000, 130):
        writer.write_by_hour(oracle.requests_table(reversed(requests[start : start + 130])))
        writer.close_all()
    lake.commit(REQUESTS, writer.close())
    again = keyed(run(sail, lake, "client_hourly", between(0, 4)))
    different = {name for key in first for name in first[key] if first[key][name] != again[key][name]}
    assert not different


@slow
def test_client_hourly_ignores_the_next_hour(sail: Any, lake: Lake, requests: list[Row]) -> None:
    past = [row for row in requests if row["event_at"] < at(3)]
    lake.overwrite_arrow(oracle.requests_table(past), REQUESTS)
    alone = run(sail, lake, "client_hourly", between(0, 2))
    lake.overwrite_arrow(oracle.requests_table(requests), REQUESTS)
    check_same(run(sail, lake, "client_hourly", between(0, 2)), keyed(alone))
    check_same(run(sail, lake, "client_hourly", between(0, 4)), oracle.client_hourly(requests), tolerance=2e-6)


@slow
def test_client_daily_reads_23_hours_before_its_interval(sail: Any, lake: Lake) -> None:
    rows = random_hourly(600, 60, 12)
    data = oracle.to_table(rows, CLIENT_HOURLY, "hour_at")
    lake.overwrite_arrow(data, CLIENT_HOURLY)
    expected = oracle.client_daily(rows, at(30), at(40))
    check_same(run(sail, lake, "client_daily", between(30, 40)), expected)
    # Hour by hour and with no more than the window there, to the bit.
    window = [row for row in rows if at(35 - 23) <= row["hour_at"] <= at(35)]
    at_once = {key: row for key, row in keyed(lake.read_arrow(CLIENT_DAILY).to_pylist()).items() if key[1] == at(35)}
    lake.overwrite_arrow(oracle.to_table(window, CLIENT_HOURLY, "hour_at"), CLIENT_HOURLY)
    assert keyed(run(sail, lake, "client_daily", between(35, 35))) == at_once
    assert run(sail, lake, "client_daily", between(58, 59)) == []


def active_clients(interval: Interval) -> list[tuple[str, str, datetime]]:
    """All addresses and networks in all hours, and some that no score names."""
    clients = [oracle.cidr(a) for a in (*oracle.ADDRESSES, "203.0.113.9")]
    kinds = [(c, "address") for c in clients] + [(n, "network") for n in sorted({oracle.network(c) for c in clients})]
    return [
        (client, kind, at(n)) for n in range(90) for client, kind in kinds if interval.start <= at(n) < interval.end
    ]


def put_scores(lake: Lake, scores: list[Row], active: list[tuple[str, str, datetime]]) -> None:
    lake.overwrite_arrow(oracle.to_table(scores, REQUEST_SCORES, "event_at"), REQUEST_SCORES)
    zeros = {c.name: 0.0 if c.type == "double" else 0 for c in CLIENT_DAILY.columns[3:]}
    rows = [{"client": c, "client_kind": kind, "hour_at": hour, **zeros} for c, kind, hour in active]
    lake.overwrite_arrow(oracle.to_table(rows, CLIENT_DAILY, "hour_at"), CLIENT_DAILY)


@slow
def test_client_attacks_equals_the_oracle(sail: Any, lake: Lake) -> None:
    scores, interval = oracle.random_scores(1_500, 50, 13), between(26, 34)
    active = active_clients(interval)
    put_scores(lake, scores, active)
    expected = oracle.client_attacks(scores, active)
    actual = run(sail, lake, "client_attacks", interval)
    check_same(actual, expected, tolerance=2e-6)
    assert max(len(row["attack_request_ids"]) for row in actual) == 20
    # The hours after are there, and still none of them goes in: without them the rows are the same.
    put_scores(lake, [row for row in scores if row["event_at"] < at(35)], active)
    assert keyed(run(sail, lake, "client_attacks", interval)) == keyed(actual)


@slow
def test_client_attacks_without_scores_has_no_rows(sail: Any, lake: Lake) -> None:
    assert run(sail, lake, "client_attacks", between(0, 1)) == []


@slow
def test_client_frame_has_a_row_per_active_client(sail: Any, lake: Lake) -> None:
    requests, interval = oracle.random_requests(1_200, 30, 15), between(20, 29)
    hourly = oracle.client_hourly(requests)
    lake.overwrite_arrow(oracle.to_table(hourly.values(), CLIENT_HOURLY, "hour_at"), CLIENT_HOURLY)
    days = oracle.client_daily(hourly.values(), at(20), at(29))
    lake.overwrite_arrow(oracle.to_table(days.values(), CLIENT_DAILY, "hour_at"), CLIENT_DAILY)
    scores = [row for row in oracle.random_scores(200, 30, 16) if row["client_ip"].startswith("192.")]
    attacks = oracle.client_attacks(scores, [(c, row["client_kind"], h) for (c, h), row in days.items()])
    lake.overwrite_arrow(oracle.to_table(attacks.values(), CLIENT_ATTACKS, "hour_at"), CLIENT_ATTACKS)
    frame = client_frame(JobRun(sail, lake, interval, tasks=3))
    expected = {}
    behavior = [c.name for c in CLIENT_DAILY.columns[3:-3]]
    empty = {c.name: 0.0 if c.type == "double" else 0 for c in CLIENT_ATTACKS.columns[3:-1]}
    for (client, hour), day in days.items():
        members = [r for (c, h), r in hourly.items() if h == hour and client in (c, oracle.network(c))]
        now = oracle.summed(members)
        attack = attacks.get((client, hour), {**empty, "attack_request_ids": None})
        expected[client, hour] = {
            "client_kind": day["client_kind"],
            **{f"hour_{name}": now[name] for name in behavior},
            **{f"day_{c.name}": day[c.name] for c in CLIENT_DAILY.columns[3:]},
            **{c.name: attack[c.name] for c in CLIENT_ATTACKS.columns[3:]},
        }
    actual = frame.toArrow().to_pylist()
    check_same(actual, expected, tolerance=2e-6)
    assert {row["client_kind"] for row in actual} == {"address", "network"}
    assert any(row["attack_request_ids"] is None for row in actual)
    assert any(row["attack_request_ids"] for row in actual)
    assert not any(isinstance(v, float) and np.isnan(v) for row in actual for v in row.values())


def test_evidence_is_attacks_else_failed_and_latest_requests(lake: Lake) -> None:
    requests = oracle.random_requests(900, 2, 17, oracle.ADDRESSES[:6])
    lake.overwrite_arrow(oracle.requests_table(requests), REQUESTS)
    clients = [(c, at(h)) for h in (0, 1) for c in [*map(oracle.cidr, oracle.ADDRESSES[:6]), "192.0.2.0/24"]]
    scores = [
        {"client": c, "hour_at": h, "is_abuse": n % 3 > 0, "attack_request_ids": ["x", "y"] if n % 4 == 0 else None}
        for n, (c, h) in enumerate(clients)
    ]
    schema = columns_schema(CLIENT_SCORES, ["client", "hour_at", "is_abuse"])
    schema = schema.append(pa.field("attack_request_ids", pa.list_(pa.string())))
    actual: list[Row] = []
    for hour in (0, 1):
        rows = [{**dict.fromkeys(schema.names), **score} for score in scores if score["hour_at"] == at(hour)]
        batches = lake.read_arrow(REQUESTS, [format_hour(at(hour))]).to_batches(max_chunksize=100)
        actual += with_evidence(pa.Table.from_pylist(rows, schema), batches).to_pylist()
    assert len(actual) == len(scores)
    evidence = {(row["client"], row["hour_at"]): row["evidence_request_ids"] for row in actual}
    for score in scores:
        key = (score["client"], score["hour_at"])
        produced = [r for r in requests if key[0] in (oracle.cidr(r["client_ip"]), oracle.network(r["client_ip"])) and key[1] <= r["event_at"] < key[1] + timedelta(hours=1)]  # fmt: skip
        produced.sort(key=lambda r: r["request_id"])
        produced.sort(key=lambda r: ((r["status"] or 0) >= 400, r["event_at"]), reverse=True)
        shown = [row["request_id"] for row in produced[:20]] if score["is_abuse"] else []
        assert evidence[key] == (score["attack_request_ids"] or shown)
