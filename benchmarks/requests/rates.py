"""How the tables of the request model write a share."""

from __future__ import annotations

import pandas as pd

from weir_models.detector_metrics import wilson_interval


def interval(hits: pd.Series) -> str:
    """A rate in per cent with its 95 % interval."""
    if not len(hits):
        return "–"
    low, high = wilson_interval(int(hits.sum()), len(hits))
    return f"{100 * hits.mean():.2f} ({100 * low:.2f}–{100 * high:.2f})"
