"""PHP code, and what sites and their readers write about it."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.php_rules import RULES

group = Group("php", RULES)
attack, benign = group.attack, group.benign

attack("short_tags", "‹<?=¦<? echo ¦<?=@›‹@call›(‹@arg›)‹¦;›?>", "vvra")
attack(
    "templated_tags",
    "‹{php}‹@run›{/php}¦{{php}}‹@run›{{/php}}¦<%= ‹@run› %>¦<%‹@run›%>¦[php]‹@run›[/php]¦{literal}{php}‹@run›{/php}{/literal}¦{php ‹@run›}›",
    "vv",
)
attack("gap_before_bracket", "‹¦;¦';¦\".¦'.›‹@call›‹@gap›(‹@arg›)‹;¦.'¦;//¦;#›", "vvvrn")
attack(
    "variable_function",
    "‹¦';¦;›$‹v:=‹@tok››=‹'‹@call›'¦\"‹@call›\"¦$_GET[‹@tok›]¦strrev('‹metsys¦cexe¦lave›')›;‹¦@›$‹§v›(‹@arg›);",
    "vv",
)
attack(
    "filter_wrapper",
    "php://filter/‹read=¦›‹convert.base64-encode¦string.rot13¦string.toupper|convert.iconv.utf-8.utf-16¦zlib.deflate/convert.base64-encode¦convert.quoted-printable-encode›/resource=‹index¦config¦../config¦admin/‹@tok›¦/etc/passwd¦‹@tok››‹¦.php›",
    "vvvrn",
)
attack(
    "data_wrapper",
    "‹data:‹//¦›text/‹plain¦html›‹;base64,PD9‹@tok›‹@tok›‹@tok›=¦,‹@open›‹@call›(‹@arg›);?>›¦expect://‹id¦ls¦whoami›¦phar://‹@tok›/‹@tok›.‹jpg¦png›/‹@tok›¦zip://‹@tok›.‹jpg¦zip›#‹@tok›¦glob:///‹@tok›/*¦compress.zlib://‹@tok›.gz¦ogg://‹@tok›.‹@tok›¦ssh2.exec://‹@tok›@‹@host›/id›",
    "vvvrn",
)

benign(
    "php_in_prose",
    "‹how to use¦difference between¦php error in¦what is› ‹@call› ‹and ‹@call›¦in php ‹@n›¦function¦deprecated›‹¦?¦ site:‹@host››",
    "vvvrn",
)
benign(
    "xml_declaration",
    '<?xml version=‹"1.0"¦\'1.0\'¦"1.1"› encoding=‹"UTF-8"¦\'utf-8\'¦"ISO-8859-1"›‹¦ standalone="yes"›?><items><‹e:=‹@noun›› id="‹@n›">‹@city›</‹§e›></items>',
    "v",
)
benign("php_pages", "‹@noun›-‹@n›.php‹¦/‹@topic›¦/edit¦;v=‹@n››", "p")
benign("serialized_looking", "‹a:‹@n›¦s:‹@n›¦i:‹@n›¦O:‹@n››/‹@topic›/‹@noun›‹:‹@n›¦›", "pp")
