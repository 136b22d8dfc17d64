"""request_scores -> client_attacks: attacks of each active client by the request model, in its hour and in 24 hours.

Pure Arrow and numpy, so that a task can run it on the scores that it reads itself. Nothing of hour h+1 goes into a row of
hour h, and no value depends on the order of the scores.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.sources.cloudfront.client_sums import HOUR_MICROSECONDS, MILLION, whole_millionths
from spark_jobs.sources.cloudfront.client_tables import ATTACK_FLOOR, CLIENT_GRAIN, EVIDENCE_REQUESTS
from spark_jobs.sources.cloudfront.clients import address_cidrs, networks_of, rows_of_share
from spark_jobs.sources.cloudfront.tables import CLIENT_ATTACKS
from spark_jobs.storage.schema import arrow_schema, hour_names

COLUMNS = ("request_id", "event_at", "client_ip", "attack_probability", "is_attack", "attack_class")
"""Columns of request_scores that are read."""
ACTIVE_COLUMNS = tuple(column.name for column in CLIENT_GRAIN)
"""Columns of client_daily that are read: clients and hours that may have a row."""
PAIRS_AT_ONCE = 1 << 20
"""Pairs of a row and a score that are aggregated together, about: bounds the memory."""

Numbers = np.ndarray


def client_attacks_rows(
    scores: Iterable[pa.RecordBatch], active: Iterable[pa.RecordBatch], share: int = 0, shares: int = 1
) -> pa.Table:
    """Rows of client_attacks with event_hour, for the `active` clients and hours that have any.

    `scores` have `COLUMNS` and cover the hours of `active` and the 23 hours before; scores at or below ATTACK_FLOOR do not
    count. `active` has `ACTIVE_COLUMNS`. With several shares of the networks, the rows of one.
    """
    above = [_above_floor(batch, share, shares) for batch in scores]
    rows = [rows_of_share(batch, share, shares) for batch in active]
    above, rows = [batch for batch in above if batch.num_rows], [batch for batch in rows if batch.num_rows]
    if not above or not rows:
        return arrow_schema(CLIENT_ATTACKS, with_hour=True).empty_table()
    return _rows(_Scores(pa.Table.from_batches(above)), pa.Table.from_batches(rows))


def _above_floor(batch: pa.RecordBatch, share: int, shares: int) -> pa.RecordBatch:
    above = batch.filter(pc.greater(batch.column("attack_probability"), ATTACK_FLOOR))
    clients = address_cidrs(above.column("client_ip").cast(pa.string()))
    with_clients = pa.RecordBatch.from_arrays([*above.columns, clients], names=[*above.schema.names, "client"])
    return rows_of_share(with_clients, share, shares)


class _Scores:
    """Scores in the order in which they are shown as evidence: attacks, then the most probable, the latest, by request_id."""

    def __init__(self, scores: pa.Table) -> None:
        order = [("is_attack", "descending"), ("attack_probability", "descending"), ("event_at", "descending")]
        scores = scores.sort_by([*order, ("request_id", "ascending")])
        addresses = scores["client"].combine_chunks().dictionary_encode()
        self.count = scores.num_rows
        self.request_ids = scores["request_id"].combine_chunks()
        self.hour = (
            scores["event_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy() // HOUR_MICROSECONDS
        )
        self.probability = scores["attack_probability"].to_numpy()
        self.millionths = whole_millionths(self.probability)
        self.is_attack = scores["is_attack"].to_numpy().astype(np.int64)
        self.address = addresses.indices.to_numpy().astype(np.int64)
        classes = scores["attack_class"].combine_chunks().dictionary_encode()
        self.attack_class = classes.indices.fill_null(-1).to_numpy().astype(np.int64)
        self.names = addresses.dictionary

    def by_client(self, clients: pa.Array) -> tuple[Numbers, Numbers, Numbers]:
        """(client, hour, score) of each score that counts for one of the clients, as its address or in its network.

        Sorted by client and hour; clients are positions in `clients`, scores positions in the order of evidence.
        """
        score = np.arange(self.count)
        pairs = [
            (pc.index_in(names, clients).fill_null(-1).to_numpy().astype(np.int64)[self.address], score)
            for names in (self.names, networks_of(self.names))
        ]
        client, score = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
        score, client = score[client >= 0], client[client >= 0]
        order = np.lexsort((score, self.hour[score], client))
        return client[order], self.hour[score[order]], score[order]


def _rows(scores: _Scores, active: pa.Table) -> pa.Table:
    clients = active["client"].combine_chunks().cast(pa.string()).dictionary_encode()
    names, key = clients.dictionary, clients.indices.to_numpy().astype(np.int64)
    at = active["hour_at"].cast(pa.int64()).to_numpy()
    hour = at // HOUR_MICROSECONDS
    client_of, hour_of, score_of = scores.by_client(names)
    # The scores of each row's client within its 24 hours: search in one sorted sequence of (client, hour).
    span = 1 << 32
    axis = client_of * span + hour_of
    window_ends = np.searchsorted(axis, key * span + hour, "right")
    window_starts = np.searchsorted(axis, key * span + hour - CLIENT_ATTACKS.trailing_hours, "left")
    selected = np.flatnonzero(window_ends > window_starts)
    selected = selected[np.lexsort((key[selected], hour[selected]))]
    ends = np.cumsum((window_ends - window_starts)[selected])
    cuts = np.unique(
        np.r_[
            0,
            np.searchsorted(ends, np.arange(PAIRS_AT_ONCE, ends[-1] if len(ends) else 0, PAIRS_AT_ONCE)),
            len(selected),
        ]
    )
    tables = []
    for begin, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        rows = selected[begin:end]
        counts = (window_ends - window_starts)[rows]
        starts = np.cumsum(counts) - counts
        pairs = np.arange(int(counts.sum())) + np.repeat(window_starts[rows] - starts, counts)
        columns = _aggregates(
            scores,
            score_of[pairs],
            np.repeat(np.arange(len(rows)), counts),
            hour_of[pairs] == np.repeat(hour[rows], counts),
        )
        hour_at = pa.array(at[rows], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
        columns |= {
            "client": names.take(pa.array(key[rows])),
            "client_kind": active["client_kind"].combine_chunks().cast(pa.string()).take(pa.array(rows)),
            "hour_at": hour_at,
            HOUR_COLUMN: hour_names(hour_at),
        }
        schema = arrow_schema(CLIENT_ATTACKS, with_hour=True)
        tables.append(pa.table({name: columns[name] for name in schema.names}, schema=schema))
    return pa.concat_tables(tables) if tables else arrow_schema(CLIENT_ATTACKS, with_hour=True).empty_table()


def _aggregates(scores: _Scores, score: Numbers, row: Numbers, in_hour: Numbers) -> dict[str, pa.Array | Numbers]:
    """Columns of the rows 0 to n, of which each has a pair: `score` counts for `row`, and lies `in_hour` of it or before."""
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]])
    rows = len(starts)
    is_attack, probability = scores.is_attack[score], scores.probability[score]
    attack = np.flatnonzero(is_attack)

    def distinct(values: Numbers) -> Numbers:
        """Distinct values of the attacks of each row; negative ones are none."""
        counted = attack[values[score[attack]] >= 0]
        span = int(values.max()) + 1
        return np.bincount(np.unique(row[counted] * span + values[score[counted]]) // max(span, 1), minlength=rows)

    return {
        "hour_attack_request_count": np.add.reduceat(is_attack * in_hour, starts),
        "hour_attack_probability_max": np.maximum.reduceat(np.where(in_hour, probability, 0.0), starts),
        "day_attack_request_count": np.add.reduceat(is_attack, starts),
        "day_attack_probability_max": np.maximum.reduceat(probability, starts),
        "day_attack_probability_sum": np.add.reduceat(scores.millionths[score], starts) / MILLION,
        "day_attack_class_count": distinct(scores.attack_class),
        "day_attack_hour_count": distinct(scores.hour),
        "day_attack_address_count": distinct(scores.address),
        "attack_request_ids": leading(scores.request_ids, score, row),
    }


def leading(request_ids: pa.Array, rank: Numbers, row: Numbers) -> pa.Array:
    """For each row from 0 on, up to EVIDENCE_REQUESTS request ids of the lowest ranks, in their order.

    `rank` are positions in `request_ids`, of which each belongs to a `row`; every row has one.
    """
    order = np.lexsort((rank, row))
    rank, row = rank[order], row[order]
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]])
    position = np.arange(len(row)) - np.repeat(starts, np.diff(np.r_[starts, len(row)]))
    selected = np.flatnonzero(position < EVIDENCE_REQUESTS)
    lengths = np.bincount(row[selected], minlength=len(starts))
    offsets = pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())
    return pa.ListArray.from_arrays(offsets, request_ids.take(pa.array(rank[selected])).cast(pa.string()))
