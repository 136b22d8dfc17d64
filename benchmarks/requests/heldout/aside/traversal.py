"""Traversal under a disguise that does not decode, and malformed escapes of honest clients: set aside."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.traversal_rules import RULES
from benchmarks.requests.heldout.words import escape_call, hex_case

group = Group("traversal", RULES)
attack, benign = group.attack, group.benign

attack(
    "five_and_six_bytes",
    r"‹d:=‹.¦@dot56››‹§d›‹s:=‹@slash56››‹‹§d›‹§d›‹§s›*1-4›‹@target›",
    "vvp",
    wire=True,
    rewrite=hex_case,
)
attack(
    "hex_as_text", r"..‹s:=‹0x2f¦0x5c¦\x2f¦\x5c¦&#x2f;¦x2f¦=2F¦\u002f¦&#47;››‹..‹§s›*1-6›‹@target›", "vvp", wire=True
)
attack(
    "impossible_digits",
    r"‹d:=‹.¦%c0%.¦%c0%ae››‹§d›‹s:=‹%c0%9v¦%gf¦%1u¦%c0%hf¦%c1%zc¦%zz/¦%2g/¦%q5››‹‹§d›‹§d›‹§s›*1-6›‹@target›",
    "vvp",
    wire=True,
)
attack(
    "mixed_units",
    r"‹s:=‹@slash2¦@slash3››‹..;‹§s›¦..‹@lead›/¦.%00.‹§s›¦..%09‹§s›¦.%2e‹§s›*1-5›‹..‹§s›*1-3›‹@target›",
    "vvp",
    wire=True,
    rewrite=hex_case,
)

benign("escape_call", "‹@letters›‹¦ & ‹@city›¦ ‹@n›%›", "vvvrn", wire=True, rewrite=escape_call)
benign("loose_percent", "‹@adj›%‹2 ¦ ¦20%¦z¦ 5¦-› ‹@noun› ‹@n›%‹¦ ¦2¦!¦E›", "vvp", wire=True)
benign("dots_in_prose", "‹so…¦wait...¦hmm..¦and then....¦etc...›‹ ¦/› ‹@prose›‹..¦...¦ /..›", "vvvrn")
