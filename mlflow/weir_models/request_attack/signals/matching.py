"""Signals evaluated over many units at once, by RE2: time linear in the text, without the interpreter lock."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from weir_models.request_attack.signals.catalog import SIGNALS
from weir_models.request_attack.signals.signal import VIEWS, Signal
from weir_models.request_attack.text import position
from weir_models.request_attack.text.decoding import unmarked
from weir_models.request_attack.text.units import Unit, value_of, views

GROUP_SIGNALS = 8
"""Signals that are searched for together; more make no difference, and exhaust RE2's cache of states at some point."""
VALUE_KINDS = "pvrc"
CHUNK_CHARACTERS = 4 << 20
"""Of the units that are matched at once: each has six views, and each view several copies."""


def fires(units: Sequence[Unit], signals: Sequence[Signal] = SIGNALS) -> NDArray[np.uint8]:
    """1 where a signal's pattern occurs in its view of a unit; shape (units, signals)."""
    fired = np.zeros((len(units), len(signals)), dtype=np.uint8)
    first, characters = 0, 0
    for number, unit in enumerate(units, 1):
        characters += len(unit.text)
        if characters >= CHUNK_CHARACTERS or number == len(units):
            fired[first:number] = _fired_at_once(units[first:number], signals)
            first, characters = number, 0
    return fired


def _fired_at_once(units: Sequence[Unit], signals: Sequence[Signal]) -> NDArray[np.uint8]:
    fired = np.zeros((len(units), len(signals)), dtype=np.uint8)
    kinds = np.array([unit.kind.replace("c", "v") for unit in units], dtype="U1")
    read = dict(zip(VIEWS, zip(*map(views, units), strict=True), strict=True))
    columns = {view: pa.array(column, type=pa.string()) for view, column in read.items()}
    part, rows, texts = None, np.empty(0, dtype=np.int64), pa.array([], pa.string())
    for group in _groups(tuple(signals)):
        if part != (group.view, group.kinds):
            part = (group.view, group.kinds)
            rows = np.flatnonzero(np.isin(kinds, list(group.kinds)))
            texts = columns[group.view].take(pa.array(rows))
        some = np.flatnonzero(matches(texts, group.any_pattern))
        if len(some):
            few = texts.take(pa.array(some))
            for column in group.columns:
                fired[rows[some], column] = matches(few, signals[column].pattern)
    _silence(fired, units, signals)
    return fired


def _silence(fired: NDArray[np.uint8], units: Sequence[Unit], signals: Sequence[Signal]) -> None:
    """Take back what needs a position to inject from where the unit has none."""
    silences = np.array([signal.silence for signal in signals])
    commands = np.array([signal.view == "shell" for signal in signals])
    queries = np.array([signal.attack_class == "sqli" for signal in signals])
    for row in np.flatnonzero(fired[:, (silences != "") | queries].any(axis=1)).tolist():
        kind, text = units[row]
        if kind not in VALUE_KINDS:
            continue
        if kind == "p" and position.is_served(text):
            fired[row, silences == "served"] = 0
        value = value_of(units[row])
        is_searched = position.is_search_box(text)
        if position.is_prose_box(text) and position.is_asked(value):
            fired[row, queries] = 0
        if position.ends_as_prose(value):
            fired[row, silences == "prose"] = 0
        if is_searched and position.is_spoken(value):
            fired[row, silences == "spoken"] = 0
        if is_searched and position.is_lesson(value):
            fired[row, silences == "lesson"] = 0
        if position.is_complete(value):
            fired[row, silences == "complete"] = 0
            if is_searched:
                fired[row, (silences == "searched") & (~commands | position.is_command_alone(value))] = 0


class _Group(NamedTuple):
    """Signals that read the same texts: most texts match none of them, which one search shows."""

    view: str
    kinds: str
    columns: tuple[int, ...]
    any_pattern: str


@lru_cache(maxsize=8)
def _groups(signals: tuple[Signal, ...]) -> list[_Group]:
    columns_of: dict[tuple[str, str], list[int]] = {}
    for column, signal in enumerate(signals):
        columns_of.setdefault((signal.view, signal.kinds), []).append(column)
    return [
        _Group(view, kinds, part, "|".join(f"(?:{signals[column].pattern})" for column in part))
        for (view, kinds), columns in columns_of.items()
        for start in range(0, len(columns), GROUP_SIGNALS)
        if (part := tuple(columns[start : start + GROUP_SIGNALS]))
    ]


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
