"""What the edge adds to all requests at once: chance and load, cache results, bytes, times, ports, request ids.

Vectorised, for this is done to every line. What the site answers in principle is in `site.py`; how a line is written, in
`cloudfront.py`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from simulator.cloudfront import ABSENT, Encoder, encode
from simulator.site import HTML, JSON, NONE, Site
from simulator.stage import Row

_SIZES = {
    0: 0,
    204: 0,
    301: 167,
    302: 0,
    304: 0,
    307: 167,
    400: 915,
    401: 172,
    403: 915,
    404: 9120,
    405: 559,
    408: 0,
    410: 4100,
    414: 915,
    422: 214,
    429: 131,
    500: 2110,
    501: 915,
    502: 1033,
    503: 1047,
    504: 1041,
}
"""Body sizes of answers that are not the page itself."""

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""What CloudFront passes on at all."""

_INCIDENT_SECONDS = 330
"""Once a day the origin falters for that long, and visitors who did nothing wrong see 5xx."""


@dataclass(frozen=True)
class Lines:
    """The log lines in order of time, and what the files and the truth need of each."""

    texts: list[str]
    request_ids: list[str]
    seconds: np.ndarray
    on_api: np.ndarray


def complete(rows: list[Row], site: Site, start: datetime, hours: int, seed: int, layout: int) -> Lines:
    """Rows in order of time -> their log lines."""
    rng = np.random.default_rng([seed, 33])
    count = len(rows)
    at = np.array([row.at for row in rows])
    status = np.array([row.status for row in rows])
    dynamic = np.array([row.page.dynamic for row in rows])
    served = np.array([row.status == row.page.status for row in rows])
    plain = np.array([row.client.tls == ABSENT for row in rows])
    reads = np.array([row.method in ("GET", "HEAD") for row in rows])
    with_cookie = np.array([bool(row.cookie) for row in rows])
    hit_ratio = np.where(served & reads & ~plain, [row.page.hit_ratio for row in rows], 0.0)
    size = np.array(
        [
            row.size
            if row.size >= 0
            else (row.page.size if row.status == row.page.status else _SIZES.get(row.status, 300))
            for row in rows
        ],
        dtype=float,
    )
    size[[row.method == "HEAD" for row in rows]] = 0

    # Chance and load: revalidation of what a browser has, a faltering origin, visitors who leave early.
    luck = rng.random(count)
    cached = hit_ratio * np.where(luck < 0.5, 1.0, 0.97) > rng.random(count)
    status = np.where((hit_ratio > 0.8) & with_cookie & (status == 200) & (luck < 0.045), 304, status)
    faltering = rng.random(count) < np.where(_in_incident(at, hours, rng), 0.55, 0.0007)
    faltering &= dynamic & ~cached & ~plain & (status >= 200) & (status < 400)
    status = np.where(faltering, rng.choice([502, 503, 504, 500], count, p=[0.35, 0.3, 0.3, 0.05]), status)
    aborted = (rng.random(count) < 0.0016) & ~plain
    status = np.where(aborted, 0, status)
    size = np.where((status == 304) | aborted, 0, np.where(faltering, 1040, size))
    size = np.where(dynamic & (size > 300), size * rng.lognormal(0, 0.06, count), size).astype(np.int64)

    failed = (status >= 400) | (status == 0)
    result = np.select(
        [failed, plain & (status < 400), cached & (luck > 0.06), cached],
        ["Error", "Redirect", "Hit", "RefreshHit"],
        "Miss",
    )
    unknown_method = np.array([row.method not in _METHODS for row in rows])
    detailed = np.select([aborted, unknown_method & failed], ["ClientCommError", "InvalidRequestMethod"], result)
    header_bytes = np.where(plain, 230, rng.integers(380, 940, count))
    sent = np.where(aborted, 0, size + header_bytes)
    latency = np.array([row.client.rtt for row in rows])
    origin = np.where(
        cached | plain, rng.lognormal(-6.2, 0.7, count), rng.lognormal(np.where(dynamic, -2.0, -2.9), 0.7, count)
    )
    origin = np.where(status == 504, 10.0 + rng.random(count), np.where(status == 502, origin * 4, origin))
    first_byte = np.where(aborted, latency * 0.2, 0.3 * latency + origin)
    taken = first_byte + size / rng.lognormal(15.2, 0.9, count) + np.where(aborted, rng.exponential(2.0, count), 0)
    received = np.array(
        [
            170 + len(row.agent) + len(row.path) + len(row.query) + len(row.referer) + len(row.cookie) + row.body
            for row in rows
        ]
    ) + rng.integers(0, 160, count)
    port = _ports(rows, at, rng)
    has_length = (~dynamic | (status >= 400) | (rng.random(count) < 0.3)) & ~aborted & (status != 304)

    seconds = at.astype(np.int64)
    moments = np.datetime_as_string(np.datetime64(start.replace(tzinfo=None), "s") + seconds).tolist()
    ids = _request_ids(count, rng)
    known, domains = Encoder(), {site.api: 1, site.distributions[1][1]: 1}
    on_api = np.array([domains.get(row.host, 0) for row in rows])
    columns = zip(
        rows,
        moments,
        ids,
        status.tolist(),
        sent.tolist(),
        size.tolist(),
        result.tolist(),
        detailed.tolist(),
        np.round(taken, 3).tolist(),
        np.round(first_byte, 3).tolist(),
        received.tolist(),
        port.tolist(),
        has_length.tolist(),
        on_api.tolist(),
        strict=True,
    )
    texts = []
    for (
        row,
        moment,
        request_id,
        code,
        sent_bytes,
        body,
        outcome,
        detail,
        time_taken,
        time_first,
        received_bytes,
        client_port,
        length,
        api,
    ) in columns:
        client, page = row.client, row.page
        content_type = (
            page.content_type
            if code == page.status
            else (
                NONE
                if code in (0, 204, 301, 302, 304) and not client.tls == ABSENT
                else (JSON if page.content_type == JSON else HTML[:9])
            )
        )
        fields = [
            moment[:10],
            moment[11:],
            client.edge,
            str(sent_bytes),
            client.address,
            row.method,
            site.distributions[api][1],
            known(row.path),
            f"{code:03d}",
            known(row.referer),
            known(row.agent),
            encode(row.query),
            known(row.cookie),
            outcome,
            request_id,
            row.host,
            "http" if client.tls == ABSENT else "https",
            str(received_bytes),
            f"{time_taken:.3f}",
            client.forwarded,
            client.tls,
            client.cipher,
            outcome,
            client.version,
            ABSENT,
            ABSENT,
            str(client_port),
            f"{time_first:.3f}",
            detail,
            content_type,
            str(body) if length else ABSENT,
            ABSENT,
            ABSENT,
        ]
        texts.append("\t".join(fields if layout == 33 else fields[:layout]))
    return Lines(texts, ids, seconds, on_api)


def _in_incident(at: np.ndarray, hours: int, rng: np.random.Generator) -> np.ndarray:
    """Whether the origin was faltering then; worlds of less than six hours have no incident."""
    within = np.zeros(len(at), dtype=bool)
    for day in range((hours + 18) // 24):
        begin = (day * 24 + rng.random() * min(23.0, hours - 1.0)) * 3600
        within |= (at >= begin) & (at < begin + _INCIDENT_SECONDS)
    return within


def _ports(rows: list[Row], at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A browser keeps its connection, and so its port, for some minutes; a tool may open one a request."""
    port = np.array([row.client.port for row in rows], dtype=np.int64)
    keeps = np.array([row.client.keeps_connection for row in rows])
    mixed = (port + (at // 240).astype(np.int64) * 2654435761) % 64511
    return 1024 + np.where(keeps, mixed, rng.integers(0, 64511, len(rows)))


def _request_ids(count: int, rng: np.random.Generator) -> list[str]:
    """Identifiers as AWS makes them look: 54 characters of base64url and two of padding."""
    noise = rng.bytes(40 * count)
    return [base64.urlsafe_b64encode(noise[at : at + 40]).decode() for at in range(0, 40 * count, 40)]
