"""request_scores -> client_attacks: attacks of each active client by the request model, in its hour and in 24 hours.

Pure Arrow and numpy, so that a task can run it on the scores that it reads itself. Nothing of hour h+1 goes into a row of
hour h, and no value depends on the order of the scores.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

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
"""Pairs of a row and a score that may be its evidence, looked at together, about: bounds the memory."""

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


class _Window:
    """Scores by client and hour, and of each row the stretch of them that its hour holds and that its 24 hours hold."""

    SPAN = 1 << 32
    """A client and an hour become one number, so that a search in one sorted sequence finds a window."""

    def __init__(self, client: Numbers, hour: Numbers, key: Numbers, at: Numbers) -> None:
        """`client` and `hour` of the scores, sorted by both; `key` and `at` are client and hour of the rows."""
        self.hour, self.axis, self.rows = hour, client * self.SPAN + hour, key * self.SPAN + at
        self.first = self.rows - CLIENT_ATTACKS.trailing_hours
        self.starts, self.ends = np.searchsorted(self.axis, self.first), np.searchsorted(self.axis, self.rows, "right")
        self.hour_starts = np.searchsorted(self.axis, self.rows)
        self.entry_starts = np.flatnonzero(np.r_[True, self.axis[1:] != self.axis[:-1]][: len(self.axis)])
        """Where each client and hour begins."""

    def of_rows(self, selected: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Starts of the windows, starts of the hours, and ends of both."""
        return self.starts[selected], self.hour_starts[selected], self.ends[selected]

    def maxima(self, values: Numbers, selected: Numbers) -> tuple[Numbers, Numbers]:
        """The maximum of each row's hour, 0 where it has no score, and of its 24 hours."""
        maxima = np.append(np.maximum.reduceat(values, self.entry_starts), 0.0)
        entries = self.axis[self.entry_starts]
        starts, ends = (
            np.searchsorted(entries, self.first[selected]),
            np.searchsorted(entries, self.rows[selected], "right"),
        )
        in_hour = self.hour_starts[selected] < self.ends[selected]
        of_window = np.zeros(len(selected))
        for hour in range(1 + CLIENT_ATTACKS.trailing_hours):
            of_window = np.maximum(of_window, maxima[np.where(starts + hour < ends, starts + hour, -1)])
        return np.where(in_hour, maxima[ends - 1], 0.0), of_window

    def distinct(self, values: Numbers, counted: Numbers, selected: Numbers) -> Numbers:
        """Distinct values in each row's 24 hours, of the `counted` scores whose value is not negative.

        A value counts from its hour until the window has left it, or until its next hour, in which it counts anew.
        """
        counted = counted[values[counted] >= 0]
        span = self.SPAN
        order = np.lexsort((self.hour[counted], values[counted], self.axis[counted] // span))
        axis, value = self.axis[counted[order]], values[counted[order]]
        is_new = np.r_[True, (axis[1:] != axis[:-1]) | (value[1:] != value[:-1])][: len(axis)]
        axis, value = axis[is_new], value[is_new]
        until = axis + 1 + CLIENT_ATTACKS.trailing_hours
        again = np.flatnonzero((axis[1:] // span == axis[:-1] // span) & (value[1:] == value[:-1]))
        until[again] = np.minimum(until[again], axis[again + 1])
        begun, ended = (np.searchsorted(np.sort(axes), self.rows[selected], "right") for axes in (axis, until))
        return begun - ended


def _rows(scores: _Scores, active: pa.Table) -> pa.Table:
    clients = active["client"].combine_chunks().cast(pa.string()).dictionary_encode()
    names, key = clients.dictionary, clients.indices.to_numpy().astype(np.int64)
    at = active["hour_at"].cast(pa.int64()).to_numpy()
    hour = at // HOUR_MICROSECONDS
    client_of, hour_of, score_of = scores.by_client(names)
    schema = arrow_schema(CLIENT_ATTACKS, with_hour=True)
    window = _Window(client_of, hour_of, key, hour)
    selected = np.flatnonzero(window.ends > window.starts)
    if not len(selected):
        return schema.empty_table()
    selected = selected[np.lexsort((key[selected], hour[selected]))]
    hour_at = pa.array(at[selected], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    columns: dict[str, pa.Array | Numbers] = _aggregates(scores, score_of, window, selected)
    columns |= {
        "client": names.take(pa.array(key[selected])),
        "client_kind": active["client_kind"].combine_chunks().cast(pa.string()).take(pa.array(selected)),
        "hour_at": hour_at,
        HOUR_COLUMN: hour_names(hour_at),
    }
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def _aggregates(scores: _Scores, score: Numbers, window: _Window, selected: Numbers) -> dict[str, pa.Array | Numbers]:
    """Columns of the selected rows of the window, each of which has a score; `score` are positions in `scores`."""
    starts, hour_starts, ends = window.of_rows(selected)
    is_attack = scores.is_attack[score]
    attack = np.flatnonzero(is_attack)
    attacks, millionths = (np.r_[0, np.cumsum(values)] for values in (is_attack, scores.millionths[score]))
    hour_maximum, day_maximum = window.maxima(scores.probability[score], selected)
    return {
        "hour_attack_request_count": attacks[ends] - attacks[hour_starts],
        "hour_attack_probability_max": hour_maximum,
        "day_attack_request_count": attacks[ends] - attacks[starts],
        "day_attack_probability_max": day_maximum,
        "day_attack_probability_sum": (millionths[ends] - millionths[starts]) / MILLION,
        "day_attack_class_count": window.distinct(scores.attack_class[score], attack, selected),
        "day_attack_hour_count": window.distinct(window.hour, attack, selected),
        "day_attack_address_count": window.distinct(scores.address[score], attack, selected),
        "attack_request_ids": _evidence(scores.request_ids, score, window, selected),
    }


def _evidence(request_ids: pa.Array, score: Numbers, window: _Window, selected: Numbers) -> pa.ChunkedArray:
    """For each selected row, the ids of up to EVIDENCE_REQUESTS scores of its 24 hours, in the order of evidence.

    No more of any hour can be among them, which bounds what a row looks at.
    """
    in_entry = np.arange(len(score)) - np.repeat(window.entry_starts, np.diff(np.r_[window.entry_starts, len(score)]))
    first = np.flatnonzero(in_entry < EVIDENCE_REQUESTS)
    starts, ends = (np.searchsorted(first, bounds[selected]) for bounds in (window.starts, window.ends))
    counts = ends - starts
    pairs = np.cumsum(counts)
    cuts = np.unique(
        np.r_[0, np.searchsorted(pairs, np.arange(PAIRS_AT_ONCE, pairs[-1], PAIRS_AT_ONCE)), len(selected)]
    )
    chunks = []
    for begin, end in pairwise(cuts.tolist()):
        of_rows = counts[begin:end]
        offsets = np.cumsum(of_rows) - of_rows
        places = np.arange(int(of_rows.sum())) + np.repeat(starts[begin:end] - offsets, of_rows)
        chunks.append(leading(request_ids, score[first[places]], np.repeat(np.arange(end - begin), of_rows)))
    return pa.chunked_array(chunks)


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
