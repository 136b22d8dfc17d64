"""Who calls itself a crawler and is it, who is not, and that nobody is asked twice. No test here asks DNS."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from platform_assets.domains.waf.decide import identity
from platform_assets.domains.waf.decide.bots import BOTS, claimed_bot
from platform_assets.domains.waf.decide.identity import (
    REFUTED,
    UNKNOWN,
    VERIFIED,
    Identifier,
    Identity,
    NoAnswerError,
    SystemResolver,
    of_network,
    verified_by_dns,
    verified_by_list,
)
from platform_assets.domains.waf.decisions import Row
from platform_assets.domains.waf.networks import Network, Ranges, parse_network, special_ranges
from platform_assets.domains.waf.policy import Policy
from platform_assets.domains.waf.tables import BOT_IDENTITIES
from tests.domains.waf.decision_world import World, at

NAMED = {bot.name: bot for bot in BOTS}
GOOGLEBOT = NAMED["Googlebot"]
GOOGLE_AGENT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
NOW = at(100)
CRAWLER = "45.83.1.2"


class Names:
    """DNS as a dictionary; counts what it is asked."""

    def __init__(self, names: dict[str, list[str]], addresses: dict[str, list[str]], is_silent: bool = False) -> None:
        self.of_address, self.of_name, self.is_silent = names, addresses, is_silent
        self.asked: list[str] = []

    def names(self, address: str) -> list[str]:
        self.asked.append(address)
        if self.is_silent:
            raise NoAnswerError
        return self.of_address.get(address, [])

    def addresses(self, name: str) -> list[str]:
        return self.of_name.get(name, [])


GENUINE = Names({CRAWLER: ["Crawl-1.Googlebot.com."]}, {"crawl-1.googlebot.com": ["45.83.1.9", CRAWLER]})
NOTHING = Names({}, {})


def verdict(
    names: list[str], addresses: dict[str, list[str]], bot: Any = GOOGLEBOT, client: str = f"{CRAWLER}/32"
) -> str:
    return verified_by_dns(client, bot, Names({client.partition("/")[0]: names}, addresses))[0]


def test_a_forward_confirmed_name_verifies() -> None:
    assert verified_by_dns(f"{CRAWLER}/32", GOOGLEBOT, GENUINE) == (
        VERIFIED,
        "DNS name crawl-1.googlebot.com, confirmed forwards",
    )
    v6 = "2a00:1450:4001::5"
    assert verdict(["a.googlebot.com"], {"a.googlebot.com": ["2a00:1450:4001:0::5"]}, client=f"{v6}/128") == VERIFIED


@pytest.mark.parametrize(
    ("names", "addresses"),
    [
        (["crawl-1.googlebot.com"], {"crawl-1.googlebot.com": ["66.249.66.1"]}),
        (["crawl-1.googlebot.com"], {}),
        (["evilgooglebot.com"], {"evilgooglebot.com": [CRAWLER]}),
        (["googlebot.com.example.net"], {"googlebot.com.example.net": [CRAWLER]}),
        (["2.1.83.45.bc.googleusercontent.com"], {"2.1.83.45.bc.googleusercontent.com": [CRAWLER]}),
        (["static.example.net"], {"static.example.net": [CRAWLER]}),
        ([], {}),
    ],
    ids=[
        "another's name",
        "a name of nothing",
        "a longer word",
        "a longer name",
        "a customer's machine",
        "a host",
        "none",
    ],
)
def test_a_foreign_name_refutes_a_named_bot(names: Any, addresses: Any) -> None:
    assert verdict(names, addresses) == REFUTED
    assert verdict(names, addresses, replace(GOOGLEBOT, is_named=False)) == UNKNOWN


def test_only_a_proper_name_is_shown() -> None:
    """Who owns the address writes its name, and a reason is read by people and by AWS."""
    said = verified_by_dns(f"{CRAWLER}/32", GOOGLEBOT, Names({CRAWLER: ["<script>\n" * 50]}, {}))[1]
    assert said == "its DNS name is no proper name"


def test_published_addresses_verify_without_dns() -> None:
    assert verified_by_list("66.249.66.1/32", GOOGLEBOT) == "published address, list read 2026-11-22"
    assert verified_by_list("66.249.67.1/32", GOOGLEBOT) is None
    assert verified_by_list("157.55.39.4/32", NAMED["Bingbot"])
    assert verified_by_list("20.50.49.25/32", NAMED["DuckDuckBot"])
    assert verified_by_list("15.177.3.4/32", NAMED["Route 53 health check"])


@pytest.mark.parametrize("bot", BOTS, ids=lambda bot: bot.name)
def test_bots_have_public_and_disjoint_addresses(bot: Any) -> None:
    assert bot.domains or bot.ranges
    assert bool(bot.ranges) == bool(bot.read_on)
    assert bot.source.startswith("https://")
    assert bot.kind in ("crawler", "monitor", "preview")
    special, others = special_ranges(), Ranges.of(r for other in BOTS if other != bot for r in other.ranges)
    for cidr in bot.ranges:
        network = parse_network(cidr)
        assert not special.overlaps(network) and not others.overlaps(network), cidr
        # Operators of previews publish the networks of the whole company, in which nobody else is.
        least = {4: 14, 6: 29} if bot.kind == "preview" else {4: 18, 6: 48}
        assert network.prefixlen >= least[network.version], cidr
    assert len(set(bot.ranges)) == len(bot.ranges)


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (GOOGLE_AGENT, "Googlebot"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "Bingbot"),
        ("Mozilla/5.0 (Macintosh) Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)", "Applebot"),
        ("DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)", "DuckDuckBot"),
        ("Amazon-Route53-Health-Check-Service (ref 47d9bc51; report http://amzn.to/1vsZADi)", "Route 53 health check"),
        ("Amazon Route 53 Health Check Service; ref:47d9bc51", "Route 53 health check"),
        ("Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", "Pingdom"),
        ("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "UptimeRobot"),
        ("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", None),
        ("", None),
    ],
)
def test_user_agents_name_their_bot(user_agent: Any, name: Any) -> None:
    bot = claimed_bot([(user_agent, 10)], 0.9)
    assert (bot and bot.name) == name


def test_a_claim_takes_nearly_all_requests() -> None:
    assert claimed_bot([(GOOGLE_AGENT, 9), ("curl/8", 1)], 0.9) is GOOGLEBOT
    assert claimed_bot([(GOOGLE_AGENT, 8), ("curl/8", 2)], 0.9) is None
    assert claimed_bot([], 0.9) is None


def claims(*addresses: str, bot: Any = GOOGLEBOT) -> dict:
    return {f"{address}/32": bot for address in addresses}


def test_stored_identities_are_not_looked_up_again() -> None:
    first = Identifier(NOW, GENUINE).identify(claims(CRAWLER), ())
    silent = Names({}, {})
    later = Identifier(NOW + timedelta(days=30), silent).identify(claims(CRAWLER), first.values())
    assert later == first and silent.asked == []
    assert first[f"{CRAWLER}/32"].checked_at == NOW


def test_an_answer_serves_for_a_day() -> None:
    names = Names(GENUINE.of_address, GENUINE.of_name)
    kept: list[Identity] = []

    def ask(now: Any, hours: Any) -> None:
        identifier = Identifier(now, names, recent=lambda since: [one for one in kept if one.checked_at >= since])
        for _ in range(hours):
            kept.extend(identifier.identify(claims(CRAWLER), ()).values())

    ask(NOW, 3)
    ask(NOW + timedelta(hours=20), 2)
    assert names.asked == [CRAWLER], "five hours and two runs, one question"
    ask(NOW + timedelta(hours=25), 1)
    assert names.asked == [CRAWLER] * 2


def test_lookups_are_bounded_and_end_in_silence() -> None:
    many = claims(*(f"45.83.2.{n}" for n in range(50)))
    names = Names({}, {})
    found = Identifier(NOW, names, max_lookups=10).identify(many, ())
    assert len(names.asked) == 10
    assert [one.verdict for one in found.values()] == [REFUTED] * 10 + [UNKNOWN] * 40
    silent = Names({}, {}, is_silent=True)
    found = Identifier(NOW, silent).identify(many, ())
    assert len(silent.asked) == 3
    assert {one.verdict for one in found.values()} == {UNKNOWN}
    assert not any(one.is_answered for one in found.values())


def test_a_bot_without_domains_is_never_asked_about() -> None:
    names = Names({}, {})
    found = Identifier(NOW, names).identify(claims(CRAWLER, bot=NAMED["DuckDuckBot"]), ())
    assert found[f"{CRAWLER}/32"].verdict == UNKNOWN and names.asked == []


def verdict_of(network: Network, members: Sequence[Identity]) -> str:
    identity = of_network(network, members, NOW)
    assert identity is not None
    return identity.verdict


def test_a_network_is_identified_by_addresses_or_members() -> None:
    inside = of_network(parse_network("54.183.255.0/24"), (), NOW)
    assert inside is not None and inside.verdict == VERIFIED
    assert inside.sentence.startswith("it holds addresses of Route 53 health check (published addresses")
    good = Identity("45.83.1.2/32", "Googlebot", "crawler", VERIFIED, "a name", True, NOW)
    bad = replace(good, client="45.83.1.3/32", verdict=REFUTED)
    network = parse_network("45.83.1.0/24")
    assert verdict_of(network, [good]) == VERIFIED
    assert verdict_of(network, [good, bad]) == REFUTED
    assert of_network(network, (), NOW) is None


# --- from requests to decisions --------------------------------------------------------------------------------------


def crawled(folder: Any, client: str = CRAWLER, user_agent: str = GOOGLE_AGENT, is_attack: bool = True) -> World:
    """A client that calls itself Googlebot and does what earns a block, or a challenge where it attacks nothing."""
    world = World(folder)
    world.visit(0, 150, client=client, status=404, user_agent=user_agent, is_attack=is_attack)
    world.deliver()
    return world


def only(rows: Sequence[Row]) -> tuple[str, str]:
    assert len(rows) == 1
    return rows[0]["action"], rows[0]["reason"]


def test_a_verified_crawler_is_only_counted(tmp_path: Path) -> None:
    action, reason = only(crawled(tmp_path).decide(0, 0, identifier=Identifier(NOW, GENUINE)))
    assert action == "count"
    assert "a verified bot gets count at most" in reason
    assert "it is Googlebot (DNS name crawl-1.googlebot.com, confirmed forwards)" in reason


@pytest.mark.parametrize(
    ("client", "user_agent"),
    [
        ("66.249.66.1", GOOGLE_AGENT),
        ("15.177.3.4", "Amazon-Route53-Health-Check-Service"),
        ("23.22.2.46", "Pingdom.com_bot"),
    ],
)
def test_a_published_address_verifies_without_dns(tmp_path: Path, client: Any, user_agent: Any) -> None:
    action, reason = only(crawled(tmp_path, client, user_agent).decide(0, 0))
    assert action == "count" and "published address, list read" in reason


def test_a_stranger_at_such_addresses_is_not_exempt(tmp_path: Path) -> None:
    action, reason = only(crawled(tmp_path, "15.177.3.4", "curl/8.5").decide(0, 0))
    assert action == "block" and "Route 53" not in reason


def test_a_refuted_crawler_is_not_exempt(tmp_path: Path) -> None:
    action, reason = only(crawled(tmp_path / "a").decide(0, 0, identifier=Identifier(NOW, NOTHING)))
    assert action == "block"
    assert "it calls itself Googlebot, which is refuted (it has no DNS name)" in reason
    quiet = crawled(tmp_path / "b", is_attack=False)
    assert only(quiet.decide(0, 0, identifier=Identifier(NOW, NOTHING)))[0] == "challenge"
    unknown = crawled(tmp_path / "c", is_attack=False)
    action, reason = only(unknown.decide(0, 0))
    assert action == "count" and "which is not verified (DNS is not asked)" in reason


def test_a_repeated_decision_uses_the_stored_evidence(tmp_path: Path) -> None:
    world = crawled(tmp_path)
    before = world.decide(0, 0, identifier=Identifier(NOW, GENUINE))
    assert [row["verdict"] for row in world.lake.read_arrow(BOT_IDENTITIES).to_pylist()] == [VERIFIED]
    version = world.lake.version(BOT_IDENTITIES)
    refuting = Names({}, {})
    assert world.decide(0, 0, identifier=Identifier(NOW + timedelta(days=3), refuting)) == before
    assert refuting.asked == [] and world.lake.version(BOT_IDENTITIES) == version


def test_only_claimants_to_be_acted_upon_are_identified(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.visit(0, 20, client="45.84.0.1", user_agent=GOOGLE_AGENT)
    world.attack(0, client="45.84.0.2")
    world.attack(0, client="45.84.0.3", user_agent=GOOGLE_AGENT)
    world.deliver()
    names = Names({}, {})
    world.decide(0, 0, identifier=Identifier(NOW, names))
    assert names.asked == ["45.84.0.3"]


def test_a_verified_crawlers_network_is_not_challenged(tmp_path: Path) -> Any:
    def rotating(folder: Any, network: str, user_agent: str) -> World:
        world = World(folder)
        for number in range(1, 6):
            world.visit(0, 25, client=f"{network}.{number}", status=404, user_agent=user_agent)
        world.deliver()
        return world

    world = rotating(tmp_path / "a", "66.249.66", GOOGLE_AGENT)
    assert only(world.decide(0, 0))[0] == "count"
    world = rotating(tmp_path / "b", "54.183.255", "curl/8.5")
    action, reason = only(world.decide(0, 0))
    assert action == "count" and "holds addresses of Route 53 health check" in reason
    names = Names(
        {f"45.83.1.{n}": [f"c{n}.googlebot.com"] for n in range(1, 6)},
        {f"c{n}.googlebot.com": [f"45.83.1.{n}"] for n in range(1, 6)},
    )
    world = rotating(tmp_path / "c", "45.83.1", GOOGLE_AGENT)
    assert only(world.decide(0, 0, identifier=Identifier(NOW, names)))[0] == "count"
    assert len(names.asked) == 3
    world = rotating(tmp_path / "d", "45.83.1", GOOGLE_AGENT)
    assert only(world.decide(0, 0, identifier=Identifier(NOW, NOTHING)))[0] == "challenge"


def test_the_policy_says_what_a_verified_bot_gets(tmp_path: Path) -> None:
    world = crawled(tmp_path)
    rules = replace(world.policy.rules, verified_bots=replace(world.policy.rules.verified_bots, at_most="none"))
    world.policy = Policy(rules=rules)
    assert world.decide(0, 0, identifier=Identifier(NOW, GENUINE)) == []


# --- the system's resolver ---------------------------------------------------------------------------------------------


def test_the_resolver_tells_absence_from_silence(monkeypatch: pytest.MonkeyPatch) -> Any:
    def fails(error: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> None:
            raise error

        return call

    resolver = SystemResolver(5)
    monkeypatch.setattr(
        identity.socket, "gethostbyaddr", lambda address: ("a.example", ["b.example", "1.in-addr.arpa"], [])
    )
    assert list(resolver.names("45.83.1.2")) == ["a.example", "b.example"]
    monkeypatch.setattr(identity.socket, "getaddrinfo", lambda *a, **o: [(0, 0, 0, "", ("45.83.1.2", 0))] * 2)
    assert list(resolver.addresses("a.example")) == ["45.83.1.2"]
    monkeypatch.setattr(identity.socket, "gethostbyaddr", fails(socket.herror(1, "Unknown host")))
    assert list(resolver.names("45.83.1.2")) == []
    monkeypatch.setattr(identity.socket, "getaddrinfo", fails(socket.gaierror(socket.EAI_NONAME, "unknown")))
    assert list(resolver.addresses("a.example")) == []
    for error in (socket.herror(2, "try again"), OSError("unreachable")):
        monkeypatch.setattr(identity.socket, "gethostbyaddr", fails(error))
        with pytest.raises(NoAnswerError):
            resolver.names("45.83.1.2")
    monkeypatch.setattr(identity.socket, "getaddrinfo", fails(socket.gaierror(socket.EAI_AGAIN, "try again")))
    with pytest.raises(NoAnswerError):
        resolver.addresses("a.example")


def test_a_lookup_that_hangs_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(identity.socket, "gethostbyaddr", lambda address: (str(released.wait(30)), [], []))
    with pytest.raises(NoAnswerError):
        SystemResolver(0.05).names("45.83.1.2")
    released.set()
