"""The work of the jobs `requests`, `client_hourly` and `client_daily`, line by line in plain Python.

Like AWS's Lambda parsers of CloudFront logs: gzip, csv, a counter for each client. One process; the same columns and
definitions as the other peers. pyarrow only writes.
"""

from __future__ import annotations

import csv
import gzip
import ipaddress
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.throughput import definitions
from benchmarks.throughput.definitions import (
    AGENT_PATTERNS,
    COLUMN_OF,
    DECODED,
    DERIVED,
    FIELD_TYPES,
    GREATEST,
    PATH_PATTERNS,
    SUMS,
    common_fields,
    cookie_hash,
    decoded_agent,
    regular_expressions,
)

LIMITS = (
    definitions.ADDRESSES_LIMIT,
    definitions.HEADER_LIMIT,
    definitions.DELTA_LIMIT,
    "one core; the counts of a day are held in memory",
)
HEADER_LINES = 2
NUMBERS: dict[str, Callable[[str], Any]] = {"integer": int, "status": int, "number": float}
WRITTEN_ROWS = 20_000
MILLION = 1_000_000
Row = dict[str, Any]


def parse(files: Sequence[Path], out: Path) -> int:
    """Log objects -> requests by hour and rejected lines; returns the rows of requests."""
    fields = common_fields(files)
    seen: set[str] = set()
    count = 0
    for number, path in enumerate(files):
        rejected: list[Row] = []
        rows: defaultdict[str, list[Row]] = defaultdict(list)
        part = 0
        with gzip.open(path, "rt", encoding="utf-8", newline="") as content:
            lines = csv.reader(content, delimiter="\t", quoting=csv.QUOTE_NONE)
            for line, values in enumerate(lines, 1):
                if line <= HEADER_LINES:
                    continue
                try:
                    row = _request(fields, values)
                except ValueError as error:
                    reason = {"source_object": str(path), "line_number": line, "reason": str(error)}
                    rejected.append({**reason, "raw_line": "\t".join(values)})
                    continue
                if row["request_id"] in seen:
                    continue
                seen.add(row["request_id"])
                count += 1
                of_hour = rows[f"{row['event_at']:%Y-%m-%d-%H}"]
                of_hour.append({**row, "source_object": str(path), "line_number": line})
                if len(of_hour) == WRITTEN_ROWS:
                    part += 1
                    _write(out, rows, f"{number}-{part}")
        _write(out, rows, f"{number}")
        if rejected:
            folder = out / "rejected_lines"
            folder.mkdir(exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rejected), folder / f"{number}.parquet", compression="zstd")
    return count


def _request(fields: Sequence[str], values: Sequence[str]) -> Row:
    """One row; ValueError with the reason where the line is odd."""
    if len(values) != len(fields):
        raise ValueError("field_count")
    text = {field: None if value in ("-", "") else value for field, value in zip(fields, values, strict=True)}
    row: Row = {}
    for field, value in text.items():
        column, kind = COLUMN_OF.get(field, ""), FIELD_TYPES.get(field, "")
        if not column or column in DERIVED:
            continue
        try:
            row[column] = NUMBERS[kind](value) if value is not None and kind in NUMBERS else value
        except ValueError:
            raise ValueError("bad_number") from None
    try:
        row["event_at"] = datetime.fromisoformat(f"{text['date']}T{text['time']}").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("bad_time") from None
    for column in DECODED:
        if row[column] and "%" in row[column]:
            row[column] = unquote(row[column])
    agent, cookie = text["cs_user_agent"], text["cs_cookie"]
    row["user_agent"] = decoded_agent(agent) if agent and "%" in agent else agent
    row["cookie_hash"] = None if cookie is None else cookie_hash(cookie)
    row["host"] = text["x_host_header"] or text["cs_host"]
    return row


def _write(out: Path, rows: defaultdict[str, list[Row]], name: str) -> None:
    for hour, of_hour in rows.items():
        folder = out / "requests" / f"event_hour={hour}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(of_hour), folder / f"{name}.parquet", compression="zstd")
    rows.clear()


def client_hourly(out: Path) -> int:
    regex = {name: re.compile(text.replace(r"\z", r"\Z"), re.ASCII) for name, text in regular_expressions().items()}

    @cache
    def matches(name: str, text: str) -> bool:
        return regex[name].search(text) is not None

    groups: dict[tuple[str, datetime], _Hour] = {}
    for path in sorted((out / "requests").rglob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(WRITTEN_ROWS):
            for row in batch.to_pylist():
                key = (row["client_ip"], row["event_at"].replace(minute=0, second=0))
                group = groups.get(key)
                if group is None:
                    group = groups[key] = _Hour()
                group.add(row, matches)
    rows = [{**_grain(_cidr(address), "address", hour), **group.row()} for (address, hour), group in groups.items()]
    _write_table(out, "client_hourly", rows)
    return len(rows)


class _Hour:
    """The counts of one address in one hour."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.paths: Counter[str] = Counter()
        self.minutes: Counter[datetime] = Counter()
        self.agents: set[str] = set()
        self.first_at = self.last_at = None

    def add(self, row: Row, matches: Callable[[str, str], bool]) -> None:
        counts, method, status = self.counts, row["method"], row["status"] or 0
        path, agent, at = row["uri_path"] or "", row["user_agent"] or "", row["event_at"]
        signs_in = method == "POST" and matches(PATH_PATTERNS["is_sign_in"], path)
        counts["request_count"] += 1
        counts["query_request_count"] += row["uri_query"] is not None
        counts["post_request_count"] += method == "POST"
        counts["head_request_count"] += method == "HEAD"
        counts["unusual_method_request_count"] += method not in (None, "GET", "HEAD", "POST", "OPTIONS")
        counts["ok_count"] += 200 <= status < 300 or status == 304
        counts["redirect_count"] += 300 <= status < 400 and status != 304
        counts["unauthorised_count"] += status in (401, 403)
        counts["not_found_count"] += status in (404, 410)
        counts["client_error_count"] += 400 <= status < 500
        counts["server_error_count"] += 500 <= status < 600
        counts["no_referer_count"] += row["referer"] is None
        counts["no_user_agent_count"] += row["user_agent"] is None
        counts["cookie_request_count"] += row["cookie_hash"] is not None
        counts["asset_request_count"] += matches(PATH_PATTERNS["is_asset"], path)
        counts["probe_path_request_count"] += matches(PATH_PATTERNS["is_probe"], path)
        counts["robots_request_count"] += path == "/robots.txt"
        counts["sign_in_request_count"] += signs_in
        counts["sign_in_failure_count"] += signs_in and status in (400, 401, 403, 422, 429)
        for name, pattern in AGENT_PATTERNS.items():
            counts[name] += matches(pattern, agent)
        counts["bytes_sent"] += row["bytes_sent"] or 0
        counts["micros"] += round((row["time_taken_seconds"] or 0.0) * MILLION)
        self.paths[path] += 1
        self.agents.add(agent)
        self.minutes[at.replace(second=0)] += 1
        self.first_at = at if self.first_at is None or at < self.first_at else self.first_at
        self.last_at = at if self.last_at is None or at > self.last_at else self.last_at

    def row(self) -> Row:
        total = self.counts["request_count"]
        weighted = sum(n * math.log2(n) for n in self.paths.values())
        return {
            **{name: count for name, count in self.counts.items() if name != "micros"},
            "address_count": 1,
            "distinct_path_count": len(self.paths),
            "path_entropy_bits": max(math.log2(total) - weighted / total, 0.0),
            "distinct_user_agent_count": len(self.agents),
            "active_minute_count": len(self.minutes),
            "peak_minute_request_count": max(self.minutes.values()),
            "time_taken_seconds": self.counts["micros"] / MILLION,
            "first_event_at": self.first_at,
            "last_event_at": self.last_at,
        }


def client_daily(out: Path) -> int:
    by_client: defaultdict[str, dict[datetime, list[Row]]] = defaultdict(dict)
    for row in pq.read_table(out / "client_hourly").to_pylist():
        for client in (row["client"], _network(row["client"])):
            by_client[client].setdefault(row["hour_at"], []).append(row)
    rows = [row for client, hours in by_client.items() for row in _days(client, hours)]
    _write_table(out, "client_daily", rows)
    return len(rows)


def _days(client: str, hours: dict[datetime, list[Row]]) -> Iterator[Row]:
    kind = "address" if client.endswith(("/32", "/128")) else "network"
    for hour in sorted(hours):
        day = {at: rows for at, rows in hours.items() if hour - timedelta(hours=23) <= at <= hour}
        rows = [row for rows in day.values() for row in rows]
        addresses = len({row["client"] for row in rows})
        if kind == "network" and addresses < 2:
            continue
        requests = {at: sum(row["request_count"] for row in rows) for at, rows in day.items()}
        total = sum(requests.values())
        yield {
            **_grain(client, kind, hour),
            **{name: math.fsum(row[name] for row in rows) for name in SUMS},
            **{name: max(row[name] for row in rows) for name in GREATEST},
            "address_count": addresses,
            "path_entropy_bits": math.fsum(row["path_entropy_bits"] * row["request_count"] for row in rows) / total,
            "active_hour_count": len(day),
            "peak_hour_request_count": max(requests.values()),
            "night_request_count": sum(count for at, count in requests.items() if at.hour < 6),
        }


def _grain(client: str, kind: str, hour: datetime) -> Row:
    return {"client": client, "client_kind": kind, "hour_at": hour}


def _cidr(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


@cache
def _network(client: str) -> str:
    address = client.split("/")[0]
    return str(ipaddress.ip_network(f"{address}/{64 if ':' in address else 24}", strict=False))


def _write_table(out: Path, name: str, rows: Iterable[Row]) -> None:
    (out / name).mkdir()
    pq.write_table(pa.Table.from_pylist(list(rows)), out / name / "all.parquet", compression="zstd")
