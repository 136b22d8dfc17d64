"""Verifies clients that claim to be a known crawler or monitor: published addresses, then forward-confirmed reverse DNS.

address -> PTR name -> the name is in a domain of the operator -> its A or AAAA records include the address. Anybody can
fake a user agent and a PTR name, but not that last step. An `Identity` is evidence: it is stored with the time of the
check, so that an hour decided again sees the same. bots.py has the published facts, rules.py the effect of an identity.
Standard library only.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Protocol

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.decide.bots import BOTS, Bot
from platform_assets.domains.waf.decisions import Row
from platform_assets.domains.waf.networks import Network, address_order, is_one_address, parse_network

VERIFIED, REFUTED, UNKNOWN = "verified", "refuted", "unknown"
RECHECK_AFTER = timedelta(hours=24)
MAX_UNANSWERED = 3
"""Consecutive lookups without an answer after which a run stops asking."""
HOST_NOT_FOUND, NO_DATA = 1, 4


class NoAnswerError(Exception):
    """DNS did not answer, so nothing is known about the client."""


class Resolver(Protocol):
    """DNS lookups. An empty result means that there is no such record; NoAnswerError if DNS does not answer."""

    def names(self, address: str) -> Sequence[str]:
        """The PTR names of an address."""

    def addresses(self, name: str) -> Sequence[str]:
        """The A and AAAA records of a name."""


@dataclass(frozen=True)
class Identity:
    """The verified identity of an address that claims to be a bot; a row of `evidence/bot_identities`, fields in column order."""

    client: str
    bot: str
    bot_kind: str
    verdict: str
    how: str
    is_answered: bool
    checked_at: datetime

    @property
    def sentence(self) -> str:
        """For the reason of a decision."""
        is_one = is_one_address(parse_network(self.client))
        if self.verdict == VERIFIED:
            return f"it {'is' if is_one else 'holds addresses of'} {self.bot} ({self.how})"
        return f"it calls itself {self.bot}, which is {'refuted' if self.verdict == REFUTED else 'not verified'} ({self.how})"

    def row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_row(cls, row: Row) -> Identity:
        values = {name: row[name] for name in cls.__dataclass_fields__}
        return cls(**{**values, "checked_at": as_utc(values["checked_at"])})


def verified_by_list(address: str, bot: Bot) -> str | None:
    """How the published addresses verify the address; None if it is not among them."""
    if not bot.covers(parse_network(address)):
        return None
    return f"published address, list read {bot.read_on}"


def verified_by_dns(address: str, bot: Bot, resolver: Resolver) -> tuple[str, str]:
    """Verdict and how, by forward-confirmed reverse DNS. NoAnswerError if DNS does not answer."""
    bare = address.partition("/")[0]
    names = [name.rstrip(".").lower() for name in resolver.names(bare)]
    own_names = [name for name in names if any(name.endswith(f".{domain}") for domain in bot.domains)]
    for name in sorted(own_names):
        if any(_is_address(answer, bare) for answer in resolver.addresses(name)):
            return VERIFIED, f"DNS name {_printable(name)}, confirmed forwards"
    if own_names:
        return _unverified(bot, f"the DNS name {_printable(own_names[0])} does not lead back to it")
    if names:
        return _unverified(bot, f"its DNS name is {_printable(sorted(names)[0])}")
    return _unverified(bot, "it has no DNS name")


def _unverified(bot: Bot, how: str) -> tuple[str, str]:
    return (REFUTED if bot.is_named else UNKNOWN), how


def _is_address(answer: str, address: str) -> bool:
    try:
        return ip_address(answer.partition("%")[0]) == ip_address(address)
    except ValueError:
        return False


def _printable(name: str) -> str:
    """A name that is safe to show in a reason: the owner of the address chose it."""
    return name if re.fullmatch(r"[a-z0-9._-]{1,100}", name) else "no proper name"


@dataclass
class Identifier:
    """Identifies clients in one run: reuses stored identities, and looks up others within limits.

    `recent`: the identities of any hour that were checked since a time. Without a resolver, only published addresses
    verify a client.
    """

    now: datetime
    resolver: Resolver | None = None
    max_lookups: int = 200
    recent: Callable[[datetime], Iterable[Identity]] = lambda since: ()
    lookups: int = 0
    _unanswered: int = 0
    _recent: dict[tuple[str, str], Identity] | None = field(default=None, repr=False)

    def identify(self, claims: Mapping[str, Bot], kept: Iterable[Identity]) -> dict[str, Identity]:
        """Client (one address, as CIDR) -> its identity. `claims`: client -> the bot it claims to be; `kept`: stored identities of the hour."""
        stored = {(identity.client, identity.bot): identity for identity in kept}
        identities = {}
        for client in sorted(claims, key=address_order):
            bot = claims[client]
            identities[client] = stored.get((client, bot.name)) or self._find(client, bot)
        return identities

    def _find(self, client: str, bot: Bot) -> Identity:
        def identity(verdict: str, how: str, is_answered: bool = True) -> Identity:
            return Identity(client, bot.name, bot.kind, verdict, how, is_answered, as_utc(self.now))

        published = verified_by_list(client, bot)
        if published is not None:
            return identity(VERIFIED, published)
        if not bot.domains:
            return identity(UNKNOWN, "not among its published addresses" if bot.ranges else "its operator has no list")
        if self.resolver is None:
            return identity(UNKNOWN, "DNS is not asked", False)
        if self._recent is None:
            since = self.now - RECHECK_AFTER
            self._recent = {
                (earlier.client, earlier.bot): earlier for earlier in self.recent(since) if earlier.is_answered
            }
        recent = self._recent.get((client, bot.name))
        if recent is not None:
            return recent
        if self.lookups >= self.max_lookups or self._unanswered >= MAX_UNANSWERED:
            how = "DNS was asked too often" if self.lookups >= self.max_lookups else "DNS is silent"
            return identity(UNKNOWN, how, False)
        self.lookups += 1
        try:
            answer = identity(*verified_by_dns(client, bot, self.resolver))
        except NoAnswerError:
            self._unanswered += 1
            return identity(UNKNOWN, "DNS did not answer", False)
        self._unanswered = 0
        self._recent[client, bot.name] = answer
        return answer


def of_network(network: Network, members: Iterable[Identity], now: datetime) -> Identity | None:
    """The identity of a network: verified if it contains published addresses of a bot, otherwise that of its worst member.

    `members`: identities of some of its addresses. One refuted member refutes the network.
    """
    for bot in BOTS:
        if bot.overlaps(network):
            how = f"published addresses, list read {bot.read_on}"
            return Identity(str(network), bot.name, bot.kind, VERIFIED, how, True, as_utc(now))
    order = {REFUTED: 0, UNKNOWN: 1, VERIFIED: 2}
    worst = min(members, key=lambda member: (order[member.verdict], address_order(member.client)), default=None)
    return None if worst is None else replace(worst, client=str(network))


@dataclass(frozen=True)
class SystemResolver:
    """The resolver of the operating system. A lookup that exceeds the timeout is abandoned."""

    timeout_seconds: float = 3.0

    def names(self, address: str) -> Sequence[str]:
        def ask() -> Sequence[str]:
            try:
                name, others, _ = socket.gethostbyaddr(address)
            except socket.herror as error:
                if error.errno in (HOST_NOT_FOUND, NO_DATA):
                    return ()
                raise
            return (name, *(other for other in others if not other.endswith(".arpa")))

        return self._with_timeout(ask)

    def addresses(self, name: str) -> Sequence[str]:
        def ask() -> Sequence[str]:
            try:
                answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            except socket.gaierror as error:
                if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
                    return ()
                raise
            return tuple(sorted({str(where[0]) for *_, where in answers}))

        return self._with_timeout(ask)

    def _with_timeout(self, ask: Callable[[], Sequence[str]]) -> Sequence[str]:
        # System calls have no timeout; a daemon thread does not block the process from exiting.
        answers: list[Sequence[str]] = []

        def run() -> None:
            try:
                answers.append(ask())
            except (OSError, UnicodeError):
                return

        thread = threading.Thread(target=run, name="weir-dns", daemon=True)
        thread.start()
        thread.join(self.timeout_seconds)
        if not answers:
            raise NoAnswerError
        return answers[0]
