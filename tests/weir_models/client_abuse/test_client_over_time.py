"""client_abuse on hours made by hand, through the real features: slow clients, rotation, one scanner among shoppers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from platform_assets.domains.waf.decide.rules import ScoredHour, decide
from platform_assets.domains.waf.decisions import Decision
from platform_assets.domains.waf.policy import load_policy
from spark_jobs.sources.cloudfront.client_daily import client_daily_rows
from spark_jobs.sources.cloudfront.client_hourly import COLUMNS, client_hourly_rows
from spark_jobs.sources.cloudfront.tables import REQUESTS
from spark_jobs.storage.schema import arrow_schema
from tests.weir_models.client_abuse.sample_clients import examples
from weir_models.client_abuse import evaluation, model

START = datetime(2026, 11, 20, tzinfo=UTC)
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


def request(
    at: float,
    address: str,
    path: str,
    status: int = 200,
    *,
    method: str = "GET",
    query: bool = False,
    cookie: bool = False,
    referer: bool = False,
    attack: bool = False,
    agent: str = BROWSER,
) -> dict[str, Any]:
    """A request so many seconds after the start, as the table of requests has it, and whether it is an attack."""
    return {"client_ip": address, "event_at": START + timedelta(seconds=at), "method": method, "uri_path": path,
        "uri_query": "q=1" if query else None, "status": status, "referer": "https://shop.example/" if referer else None,
        "cookie_hash": "c0ffee" if cookie else None, "user_agent": agent, "bytes_sent": 20_000 if status < 400 else 600,
        "time_taken_seconds": 0.05, "attack": attack}  # fmt: skip


def rows(made_up: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Requests -> the rows of addresses and networks as the model reads them; attacks are as they were marked."""
    made = pd.DataFrame(list(made_up))
    requests = made.drop(columns="attack").to_dict("records")
    schema = pa.schema([field for field in arrow_schema(REQUESTS) if field.name in COLUMNS])
    hourly = client_hourly_rows(pa.Table.from_pylist(requests, schema=schema).to_batches())
    assert hourly is not None
    last = max(made["event_at"])
    daily = client_daily_rows(hourly.to_batches(), f"{START:%Y-%m-%d-%H}", f"{last:%Y-%m-%d-%H}").to_pandas()
    frame = daily.rename(columns=lambda name: name if name in ("client", "client_kind", "hour_at") else f"day_{name}")
    frame["hour_at"] = pd.to_datetime(frame["hour_at"], utc=True)
    made["hour_at"] = made["event_at"].dt.floor("h")
    made["address"] = [f"{ip}/{128 if ':' in ip else 32}" for ip in made["client_ip"]]
    made["network"] = [evaluation.network_of(address) for address in made["address"]]
    found = made[made["attack"]]
    attacks, attackers = [], []
    for client, kind, hour in zip(frame["client"], frame["client_kind"], frame["hour_at"], strict=True):
        day = found[(found["hour_at"] <= hour) & (found["hour_at"] > hour - timedelta(hours=24))]
        of_client = day[day["address" if kind == "address" else "network"] == client]
        attacks.append(len(of_client))
        attackers.append(of_client["client_ip"].nunique())
    frame["day_attack_request_count"], frame["day_attack_address_count"] = attacks, attackers
    frame["day_attack_probability_sum"] = 0.97 * frame["day_attack_request_count"]
    return frame.sort_values(["hour_at", "client"], ignore_index=True)


@pytest.fixture(scope="module")
def fitted() -> model.ClientAbuse:
    return model.fit(examples())


def said(fitted: model.ClientAbuse, requests: Iterable[dict[str, Any]]) -> pd.DataFrame:
    frame = rows(requests)
    return pd.concat([frame, fitted.predict(frame)], axis=1)


TWO_DAYS = [1800.0 * turn + 7 * (turn % 5) for turn in range(96)]
SLOW = {
    "injecting": [request(at, "192.0.2.9", "/search", 200 if n % 3 else 403, query=True, attack=True) for n, at in enumerate(TWO_DAYS)],
    "scanning": [request(at, "192.0.2.9", f"/.env.{n}", 404, attack=True) for n, at in enumerate(TWO_DAYS)],
    "signing_in": [request(at, "192.0.2.9", "/login", 401, method="POST") for at in TWO_DAYS],
}  # fmt: skip


@pytest.mark.parametrize("manner", sorted(SLOW))
def test_a_slow_attacker_is_found_and_named(fitted: model.ClientAbuse, manner: str) -> None:
    found = said(fitted, SLOW[manner])
    assert len(found) == 48
    assert found["is_abuse"][:12].any(), "not within half a day"
    assert found["is_abuse"][24:].all(), "not throughout the second day"
    assert set(found["abuse_kind"][24:]) == {"slow_and_low"}


def test_a_slow_reader_is_left_alone(fitted: model.ClientAbuse) -> None:
    reads = [
        request(at + second, "192.0.2.9", path, cookie=True, referer=True)
        for n, at in enumerate(TWO_DAYS)
        for second, path in enumerate((f"/p/{n}", "/a.css", "/b.js", f"/i/{n}.webp"))
    ]
    assert not said(fitted, reads)["is_abuse"].any()


@pytest.mark.parametrize("network", ["203.0.113.{}", "2001:db8:7:7::{:x}"])
def test_a_network_that_rotates_its_addresses_is_found(fitted: model.ClientAbuse, network: str) -> None:
    """Two failed sign-ins an address, each by another browser."""
    tries = [
        request(120.0 * n + 15 * turn, network.format(n + 1), "/login", 401, method="POST", agent=f"{BROWSER} {n}")
        for n in range(90)
        for turn in range(2)
    ]
    found = said(fitted, tries)
    networks = found[found["client_kind"] == "network"]
    assert len(networks) and networks["is_abuse"].all()
    assert set(networks["abuse_kind"]) == {"rotation"}


def visits(address: str, person: int, at: float) -> list[dict[str, Any]]:
    """Three pages with their assets, by somebody with a browser of their own."""
    agent = f"{BROWSER} {person}"
    return [
        request(at + 20 * page + n, address, path, cookie=True, referer=page > 0 or n > 0, agent=agent)
        for page in range(3)
        for n, path in enumerate((f"/p/{person}-{page}", "/a.css", "/b.js", f"/i/{person}-{page}.webp"))
    ]


@pytest.mark.parametrize("network", ["203.0.113.{}", "2001:db8:7:7::{:x}"])
def test_a_network_of_shoppers_is_left_alone(fitted: model.ClientAbuse, network: str) -> None:
    people = [line for n in range(90) for line in visits(network.format(n + 1), n, 240.0 * n)]
    assert not said(fitted, people)["is_abuse"].any()


def decisions(found: pd.DataFrame) -> list[Decision]:
    """What the shipped policy decides, hour after hour."""
    rules, made = load_policy().rules, list[Decision]()
    for hour, of_hour in found.groupby("hour_at"):
        given = of_hour.to_dict("records")
        for row in given:
            row |= {name.removeprefix("day_"): value for name, value in row.items() if str(name).startswith("day_")}
            row |= {"model_name": "client_abuse", "model_version": "1"}
            row["evidence_request_ids"] = [f"{hour} {n}" for n in range(min(20, row["attack_request_count"]))]
        made += decide(ScoredHour(hour.to_pydatetime(), given, behavior=given, attacks=given), made, rules)
    return made


@pytest.mark.parametrize("shots", [40, 110, 300])
def test_one_scanner_among_shoppers_is_challenged_at_most(fitted: model.ClientAbuse, shots: int) -> None:
    shoppers = [line for n in range(200) for line in visits("45.11.7.20", n % 60, 400.0 * n)]
    scans = [request(40_000 + 5.0 * n, "45.11.7.20", f"/.env.{n}", 404, attack=True) for n in range(shots)]
    found = said(fitted, shoppers + scans)
    assert not [one for one in decisions(found) if one.action == "block"]


def test_the_scanner_alone_is_blocked(fitted: model.ClientAbuse) -> None:
    scans = [request(40_000 + 5.0 * n, "45.11.7.20", f"/.env.{n}", 404, attack=True) for n in range(110)]
    found = said(fitted, scans)
    assert [one.action for one in decisions(found)] == ["block"]
