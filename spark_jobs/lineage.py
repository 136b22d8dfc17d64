"""Which hours are made from what: a fingerprint for every hour of every hourly table, so that what is stale is known.

An hour's fingerprint is the hash of the fingerprints of the upstream hours it was made from; that of a parsed hour is
the hash of its log objects (name and etag). A late object changes one hour of the parsed tables and, through the
hashes, exactly the hours that look back on it. A run that dies before it records its hours leaves them stale, so the
next run makes them again; where nothing is stale, nothing runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from spark_jobs.contract import Column, Table, format_hour, parse_hour
from spark_jobs.lake import Lake, arrow_schema

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


@dataclass(frozen=True)
class Step:
    """An hourly asset as lineage sees it: what it reads, how far back, and whether its own past goes in."""

    key: str
    upstream: tuple[str, ...]
    trailing_hours: int = 0
    reads_own_past: bool = False


def recorded(lake: Lake) -> Recorded:
    """Table -> hour -> fingerprint of the last making."""
    rows = lake.read_arrow(MADE_HOURS).sort_by("made_at").to_pydict()
    found: Recorded = {}
    for key, hour, fingerprint in zip(rows["table_key"], rows["hour"], rows["fingerprint"], strict=True):
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
    candidates = sorted(known.get(step.upstream[0], {}))
    made: dict[str, str] = {}
    before = ""
    wanted = None if hours is None else set(hours)
    for hour in candidates:
        if wanted is not None and hour not in wanted and not step.reads_own_past:
            continue
        parts = list(_parts(step, known, hour))
        if step.reads_own_past:
            parts.append(("before", "", before))
        made[hour] = before = fingerprint(parts)
    return made if wanted is None else {hour: value for hour, value in made.items() if hour in wanted}


def _parts(step: Step, known: Recorded, hour: str) -> Iterable[Sequence[str]]:
    at = parse_hour(hour)
    window = [format_hour(at - timedelta(hours=back)) for back in range(step.trailing_hours + 1)]
    for key in step.upstream:
        made = known.get(key, {})
        for past in window:
            if past in made:
                yield (key, past, made[past])


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
    rows = lake.read_arrow(MADE_HOURS)
    latest = {(r["table_key"], r["hour"]): r for r in rows.sort_by("made_at").to_pylist()}
    if len(latest) < rows.num_rows:
        lake.overwrite_arrow(pa.Table.from_pylist(list(latest.values()), schema=arrow_schema(MADE_HOURS)), MADE_HOURS)
    return rows.num_rows - len(latest)
