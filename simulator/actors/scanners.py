"""Scanners: tools by name, word lists, and searches for secrets, backups, consoles and appliances.

OWASP Automated Threats OAT-014 (vulnerability scanning) and OAT-018 (footprinting). Paths are in `payloads/probes.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Unpack

from simulator.actors import attacks
from simulator.payloads import commands, fetching, injected_objects, php, probes, protocol, sqli, traversal, xss
from simulator.payloads.aim import Aim, Shot
from simulator.web import agents
from simulator.web.families import Family
from simulator.web.stage import Client, Options, Stage

_PROBE = "scanner_probe"


@dataclass(frozen=True)
class Hunt:
    """How clients of a family look for paths."""

    path: Callable[[Random], str]
    pace: attacks.Gap
    plain: float = 0.0
    """Share of clients without TLS."""
    method: str = "GET"
    agent: Callable[[Random], str] = attacks.any_agent
    by_distribution: float = 0.15
    """Share of clients that use the distribution's own name."""
    on_api: bool = False


_TEMPLATES: tuple[tuple[Callable[[Random, Aim], Shot], str], ...] = (
    (commands.callbacks, "command_injection"), (fetching.blind, "xxe_and_ssrf"), (injected_objects.plain, "jndi_and_deserialisation"),
    (traversal.aliases, "path_traversal"), (php.plugins, "php_and_webshell"), (php.components, "php_and_webshell"),
    (xss.handlers, "xss"), (sqli.by_hand, "sqli"),
)  # fmt: skip

_DIRECTORY_TOOLS = (
    "gobuster/3.6", "gobuster/3.1.0", "DirBuster-1.0-RC1 (http://www.owasp.org/index.php/Category:OWASP_DirBuster_Project)",
    "feroxbuster/2.10.4", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
)  # fmt: skip
"""The last is dirb's default, a browser of 2001."""


def _ask(stage: Stage, client: Client, at: float, path: str, named: bool = False, **options: Unpack[Options]) -> None:
    """Request a path. It is an attack where the agent names a tool, or where nobody else would request the path."""
    attack = _PROBE if named or probes.gives_away(path) else ""
    path, _, query = path.partition("?")
    shot = Shot(path, query, method=options.get("method", "GET"), agent=options.get("agent", ""))
    attacks.fire(stage, client, at, shot, attack, defended=0.06 if attack else 0.0, host=options.get("host", ""))


def nikto(stage: Stage) -> None:
    """Names itself with the number of its test; thousands of paths in a fixed order, injections among them. (Nikto manual)"""
    rng, aim = stage.rng, Aim(stage.site, 0.8)
    for _ in range(stage.actors(1.4)):
        client = stage.server("")
        plain_name = rng.random() < 0.35
        version = rng.choice(("2.1.6", "2.5.0"))
        disguise = agents.desktop(rng)
        length = stage.volume(rng.randrange(900, 1700))
        at = stage.burst_start(length / 9)
        for number in range(length):
            agent = disguise
            if not plain_name:
                test = rng.choice(("map_codes", "Port Check", f"{number:06d}"))
                agent = f"Mozilla/5.00 (Nikto/{version}) (Evasions:None) (Test:{test})"
            at += rng.expovariate(9.0)
            draw = rng.random()
            if draw < 0.08:
                path = rng.choice(("/", "/robots.txt", "/sitemap.xml", "/favicon.ico", probes.random_missing(rng)))
                stage.send(client, at, path, agent=agent, attack="" if plain_name else _PROBE)
            elif draw < 0.14:
                attacks.fire(stage, client, at, _with_agent(xss.script_tags(rng, aim), agent), "xss")
            elif draw < 0.22:
                attacks.fire(stage, client, at, _with_agent(traversal.parameters(rng, aim), agent), "path_traversal")
            elif draw < 0.24:
                attacks.fire(stage, client, at, _with_agent(protocol.methods(rng, aim), agent), "protocol_abuse")
            else:
                known = (probes.wordlist_entry(rng), rng.choice(probes.CONSOLES), rng.choice(probes.CMS))
                script = "/cgi-bin/" + rng.choice(probes.HIDDEN_WORDS) + rng.choice((".cgi", ".pl", ".sh", ".exe"))
                path = rng.choice((*known, script))
                method = "HEAD" if rng.random() < 0.05 else "GET"
                _ask(stage, client, at, path, not plain_name, method=method, agent=agent)


def nuclei(stage: Stage) -> None:
    """Templates at 150 a second by default, a random browser name per request unless told otherwise. (ProjectDiscovery docs)"""
    rng, aim = stage.rng, Aim(stage.site, 0.7)
    for _ in range(stage.actors(2)):
        client = stage.server("", "modern_tool")
        own_name, fixed = rng.random() < 0.25, agents.desktop(rng)
        length = stage.volume(rng.randrange(500, 1200))
        at = stage.burst_start(length / 20)
        for _ in range(length):
            at += rng.expovariate(20.0)
            agent = "Nuclei - Open-source project (github.com/projectdiscovery/nuclei)"
            if not own_name:
                agent = fixed if rng.random() < 0.1 else agents.old_browser(rng)
            draw = rng.random()
            if draw < 0.06:
                stage.send(client, at, "/", agent=agent, attack=_PROBE if own_name else "")
            elif draw < 0.3:
                shoot, attack = rng.choice(_TEMPLATES)
                attacks.fire(stage, client, at, _with_agent(shoot(rng, aim), agent), attack)
            else:
                pages = (rng.choice(probes.CONSOLES), rng.choice(probes.CMS))
                files = (probes.secret(rng), rng.choice(probes.REPOSITORIES))
                _ask(stage, client, at, rng.choice(pages + files), agent=agent)


def gobuster(stage: Stage) -> None:
    """A word list with extensions, in its order, many threads, mostly under its own name. (gobuster README)"""
    rng = stage.rng
    for _ in range(stage.actors(1.4)):
        name = rng.choice(_DIRECTORY_TOOLS)
        client = stage.suspect(name)
        at = stage.burst_start(120)
        for _ in range(stage.volume(rng.randrange(500, 1500))):
            at += rng.expovariate(16.0)
            _ask(stage, client, at, probes.wordlist_entry(rng), named="MSIE" not in name)


def fuzzer(stage: Stage) -> None:
    """ffuf and dirsearch with a browser's name: ordinary words among the hidden ones, so only part of it is an attack."""
    rng = stage.rng
    for _ in range(stage.actors(2)):
        client = stage.suspect(agents.desktop(rng), "modern_tool")
        at = attacks.look_around(stage, client, stage.burst_start(400), rng.randrange(0, 5), attacks.by_hand, True)
        folder = rng.choice(("", "", "/blog", "/api", "/assets"))
        for _ in range(stage.volume(rng.randrange(250, 800))):
            at += rng.expovariate(rng.choice((2.0, 30.0)))
            _ask(stage, client, at, folder + probes.wordlist_entry(rng))


def wpscan(stage: Stage) -> None:
    """Requests readme files of plugins by the hundred, users by number, backups of the configuration. (WPScan docs)"""
    rng = stage.rng
    for _ in range(stage.actors(2)):
        own_names = [
            f"WPScan v{version} (https://wpscan.com/wordpress-security-scanner)" for version in ("3.8.25", "3.8.28")
        ]
        client = stage.server(rng.choice((*own_names, agents.desktop(rng))))
        base = rng.choice(("", "/blog", "/wp", "/wordpress"))
        at = stage.burst_start(100)
        for _ in range(stage.volume(rng.randrange(120, 420))):
            at += rng.expovariate(5.0)
            draw = rng.random()
            if draw < 0.7:
                plugin = rng.choice(probes.PLUGINS)
                path = f"/wp-content/plugins/{plugin}/{rng.choice(('readme.txt', '', 'changelog.txt'))}"
            else:
                path = f"/?author={rng.randrange(1, 12)}" if draw < 0.78 else rng.choice(probes.WORDPRESS)
            _ask(stage, client, at, base + path, method="HEAD" if rng.random() < 0.3 else "GET")


def cms_finders(stage: Stage) -> None:
    """Files that tell which CMS it is, under a dozen folders, over http first. (wlwmanifest scans at SANS ISC)"""
    _hunt(stage, 9, (6, 26), Hunt(lambda rng: rng.choice(probes.CMS), attacks.brisk, plain=0.45))


def secret_hunters(stage: Stage) -> None:
    """.env and similar files in every folder; many addresses, each a few dozen requests. (GreyNoise: env crawlers)"""
    _hunt(stage, 26, (3, 45), Hunt(probes.secret, attacks.brisk, plain=0.35))


def repository_hunters(stage: Stage) -> None:
    """.git/config and other remains of a deployment. (published .git exposure surveys)"""
    _hunt(stage, 13, (1, 12), Hunt(lambda rng: rng.choice(probes.REPOSITORIES), attacks.measured, plain=0.3))


def console_finders(stage: Stage) -> None:
    """Consoles of databases, servers and monitoring. (Shadowserver and GreyNoise tags)"""
    _hunt(stage, 12, (4, 50), Hunt(lambda rng: rng.choice(probes.CONSOLES), attacks.brisk, plain=0.3))


def backup_hunters(stage: Stage) -> None:
    """Archives named after the site, by HEAD, so that nothing is downloaded by mistake. (backup-file scans in abuse reports)"""
    _hunt(stage, 10, (15, 70), Hunt(lambda rng: probes.backup(rng, stage.site), attacks.brisk, method="HEAD"))


def appliance_finders(stage: Stage) -> None:
    """Login pages of VPNs, mail servers, routers and cameras: one or a few requests from each of many addresses. (zgrab-type)"""

    def agent(rng: Random) -> str:
        declared = ("Mozilla/5.0 zgrab/0.x", "Mozilla/5.0 (compatible; CensysInspect/1.1)", "")
        return rng.choice((*declared, agents.old_browser(rng), agents.library(rng)))

    hunt = Hunt(lambda rng: rng.choice(probes.APPLIANCES), attacks.dripping, 0.4, agent=agent, by_distribution=0.5)
    _hunt(stage, 24, (1, 7), hunt)


def document_finders(stage: Stage) -> None:
    """Machine-readable descriptions of an API and its hidden parts. (kiterunner, nuclei exposures)"""
    _hunt(stage, 5, (25, 90), Hunt(lambda rng: rng.choice(probes.API_DOCUMENTS), attacks.measured, on_api=True))


def _hunt(stage: Stage, a_day: float, requests: tuple[int, int], hunt: Hunt) -> None:
    """This many addresses a day, each with its share of paths; some use the name of the distribution."""
    rng, site = stage.rng, stage.site
    for _ in range(stage.actors(a_day)):
        client = stage.suspect(hunt.agent(rng), "plain" if rng.random() < hunt.plain else "tool")
        if rng.random() < hunt.by_distribution:
            host = site.distributions[hunt.on_api][1]
        else:
            host = site.api if hunt.on_api else rng.choice((site.www, site.www, site.apex))
        length = stage.volume(rng.randrange(*requests)) if requests[1] > 20 else rng.randrange(*requests)
        at = stage.burst_start(length * 3.0)
        if rng.random() < 0.5:
            stage.send(client, at, rng.choice(("/", "/", "/robots.txt", "/favicon.ico")), host=host)
        for _ in range(length):
            at += hunt.pace(rng)
            if rng.random() < 0.04:
                stage.send(client, at, "/", host=host)
            else:
                _ask(stage, client, at, hunt.path(rng), method=hunt.method, host=host)


def _with_agent(shot: Shot, agent: str) -> Shot:
    return replace(shot, agent=shot.agent or agent)


FAMILIES = (
    Family("scanner", "scanner_nikto", nikto, "Nikto 2.5 manual: tests, user agent", abuse_kind="scanner"),
    Family("scanner", "scanner_nuclei", nuclei, "ProjectDiscovery nuclei documentation: rate, random agents", abuse_kind="scanner"),
    Family("scanner", "scanner_gobuster", gobuster, "gobuster and dirb: word lists in order, extensions", abuse_kind="scanner"),
    Family("scanner", "scanner_wpscan", wpscan, "WPScan documentation: passive, mixed and aggressive plugin detection", abuse_kind="scanner"),
    Family("scanner", "scanner_cms", cms_finders, "SANS ISC diaries: wlwmanifest and CMS version scans", abuse_kind="scanner"),
    Family("scanner", "scanner_secrets", secret_hunters, "GreyNoise and honeypot write-ups: .env crawlers", abuse_kind="scanner"),
    Family("scanner", "scanner_repositories", repository_hunters, "surveys of exposed .git folders", abuse_kind="scanner"),
    Family("scanner", "scanner_consoles", console_finders, "Shadowserver device and console scans", abuse_kind="scanner"),
    Family("scanner", "scanner_fuzzer", fuzzer, "ffuf and dirsearch with a browser's user agent", held_out=True, abuse_kind="scanner"),
    Family("scanner", "scanner_backups", backup_hunters, "backup-archive scans in abuse reports", held_out=True, abuse_kind="scanner"),
    Family("scanner", "scanner_appliances", appliance_finders, "zgrab-type internet-wide scans for VPN and mail appliances", held_out=True, abuse_kind="scanner"),
    Family("scanner", "scanner_documents", document_finders, "kiterunner; OWASP API9 improper inventory", held_out=True, abuse_kind="scanner"),
)  # fmt: skip
