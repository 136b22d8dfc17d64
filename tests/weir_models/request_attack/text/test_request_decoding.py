"""Decoding: every way to write a text gives the one text that an application sees."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weir_models.request_attack.signals.signal import VIEWS
from weir_models.request_attack.text.decoding import OVERLONG_MARK, decode, fold, hidden_texts
from weir_models.request_attack.text.sql_tokens import token_types
from weir_models.request_attack.text.units import Unit, units_of, views


def view(name: str, unit: Unit) -> str:
    return views(unit)[VIEWS.index(name)]


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="%&\\"), max_size=40), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_repeated_encoding_decodes_to_the_text(text: str, layers: int) -> None:
    encoded = text
    for _ in range(layers):
        encoded = quote(encoded, safe="")
    assert decode(encoded) == text


@pytest.mark.parametrize(
    "written",
    ["%3Cscript%3E", "%253cscript%253e", "%u003cscript%u003e", "&lt;script&gt;", "&#60;script&#x3e;", "\\u003cscript\\x3e", "%26lt;script%26gt;", "&#x00003c;script&#062;"],
)  # fmt: skip
def test_all_encodings_of_a_tag_are_one_text(written: str) -> None:
    assert decode(written) == "<script>"


def test_half_an_escape_stays_as_it_is() -> None:
    assert decode("100% cotton & 5%") == "100% cotton & 5%"


def test_an_escape_whose_digits_are_escaped_is_decoded() -> None:
    assert decode("%%32%65%%32%65/") == "../"


def test_overlong_dots_and_slashes_are_marked() -> None:
    assert decode("%c0%ae%c0%ae%c0%afetc").replace(OVERLONG_MARK, "") == "../etc"
    assert OVERLONG_MARK in decode("%c0%ae%c0%ae/")


def test_bytes_of_other_charsets_are_not_overlong() -> None:
    assert OVERLONG_MARK not in decode("%C1%F4%BA%C0%D0%C2")
    assert OVERLONG_MARK not in decode("%C1%A1")


def test_a_lone_surrogate_can_be_held_by_utf8() -> None:
    decode("\\ud83d").encode("utf-8")
    assert decode("\\ud83d\\ude00") == "😀"


def test_spaces_and_full_width_letters_fold() -> None:
    assert fold("UNION+Select") == fold("union  select") == fold("ｕｎｉｏｎ　ｓｅｌｅｃｔ") == "union select"


def test_text_inside_unpadded_base64_is_found() -> None:
    hidden = base64.b64encode(b"<script>alert(1)</script>").decode().rstrip("=")
    assert hidden_texts("/" + hidden) == ["<script>alert(1)</script>"]


def test_random_bytes_in_base64_hide_no_text() -> None:
    assert hidden_texts(base64.b64encode(bytes(range(150, 200))).decode()) == []
    assert hidden_texts(base64.b64encode(bytes(range(1, 25))).decode()) == []


def test_an_ampersand_inside_a_value_stays() -> None:
    assert [unit.text for unit in units_of("v", "host=1.1.1.1 && id&page=2")] == ["host=1.1.1.1 && id", "page=2"]


def test_values_of_one_name_are_also_read_together() -> None:
    assert Unit("v", "1/*,*/union/*,*/select 2") in units_of("v", "id=1/*&id=*/union/*&id=*/select 2")


def test_a_referer_is_read_without_its_host() -> None:
    assert [unit.text for unit in units_of("r", "http://localhost:3000/a?b=c")] == ["/a", "b=c"]


def test_the_shell_view_drops_ignored_quotes() -> None:
    assert view("shell", Unit("v", "; c\\at /et'c'/pa\"ss\"wd")) == "; cat /etc/passwd"
    assert view("shell", Unit("v", "cat$ifs$9/etc/passwd")) == "cat /etc/passwd"


def test_views_drop_comments_and_spaces() -> None:
    assert view("sql", Unit("v", "id=1/**/union/*x*/select")) == "1 union select"
    assert view("compact", Unit("v", fold("java\n\tscript:al'+'ert"))) == "javascript:alert"


def test_a_condition_is_read_inside_quotes_only() -> None:
    assert "q:s&1o1c" in token_types("x' or 1=1--")
    assert token_types("black and white").startswith("n:n&n")
    assert token_types("black-white") == ""


def test_a_fraction_is_one_number_and_no_condition() -> None:
    assert token_types('1 and 1/2" button').startswith("n:1&1s")
    assert token_types("1 and 1/0").startswith("n:1&1o1")
