"""Texts written to be expensive or to hide an attack: what they cost is bounded, what they hide is found."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.weir_models.request_attack.request_samples import ATTACKS, probability, requests
from weir_models.request_attack.batch import Batch
from weir_models.request_attack.model import RequestAttack
from weir_models.request_attack.text.decoding import MAX_EXPANSION, fold
from weir_models.request_attack.text.units import MAX_PARAMETERS, units_of

pytestmark = pytest.mark.attack("expensive and padded requests")

WORDS = "the blue lamp of our kitchen is on sale today and every guest who likes it can have two at home".split()
OF_A_STRING = {
    "sqli": "9' AND 7=7 UNION SELECT card,cvv FROM payments-- ",
    "blind": "x' AND SLEEP(5)-- -",
    "double": 'x" OR 1=1-- -',
    "tilde": '-7588" AND ~1501-- -',
}
ANYWHERE = {kind: ATTACKS[kind] for kind in ("xss", "template_injection", "jndi_and_deserialisation")}


def test_thousands_of_parameters_are_few_units() -> None:
    assert len(units_of("v", "&".join(f"a{n}='{n}" for n in range(2_000)))) == MAX_PARAMETERS + 1
    assert len(Batch(requests(*("&".join(f"a{n}={m}'" for n in range(1_000)) for m in range(20)))).units) < 20 * 70


@pytest.mark.parametrize("kind", sorted(ATTACKS))
@pytest.mark.parametrize("place", [0, MAX_PARAMETERS - 1, MAX_PARAMETERS, 400])
def test_a_parameter_hides_behind_no_number_of_others(request_model: RequestAttack, kind: str, place: int) -> None:
    pieces = [f"p{n}={n}" for n in range(500)]
    pieces[place] = "q=" + quote(ATTACKS[kind], safe="")
    frame = requests("&".join(pieces))
    assert request_model.predict(frame)["is_attack"].all()


@pytest.mark.parametrize("decoys", [0, 4, 30])
@pytest.mark.parametrize("kind", ["xss", "sqli", "command_injection"])
def test_base64_hides_behind_no_number_of_words(request_model: RequestAttack, kind: str, decoys: int) -> None:
    hidden = base64.b64encode(ATTACKS[kind].encode()).decode()
    readable = base64.b64encode(b"the blue lamp of our kitchen").decode()
    words = [f"w{n}={chr(97 + n % 26) * 12}" for n in range(decoys)] + [f"r{n}={readable}{n}" for n in range(decoys)]
    frame = requests("&".join([*words, "q=" + quote(hidden, safe="")]))
    assert request_model.predict(frame)["is_attack"].all()


def test_no_character_becomes_many() -> None:
    for code in range(0x80, 0x110000):
        if not 0xD800 <= code < 0xE000:
            assert len(fold(chr(code))) <= MAX_EXPANSION
    assert fold("ｕｎｉｏｎ ⒜ ﬁ ㎯") == "union (a) fi rad"


def test_ligatures_of_phrases_hide_nothing(request_model: RequestAttack) -> None:
    frame = requests("q=" + "\ufdfa" * 2_000 + ATTACKS["xss"])
    assert request_model.predict(frame)["is_attack"].all()


@given(
    st.sampled_from(sorted(OF_A_STRING)),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=1_200),
    st.sampled_from(["", "it''s ", '"home" ', "12 ", "a, b; "]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_in_the_string_hides_no_injection(
    request_model: RequestAttack, kind: str, words: list[str], start: str
) -> None:
    padded = start + " ".join(words) + " " + OF_A_STRING[kind]
    alone, within = probability(
        request_model, "q=" + quote(OF_A_STRING[kind], safe=""), "q=" + quote(padded[-7_000:], safe="")
    )
    assert alone >= request_model.threshold_ and within >= request_model.threshold_


@given(
    st.sampled_from(sorted(ANYWHERE)),
    st.lists(st.sampled_from(WORDS), max_size=600),
    st.lists(st.sampled_from(WORDS), max_size=600),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_around_it_lowers_no_score(
    request_model: RequestAttack, kind: str, before: list[str], after: list[str]
) -> None:
    padded = " ".join([*before, ANYWHERE[kind], *after])
    alone, within = probability(request_model, "q=" + quote(ANYWHERE[kind], safe=""), "q=" + quote(padded, safe=""))
    assert within >= alone
