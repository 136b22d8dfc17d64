"""Abuse of HTTP itself: odd methods, proxying, line breaks, excess, stray bytes.

Sources: RFC 9110 (methods), nmap http-methods and http-open-proxy, WebDAV scanners, OWASP on response splitting and HTTP
parameter pollution, published proxy-abuse honeypots.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from random import Random

from simulator.payloads.aim import Aim, Shot
from simulator.web.words import identifier


def methods(rng: Random, aim: Aim) -> Shot:
    """Methods that a server may have left enabled."""
    method = rng.choice(("TRACE", "TRACK", "DEBUG", "PROPFIND", "SEARCH", "MKCOL", "COPY", "MOVE", "LOCK", "PROPPATCH", "BREW", "FOO",
        identifier(rng, 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "INDEX", "PURGE", "LINK", "VERSION-CONTROL", "QUERY", "get", "JEFF"))
    if rng.random() < 0.3:
        script = f"/{rng.choice(('', 'uploads/', 'webdav/', 'fileserver/'))}{identifier(rng, 6)}.{rng.choice(('txt', 'jsp/', 'php', 'html', 'asp;.txt'))}"
        return Shot(script, method=rng.choice(("PUT", "PUT", "DELETE", "PATCH", "OPTIONS")), body=rng.randrange(8, 600))
    return Shot(rng.choice(("/", "/", "/webdav/", "/uploads/", aim.page(rng), f"/{identifier(rng, 6)}")), method=method,
        status=rng.choice((403, 403, 405, 400, 501)))


def proxying(rng: Random, aim: Aim) -> Shot:
    """Treats the edge as an open proxy: CONNECT, absolute addresses, mail servers."""
    host = rng.choice(("www.google.com", "www.baidu.com", "httpbin.org", "api.ipify.org", "check.best-proxies.ru", "azenv.net", "www.bing.com",
        "ip-api.com", "smtp.gmail.com", "mx1.qq.com"))
    if rng.random() < 0.55:
        return Shot(f"{host}:{rng.choice((443, 443, 25, 80, 587))}" if rng.random() < 0.5 else f"/{host}:443", method="CONNECT",
            status=rng.choice((400, 403, 405)))
    return Shot(rng.choice((f"http://{host}/", f"http://{host}/azenv.php", f"/http://{host}/", f"//{host}/%2f..", f"/proxy/http/{host}")),
        rng.choice(("", f"auth={rng.randrange(10**12)}&a=PSCN&i={rng.randrange(10**9)}")), status=rng.choice((400, 403, 404)))


def excess(rng: Random, aim: Aim) -> Shot:
    """More of everything than a server expects, short of what CloudFront refuses to log."""
    draw = rng.randrange(5)
    if draw == 0:
        return Shot(aim.page(rng), f"{rng.choice('abxq')}=" + rng.choice("AaX0%/.") * rng.randrange(1500, 7000))
    if draw == 1:
        return Shot(aim.page(rng), "&".join(f"{rng.choice(('id', 'a', 'x'))}={n}" for n in range(rng.randrange(150, 700))))
    if draw == 2:
        return Shot("/" + "/".join(identifier(rng, 3) for _ in range(rng.randrange(150, 600))), status=rng.choice((404, 414, 400)))
    if draw == 3:
        return Shot(aim.page(rng), agent=rng.choice(("A", "Mozilla/5.0 ", "%n%s%x", "../")) * rng.randrange(250, 1200))
    return Shot("/" + "%2f" * rng.randrange(200, 900), status=400)


def line_breaks(rng: Random, aim: Aim) -> Shot:
    """Headers and whole responses smuggled behind an encoded line break."""
    crlf = rng.choice(("%0d%0a", "%0D%0A", "%0a", "%E5%98%8A%E5%98%8D", "%250d%250a", "%0d%09", "%23%0d%0a", "%5cr%5cn"))
    injected = rng.choice((f"Set-Cookie:%20{identifier(rng, 5)}={identifier(rng, 6)}", f"Location:%20http://{identifier(rng, 7)}.com",
        f"X-{identifier(rng, 5)}:%20{identifier(rng, 4)}", f"Content-Length:%200{crlf}{crlf}HTTP/1.1%20200%20OK",
        f"X-Forwarded-Host:%20{identifier(rng, 6)}.evil.com", "Transfer-Encoding:%20chunked"))
    if rng.random() < 0.5:
        return Shot(f"/{rng.choice(('', identifier(rng, 4), aim.site.categories[0]))}{crlf}{injected}")
    return aim.query(rng, f"{identifier(rng, 2)}{crlf}{injected}", "url")


def stray_bytes(rng: Random, aim: Aim) -> Shot:
    """NUL, control characters, broken UTF-8, TLS or other protocols spoken to a web server, as paths."""
    stray = rng.choice(("%00", "%01%02", "%ff%fe", "%80%81", "%c3%28", "%1b[31m", "%08%08", "%f0%28%8c%28", "%ed%a0%80"))
    raw = "".join(chr(0xDC80 + rng.randrange(0x7F)) for _ in range(rng.randrange(2, 9)))
    return rng.choice((Shot(f"/{identifier(rng, 3)}{stray}.{rng.choice(('php', 'jsp', 'html'))}", status=rng.choice((400, 404))),
        Shot(f"/{raw}", status=400), Shot(aim.page(rng), f"id=1{stray}{identifier(rng, 2)}"), Shot("/%16%03%01%02", status=400),
        Shot("*", method="OPTIONS", status=400), Shot(f"/{stray * 3}", status=400), Shot(aim.page(rng), agent=f"{raw}{identifier(rng, 4)}"),
        Shot("/nice%20ports%2C/Tri%6Eity.txt%2ebak"), Shot("/\\..\\x", status=400)))
