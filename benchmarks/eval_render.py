"""Labelled requests -> CloudFront log lines -> the requests table, through the project's own parser.

The lines are encoded as AWS does, so that a client's %20 stands as %2520. What a public set does not say (path,
parameter name, user agent, referer, host, address, time) is drawn from one pool for benign and attack alike.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from urllib.parse import quote

import pandas as pd

from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions
from spark_jobs.sources.cloudfront.parse import ObjectParser

FIELDS = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) "
    "cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken"
)
ENCODED = frozenset([*range(33), *range(127, 256), *b"<>\"#%{}|\\^~[]`'"])
"""Bytes that CloudFront percent-encodes when it writes a log."""

AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
    "curl/8.6.0",
    "python-requests/2.31.0",
)
PLACES = (
    ("/search", "q"), ("/items", "id"), ("/articles/show", "ref"), ("/account/profile", "name"), ("/", "p"),
    ("/index.php", "page"), ("/api/v2/lookup", "value"), ("/forum/topic", "t"), ("/shop/filter", "color"),
)  # fmt: skip
REFERERS = (
    None,
    None,
    "https://www.example.com/",
    "https://www.example.com/products?page=2",
    "https://www.google.com/",
)


@dataclass(frozen=True)
class Wire:
    """One request as the client sent it: path and query still encoded by the client."""

    method: str
    path: str
    query: str | None
    user_agent: str | None
    referer: str | None
    payload: str | None = None
    """What the set itself holds of it, as sent; None where that is path and query."""

    @property
    def own_text(self) -> str:
        """What the set holds, without what `placed` put around it."""
        if self.payload is not None:
            return self.payload
        return self.path if self.query is None else f"{self.path}?{self.query}"


def placed(rng: random.Random, value: str) -> Wire:
    """A value as the one parameter of a request; what surrounds it does not depend on the value."""
    path, name = rng.choice(PLACES)
    return Wire("GET", path, f"{name}={value}", rng.choice(AGENTS), rng.choice(REFERERS), value)


def aws_encoded(text: str | None) -> str:
    """A field as CloudFront writes it."""
    if text is None or text == "":
        return "-"
    return "".join(f"%{byte:02X}" if byte in ENCODED else chr(byte) for byte in text.encode("utf-8", "surrogateescape"))


def log_line(wire: Wire, number: int) -> str:
    """The request as one line of a standard log."""
    at = 60 * number
    date, clock = f"2026-11-{1 + at // 86400 % 28:02d}", f"{at // 3600 % 24:02d}:{at // 60 % 60:02d}:{number % 60:02d}"
    fields = (
        date, clock, "FRA56-P1", "1024", f"203.0.113.{number % 250 + 1}", quote(wire.method, safe="") or "GET", "d111111abcdef8.cloudfront.net",
        aws_encoded(wire.path), "200", aws_encoded(wire.referer), aws_encoded(wire.user_agent), aws_encoded(wire.query), "-", "Miss",
        f"{number:056d}", "www.example.com", "https", "512", "0.010",
    )  # fmt: skip
    return "\t".join(fields)


def requests_table(wires: list[Wire]) -> pd.DataFrame:
    """What the platform's parser makes of the lines; every line must come through, in order."""
    text = "#Version: 1.0\n#Fields: " + FIELDS + "\n" + "\n".join(log_line(w, n) for n, w in enumerate(wires)) + "\n"
    data = text.encode("utf-8")
    parser = ObjectParser(LogObject("evaluation", "etag", len(data)), io.BytesIO(data), ParseOptions())
    parts, rejected = [], []
    for parsed in parser:
        if parsed.requests is not None:
            parts.append(
                parsed.requests.select(
                    ["line_number", "method", "uri_path", "uri_query", "user_agent", "referer"]
                ).to_pandas()
            )
        rejected += parsed.rejected
    if rejected:
        raise ValueError(f"{len(rejected)} rendered lines were rejected, first: {rejected[0]}")
    frame = pd.concat(parts).sort_values("line_number", ignore_index=True).drop(columns="line_number")
    if len(frame) != len(wires):
        raise ValueError(f"{len(wires)} lines were rendered, {len(frame)} requests came back")
    return frame.astype(object)
