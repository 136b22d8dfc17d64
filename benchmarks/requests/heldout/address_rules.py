"""Rules of hosts that are written unusually, and of addresses in parameters."""

from __future__ import annotations

from benchmarks.requests.heldout.words import COMMON

RULES = COMMON | {
    "scheme": ("http://", "https://", "//", "HTTP://", "http:\\\\", "gopher://", "dict://", "ftp://", "http:/", ""),
    "full": ("http://", "https://", "gopher://", "ftp://", "dict://", "hTTp://"),
    "rest": ("/", "", "/latest/meta-data/‹iam/security-credentials/¦hostname¦user-data¦›", "/admin", "/server-status", ":‹22¦25¦80¦443¦2375¦3306¦5000¦6379¦8080¦9200¦11211›/‹¦@tok›", "/computeMetadata/v1/", "/metadata/instance?api-version=2021-02-01", "/opc/v1/instance/", "/‹@tok›", "/_cat/indices", "/v1/agent/self", "/api/‹@tok›"),
    "numeric": ("2130706433", "2852039166", "3232235521", "3232235777", "167772161", "0", "127.1", "127.0.1", "10.1", "169.16689406", "169.254.43518", "2886729729"),
    "octal": ("0177.0.0.‹01¦1¦‹@oct››", "017700000001", "0251.0376.0251.0376", "0300.0250.0.‹@oct›", "012.0.0.‹@oct›", "0177.1", "00000177.0.0.1", "025177524776"),
    "hex": ("0x7f000001", "0x7f.0x0.0x0.0x1", "0xa9fea9fe", "0xa9.0xfe.0xa9.0xfe", "0xc0a80001", "0x7f.1", "0x7f.0.0.1", "0xA9FEA9FE", "0xc0.0xa8.1.‹@oct›", "0x0a.0.0.0x1", "0x000000007f000001"),
    "oct": tuple("01 02 05 07 011 012 0144 0376".split()),
    "path": ("login", "account/orders", "shop/‹@noun›-‹@n›", "blog/‹@topic›", "search?q=‹@noun›", "oauth/callback", "de/‹@city›", "img/‹@noun›.jpg"),
    "sid": tuple("PHPSESSID JSESSIONID sid session_id ASP.NET_SessionId sessionid connect.sid SESSID".split()),
    "redirect": tuple("next url redirect return returnTo continue goto dest redirect_uri target r u".split()),
}  # fmt: skip
