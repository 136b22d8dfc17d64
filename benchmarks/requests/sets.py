"""The public sets as labeled requests: label, class, and whether an access log shows the attack.

Read in place from the folder of WEIR_EVAL_DATA; nothing of them is copied, and no model is fitted on them.
"""

from __future__ import annotations

import base64
import csv
import random
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, unquote_plus, urlsplit

import yaml

from benchmarks.requests.render import AGENTS, Wire, placed

csv.field_size_limit(10_000_000)


@dataclass(frozen=True)
class Labeled:
    """One request of a set."""

    wire: Wire
    is_attack: bool
    attack_class: str | None
    is_visible: bool = True
    """Whether path, query, referer, user agent or method can show the attack; bodies and other headers are not logged."""
    is_evident: bool = True
    """False where the set labels an attack in which a rule here, written without the model, finds none."""


@dataclass(frozen=True)
class EvalSet:
    """A public set, its reader, and the bars that it counts for."""

    name: str
    folder: str
    read: Callable[[Path], Iterator[Labeled]]
    in_attack_bar: bool = False
    fpr_bar: float | None = None
    inspected: bool = True
    """False where nobody inspected errors on it while the model was written."""


def _wire_value(value: str) -> str:
    return quote(value.encode("utf-8", "surrogateescape"), safe="")


def _sent(value: str) -> str:
    """Encode only the characters of a value that a query string cannot hold."""
    return "".join(c if c.isascii() and c.isprintable() and c not in ' #&"<>' else quote(c, safe="") for c in value)


def httpparams(root: Path) -> Iterator[Labeled]:
    """Parameter values; the benign ones come from CSIC 2010."""
    names = {"sqli": "sqli", "xss": "xss", "path-traversal": "path_traversal", "cmdi": "command_injection"}
    rng = random.Random(1)
    with (root / "payload_full.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            kind = row["attack_type"]
            yield Labeled(placed(rng, _wire_value(row["payload"])), kind != "norm", names.get(kind))


def grananqvist(root: Path) -> Iterator[Labeled]:
    """Payload strings, many of them already in the form of a query string."""
    names = {"XSS": "xss", "SQL": "sqli", "SHELL": "command_injection"}
    rng = random.Random(2)
    with (root / "data" / "payloads.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            kind = names.get(row["injection_type"])
            yield Labeled(placed(rng, _sent(row["payload"])), kind is not None, kind)


def libinjection(root: Path) -> Iterator[Labeled]:
    """Lines of user input as in a query string: files of attacks, by name, and strings that were once false alarms."""
    rng = random.Random(3)
    for path in sorted((root / "data").glob("*.txt")):
        kind = next((k for k in ("sqli", "xss") if f"{k}-" in path.name), None)
        for line in path.read_text(encoding="utf-8", errors="surrogateescape").split("\n"):
            line = line.rstrip("\r")
            if line.strip() and not line.startswith("#"):
                yield Labeled(placed(rng, _sent(line)), kind is not None, kind)


GOTESTWAF_CLASSES = {
    "CRLF Injection": "protocol_abuse", "LDAP Injection": "sqli", "Mail Injection": "protocol_abuse", "NoSQL Injection": "sqli",
    "Path Traversal": "path_traversal", "LFI": "path_traversal", "community-lfi-multipart": "path_traversal", "RCE": "command_injection",
    "Shell": "command_injection", "RawRequest test": "command_injection", "SQL Injection": "sqli", "SS Injection": "command_injection",
    "SST Injection": "template_injection", "XSS": "xss", "XXE": "xxe_and_ssrf", "GraphQL": "scanner_probe", "UserAgent": "scanner_probe",
    "REST non-CRUD": "protocol_abuse",
}  # fmt: skip


ASIDE_BIT = 6
"""Of the checksum of a payload: the lowest bit that puts the payloads whose errors were seen into the other half."""


def gotestwaf(root: Path) -> Iterator[Labeled]:
    """The half of gotestwaf whose errors may be looked at."""
    return _gotestwaf(root, is_aside=False)


def gotestwaf_aside(root: Path) -> Iterator[Labeled]:
    """The other half, by a checksum of the payload: of it, shares alone are looked at."""
    return _gotestwaf(root, is_aside=True)


def _gotestwaf(root: Path, is_aside: bool) -> Iterator[Labeled]:
    """Every payload with every encoder in every placeholder; bodies and other headers are not logged."""
    rng = random.Random(4)
    for path in sorted((root / "testcases").rglob("*.yml")):
        case = yaml.safe_load(re.sub(r"\\'", "'", path.read_text(encoding="utf-8")))
        benign = path.parent.name == "false-pos"
        kind = None if benign else GOTESTWAF_CLASSES.get(str(case.get("type")), _size_class(str(case.get("type"))))
        for payload in map(str, case["payload"]):
            if bool(zlib.crc32(payload.encode("utf-8", "surrogatepass")) >> ASIDE_BIT & 1) != is_aside:
                continue
            for encoder in case["encoder"]:
                for holder in case["placeholder"]:
                    place = holder if isinstance(holder, str) else next(iter(holder))
                    if isinstance(holder, dict) and holder.get("GraphQL", {}).get("method") == "GET":
                        place = "URLParam"
                    wire = _gotestwaf_wire(rng, payload, encoder, place)
                    yield Labeled(wire or placed(rng, ""), not benign, kind, wire is not None)


def _size_class(kind: str) -> str:
    return "sqli" if "SQL" in kind else "xss" if "XSS" in kind else "command_injection"


def _gotestwaf_wire(rng: random.Random, payload: str, encoder: str, place: str) -> Wire | None:
    if encoder == "Base64Flat":
        value = base64.b64encode(payload.encode("utf-8", "surrogatepass")).decode().rstrip("=")
    elif encoder == "URL":
        value = _wire_value(payload)
    else:
        value = payload
    agent = rng.choice(AGENTS)
    if place == "URLParam":
        return Wire("GET", "/", f"{rng.randbytes(5).hex()}={value}", agent, None, value)
    if place == "URLPath":
        return Wire("GET", "/" + value.removeprefix("/"), None, agent, None, value)
    if place == "UserAgent":
        return Wire("GET", "/", None, payload, None, payload)
    return None


CSIC_PAYLOAD = re.compile(
    r"""<\W*\w|[\r\n]|\.\.[/\\]|javascript:|\b(?:or|and)\s+\d+\s*=|;\s*\w+\s
    |['"][^'"\w]{0,10}(?:\b(?:x?or|and|union|select|insert|delete|drop|update|having|exec)\b|[=;]|--)
    |\b(?:select|drop|delete|insert|union)\b.{1,60}\b(?:from|table|into|all)\b""",
    re.IGNORECASE | re.VERBOSE,
)
CSIC_COPY = re.compile(r"(?:\.(?:bak|old|inc)|~)/?$", re.IGNORECASE)


def csic(root: Path) -> Iterator[Labeled]:
    """Raw requests to one shop. "Anomalous" are three kinds by its authors: attacks, requests for pages that are not
    there, and "unintentional illegal requests" without malice. An anomaly is evident where the decoded address holds
    markup, a line end, a step up, a quote that breaks into SQL, a statement or a second command, or where the path
    asks for a left-over copy (.bak, .old, .inc, ~). A renamed parameter (`idA=2`), a stray character in a name and a
    page that only this shop lacks are not: no text shows them, so they are counted in a row of their own."""
    for name, is_attack in (("norm_test.txt", False), ("anomal_test.txt", True)):
        text = (root / name).read_text(encoding="utf-8", errors="replace")
        for raw in re.split(r"(?m)^(?=(?:GET|POST|PUT) http)", text):
            if not raw.strip():
                continue
            head = raw.split("\n", 1)[0].split(" ")
            address = urlsplit(head[1])
            agent = re.search(r"(?m)^User-Agent: (.*)$", raw)
            visible = not is_attack or bool(address.query) or head[0] == "GET"
            wire = Wire(head[0], address.path, address.query or None, agent.group(1).strip() if agent else None, None)
            text = unquote_plus(f"{address.path}?{address.query}", encoding="latin-1")
            evident = not is_attack or bool(CSIC_PAYLOAD.search(text) or CSIC_COPY.search(unquote(address.path)))
            yield Labeled(wire, is_attack, "anomaly" if is_attack else None, visible, evident)


PLAIN = re.compile(r"^[A-Za-z0-9/._\-=&?%+:,~@#!;\x80-\U0010ffff]*$")
PLAIN_AGENT = re.compile(r"^[A-Za-z0-9/._\-=&?+:,;()\[\] ]*$")


def ccf(root: Path) -> Iterator[Labeled]:
    """Requests that a production WAF saw. An attack with a body is not visible where nothing but plain URL characters
    stands in address and referer and the user agent is that of a program with no word of scanning in it."""
    names = {"0": None, "3": "remote_code", "4": "command_injection", "5": "xss"}
    for path in sorted((root / "data" / "train").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                kind = names[row["lable"]]
                text = unquote(unquote(row["url"] + " " + row["refer"]))
                agent = row["user_agent"]
                plain = bool(PLAIN.match(text.replace(" ", "", 1))) and ".." not in text
                plain = plain and bool(PLAIN_AGENT.match(agent)) and "scan" not in agent.lower()
                visible = not (plain and row["body"] and row["method"] in ("GET", "POST", "HEAD"))
                where, _, query = row["url"].partition("?")
                wire = Wire(row["method"], where or "/", query or None, agent or None, row["refer"] or None)
                yield Labeled(wire, kind is not None, kind, visible)


APACHE = re.compile(r'^(\S+) \S+ \S+ \[[^\]]+\] "(\S+) (\S+)[^"]*" (\d{3}) \S+ "([^"]*)" "(.*)"$')


def elastic(root: Path) -> Iterator[Labeled]:
    """A real site's access log, all of it labeled benign; the few probes in it count as false alarms."""
    path = root / "Common Data Formats" / "apache_logs" / "apache_logs"
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        match = APACHE.match(line)
        if match:
            where, _, query = match.group(3).partition("?")
            referer, agent = match.group(5), match.group(6)
            known = [None if text == "-" else text for text in (agent, referer)]
            yield Labeled(Wire(match.group(2), where, query or None, *known), False, None)


FRIENDLY_BOTS = frozenset(
    "Search bot,Feed Fetcher,Feed Parser,Feed Reader,Site Monitor,Validator,Social Media Agent,Service Agent".split(",")
)
"""Categories of device-detector whose bots are welcome; "Security Checker" and bare "Crawler" include scanners."""


def user_agents(root: Path) -> Iterator[Labeled]:
    """User agents of browsers and of known friendly bots, each on the front page: none is an attack."""
    listed = yaml.safe_load((root / "isbot" / "fixtures" / "browsers.yml").read_text(encoding="utf-8"))
    agents = [agent for group in listed.values() for agent in group]
    bots = yaml.safe_load((root / "device-detector" / "Tests" / "fixtures" / "bots.yml").read_text(encoding="utf-8"))
    agents += [bot["user_agent"] for bot in bots if bot["bot"].get("category") in FRIENDLY_BOTS]
    for agent in sorted(set(map(str, agents))):
        yield Labeled(Wire("GET", "/", None, agent, None, agent), False, None)


SETS = (
    EvalSet("httpparams", "httpparams", httpparams, in_attack_bar=True, fpr_bar=0.005),
    EvalSet("gotestwaf", "gotestwaf", gotestwaf, in_attack_bar=True, fpr_bar=0.05),
    EvalSet("gotestwaf-aside", "gotestwaf", gotestwaf_aside, in_attack_bar=True, fpr_bar=0.05, inspected=False),
    EvalSet("ccf", "ccf-bdci2022-webattack", ccf, in_attack_bar=True, fpr_bar=0.01),
    EvalSet("libinjection", "libinjection", libinjection, in_attack_bar=True, fpr_bar=0.05),
    EvalSet("csic", "csic2010-partial", csic, fpr_bar=0.005),
    EvalSet("elastic-examples-weblogs", "elastic-examples-weblogs", elastic, fpr_bar=0.0005),
    EvalSet("grananqvist-payloads", "grananqvist-payloads", grananqvist, inspected=False),
    EvalSet("user-agents", "ua-lists", user_agents, inspected=False),
)
