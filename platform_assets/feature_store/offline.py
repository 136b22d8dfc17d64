"""The history of the feature groups: append-only lake tables, and point-in-time joins on them.

Incoming rows are conformed: types, no repeated or contradictory rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from platform_assets.feature_store.groups import EVENT_AT, INGESTED_AT, FeatureGroup, FeatureStoreError, table_of
from platform_assets.feature_store.point_in_time import AT, entities_of, microseconds, point_in_time
from spark_jobs.contract import HOUR_COLUMN, HOUR_FORMAT, format_hour
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema, arrow_type

TIME = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Added:
    """Result of adding rows. `stored`: the current version of each of them, whether added or known."""

    stored: pa.Table
    added: int
    unchanged: int
    ahead: int
    """Left out because their event is later than their ingestion: a clock is wrong."""


def add(lake: Lake, group: FeatureGroup, rows: pa.Table, ingested_at: datetime) -> Added:
    """Append new `rows` (identifier, event_at, features; other columns are ignored).

    A row equal to its newest version before `ingested_at` is not added, so adding is idempotent. Concurrent writers lose
    nothing, but may both add the same row. FeatureStoreError if columns are missing or of another type, or if rows
    contradict each other.
    """
    incoming = conformed(group, rows, ingested_at)
    total = incoming.num_rows
    incoming = incoming.filter(pc.less_equal(incoming[EVENT_AT.name], pa.scalar(ingested_at, TIME)))
    ahead = total - incoming.num_rows
    incoming = _without_repetitions(group, incoming)
    if not incoming.num_rows:
        return Added(incoming, 0, total - ahead, ahead)
    table = table_of(group)
    hours = pc.strftime(_naive(incoming[EVENT_AT.name]), format=HOUR_FORMAT)
    known_rows = lake.read_arrow(table, pc.unique(hours).to_pylist(), table.column_names)
    versions = pa.concat_tables([known_rows, incoming])
    before = _newest_before(group, versions, known_rows.num_rows)
    is_known = (before >= 0) & _equal_features(
        group, versions, before, known_rows.num_rows + np.arange(incoming.num_rows)
    )
    contradicted = (before >= 0) & ~is_known
    contradicted[contradicted] = _times(versions)[before[contradicted]] == microseconds(incoming[INGESTED_AT.name])[0]
    if contradicted.any():
        raise _contradiction(group, incoming, int(np.flatnonzero(contradicted)[0]))
    is_new = pa.array(~is_known)
    added = incoming.append_column(HOUR_COLUMN, hours).filter(is_new)
    if added.num_rows:
        lake.append_arrow(added, table)
    stored = versions.take(pa.array(np.where(is_known, before, known_rows.num_rows + np.arange(incoming.num_rows))))
    return Added(stored, added.num_rows, total - ahead - added.num_rows, ahead)


def as_of(lake: Lake, group: FeatureGroup, questions: pa.Table) -> pa.Table:
    """The point-in-time join of `questions` (identifier, `at`, other columns) with the group's history."""
    table, name = table_of(group), group.identifier.name
    questions = questions.set_column(questions.column_names.index(AT), AT, questions[AT].cast(TIME))
    span = pc.min_max(questions[AT]).as_py()
    if span["min"] is None:
        return point_in_time(arrow_schema(table).empty_table(), questions, name, group.ttl)
    # Read only hours and rows that can answer a question.
    first_hour = format_hour(span["min"] - group.ttl)
    hours = [hour for hour in lake.hours(table) if first_hour <= hour <= format_hour(span["max"])]
    visible = (ds.field(EVENT_AT.name) <= span["max"]) & (ds.field(INGESTED_AT.name) <= span["max"])
    if len(entities := pc.unique(questions[name])) == 1:
        visible &= ds.field(name).isin(entities)
    rows = lake.read_arrow(table, hours, table.column_names, visible)
    return point_in_time(rows, questions, name, group.ttl)


def conformed(group: FeatureGroup, rows: pa.Table, ingested_at: datetime) -> pa.Table:
    """The rows with the group's columns and types; NaN is null. FeatureStoreError for rows that do not fit."""
    columns = (group.identifier, EVENT_AT, *group.features)
    if missing := [column.name for column in columns if column.name not in rows.column_names]:
        raise FeatureStoreError(f"Rows of {group.name} lack {', '.join(missing)}; bring them with null where unknown.")
    if ingested_at.tzinfo is None:
        raise FeatureStoreError(f"The time of ingestion {ingested_at.isoformat()} has no time zone; give it in UTC.")
    if pa.types.is_timestamp(kind := rows[EVENT_AT.name].type) and kind.tz is None:
        raise FeatureStoreError(f"The event times of {group.name} have no time zone; give them in UTC.")
    arrays = {}
    for column in columns:
        try:
            values = rows[column.name].cast(arrow_type(column))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            reason = str(error).split("\n")[0].removesuffix(".")
            raise FeatureStoreError(
                f"{column.name} of {group.name} is no {column.type} ({reason}); convert it before it is ingested."
            ) from None
        if column.type == "double":
            values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
            if pc.any(pc.is_inf(values)).as_py():
                raise FeatureStoreError(f"{column.name} of {group.name} is infinite in a row; make it null there.")
        if not column.nullable and (
            values.null_count or (column.type == "string" and pc.any(pc.equal(values, "")).as_py())
        ):
            raise FeatureStoreError(f"{column.name} of {group.name} is empty in a row; leave the row out.")
        arrays[column.name] = values
    ingested = pa.array([ingested_at.astimezone(UTC)], TIME).take(pa.array(np.zeros(rows.num_rows, np.int64)))
    return pa.table({**arrays, INGESTED_AT.name: ingested}).select(table_of(group).column_names)


def _without_repetitions(group: FeatureGroup, rows: pa.Table) -> pa.Table:
    entities, events = entities_of([rows[group.identifier.name]]), microseconds(rows[EVENT_AT.name])
    order = np.lexsort((events, entities))
    repeats = np.zeros(len(order), bool)
    repeats[1:] = (entities[order][1:] == entities[order][:-1]) & (events[order][1:] == events[order][:-1])
    later, earlier = order[repeats], order[np.flatnonzero(repeats) - 1]
    if (differs := ~_equal_features(group, rows, earlier, later)).any():
        raise _contradiction(group, rows, int(later[differs][0]))
    is_distinct = np.ones(rows.num_rows, bool)
    is_distinct[later] = False
    return rows.filter(pa.array(is_distinct))


def _newest_before(group: FeatureGroup, versions: pa.Table, known_count: int) -> np.ndarray:
    """For each row from `known_count` on, the index of the newest known version of the same event; −1: none.

    Versions ingested later do not count.
    """
    entities, events = entities_of([versions[group.identifier.name]]), microseconds(versions[EVENT_AT.name])
    is_incoming = np.arange(versions.num_rows) >= known_count
    order = np.lexsort((is_incoming, _times(versions), events, entities))
    positions = np.flatnonzero(is_incoming[order])
    previous = order[np.maximum(positions - 1, 0)]
    incoming = order[positions]
    has_previous = (positions > 0) & (entities[previous] == entities[incoming]) & (events[previous] == events[incoming])
    before = np.full(versions.num_rows - known_count, -1)
    before[incoming - known_count] = np.where(has_previous, previous, -1)
    return before


def _equal_features(group: FeatureGroup, rows: pa.Table, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whether pairs of rows have equal features; null equals null. For an index below 0 the result is meaningless."""
    agree = np.ones(len(first), bool)
    for name in group.feature_names:
        first_values, second_values = (rows[name].take(pa.array(np.maximum(indices, 0))) for indices in (first, second))
        equal = pc.fill_null(pc.equal(first_values, second_values), False)
        agree &= pc.or_(equal, pc.and_(pc.is_null(first_values), pc.is_null(second_values))).to_numpy()
    return agree


def _times(rows: pa.Table) -> np.ndarray:
    return microseconds(rows[INGESTED_AT.name])


def _naive(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """UTC times without time zone, so that strftime needs no time zone database."""
    return times.cast(pa.int64()).cast(pa.timestamp("us")).cast(pa.timestamp("s"), safe=False)


def _contradiction(group: FeatureGroup, rows: pa.Table, index: int) -> FeatureStoreError:
    entity, at = rows[group.identifier.name][index].as_py(), rows[EVENT_AT.name][index].as_py()
    return FeatureStoreError(
        f"There are different rows of {group.name} for {entity} at {at.isoformat()} that were ingested at the same time; "
        "ingest the right one alone, or a correction later."
    )


def row_at(lake: Lake, group: FeatureGroup, entity: str, at: datetime) -> dict[str, object] | None:
    """The valid row of one entity at a time; None if there was none."""
    question = pa.table({group.identifier.name: pa.array([entity]), AT: pa.array([at.astimezone(UTC)], TIME)})
    row: dict[str, object] = as_of(lake, group, question).to_pylist()[0]
    del row[AT]
    return None if row[EVENT_AT.name] is None else row
