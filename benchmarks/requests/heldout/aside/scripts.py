"""JavaScript on servers and disguised script in pages, and honest texts with their words: set aside."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.script_forms import marked
from benchmarks.requests.heldout.script_rules import RULES

server = Group("server_javascript", RULES)
attack, benign = server.attack, server.benign

attack(
    "constructor_chain",
    "‹@out›‹[]¦''¦this¦(()=>{})¦{}¦Object›.constructor‹¦.constructor›(‹'¦\"›return ‹process¦global¦this.process.mainModule¦this.constructor›‹'¦\"›)()‹.env.‹@tok›¦.‹@tok›¦.exit(‹@n›)¦.version›‹@end›",
    "vv",
)
attack(
    "event_loop",
    "‹@out›‹setTimeout¦setInterval¦setImmediate¦process.nextTick¦queueMicrotask›(‹()=>‹{while(‹1¦!0›);}¦require('http').get('http://‹@host›')¦process.exit(‹@n›)¦eval('‹@tok›')›¦function(){‹for(;;);¦process.abort()›}›‹¦,‹@n››)‹@end›",
    "vv",
)
attack(
    "bracketed_process",
    "‹@out›‹global¦globalThis¦this›['pro'+'cess']‹['mainModule']['require']('child_'+'process')['exec'+'Sync']('‹@cmd›')¦['env']['‹@tok›']¦['ex'+'it'](‹@n›)›‹@end›",
    "vv",
)

benign(
    "api_terms",
    "‹process¦global¦require¦module¦export¦constructor›‹ for ¦ of ¦-›‹@noun›s ‹in¦near› ‹@city›‹¦ ‹@n››",
    "vvvrn",
)
benign(
    "timers", "‹set timeout¦setTimeout¦while waiting¦for ever¦do it yourself› (‹@n› ‹s¦min¦ms›) ‹@adj› ‹@noun›", "vvvrn"
)

page = Group("script_disguises", RULES)
attack, benign = page.attack, page.benign

attack(
    "unusual_calls",
    "‹@out›‹[‹@n›].‹map¦find¦some¦filter¦every›(‹alert¦confirm¦eval¦print›)¦Reflect.apply(‹alert¦confirm¦eval›,‹@global›,[‹@n›])¦onerror=‹alert¦confirm¦eval›;throw ‹@n›¦‹@global›?.‹alert¦print¦confirm›?.(‹@n›)¦new Function`‹@tok›${'‹@js›'}```¦‹alert¦confirm›.call(null,‹@n›)¦`${‹@js›}`›‹@end›",
    "vvvrn",
)
attack(
    "junk_in_tags",
    "‹¦'\"¦-->¦</‹title¦textarea¦style¦noscript›>›<‹x:=‹svg¦script¦math¦embed¦object¦form››‹/‹@tok›¦%00¦\v ¦ \"\"¦<›‹/¦ ›‹@event›‹%09¦ ¦/**/¦\f›=‹‹@js›¦'‹@js›'¦/*‹@tok›*/‹@js››‹>¦//¦<!--›",
    "vv",
)
attack(
    "marked_schemes",
    '‹¦"><a href=¦<iframe src=¦<form action=›‹javascript:‹@js›¦data:text/html,<script>‹@js›</script>¦vbscript:msgbox(‹@n›)›',
    "vv",
    rewrite=marked,
)

benign("brackets", "‹window¦top¦parent¦self¦frames›[‹@noun›] ‹@adj› [‹@n›] + (‹@n›)‹!¦!!¦?›", "vv")
benign(
    "emoji_joined",
    "‹👩\u200d💻¦👨\u200d👩\u200d👧¦🏳️\u200d🌈¦👩🏽\u200d🔬¦❤️\u200d🔥› ‹@adj› ‹@noun›‹¦ :)¦ <3¦ >_<›",
    "vvvrn",
)
