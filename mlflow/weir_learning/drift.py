"""Has the input or the score of a model changed since it was fitted? Columns are compared, then judged together.

Inputs are counts of the same bins: of a numeric column its reference-decile bins in their order and the null bin last; of a
categorical one its top categories, the others, and nulls. Two-dimensional counts (strata x bins) are compared within strata,
as hours of the day. The tests are in homogeneity.py, ids in novelty.py, texts in texts.py; all give an `Evidence`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from weir_learning.homogeneity import DRAWS, Values, benjamini_hochberg, psi, psi_p_value, rank_p_value, tables
from weir_learning.novelty import NewShare, new_share
from weir_learning.texts import TextAuc, text_auc

__all__ = [
    "Column",
    "ColumnDrift",
    "Comparison",
    "Evidence",
    "Kind",
    "NewShare",
    "StrataComparison",
    "TextAuc",
    "Verdict",
    "benjamini_hochberg",
    "compare",
    "compare_strata",
    "evidence_of",
    "new_share",
    "psi",
    "psi_p_value",
    "rank_p_value",
    "text_auc",
]

LEVEL = 0.005
"""Probability of a drifted column in a window in which nothing changed."""
FLOOR = 0.1
"""Least PSI that counts: of two normal columns it is the square of the shift in standard deviations, so about .3 of one."""
LEAST_ROWS = 30
"""A side with fewer rows is not judged."""
RETRAIN_SHARE, BLOCK_SHARE = 0.1, 0.5
"""Shares of the importance that drifted in two windows in a row."""
MOST_DRAWS = 200_000


class Kind(StrEnum):
    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    ID = "id"
    TEXT = "text"


class Verdict(StrEnum):
    """What a comparison says about a window."""

    NONE = "none"
    WATCH = "watch"
    RETRAIN = "retrain"
    BLOCK = "block"
    UNKNOWN = "unknown"
    """No column could be judged."""


@dataclass(frozen=True, eq=False)
class Column:
    """Counts of one column. ValueError unless both sides count the same bins."""

    name: str
    kind: Kind | str
    reference: ArrayLike
    window: ArrayLike
    importance: float = 1.0

    def __post_init__(self) -> None:
        try:
            Kind(self.kind)
            tables(self.reference, self.window)
        except ValueError as error:
            raise ValueError(f"column {self.name}: {error}") from None
        if not self.importance >= 0:
            raise ValueError(f"column {self.name}: importance is {self.importance}, it must not be negative")


@dataclass(frozen=True)
class Evidence:
    """What was found of one column, on the scale of PSI whatever its kind."""

    name: str
    kind: Kind | str
    psi: float
    p_value: float
    n: int
    """Rows of the window."""
    m: int
    """Rows of the reference."""
    importance: float = 1.0


@dataclass(frozen=True)
class ColumnDrift(Evidence):
    """Evidence among that of all columns."""

    q_value: float = math.nan
    """Adjusted for the number of columns; nan where the column was not judged."""
    is_drifted: bool = False
    is_lasting: bool = False
    """Drifted in the window before as well."""

    @property
    def is_judged(self) -> bool:
        return not math.isnan(self.q_value)


@dataclass(frozen=True)
class Comparison:
    """All columns of a window, and the verdict."""

    columns: tuple[ColumnDrift, ...]
    share: float
    """Of the importance of the judged columns, what drifted in this window; nan where none was judged."""
    lasting_share: float
    """The same, of columns that drifted in the window before as well."""
    verdict: Verdict
    sentence: str

    @property
    def drifted(self) -> frozenset[str]:
        """Names; `previous` of the next comparison."""
        return frozenset(column.name for column in self.columns if column.is_drifted)

    @property
    def unjudged(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if not column.is_judged)


@dataclass(frozen=True)
class StrataComparison:
    """A column compared within its strata."""

    psi: float
    """Of the window beside the reference with the window's mix of strata."""
    p_value: float
    n: int
    m: int
    unjudged_rows: int
    """Rows of the window in strata of which the reference has none."""


def compare_strata(
    reference: ArrayLike, window: ArrayLike, *, is_ordered: bool = False, seed: int = 0
) -> StrataComparison:
    """Compare counts of strata x bins, as hours of the day x bins; ordered bins have the null bin last."""
    r, w = tables(reference, window)
    missing = r.sum(1) == 0
    evidence = evidence_of(Column("strata", Kind.NUMERIC if is_ordered else Kind.CATEGORICAL, r, w), seed=seed)
    return StrataComparison(evidence.psi, evidence.p_value, evidence.n, evidence.m, int(w[missing].sum()))


def evidence_of(column: Column, *, draws: int = DRAWS, seed: int = 0) -> Evidence:
    """PSI with its p. Of a numeric column p is twice the lesser of PSI's and the rank-sum test's (Bonferroni).

    The first sees any change and the nulls, the second a shift that is small beside the noise of ten bins.
    """
    r, w = tables(column.reference, column.window)
    there = (r.sum(1) > 0) & (w.sum(1) > 0)
    p_value = psi_p_value(r, w, draws=draws, seed=seed)
    if Kind(column.kind) is Kind.NUMERIC and r.shape[1] > 2 and not math.isnan(p_value):
        ordered = rank_p_value(r[:, :-1], w[:, :-1])
        p_value = p_value if math.isnan(ordered) else min(1.0, 2 * min(p_value, ordered))
    n, m = int(w[there].sum()), int(r[there].sum())
    return Evidence(column.name, column.kind, psi(r, w), p_value, n, m, column.importance)


def compare(
    columns: Sequence[Column | Evidence],
    *,
    previous: Comparison | Collection[str] | None = None,
    level: float = LEVEL,
    floor: float = FLOOR,
    least_rows: int = LEAST_ROWS,
    retrain_share: float = RETRAIN_SHARE,
    block_share: float = BLOCK_SHARE,
    seed: int = 0,
) -> Comparison:
    """Judge the columns of a window together; `previous` is the comparison of the window before, or its drifted names.

    A column drifted where its q (Benjamini-Hochberg over the columns) is at most `level` and its PSI at least `floor`. One
    drifted column is `watch`; columns that drifted in two windows in a row are `retrain` from `retrain_share` of the
    importance and `block` from `block_share`, where most of what the model goes by is not what it was fitted on.
    ValueError where two columns have one name.
    """
    if len({column.name for column in columns}) < len(columns):
        raise ValueError("two columns have the same name")
    draws = min(MOST_DRAWS, max(DRAWS, round(2 * len(columns) / level)))
    found = [
        evidence_of(column, draws=draws, seed=seed) if isinstance(column, Column) else column for column in columns
    ]
    q_values = benjamini_hochberg([one.p_value if min(one.n, one.m) >= least_rows else math.nan for one in found])
    before = previous.drifted if isinstance(previous, Comparison) else frozenset(previous or ())
    judged = tuple(_among(one, float(q), level, floor, before) for one, q in zip(found, q_values, strict=True))
    share = _share(judged, [column.is_drifted for column in judged])
    lasting = _share(judged, [column.is_lasting for column in judged])
    verdict = _verdict(judged, lasting, retrain_share, block_share)
    return Comparison(judged, share, lasting, verdict, _sentence(verdict, judged, share, lasting))


def _among(one: Evidence, q_value: float, level: float, floor: float, before: Collection[str]) -> ColumnDrift:
    drifted = q_value <= level and one.psi >= floor
    lasting = drifted and one.name in before
    return ColumnDrift(
        one.name, Kind(one.kind), one.psi, one.p_value, one.n, one.m, one.importance, q_value, drifted, lasting
    )


def _share(columns: Sequence[ColumnDrift], chosen: Sequence[bool]) -> float:
    """Share of the importance of judged columns; each counts the same where none has any."""
    judged = np.array([column.is_judged for column in columns], dtype=bool)
    if not judged.any():
        return math.nan
    weights: Values = np.array([column.importance for column in columns], dtype=np.float64)
    if not weights[judged].sum() > 0:
        weights = np.ones(len(columns))
    return float(weights[judged & np.array(chosen, dtype=bool)].sum() / weights[judged].sum())


def _verdict(columns: Sequence[ColumnDrift], lasting: float, retrain_share: float, block_share: float) -> Verdict:
    if math.isnan(lasting):
        return Verdict.UNKNOWN
    if not any(column.is_drifted for column in columns):
        return Verdict.NONE
    if not any(column.is_lasting for column in columns) or lasting < retrain_share:
        return Verdict.WATCH
    return Verdict.BLOCK if lasting >= block_share else Verdict.RETRAIN


def _sentence(verdict: Verdict, columns: Sequence[ColumnDrift], share: float, lasting: float) -> str:
    judged = sum(column.is_judged for column in columns)
    left_out = f" {len(columns) - judged} could not be judged: too few rows." if judged < len(columns) else ""
    if verdict is Verdict.UNKNOWN:
        return f"None of the {len(columns)} columns could be judged: too few rows."
    if verdict is Verdict.NONE:
        return f"None of {judged} columns drifted.{left_out}"
    worst = sorted((column for column in columns if column.is_drifted), key=lambda c: (-c.is_lasting, -c.psi))
    names = ", ".join(f"{column.name} (PSI {column.psi:.2f})" for column in worst[:3])
    names += f" and {len(worst) - 3} more" if len(worst) > 3 else ""
    drifted = f"{len(worst)} of {judged} columns drifted, {share:.0%} of the importance: {names}"
    if verdict is Verdict.WATCH and not any(column.is_lasting for column in columns):
        return f"{drifted}; not in the window before, so it is watched.{left_out}"
    if verdict is Verdict.WATCH:
        return f"{drifted}; {lasting:.0%} for two windows in a row, too little to retrain for.{left_out}"
    if verdict is Verdict.RETRAIN:
        return f"{drifted}; {lasting:.0%} for two windows in a row, so the model should be fitted anew.{left_out}"
    return f"{drifted}; {lasting:.0%} for two windows in a row, so scores should cause no change until it is.{left_out}"
