"""The ledger of a source's raw objects: the listed objects, their hours, and which hours are stale.

Pure functions over Arrow tables. An hour is stale if it was not made from exactly its current objects and etags; this
alone decides what is parsed next. Sources define how a name tells the hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract import HOUR_COLUMN, LEDGER_COLUMNS, Interval, Table, format_hour
from spark_jobs.incremental.lineage import fingerprint
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.writer import WrittenFile

LEDGER_NAMES = [column.name for column in LEDGER_COLUMNS]
FIRST_RETRY = timedelta(hours=1)
RETRY_SHARE = 0.25
"""An object that cannot be opened is tried again after this share of the time since it was first seen."""
EARLIEST = datetime(2008, 11, 18, tzinfo=UTC)
"""Earlier modification times are replaced by this."""


@dataclass(frozen=True)
class RawObject:
    """A ledger row for a job. `event_hours` are the hours ledger so far; rejected lines belong to the first."""

    source_object: str
    etag: str
    size_bytes: int
    event_hours: tuple[str, ...]
    duplicate_of: str | None = None


def with_listed(
    ledger: pa.Table,
    listed: Iterable[Mapping[str, Any]],
    now: datetime,
    name_hour: Callable[[str], str | None],
) -> pa.Table:
    """The ledger with a new row for every (source_object, etag) not in it yet; never drops or changes a row.

    `listed` rows have source_object, etag, size_bytes, modified_at; new rows come last. An object with the content of
    another name is marked as its duplicate. A rewritten object keeps the hours of its former content, so that they are
    made again.
    """
    ledger = ledger.select(LEDGER_NAMES)
    known_contents = set(_pairs(ledger))
    new_items: dict[tuple[str, str], Mapping[str, Any]] = {}
    for item in listed:
        key = (item["source_object"], item["etag"])
        if key not in known_contents:
            new_items.setdefault(key, item)
    if not new_items:
        return ledger
    former, names_by_content = (
        _former_hours(ledger, {name for name, _ in new_items}),
        _first_with(ledger, new_items.values()),
    )
    rows = []
    for _, item in sorted(new_items.items(), key=lambda entry: entry[0][0]):
        hour = name_hour(item["source_object"])
        original = names_by_content.setdefault((item["etag"], item["size_bytes"]), item["source_object"])
        rows.append(
            {
                **{name: item[name] for name in ("source_object", "etag", "size_bytes", "modified_at")},
                "first_seen_at": now,
                "name_hour": hour,
                "event_hours": list(dict.fromkeys([*([hour] if hour else []), *former.get(item["source_object"], [])])),
                "duplicate_of": original if original != item["source_object"] and item["size_bytes"] else None,
            }
        )
    return pa.concat_tables([ledger, pa.Table.from_pylist(rows, schema=ledger.schema)])


def _pairs(ledger: pa.Table) -> list[tuple[str, str]]:
    return list(zip(ledger["source_object"].to_pylist(), ledger["etag"].to_pylist(), strict=True))


def _former_hours(ledger: pa.Table, names: set[str]) -> dict[str, list[str]]:
    """Name -> the hours of its latest row, for names in the ledger."""
    rows = ledger.filter(pc.is_in(ledger["source_object"], pa.array(sorted(names), pa.string())))
    return {row["source_object"]: row["event_hours"] for row in current(rows)}


def _first_with(ledger: pa.Table, items: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], str]:
    """(etag, size) of the items -> the first name in the ledger with this content."""
    etags = pa.array(sorted({item["etag"] for item in items}), pa.string())
    rows = ledger.filter(pc.is_in(ledger["etag"], etags))
    columns = (rows[name].to_pylist() for name in ("source_object", "etag", "size_bytes"))
    names: dict[tuple[str, int], str] = {}
    for name, etag, size in sorted(zip(*columns, strict=True)):
        names.setdefault((etag, size), name)
    return names


def without_repeats(ledger: pa.Table) -> pa.Table:
    """The ledger with only the first row of each (source_object, etag): concurrent runs may add the same."""
    first_rows: dict[tuple[str, str], int] = {}
    for index, key in enumerate(_pairs(ledger)):
        first_rows.setdefault(key, index)
    return ledger if len(first_rows) == ledger.num_rows else ledger.take(list(first_rows.values()))


def current(ledger: pa.Table) -> list[dict[str, Any]]:
    """The latest row of each source_object (a rewritten object has several), in the order of names."""
    rows: list[dict[str, Any]] = _current(ledger).to_pylist()
    return rows


def _current(ledger: pa.Table) -> pa.Table:
    names = ledger["source_object"].to_pylist()
    latest = dict(zip(names, range(len(names)), strict=True))
    if len(latest) < len(names):
        times = (ledger[name].cast(pa.int64()).to_pylist() for name in ("first_seen_at", "modified_at"))
        ages = list(zip(*times, ledger["etag"].to_pylist(), strict=True))
        latest = {}
        for index, name in enumerate(names):
            if name not in latest or ages[index] > ages[latest[name]]:
                latest[name] = index
    return ledger.take(pa.array([latest[name] for name in sorted(latest)], pa.int64()))


def nameless(ledger: pa.Table) -> list[RawObject]:
    """Objects whose hours are unknown."""
    rows = _current(ledger)
    return _raw_objects(rows, pc.equal(pc.list_value_length(rows["event_hours"]), 0))


def with_observed_hours(
    ledger: pa.Table, observed: Mapping[str, Sequence[str]], now: datetime | None = None
) -> pa.Table | None:
    """The ledger with the hours observed while reading objects; None if nothing is new.

    With `now`, an object without any valid time gets the hour in which it was last written, for its rejected lines.
    """
    ledger = ledger.select(LEDGER_NAMES)
    rows = ledger.filter(pc.is_in(ledger["source_object"], pa.array(sorted(observed), pa.string())))
    completed_hours: dict[tuple[str, str], list[str]] = {}
    for row in current(rows):
        hours = list(row["event_hours"])
        hours += sorted(set(observed[row["source_object"]]) - set(hours))
        if not hours and now is not None:
            at = min(max(row["modified_at"], EARLIEST), now)
            hours = [format_hour(at)]
        if hours != row["event_hours"]:
            completed_hours[row["source_object"], row["etag"]] = hours
    if not completed_hours:
        return None
    rows_and_hours = zip(_pairs(ledger), ledger["event_hours"].to_pylist(), strict=True)
    field = ledger.schema.field("event_hours")
    completed = pa.array([completed_hours.get(key, hours) for key, hours in rows_and_hours], field.type)
    return ledger.set_column(ledger.schema.get_field_index(field.name), field, completed)


def after_reading(
    ledger: pa.Table, observed: Mapping[str, Sequence[str]], unreadable: Sequence[str]
) -> pa.Table | None:
    """The ledger after its objects were read: their hours, and when to try again what could not be opened."""
    completed = with_observed_hours(ledger, observed)
    rows = ledger if completed is None else completed
    retried = with_retries(rows, {*unreadable}, {*observed} - {*unreadable}, datetime.now(UTC))
    return completed if retried is None else retried


def with_retries(ledger: pa.Table, unreadable: Set[str], opened: Set[str], now: datetime) -> pa.Table | None:
    """The ledger with the time at which to try the unreadable objects again, later each time; None where nothing changes."""
    ledger = ledger.select(LEDGER_NAMES)
    retry_at: dict[tuple[str, str], datetime | None] = {}
    for row in current(
        ledger.filter(pc.is_in(ledger["source_object"], pa.array(sorted(unreadable | opened), pa.string())))
    ):
        key = (row["source_object"], row["etag"])
        if row["source_object"] in unreadable:
            retry_at[key] = now + max(FIRST_RETRY, (now - row["first_seen_at"]) * RETRY_SHARE)
        elif row["retry_at"] is not None:
            retry_at[key] = None
    if not retry_at:
        return None
    times = zip(_pairs(ledger), ledger["retry_at"].to_pylist(), strict=True)
    field = ledger.schema.field("retry_at")
    changed = pa.array([retry_at.get(key, time) for key, time in times], field.type)
    return ledger.set_column(ledger.schema.get_field_index(field.name), field, changed)


def objects_of(ledger: pa.Table, hours: Sequence[str]) -> list[RawObject]:
    """Objects that hold any of the hours."""
    rows = _current(ledger)
    lists = rows["event_hours"].combine_chunks()
    holders = pc.list_parent_indices(lists).filter(pc.is_in(lists.flatten(), pa.array(list(hours), pa.string())))
    return _raw_objects(rows, pc.is_in(pa.array(range(rows.num_rows), holders.type), holders))


def stale_hours(ledger: pa.Table, made: Mapping[str, str], now: datetime | None = None) -> list[str]:
    """Hours that some object holds and that were not made from exactly these objects with their current content.

    `made`: hour -> fingerprint of its objects, as `made_from` returns it. With `now`, also the hours of objects that could
    not be opened and are due to be tried again.
    """
    rows = _current(ledger)
    contents, lists = _pairs(rows), rows["event_hours"].combine_chunks()
    contents_of: dict[str, list[tuple[str, str]]] = {}
    due: set[str] = set()
    retries = rows["retry_at"].to_pylist()
    for index, hour in zip(pc.list_parent_indices(lists).to_pylist(), lists.flatten().to_pylist(), strict=True):
        contents_of.setdefault(hour, []).append(contents[index])
        retry_at = retries[index]
        if now is not None and retry_at is not None and retry_at <= now:
            due.add(hour)
    return sorted(h for h, objects in contents_of.items() if h in due or made.get(h) != fingerprint(objects))


def first_hour(ledger: pa.Table) -> str | None:
    """The first hour that an object is known to hold; None where no object holds any."""
    found: str | None = pc.min(pc.list_flatten(ledger["event_hours"])).as_py()
    return found


def made_from(counts: pa.Table) -> dict[str, str]:
    """Hour -> fingerprint of the objects that object_counts shows for it."""
    contents_of: dict[str, list[tuple[str, str]]] = {}
    columns = (counts[name].to_pylist() for name in (HOUR_COLUMN, "source_object", "etag"))
    for hour, source_object, etag in zip(*columns, strict=True):
        contents_of.setdefault(hour, []).append((source_object, etag))
    return {hour: fingerprint(contents) for hour, contents in contents_of.items()}


def carried_over(lake: Lake, tables: Sequence[Table], missing: Set[str], interval: Interval) -> list[WrittenFile]:
    """Files with the already parsed rows of objects that are in the ledger but no longer in the raw location."""
    import pyarrow.dataset as ds

    files: list[WrittenFile] = []
    for table in tables:
        writer = lake.writer(table)
        for _, hours in groupby(interval.hours, table.partition_of):
            rows = lake.read_arrow(table, list(hours), filter=ds.field("source_object").isin(list(missing)))
            writer.write_by_hour(rows)
        files += writer.close()
    return files


def never_parsed(lake: Lake, counts: Table, objects: Sequence[RawObject], interval: Interval) -> list[RawObject]:
    """Those of the objects that no hour of the interval was made from; `counts`: the source's object_counts."""
    parsed = set(lake.read_arrow(counts, interval.hours, columns=["source_object"])["source_object"].to_pylist())
    return [item for item in objects if item.source_object not in parsed]


def _raw_objects(rows: pa.Table, mask: Any) -> list[RawObject]:
    """The selected rows; a duplicate counts as such only while its original has the same content."""
    selected = rows.filter(mask)
    etags = dict(_pairs(rows)) if selected.num_rows else {}
    return [
        RawObject(
            row["source_object"],
            row["etag"],
            row["size_bytes"],
            tuple(row["event_hours"]),
            row["duplicate_of"] if etags.get(row["duplicate_of"]) == row["etag"] else None,
        )
        for row in selected.to_pylist()
    ]
