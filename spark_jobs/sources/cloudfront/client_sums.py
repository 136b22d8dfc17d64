"""Rows of client_hourly by client and hour, and their sums over the networks that the addresses belong to.

Shared by client_daily, which looks back on 24 of them, and by the client model's frame, which reads those of one hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.sources.cloudfront.client_tables import MAXIMA
from spark_jobs.sources.cloudfront.clients import networks_of

HOUR_MICROSECONDS = 3_600_000_000
MILLION = 1_000_000
ENTROPY_WEIGHTED = "entropy_weighted"
"""path_entropy_bits times requests."""
FRACTIONS = ("time_taken_seconds", ENTROPY_WEIGHTED)


@dataclass(frozen=True)
class ClientHours:
    """Rows per client and hour, sorted by both. A quantity becomes an array when it is requested, one at a time."""

    names: pa.Array
    """Distinct clients, ascending; `key` is a position among them."""
    key: np.ndarray
    hour: np.ndarray
    """Hours since 1970."""
    quantity: Callable[[str], np.ndarray]

    @classmethod
    def of(cls, hourly: pa.Table) -> ClientHours:
        """Rows of client_hourly in any order, clients plain or dictionary-encoded."""
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
            return pc.fill_null(hourly[name], 0).to_numpy()[order]

        return cls(clients.dictionary.take(ascending), key[order], hour[order], quantity)

    def take(self, rows: np.ndarray) -> ClientHours:
        """Some of the rows, ascending."""
        return ClientHours(self.names, self.key[rows], self.hour[rows], lambda name: self.quantity(name)[rows])


@dataclass(frozen=True)
class NetworkMembers(ClientHours):
    """Rows of addresses, whose key is their network."""

    member: np.ndarray
    """Key of the address."""

    @classmethod
    def among(cls, addresses: ClientHours, at_least: int = 1) -> NetworkMembers:
        """The rows of addresses whose networks hold that many addresses or more."""
        networks = np.array(networks_of(addresses.names).to_pylist(), dtype=object)
        names, of_client, sizes = np.unique(networks, return_inverse=True, return_counts=True)
        chosen = np.flatnonzero((sizes[of_client] >= at_least)[addresses.key])
        network = of_client[addresses.key[chosen]]
        order = np.lexsort((addresses.hour[chosen], network))
        chosen = chosen[order]
        return cls(
            pa.array(names, pa.string()),
            network[order],
            addresses.hour[chosen],
            lambda name: addresses.quantity(name)[chosen],
            addresses.key[chosen],
        )

    def starts(self) -> np.ndarray:
        """The first row of each network and hour."""
        differs = (self.key[1:] != self.key[:-1]) | (self.hour[1:] != self.hour[:-1])
        return np.flatnonzero(np.r_[True, differs])

    def summed(self, in_millionths: bool = False) -> ClientHours:
        """One row per network and hour: sums, and maxima of the quantities in MAXIMA.

        `in_millionths`: fractions are rounded to whole millionths first, so that their sum does not depend on the order.
        """
        starts = self.starts()

        def quantity(name: str) -> np.ndarray:
            values = self.quantity(name)
            if in_millionths and name in FRACTIONS:
                return np.add.reduceat(whole_millionths(values), starts) / MILLION
            return (np.maximum if name in MAXIMA else np.add).reduceat(values, starts)

        return ClientHours(self.names, self.key[starts], self.hour[starts], quantity)


def whole_millionths(values: np.ndarray) -> np.ndarray:
    """Fractions that are not negative as whole millionths, half a millionth rounded up."""
    millionths = values * MILLION
    floor = np.floor(millionths)
    return (floor + (millionths - floor >= 0.5)).astype(np.int64)


def timestamps(hours: np.ndarray) -> pa.Array:
    """Hours since 1970 as timestamps."""
    return pa.array(hours * HOUR_MICROSECONDS, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
