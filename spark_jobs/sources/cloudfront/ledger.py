"""The ledger of log objects: what was seen, which hours each holds, which hours are not yet made from it.

Pure functions over Arrow tables; no Spark, no AWS. An hour is stale where it was not made from exactly the objects that
hold it, each with its etag: that alone decides what is parsed next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.lake import arrow_schema
from spark_jobs.lineage import fingerprint
from spark_jobs.objects import Limits
from spark_jobs.sources.cloudfront.layouts import headerless_fields, name_hour
from spark_jobs.sources.cloudfront.parse import ParseOptions
from spark_jobs.sources.cloudfront.tables import OBJECTS
from spark_jobs.sources.cloudfront.transform import RawObject

CLOUDFRONT_BEGAN = datetime(2008, 11, 18, tzinfo=UTC)


def with_listed(known: pa.Table, listed: Iterable[Mapping[str, Any]], now: datetime) -> pa.Table:
    """The ledger with a new row for every (source_object, etag) not in it yet; never drops or changes a row.

    `listed` rows have source_object, etag, size_bytes, modified_at. An object whose content is in the ledger under
    another name is marked as its duplicate. One that was written anew keeps the hours of its former content, so that
    they are made again without it.
    """
    seen = set(zip(known["source_object"].to_pylist(), known["etag"].to_pylist(), strict=True))
    contents: dict[tuple[str, int], str] = {}
    for name, etag, size in sorted(
        zip(known["source_object"].to_pylist(), known["etag"].to_pylist(), known["size_bytes"].to_pylist(), strict=True)
    ):
        contents.setdefault((etag, size), name)
    former = {row["source_object"]: row["event_hours"] for row in current(known)}
    rows = []
    for item in sorted(listed, key=lambda item: item["source_object"]):
        key = (item["source_object"], item["etag"])
        if key in seen:
            continue
        seen.add(key)
        hour = name_hour(item["source_object"])
        content = (item["etag"], item["size_bytes"])
        first = contents.setdefault(content, item["source_object"])
        rows.append(
            {
                **{name: item[name] for name in ("source_object", "etag", "size_bytes", "modified_at")},
                "first_seen_at": now,
                "name_hour": hour,
                "event_hours": list(dict.fromkeys([*([hour] if hour else []), *former.get(item["source_object"], [])])),
                "duplicate_of": first if first != item["source_object"] and item["size_bytes"] else None,
            }
        )
    added = pa.Table.from_pylist(rows, schema=arrow_schema(OBJECTS))
    return pa.concat_tables([known.select(OBJECTS.column_names), added])


def current(known: pa.Table) -> list[dict[str, Any]]:
    """The latest row of each source_object (an object that was written anew has several)."""
    latest: dict[str, dict[str, Any]] = {}
    for row in known.to_pylist():
        before = latest.get(row["source_object"])
        if before is None or (row["first_seen_at"], row["modified_at"], row["etag"]) > (
            before["first_seen_at"],
            before["modified_at"],
            before["etag"],
        ):
            latest[row["source_object"]] = row
    return [latest[name] for name in sorted(latest)]


def nameless(known: pa.Table) -> list[RawObject]:
    """Objects whose hours neither their name nor an earlier look has told."""
    return [raw for raw in _raw_objects(known) if not raw.event_hours]


def with_observed_hours(
    known: pa.Table, observed: Mapping[str, Sequence[str]], now: datetime | None = None
) -> pa.Table | None:
    """The ledger with hours that reading the objects has shown; None where nothing is new.

    With `now`, an object of which no line has a time gets the hour in which it was last written, so that its rejected
    lines have a place.
    """
    latest = {(row["source_object"], row["etag"]) for row in current(known)}
    rows, changed = known.select(OBJECTS.column_names).to_pylist(), False
    for row in rows:
        if row["source_object"] not in observed or (row["source_object"], row["etag"]) not in latest:
            continue
        hours = list(row["event_hours"])
        hours += sorted(set(observed[row["source_object"]]) - set(hours))
        if not hours and now is not None:
            at = min(max(row["modified_at"], CLOUDFRONT_BEGAN), now)
            hours = [format_hour(at)]
        if hours != row["event_hours"]:
            row["event_hours"], changed = hours, True
    return pa.Table.from_pylist(rows, schema=arrow_schema(OBJECTS)) if changed else None


def objects_of(known: pa.Table, hours: Sequence[str]) -> list[RawObject]:
    """Objects that hold any of the hours."""
    wanted = set(hours)
    return [raw for raw in _raw_objects(known) if wanted & set(raw.event_hours)]


def stale_hours(known: pa.Table, made: Mapping[str, str]) -> list[str]:
    """Hours that some object holds and that were not made from all these objects as they are now.

    `made`: hour -> fingerprint of what it was made from, as `made_from` has it.
    """
    held: dict[str, list[tuple[str, str]]] = {}
    for row in current(known):
        for hour in row["event_hours"]:
            held.setdefault(hour, []).append((row["source_object"], row["etag"]))
    return sorted(hour for hour, contents in held.items() if made.get(hour) != fingerprint(contents))


def made_from(counts: pa.Table) -> dict[str, str]:
    """Hour -> fingerprint of the objects that object_counts shows for it."""
    held: dict[str, list[tuple[str, str]]] = {}
    columns = (counts[name].to_pylist() for name in (HOUR_COLUMN, "source_object", "etag"))
    for hour, source_object, etag in zip(*columns, strict=True):
        held.setdefault(hour, []).append((source_object, etag))
    return {hour: fingerprint(contents) for hour, contents in held.items()}


def parameters(options: ParseOptions) -> dict[str, Any]:
    """Parse options as plain JSON values, for a job's parameters."""
    return asdict(options)


def parse_options(values: Mapping[str, Any]) -> ParseOptions:
    """The inverse of `parameters`; also takes `headerless_layout`, the setting's text."""
    values = {k: v for k, v in values.items() if k in (*ParseOptions.__dataclass_fields__, "headerless_layout")}
    layout = values.pop("headerless_layout", None)
    fields = headerless_fields(layout) if layout is not None else tuple(values.pop("headerless_fields", ()))
    return ParseOptions(**{**values, "headerless_fields": fields, "limits": Limits(**values.get("limits", {}))})


def _raw_objects(known: pa.Table) -> list[RawObject]:
    """Objects as they are now; a copy is one only as long as its original still has that content."""
    rows = current(known)
    etags = {row["source_object"]: row["etag"] for row in rows}
    return [
        RawObject(
            row["source_object"],
            row["etag"],
            row["size_bytes"],
            tuple(row["event_hours"]),
            row["duplicate_of"] if etags.get(row["duplicate_of"]) == row["etag"] else None,
        )
        for row in rows
    ]
