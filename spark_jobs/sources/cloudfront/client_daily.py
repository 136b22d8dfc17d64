"""client_hourly -> client_daily on one partition: sums, maxima and distinct counts over the trailing 24 hours.

Pure Arrow and numpy, so that a task can run it on the rows of its share of the networks. Sliding SQL windows over the
same thirty columns took ten times as long on the embedded engine. Each sum adds its own slice of rows, in order of
time, so a row comes out the same to the bit whatever history surrounds it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract import HOUR_COLUMN, parse_hour
from spark_jobs.sources.cloudfront.hashing import text_hashes
from spark_jobs.sources.cloudfront.tables import ADDITIVE, CLIENT_DAILY, MAXIMA
from spark_jobs.storage.schema import arrow_schema, hour_names

TRAILING_HOURS = 24
NIGHT_ENDS_AT = 6
HOUR_MICROSECONDS = 3_600_000_000
COLUMNS = ("client", "hour_at", "path_entropy_bits", *ADDITIVE, *MAXIMA)
"""What is read of client_hourly."""
ENTROPY_WEIGHTED = "entropy_weighted"
"""path_entropy_bits times requests."""


def client_daily_rows(
    hourly: Iterable[pa.RecordBatch], first_hour: str, last_hour: str, share: int = 0, shares: int = 1
) -> pa.Table:
    """Rows of client_hourly in any order -> rows of client_daily with `first_hour` ≤ hour ≤ `last_hour`.

    Batches have `COLUMNS`, clients as dictionaries or plain. Columns of the result: those of client_daily, then
    event_hour. Networks have a row where two addresses or more were active in their 24 hours. Of several shares of
    the networks one is made.
    """
    batches = [_of_share(batch, share, shares) for batch in hourly]
    batches = [batch for batch in batches if batch.num_rows]
    if not batches:
        return arrow_schema(CLIENT_DAILY, with_hour=True).empty_table()
    addresses = _Rows.of(pa.Table.from_batches(batches))
    parts = [_day(addresses, "address", np.ones(len(addresses.hour), np.int64), first_hour, last_hour)]
    shared = _of_shared_networks(addresses)
    if len(shared.hour):
        networks = _summed(shared)
        counts = _distinct_addresses(shared, networks)
        parts.append(_day(networks, "network", counts, first_hour, last_hour))
    return pa.concat_tables(parts)


def _of_share(batch: pa.RecordBatch, share: int, shares: int) -> pa.RecordBatch:
    if shares == 1:
        return batch
    return batch.filter(pa.array(share_of(batch.column("client"), shares) == share))


def share_of(clients: pa.Array, shares: int) -> np.ndarray:
    """Which of so many shares each address belongs to: all of a network (/24, /64) to the same."""
    clients = clients.dictionary_encode()
    texts = clients.dictionary
    networks = pc.replace_substring_regex(texts, r"\.\d+/32$", "")
    is_v6 = pc.match_substring(texts, ":")
    if pc.any(is_v6).as_py():
        long = pa.array([network_of(client) for client in texts.filter(is_v6).to_pylist()], pa.string())
        networks = pc.replace_with_mask(networks, is_v6, long)
    return (text_hashes(networks) % np.uint64(shares))[clients.indices.to_numpy()]


@dataclass(frozen=True)
class _Rows:
    """Rows per key and hour, sorted by both. A quantity becomes an array when it is asked for, one at a time."""

    names: pa.Array
    """Distinct keys, ascending; `key` is a position among them."""
    key: np.ndarray
    hour: np.ndarray
    quantity: Callable[[str], np.ndarray]

    @classmethod
    def of(cls, hourly: pa.Table) -> _Rows:
        clients = hourly["client"].dictionary_encode().unify_dictionaries().combine_chunks()
        ascending = pc.sort_indices(clients.dictionary)
        rank = np.empty(len(ascending), np.int64)
        rank[ascending.to_numpy()] = np.arange(len(ascending))
        key = rank[clients.indices.to_numpy()]
        hour = hourly["hour_at"].cast(pa.int64()).to_numpy() // HOUR_MICROSECONDS
        order = np.lexsort((hour, key))

        def quantity(name: str) -> np.ndarray:
            if name == ENTROPY_WEIGHTED:
                return (hourly["path_entropy_bits"].to_numpy() * hourly["request_count"].to_numpy())[order]
            return hourly[name].to_numpy()[order]

        return cls(clients.dictionary.take(ascending), key[order], hour[order], quantity)


def _of_shared_networks(addresses: _Rows) -> _Networks:
    """The rows of addresses whose network holds another address too."""
    networks = np.array([network_of(client) for client in addresses.names.to_pylist()], dtype=object)
    names, of_client, sizes = np.unique(networks, return_inverse=True, return_counts=True)
    chosen = np.flatnonzero((sizes[of_client] > 1)[addresses.key])
    network = of_client[addresses.key[chosen]]
    order = np.lexsort((addresses.hour[chosen], network))
    chosen = chosen[order]
    return _Networks(
        pa.array(names, pa.string()),
        network[order],
        addresses.hour[chosen],
        lambda name: addresses.quantity(name)[chosen],
        addresses.key[chosen],
    )


@dataclass(frozen=True)
class _Networks(_Rows):
    """Rows of addresses keyed by their network."""

    member: np.ndarray
    """Key of the address."""


def _summed(shared: _Networks) -> _Rows:
    """Rows of addresses -> one row per network and hour."""
    starts = np.flatnonzero(np.r_[True, (shared.key[1:] != shared.key[:-1]) | (shared.hour[1:] != shared.hour[:-1])])

    def quantity(name: str) -> np.ndarray:
        combine = np.maximum if name in MAXIMA else np.add
        return combine.reduceat(shared.quantity(name), starts)

    return _Rows(shared.names, shared.key[starts], shared.hour[starts], quantity)


def _distinct_addresses(shared: _Networks, networks: _Rows) -> np.ndarray:
    """Distinct addresses of each network in the 24 hours that end with each of its rows.

    An address seen at hour t counts until it is seen again or 24 hours have passed: +1 at t, -1 at the earlier of the
    two; the running sum over the network is the distinct count.
    """
    order = np.lexsort((shared.hour, shared.member))
    key, member, hour = shared.key[order], shared.member[order], shared.hour[order]
    until = hour + TRAILING_HOURS
    again = np.r_[member[1:] == member[:-1], False]
    until[again] = np.minimum(until[again], hour[1:][again[:-1]])
    steps_key = np.r_[key, key, networks.key]
    steps_hour = np.r_[hour, until, networks.hour]
    steps = np.r_[np.ones(len(hour), np.int64), -np.ones(len(hour), np.int64), np.zeros(len(networks.hour), np.int64)]
    asked = np.r_[np.zeros(2 * len(hour), np.int8), np.ones(len(networks.hour), np.int8)]
    order = np.lexsort((asked, steps_hour, steps_key))
    running = np.cumsum(steps[order])
    return running[asked[order] == 1]


def _day(rows: _Rows, kind: str, address_count: np.ndarray, first_hour: str, last_hour: str) -> pa.Table:
    key, hour = rows.key, rows.hour
    position = np.arange(len(hour))
    # First row of the same key within the 24 hours: search in one sorted sequence of (key, hour).
    span = 1 << 32
    start = np.searchsorted(key * span + hour, key * span + hour - (TRAILING_HOURS - 1))
    low, high = _hour_number(first_hour), _hour_number(last_hour)
    keep = np.flatnonzero((hour >= low) & (hour <= high) & ((address_count > 1) | (kind == "address")))
    first, last = start[keep], position[keep] + 1
    values = {
        name: _over(np.maximum if name in MAXIMA else np.add, rows.quantity(name), first, last)
        for name in (*ADDITIVE, *MAXIMA, ENTROPY_WEIGHTED)
    }
    requests = rows.quantity("request_count")
    night = np.where(hour % 24 < NIGHT_ENDS_AT, requests, 0)
    at = pa.array(hour[keep] * HOUR_MICROSECONDS, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    columns = {
        **values,
        "client": rows.names.take(pa.array(key[keep])),
        "client_kind": pa.array([kind] * len(keep), pa.string()),
        "hour_at": at,
        "address_count": address_count[keep],
        "path_entropy_bits": values[ENTROPY_WEIGHTED] / np.maximum(values["request_count"], 1),
        "night_request_count": _over(np.add, night, first, last),
        "active_hour_count": last - first,
        "peak_hour_request_count": _over(np.maximum, requests, first, last),
        HOUR_COLUMN: hour_names(at),
    }
    return pa.table({name: columns[name] for name in (*CLIENT_DAILY.column_names, HOUR_COLUMN)})


def _over(combine: np.ufunc, array: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """`combine` over array[first[i]:last[i]] for each i; slices are never empty."""
    if not len(first):
        return array[:0]
    padded = np.r_[array, array[:1]]
    return combine.reduceat(padded, np.column_stack([first, last]).ravel())[::2]


def _hour_number(hour: str) -> int:
    return int(parse_hour(hour).timestamp()) // 3600


@lru_cache(maxsize=500_000)
def network_of(client: str) -> str:
    """`192.0.2.7/32` -> `192.0.2.0/24`; an IPv6 address -> its /64."""
    if ":" not in client:
        return client[: client.rindex(".")] + ".0/24"
    address = ipaddress.IPv6Address(client.split("/")[0])
    return f"{ipaddress.IPv6Address(int(address) >> 64 << 64)}/64"
