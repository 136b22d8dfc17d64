"""Escapes that do not decode: every separator and dot of a traversal may be written in them without a change of the verdict."""

from __future__ import annotations

from urllib.parse import quote

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.weir_models.request_attack.request_samples import BROWSER, COLUMNS, requests
from weir_models.request_attack.model import RequestAttack
from weir_models.request_attack.text.decoding import CLIMBING_MARK, MALFORMED_MARK, fold
from weir_models.request_attack.text.lenient import lenient
from weir_models.request_attack.text.units import lenient_units

pytestmark = pytest.mark.attack("rewritten requests")

FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
DOTS = {"overlong": ("%c0%ae", "%e0%80%ae", "%f0%80%80%ae"), "five and six bytes": ("%f8%80%80%80%ae", "%fc%80%80%80%80%ae"),
    "a lead byte before an ordinary character": ("%c0.", "%ff.", "%c0%2e", "%80."), "bits that nobody checks": ("%c0%6e", "%c0%ee", "%e0%40%ae", "%c1%ae"),
    "impossible digits": ("%c0%9u",), "look-alikes": ("%u2024", "%u3002", "%uff0e", "。"), "half an escape": ("%%32%65", "%2%65"),
    "written hex": ("0x2e", "%u002e", "\\x2e", "+AC4-"), "control characters": ("%01.", "%00.")}  # fmt: skip
SLASHES = {"overlong": ("%c0%af", "%e0%80%af", "%c1%9c"), "five and six bytes": ("%f8%80%80%80%af", "%fc%80%80%80%80%af"),
    "a lead byte before an ordinary character": ("%c0/", "%f5/", "%c0%2f", "%c0%5c"), "bits that nobody checks": ("%c0%6f", "%c0%ef", "%c1%1c", "%c1%af"),
    "impossible digits": ("%bg%qf", "%c0%9v", "%c1%8s", "%c1%pc"), "look-alikes": ("%u2215", "%u2216", "%uefc8", "%uf025", "∕", "⧵"),
    "half an escape": ("%2/", "%/", "%2%2f", "%2%66"), "written hex": ("0x2f", "0x5c", "u2215", "%u005c", "+AC8-"),
    "a lost character": ("?", "%3f"), "control characters": ("%01/", "/%1f")}  # fmt: skip
TARGETS = ("etc/passwd", "windows/win.ini", "WEB-INF/web.xml", "proc/self/environ", "srv/shop/settings.yml")


@st.composite
def written(draw: st.DrawFn, how: str) -> str:
    """A traversal of which some dots and separators, or all of them, are written in one family of disguises."""
    is_all = draw(st.booleans())
    text = "../" * draw(st.integers(3, 7)) + draw(st.sampled_from(TARGETS))
    dots, slashes = DOTS.get(how, (".",)), SLASHES[how]
    dot, slash = draw(st.sampled_from(dots)), draw(st.sampled_from(slashes))
    signs = [
        {".": dot, "/": slash}.get(sign, sign) if is_all or draw(st.booleans()) else sign
        for sign in text
    ]  # fmt: skip
    return "".join(signs)


@pytest.mark.parametrize("how", SLASHES)
@given(data=st.data())
@FEW
def test_a_disguised_traversal_keeps_its_verdict(request_model: RequestAttack, how: str, data: st.DataObject) -> None:
    texts = data.draw(st.lists(written(how), min_size=6, max_size=12))
    queries = requests(*(f"file={text}" for text in texts))
    in_paths = pd.DataFrame(
        [("GET", f"/static/{text}", None, BROWSER, None) for text in texts], columns=COLUMNS, dtype=object
    )
    for frame in (queries, in_paths):
        found = request_model.predict(frame)
        assert [text for text, is_attack in zip(texts, found["is_attack"], strict=True) if not is_attack] == []
        assert set(found["attack_class"]) <= {"path_traversal", "protocol_abuse"}


@pytest.mark.parametrize("joint", ["^", "%c1%af", "%zz", "|", "%%", "::", "%c0%fe", "", "?"])
def test_a_known_target_is_recognized_whatever_joins_its_parts(request_model: RequestAttack, joint: str) -> None:
    assert request_model.predict(requests(f"file=etc{joint}passwd", f"f=x{joint}windows{joint}win.ini"))[
        "is_attack"
    ].all()


@pytest.mark.parametrize(
    "sign",
    ["=2F", "{2f}", "_x002f_", "%0x2f", "\\057", "2f", "(/)", "/;a=b/", "/%20/", "%zz", "%c0%zf", "^~", "U+002F"],
)
def test_a_separator_that_nobody_knows_is_one_by_repetition(request_model: RequestAttack, sign: str) -> None:
    queries = [
        f"file={('..' + sign) * 4}notes.yml",
        f"file={('..' + sign) * 2}etc{sign}passwd",
        f"f=../..{sign}etc{sign}shadow",
    ]
    assert request_model.predict(requests(*queries))["is_attack"].all()


def test_prose_between_dots_is_no_separator(request_model: RequestAttack) -> None:
    queries = [
        "q=green...green...greenish",
        "q=so..on..and..so..on",
        "q=1..2..2..3",
        "q=wait..(what)..(what)",
        "v=a..b/c..b/d",
    ]
    assert not request_model.predict(requests(*queries))["is_attack"].any()


def test_a_path_in_bare_hex_is_read(request_model: RequestAttack) -> None:
    hidden = b"../../etc/passwd".hex()
    assert request_model.predict(requests(f"f={hidden}", f"f=0x{hidden.upper()}"))["is_attack"].all()
    assert not request_model.predict(requests("f=" + "6e6f7465732e7478742061", "id=5f4dcc3b5aa765d61d8327deb882cf99"))[
        "is_attack"
    ].any()


def test_repeated_junk_before_a_name_climbs(request_model: RequestAttack) -> None:
    found = request_model.predict(requests("f=" + ".^/" * 5 + "notes.yml", "f=" + "%c0%5e%c0%5e/" * 4 + "notes.yml"))
    assert set(found["attack_class"]) == {"path_traversal"}


@pytest.mark.parametrize(
    "text", ["g%FCnstige%20M%F6bel/K%FCche/B%E4der", "%C0%EF%B3%A4/%C1%DC", "100%/50%", "caf%E9/men%FA.html", "5%2 of 3", "what????? ok", "x2f engine",
        "%D0%BF%D1%80%D0%B8%D0%B2%D0", "wait..?..?", "----------a", "v1.2...v1.3", "etc. passwd reset", "最好的书。"]
)  # fmt: skip
def test_bytes_of_old_charsets_and_odd_prose_pass(request_model: RequestAttack, text: str) -> None:
    found = request_model.predict(requests(f"q={text}", f"q={quote(text)}"))
    assert not found["is_attack"].any(), found["reason"].tolist()


def test_malformed_escapes_are_counted() -> None:
    (unit,) = lenient_units("v", "f=%c0.%c0.%c0/a")
    assert unit.text == "f=../a" + 3 * MALFORMED_MARK + CLIMBING_MARK
    assert lenient_units("v", "f=%C3%A9/a%2fb") == []


@given(st.text(alphabet="%c0afe2.?/\\gqu5x\n", max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_has_a_lenient_reading(text: str) -> None:
    fold(lenient(text)).encode("utf-8")
