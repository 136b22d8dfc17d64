"""JavaScript on servers and disguised script in pages, and honest texts with their words."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.script_forms import letterless, marked, octal
from benchmarks.requests.heldout.script_rules import RULES

server = Group("server_javascript", RULES)
attack, benign = server.attack, server.benign

attack(
    "child_process",
    "‹@out›‹require¦global.process.mainModule.require¦process.mainModule.require¦module.require¦import›('‹node:¦›child_process').‹exec¦execSync¦spawn¦spawnSync›('‹@cmd›')‹¦.toString()›‹@end›",
    "vvvrn",
)
attack(
    "process_object",
    "‹@out›‹¦global.¦globalThis.›process.‹exit(‹@n›)¦kill(process.p‹pid¦id›,‹@n›)¦env.‹@tok›¦cwd()¦binding('‹fs¦spawn_sync¦natives›')¦abort()¦mainModule.filename¦versions.‹v8¦node¦uv›¦chdir('/‹@tok›')¦dlopen({},'/tmp/‹@tok›')›‹@end›",
    "vv",
)
attack(
    "endless_loop",
    "‹@out›‹while(‹1¦true¦!0¦1==1›){‹¦;›}¦for(;;)‹;¦{}¦{‹@v›++}›¦do{‹¦‹@v›++›}while(‹1¦!0¦true›)¦var ‹v:=‹@v››=new Date();do{‹@v›=new Date()}while(‹@v›-‹§v›<‹@n›000)¦(function ‹@v›(){‹@v›()})()›‹@end›",
    "vv",
)
attack(
    "prototype_by_name",
    "‹__proto__¦constructor[prototype]¦‹@tok›[__proto__]¦‹@tok›.__proto__¦__proto__.‹@tok››‹[‹isAdmin¦shell¦admin¦outputFunctionName¦polluted¦role¦‹@tok››]¦.‹admin¦shell¦toString¦‹@tok›››=‹true¦1¦‹@tok›¦admin›",
    "q",
    wire=True,
)
attack(
    "prototype_in_json",
    '{‹"__proto__":‹@polluted›¦"constructor":{"prototype":‹@polluted›}¦"‹@tok›":{"__proto__":‹@polluted›}›}',
    "v",
)
attack(
    "files",
    "‹@out›‹res.‹end¦send¦write›(¦›require('‹node:¦›fs').‹readFileSync¦readdirSync¦writeFileSync¦unlinkSync›('‹/etc/passwd¦.¦..¦app.js¦/‹@tok›¦package.json›'‹¦,'utf8'›)‹@end›",
    "vv",
)

benign(
    "node_in_prose",
    "‹node¦express¦npm› ‹require¦process.env¦child_process¦fs.readFile¦while loop¦prototype¦__proto__› ‹explained¦vs import¦not defined¦tutorial¦best practices› ‹@n›",
    "vvvrn",
)
benign(
    "deep_parameters",
    "‹filter¦options¦user¦constructor_id¦proto¦prototype›[‹color¦size¦name¦type›]=‹@noun›&‹sort¦dir›[‹price¦date›]=‹@n›",
    "q",
    wire=True,
)
benign(
    "snippets",
    '‹print(\'hello ‹@city›\')¦console.log("‹@noun›")¦for i in range(‹@n›): print(i)¦const ‹@v› = ‹@n›;¦let ‹@noun› = [‹@n›, ‹@n›]¦def ‹@noun›(x): return x + ‹@n›¦int main() { return ‹@n›; }¦echo "hello ‹@person›"›',
    "v",
)
benign(
    "json_state",
    '{"‹view¦theme¦prototype¦process›":"‹@noun›","‹page¦zoom›":‹@n›,"‹tags¦ids›":["‹@adj›","‹@topic›"]}',
    "v",
)

page = Group("script_disguises", RULES)
attack, benign = page.attack, page.benign

attack(
    "letterless",
    "‹fill¦find¦flat¦filter¦at¦sin¦return¦unite¦entries¦finite¦state›‹at¦in¦et¦is¦us¦if¦as¦u¦es¦d›",
    "vvvrn",
    rewrite=letterless,
)
attack(
    "octal_words",
    "‹@out›‹@global›[‹q:=‹'¦\"¦`››⟦‹alert¦confirm¦eval¦prompt¦print¦fetch›⟧‹§q›](‹@n›)‹@end›",
    "vv",
    rewrite=octal,
)
attack(
    "bracket_globals",
    "‹@out›‹@global›[‹'‹al¦ale›'+'‹ert¦rt›'¦'ev'+'al'¦/ale/.source+/rt/.source¦`con${'firm'}`¦(‹@n›+'‹@tok›').slice(0,5)¦'doc'+'ument'›]‹(‹@n›)¦['‹coo'+'kie¦dom'+'ain›']¦(name)¦`‹@n›`›‹@end›",
    "vvvrn",
)
attack(
    "split_handler",
    '‹¦"¦\'¦">›<‹@tag›‹/¦ ¦\t¦/‹@tok›/¦%0c›‹@tok›‹=‹@n›¦›‹/¦\n¦ ¦\f›‹@event›‹ ¦\t¦/ ¦\r›=‹ ¦\n¦›‹@js›',
    "vvvrn",
)
attack("marks_inside", "‹\">¦'>¦›<‹svg¦script¦details open¦iframe¦body› ‹@event›=‹@js›>", "vv", rewrite=marked)
attack(
    "scheme_split",
    "‹java¦jav¦javas›‹\t¦\n¦&Tab;¦&NewLine;¦&#10;¦/**/¦%0a¦&#x09;›‹¦a›script‹:¦&colon;¦&#58;›‹@js›",
    "vv",
)

benign(
    "javascript_titles",
    "‹JavaScript¦Javascript¦javascript›: ‹The ‹Good¦Definitive¦Missing› ‹Parts¦Guide¦Manual›¦a ‹@adj› introduction¦from ‹@noun› to ‹@noun›¦‹@person›'s ‹@topic› handbook›‹¦ (‹@n›)¦, ‹@n›. edition›",
    "vvvrn",
)
benign(
    "json_titles",
    '{"title":"‹JavaScript¦javascript¦Ajax¦Vue›: ‹@adj› ‹@noun›s","isbn":‹@n›‹@n›‹@n›,"author":"‹@last›"}',
    "v",
)
benign("joined_scripts", "‹@foreign› ‹\u200d¦\u200c¦\u200f¦\u00ad›‹@foreign›", "vvvrn")
benign("on_words", "‹online¦once¦onward¦on-load capacity¦on focus¦onion› = ‹@adj› ‹@noun›‹¦ ‹@n›¦ > ‹@noun››", "vvvrn")
