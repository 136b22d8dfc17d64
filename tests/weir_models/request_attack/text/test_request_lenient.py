"""The lenient reading looks at no character again and again, and still finds what plain patterns find."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weir_models.request_attack.text import climbing
from weir_models.request_attack.text import lenient as module
from weir_models.request_attack.text.decoding import MALFORMED_MARK
from weir_models.request_attack.text.lenient import lenient

PIECES = (
    "% %% %c0 %ae %af %c0%af %e0 %80 %ff %2 %5 %g1 %zz %01 0x 2e 2f 5c u00 %u u2215 x \\ / . .. ? ?? ??? ../ ..? ?./ "
    "..\\ a z A 0 _ é ü_ - -- = & *~ ~!# |<> etc proc windows +ac4- &lt; c0 c1 ae af 9c"
).split()
TEXTS = st.lists(st.builds(str.__mul__, st.sampled_from([*PIECES, " ", "\x01"]), st.integers(1, 4)), max_size=25).map(
    "".join
)
BYTE, CONTROL = "[\udc80-\udcff]", r"[\x00-\x08\x0e-\x1f\x7f]"
PLAIN_CLIMBING = re.compile(r"(?:[.?]{2}[/\\?]){2,}(?=[.?]?\w)")
PLAIN_JUNK = re.compile(r"[^a-zA-Z0-9\s&=]{6,}(?=[\w])")


def plain_climbing(text: str) -> str:
    def steps(match: re.Match[str]) -> str:
        found = match.group()
        lost = found.count("?")
        return "../" * (len(found) // 3) + MALFORMED_MARK if 0 < lost <= len(found) * 2 / 3 else found

    return PLAIN_CLIMBING.sub(steps, text)


@given(TEXTS)
@settings(max_examples=1_000, deadline=None)
def test_runs_are_found_as_by_plain_patterns(text: str) -> None:
    assert climbing.CLIMBING.sub(climbing._lost, text) == plain_climbing(text)
    found = climbing.JUNK.sub(climbing._repeated_in, text)
    assert found == PLAIN_JUNK.sub(lambda match: climbing._repeated(match.group()), text)
    if not module.MAY_BE_WRITTEN.search(text):
        assert not module.WRITTEN_HEX.search(text)
    plain_control = re.compile(rf"(?<=[./\\]){CONTROL}+|{CONTROL}+(?=[./\\])")
    assert module.CONTROL.sub("x", text) == plain_control.sub("x", text)
    as_bytes = text.replace("é", "\udc80").replace("a", "\udcff")
    assert module.BEFORE_SIGN.sub("x", as_bytes) == re.sub(rf"{BYTE}+(?=[./\\])", "x", as_bytes)


@pytest.mark.parametrize(
    ("field", "read"),
    [
        ("a=..?..?..?etc", "a=../../../" + MALFORMED_MARK + "etc"),
        ("..?..?.htaccess", "../../" + MALFORMED_MARK + ".htaccess"),
        ("????????", "????????"),
        ("/..?..?..=a", "/..?..?..=a"),
        ("*~*~*~a", "*~*~*~a"),
        ("/é/é/é_ ", "/é/é/é../../../" + MALFORMED_MARK + "_ "),
    ],
)
def test_lost_separators_are_steps_up_before_a_name_alone(field: str, read: str) -> None:
    assert lenient(field) == read
