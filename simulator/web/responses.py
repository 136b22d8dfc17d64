"""The edge's part of all requests at once: chance and load, cache results, bytes, times, ports, request ids.

Vectorized, because every line needs it. The site's answers are in `site.py`, the format of a line in `cloudfront.py`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from simulator.web.cloudfront import ABSENT, Encoder, encode
from simulator.web.site import JSON, NONE, Site
from simulator.web.stage import Row

_SIZES = {
    0: 0, 204: 0, 301: 167, 302: 0, 304: 0, 307: 167, 400: 915, 401: 172, 403: 915, 404: 9120, 405: 559, 410: 4100,
    414: 915, 422: 214, 429: 131, 500: 2110, 501: 915, 502: 1033, 503: 1047, 504: 1041,
}  # fmt: skip
"""Status -> body size of answers other than the page itself."""

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""Methods that CloudFront forwards."""

_INCIDENT_SECONDS = 330
"""Once a day the origin is unstable for this long, and ordinary visitors get 5xx."""


@dataclass(frozen=True)
class Lines:
    """The log lines in order of time, with the columns that files and truth need."""

    texts: list[str]
    request_ids: list[str]
    seconds: np.ndarray
    on_api: np.ndarray


class Answer(NamedTuple):
    """The edge's result for one request."""

    request_id: str
    moment: str
    status: int
    sent: int
    size: int
    result: str
    detailed: str
    taken: float
    first_byte: float
    received: int
    port: int
    has_length: bool
    on_api: int


def complete(rows: list[Row], site: Site, start: datetime, hours: int, seed: int, layout: int) -> Lines:
    """Rows in order of time -> their log lines."""
    rng = np.random.default_rng([seed, int(start.timestamp())])
    at = np.array([row.at for row in rows])
    seconds = at.astype(np.int64)
    moments = np.datetime_as_string(np.datetime64(start.replace(tzinfo=None), "s") + seconds)
    request_ids = _request_ids(len(rows), rng)
    hosts_on_api = (site.api, site.distributions[1][1])
    on_api = np.array([row.host in hosts_on_api for row in rows], dtype=np.int64)
    measured = _measure(rows, at, hours, rng)
    columns = (request_ids, moments.tolist(), *[column.tolist() for column in measured], on_api.tolist())
    answers = map(Answer._make, zip(*columns, strict=True))
    encoded = Encoder()
    texts = ["\t".join(_fields(row, answer, site, encoded)[:layout]) for row, answer in zip(rows, answers, strict=True)]
    return Lines(texts, request_ids, seconds, on_api)


def _measure(rows: list[Row], at: np.ndarray, hours: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """The columns of `Answer` from `status` to `has_length`."""
    count = len(rows)
    status = np.array([row.status for row in rows])
    dynamic = np.array([row.page.dynamic for row in rows])
    as_usual = np.array([row.status in (row.page.status, 206) for row in rows])
    plain = np.array([row.client.connection.tls == ABSENT for row in rows])
    reads = np.array([row.method in ("GET", "HEAD") for row in rows])
    with_cookie = np.array([bool(row.cookie) for row in rows])
    hit_ratio = np.where(as_usual & reads & ~plain, [row.page.hit_ratio for row in rows], 0.0)
    size = np.array([_usual_size(row) for row in rows], dtype=float)

    # Chance and load: revalidation of what a browser has, a unstable origin, visitors who leave early.
    luck = rng.random(count)
    cached = hit_ratio > rng.random(count)
    status = np.where((hit_ratio > 0.8) & with_cookie & (status == 200) & (luck < 0.045), 304, status)
    unstable = rng.random(count) < np.where(_in_incident(at, hours, rng), 0.55, 0.0012)
    unstable &= dynamic & ~cached & ~plain & (status >= 200) & (status < 400)
    status = np.where(unstable, rng.choice([502, 503, 504, 500], count, p=[0.3, 0.25, 0.2, 0.25]), status)
    aborted = (rng.random(count) < 0.0016) & ~plain
    status = np.where(aborted, 0, status)
    bodiless = (status == 304) | aborted | np.array([row.method == "HEAD" for row in rows])
    size = np.where(bodiless, 0, np.where(unstable, 1040, size))
    size = np.where(dynamic & (size > 300), size * rng.lognormal(0, 0.06, count), size).astype(np.int64)

    failed = (status >= 400) | (status == 0)
    outcomes = [failed, plain, cached & (luck > 0.06), cached]
    result = np.select(outcomes, ["Error", "Redirect", "Hit", "RefreshHit"], "Miss")
    refused = failed & np.array([row.method not in _METHODS for row in rows])
    detailed = np.select([aborted, refused], ["ClientCommError", "InvalidRequestMethod"], result)
    sent = np.where(aborted, 0, size + np.where(plain, 230, rng.integers(380, 940, count)))

    at_edge = rng.lognormal(-6.2, 0.7, count)
    at_origin = rng.lognormal(np.where(dynamic, -2.0, -2.9), 0.7, count)
    waiting = np.where(cached | plain, at_edge, at_origin)
    waiting = np.where(status == 504, 10.0 + rng.random(count), np.where(status == 502, waiting * 4, waiting))
    latency = np.array([row.client.rtt for row in rows])
    held_open = np.array([row.wait for row in rows])
    first_byte = 0.3 * latency + np.where(aborted, 0.0, waiting + held_open)
    patience = np.where(aborted, rng.exponential(2.0, count), 0.0)
    taken = first_byte + size / rng.lognormal(15.2, 0.9, count) + patience

    received = np.array([_request_size(row) for row in rows]) + rng.integers(170, 330, count)
    has_length = (~dynamic | (status >= 400) | (rng.random(count) < 0.3)) & ~aborted & (status != 304)
    return status, sent, size, result, detailed, taken, first_byte, received, _ports(rows, at, rng), has_length


def _fields(row: Row, answer: Answer, site: Site, encoded: Encoder) -> list[str]:
    """The values of one line, in the order of `cloudfront.FIELDS`."""
    client = row.client
    version, tls, cipher, _ = client.connection
    return [
        answer.moment[:10], answer.moment[11:], client.edge, str(answer.sent), client.address, row.method,
        site.distributions[answer.on_api][1], encoded(row.path), f"{answer.status:03d}", encoded(row.referer),
        encoded(row.agent), encode(row.query), encoded(row.cookie), answer.result, answer.request_id, row.host,
        "http" if tls == ABSENT else "https", str(answer.received), f"{answer.taken:.3f}", client.forwarded,
        tls, cipher, answer.result, version, ABSENT, ABSENT, str(answer.port),
        f"{answer.first_byte:.3f}", answer.detailed, _content_type(row, answer.status),
        str(answer.size) if answer.has_length else ABSENT, *_range(row, answer.status),
    ]  # fmt: skip


def _range(row: Row, status: int) -> tuple[str, str]:
    """sc-range-start and sc-range-end: only partial answers have them."""
    if status != 206 or row.byte_range is None:
        return ABSENT, ABSENT
    return str(row.byte_range[0]), str(row.byte_range[1])


def _content_type(row: Row, status: int) -> str:
    """The page's own type; error pages are HTML, or JSON from the API; redirects of the edge are HTML, others nothing."""
    if status in (row.page.status, 206):
        return row.page.content_type
    if status in (0, 204, 301, 302, 304, 307) and row.client.connection.tls != ABSENT:
        return NONE
    return JSON if row.page.content_type == JSON else "text/html"


def _usual_size(row: Row) -> int:
    """Body bytes before chance: the sender's size, the page's, or that of the error."""
    if row.size >= 0:
        return row.size
    return row.page.size if row.status == row.page.status else _SIZES.get(row.status, 300)


def _request_size(row: Row) -> int:
    """Bytes of request line, cookie, referer, agent and body; other headers are added later."""
    return len(row.agent) + len(row.path) + len(row.query) + len(row.referer) + len(row.cookie) + row.body


def _in_incident(at: np.ndarray, hours: int, rng: np.random.Generator) -> np.ndarray:
    """Whether the origin was unstable; simulations of less than six hours have no incident."""
    within = np.zeros(len(at), dtype=bool)
    for day in range((hours + 18) // 24):
        begin = (day * 24 + rng.random() * min(23.0, hours - 1.0)) * 3600
        within |= (at >= begin) & (at < begin + _INCIDENT_SECONDS)
    return within


def _ports(rows: list[Row], at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A browser keeps its connection, and so its port, for some minutes; a tool may open one a request."""
    port = np.array([row.client.port for row in rows], dtype=np.int64)
    keeps = np.array([row.client.connection.is_kept for row in rows])
    mixed = (port + (at // 240).astype(np.int64) * 2654435761) % 64511
    return 1024 + np.where(keeps, mixed, rng.integers(0, 64511, len(rows)))


def _request_ids(count: int, rng: np.random.Generator) -> list[str]:
    """Identifiers in the form of AWS: 54 characters of base64url and two of padding."""
    noise = rng.bytes(40 * count)
    return [base64.urlsafe_b64encode(noise[at : at + 40]).decode() for at in range(0, 40 * count, 40)]
