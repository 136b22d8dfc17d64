"""Probers: clients that try one class of attack on the site, with a tool or by hand.

The payloads are in `payloads/`; OWASP Automated Threats: OAT-014 vulnerability scanning, targeted variant.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from simulator.actors import attacks
from simulator.payloads import commands, fetching, injected_objects, php, protocol, sqli, templates, traversal, xss
from simulator.payloads.aim import Aim, Shot
from simulator.web import agents
from simulator.web.families import Family
from simulator.web.stage import Stage


@dataclass(frozen=True)
class Probe:
    """The behavior of one family: payloads, pace, length, user agent, number."""

    attack_class: str
    shoot: Callable[[Random, Aim], Shot]
    pace: attacks.Gap
    requests: int
    agent: Callable[[Random], str]
    source: str
    held_out: bool = False
    a_day: float = 2.0
    guessing: float = 0.3
    """Share of shots at scripts that the site may not have."""
    looks: float = 0.15
    """Share of requests that anybody might make."""
    stack: str = "tool"
    plain: float = 0.0
    """Share of such clients that never speak TLS."""

    @property
    def name(self) -> str:
        module = {"sqli": "sqli", "xss": "xss"}.get(self.attack_class, self.attack_class.split("_")[0])
        return f"prober_{module}_{self.shoot.__name__}"


def probe(settings: Probe, stage: Stage) -> None:
    """Each prober looks at a few pages, then shoots at its pace, with ordinary requests in between."""
    rng = stage.rng
    aim = Aim(stage.site, settings.guessing)
    for _ in range(stage.actors(settings.a_day)):
        agent = settings.agent(rng)
        like_browser = settings.pace is attacks.by_hand
        stack = "plain" if rng.random() < settings.plain else ("browser" if like_browser else settings.stack)
        client = stage.suspect(agent, stack)
        length = stage.volume(max(3, int(settings.requests * rng.lognormvariate(-0.1, 0.5))))
        at = stage.burst_start(length * 4.0)
        if settings.looks and rng.random() < 0.8:
            at = attacks.look_around(stage, client, at, rng.randrange(1, 5), settings.pace, like_browser)
        for _ in range(length):
            at += settings.pace(rng)
            if rng.random() < settings.looks:
                at = attacks.look_around(stage, client, at, 1, settings.pace, like_browser and rng.random() < 0.5)
            else:
                attacks.fire(stage, client, at, settings.shoot(rng, aim), settings.attack_class)


def _fixed(*names: str) -> Callable[[Random], str]:
    return lambda rng: rng.choice(names)


_SQLMAP = _fixed("sqlmap/1.8.4#stable (https://sqlmap.org)", "sqlmap/1.9.3.1#dev (https://sqlmap.org)", "sqlmap/1.7.2#stable (https://sqlmap.org)")

PROBES = (
    Probe("sqli", sqli.sqlmap, attacks.brisk, 130, lambda rng: _SQLMAP(rng) if rng.random() < 0.5 else agents.desktop(rng),
    "sqlmap manual: BEUSTQ techniques, --random-agent, --tamper", a_day=3, guessing=0.1, looks=0.04),
    Probe("sqli", sqli.by_hand, attacks.by_hand, 30, agents.desktop, "PortSwigger Web Security Academy, SQL injection by hand", a_day=4,
    guessing=0.1, looks=0.35),
    Probe("sqli", sqli.commented, attacks.measured, 45, attacks.any_agent, "OWASP: SQL injection bypassing WAF", guessing=0.3),
    Probe("sqli", sqli.mass, attacks.brisk, 40, agents.old_browser, "Havij-type mass injection in SANS ISC diaries", a_day=4, guessing=0.2),
    Probe("sqli", sqli.timed, attacks.measured, 50, attacks.any_agent, "Acunetix and ghauri time-based probes as logged", held_out=True, a_day=3),
    Probe("sqli", sqli.nosql, attacks.by_hand, 25, agents.desktop, "NoSQLMap, PortSwigger NoSQL injection", held_out=True, a_day=3, guessing=0.2),
    Probe("xss", xss.script_tags, attacks.by_hand, 24, agents.browser, "OWASP XSS filter evasion sheet; bug-bounty beginners", a_day=4, guessing=0.1,
    looks=0.35),
    Probe("xss", xss.handlers, attacks.brisk, 110, attacks.any_agent, "dalfox and XSStrike documentation", guessing=0.1),
    Probe("xss", xss.stealers, attacks.dripping, 12, agents.desktop, "XSS Hunter write-ups", guessing=0.2, looks=0.3),
    Probe("xss", xss.polyglots, attacks.measured, 25, attacks.any_agent, "0xSobky's polyglot and derivatives"),
    Probe("xss", xss.mutations, attacks.measured, 40, attacks.any_agent, "PortSwigger XSS cheat sheet, mutation XSS papers", held_out=True, a_day=3),
    Probe("xss", xss.script_addresses, attacks.by_hand, 20, agents.desktop, "PortSwigger DOM XSS, AngularJS sandbox escapes", held_out=True, a_day=3,
    looks=0.3),
    Probe("path_traversal", traversal.parameters, attacks.hammering, 140, attacks.any_agent, "DotDotPwn, ffuf with LFI lists", guessing=0.5),
    Probe("path_traversal", traversal.aliases, attacks.brisk, 14, attacks.any_agent, "CVE-2021-41773 scans in the wild", a_day=6, looks=0.02,
    plain=0.3),
    Probe("path_traversal", traversal.wrappers, attacks.measured, 25, agents.desktop, "PHP LFI write-ups, php://filter", guessing=0.7),
    Probe("path_traversal", traversal.process_files, attacks.by_hand, 16, agents.desktop, "LFI to RCE by log poisoning write-ups", looks=0.25),
    Probe("path_traversal", traversal.backslashes, attacks.brisk, 40, attacks.any_agent, "IIS traversal scans, CVE-2017-9822 era", held_out=True,
    a_day=3),
    Probe("path_traversal", traversal.overlong, attacks.brisk, 50, agents.old_browser, "OWASP path traversal: encodings; MS00-078 descendants",
    held_out=True, a_day=3),
    Probe("command_injection", commands.separators, attacks.brisk, 70, attacks.any_agent, "commix documentation", guessing=0.5),
    Probe("command_injection", commands.droppers, attacks.dripping, 3, lambda rng: rng.choice(("Hello, world", "Hello, World", "Mozilla/5.0",
    "Hakai/2.0", "python-requests/2.25.1", "r00ts3c-owned-you", "")), "Mozi and Mirai captures in honeypot papers", a_day=14, looks=0.0, stack="old",
    plain=0.5),
    Probe("command_injection", commands.callbacks, attacks.measured, 45, attacks.any_agent, "interactsh and Burp Collaborator scans"),
    Probe("command_injection", commands.powershell, attacks.measured, 20, agents.desktop, "PowerShell cradles in incident reports"),
    Probe("command_injection", commands.shellshock, attacks.brisk, 9, lambda rng: "Mozilla/5.0", "CVE-2014-6271 scans, still seen", held_out=True,
    a_day=5, looks=0.05, plain=0.3),
    Probe("command_injection", commands.evasions, attacks.by_hand, 25, agents.desktop, "WAF-evasion write-ups (wildcards, IFS)", held_out=True,
    a_day=3, looks=0.25),
    Probe("template_injection", templates.arithmetic, attacks.brisk, 45, attacks.any_agent, "tplmap, PortSwigger SSTI decision tree", guessing=0.15),
    Probe("template_injection", templates.jinja, attacks.by_hand, 18, agents.desktop, "Jinja2 SSTI write-ups", looks=0.25),
    Probe("template_injection", templates.engines, attacks.measured, 25, attacks.any_agent, "SSTI chains for Freemarker, Twig, Velocity"),
    Probe("template_injection", templates.expressions, attacks.brisk, 16, attacks.any_agent, "Struts S2-045, Confluence CVE-2022-26134 scans",
    held_out=True, a_day=5, looks=0.05),
    Probe("template_injection", templates.embedded, attacks.measured, 22, agents.desktop, "ERB, EJS, Pug, Handlebars SSTI write-ups", held_out=True,
    a_day=2),
    Probe("jndi_and_deserialisation", injected_objects.plain, attacks.brisk, 14, attacks.any_agent, "Log4Shell scans of December 2021 and since", a_day=6,
    looks=0.02),
    Probe("jndi_and_deserialisation", injected_objects.cased, attacks.measured, 18, agents.old_browser, "Log4Shell WAF bypasses, first wave", a_day=3),
    Probe("jndi_and_deserialisation", injected_objects.environment, attacks.measured, 14, attacks.any_agent, "Log4Shell environment leaks by DNS"),
    Probe("jndi_and_deserialisation", injected_objects.java_objects, attacks.brisk, 16, attacks.any_agent, "ysoserial in the wild (JSF view state, Shiro)"),
    Probe("jndi_and_deserialisation", injected_objects.defaulted, attacks.measured, 18, agents.desktop, "Log4Shell bypasses by default values", held_out=True,
    a_day=4),
    Probe("jndi_and_deserialisation", injected_objects.other_objects, attacks.measured, 18, attacks.any_agent,
    "phpggc, ysoserial.net, pickle and node-serialize write-ups", held_out=True, a_day=3),
    Probe("xxe_and_ssrf", fetching.metadata, attacks.brisk, 25, attacks.any_agent, "cloud metadata theft write-ups", a_day=3, guessing=0.4),
    Probe("xxe_and_ssrf", fetching.inside, attacks.hammering, 70, attacks.any_agent, "SSRFmap port scans", guessing=0.4),
    Probe("xxe_and_ssrf", fetching.blind, attacks.measured, 35, agents.desktop, "bug-bounty SSRF with collaborator", guessing=0.3),
    Probe("xxe_and_ssrf", fetching.entities, attacks.by_hand, 14, agents.desktop, "OWASP XXE prevention sheet, in reverse", looks=0.2),
    Probe("xxe_and_ssrf", fetching.other_protocols, attacks.measured, 30, attacks.any_agent, "Gopherus, alternative IP notations", held_out=True,
    a_day=3),
    Probe("xxe_and_ssrf", fetching.disguises, attacks.by_hand, 20, agents.desktop, "PortSwigger: URL validation bypass", held_out=True, a_day=2,
    looks=0.25),
    Probe("php_and_webshell", php.hunters, attacks.brisk, 70, attacks.any_agent, "web-shell hunters in WordPress honeypots", a_day=6, looks=0.01,
    plain=0.2),
    Probe("php_and_webshell", php.thinkphp, attacks.measured, 7, agents.old_browser, "ThinkPHP RCE scans", a_day=6, looks=0.05),
    Probe("php_and_webshell", php.components, attacks.hammering, 40,
    lambda rng: rng.choice(("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/78.0.3904.108 Safari/537.36",
    "Custom-AsyncHttpClient", "libredtail-http")), "phpunit CVE-2017-9841 and companions in honeypots", a_day=4, looks=0.0),
    Probe("php_and_webshell", php.plugins, attacks.brisk, 35, attacks.any_agent, "Wordfence plugin exploit bulletins", a_day=3),
    Probe("php_and_webshell", php.evaluated, attacks.measured, 15, agents.old_browser, "China Chopper traffic analyses", held_out=True, a_day=4),
    Probe("php_and_webshell", php.settings, attacks.brisk, 8, attacks.any_agent, "CVE-2024-4577 and pearcmd scans", held_out=True, a_day=6,
    looks=0.02),
    Probe("protocol_abuse", protocol.methods, attacks.brisk, 18, attacks.any_agent, "nmap http-methods, WebDAV scanners; RFC 9110", a_day=3,
    looks=0.1),
    Probe("protocol_abuse", protocol.proxying, attacks.dripping, 5, attacks.any_agent, "open-proxy checkers in honeypots", a_day=8, looks=0.0,
    plain=0.6),
    Probe("protocol_abuse", protocol.excess, attacks.measured, 20, attacks.any_agent, "fuzzers (wfuzz, Burp Intruder) at limits"),
    Probe("protocol_abuse", protocol.line_breaks, attacks.measured, 22, attacks.any_agent, "crlfuzz, OWASP HTTP response splitting", held_out=True,
    a_day=3),
    Probe("protocol_abuse", protocol.stray_bytes, attacks.dripping, 6, attacks.any_agent, "masscan banners and nmap service probes", held_out=True,
    a_day=5, looks=0.05, plain=0.3),
)

FAMILIES = tuple(
    Family("prober", settings.name, partial(probe, settings), settings.source, settings.held_out, abuse_kind="prober") for settings in PROBES
)
