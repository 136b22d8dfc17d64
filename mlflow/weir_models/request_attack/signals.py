"""All signals of the model, and their evaluation over many units at once (RE2, which lets other threads run)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from weir_models.request_attack import decoding, signals_code, signals_markup, signals_probe, signals_sql, signals_system
from weir_models.request_attack.signal import KINDS, Signal
from weir_models.request_attack.units import Unit, view

_GATES = (
    (signals_sql.SIGNALS, r"['\"();=|&#*@`\[\]{}\\/-]|\b(?:x?or|and|union|select|having|where|when|order|group|limit|into|exec|declare|insert|update|delete|drop|create|alter|truncate|load|cast|convert|waitfor|null|like)\b|0x|_"),
    (signals_markup.SIGNALS, r"[<(`\[&>={}:]|--|__|script|\bon[a-z]|\bthrow|orderby"),
    (signals_system.SIGNALS, rf"[;|&`$<>\r\n\\{{}}\[\]%!{decoding.NULL_MARK}{decoding.OVERLONG_MARK}\x{{560a}}\x{{560d}}]|\.\.|\./|/\.|//|etc|proc/|\.(?:ini|log|conf|dat)|windows|winnt|inf\b|root|home/|var/|usr/|bin/|dev/|[a-z]:|cat|dir|ls|id|who|uname|config|ping|sleep|nc|wget|curl|net|get|print|import|os\.|php|sh\b|aaaaa|xxxxx|00000|11111|^[a-z]+$|^(?:put|move|copy)|con|nul|prn|aux|com1|lpt1|env|set|expr|echo|type|cmd|command|powershell|http"),
    (signals_code.SIGNALS, r"[{<(\[$#@:%!.?;\\=_]|\b(?:ro0ab|ac ?ed|h4si|yoso|gasv|c3p0|think|freemarker|groovy|ognl|xwork|vbulletin|localhost)"),
    (signals_probe.SIGNALS, r"."),
)
"""Signals by module, each with what a text must hold for any of them to fire: a cheap look before the dear ones."""

SIGNALS: tuple[Signal, ...] = tuple(signal for group, _ in _GATES for signal in group)
BY_NAME = {signal.name: signal for signal in SIGNALS}


def fires(units: Sequence[Unit], signals: Sequence[Signal] = SIGNALS) -> NDArray[np.uint8]:
    """One row a unit, one column a signal: 1 where the pattern occurs in the view that it reads."""
    found = np.zeros((len(units), len(signals)), dtype=np.uint8)
    column_of = {signal.name: column for column, signal in enumerate(signals)}
    kinds = np.array([unit.kind for unit in units], dtype="U1")
    texts = pa.array([unit.text for unit in units], type=pa.string())
    for group, gate in _GATES:
        stands = np.isin(kinds, list({kind for signal in group for kind in signal.kinds}))
        rows = np.flatnonzero(matches(texts, gate) & stands)
        columns: dict[str, pa.Array] = {}
        for signal in group:
            if signal.name not in column_of or not len(rows):
                continue
            if signal.view not in columns:
                columns[signal.view] = pa.array([view(signal.view, units[row]) for row in rows], type=pa.string())
            hits = matches(columns[signal.view], signal.pattern)
            if signal.kinds != KINDS:
                hits &= np.isin(kinds[rows], list(signal.kinds))
            found[rows, column_of[signal.name]] = hits
    return found


def matches(texts: pa.Array, pattern: str) -> NDArray[np.bool_]:
    """Where the pattern occurs, by RE2, which takes time in proportion to the text and lets other threads run."""
    return np.asarray(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False), dtype=bool)


def words(unit: Unit, signal: Signal) -> str:
    """The words of the unit that the signal fired on, on one line; empty where it read token types."""
    if signal.view == "tokens":
        return ""
    match = re.search(signal.pattern, view(signal.view, unit), re.ASCII)
    return " ".join(decoding.unmarked(match.group()).split()) if match else ""
