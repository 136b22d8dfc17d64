"""The history of the feature groups: lake tables that rows are only added to, and joins on what was known at a time.

What comes in is conformed here: types, no doubled or contradicting rows. Which row counts is point_in_time.py's.
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
    """What became of rows: `stored` are the versions now in force of all of them, added ones and known ones alike."""

    stored: pa.Table
    added: int
    unchanged: int
    ahead: int
    """Left out because they say that they happened after they were ingested: a clock is wrong."""


def add(lake: Lake, group: FeatureGroup, rows: pa.Table, ingested_at: datetime) -> Added:
    """Append what is new among `rows` (identifier, event_at, features; other columns are left out).

    A row whose values are those of its newest version until `ingested_at` adds nothing, so ingesting twice does no harm.
    Writers at the same time lose nothing; of a row that both bring, both versions stay, with the same values.
    FeatureStoreError where columns are missing or of another type, and where rows contradict each other.
    """
    given = conformed(group, rows, ingested_at)
    total = given.num_rows
    given = given.filter(pc.less_equal(given[EVENT_AT.name], pa.scalar(ingested_at, TIME)))
    ahead = total - given.num_rows
    given = _without_repetitions(group, given)
    if not given.num_rows:
        return Added(given, 0, total - ahead, ahead)
    table = table_of(group)
    hours = pc.strftime(_naive(given[EVENT_AT.name]), format=HOUR_FORMAT)
    known = lake.read_arrow(table, pc.unique(hours).to_pylist(), table.column_names)
    both = pa.concat_tables([known, given])
    before = _newest_before(group, both, known.num_rows)
    is_known = (before >= 0) & _same(group, both, before, known.num_rows + np.arange(given.num_rows))
    contradicted = (before >= 0) & ~is_known
    contradicted[contradicted] = _times(both)[before[contradicted]] == microseconds(given[INGESTED_AT.name])[0]
    if contradicted.any():
        raise _contradiction(group, given, int(np.flatnonzero(contradicted)[0]))
    new = pa.array(~is_known)
    added = given.append_column(HOUR_COLUMN, hours).filter(new)
    if added.num_rows:
        lake.append_arrow(added, table)
    stored = both.take(pa.array(np.where(is_known, before, known.num_rows + np.arange(given.num_rows))))
    return Added(stored, added.num_rows, total - ahead - added.num_rows, ahead)


def as_of(lake: Lake, group: FeatureGroup, asked: pa.Table) -> pa.Table:
    """The point-in-time join of `asked` (identifier, `at`, anything else) with the group's history."""
    table, name = table_of(group), group.identifier.name
    asked = asked.set_column(asked.column_names.index(AT), AT, asked[AT].cast(TIME))
    span = pc.min_max(asked[AT]).as_py()
    if span["min"] is None:
        return point_in_time(arrow_schema(table).empty_table(), asked, name, group.ttl)
    # Hours and rows that no question can see are not read.
    first = format_hour(span["min"] - group.ttl)
    hours = [hour for hour in lake.hours(table) if first <= hour <= format_hour(span["max"])]
    visible = (ds.field(EVENT_AT.name) <= span["max"]) & (ds.field(INGESTED_AT.name) <= span["max"])
    if len(entities := pc.unique(asked[name])) == 1:
        visible &= ds.field(name).isin(entities)
    rows = lake.read_arrow(table, hours, table.column_names, visible)
    return point_in_time(rows, asked, name, group.ttl)


def conformed(group: FeatureGroup, rows: pa.Table, ingested_at: datetime) -> pa.Table:
    """The rows in the group's columns and types; NaN is null. FeatureStoreError names what does not fit."""
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
            said = str(error).split("\n")[0].removesuffix(".")
            raise FeatureStoreError(
                f"{column.name} of {group.name} is no {column.type} ({said}); convert it before it is ingested."
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


def _without_repetitions(group: FeatureGroup, given: pa.Table) -> pa.Table:
    entities, events = entities_of([given[group.identifier.name]]), microseconds(given[EVENT_AT.name])
    order = np.lexsort((events, entities))
    repeats = np.zeros(len(order), bool)
    repeats[1:] = (entities[order][1:] == entities[order][:-1]) & (events[order][1:] == events[order][:-1])
    later, earlier = order[repeats], order[np.flatnonzero(repeats) - 1]
    if (differs := ~_same(group, given, earlier, later)).any():
        raise _contradiction(group, given, int(later[differs][0]))
    kept = np.ones(given.num_rows, bool)
    kept[later] = False
    return given.filter(pa.array(kept))


def _newest_before(group: FeatureGroup, both: pa.Table, known: int) -> np.ndarray:
    """For each row from `known` on, the newest version of the same event among those before, −1 where there is none.

    Those of later ingestion are no version of it yet.
    """
    entities, events = entities_of([both[group.identifier.name]]), microseconds(both[EVENT_AT.name])
    is_given = np.arange(both.num_rows) >= known
    order = np.lexsort((is_given, _times(both), events, entities))
    given = np.flatnonzero(is_given[order])
    previous = order[np.maximum(given - 1, 0)]
    own = order[given]
    found = (given > 0) & (entities[previous] == entities[own]) & (events[previous] == events[own])
    before = np.full(both.num_rows - known, -1)
    before[own - known] = np.where(found, previous, -1)
    return before


def _same(group: FeatureGroup, rows: pa.Table, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Whether two rows agree in all features, pair by pair; null agrees with null. An index below 0 stands for any row."""
    agree = np.ones(len(left), bool)
    for name in group.feature_names:
        ours, theirs = (rows[name].take(pa.array(np.maximum(side, 0))) for side in (left, right))
        equal = pc.fill_null(pc.equal(ours, theirs), False)
        agree &= pc.or_(equal, pc.and_(pc.is_null(ours), pc.is_null(theirs))).to_numpy()
    return agree


def _times(rows: pa.Table) -> np.ndarray:
    return microseconds(rows[INGESTED_AT.name])


def _naive(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """UTC without its name, so that strftime needs no time zone database."""
    return times.cast(pa.int64()).cast(pa.timestamp("us")).cast(pa.timestamp("s"), safe=False)


def _contradiction(group: FeatureGroup, rows: pa.Table, index: int) -> FeatureStoreError:
    entity, at = rows[group.identifier.name][index].as_py(), rows[EVENT_AT.name][index].as_py()
    return FeatureStoreError(
        f"There are different rows of {group.name} for {entity} at {at.isoformat()} that were ingested at the same time; "
        "ingest the right one alone, or a correction later."
    )


def one(lake: Lake, group: FeatureGroup, entity: str, at: datetime) -> dict[str, object] | None:
    """The row of one entity that counted at a time; None where there was none."""
    asked = pa.table({group.identifier.name: pa.array([entity]), AT: pa.array([at.astimezone(UTC)], TIME)})
    row: dict[str, object] = as_of(lake, group, asked).to_pylist()[0]
    del row[AT]
    return None if row[EVENT_AT.name] is None else row
