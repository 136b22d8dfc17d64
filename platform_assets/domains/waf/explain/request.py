"""Why a request has its score: the signals that fired, and how common they are among the requests of its hour.

The model version that made the score is asked. Client, decisions and log line are lookup.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.settings import Settings
from spark_jobs.sources.cloudfront.tables import REQUEST_MODEL_INPUTS, REQUEST_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake

MODEL = "request_attack"
COMPARED_REQUESTS = 20_000
"""Requests of the hour to compare with, at most; evenly spaced over its rows."""


@dataclass(frozen=True)
class FiredSignal:
    """A signal of the model in one field of the request; `hour_share` of the hour's requests have it in any field."""

    field: str
    signal: str
    attack_class: str
    weight: float
    words: str
    is_deciding: bool
    """Whether its field is the one whose sum is the score."""
    hour_share: float


@dataclass(frozen=True)
class HourScores:
    """The scores of all requests of the hour of a request."""

    request_count: int
    median: float
    p99: float
    at_least_as_high: int


def hour_scores(lake: Lake, hour: str, probability: float) -> HourScores | None:
    """The scores of the hour, and how many are at least as high as `probability`; None for an hour without scores."""
    import numpy as np

    scores = lake.read_arrow(REQUEST_SCORES, [hour], ["attack_probability"])["attack_probability"].to_numpy()
    if not len(scores):
        return None
    median, p99 = np.quantile(scores, (0.5, 0.99))
    return HourScores(len(scores), float(median), float(p99), int((scores >= probability).sum()))


def fired_signals(
    settings: Settings, lake: Lake, hour: str, request_id: str, version: str, *, is_registered: bool
) -> tuple[FiredSignal, ...]:
    """The signals of the deciding field first, the heaviest first; none where the version cannot be loaded.

    `is_registered`: whether the registry has the version; otherwise only a copy in the cache is used.
    """
    import pyarrow.compute as pc

    model = _model(settings, version, is_registered)
    if model is None:
        return ()
    inputs = list(REQUEST_MODEL_INPUTS)
    own = lake.read_arrow(REQUESTS, [hour], inputs, pc.field("request_id") == request_id).slice(0, 1)
    explained = model.explain(own.to_pandas())
    others = lake.read_arrow(REQUESTS, [hour], inputs)
    step = -(-others.num_rows // COMPARED_REQUESTS)
    shares = (
        model.signal_shares(others.take(list(range(0, others.num_rows, step))).to_pandas()) if len(explained) else {}
    )
    signals = [
        FiredSignal(
            field=row.field,
            signal=row.signal,
            attack_class=row.attack_class,
            weight=row.weight,
            words=row.words,
            is_deciding=row.is_deciding,
            hour_share=float(shares[row.signal]),
        )
        for row in explained.itertuples()
        if row.weight > 0
    ]
    return tuple(sorted(signals, key=lambda fired: (not fired.is_deciding, -fired.weight, fired.signal)))


def _model(settings: Settings, version: str, is_registered: bool) -> Any:
    registry = ModelRegistry.of(settings)
    if not is_registered and not any((registry.cache / f"{MODEL}-{version}").rglob("*.skops")):
        return None
    return registry.loaded(MODEL, version)
