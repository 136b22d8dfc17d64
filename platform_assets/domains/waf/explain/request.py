"""What a request's score rests on: the signals that fired, with their words, beside the other requests of its hour.

Asks the model version that made the score. What is known besides (client, decisions, log line) is in explain.py.
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
"""At most, of the hour, evenly over its rows."""


@dataclass(frozen=True)
class FiredSignal:
    """A signal of the model in one piece of the request; `hour_share` of the hour's requests have it somewhere."""

    field: str
    signal: str
    attack_class: str
    weight: float
    words: str
    is_deciding: bool
    """Whether it stands in the piece whose sum is the score."""
    hour_share: float


@dataclass(frozen=True)
class HourScores:
    """The scores of all requests of the hour that one request belongs to."""

    request_count: int
    median: float
    p99: float
    at_least_as_high: int


def hour_scores(lake: Lake, hour: str, probability: float) -> HourScores | None:
    """Where a probability stands among those of the hour."""
    import numpy as np

    found = lake.read_arrow(REQUEST_SCORES, [hour], ["attack_probability"])["attack_probability"].to_numpy()
    if not len(found):
        return None
    median, p99 = np.quantile(found, (0.5, 0.99))
    return HourScores(len(found), float(median), float(p99), int((found >= probability).sum()))


def fired_signals(
    settings: Settings, lake: Lake, hour: str, request_id: str, version: str, *, is_known: bool
) -> tuple[FiredSignal, ...]:
    """The signals of the deciding piece first, the heaviest of them first; none where the version is out of reach.

    `is_known` says whether the registry knows the version; where it does not, only a copy fetched before is asked.
    """
    import pyarrow.compute as pc

    model = _model(settings, version, is_known)
    if model is None:
        return ()
    inputs = list(REQUEST_MODEL_INPUTS)
    own = lake.read_arrow(REQUESTS, [hour], inputs, pc.field("request_id") == request_id).slice(0, 1)
    found = model.explain(own.to_pandas())
    others = lake.read_arrow(REQUESTS, [hour], inputs)
    step = -(-others.num_rows // COMPARED_REQUESTS)
    shares = model.signal_shares(others.take(list(range(0, others.num_rows, step))).to_pandas()) if len(found) else {}
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
        for row in found.itertuples()
        if row.weight > 0
    ]
    return tuple(sorted(signals, key=lambda one: (not one.is_deciding, -one.weight, one.signal)))


def _model(settings: Settings, version: str, is_known: bool) -> Any:
    registry = ModelRegistry.of(settings)
    if not is_known and not any((registry.cache / f"{MODEL}-{version}").rglob("*.skops")):
        return None
    return registry.loaded(MODEL, version)
