"""Generated labeled requests, reproducible by a seed.

All families of values are placed in the same way (paths, parameter names, user agents, referers, encodings), so that only
the value tells attacks from benign requests. Each family belongs to one split: fit, calibrate or evaluate. Nothing is
taken from a public data set.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from weir_models.request_attack.corpus.grammars import (
    benign_requests,
    code,
    disguises,
    probes,
    rarer,
    script,
    sql_quiet,
    system,
)
from weir_models.request_attack.corpus.placing import Request, place

COLUMNS = (
    "method", "uri_path", "uri_query", "user_agent", "referer", "cookie_shape", "is_attack", "attack_class", "family", "split",
)  # fmt: skip
SPLITS = ("fit", "calibrate", "evaluate")
ATTACK_SHARE = 0.4
DEFAULT_SIZE = 60_000


@dataclass(frozen=True)
class Family:
    """A generator of requests of one kind; all of its examples are in one split."""

    name: str
    split: str
    attack_class: str | None
    write: Callable[[random.Random], str | Request]
    """Returns a value to be placed, or a complete request."""
    share: float = 1.0


def _families() -> tuple[Family, ...]:
    families = []
    for name, split, share, write in benign_requests.FAMILIES:
        families.append(Family(f"benign_{name}", split, None, write, share))
    for module in (sql_quiet, script, system, code, probes, disguises, rarer):
        for attack_class, name, split, share, write in module.FAMILIES:
            families.append(Family(f"{attack_class}_{name}", split, attack_class, write, share))
    return tuple(families)


FAMILIES = _families()


def generate(seed: int, size: int = DEFAULT_SIZE) -> pd.DataFrame:
    """About `size` labeled requests with the columns of training/cloudfront/request_examples."""
    attacks = [family for family in FAMILIES if family.attack_class]
    benign = [family for family in FAMILIES if not family.attack_class]
    rows: list[tuple[object, ...]] = []
    for families, share in ((attacks, ATTACK_SHARE), (benign, 1 - ATTACK_SHARE)):
        total = sum(family.share for family in families)
        for family in families:
            rng = random.Random(f"{seed}/{family.name}")
            for _ in range(max(8, round(size * share * family.share / total))):
                value = family.write(rng)
                request = value if isinstance(value, Request) else place(rng, value)
                rows.append((request.method, request.path, request.query, request.user_agent, request.referer, None,
                    family.attack_class is not None, family.attack_class, family.name, family.split))  # fmt: skip
    random.Random(seed).shuffle(rows)
    return pd.DataFrame(rows, columns=list(COLUMNS))
