"""fail2ban's web logs -> CloudFront lines -> rows as the client model reads them.

fail2ban keeps sample lines for each of its filters, each with what the filter must say (`failJSON`). A line that quotes
its request is rendered as a CloudFront line; lines without one (an SSL handshake that failed, a broken request line,
which CloudFront answers itself) are counted and left out. A client is one address of one file, and abuses where a filter
names it for any line of the file. Apache's error log names the file instead: below a document root it is the path of a GET. The samples are single lines, while fail2ban acts on repetition: so each client is measured as
it stands, and again with its lines repeated, ten seconds apart, until there are as many as fail2ban asks for by default.
"""

from __future__ import annotations

import gzip
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.client_days import client_frame
from benchmarks.client_tables import share
from benchmarks.eval_render import FIELDS, aws_encoded
from spark_jobs.storage.lake import Lake
from weir_models.client_abuse import evaluation
from weir_models.client_abuse.model import ClientAbuse

FOLDER = "edge/fail2ban-tests/fail2ban/tests/files/logs"
MAX_RETRY = 5
"""Matches within ten minutes after which fail2ban's shipped jail.conf bans, where a jail says nothing else."""

UNSEEN = {
    "apache-fakegooglebot": "only reverse DNS tells it from the true one",
    "apache-pass": "a knock that opens a gate, no attack",
    "apache-nohome": "a home folder that is not there; the path is lost",
    "nginx-limit-req": "told by nginx's own counter, of which one line is shown",
}
"""Filters whose verdict rests on something that the lines do not hold."""

_ACCESS = re.compile(
    r'(?P<host>[0-9a-fA-F.:]+)(?::\d+)? .*?"(?P<request>[A-Z]+ \S+(?: HTTP/[\d.]+)?)" (?P<status>\d{3}) \S+'
    r'(?: "(?P<referer>[^"]*)" "(?P<agent>[^"]*)")?'
)
_HAPROXY = re.compile(
    r'haproxy\[\d+\]: (?:::ffff:)?(?P<host>\S+):\d+ \[.*? (?P<status>\d{3}) \d+ .*"(?P<request>[A-Z]+ \S+ HTTP/[\d.]+)"'
)
_NGINX_ERROR = re.compile(
    r'(?P<said>\[\w+\] .*), client: (?P<host>[^,]+), server: .*?request: "(?P<request>[A-Z]+ \S+ HTTP/[\d.]+)"'
    r'(?:.*referrer: "(?P<referer>[^"]*)")?'
)
_APACHE_ERROR = re.compile(
    r"\[client (?P<host>[0-9a-fA-F.:]+?)(?::\d{4,5})?\] (?:AH\d+: )?(?P<said>File does not exist: |script not found or unable to stat: "
    r"|script '|client denied by server configuration: |invalid URI path \(|Invalid URI in request GET )"
    r"(?:/var/www/html|/var/www|/\S*?/public_html|/\S*(?=/cgi-bin/))?(?P<path>/[^\s',)]+)(?:.*referer: (?P<referer>\S+))?"
)
_STATUS = (
    ("does not exist", 404),
    ("unable to stat", 404),
    ("script '", 404),
    ("client denied", 403),
    ("nvalid URI", 400),
    ("forbidden", 403),
    ("delaying", 200),
    ("limiting", 503),
    ("No such file", 404),
    ("not found (2", 404),
    ("password mismatch", 401),
    ("was not found in", 401),
    ("not authenticated", 401),
)
"""What nginx and Apache answer where their error logs say so."""


@dataclass(frozen=True)
class Line:
    """A request of a sample line."""

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
    """The clients of all sample files that hold web requests, and how many annotated lines of theirs hold none."""
    found, left_out = [], 0
    for file in sorted(path for path in (folder / FOLDER).iterdir() if path.is_file()):
        clients: dict[str, list[Line]] = {}
        matched: set[object] = set()
        without = 0
        for verdict, text in _annotated(file.read_text(encoding="utf-8", errors="surrogateescape")):
            if verdict.get("match"):
                matched.add(verdict.get("host"))
            held = _request(text)
            if held is None:
                without += 1
                continue
            host, *line = held
            clients.setdefault(host, []).append(Line(*line))
        if clients:
            left_out += without
            found += [Sampled(file.name, host, host in matched, tuple(lines)) for host, lines in clients.items()]
    return found, left_out


def _annotated(text: str) -> Iterator[tuple[dict[str, object], str]]:
    verdict = None
    for line in text.splitlines():
        if line.startswith("# failJSON:"):
            verdict = json.loads(line.partition(":")[2])
        elif line and not line.startswith("#") and verdict is not None:
            yield verdict, line
            verdict = None


def _request(text: str) -> tuple[str, str, str, int, str, str] | None:
    """Address, method, URI, status, referer, user agent of a log line; None where it quotes no request."""
    for pattern in (_HAPROXY, _APACHE_ERROR, _NGINX_ERROR, _ACCESS):
        match = pattern.search(text)
        if match is None:
            continue
        given = match.groupdict()
        if given.get("status"):
            status = int(given["status"])
        else:
            status = next((code for words, code in _STATUS if words in given["said"]), 0)
        method, uri = given["request"].split()[:2] if "request" in given else ("GET", given["path"])
        if status and uri.startswith("/"):
            return given["host"], method, uri, status, given.get("referer") or "", given.get("agent") or ""
    return None


def render(clients: list[Sampled], at_least: int, file: Path) -> dict[str, Sampled]:
    """Write the clients' lines as one hour of a log, each address in a network of its own; returns CIDR -> client."""
    places, rows = {}, []
    for number, client in enumerate(clients):
        address = f"{20 + number // 250}.{number % 250}.7.7"
        places[f"{address}/32"] = client
        for turn in range(max(at_least, len(client.lines))):
            line = client.lines[turn % len(client.lines)]
            path, _, query = line.uri.partition("?")
            rows.append(
                (
                    "2026-11-20", f"10:{turn // 6 % 60:02d}:{turn * 10 % 60:02d}", "FRA56-P1", "1024", address, line.method,
                    "d111111abcdef8.cloudfront.net", aws_encoded(path), str(line.status), aws_encoded(line.referer.strip("-")),
                    aws_encoded(line.agent.strip("-")), aws_encoded(query), "-", "Error" if line.status >= 400 else "Miss",
                    f"{len(rows):056d}", "www.example.com", "https", "512", "0.010",
                )
            )  # fmt: skip
    text = "#Version: 1.0\n#Fields: " + FIELDS + "\n" + "".join("\t".join(row) + "\n" for row in rows)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode("utf-8", "surrogateescape"), mtime=0))
    return places


def scored(clients: list[Sampled], at_least: int, fitted: ClientAbuse, model_dir: Path) -> pd.DataFrame:
    """One row a client: where it is from, its label, and what the model and the naive rules say of its hour."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "raw" / "E2EXAMPLE.2026-11-20-10.00000000.gz"
        places = render(clients, at_least, file)
        rows = client_frame(file.parent, Lake(f"{scratch}/lake"), model_dir)
    rows = rows[rows["client"].isin(set(places))].reset_index(drop=True)
    said = fitted.predict(rows)
    naive = evaluation.naive_rules(rows)
    return pd.DataFrame(
        {
            "source": [places[client].source for client in rows["client"]],
            "is_abuse": [places[client].is_abuse for client in rows["client"]],
            "model": said["is_abuse"],
            "aws": naive["aws"],
            "any_attack": naive["any_attack"],
        }
    )


NAMES = {
    "model": "client_abuse",
    "aws": "AWS Security Automations",
    "any_attack": "any request that request_attack calls an attack",
}


def tables(fitted: ClientAbuse, data: Path, model_dir: Path) -> dict[str, pd.DataFrame]:
    """What was found among all, and file by file; empty where the files are not there."""
    if not (data / FOLDER).is_dir():
        return {}
    clients, left_out = read(data)
    frames = {
        "as it stands": scored(clients, 1, fitted, model_dir),
        "repeated": scored(clients, MAX_RETRY, fitted, model_dir),
    }
    rows = []
    for how, frame in frames.items():
        told = frame[~frame["source"].isin(UNSEEN)]
        for which, part in (("all filters", frame), ("filters whose verdict the lines hold", told)):
            for rule, name in NAMES.items():
                flagged, truth = part[rule], part["is_abuse"]
                rows.append(
                    {
                        "lines": how,
                        "clients of": which,
                        "rule": name,
                        "precision %": share(int(truth[flagged].sum()), int(flagged.sum())),
                        "recall %": share(int(flagged[truth].sum()), int(truth.sum())),
                    }
                )
    once, again = frames["as it stands"], frames["repeated"]
    files = []
    for source, part in again.groupby("source"):
        abusive = part["is_abuse"]
        before = once[once["source"] == source]
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
