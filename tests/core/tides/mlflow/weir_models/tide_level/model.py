"""The model tide_level: the mean of the levels it was fitted on."""

from __future__ import annotations

import pandas as pd
from sklearn.base import BaseEstimator

from weir_models.contract import Evaluation


class TideLevel(BaseEstimator):
    """Predicts the mean level, in meters."""

    def fit(self, levels: pd.Series) -> TideLevel:
        self.mean_ = float(levels.mean())
        return self

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A row with `level_meters` for each row of `frame`."""
        return pd.DataFrame({"level_meters": [self.mean_] * len(frame)})


def fit(examples: pd.DataFrame, seed: int) -> TideLevel:
    """A model of the examples; nothing is random."""
    return TideLevel().fit(examples["level_meters"])


def evaluate(model: TideLevel, examples: pd.DataFrame) -> Evaluation:
    """The mean level."""
    return Evaluation({"mean_level": model.mean_}, {}, {})
