"""All signals of the model, and their evaluation over many units at once (RE2, which lets other threads run)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from weir_models.request_attack import signals_code, signals_markup, signals_probe, signals_sql, signals_system
from weir_models.request_attack.signal import VIEWS, Signal
from weir_models.request_attack.units import Unit, views_of

SIGNALS: tuple[Signal, ...] = (
    *signals_sql.SIGNALS,
    *signals_markup.SIGNALS,
    *signals_system.SIGNALS,
    *signals_code.SIGNALS,
    *signals_probe.SIGNALS,
)
BY_NAME = {signal.name: signal for signal in SIGNALS}


def fires(units: Sequence[Unit], signals: Sequence[Signal] = SIGNALS) -> NDArray[np.uint8]:
    """One row a unit, one column a signal: 1 where the pattern occurs in the view that it reads."""
    found = np.zeros((len(units), len(signals)), dtype=np.uint8)
    by_kind: dict[str, list[int]] = {}
    for row, unit in enumerate(units):
        by_kind.setdefault(unit.kind, []).append(row)
    for kind, rows in by_kind.items():
        views = list(zip(*(views_of(units[row]) for row in rows), strict=True))
        columns = {view: pa.array(texts, type=pa.string()) for view, texts in zip(VIEWS, views, strict=True)}
        index = np.array(rows)
        for column, signal in enumerate(signals):
            if kind in signal.kinds:
                hits = pc.match_substring_regex(columns[signal.view], signal.pattern)
                found[index, column] = hits.to_numpy(zero_copy_only=False)
    return found


def words(unit: Unit, signal: Signal) -> str:
    """The words of the unit that the signal fired on; empty where it did not."""
    view = views_of(unit)[VIEWS.index(signal.view)]
    match = re.search(signal.pattern, view)
    return "" if match is None or signal.view == "tokens" else match.group()
