"""SQL by rarer means, and honest prose and filters with its words: set aside."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.query_rules import SQL
from benchmarks.requests.heldout.words import mixed_case

group = Group("sql", SQL)
attack, benign = group.attack, group.benign

attack(
    "conditional_expressions",
    "‹@break›‹@and›‹if(‹@n›=‹@n›,‹@col›,‹@n›)¦case when ‹substr(‹@col›,‹@n›,1)='‹@v›'¦‹@n›=‹@n›› then ‹@n› else ‹1/0¦@n¦@col› end¦nullif(‹@n›,‹@n›)¦iif(‹@n›=‹@n›,1,1/0)¦coalesce(null,‹@col›)¦elt(‹@n›=‹@n›,‹@n›)›‹@tail›",
    "vv",
)
attack(
    "statements_after",
    "‹@break›;‹@gap›‹drop‹@gap›table‹@gap›‹@table›¦update‹@gap›‹@table›‹@gap›set‹@gap›‹@col›='‹@tok›'¦insert into ‹@table› values(‹@n›,'‹@tok›')¦exec(‹'¦0x›‹@tok›‹'¦›)¦declare @‹@v› varchar(‹@n›);set @‹@v›='‹@tok›'¦copy ‹@table› to program '‹@tok›'¦prepare ‹@v› from '‹@tok›';execute ‹@v››‹@tail›",
    "vvvrn",
    rewrite=mixed_case,
)
attack(
    "sorted_and_grouped",
    "‹@n›‹@break›‹@gap›‹group by ‹@col›,‹@n› having ‹@n›=‹@n›¦order by (‹case when(‹@n›=‹@n›) then ‹@n› else ‹@col› end¦select ‹@n› from ‹@table››)¦procedure analyse(extractvalue(‹@n›,concat(‹@n›,user())))¦limit ‹@n› into outfile '/tmp/‹@tok›'¦rlike (select ‹@n›)¦collate ‹@tok› and ‹@n›=‹@n››‹@tail›",
    "vv",
)

benign(
    "union_and_join",
    "‹@city› ‹credit¦student¦rugby› union ‹select¦all› ‹@noun›s ‹from¦where¦order by› ‹@n›‹ to ‹@n›¦›",
    "vvvrn",
)
benign("comments_in_prose", "‹@noun›‹; ¦ -- ¦ # ¦ /* ›‹@prose›‹ */¦ --¦;¦›", "vvvrn")
benign(
    "sql_titles",
    "‹@topic› ‹or¦and¦like¦not¦in› ‹@topic›: ‹select¦collected¦updated› ‹essays¦values¦tables› (‹@n›)",
    "vvp",
)
