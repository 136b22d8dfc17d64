"""The point-in-time join: which row of an entity was valid at a time, for many entities and times.

Rows with event_at ≤ t, ingested_at ≤ t and event_at > t − ttl are valid at t; of these the greatest event_at wins, then
the greatest ingested_at. A null feature stays null: no older row fills it.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from platform_assets.feature_store.groups import FeatureStoreError

AT = "at"
"""The column with the times of the questions."""
MICROSECOND = timedelta(microseconds=1)


def point_in_time(rows: pa.Table, questions: pa.Table, identifier: str, ttl: timedelta) -> pa.Table:
    """`questions` (identifier, `at`, other columns) with event_at, ingested_at and the features valid then, else nulls.

    O((n + m) log (n + m)). Of rows with the same identifier, event_at and ingested_at the last is taken.
    FeatureStoreError if `questions` has one of the joined columns.
    """
    if clash := set(questions.column_names) & set(rows.column_names) - {identifier}:
        raise FeatureStoreError(
            f"What is asked for holds the columns {', '.join(sorted(clash))} already; rename them and ask again."
        )
    indices = last_known(
        entities_of([rows[identifier], questions[identifier]]),
        np.concatenate([microseconds(rows["event_at"]), microseconds(questions[AT])]),
        microseconds(rows["ingested_at"]),
        ttl // MICROSECOND,
    )
    indices[pc.is_null(questions[identifier]).to_numpy() | pc.is_null(questions[AT]).to_numpy()] = -1
    joined = rows.drop_columns([identifier]).take(pa.array(indices, mask=indices < 0))
    for name in joined.column_names:
        questions = questions.append_column(name, joined[name])
    return questions


def last_known(entities: np.ndarray, times: np.ndarray, ingested: np.ndarray, ttl: int) -> np.ndarray:
    """Index of the valid row for each question; −1: none.

    `entities` and `times` hold the n rows (event times), then the m questions; `ingested` the n rows.
    """
    n, m = len(ingested), len(times) - len(ingested)
    # The best row has the greatest rank. It begins with the entity, so one running maximum serves all entities.
    by_rank = np.lexsort((ingested, times[:n], entities[:n]))
    rank = np.empty(n, np.int64)
    rank[by_rank] = np.arange(n)
    # A row is visible from its event and ingestion on, inclusive.
    visible_from = np.concatenate([np.maximum(times[:n], ingested), times[n:]])
    is_question = np.arange(n + m) >= n
    order = np.lexsort((is_question, visible_from, entities))
    best = np.maximum.accumulate(np.concatenate([rank, np.full(m, -1)])[order])
    best_of_question = np.empty(n + m, np.int64)
    best_of_question[order] = best
    best_of_question = best_of_question[n:]
    indices = np.full(m, -1)
    has_row = best_of_question >= 0
    indices[has_row] = by_rank[best_of_question[has_row]]
    is_valid = has_row.copy()
    is_valid[has_row] = (entities[indices[has_row]] == entities[n:][has_row]) & (
        times[indices[has_row]] > times[n:][has_row] - ttl
    )
    return np.where(is_valid, indices, -1)


def entities_of(columns: list[pa.ChunkedArray]) -> np.ndarray:
    """Numbers for the strings of several columns, concatenated: equal strings, equal numbers; null is −1."""
    texts = pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string())
    return np.asarray(pc.fill_null(texts.combine_chunks().dictionary_encode().indices, -1).to_numpy(), np.int64)


def microseconds(column: pa.ChunkedArray) -> np.ndarray:
    """Timestamps as microseconds since 1970; null is 0."""
    return np.asarray(pc.fill_null(column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()), 0).to_numpy(), np.int64)
