"""Weights of examples, cross-validation folds by family, calibration and the choice of the threshold.

The unit is a client of a day, not a row: a client that is active all day has 24 rows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models.calibration import platt_scaling

Values = NDArray[np.float64]

EVEN = 0.5
"""Probability at which a client is as likely an abuser as not."""


def client_days(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Number of the client-day of each row."""
    day = pd.to_datetime(frame["hour_at"], utc=True).dt.floor("D")
    return frame.groupby([frame["client"], day, frame["family"]], sort=False).ngroup().to_numpy(dtype=np.int64)


def teaching(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows are fitted on: the first, the middle and the last of each client-day.

    Addresses of rotating networks are left out: each sends a handful of ordinary requests, and only their network shows
    the abuse.
    """
    days = client_days(frame)
    place = frame.groupby(days)["hour_at"].rank(method="first").to_numpy()
    last = np.bincount(days)[days]
    chosen = (place == 1) | (place == last) | (place == np.ceil(last / 2))
    judged_by_network = (frame["abuse_kind"] == "rotation") & (frame["client_kind"] == "address")
    return np.asarray(chosen & ~judged_by_network.to_numpy(), dtype=bool)


def family_weights(frame: pd.DataFrame) -> Values:
    """Weight of each row: a client counts once, a family as the square root of its clients, both labels equally."""
    days = client_days(frame)
    each = 1.0 / np.bincount(days)[days]
    labels = frame["is_abuse"].to_numpy(dtype=bool)
    keys = list(zip(frame["family"], frame["client_kind"], labels, strict=True))
    group = pd.factorize(pd.Series(keys, dtype=object))[0]
    each = each / np.sqrt(np.bincount(group, weights=each))[group]
    total = np.where(labels, each[labels].sum(), each[~labels].sum())
    return np.asarray(each / total * 1000.0)


def folds(frame: pd.DataFrame, count: int, seed: int) -> NDArray[np.int64]:
    """Fold of each row: families are distributed over folds, abusive and benign separately (grouped cross-validation)."""
    rng = np.random.default_rng(seed)
    fold = np.zeros(len(frame), dtype=np.int64)
    labels = frame["is_abuse"].to_numpy(dtype=bool)
    families = frame["family"].to_numpy()
    for label in (False, True):
        names = np.array(sorted(set(families[labels == label])), dtype=object)
        rng.shuffle(names)
        dealt = {name: place % count for place, name in enumerate(names)}
        fold[labels == label] = [dealt[name] for name in families[labels == label]]
    return fold


def calibration(margins: Values, labels: NDArray[np.bool_], days: NDArray[np.int64]) -> tuple[float, float]:
    """Platt's scale and shift; every client counts once."""
    weights = 1.0 / np.bincount(days)[days]
    counts = float(weights[labels].sum()), float(weights[~labels].sum())
    return platt_scaling(margins, labels, weights, counts, shift_bound=15.0)


def threshold_for(probability: Values, labels: NDArray[np.bool_], days: NDArray[np.int64], precision: float) -> float:
    """The lowest threshold of at least one half at which flagged clients have the required precision.

    Each client counts once, with its highest probability. Known families leave the middle of the scale empty; a threshold
    below one half would rest on a handful of clients and flag partners and offices.
    """
    top = pd.Series(probability).groupby(days).max().to_numpy()
    abusive = pd.Series(labels).groupby(days).max().to_numpy(dtype=bool)
    order = np.argsort(-top, kind="stable")
    top, abusive = top[order], abusive[order]
    precise = np.cumsum(abusive) / np.arange(1, len(top) + 1) >= precision
    told_apart = np.r_[top[1:] != top[:-1], True]
    above = top >= EVEN
    if not above.any() or (precise & told_apart)[above.sum() - 1]:
        return EVEN
    fitting = top[precise & told_apart & above]
    return float(fitting.min() if len(fitting) else min(0.999, np.nextafter(top[0], 1.0)))
