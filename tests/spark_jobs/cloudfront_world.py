"""A folder of log objects, its ledger and its lake, and the rounds of making hours as the platform runs them. No tests."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from cloudfront_lines import data_lines

from spark_jobs.contract import HOUR_COLUMN, Interval, Table
from spark_jobs.incremental import ledger
from spark_jobs.main import JobRun, run_job
from spark_jobs.sources.cloudfront.layouts import name_hour
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from spark_jobs.sources.cloudfront.requests import observed_hours
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, OBJECTS, REJECTED_LINES, REQUESTS
from spark_jobs.storage.lake import Lake

PARSED = (REQUESTS, REJECTED_LINES, OBJECT_COUNTS)


@dataclass
class World:
    """`put` files, `look` at the folder, `make` stale hours; `settle` does both until nothing is stale."""

    raw: Path
    lake: Lake
    spark: Any
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tasks: int = 2
    now: datetime = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

    def put(self, name: str, data: bytes) -> str:
        path = self.raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)

    def look(self) -> None:
        """The folder as it is -> the ledger in the lake."""
        self.now += timedelta(minutes=10)
        listed = [
            {
                "source_object": str(path),
                "etag": hashlib.md5(path.read_bytes()).hexdigest(),
                "size_bytes": path.stat().st_size,
                "modified_at": self.now,
            }
            for path in sorted(self.raw.rglob("*"))
            if path.is_file()
        ]
        known = ledger.with_listed(self.lake.read_arrow(OBJECTS), listed, self.now, name_hour)
        if unnamed := ledger.nameless(known):
            actual = observed_hours(self.spark, self.lake.storage, unnamed, ParseOptions(), self.tasks)
            known = ledger.with_observed_hours(known, actual, self.now) or known
        self.lake.overwrite_arrow(known, OBJECTS)

    def stale(self) -> list[str]:
        return ledger.stale_hours(self.lake.read_arrow(OBJECTS), ledger.made_from(self.lake.read_arrow(OBJECT_COUNTS)))

    def make(self, *hours: str) -> dict[str, Any]:
        """The job `requests` on the hours; returns its figures."""
        interval = Interval.spanning(min(hours), max(hours))
        return run_job("cloudfront", "requests", JobRun(self.spark, self.lake, interval, self.parameters, self.tasks))

    def settle(self) -> int:
        """Look, then make what is stale until nothing is; returns the rounds that it took."""
        self.look()
        for rounds in range(6):
            stale = self.stale()
            if not stale:
                return rounds
            self.make(*stale)
        raise AssertionError(f"the hours {self.stale()} stay stale for ever")

    def rows(self, table: Table, *hours: str) -> list[dict[str, Any]]:
        rows = self.lake.read_arrow(table, hours or None).to_pylist()
        return sorted(rows, key=lambda row: [row.get(name, "") for name in (*table.unique, HOUR_COLUMN)])

    def content(self) -> dict[str, list[dict[str, Any]]]:
        return {table.key: self.rows(table) for table in PARSED}

    def files(self, table: Table) -> dict[str, set[str]]:
        """Hour -> data files."""
        actual: dict[str, set[str]] = {}
        delta = self.lake.delta(table)
        for row in pa.table(delta.get_add_actions()).to_pylist() if delta else []:
            actual.setdefault(row["partition"][HOUR_COLUMN], set()).add(row["path"])
        return actual

    def request_ids(self) -> list[str]:
        return sorted(row["request_id"] for row in self.rows(REQUESTS))

    def reasons(self) -> Counter[str]:
        return Counter(row["reason"] for row in self.rows(REJECTED_LINES))

    def check_every_line_is_in_one_place(self) -> None:
        """Each data line of each readable object is one request or one rejected line, and the counts say so."""
        requests, rejected = self.rows(REQUESTS), self.rows(REJECTED_LINES)
        places = Counter((r["source_object"], r["line_number"]) for r in (*requests, *rejected) if r["line_number"])
        assert set(places.values()) <= {1}
        binary = {r["source_object"] for r in rejected if r["reason"] == "not_a_log"}
        present = {
            (str(path), number)
            for path in self.raw.rglob("*")
            if path.is_file() and str(path) not in binary
            for number in data_lines(readable_part(path.read_bytes()))
        }
        assert set(places) == present
        ids = Counter(r["request_id"] for r in requests)
        assert set(ids.values()) <= {1}
        for count in self.rows(OBJECT_COUNTS):
            total = count["parsed_count"] + count["rejected_count"] + count["other_hours_count"]
            assert total == count["lines_present"], count
            here = (count["source_object"], count[HOUR_COLUMN])
            of_requests = [r for r in requests if (r["source_object"], r[HOUR_COLUMN]) == here]
            of_rejected = [r for r in rejected if (r["source_object"], r[HOUR_COLUMN]) == here and r["line_number"]]
            assert (len(of_requests), len(of_rejected)) == (count["parsed_count"], count["rejected_count"]), count


def readable_part(data: bytes) -> bytes:
    """What zlib gets out of a file that is gzip, whole or cut; any other file as it is."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error):
        return zlib.decompressobj(wbits=31).decompress(data)
