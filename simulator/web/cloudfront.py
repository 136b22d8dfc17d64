"""How CloudFront writes a request into a standard log (v1): field order, percent-encoding, one line.

Status, size and time of a request are computed in `responses.py`; `delivery.py` writes the files.
Source: "Standard log file fields" and "Standard log file format", CloudFront Developer Guide.
"""

from __future__ import annotations

import re

FIELDS = """\
date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type
x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type
cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len
sc-range-start sc-range-end""".split()
"""Today's fields in AWS's order. Fields were only ever added at the end, so an older layout is a prefix."""

LAYOUTS = (33, 26, 24, 19, 12)
"""How many fields the logs had: today, before 2019-12, before field-level encryption, before TLS fields, at first."""

ABSENT = "-"

_ENCODED = re.compile("[^!$&()*+,\\-./0-9:;=?@A-Z_a-z]")
_TABLE = [
    f"%{byte:02X}" if byte <= 32 or byte >= 127 or chr(byte) in "<>\"#%{}|\\^~[]`'" else chr(byte)
    for byte in range(256)
]


def header(layout: int) -> str:
    """The two lines that open a log file with that many fields."""
    return "#Version: 1.0\n#Fields: " + " ".join(FIELDS[:layout]) + "\n"


def encode(text: str) -> str:
    """What the client sent -> what the log holds: encoded once, whatever it was before; absent as `-`.

    Bytes that were no UTF-8 on the wire are lone surrogates in `text`, as Python's surrogateescape makes them.
    """
    if not text:
        return ABSENT
    if not _ENCODED.search(text):
        return text
    return "".join([_TABLE[byte] for byte in text.encode("utf-8", "surrogateescape")])


class Encoder:
    """`encode` with a cache: user agents, referers and paths repeat by the thousand."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        encoded = self._known.get(text)
        if encoded is None:
            encoded = self._known[text] = encode(text)
        return encoded
