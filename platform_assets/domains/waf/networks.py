"""Networks: canonical text, order, overlap, and the special-purpose ranges, which are never acted upon.

No policy and no allow list. The special ranges are IANA's registries, written out, because the private ranges of the
standard library differ between Python versions, and decisions must not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

SPECIAL: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "reserved"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier_shared"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link_local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "reserved"),
    ("192.52.193.0/24", "reserved"),
    ("192.88.99.0/24", "reserved"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "reserved"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    # Global unicast IPv6 is 2000::/3; all around it is loopback, private, link-local, multicast or unassigned.
    ("::/3", "reserved"),
    ("4000::/2", "reserved"),
    ("8000::/2", "reserved"),
    ("c000::/3", "reserved"),
    ("e000::/4", "reserved"),
    ("f000::/5", "reserved"),
    ("f800::/6", "reserved"),
    ("fc00::/7", "private"),
    ("fe00::/9", "reserved"),
    ("fe80::/10", "link_local"),
    ("fec0::/10", "reserved"),
    ("ff00::/8", "multicast"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "reserved"),
    ("3fff::/20", "documentation"),
)

MAPPED_BITS = 96
"""Bits of ::ffff:0:0/96, in which IPv4 is written as IPv6."""
HOLDER_WIDTHS = {4: 24, 6: 48}
"""What one holder may have: a customer gets a /48 of IPv6, in which are 65,536 networks of /64."""
SPECIAL_KINDS = tuple(sorted({kind for _, kind in SPECIAL}))


@lru_cache(maxsize=1 << 16)
def parse_network(text: str) -> Network:
    """An address or CIDR without host bits; ValueError for anything else. IPv4 that is written as IPv6 (`::ffff:1.2.3.4`) is IPv4.

    So a dual-stack socket writes its peers (RFC 4291, 2.5.5.2), and people copy it into lists; log lines have plain IPv4.
    """
    network = as_written(text)
    mapped = network.network_address.ipv4_mapped if network.version == 6 else None
    if mapped is None or network.prefixlen < MAPPED_BITS:
        return network
    return IPv4Network((mapped, network.prefixlen - MAPPED_BITS))


def as_written(text: str) -> Network:
    """An address or CIDR of the family that it is written in, as an IP set holds it; ValueError for anything else."""
    if "%" in text:
        raise ValueError(f"{text!r} has a zone, which no address on the internet has.")
    return ip_network(text.strip(), strict=True)


def counted_network(address: str) -> Network:
    """The /24 or /48 of an address, as which its holder counts; a wider network is itself."""
    network = parse_network(address)
    width = HOLDER_WIDTHS[network.version]
    return network.supernet(new_prefix=width) if network.prefixlen > width else network


def canonical(text: str) -> str:
    """The canonical text of an entry of an IP set (`2001:DB9:0::/48` -> `2001:db9::/48`); other text is returned unchanged."""
    try:
        return str(as_written(text))
    except ValueError:
        return text


def address_order(text: str) -> tuple[int, int, int, str]:
    """Sort key: IPv4 before IPv6, then numeric; text that is not a CIDR comes last."""
    try:
        network = parse_network(text)
    except ValueError:
        return (9, 0, 0, text)
    return (network.version, int(network.network_address), network.prefixlen, "")


def family(text: str) -> str:
    """`IPV4` or `IPV6`, as wafv2 names them; ValueError for text that is not a CIDR."""
    return "IPV4" if parse_network(text).version == 4 else "IPV6"


def is_one_address(network: Network) -> bool:
    return network.prefixlen == network.max_prefixlen


def _span(network: Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)


@dataclass(frozen=True)
class Ranges:
    """A set of addresses with overlap and containment tests in logarithmic time."""

    starts: dict[int, tuple[int, ...]]
    ends: dict[int, tuple[int, ...]]

    @classmethod
    def of(cls, cidrs: Iterable[str]) -> Ranges:
        starts: dict[int, tuple[int, ...]] = {}
        ends: dict[int, tuple[int, ...]] = {}
        networks = [parse_network(cidr) for cidr in cidrs]
        for version in (4, 6):
            merged: list[list[int]] = []
            for start, end in sorted(_span(network) for network in networks if network.version == version):
                if merged and start <= merged[-1][1] + 1:
                    merged[-1][1] = max(merged[-1][1], end)
                else:
                    merged.append([start, end])
            starts[version] = tuple(start for start, _ in merged)
            ends[version] = tuple(end for _, end in merged)
        return cls(starts, ends)

    def overlaps(self, network: Network) -> bool:
        """Whether at least one address of `network` is in the set."""
        first, last = _span(network)
        at = bisect_right(self.starts[network.version], last) - 1
        return at >= 0 and self.ends[network.version][at] >= first

    def covers(self, network: Network) -> bool:
        """Whether every address of `network` is in the set."""
        first, last = _span(network)
        at = bisect_right(self.starts[network.version], first) - 1
        return at >= 0 and self.ends[network.version][at] >= last


def special_ranges(except_kinds: Iterable[str] = ()) -> Ranges:
    """The ranges that are never acted upon, except those of `except_kinds`."""
    excepted = set(except_kinds)
    return Ranges.of(cidr for cidr, kind in SPECIAL if kind not in excepted)
