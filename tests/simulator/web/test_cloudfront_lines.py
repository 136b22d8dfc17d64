"""Lines as CloudFront would write them: encoding, fields, values. Whole days are in test_simulated_day.py."""

from __future__ import annotations

import pytest

from simulator.web.cloudfront import FIELDS, LAYOUTS, encode, header


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ("/caf%C3%A9", "/caf%25C3%25A9"),
        ("a b\tc", "a%20b%09c"),
        ("q=%20", "q=%2520"),
        ("<script>\"'`#{}|\\^~[]", "%3Cscript%3E%22%27%60%23%7B%7D%7C%5C%5E%7E%5B%5D"),
        ("é", "%C3%A9"),
        ("\udcff\x00\x7f", "%FF%00%7F"),
        ("/a-b_c.d!$&()*+,;=:@?", "/a-b_c.d!$&()*+,;=:@?"),
        ("", "-"),
    ],
)
def test_the_log_encodes_requests_exactly_once(sent: str, logged: str) -> None:
    assert encode(sent) == logged


def test_every_byte_is_encoded_as_the_documentation_says() -> None:
    for byte in range(1, 256):
        text = bytes([byte]).decode("utf-8", "surrogateescape")
        must = byte <= 32 or byte >= 127 or text in "<>\"#%{}|\\^~[]`'"
        assert encode(text) == (f"%{byte:02X}" if must else text)


def test_an_older_layout_is_the_beginning_of_todays() -> None:
    assert len(FIELDS) == 33
    for layout in LAYOUTS:
        assert header(layout) == "#Version: 1.0\n#Fields: " + " ".join(FIELDS[:layout]) + "\n"
    assert header(12).endswith("cs(User-Agent) cs-uri-query\n")
    assert header(19).endswith("cs-bytes time-taken\n")
    assert header(24).endswith("x-edge-response-result-type cs-protocol-version\n")
    assert header(26).endswith("fle-status fle-encrypted-fields\n")
