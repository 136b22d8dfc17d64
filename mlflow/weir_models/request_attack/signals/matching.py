"""Signals evaluated over many units at once, by RE2: time linear in the text, without the interpreter lock."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from weir_models.request_attack.signals.catalog import SIGNALS
from weir_models.request_attack.signals.signal import VIEWS, Signal
from weir_models.request_attack.text.decoding import unmarked
from weir_models.request_attack.text.units import Unit, views


def fires(units: Sequence[Unit], signals: Sequence[Signal] = SIGNALS) -> NDArray[np.uint8]:
    """1 where a signal's pattern occurs in its view of a unit; shape (units, signals)."""
    fired = np.zeros((len(units), len(signals)), dtype=np.uint8)
    if not units:
        return fired
    kinds = np.array([unit.kind for unit in units], dtype="U1")
    read = dict(zip(VIEWS, zip(*map(views, units), strict=True), strict=True))
    texts = {view: pa.array(column, type=pa.string()) for view, column in read.items()}
    rows = {signal.kinds: np.flatnonzero(np.isin(kinds, list(signal.kinds))) for signal in signals}
    parts: dict[tuple[str, str], pa.Array] = {}
    for column, signal in enumerate(signals):
        part = (signal.view, signal.kinds)
        if part not in parts:
            parts[part] = texts[signal.view].take(pa.array(rows[signal.kinds]))
        fired[rows[signal.kinds], column] = matches(parts[part], signal.pattern)
    return fired


def matches(texts: pa.Array, pattern: str) -> NDArray[np.bool_]:
    """Whether the pattern occurs in each text."""
    return np.asarray(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False), dtype=bool)


def words(units: Sequence[Unit], pairs: Sequence[tuple[int, Signal]]) -> list[str]:
    """For each pair (number of a unit, signal that fired in it) the matched words on one line; empty for token types."""
    quoted = [""] * len(pairs)
    places_of: dict[Signal, list[int]] = {}
    for place, (_, signal) in enumerate(pairs):
        if signal.view != "tokens":
            places_of.setdefault(signal, []).append(place)
    for signal, places in places_of.items():
        number = VIEWS.index(signal.view)
        texts = pa.array([views(units[pairs[place][0]])[number] for place in places], type=pa.string())
        matched = pc.extract_regex(texts, f"(?P<words>{signal.pattern})").field("words").to_pylist()
        for place, text in zip(places, matched, strict=True):
            quoted[place] = " ".join(unmarked(text or "").split())
    return quoted
