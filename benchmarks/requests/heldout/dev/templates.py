"""Interpolation in templates and scripting languages, and honest braces."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.template_rules import RULES

group = Group("interpolation", RULES)
attack, benign = group.attack, group.benign

attack(
    "arithmetic_probe",
    "‹{{‹@sum›}}¦{{ ‹@sum›|e }}¦${‹@sum›}¦#{‹@sum›}¦<%= ‹@sum› %>¦*{‹@sum›}¦@(‹@sum›)¦${{‹@sum›}}¦{{=‹@sum›}}¦%{‹@sum›}¦[[${‹@sum›}]]¦~{‹@sum›}›",
    "vvvrna",
)
attack(
    "jinja_objects",
    "{{‹ ¦›‹''¦[]¦()¦self¦config¦request¦cycler¦lipsum¦url_for¦joiner›‹@reach›‹¦‹@reach››‹ ¦›}}",
    "vvvrn",
)
attack(
    "freemarker",
    '‹<#assign ‹v:=‹@tok››="freemarker.template.utility.‹Execute¦ObjectConstructor¦JythonRuntime›"?new()>‹${‹§v›("‹@cmd›")}¦[=‹§v›(\'‹@cmd›\')]›¦${"freemarker.template.utility.Execute"?new()("‹@cmd›")}›',
    "vv",
)
attack(
    "erb",
    "<%‹=¦-¦=-› ‹`‹@cmd›`¦system('‹@cmd›')¦IO.popen('‹@cmd›').read¦File.read('‹@path›')¦Dir.entries('/‹@tok›')¦ENV.to_h¦%x(‹@cmd›)¦Kernel.exec(\"‹@cmd›\")› ‹-¦›%>",
    "vvvrn",
)
attack(
    "expression_language",
    "‹$¦#¦%¦*›{‹(\"\"‹¦.concat('‹@tok›')›).getClass().forName('java.lang.‹Runtime¦ProcessBuilder¦System›')¦T(java.lang.‹Runtime¦System›).get‹Runtime().exec('‹@cmd›')¦env()¦Property('‹@tok›')›¦applicationScope.‹@tok›¦pageContext.request.‹getSession()¦servletContext.classLoader›¦new java.util.Scanner(‹@tok›)›}‹¦@tok›",
    "vvvrna",
)
attack(
    "ruby_string",
    "‹q:=‹¦'¦\"››#{‹`‹@cmd›`¦%x‹[‹@cmd›]¦{‹@cmd›}›¦system(\"‹@cmd›\")¦open('|‹@cmd›').read¦eval(params[:‹@tok›])¦File.read(\"‹@path›\")¦Process.spawn('‹@cmd›')›}‹§q›",
    "vv",
)

benign(
    "mustache_variables",
    "{{‹ ¦›‹first_name¦user.name¦order.id¦company¦city¦product.title¦unsubscribe_url›‹ ¦›}}‹¦-‹@n›¦ ‹@city›¦/‹@noun››",
    "vvpr",
)
benign(
    "unfilled_variables",
    "‹$¦#¦%¦@¦›{‹user¦lang¦width¦campaign.id¦creative¦placement¦keyword›}‹&¦-¦_¦ ›‹@noun›‹@n›",
    "vvvrn",
)
benign(
    "app_agents",
    "‹Shop¦Feed¦Garden¦News›App/‹@n›.‹@n› (‹Android ‹@n›¦iOS ‹@n›¦‹@city››; ‹{‹@tok›‹@n›}¦{{build}}¦${version}¦#‹@n›¦%s›‹; ‹@lang›¦›)",
    "a",
)
benign("set_notation", "{‹@n›, ‹@n›, ‹@n›} ‹∪¦∩¦and¦*› {‹x¦n¦y› | ‹x¦n¦y› ‹>¦<¦=› ‹@n›}", "vv")
benign("arithmetic", "‹@num› ‹*¦+¦-¦/› ‹@num›‹ =¦ = ?¦›‹¦ ‹@noun›s›", "vvvrn")
