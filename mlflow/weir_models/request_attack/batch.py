"""A batch of requests: distinct texts of their fields, the units of these, the signals that fire, and the way back to rows.

Each distinct text and unit is processed once; no result depends on the other rows of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from weir_models.request_attack import ranking
from weir_models.request_attack.signals import catalog, matching, screen
from weir_models.request_attack.signals.signal import Signal
from weir_models.request_attack.text.decoding import MAX_CHARACTERS, as_utf8, decode
from weir_models.request_attack.text.units import HIDING_KINDS, Unit, hidden_units, lenient_units, units_of

FIELDS = (("p", "uri_path"), ("v", "uri_query"), ("r", "referer"), ("a", "user_agent"), ("c", "cookie_shape"))
RANKED_KINDS = "pvr"
"""Fields by which requests below the threshold are ordered; user agents say more of the client than of the request."""
PLAIN_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
WRITING_METHODS = ("PUT", "MOVE", "COPY")
NO_UNIT = -1


class Batch:
    """Units of a frame of requests; `fired` is a 0/1 matrix of shape (units, signals)."""

    def __init__(
        self, frame: pd.DataFrame, signals: Sequence[Signal] = catalog.SIGNALS, ranks: NDArray[np.int8] | None = None
    ) -> None:
        """Decode, screen and split every distinct text once; `ranks` are the weights of the ranking."""
        self._ranks = ranks
        self._ranked: list[NDArray[np.float64]] = []
        self.size = len(frame)
        self.units: list[Unit] = []
        self._numbers: dict[Unit, int] = {}
        self._codes: list[NDArray[np.int64]] = []
        self._texts = 0
        self._found: list[tuple[int, int]] = []
        for kind, column in FIELDS:
            self._add(kind, arrow_text(frame[column]) if column in frame else pa.nulls(len(frame), pa.string()))
        self._add("m", _methods(frame))
        self._pairs = np.array(self._found, dtype=np.int64).reshape(-1, 2)
        self.fired = matching.fires(self.units, signals)

    def _add(self, kind: str, column: pa.Array) -> None:
        """Add the distinct texts of one field, and the units of those that pass the screen."""
        coded = column.dictionary_encode()
        texts = pc.utf8_slice_codeunits(coded.dictionary, 0, MAX_CHARACTERS)
        codes = coded.indices.cast(pa.int64()).fill_null(len(texts))
        self._codes.append(codes.to_numpy(zero_copy_only=False) + self._texts)
        logged, malformed = texts, screen.malformed(texts) if kind in HIDING_KINDS else np.zeros(len(texts), dtype=bool)
        encoded = np.flatnonzero(screen.undecoded(texts))
        if len(encoded):
            plain = texts.to_pylist()
            for position in encoded:
                plain[position] = decode(plain[position])
            texts = pa.array(plain, type=pa.string())
        if self._ranks is not None:
            rank = ranking.evidence(texts, self._ranks) if kind in RANKED_KINDS else np.zeros(len(texts))
            self._ranked.append(np.append(rank, 0.0))
        looks = screen.looks(kind, texts)
        hiding = screen.hiding(texts) if kind in HIDING_KINDS else np.zeros(len(texts), dtype=bool)
        chosen: list[int] = np.flatnonzero(looks.any(axis=0) | hiding).tolist()
        pieces: list[tuple[int, Unit]] = []
        if kind in HIDING_KINDS:
            climbing = np.flatnonzero(looks.any(axis=0) | hiding | screen.has_pair_of_dots(texts))
            malformed[climbing] |= screen.lost(texts.take(pa.array(climbing)))
        for place in np.flatnonzero(malformed).tolist():
            self._keep(self._texts + place, lenient_units(kind, logged[place].as_py()))
        for place, text in zip(chosen, texts.take(pa.array(chosen, type=pa.int64())).to_pylist(), strict=True):
            units = units_of(kind, text)
            if len(units) == 1:
                self._keep(self._texts + place, units)
            else:
                pieces += [(place, unit) for unit in units]
            if hiding[place]:
                self._keep(self._texts + place, hidden_units(text))
        self._keep_pieces(kind, pieces, looks)
        self._texts += len(texts) + 1

    def _keep_pieces(self, kind: str, pieces: list[tuple[int, Unit]], looks: NDArray[np.bool_]) -> None:
        """Screen the units of texts that have several, each by the looks that chose its text: most parameters are plain."""
        if not pieces:
            return
        at = np.array([position for position, _ in pieces])
        texts = pa.array([unit.text for _, unit in pieces], type=pa.string())
        keep = np.zeros(len(pieces), dtype=bool)
        for number, pattern in enumerate(screen.LOOKS[kind]):
            rows = np.flatnonzero(looks[number][at] & ~keep)
            if len(rows):
                keep[rows] = matching.matches(texts.take(pa.array(rows)), pattern)
        for row in np.flatnonzero(keep).tolist():
            position, unit = pieces[row]
            self._keep(self._texts + position, [unit])

    def _keep(self, text: int, units: Sequence[Unit]) -> None:
        """Record that the text contains the units."""
        for unit in units:
            number = self._numbers.setdefault(unit, len(self.units))
            if number == len(self.units):
                self.units.append(unit)
            self._found.append((text, number))

    def best_units(self, sums: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For each row the unit with the highest positive sum (NO_UNIT where there is none), and that sum."""
        text_best = np.full(self._texts, NO_UNIT, dtype=np.int64)
        text_sum = np.zeros(self._texts)
        texts, units = self._pairs[:, 0], self._pairs[:, 1]
        order = np.lexsort((units, -sums[units], texts))
        first = order[np.unique(texts[order], return_index=True)[1]]
        text_best[texts[first]], text_sum[texts[first]] = units[first], np.maximum(sums[units[first]], 0.0)
        best, top = np.full(self.size, NO_UNIT, dtype=np.int64), np.zeros(self.size)
        for codes in self._codes:
            better = text_sum[codes] > top
            best[better], top[better] = text_best[codes][better], text_sum[codes][better]
        return best, top

    def rank(self) -> NDArray[np.float64]:
        """How much the most suspicious of each row's texts resembles attacks, 0 to 1."""
        of_texts = np.concatenate(self._ranked)
        return np.max([of_texts[codes] for codes in self._codes], axis=0) if self.size else np.zeros(0)

    def rows_with_signal(self) -> NDArray[np.bool_]:
        """Whether each signal fires in any unit of each row; shape (rows, signals)."""
        of_texts = np.zeros((self._texts, self.fired.shape[1]), dtype=bool)
        np.logical_or.at(of_texts, self._pairs[:, 0], self.fired[self._pairs[:, 1]].astype(bool))
        of_rows = np.zeros((self.size, self.fired.shape[1]), dtype=bool)
        for codes in self._codes:
            of_rows |= of_texts[codes]
        return of_rows

    def units_of_rows(self, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Numbers of the units that occur in any of the rows."""
        used = np.zeros(self._texts, dtype=bool)
        for codes in self._codes:
            used[codes[rows]] = True
        return np.unique(self._pairs[used[self._pairs[:, 0]], 1])


def arrow_text(column: pd.Series) -> pa.Array:
    """The column as an Arrow string array, or as a dictionary of them where it has categories."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy()
        return pa.DictionaryArray.from_arrays(
            pa.array(codes, mask=codes < 0), arrow_text(pd.Series(column.cat.categories, dtype=object))
        )
    try:
        texts = pa.array(column, type=pa.string(), from_pandas=True)
        return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return pa.array([None if pd.isna(v) else as_utf8(str(v)) for v in column], type=pa.string())


def _methods(frame: pd.DataFrame) -> pa.Array:
    """Unusual methods, with the path where they write; null for PLAIN_METHODS."""
    coded = arrow_text(frame["method"]).dictionary_encode()
    names = np.array([*(text.upper() for text in coded.dictionary.to_pylist()), ""], dtype=object)
    codes = coded.indices.cast(pa.int64()).fill_null(len(names) - 1).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(~np.isin(names, ("", *PLAIN_METHODS))[codes])
    methods = names[codes[rows]].tolist()
    paths = frame["uri_path"].iloc[rows].tolist()
    unusual = np.full(len(frame), None, dtype=object)
    unusual[rows] = [
        f"{method} {path}" if method in WRITING_METHODS and isinstance(path, str) else method
        for method, path in zip(methods, paths, strict=True)
    ]
    return pa.array(unusual, type=pa.string())
