"""Requests forged on the server's side, session fixation, open redirects, and honest addresses."""

from __future__ import annotations

from benchmarks.requests.heldout.address_rules import RULES
from benchmarks.requests.heldout.grammar import Group

forged = Group("ssrf", RULES)
attack, benign = forged.attack, forged.benign

attack("numeric_host", "‹@full›‹@numeric›‹@rest›", "vvvrn")
attack("octal_host", "‹@full›‹@octal›‹@rest›", "vv")
attack(
    "enclosed_host",
    "‹@full›‹⑯⑨。②⑤④。⑯⑨。②⑤④¦①②⑦。⓪。⓪。①¦①②⑦.⓪.⓪.①¦ⓛⓞⓒⓐⓛⓗⓞⓢⓣ¦１２７.０.０.１¦127。0。0。1¦ⅼocalhost¦𝟣𝟤𝟩.𝟢.𝟢.𝟣›‹@rest›",
    "vv",
)
attack(
    "ipv6_host",
    "‹@full›[‹::¦::1¦0:0:0:0:0:0:0:1¦::ffff:127.0.0.1¦::ffff:7f00:1¦::ffff:a9fe:a9fe¦::ffff:169.254.169.254¦fd00:ec2::254¦0000::1¦::1%25‹@tok››]‹@rest›",
    "vvvrn",
)
attack(
    "alias_host",
    "‹@full›‹127.0.0.1.nip.io¦‹@tok›.169.254.169.254.nip.io¦10.0.0.1.sslip.io¦‹@tok›.localtest.me¦lvh.me¦customer1.app.localhost.my.company.127.0.0.1.nip.io¦169-254-169-254.sslip.io¦metadata.google.internal¦instance-data¦metadata.azure.internal¦kubernetes.default.svc¦localhost.localdomain¦host.docker.internal›‹@rest›",
    "vv",
)
attack(
    "scheme_tricks",
    "‹gopher://127.0.0.1:‹6379¦25¦11211›/_‹@tok›%0d%0a‹@tok›¦dict://localhost:‹6379¦11211›/‹info¦stats¦‹@tok››¦file:///etc/‹passwd¦hosts¦‹@tok››¦file://localhost/‹@tok›¦netdoc:///‹@tok›¦jar:http://127.0.0.1/‹@tok›.jar!/‹@tok›¦ldap://127.0.0.1:‹389¦1389›/‹@tok›¦tftp://10.0.0.‹@n8›/‹@tok›¦url:file:///‹@tok››",
    "vvvrn",
)

benign(
    "ordinary_addresses",
    "https://‹www.example.com¦shop.example.org¦‹@tok›.example.net¦maps.google.com¦www.youtube.com›/‹@path›",
    "vvvrn",
)
benign("numbers", "‹2130706433¦0x‹@n›¦0177‹@n›¦167772‹@n›¦‹@n›.‹@n›.‹@n›¦v‹@n›.0.0.1¦0‹@n›-‹@n›‹@n›› ‹@noun›", "vvp")
benign("public_addresses", "‹ip¦whois¦ping¦address› ‹@ip›‹¦:8080¦/24›‹¦ location¦ owner¦ ‹@city››", "vvvrn")
benign("circled_words", "‹①②⑦¦⑯¦Ⓐ¦№‹@n›¦①› ‹@foreign› ‹@noun›", "vv")

hints = Group("sessions_and_redirects", RULES)
attack, benign = hints.attack, hints.benign

attack(
    "session_in_markup",
    "‹\">¦'>¦›‹<script>document.cookie=‹\"¦'›‹@sid›=‹@tok›‹@n›‹¦; path=/¦; domain=.example.com›‹\"¦'›</script>¦<meta http-equiv=Set-Cookie content=‹\"¦'›‹@sid›=‹@tok›‹@n›‹\"¦'›>›",
    "vvvrn",
)
attack(
    "session_by_line",
    "‹@tok›‹%0d%0a¦%0a¦%0D%0A¦%E5%98%8A%E5%98%8D›Set-Cookie:‹%20¦+¦›‹@sid›=‹@tok›‹@n›‹¦;%20path=/›",
    "vvp",
    wire=True,
)
attack(
    "backslash_redirect", "‹@redirect›=‹/\\¦\\\\¦/\\/¦//\\¦https:\\\\¦/%5c¦/%09/¦////›‹@host›/‹¦@tok›", "q", wire=True
)
attack(
    "userinfo_redirect",
    "‹@redirect›=‹https¦http›:‹//¦/¦›‹www.example.com¦example.com¦‹@tok››‹@¦%40¦:80@¦%20@¦%2540›‹@host›/‹¦@tok›",
    "q",
    wire=True,
)

benign(
    "session_names",
    "‹session¦PHPSESSID¦jsessionid¦cookie¦Set-Cookie› ‹explained¦@n¦not set¦expired¦tutorial¦meaning› ‹¦‹@lang›¦‹@city››",
    "vvvrn",
)
benign("own_redirects", "‹@redirect›=/‹@path›", "q", wire=True)
benign(
    "shop_redirects",
    "‹@redirect›=https%3A%2F%2Fwww.example.com%2F‹shop¦blog¦de¦account›%2F‹@noun›-‹@n›",
    "q",
    wire=True,
)
benign(
    "partner_links",
    "‹share_url¦link¦embed_src¦canonical›=https://‹www.example.com¦www.example.com/de¦blog.example.com›/‹@noun›/‹@n›",
    "q",
    wire=True,
)
