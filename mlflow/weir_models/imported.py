"""A classifier of scikit-learn that somebody trained elsewhere, with the outputs that a model's specification declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from weir_models.estimator import Estimator


class ImportedClassifier(Estimator):
    """Predicts the score and the flag of one specification by a fitted binary classifier; it gives no reasons."""

    def __init__(
        self,
        estimator: Any,
        columns: Sequence[str],
        score: str,
        flag: str,
        details: Sequence[str] = (),
        threshold: float = 0.5,
    ) -> None:
        """`columns`: what the estimator reads; `score`, `flag`, `details`: names of the outputs; flagged from `threshold` on.

        Missing texts are given as empty ones, since scikit-learn's vectorizers fail at others.
        """
        self.estimator = estimator
        self.columns = list(columns)
        self.score = score
        self.flag = flag
        self.details = list(details)
        self.threshold = threshold

    @property
    def threshold_(self) -> float:
        """As fitted models of this package call it."""
        return self.threshold

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The score (0 to 1) and the flag of each row, and details that are all null, with the index of the frame."""
        columns = {name: _plain(frame[name]) for name in self.columns}
        probability = self.estimator.predict_proba(pd.DataFrame(columns, index=frame.index))[:, 1]
        flag = np.asarray(probability) >= self.threshold
        unknown = {name: pd.Series(None, dtype=object, index=frame.index) for name in self.details}
        scores = {self.score: np.asarray(probability, dtype=float), self.flag: flag}
        return pd.DataFrame({**scores, **unknown}, index=frame.index)

    def explain(self, frame: pd.DataFrame) -> pd.DataFrame:
        """No rows: of a foreign classifier nothing is known that could explain it."""
        return pd.DataFrame()


def _plain(column: pd.Series) -> pd.Series:
    """Texts as plain ones, also where they come as categories, and empty where they are missing; numbers as they are."""
    is_category = isinstance(column.dtype, pd.CategoricalDtype)
    is_text = is_category or column.dtype == object or isinstance(column.dtype, pd.StringDtype)
    return column.astype(object).where(column.notna(), "") if is_text else column
