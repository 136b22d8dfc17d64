"""Labeled requests -> CloudFront log lines -> the requests table, through the platform's own parser.

The lines are encoded as AWS does, so that a client's %20 becomes %2520. What a public set leaves open (path, parameter
name, user agent, referer, host, address, time) is drawn from one pool for benign requests and attacks alike.
"""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from simulator.web.cloudfront import encode, header
from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions
from spark_jobs.sources.cloudfront.parse import ObjectParser

LAYOUT = 19
"""Number of fields: the layout before TLS fields."""
START = datetime(2026, 11, 1, tzinfo=UTC)
COLUMNS = ["line_number", "method", "uri_path", "uri_query", "user_agent", "referer"]
AGENTS = """\
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36
Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15
Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0
Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1
Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36
curl/8.6.0
python-requests/2.31.0""".splitlines()
PLACES = (
    ("/search", "q"), ("/items", "id"), ("/articles/show", "ref"), ("/account/profile", "name"), ("/", "p"),
    ("/index.php", "page"), ("/api/v2/lookup", "value"), ("/forum/topic", "t"), ("/shop/filter", "color"),
)  # fmt: skip
SHOP = "https://www.example.com/"
REFERERS = (None, None, SHOP, f"{SHOP}products?page=2", "https://www.google.com/")


@dataclass(frozen=True)
class Wire:
    """One request as the client sent it: path and query still encoded by the client."""

    method: str
    path: str
    query: str | None
    user_agent: str | None
    referer: str | None
    payload: str | None = None
    """The text of the set itself, as sent; None where that is path and query."""

    @property
    def own_text(self) -> str:
        """The text of the set, without what `placed` adds around it."""
        if self.payload is not None:
            return self.payload
        return self.path if self.query is None else f"{self.path}?{self.query}"


@dataclass(frozen=True)
class Delivery:
    """How a request reached the edge and was answered."""

    at: datetime
    address: str
    status: str = "200"
    size: str = "1024"
    protocol: str = "https"


def placed(rng: random.Random, value: str) -> Wire:
    """A value as the one parameter of a request; its surroundings do not depend on the value."""
    path, name = rng.choice(PLACES)
    return Wire("GET", path, f"{name}={value}", rng.choice(AGENTS), rng.choice(REFERERS), value)


def log_line(wire: Wire, delivery: Delivery, number: int) -> str:
    """The request as one line of a standard log."""
    fields = (
        f"{delivery.at:%Y-%m-%d}", f"{delivery.at:%H:%M:%S}", "FRA56-P1", delivery.size, delivery.address,
        quote(wire.method, safe="") or "GET", "d111111abcdef8.cloudfront.net", encode(wire.path), delivery.status,
        encode(wire.referer or ""), encode(wire.user_agent or ""), encode(wire.query or ""), "-",
        "Error" if delivery.status >= "400" else "Miss", f"{number:056d}", "www.example.com", delivery.protocol, "512", "0.010",
    )  # fmt: skip
    return "\t".join(fields) + "\n"


def write_log(folder: Path, hour: str, lines: Iterable[str]) -> None:
    """One object of a standard log with the lines."""
    folder.mkdir(parents=True, exist_ok=True)
    content = (header(LAYOUT) + "".join(lines)).encode("utf-8", "surrogateescape")
    (folder / f"E2EXAMPLE.{hour}.00000000.gz").write_bytes(gzip.compress(content, mtime=0))


def requests_table(wires: list[Wire]) -> pd.DataFrame:
    """The platform's parse of the lines; ValueError unless every line comes through, in order."""
    lines = [
        log_line(wire, Delivery(START + timedelta(minutes=n % 40320, seconds=n % 60), f"203.0.113.{n % 250 + 1}"), n)
        for n, wire in enumerate(wires)
    ]
    data = (header(LAYOUT) + "".join(lines)).encode()
    parts, rejected = [], []
    for parsed in ObjectParser(LogObject("evaluation", "etag", len(data)), io.BytesIO(data), ParseOptions()):
        if parsed.requests is not None:
            parts.append(parsed.requests.select(COLUMNS).to_pandas())
        rejected += parsed.rejected
    if rejected:
        raise ValueError(f"{len(rejected)} rendered lines were rejected, first: {rejected[0]}")
    frame = pd.concat(parts).sort_values("line_number", ignore_index=True).drop(columns="line_number")
    if len(frame) != len(wires):
        raise ValueError(f"{len(wires)} lines were rendered, {len(frame)} requests came back")
    return frame.astype(object)
