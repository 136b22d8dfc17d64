"""CloudFront logs of one busy day, generated from a seed in seconds: the input of `make bench`.

    python -m benchmarks.throughput.generate [LINES] [--seed 7] [--folder .weir/bench]

Realistic days with known attackers are the simulator's work; here volume and shape count: hourly objects of standard log
v1 with 33 fields, few clients with most requests, hot pages with a long tail, a quarter with queries, percent-encoding,
one line in ten thousand malformed. Request ids are unique but have less entropy than real ones, so that 3 million lines
(about 980 MB) are about 128 MB of gzip. An existing set is not generated again.
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
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.throughput.visitors import CLIENTS, SCANNER, STUFFER, VISITOR, World, world, zipf
from spark_jobs.sources.cloudfront.layouts import V1_FIELDS

VERSION = 2
DAY = "2026-11-20"
DISTRIBUTION = "E2WEIRBENCH01"
MALFORMED_SHARE = 1e-4
REQUESTS_A_VISIT = 6
HEADER = f"#Version: 1.0\n#Fields: {' '.join(V1_FIELDS)}\n".encode()
BASE64 = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", np.uint8)


@dataclass(frozen=True)
class DataSet:
    """A generated day: the folder of its objects and their totals."""

    folder: str
    lines: int
    malformed: int
    raw_bytes: int
    stored_bytes: int
    objects: int


def data_set(lines: int = 3_000_000, seed: int = 7, home: Path = Path(".weir/bench")) -> DataSet:
    """The set of these parameters, generated unless it exists."""
    folder = home / f"lines-{lines}-seed-{seed}-v{VERSION}"
    manifest = folder / "set.json"
    if not manifest.exists():
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
        unfinished.mkdir(parents=True)
        plan = _plan(lines, seed)
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            objects = pool.map(_write, [(seed, number, *item, unfinished, lines) for number, item in enumerate(plan)])
            malformed, raw, stored = (sum(column) for column in zip(*objects, strict=True))
        figures = {"lines": lines, "malformed": malformed, "raw_bytes": raw, "stored_bytes": stored}
        (unfinished / "set.json").write_text(json.dumps({**figures, "objects": len(plan)}), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    return DataSet(str(folder.absolute()), **json.loads(manifest.read_text(encoding="utf-8")))


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
    text = _lines(rng, world(seed), hour, rows, _request_ids(first, rows, lines))
    bad = np.flatnonzero(rng.random(rows) < MALFORMED_SHARE)
    if len(bad):
        corrupted = [
            _corrupt(line, kind)
            for line, kind in zip(text.take(bad).to_pylist(), rng.integers(0, 5, len(bad)), strict=True)
        ]
        text = pc.replace_with_mask(text, np.isin(np.arange(rows), bad), pa.array(corrupted, pa.string()))
    text = pc.binary_join_element_wise(text, "", "\n")
    raw = HEADER + text.buffers()[2].to_pybytes()[: text.offset + sum(pc.binary_length(text).to_numpy())]
    stored = gzip.compress(raw, 6, mtime=0)
    (folder / f"{DISTRIBUTION}.{DAY}-{hour:02}.{number:08x}.gz").write_bytes(stored)
    return len(bad), len(raw), len(stored)


def _corrupt(line: str, kind: int) -> str:
    values = line.split("\t")
    if kind == 0:
        return "\t".join(values[:11])
    if kind == 1:
        return f"{line}\tmore"
    position, value = {2: (8, "12x4"), 3: (8, "2OO"), 4: (0, "2026-13-45")}[int(kind)]
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


def _lines(rng: np.random.Generator, site: World, hour: int, rows: int, request_ids: pa.Array) -> pa.Array:
    visits = rows // REQUESTS_A_VISIT + 1
    visit = np.sort(np.r_[np.arange(min(visits, rows)), rng.integers(0, visits, max(rows - visits, 0))])
    client = np.searchsorted(site.client_weights, rng.random(visits)).clip(max=CLIENTS - 1)[visit]
    kind = site.client_kind[client]
    second = (rng.integers(0, 3600, visits)[visit] + np.arange(rows) % 29) % 3600
    is_asset = (rng.random(rows) < 0.55) & (kind == VISITOR)
    page, asset = zipf(rng, len(site.paths["page"]), rows, 12), zipf(rng, len(site.paths["asset"]), rows, 6)
    queries = np.where(
        (rng.random(rows) < 0.5) & ~is_asset, zipf(rng, len(site.queries) - 1, rows, 10), len(site.queries) - 1
    )
    path = pc.if_else(is_asset, site.paths["asset"].take(asset), site.paths["page"].take(page))
    path = _where(kind == SCANNER, path, site.paths["probe"], rng)
    path = _where(kind == STUFFER, path, site.paths["sign"], rng)
    query = _where(kind == SCANNER, site.queries.take(queries), site.attacks, rng)
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
    agent = site.client_agent[client]
    values = {
        "date": DAY,
        "time": _times(hour).take(second),
        "x-edge-location": site.edges.take(site.client_edge[client]),
        "sc-bytes": pa.array(bytes_sent).cast(pa.string()),
        "c-ip": site.ips.take(client),
        "cs-method": method,
        "cs(Host)": "d111111abcdef8.cloudfront.net",
        "cs-uri-stem": path,
        "sc-status": pa.array(status),
        "cs(Referer)": referer,
        "cs(User-Agent)": site.agents.take(agent),
        "cs-uri-query": query,
        "cs(Cookie)": site.cookies.take(client),
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
