"""How much each example counts, which families are unseen together, calibration and the choice of the threshold.

Clients are counted, not rows: a client that stays all day has 24 rows and is still one client.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models.calibration import platt_scaling

Values = NDArray[np.float64]

EVEN = 0.5
"""Where a client is as likely an abuser as not."""


def client_days(frame: pd.DataFrame) -> NDArray[np.int64]:
    """A number for each client of a day: the unit that is detected, or wrongly flagged."""
    day = pd.to_datetime(frame["hour_at"], utc=True).dt.floor("D")
    return frame.groupby([frame["client"], day, frame["family"]], sort=False).ngroup().to_numpy(dtype=np.int64)


def teaching(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows that a model learns from: the first, the middle and the last of a client's day.

    An address of a rotating network sends a handful of requests like anybody's; what it does shows in its network, and
    its own rows would teach that a handful of anybody's requests is abuse.
    """
    days = client_days(frame)
    place = frame.groupby(days)["hour_at"].rank(method="first").to_numpy()
    last = np.bincount(days)[days]
    chosen = (place == 1) | (place == last) | (place == np.ceil(last / 2))
    judged_by_network = (frame["abuse_kind"] == "rotation") & (frame["client_kind"] == "address")
    return np.asarray(chosen & ~judged_by_network.to_numpy(), dtype=bool)


def family_weights(frame: pd.DataFrame) -> Values:
    """Weights of rows: a client counts once, a family as the square root of its clients, both labels alike in sum."""
    days = client_days(frame)
    each = 1.0 / np.bincount(days)[days]
    labels = frame["is_abuse"].to_numpy(dtype=bool)
    keys = list(zip(frame["family"], frame["client_kind"], labels, strict=True))
    group = pd.factorize(pd.Series(keys, dtype=object))[0]
    each = each / np.sqrt(np.bincount(group, weights=each))[group]
    total = np.where(labels, each[labels].sum(), each[~labels].sum())
    return np.asarray(each / total * 1000.0)


def folds(frame: pd.DataFrame, count: int, seed: int) -> NDArray[np.int64]:
    """Families dealt out over folds, abusive and benign apart, so that each is unseen once."""
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
    """Platt's scale and shift that turn sums into log odds; every client counts once."""
    weights = 1.0 / np.bincount(days)[days]
    counts = float(weights[labels].sum()), float(weights[~labels].sum())
    return platt_scaling(margins, labels, weights, counts, shift_bound=15.0)


def threshold_for(probability: Values, labels: NDArray[np.bool_], days: NDArray[np.int64], precision: float) -> float:
    """The threshold that ships: the lowest from one half on at which the clients flagged are abusers so often.

    Each client counts once, with its highest probability. Below one half a client is more likely innocent than not,
    whatever share of the few that the day holds there are abusers: the known families leave the middle empty, and a
    threshold put there by them alone would flag whom no crowd outvotes, a partner, an office.
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
