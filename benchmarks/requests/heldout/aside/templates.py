"""Interpolation in templates and scripting languages, and honest braces: set aside."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.template_rules import RULES

group = Group("interpolation", RULES)
attack, benign = group.attack, group.benign

attack(
    "twig_filters",
    '{{‹["‹@cmd›"¦[\'‹@cmd›\'¦{"‹@tok›":"‹@cmd›"›‹]¦,0]›|‹map¦filter¦sort¦reduce›("‹system¦passthru¦exec¦shell_exec›")‹¦|join(\',\')›}}',
    "vv",
)
attack(
    "python_call",
    "‹¦'+¦\"+›__import__('‹os¦subprocess¦builtins¦pty¦socket›').‹system¦popen¦getoutput¦check_output¦spawn›('‹@cmd›')‹¦.read()¦+'¦+\"›",
    "vvvrn",
)
attack(
    "statement_tags",
    "{%‹ ¦- ›‹for ‹v:=‹@v›› in ‹()¦[]¦''›.__class__.__base__.__subclasses__() %}{{‹§v›}}{% endfor¦set ‹@tok›=‹config¦self›.__init__.__globals__¦import os %}{{os.popen('‹@cmd›').read()}}{%¦include '‹@path›'¦if request|attr('‹@tok›')›‹ ¦ -›%}",
    "vv",
)

benign("brace_styles", "‹@topic› {‹@adj› ‹@noun›‹ edition¦›}‹¦ [‹@n›]¦ (‹@n›)›", "vvvrn")
benign("percent_tags", "‹@n›% ‹@adj›, {‹@n›%} ‹@noun› <‹@n›%", "vv")
