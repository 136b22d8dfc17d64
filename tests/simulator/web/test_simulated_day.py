"""A small simulated day as others read it: files, lines, truth. Which families exist is in test_simulated_families.py."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from simulator.web.cloudfront import FIELDS
from simulator.web.day import Settings, Summary, write_day
from simulator.web.families import ATTACK_CLASSES, all_families

START = datetime(2026, 11, 20, 22, tzinfo=UTC)
HOURS = 3
SHOP_DIGEST = "da3835eb037f6f8cfe216f2c80f85adcb2a481e4ed21b5ec464a60f33207196a"


@dataclass(frozen=True)
class World:
    out: Path
    summary: Summary
    lines: list[dict[str, str]]
    clients: list[dict]
    requests: list[dict]


def _small(out: Path, **changed: object) -> Summary:
    settings: dict[str, Any] = {"start": START, "hours": HOURS, "seed": 5, "scale": 0.04, **changed}
    return write_day(out, Settings(**settings))


def _lines(folder: Path) -> Iterator[dict[str, str]]:
    for path in sorted(folder.iterdir()):
        version, fields, *rows = gzip.decompress(path.read_bytes()).decode().splitlines()
        assert version == "#Version: 1.0"
        names = fields.removeprefix("#Fields: ").split(" ")
        for row in rows:
            values = row.split("\t")
            assert len(values) == len(names), row
            yield {"file": path.name, **dict(zip(names, values, strict=True))}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    out = tmp_path_factory.mktemp("world")
    summary = _small(out)
    truth = [pq.read_table(out / "truth" / f"{name}.parquet").to_pylist() for name in ("clients", "requests")]
    return World(out, summary, list(_lines(out / "raw")), *truth)


def _digest(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_arguments_give_the_same_bytes(world: World, tmp_path: Path) -> None:
    _small(tmp_path)
    assert _digest(tmp_path) == _digest(world.out)


def test_the_shop_stays_the_same_shop(world: World) -> None:
    """Published figures and the users' own comparisons rest on it: the lines of a seed never change."""
    texts = sorted(gzip.decompress(path.read_bytes()) for path in (world.out / "raw").iterdir())
    assert hashlib.sha256(b"".join(texts)).hexdigest() == SHOP_DIGEST


def test_another_seed_gives_another_shop_and_other_visitors(world: World, tmp_path: Path) -> None:
    _small(tmp_path, seed=6)
    other = pq.read_table(tmp_path / "truth" / "clients.parquet").to_pylist()
    shoppers, others = (
        {row["client"] for row in rows if row["family"] == "shopper_web"} for rows in (world.clients, other)
    )
    assert shoppers and others and not shoppers & others
    hosts, other_hosts = ({line["cs(Host)"] for line in lines} for lines in (world.lines, _lines(tmp_path / "raw")))
    assert not hosts & other_hosts


def test_the_next_day_keeps_shop_and_lasting_clients(world: World, tmp_path: Path) -> None:
    _small(tmp_path, start=START + timedelta(days=1))
    next_day = pq.read_table(tmp_path / "truth" / "clients.parquet").to_pylist()
    for family in ("monitor_uptime", "office_broken_page", "cgnat_with_scanner", "partner_stock_sync"):
        today, tomorrow = (
            {row["client"] for row in rows if row["family"] == family} for rows in (world.clients, next_day)
        )
        assert today & tomorrow
    lines = list(_lines(tmp_path / "raw"))
    assert {line["cs(Host)"] for line in lines} == {line["cs(Host)"] for line in world.lines}
    assert not {line["x-edge-request-id"] for line in lines} & {row["request_id"] for row in world.requests}


def test_a_run_replaces_what_a_former_run_left(world: World, tmp_path: Path) -> None:
    _small(tmp_path, seed=6, late_share=0.5)
    _small(tmp_path)
    assert _digest(tmp_path) == _digest(world.out)


def test_files_are_named_by_their_hour(world: World) -> None:
    per_hour: dict[str, set[str]] = {}
    for line in world.lines:
        named = re.fullmatch(r"(E[0-9A-Z]{13})\.(\d{4}-\d\d-\d\d-\d\d)\.[0-9a-f]{8}\.gz", line["file"])
        assert named and named[2] == f"{line['date']}-{line['time'][:2]}"
        per_hour.setdefault(named[2], set()).add(line["file"])
    assert sorted(per_hour) == [(START + timedelta(hours=hour)).strftime("%Y-%m-%d-%H") for hour in range(HOURS)]
    assert all(2 <= len(files) <= 6 for files in per_hour.values())
    assert len({line["file"].split(".")[0] for line in world.lines}) == 2
    assert {line["cs(Host)"] for line in world.lines} == {
        next(other["cs(Host)"] for other in world.lines if other["file"].startswith(distribution))
        for distribution in {line["file"].split(".")[0] for line in world.lines}
    }


def test_rows_of_a_file_are_shuffled(world: World) -> None:
    times: dict[str, list[str]] = {}
    for line in world.lines:
        times.setdefault(line["file"], []).append(line["time"])
    largest = max(times.values(), key=len)
    assert largest != sorted(largest)


@pytest.mark.parametrize("layout", [33, 26, 24, 19, 12])
def test_each_line_has_the_fields_of_its_header(layout: int, tmp_path: Path) -> None:
    summary = _small(tmp_path, hours=1, scale=0.02, layout=layout)
    lines = list(_lines(tmp_path / "raw"))
    assert len(lines) == summary.lines
    assert all(tuple(line)[1:] == tuple(FIELDS[:layout]) for line in lines)


def test_no_value_is_empty_or_unencoded(world: World) -> None:
    for line in world.lines:
        for name, value in line.items():
            assert value and re.fullmatch(r"[!-~]+", value), (name, value)
        for name in ("cs-uri-stem", "cs-uri-query", "cs(Referer)", "cs(User-Agent)"):
            assert not re.search("[<>\"#{}|\\\\^~\\[\\]`']|%(?![0-9A-F]{2})", line[name]), line[name]


def test_encoded_requests_are_encoded_again(world: World) -> None:
    queries = [line["cs-uri-query"] for line in world.lines]
    assert sum("%25" in query for query in queries) > 20


def test_truth_covers_every_request_once(world: World) -> None:
    logged = [line["x-edge-request-id"] for line in world.lines]
    assert sorted(logged) == sorted(row["request_id"] for row in world.requests)
    assert len(set(logged)) == len(logged) == world.summary.lines
    assert all(re.fullmatch(r"[\w-]{54}==", request_id) for request_id in logged)


def test_truth_names_the_client_of_each_request(world: World) -> None:
    client_of = {line["x-edge-request-id"]: line["c-ip"] for line in world.lines}
    assert all(client_of[row["request_id"]] == row["client_ip"] for row in world.requests)


def test_truth_counts_the_requests_of_each_address(world: World) -> None:
    counted = Counter(line["c-ip"] for line in world.lines)
    told = {row["client"]: row for row in world.clients if row["client_kind"] == "address"}
    assert len(told) == len(counted) == world.summary.clients
    assert sum(row["is_abuse"] for row in told.values()) == world.summary.abusive_clients
    for address, count in counted.items():
        row = told[f"{address}/{128 if ':' in address else 32}"]
        assert row["request_count"] == count
        assert START <= row["first_at"] <= row["last_at"] < START + timedelta(hours=HOURS)


def test_a_rotating_network_counts_its_addresses_requests(world: World) -> None:
    rotating = [row for row in world.clients if row["client_kind"] == "network" and row["is_abuse"]]
    assert {row["abuse_kind"] for row in rotating} == {"rotation"}
    assert {ip_network(row["client"]).prefixlen for row in rotating} == {24, 64}
    for row in rotating:
        inside = [line for line in world.lines if ip_address(line["c-ip"]) in ip_network(row["client"])]
        assert row["request_count"] == len(inside)
        assert len({line["c-ip"] for line in inside}) > 5


def test_attacks_have_a_class_and_others_none(world: World) -> None:
    assert all(row["is_attack"] == (row["attack_class"] is not None) for row in world.requests)
    assert {row["attack_class"] for row in world.requests} - {None} == set(ATTACK_CLASSES)


def test_abuse_kinds_and_families_agree(world: World) -> None:
    kinds = {family.name: family.abuse_kind for family in all_families()}
    for row in world.clients:
        assert row["abuse_kind"] == (kinds[row["family"]] if row["is_abuse"] else None)
        assert not (row["is_abuse"] and row["never_block"])


def test_every_abuser_acts_even_in_a_small_world(world: World) -> None:
    seen = {row["family"] for row in world.requests}
    assert {family.name for family in all_families() if family.abuse_kind} <= seen


def test_a_selection_holds_no_family_of_the_other(tmp_path: Path) -> None:
    names = {}
    for choice in ("fit", "held_out"):
        _small(tmp_path / choice, families=choice, hours=1)
        rows = pq.read_table(tmp_path / choice / "truth" / "requests.parquet", columns=["family"]).to_pylist()
        names[choice] = {row["family"] for row in rows}
    assert names["fit"] & names["held_out"] == {"shopper_web"}


def test_no_client_has_a_reserved_address(world: World) -> None:
    found = {ip_address(line["c-ip"]) for line in world.lines}
    assert all(address.is_global and not address.is_multicast for address in found)
    assert 0.1 < sum(address.version == 6 for address in found) / len(found) < 0.45


def test_values_of_a_line_are_consistent(world: World) -> None:
    for line in world.lines:
        assert float(line["time-to-first-byte"]) <= float(line["time-taken"])
        assert (line["cs-protocol"] == "http") == (line["ssl-protocol"] == "-") == (line["ssl-cipher"] == "-")
        assert (line["sc-status"] == "000" or line["sc-status"] >= "400") == (line["x-edge-result-type"] == "Error")
        assert (line["x-edge-result-type"] == "Redirect") <= (line["sc-status"] in ("301", "307"))
        if line["cs-protocol-version"] == "HTTP/3.0":
            assert line["ssl-protocol"] == "TLSv1.3"
        if line["cs-method"] == "HEAD":
            assert line["sc-content-len"] in ("0", "-")
        assert 1024 <= int(line["c-port"]) <= 65535


def test_people_get_errors_and_attackers_get_successes(world: World) -> None:
    truth = {row["request_id"]: row for row in world.requests}
    shoppers: Counter[str] = Counter()
    injections: Counter[str] = Counter()
    for line in world.lines:
        row = truth[line["x-edge-request-id"]]
        if row["family"].startswith("shopper"):
            shoppers[line["sc-status"]] += 1
        if row["attack_class"] in ("sqli", "xss"):
            injections[line["sc-status"]] += 1
    assert shoppers["404"] and shoppers["200"] > 20 * shoppers["404"]
    assert injections["200"] and injections["403"] and injections["404"]


def test_late_rows_go_elsewhere_and_none_is_lost(world: World, tmp_path: Path) -> None:
    summary = _small(tmp_path, late_share=0.1)
    raw, late = list(_lines(tmp_path / "raw")), list(_lines(tmp_path / "late"))
    assert 0.09 < len(late) / (len(raw) + len(late)) < 0.11
    assert sorted(line["x-edge-request-id"] for line in raw + late) == sorted(
        line["x-edge-request-id"] for line in world.lines
    )
    assert summary.raw == tmp_path / "raw"
    assert not {line["file"] for line in raw} & {line["file"] for line in late}


@pytest.mark.parametrize(
    "changed",
    [
        {"hours": 0},
        {"scale": 0.0},
        {"late_share": 1.5},
        {"layout": 20},
        {"site": "bazaar"},
        {"start": START + timedelta(minutes=5)},
    ],
)
def test_invalid_arguments_are_refused(changed: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        _small(tmp_path, **changed)
    assert not list(tmp_path.iterdir())
