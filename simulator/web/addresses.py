"""Client addresses: public ranges of access networks, mobile carriers, hosting companies and operators.

Ranges are real allocations, so that the platform treats them like the internet; their use here is fictional.
Documentation and private ranges are left out because the platform refuses to block those.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from random import Random


@dataclass(frozen=True)
class Network:
    """An operator's addresses: the region its clients enter CloudFront from, one IPv4 range, one IPv6 range."""

    region: str
    v4: str
    v6: str


def _rows(table: str) -> list[list[str]]:
    return [row.split() for line in table.splitlines() for row in line.split("|")]


def _networks(table: str) -> tuple[Network, ...]:
    return tuple(Network(*row) for row in _rows(table))


HOMES = _networks("""\
FRA 84.128.0.0/11 2003:c0::/28 | FRA 178.0.0.0/12 2a02:8108::/32 | CDG 90.0.0.0/10 2a01:cb00::/27
CDG 82.64.0.0/14 2a01:e0a::/32 | LHR 86.128.0.0/11 2a00:23c4::/30 | LHR 90.192.0.0/11 2a02:c7c::/32
AMS 77.160.0.0/12 2a02:a440::/28 | MAD 80.24.0.0/13 2a02:9140::/28 | MXP 79.0.0.0/12 2a01:2000::/26
WAW 83.0.0.0/11 2a00:f41::/32 | IAD 73.128.0.0/11 2601:140::/26 | ORD 24.0.0.0/13 2601:240::/26
JFK 71.160.0.0/12 2600:4040::/28 | DFW 99.0.0.0/11 2600:1700::/28 | SFO 67.160.0.0/12 2601:640::/26
YTO 99.224.0.0/12 2607:fea8::/32 | NRT 153.128.0.0/10 2400:4050::/30 | SYD 1.128.0.0/11 2001:8003::/32
BOM 49.32.0.0/12 2409:4040::/27 | GRU 177.32.0.0/12 2804:14c::/32""")

CARRIERS = _networks("""\
FRA 80.187.64.0/18 2a01:598::/30 | LHR 82.132.192.0/18 2a01:4c8::/30 | CDG 92.184.96.0/19 2a01:cb1c::/32
IAD 172.56.0.0/15 2607:fb90::/32 | SFO 174.192.0.0/14 2600:1010::/28 | BOM 106.192.0.0/13 2401:4900::/32""")

HOSTING = _networks("""\
FRA 116.202.0.0/16 2a01:4f8::/32 | HEL 95.216.0.0/16 2a01:4f9::/32 | AMS 167.99.32.0/19 2a03:b0c0::/32
LHR 159.65.48.0/20 2a03:b0c0:1::/48 | JFK 159.203.0.0/16 2604:a880::/32 | SIN 128.199.64.0/18 2400:6180::/32
CDG 51.68.0.0/16 2001:41d0::/32 | CDG 51.158.0.0/15 2001:bc8::/32 | DFW 45.79.0.0/16 2600:3c00::/32
SIN 139.162.0.0/18 2400:8901::/32 | SFO 45.32.128.0/18 2001:19f0::/32 | IAD 54.144.0.0/14 2600:1f18::/33
DUB 34.240.0.0/13 2a05:d018::/35 | ORD 34.128.0.0/12 2600:1900::/28 | AMS 20.56.0.0/14 2603:1020::/28
FRA 161.97.64.0/18 2a02:c207::/32 | HKG 47.240.0.0/14 2408:4003::/32 | SIN 43.152.0.0/14 2402:4e00::/32
OTP 185.141.24.0/22 2a04:9dc0::/29 | WAW 45.134.24.0/22 2a0e:97c0::/29""")

ABROAD = _networks("""\
NRT 58.32.0.0/12 240e:300::/24 | HKG 113.64.0.0/11 240e:400::/24 | BOM 117.192.0.0/11 2401:4900::/33
GRU 187.0.0.0/12 2804:d40::/32 | SIN 14.160.0.0/12 2405:4800::/32 | WAW 95.24.0.0/13 2a00:1fa0::/32
SIN 36.64.0.0/12 2404:8000::/27""")

EDGES = {
    region: tuple(edges)
    for region, *edges in _rows("""\
FRA FRA56-P5 FRA60-P1 FRA2-C1 TXL50-P4 MUC50-P2 HAM50-C3 | CDG CDG52-P3 CDG55-P1 MRS52-C1
LHR LHR62-C5 LHR50-P6 MAN51-P1 LHR5-P2 | AMS AMS1-P2 AMS58-P5 AMS54-C1 | MAD MAD53-P2 MAD56-P1 | MXP MXP63-P3 FCO50-P2
WAW WAW51-P2 PRG50-C1 | HEL HEL51-P2 ARN54-C1 | DUB DUB56-P1 DUB2-C1 | OTP OTP50-P1 SOF50-P1
IAD IAD12-P3 IAD55-P6 ATL59-P2 MIA3-P4 | ORD ORD58-P9 ORD56-P2 MSP50-C1 | JFK JFK50-P8 JFK52-P3 EWR53-C2 BOS50-P1
DFW DFW57-P7 IAH50-P1 PHX50-P2 | SFO SFO53-P4 LAX54-P3 SEA73-P2 HIO52-P1 | YTO YTO50-P2 YUL62-P1
NRT NRT57-P4 KIX50-P2 | SYD SYD62-P1 MEL51-P1 | BOM BOM78-P6 DEL51-P3 MAA51-P2 | GRU GRU3-P4 GIG51-P3
SIN SIN2-P5 KUL50-P1 CGK51-P1 | HKG HKG62-P1 TPE53-P3""")
}
"""Edge locations by region: three-letter airport code, number, and pod, as x-edge-location has them."""


class Addresses:
    """Allocates addresses, each only once: two actors share one only on purpose."""

    def __init__(self, rng: Random) -> None:
        self._used: set[str] = set()
        self._blocks = {
            network.v4: [_random_block(network.v4, rng) for _ in range(90)] for network in HOMES + CARRIERS + ABROAD
        }

    def home(self, rng: Random, v6_share: float = 0.28, among: tuple[Network, ...] = HOMES) -> tuple[str, str]:
        """An address of an access network and its region. Neighbors are common: some /24s serve many clients."""
        network = among[int(len(among) * rng.random() ** 1.3)]
        if rng.random() < v6_share:
            return self.within(rng, network.v6), network.region
        blocks = self._blocks[network.v4]
        return self.within(rng, blocks[int(len(blocks) * rng.random() ** 2)]), network.region

    def hosting(self, rng: Random, v6_share: float = 0.12) -> tuple[str, str]:
        """The address of a rented server, and its region."""
        network = rng.choice(HOSTING)
        return self.within(rng, network.v6 if rng.random() < v6_share else network.v4), network.region

    def within(self, rng: Random, cidr: str) -> str:
        """An unused address inside `cidr`; for IPv6 as its privacy extensions pick one, unless the range is a /64."""
        network = ip_network(cidr)
        base, size = int(network.network_address), network.num_addresses
        for _ in range(500):
            if network.version == 4:
                address = str(IPv4Address(base + (rng.randrange(1, size - 1) if size > 2 else rng.randrange(size))))
            else:
                address = str(IPv6Address(base + rng.randrange(1, size)))
            if address not in self._used and not address.endswith((".0", ".255")):
                self._used.add(address)
                return address
        raise ValueError(f"{cidr} has no unused address left; give the actor a wider range or fewer clients.")


def sibling_range(address: str) -> str:
    """The /24 or /64 that an address is in: a household's or a datacenter customer's."""
    return str(ip_network(f"{address}/{64 if ':' in address else 24}", strict=False))


def hosting_block(rng: Random, v6: bool = False) -> tuple[str, str]:
    """A whole /24 or /64 of one hosting customer, and its region."""
    network = rng.choice(HOSTING)
    return (_random_block(network.v6, rng) if v6 else _random_block(network.v4, rng)), network.region


def home_block(rng: Random, v6: bool = False) -> tuple[str, str]:
    """A /24 or /64 of an access network, as residential proxies use them, and its region."""
    network = rng.choice(HOMES + ABROAD)
    return (_random_block(network.v6, rng) if v6 else _random_block(network.v4, rng)), network.region


def _random_block(cidr: str, rng: Random) -> str:
    network = ip_network(cidr)
    prefix = 64 if network.version == 6 else 24
    count = 1 << (prefix - network.prefixlen)
    step = 1 << ((128 if network.version == 6 else 32) - prefix)
    base = int(network.network_address) + rng.randrange(count) * step
    return f"{IPv6Address(base) if network.version == 6 else IPv4Address(base)}/{prefix}"
