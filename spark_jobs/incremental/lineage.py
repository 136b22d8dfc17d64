"""Fingerprints of every hour of every hourly table, which tell the stale hours.

An hour's fingerprint is a hash over those of the upstream hours it was made from; that of a parsed hour is the hash of
its raw objects (name and etag). A late object changes one parsed hour and exactly the hours that look back on it. A run
that dies before it records its hours leaves them stale.

The hashes of a window are added up, so that one cumulative sum gives all windows of a table and each hour is hashed once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from spark_jobs.contract import Column, Table, format_hour, parse_hour
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

MADE_HOURS = Table(
    key="housekeeping/made_hours",
    meaning="What each hour of each table was last made from; append-only, the latest row of a table and hour counts.",
    grain="one making of one hour of one table",
    hourly=False,
    retention_days=None,
    columns=(
        Column("table_key", "string", "the table, or another hourly asset", nullable=False),
        Column("hour", "string", "the hour", nullable=False),
        Column("fingerprint", "string", "hash of what it was made from", nullable=False),
        Column("made_at", "timestamp", "wall clock", nullable=False),
    ),
)
Recorded = dict[str, dict[str, str]]
Numbers = np.ndarray


@dataclass(frozen=True)
class Step:
    """An hourly asset: what it reads, how far back, and whether it reads its own past."""

    key: str
    upstream: tuple[str, ...]
    trailing_hours: int = 0
    reads_own_past: bool = False
    backfill_days: int | None = None
    """Hours further before the newest one are not stale unless they were made once."""
    made_with: str = ""
    """Settings that its hours are made with; others make them stale."""


def recorded(lake: Lake) -> Recorded:
    """Table -> hour -> latest recorded fingerprint."""
    rows = lake.read_arrow(MADE_HOURS).sort_by("made_at")
    by_table: Recorded = {}
    columns = (rows[name].to_pylist() for name in ("table_key", "hour", "fingerprint"))
    for key, hour, fingerprint in zip(*columns, strict=True):
        by_table.setdefault(key, {})[hour] = fingerprint
    return by_table


def fingerprint(items: Iterable[Sequence[str]]) -> str:
    """Hash of sorted parts; the same for the same set in any order."""
    digest = hashlib.blake2b(digest_size=12)
    for item in sorted("\t".join(item) for item in items):
        digest.update(item.encode() + b"\n")
    return digest.hexdigest()


def expected(step: Step, recorded: Recorded, hours: Iterable[str] | None = None) -> dict[str, str]:
    """Hour -> up-to-date fingerprint of the step, for the hours of its first upstream."""
    upstream_hours = recorded.get(step.upstream[0], {})
    requested = None if hours is None else upstream_hours.keys() & set(hours)
    hours_in_order = sorted(upstream_hours if requested is None or step.reads_own_past else requested)
    if not hours_in_order:
        return {}
    ends = _hour_numbers(hours_in_order)
    sums = np.zeros((len(hours_in_order), 2), np.uint64)
    for key in step.upstream:
        sums += _window_sums(key, recorded.get(key, {}), ends - step.trailing_hours, ends)
    fingerprints: dict[str, str] = {}
    previous = b""
    for hour, total in zip(hours_in_order, sums, strict=True):
        digest = hashlib.blake2b(total.tobytes() + previous + step.made_with.encode(), digest_size=12)
        fingerprints[hour] = digest.hexdigest()
        previous = digest.digest() if step.reads_own_past else b""
    return (
        fingerprints
        if requested is None
        else {hour: fingerprints[hour] for hour in hours_in_order if hour in requested}
    )


def _window_sums(key: str, by_hour: Mapping[str, str], starts: Numbers, ends: Numbers) -> Numbers:
    """Sums of the 128-bit hashes (two columns of 64) of the table's hours within each window, both ends included."""
    hours = sorted(by_hour)
    numbers = _hour_numbers(hours)
    low, high = int(np.searchsorted(numbers, starts[0], "left")), int(np.searchsorted(numbers, ends[-1], "right"))
    hours, numbers = hours[low:high], numbers[low:high]
    texts = (f"{key}\t{hour}\t{by_hour[hour]}".encode() for hour in hours)
    digests = b"".join(hashlib.blake2b(text, digest_size=16).digest() for text in texts)
    rows = np.frombuffer(digests, "<u8").reshape(-1, 2)
    cumulated = np.concatenate([np.zeros((1, 2), np.uint64), np.cumsum(rows, axis=0, dtype=np.uint64)])
    return cumulated[np.searchsorted(numbers, ends, "right")] - cumulated[np.searchsorted(numbers, starts, "left")]


def _hour_numbers(hours: Sequence[str]) -> Numbers:
    """Hours since 1970 of `2026-11-20-13`."""
    return np.array([f"{hour[:10]}T{hour[11:]}" for hour in hours], "datetime64[h]").astype(np.int64)


def stale(step: Step, recorded: Recorded) -> list[str]:
    """Hours of the step that are missing or not made from the current upstream."""
    recorded_hours, up_to_date = recorded.get(step.key, {}), expected(step, recorded)
    since = ""
    if step.backfill_days is not None and up_to_date:
        since = format_hour(parse_hour(max(up_to_date)) - timedelta(days=step.backfill_days))
    return sorted(
        hour
        for hour, value in up_to_date.items()
        if recorded_hours.get(hour) != value and (hour > since or hour in recorded_hours)
    )


def record(lake: Lake, fingerprints: Mapping[str, Mapping[str, str]]) -> None:
    """Record that hours were made; `fingerprints`: table -> hour -> fingerprint."""
    now = datetime.now(UTC)
    rows = [
        {"table_key": key, "hour": hour, "fingerprint": value, "made_at": now}
        for key, hours in fingerprints.items()
        for hour, value in sorted(hours.items())
    ]
    if rows:
        writer = lake.writer(MADE_HOURS)
        writer.write(pa.Table.from_pylist(rows, schema=arrow_schema(MADE_HOURS)), None)
        lake.commit(MADE_HOURS, writer.close(), hours=())


def compact(lake: Lake) -> int:
    """Keep only the latest row of each table and hour; returns how many rows were removed."""
    removed = 0

    def latest(rows: pa.Table) -> pa.Table | None:
        nonlocal removed
        latest_rows = {(row["table_key"], row["hour"]): row for row in rows.sort_by("made_at").to_pylist()}
        removed = rows.num_rows - len(latest_rows)
        return pa.Table.from_pylist(list(latest_rows.values()), schema=arrow_schema(MADE_HOURS)) if removed else None

    lake.rewrite(MADE_HOURS, latest)
    return removed
