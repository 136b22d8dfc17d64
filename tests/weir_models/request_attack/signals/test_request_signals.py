"""Signals fire on their own examples and on no near miss."""

from __future__ import annotations

import pytest

from weir_models.request_attack.signals.catalog import SIGNALS
from weir_models.request_attack.signals.matching import fires
from weir_models.request_attack.signals.signal import CLASSES, KINDS, VIEWS, Signal
from weir_models.request_attack.text.decoding import decode
from weir_models.request_attack.text.units import units_of

NAMES = [signal.name for signal in SIGNALS]


def fires_on(signal: Signal, text: str) -> bool:
    """Whether the signal fires in any unit of the field, whatever the screen says."""
    return bool(fires(units_of(signal.example_kind, decode(text)), [signal]).any())


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
