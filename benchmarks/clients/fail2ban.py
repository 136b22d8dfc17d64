"""fail2ban's web logs -> CloudFront lines -> rows as the client model reads them.

fail2ban keeps sample lines for each of its filters, each with the filter's expected verdict (`failJSON`). A line that
quotes its request is rendered as a CloudFront line; Apache's error log names the file instead, and below a document root
that is the path of a GET. Lines without a request (a failed SSL handshake, a broken request line, which CloudFront answers
itself) are counted and left out. A client is one address of one file, and abuses where a filter names it for any line of
the file. The samples are single lines, while fail2ban acts on repetition: each client is measured as it stands, and again
with its lines repeated, ten seconds apart, until there are as many as fail2ban requires by default.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from benchmarks.clients.days import client_frame
from benchmarks.clients.page import RULES, share
from benchmarks.requests.render import Delivery, Wire, log_line, write_log
from weir_models.client_abuse import evaluation
from weir_models.client_abuse.model import ClientAbuse

FOLDER = "edge/fail2ban-tests/fail2ban/tests/files/logs"
MAX_RETRY = 5
"""Matches within ten minutes after which fail2ban's shipped jail.conf bans, where a jail says no other."""

UNSEEN = {
    "apache-fakegooglebot": "only reverse DNS tells it from the true one",
    "apache-pass": "a knock that opens a gate, no attack",
    "apache-nohome": "a missing home folder; the path is lost",
    "nginx-limit-req": "detected by nginx's own counter, of which one line is shown",
}
"""Filters whose verdict depends on something outside of the lines."""

_ACCESS = re.compile(
    r'(?P<host>[0-9a-fA-F.:]+)(?::\d+)? .*?"(?P<request>[A-Z]+ \S+(?: HTTP/[\d.]+)?)" (?P<status>\d{3}) \S+'
    r'(?: "(?P<referer>[^"]*)" "(?P<agent>[^"]*)")?'
)
_HAPROXY = re.compile(
    r'haproxy\[\d+\]: (?:::ffff:)?(?P<host>\S+):\d+ \[.*? (?P<status>\d{3}) \d+ .*"(?P<request>[A-Z]+ \S+ HTTP/[\d.]+)"'
)
_NGINX_ERROR = re.compile(
    r'(?P<error>\[\w+\] .*), client: (?P<host>[^,]+), server: .*?request: "(?P<request>[A-Z]+ \S+ HTTP/[\d.]+)"'
    r'(?:.*referrer: "(?P<referer>[^"]*)")?'
)
_APACHE_ERROR = re.compile(
    r"\[client (?P<host>[0-9a-fA-F.:]+?)(?::\d{4,5})?\] (?:AH\d+: )?(?P<error>File does not exist: |script not found or unable to stat: "
    r"|script '|client denied by server configuration: |invalid URI path \(|Invalid URI in request GET )"
    r"(?:/var/www/html|/var/www|/\S*?/public_html|/\S*(?=/cgi-bin/))?(?P<path>/[^\s',)]+)(?:.*referer: (?P<referer>\S+))?"
)
_STATUS = (
    ("does not exist", 404), ("unable to stat", 404), ("script '", 404), ("client denied", 403), ("nvalid URI", 400),
    ("forbidden", 403), ("delaying", 200), ("limiting", 503), ("No such file", 404), ("not found (2", 404),
    ("password mismatch", 401), ("was not found in", 401), ("not authenticated", 401),
)  # fmt: skip
"""Text in the error logs of nginx and Apache -> status of the response."""


@dataclass(frozen=True)
class Line:
    """The request of a sample line."""

    host: str
    method: str
    uri: str
    status: int
    referer: str
    agent: str


@dataclass(frozen=True)
class Sampled:
    """One address of one file."""

    source: str
    host: str
    is_abuse: bool
    lines: tuple[Line, ...]


def read(folder: Path) -> tuple[list[Sampled], int]:
    """The clients of all sample files with web requests, and the count of their annotated lines without one."""
    sampled, left_out = [], 0
    for file in sorted(path for path in (folder / FOLDER).iterdir() if path.is_file()):
        clients: dict[str, list[Line]] = {}
        matched: set[object] = set()
        without = 0
        for verdict, text in _annotated(file.read_text(encoding="utf-8", errors="surrogateescape")):
            if verdict.get("match"):
                matched.add(verdict.get("host"))
            line = _request(text)
            if line is None:
                without += 1
            else:
                clients.setdefault(line.host, []).append(line)
        if clients:
            left_out += without
            sampled += [Sampled(file.name, host, host in matched, tuple(lines)) for host, lines in clients.items()]
    return sampled, left_out


def _annotated(text: str) -> Iterator[tuple[dict[str, object], str]]:
    verdict = None
    for line in text.splitlines():
        if line.startswith("# failJSON:"):
            verdict = json.loads(line.partition(":")[2])
        elif line and not line.startswith("#") and verdict is not None:
            yield verdict, line
            verdict = None


def _request(text: str) -> Line | None:
    """The request that a log line quotes; None where it quotes none."""
    for pattern in (_HAPROXY, _APACHE_ERROR, _NGINX_ERROR, _ACCESS):
        match = pattern.search(text)
        if match is None:
            continue
        parts = match.groupdict()
        status = int(parts.get("status") or next((code for words, code in _STATUS if words in parts["error"]), 0))
        method, uri = parts["request"].split()[:2] if "request" in parts else ("GET", parts["path"])
        if status and uri.startswith("/"):
            return Line(parts["host"], method, uri, status, parts.get("referer") or "", parts.get("agent") or "")
    return None


def render(clients: list[Sampled], at_least: int, folder: Path) -> dict[str, Sampled]:
    """Write the clients' lines as one hour of a log, each address in a network of its own; returns CIDR -> client."""
    places: dict[str, Sampled] = {}
    lines: list[str] = []
    start = datetime(2026, 11, 20, 10, tzinfo=UTC)
    for number, client in enumerate(clients):
        address = f"{20 + number // 250}.{number % 250}.7.7"
        places[f"{address}/32"] = client
        for turn in range(max(at_least, len(client.lines))):
            line = client.lines[turn % len(client.lines)]
            path, _, query = line.uri.partition("?")
            wire = Wire(line.method, path, query, line.agent.strip("-"), line.referer.strip("-"))
            delivery = Delivery(start + timedelta(seconds=10 * (turn % 360)), address, str(line.status))
            lines.append(log_line(wire, delivery, len(lines)))
    write_log(folder, f"{start:%Y-%m-%d-%H}", lines)
    return places


def score(clients: list[Sampled], at_least: int, fitted: ClientAbuse, model_dir: Path) -> pd.DataFrame:
    """One row a client: its file, its label, and the verdicts of the model and the naive rules about its hour."""
    with tempfile.TemporaryDirectory() as scratch:
        places = render(clients, at_least, Path(scratch) / "raw")
        rows = client_frame(Path(scratch) / "raw", scratch, model_dir)
    rows = rows[rows["client"].isin(set(places))].reset_index(drop=True)
    sources = [(places[client].source, places[client].is_abuse) for client in rows["client"]]
    verdicts = {"model": fitted.predict(rows)["is_abuse"], **evaluation.naive_rules(rows)}
    return pd.DataFrame(sources, columns=["source", "is_abuse"]).assign(**{rule: verdicts[rule] for rule in RULES})


def tables(fitted: ClientAbuse, data: Path, model_dir: Path) -> dict[str, pd.DataFrame]:
    """The results over all files, and file by file; empty where the files are missing."""
    if not (data / FOLDER).is_dir():
        return {}
    clients, left_out = read(data)
    once, repeated = (score(clients, at_least, fitted, model_dir) for at_least in (1, MAX_RETRY))
    rows = []
    for title, frame in {"as it stands": once, "repeated": repeated}.items():
        seen = frame[~frame["source"].isin(UNSEEN)]
        for group, part in {"all filters": frame, "filters whose verdict the lines hold": seen}.items():
            for rule, name in RULES.items():
                flagged, truth = part[rule], part["is_abuse"]
                rows.append(
                    {
                        "lines": title,
                        "clients of": group,
                        "rule": name,
                        "precision %": share(int(truth[flagged].sum()), int(flagged.sum())),
                        "recall %": share(int(flagged[truth].sum()), int(truth.sum())),
                    }
                )
    files = []
    for source, part in repeated.groupby("source"):
        abusive, before = part["is_abuse"], once[once["source"] == source]
        files.append(
            {
                "file": f"`{source}`",
                "abusive clients": int(abusive.sum()),
                "found as they stand": int((before["model"] & before["is_abuse"]).sum()),
                "found repeated": int((part["model"] & abusive).sum()),
                "by any attack request": int((part["any_attack"] & abusive).sum()),
                "others": int((~abusive).sum()),
                "of these flagged": int((part["model"] & ~abusive).sum()),
                "note": UNSEEN.get(str(source), ""),
            }
        )
    files.append({**dict.fromkeys(files[0], ""), "file": f"{left_out} annotated lines without a request were left out"})
    return {"fail2ban": pd.DataFrame(rows), "fail2ban_clients": pd.DataFrame(files)}
