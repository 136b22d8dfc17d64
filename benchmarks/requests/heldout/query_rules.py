"""Rules of the query languages: SQL, NoSQL, LDAP, XPath and GraphQL."""

from __future__ import annotations

from benchmarks.requests.heldout.words import COMMON

SQL = COMMON | {
    "break": ("'", "\"", "')", "‹@n›", "‹@n›)", "‹@tok›'", "\\'", "‹@n›'", "`", "‹@tok›\")"),
    "and": (" or ", " and ", " OR ", " AND ", "||", "&&", "/**/or/**/", " xor ", "\nand\n", "%0bor%0b", "‹)¦ ›or(", "-", "+", " like ", " div "),
    "tail": ("", "--", "-- ‹@tok›", "#", ";--", "/*", " -- -", ";%00"),
    "col": tuple("password email token username pass secret card_number api_key name".split()),
    "table": tuple("users accounts members customers admin payments sessions".split()),
    "gap": (" ", "/**/", "\t", "\n", "/*‹@tok›*/", "+", "  ", "\x0b", "\x0c"),
    "sentence": (
        "‹select¦union¦drop¦insert¦delete¦update› ‹the¦a¦your› ‹@noun› from ‹the ‹@adj› list¦‹@city›¦our range›", "how to ‹select¦join¦group by¦order by¦union› ‹two tables¦rows¦columns› in ‹sql¦postgres¦mysql¦‹@lang››",
        "‹trade union¦student union¦credit union› ‹select committee¦all members¦and or¦where to join› ‹@city›", "‹@person› or ‹@person› and ‹@noun› = ‹@adj›", "‹drop¦table¦having¦where› ‹@noun› ‹table¦set¦values› ‹@n›", "‹sleep (sweet) benchmark¦sleep(‹@n›) hours¦benchmark (@noun)¦waitfor delay of train ‹@n››",
    ),
}  # fmt: skip
OTHER = COMMON | {
    "op": tuple("$ne $gt $gte $lt $nin $exists $regex $not $in".split()),
    "field": tuple("username user password pass login email token role id pin".split()),
    "attr": tuple("cn uid sn mail objectClass userPassword memberOf givenName ou sAMAccountName".split()),
    "node": tuple("user account employee node() * text() password name book item".split()),
    "out": ("", "'", "\"", "1'", "';", "\";", "'||", "‹@tok›'"),
    "code": ("this.‹@field›‹.match(/^‹@v›/)¦.length>‹@n›¦[0]==`‹@v›`¦!=‹@n››", "sleep(‹@n›00)", "function(){return ‹1¦true¦this.‹@field›==‹@n››}", "while(true){}", "new Date().getTime()>‹@n›"),
    "kind": tuple("name kind description fields types args type ofType inputFields possibleTypes enumValues interfaces".split()),
}  # fmt: skip
