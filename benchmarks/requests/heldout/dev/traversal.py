"""Traversal under a disguise that does not decode, and malformed escapes of honest clients."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.traversal_rules import RULES
from benchmarks.requests.heldout.words import cut_utf8, hex_case, old_client

group = Group("traversal", RULES)
attack, benign = group.attack, group.benign

attack("lead_before_plain", r"..‹l:=‹@lead››‹s:=‹@plain››‹..‹§l›‹§s›*1-6›‹@target›", "vvp", wire=True, rewrite=hex_case)
attack("overlong_slash", r"..‹s:=‹@slash2››‹..‹§s›*1-7›‹@target›", "vvpr", wire=True, rewrite=hex_case)
attack(
    "overlong_dot_and_slash",
    r"‹d:=‹@dot2››‹§d›‹s:=‹@slash2››‹‹§d›‹§d›‹§s›*1-6›‹@target›",
    "vvp",
    wire=True,
    rewrite=hex_case,
)
attack(
    "three_and_four_bytes",
    r"‹d:=‹.¦@dot3››‹§d›‹s:=‹@slash3››‹‹§d›‹§d›‹§s›*1-5›‹@target›",
    "vvp",
    wire=True,
    rewrite=hex_case,
)
attack(
    "u_lookalike", r"..‹s:=‹%u2215¦%u2216¦%uff0f¦%uEFC8¦%uF025¦%u002f¦%u005c››‹..‹§s›*1-6›‹@target›", "vvp", wire=True
)
attack("half_encoded", r"..‹s:=‹%2¦%%32f¦%2%66¦%%35c¦%25%32%66¦%2%2f¦%5%63››‹..‹§s›*1-6›‹@target›", "vvp", wire=True)
attack(
    "doubled_units",
    r"‹u:=‹....//¦..././¦....\/¦....\\¦.../...//¦..;/¦..//¦..\./››‹‹§u›*2-6›‹s:=/›‹@target›",
    "vvpr",
    wire=True,
)
attack("lost_character", r"..‹s:=‹?¦%3f¦%3F››‹..‹§s›*1-6›‹@target›", "v", wire=True)

benign("old_charset", "‹@letters›", "vvpr", wire=True, rewrite=old_client)
benign("cut_utf8", "‹@letters› ‹@foreign›", "vvpr", wire=True, rewrite=cut_utf8)
benign("utf8", "‹@foreign›‹¦ ‹@n›¦ ‹@city››", "vvpr")
benign("percent_in_prose", "‹@n›%‹ off¦ cotton¦ wool¦¦ faster¦ of ‹@noun›s¦-Rabatt› ‹@adj› ‹@noun›", "vvvrn", wire=True)
benign(
    "ordinary_folders",
    "‹windows/repair-shop¦etc/opening-hours¦boot/size-‹@n›¦self/care¦proc/overview¦environment/‹@topic›¦passwords/tips¦hosts/‹@city›¦web.xml-guide¦env/‹@city›¦config/git-basics›/‹@noun›-‹@n›‹¦.html¦/›",
    "vpp",
)
benign("compared_versions", "‹compare/¦diff/¦›v‹@n›.‹@n›‹..¦...›v‹@n›.‹@n›", "vp")
