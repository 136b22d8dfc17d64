"""Requests forged on the server's side, session fixation, open redirects, and honest addresses: set aside."""

from __future__ import annotations

from benchmarks.requests.heldout.address_rules import RULES
from benchmarks.requests.heldout.grammar import Group

forged = Group("ssrf", RULES)
attack, benign = forged.attack, forged.benign

attack("hex_host", "‹@full›‹@hex›‹@rest›", "vvvrn")
attack(
    "userinfo_host",
    "‹@full›‹www.example.com¦example.com¦‹@tok›¦‹@tok›:‹@tok››@‹127.0.0.1¦169.254.169.254¦localhost¦@numeric¦@hex¦10.0.0.‹@n8››‹@rest›",
    "vv",
)
attack(
    "mixed_bases",
    "‹@full›‹0x7f.0.0.01¦0177.0x0.0.1¦0xa9.254.0251.254¦169.0xfe.43518¦127.0.0x01¦192.0250.0x‹@oct›.1¦10.0x0.‹@oct›.1¦127.00000.0001¦①27.0.0.1¦0x7f.①›‹@rest›",
    "vv",
)

benign(
    "api_addresses",
    "‹callback¦webhook¦feed›: https://‹api¦hooks¦cdn›.example.‹com¦org›/v‹@n›/‹@noun›?‹id¦t›=‹@n›",
    "vv",
)
benign("hex_numbers", "‹color¦shade¦commit¦order¦part› ‹#¦0x›‹@n›‹af¦7f¦c0¦a9›‹@n› ‹@noun›", "vvp")

hints = Group("sessions_and_redirects", RULES)
attack, benign = hints.attack, hints.benign

attack(
    "parser_redirect",
    "‹@redirect›=‹//‹@host›%00.example.com¦https://‹@host›%23.example.com¦//‹@host›%E3%80%82‹com¦net›/¦https://example.com.‹@host›/‹@tok›¦//‹@host›?.example.com¦///‹@host›/%2e%2e¦//3232235777/‹@tok›¦//%09/‹@host››",
    "q",
    wire=True,
)
attack(
    "script_redirect",
    "‹@redirect›=‹javascript:‹location='//‹@host›'¦alert(‹@n›)¦//%0aalert(‹@n›)›¦data:text/html,‹@tok›<meta http-equiv=refresh content=‹@n›;url=//‹@host›>¦java%0d%0ascript:‹@tok›(‹@n›)¦jaVAscript://‹@host›/%0aconfirm(‹@n›)›",
    "q",
    wire=True,
)

benign("encoded_paths", "‹@redirect›=%2F‹@noun›s%2F‹@n›%3F‹tab¦sort¦ref›%3D‹@adj›", "q", wire=True)
benign(
    "login_flow",
    "‹client_id=‹@tok›¦state=‹@tok›‹@n››&redirect_uri=https%3A%2F%2F‹app¦www›.example.com%2F‹callback¦oauth¦login›&scope=‹email¦profile¦openid›",
    "q",
    wire=True,
)
