"""Which row of an entity counted at a time, for many entities and times at once. Columns in, columns out; no store.

At t the rows count with event_at ≤ t, ingested_at ≤ t and event_at > t − ttl; of these the greatest event_at wins, then
the greatest ingested_at. A null feature of the winner stays null: no older row fills it.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from platform_assets.feature_store.groups import FeatureStoreError

AT = "at"
"""The column of the times that are asked for."""
MICROSECOND = timedelta(microseconds=1)


def point_in_time(rows: pa.Table, asked: pa.Table, identifier: str, ttl: timedelta) -> pa.Table:
    """`asked` (identifier, `at`, anything else) with event_at, ingested_at and the features that counted then, else nulls.

    O((n + m) log (n + m)). Rows that agree in identifier, event_at and ingested_at are one and the same to the caller;
    the last of them is taken. FeatureStoreError where `asked` has a column of the rows' names.
    """
    if clash := set(asked.column_names) & set(rows.column_names) - {identifier}:
        raise FeatureStoreError(
            f"What is asked for holds the columns {', '.join(sorted(clash))} already; rename them and ask again."
        )
    found = last_known(
        entities_of([rows[identifier], asked[identifier]]),
        np.concatenate([microseconds(rows["event_at"]), microseconds(asked[AT])]),
        microseconds(rows["ingested_at"]),
        ttl // MICROSECOND,
    )
    found[pc.is_null(asked[identifier]).to_numpy() | pc.is_null(asked[AT]).to_numpy()] = -1
    taken = rows.drop_columns([identifier]).take(pa.array(found, mask=found < 0))
    for name in taken.column_names:
        asked = asked.append_column(name, taken[name])
    return asked


def last_known(entities: np.ndarray, times: np.ndarray, ingested: np.ndarray, ttl: int) -> np.ndarray:
    """Index of the row that counts for each question, −1 where none does.

    `entities` and `times` hold the n rows (event times), then the m questions; `ingested` the n rows alone.
    """
    n, m = len(ingested), len(times) - len(ingested)
    # The best row has the greatest rank. It begins with the entity, so one running maximum serves all entities.
    by_rank = np.lexsort((ingested, times[:n], entities[:n]))
    rank = np.empty(n, np.int64)
    rank[by_rank] = np.arange(n)
    # A row can be seen once it has happened and has been ingested; a question at that very time sees it.
    seen_from = np.concatenate([np.maximum(times[:n], ingested), times[n:]])
    is_question = np.arange(n + m) >= n
    order = np.lexsort((is_question, seen_from, entities))
    best = np.maximum.accumulate(np.concatenate([rank, np.full(m, -1)])[order])
    best_of_question = np.empty(n + m, np.int64)
    best_of_question[order] = best
    best_of_question = best_of_question[n:]
    found = np.full(m, -1)
    known = best_of_question >= 0
    found[known] = by_rank[best_of_question[known]]
    counts = known.copy()
    counts[known] = (entities[found[known]] == entities[n:][known]) & (times[found[known]] > times[n:][known] - ttl)
    return np.where(counts, found, -1)


def entities_of(columns: list[pa.ChunkedArray]) -> np.ndarray:
    """Numbers for the texts of several columns, one after the other: equal texts, equal numbers; null is −1."""
    texts = pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string())
    return np.asarray(pc.fill_null(texts.combine_chunks().dictionary_encode().indices, -1).to_numpy(), np.int64)


def microseconds(column: pa.ChunkedArray) -> np.ndarray:
    """Timestamps as microseconds since 1970; null is 0, so it has to be looked for elsewhere."""
    return np.asarray(pc.fill_null(column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()), 0).to_numpy(), np.int64)
