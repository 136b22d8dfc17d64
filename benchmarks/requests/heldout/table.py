"""Shares by family of the held-out requests, at the model's own threshold."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmarks.requests.heldout.generate import SPLITS, generate
from benchmarks.requests.rates import interval
from benchmarks.requests.render import requests_table
from weir_models.request_attack.model import RequestAttack


def measured(model: RequestAttack, splits: Sequence[str] = SPLITS, family: str | None = None) -> pd.DataFrame:
    """One row a request: split, family, production, label, the requests table's columns, score and verdict."""
    items = [(split, item) for split in splits for item in generate(split, family)]
    requests = requests_table([item.wire for _, item in items])
    predicted = model.predict(requests)
    about = pd.DataFrame(
        {
            "split": [split for split, _ in items],
            "family": [item.family for _, item in items],
            "production": [item.production for _, item in items],
            "is_attack": [item.is_attack for _, item in items],
            "attack_probability": predicted["attack_probability"].to_numpy(),
            "flagged": predicted["is_attack"].to_numpy(dtype=bool),
        }
    )
    return pd.concat([about, requests.reset_index(drop=True)], axis=1)


def by_family(rows: pd.DataFrame) -> pd.DataFrame:
    """Detected attacks and falsely flagged twins of each family and split, and of all families together."""
    table = []
    for family, own in [*rows.groupby("family", sort=False), ("all", rows)]:
        line: dict[str, object] = {"family": family}
        for split, part in own.groupby("split", sort=False):
            attacks, twins = part[part["is_attack"]], part[~part["is_attack"]]
            line |= {
                f"{split}: attacks": f"{len(attacks):,}",
                f"{split}: detected %": interval(attacks["flagged"]),
                f"{split}: twins": f"{len(twins):,}",
                f"{split}: false alarms %": interval(twins["flagged"]),
            }
        table.append(line)
    return pd.DataFrame(table)
