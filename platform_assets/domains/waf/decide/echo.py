"""The hours in which a client's requests are an echo of our own block: while it was in force, and for a margin after it.

A blocked client keeps sending requests, gets WAF's own 403s, and looks as abusive as before. If that counted, a block
would renew itself forever. Hours are whole, as in client features; rescoring.py scores the other hours of the day again.
Event clock, as for decisions. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.decisions import Decision
from platform_assets.domains.waf.networks import Network, parse_network
from platform_assets.domains.waf.rulebook import Echo

WINDOW_HOURS = 24
"""The hours that a score covers, including its own hour."""


Spans = tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True)
class EchoHours:
    """The hours in which a client's requests are an echo of our own blocks."""

    spans: dict[Network, Spans]
    """Address or network -> [first hour, end) of each decision with an echo."""
    widths: tuple[tuple[int, int], ...]
    """IP version and prefix length of the networks in `spans`."""
    inside: dict[tuple[int, int], dict[Network, Spans]] = field(default_factory=dict, compare=False, repr=False)
    """Width -> network -> the spans of narrower networks in it; a cache."""

    @classmethod
    def of(cls, decisions: Iterable[Decision], echo: Echo) -> EchoHours:
        spans: dict[Network, set[tuple[datetime, datetime]]] = {}
        for decision in decisions:
            if decision.action in echo.actions:
                end = decision.expires_at + timedelta(hours=echo.slack_hours)
                spans.setdefault(parse_network(decision.address), set()).add((decision.decided_at, end))
        widths = sorted({(network.version, network.prefixlen) for network in spans})
        return cls(
            {network: tuple(sorted(spans_of_network)) for network, spans_of_network in spans.items()}, tuple(widths)
        )

    def has(self, client: str, hour: datetime) -> bool:
        """Whether the client, or a network around it, has an echo in the hour that starts at `hour`."""
        return self._any(parse_network(client), as_utc(hour), as_utc(hour))

    def within(self, client: str, hour: datetime) -> bool:
        """Whether the client, a network around it or an address in it has an echo in the 24 hours that end with this one."""
        network, last = parse_network(client), as_utc(hour)
        first = last - timedelta(hours=WINDOW_HOURS - 1)
        return self._any(network, first, last) or _overlap(self._spans_inside(network), first, last)

    def _spans_inside(self, network: Network) -> Spans:
        """The spans of addresses and networks inside the network."""
        width = (network.version, network.prefixlen)
        if width not in self.inside:
            inside: dict[Network, list[tuple[datetime, datetime]]] = {}
            for narrower, spans in self.spans.items():
                if narrower.version == network.version and narrower.prefixlen > network.prefixlen:
                    inside.setdefault(narrower.supernet(new_prefix=network.prefixlen), []).extend(spans)
            self.inside[width] = {wider: tuple(spans) for wider, spans in inside.items()}
        return self.inside[width].get(network, ())

    def _any(self, network: Network, first: datetime, last: datetime) -> bool:
        for version, prefix in self.widths:
            if version == network.version and prefix <= network.prefixlen:
                spans = self.spans.get(network.supernet(new_prefix=prefix))
                if spans and _overlap(spans, first, last):
                    return True
        return False


def _overlap(spans: Spans, first: datetime, last: datetime) -> bool:
    return any(start <= last and end > first for start, end in spans)
