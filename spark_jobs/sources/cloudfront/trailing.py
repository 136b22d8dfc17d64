"""client_hourly -> client_daily on one partition: sums, maxima and distinct counts over the trailing 24 hours.

Pure Arrow and numpy, so that a task can run it on the rows of the networks that it holds. Sliding SQL windows over the
same thirty columns took ten times as long on the embedded engine. Each sum adds its own slice of rows, in order of
time, so a row comes out the same to the bit whatever history surrounds it.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract import HOUR_COLUMN, parse_hour
from spark_jobs.sources.cloudfront.tables import ADDITIVE, CLIENT_DAILY, MAXIMA

TRAILING_HOURS = 24
NIGHT_ENDS_AT = 6
HOUR_MICROSECONDS = 3_600_000_000


def client_daily_rows(hourly: pa.Table, first_hour: str, last_hour: str) -> pa.Table:
    """Rows of client_hourly (whole networks, any order) -> rows of client_daily with `first_hour` ≤ hour ≤ `last_hour`.

    Columns: those of client_daily, then event_hour. Networks have a row where two addresses or more were active in
    their 24 hours.
    """
    addresses = _Rows.of(hourly)
    parts = [_day(addresses, "address", np.ones(len(addresses.hour), np.int64), first_hour, last_hour)]
    shared = _of_shared_networks(addresses)
    if len(shared.hour):
        networks = _summed(shared)
        counts = _distinct_addresses(shared, networks)
        parts.append(_day(networks, "network", counts, first_hour, last_hour))
    return pa.concat_tables(parts)


class _Rows:
    """Rows per key and hour, sorted by both, with one numpy array a quantity."""

    def __init__(
        self, key: np.ndarray, hour: np.ndarray, values: dict[str, np.ndarray], members: np.ndarray | None = None
    ) -> None:
        order = np.lexsort((hour, key))
        self.key, self.hour = key[order], hour[order]
        self.values = {name: array[order] for name, array in values.items()}
        self.members = None if members is None else members[order]

    @classmethod
    def of(cls, hourly: pa.Table) -> _Rows:
        values = {name: hourly[name].to_numpy() for name in (*ADDITIVE, *MAXIMA)}
        values["entropy_weighted"] = hourly["path_entropy_bits"].to_numpy() * values["request_count"]
        hour = hourly["hour_at"].cast(pa.int64()).to_numpy() // HOUR_MICROSECONDS
        return cls(hourly["client"].to_numpy(zero_copy_only=False), hour, values)

    def chosen(self, mask: np.ndarray, key: np.ndarray) -> _Rows:
        values = {name: array[mask] for name, array in self.values.items()}
        return _Rows(key[mask], self.hour[mask], values, members=self.key[mask])


def _of_shared_networks(addresses: _Rows) -> _Rows:
    """The rows of addresses whose network holds another address too, keyed by network."""
    clients, which = np.unique(addresses.key, return_inverse=True)
    networks = np.array([network_of(client) for client in clients], dtype=object)
    names, of_client, sizes = np.unique(networks, return_inverse=True, return_counts=True)
    return addresses.chosen((sizes[of_client] > 1)[which], names[of_client][which])


def _summed(shared: _Rows) -> _Rows:
    """Rows of addresses -> one row per network and hour."""
    starts = np.flatnonzero(np.r_[True, (shared.key[1:] != shared.key[:-1]) | (shared.hour[1:] != shared.hour[:-1])])
    values = {
        name: (np.maximum if name in MAXIMA else np.add).reduceat(array, starts)
        for name, array in shared.values.items()
    }
    return _Rows(shared.key[starts], shared.hour[starts], values)


def _distinct_addresses(shared: _Rows, networks: _Rows) -> np.ndarray:
    """Distinct addresses of each network in the 24 hours that end with each of its rows.

    An address seen at hour t counts until it is seen again or 24 hours have passed: +1 at t, -1 at the earlier of the
    two; the running sum over the network is the distinct count.
    """
    assert shared.members is not None
    order = np.lexsort((shared.hour, shared.members))
    key, member, hour = shared.key[order], shared.members[order], shared.hour[order]
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
    # First row of the same key within the 24 hours: search in one sorted sequence of (key number, hour).
    number = np.cumsum(np.r_[False, key[1:] != key[:-1]]) if len(key) else np.zeros(0, np.int64)
    span = 1 << 32
    start = np.searchsorted(number * span + hour, number * span + hour - (TRAILING_HOURS - 1))
    low, high = _hour_number(first_hour), _hour_number(last_hour)
    keep = np.flatnonzero((hour >= low) & (hour <= high) & ((address_count > 1) | (kind == "address")))
    first, last = start[keep], position[keep] + 1
    values = {
        name: _over(np.maximum if name in MAXIMA else np.add, array, first, last) for name, array in rows.values.items()
    }
    requests = rows.values["request_count"]
    night = np.where(hour % 24 < NIGHT_ENDS_AT, requests, 0)
    at = pa.array(hour[keep] * HOUR_MICROSECONDS, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    columns = {
        **values,
        "client": pa.array(key[keep], pa.string()),
        "client_kind": pa.array([kind] * len(keep), pa.string()),
        "hour_at": at,
        "address_count": address_count[keep],
        "path_entropy_bits": values["entropy_weighted"] / np.maximum(values["request_count"], 1),
        "night_request_count": _over(np.add, night, first, last),
        "active_hour_count": last - first,
        "peak_hour_request_count": _over(np.maximum, requests, first, last),
        HOUR_COLUMN: pc.strftime(at, format="%Y-%m-%d-%H"),
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
