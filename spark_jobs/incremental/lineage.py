"""Which hours are made from what: a fingerprint for every hour of every hourly table, so that what is stale is known.

An hour's fingerprint is a hash over the fingerprints of the upstream hours it was made from; that of a parsed hour is
the hash of its log objects (name and etag). A late object changes one hour of the parsed tables and, through the
hashes, exactly the hours that look back on it. A run that dies before it records its hours leaves them stale, so the
next run makes them again; where nothing is stale, nothing runs.

The hashes of a window are added up, so that all windows of a table are one cumulative sum: a day that every hour looks
back on is not hashed again for each of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from spark_jobs.contract import Column, Table
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
    """An hourly asset as lineage sees it: what it reads, how far back, and whether its own past goes in."""

    key: str
    upstream: tuple[str, ...]
    trailing_hours: int = 0
    reads_own_past: bool = False


def recorded(lake: Lake) -> Recorded:
    """Table -> hour -> fingerprint of the last making."""
    rows = lake.read_arrow(MADE_HOURS).sort_by("made_at")
    found: Recorded = {}
    columns = (rows[name].to_pylist() for name in ("table_key", "hour", "fingerprint"))
    for key, hour, fingerprint in zip(*columns, strict=True):
        found.setdefault(key, {})[hour] = fingerprint
    return found


def fingerprint(parts: Iterable[Sequence[str]]) -> str:
    """Hash of sorted parts; the same for the same set in any order."""
    digest = hashlib.blake2b(digest_size=12)
    for part in sorted("\t".join(part) for part in parts):
        digest.update(part.encode() + b"\n")
    return digest.hexdigest()


def expected(step: Step, known: Recorded, hours: Iterable[str] | None = None) -> dict[str, str]:
    """Hour -> fingerprint that the step has where it is up to date, for the hours that its first upstream has."""
    made = known.get(step.upstream[0], {})
    wanted = None if hours is None else made.keys() & set(hours)
    asked = sorted(made if wanted is None or step.reads_own_past else wanted)
    if not asked:
        return {}
    ends = _hour_numbers(asked)
    sums = np.zeros((len(asked), 2), np.uint64)
    for key in step.upstream:
        sums += _window_sums(key, known.get(key, {}), ends - step.trailing_hours, ends)
    found: dict[str, str] = {}
    before = b""
    for hour, total in zip(asked, sums, strict=True):
        digest = hashlib.blake2b(total.tobytes() + before, digest_size=12)
        found[hour] = digest.hexdigest()
        before = digest.digest() if step.reads_own_past else b""
    return found if wanted is None else {hour: value for hour, value in found.items() if hour in wanted}


def _window_sums(key: str, made: Mapping[str, str], first: Numbers, last: Numbers) -> Numbers:
    """Sums of the 128-bit hashes (two columns of 64) of the table's hours within each window, both ends included."""
    hours = sorted(made)
    numbers = _hour_numbers(hours)
    low, high = int(np.searchsorted(numbers, first[0], "left")), int(np.searchsorted(numbers, last[-1], "right"))
    hours, numbers = hours[low:high], numbers[low:high]
    texts = (f"{key}\t{hour}\t{made[hour]}".encode() for hour in hours)
    digests = b"".join(hashlib.blake2b(text, digest_size=16).digest() for text in texts)
    rows = np.frombuffer(digests, "<u8").reshape(-1, 2)
    cumulated = np.concatenate([np.zeros((1, 2), np.uint64), np.cumsum(rows, axis=0, dtype=np.uint64)])
    return cumulated[np.searchsorted(numbers, last, "right")] - cumulated[np.searchsorted(numbers, first, "left")]


def _hour_numbers(hours: Sequence[str]) -> Numbers:
    """Hours since 1970 of `2026-11-20-13`."""
    return np.array([f"{hour[:10]}T{hour[11:]}" for hour in hours], "datetime64[h]").astype(np.int64)


def stale(step: Step, known: Recorded) -> list[str]:
    """Hours of the step that are missing or made from something else than is there now."""
    have = known.get(step.key, {})
    return sorted(hour for hour, value in expected(step, known).items() if have.get(hour) != value)


def record(lake: Lake, made: Mapping[str, Mapping[str, str]]) -> None:
    """Note that hours were made: table -> hour -> fingerprint."""
    now = datetime.now(UTC)
    rows = [
        {"table_key": key, "hour": hour, "fingerprint": value, "made_at": now}
        for key, hours in made.items()
        for hour, value in sorted(hours.items())
    ]
    if rows:
        writer = lake.writer(MADE_HOURS)
        writer.write(pa.Table.from_pylist(rows, schema=arrow_schema(MADE_HOURS)), None)
        lake.commit(MADE_HOURS, writer.close(), hours=())


def compact(lake: Lake) -> int:
    """Keep the latest row of each table and hour; returns how many rows went."""
    gone = 0

    def latest(rows: pa.Table) -> pa.Table | None:
        nonlocal gone
        kept = {(row["table_key"], row["hour"]): row for row in rows.sort_by("made_at").to_pylist()}
        gone = rows.num_rows - len(kept)
        return pa.Table.from_pylist(list(kept.values()), schema=arrow_schema(MADE_HOURS)) if gone else None

    lake.rewrite(MADE_HOURS, latest)
    return gone
