"""Signals fire on their own examples, and the pre-screen hides no text on which one fires."""

from __future__ import annotations

import re
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.weir_models.request_attack.request_samples import COLUMNS
from weir_models.request_attack.batch import FIELDS, Batch
from weir_models.request_attack.signals import screen
from weir_models.request_attack.signals.catalog import SIGNALS
from weir_models.request_attack.signals.matching import fires, matches
from weir_models.request_attack.signals.signal import CLASSES, KINDS, VIEWS, Signal
from weir_models.request_attack.text.decoding import decode, fold
from weir_models.request_attack.text.units import Unit, lenient_units, units_of

EXAMPLES = [text for signal in SIGNALS for text in signal.matches]
ASCII = st.characters(max_codepoint=0x7F, include_characters="\u560a\u560d\ue000\ue001\ue003\ue004ωд゚ーノ")
"""And the characters that patterns name: disguised line ends, the marks of decoding."""
NAMES = [signal.name for signal in SIGNALS]


def fires_on(signal: Signal, text: str) -> bool:
    """Whether the signal fires in any unit of the field, whatever the screen says."""
    units = units_of(signal.example_kind, decode(text)) + lenient_units(signal.example_kind, text)
    return bool(fires(units, [signal]).any())


def hidden(kind: str, texts: list[str]) -> list[tuple[str, str]]:
    """Text of a unit and name of a signal that fires in it, for each unit of the fields that the screen passed over."""
    column = dict(FIELDS)[kind]
    frame = pd.DataFrame(
        [dict.fromkeys(COLUMNS) | {column: text} for text in texts],
        columns=[*dict.fromkeys((*COLUMNS, column))],
        dtype=object,
    )
    kept = set(Batch(frame).units)
    left: list[Unit] = sorted({unit for text in texts for unit in units_of(kind, decode(text))} - kept)
    return [(left[row].text, NAMES[column]) for row, column in np.argwhere(fires(left))]


def test_signals_have_own_names_and_known_classes() -> None:
    assert len(set(NAMES)) == len(SIGNALS)
    for signal in SIGNALS:
        assert signal.attack_class in CLASSES
        assert signal.view in VIEWS
        assert set(signal.kinds) <= set(KINDS)
        assert signal.pattern == signal.pattern.lower() or "\\" in signal.pattern


@pytest.mark.parametrize("signal", SIGNALS, ids=NAMES)
def test_a_signal_tells_its_examples_apart(signal: Signal) -> None:
    assert len(signal.matches) >= 2 and len(signal.passes) >= 2
    assert [text for text in signal.matches if not fires_on(signal, text)] == []
    assert [text for text in signal.passes if fires_on(signal, text)] == []


@pytest.mark.parametrize("kind", dict(FIELDS))
def test_the_screen_hides_no_example(kind: str) -> None:
    encoded = [quote(decode(text), safe="") for text in EXAMPLES]
    assert hidden(kind, EXAMPLES) + hidden(kind, encoded) == []


def drawn(pattern: str) -> list[str]:
    """Texts that the pattern matches, each percent-encoded as one value.

    Whole matches in ASCII: RE2's patterns may backtrack without end in Python where a longer text does not match.
    """
    texts: list[str] = []

    @given(st.from_regex(re.compile(pattern), fullmatch=True, alphabet=ASCII))
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    def collect(text: str) -> None:
        texts.append(quote(text, safe=""))

    collect()
    return texts


@pytest.mark.parametrize("kind", dict(FIELDS))
def test_the_screen_hides_no_text_of_a_pattern(kind: str) -> None:
    read_as = kind.replace("c", "v")  # shapes of cookies are read as queries
    texts = [text for signal in SIGNALS if read_as in signal.kinds for text in drawn(signal.pattern)]
    assert len(texts) > 700
    left = hidden(kind, texts)
    assert not left, left


def test_the_screen_looks_at_every_folded_character() -> None:
    others = [chr(code) for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000]
    folded = [sign for sign in others if any(c.isascii() for c in fold(sign))]
    assert len(folded) > 1000
    assert [sign for sign in folded if not matches(pa.array([sign]), screen.FOLDED)[0]] == []
