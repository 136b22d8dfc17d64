"""PHP code, and what sites and their readers write about it: set aside."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.php_rules import RULES
from benchmarks.requests.heldout.words import mixed_case

group = Group("php", RULES)
attack, benign = group.attack, group.benign

attack(
    "mixed_case_tags",
    '‹<?php¦<?pHp¦<script language="php">›‹@gap›‹@call›‹@gap›(‹@arg›)‹;?>¦;__halt_compiler();¦;</script>›',
    "vva",
    rewrite=mixed_case,
)
attack(
    "callbacks",
    "‹¦;¦')?›‹array_map¦usort¦array_filter¦call_user_func¦register_shutdown_function¦preg_replace_callback¦array_walk›‹¦@gap›(‹'‹@call›'¦\"‹@call›\"›,‹@arg›)‹;¦.'¦?>›",
    "vv",
)
attack(
    "braced_calls",
    '‹${‹@call›(‹@arg›)}¦{${‹@call›(‹@arg›)}}¦".`‹id¦ls -la¦uname›`."‹@tok›¦(‹\'‹@call›\'¦"‹@call›"›)(‹@arg›);¦[‹@arg›,‹@arg›]|> ‹@call›(...)¦\\‹@call›(‹@arg›);›',
    "vvvrn",
)

benign("php_code_terms", "‹@call›-‹@noun› ‹@n› (‹@adj›)", "vvp")
benign("question_marks", "<‹@adj›?> ‹really?¦why?¦who?› ‹@prose›", "vvvrn")
