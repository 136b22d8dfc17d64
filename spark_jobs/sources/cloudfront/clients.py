"""Who a client is: an address in CIDR notation, or the network that it belongs to (/24 of IPv4, /64 of IPv6)."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.sources.cloudfront.hashing import text_hashes


def address_cidr(address: str) -> str:
    """`192.0.2.7` -> `192.0.2.7/32`; IPv6 -> /128."""
    return f"{address}/{128 if ':' in address else 32}"


@lru_cache(maxsize=500_000)
def network_of(client: str) -> str:
    """`192.0.2.7/32` -> `192.0.2.0/24`; an IPv6 address -> its /64 in canonical text. A network is its own."""
    if ":" not in client:
        return client[: client.rindex(".")] + ".0/24"
    address = ipaddress.IPv6Address(client.split("/")[0])
    return f"{ipaddress.IPv6Address(int(address) >> 64 << 64)}/64"


def network_of_address(address: str) -> str:
    """`192.0.2.7` -> `192.0.2.0/24`, as `network_of`."""
    return network_of(address_cidr(address))


def address_cidrs(addresses: pa.Array) -> pa.Array:
    """`address_cidr` of each text of a column."""
    suffix = pc.if_else(pc.match_substring(addresses, ":"), "/128", "/32")
    return pc.binary_join_element_wise(addresses, suffix, "")


def networks_of(clients: pa.Array) -> pa.Array:
    """`network_of` of each text of a column."""
    return pa.array([network_of(client) for client in clients.to_pylist()], pa.string())


def share_of(clients: pa.Array, shares: int) -> np.ndarray:
    """Which of so many shares each client belongs to: a network and all of its addresses to the same."""
    clients = clients.dictionary_encode()
    texts = clients.dictionary
    networks = pc.replace_substring_regex(texts, r"\.\d+/(?:32|24)$", "")
    is_v6 = pc.match_substring(texts, ":")
    if pc.any(is_v6).as_py():
        networks = pc.replace_with_mask(networks, is_v6, networks_of(texts.filter(is_v6)))
    return (text_hashes(networks) % np.uint64(shares))[clients.indices.to_numpy()]


def rows_of_share(batch: pa.RecordBatch, share: int, shares: int) -> pa.RecordBatch:
    """The rows whose `client` belongs to the share."""
    if shares == 1:
        return batch
    return batch.filter(pa.array(share_of(batch.column("client"), shares) == share))
