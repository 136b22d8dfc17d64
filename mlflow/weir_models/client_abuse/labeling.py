"""Labeled examples from features of clients and the truth about them.

Labels are of clients: every hour with activity of an abuser is abuse, since features look back 24 hours. A network has a
label where the truth lists it; one that is not listed has none, for it may hold abusers and others.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

LABELS = ("is_abuse", "abuse_kind", "family", "split")
SPLITS = ("fit", "calibrate", "evaluate")
DROPPED = "dropped"


def label(frame: pd.DataFrame, truth: pd.DataFrame, split: str | Mapping[str, str]) -> pd.DataFrame:
    """Rows of the frame that the truth covers, with is_abuse, abuse_kind, family and split.

    `truth` has the columns client (CIDR), is_abuse, abuse_kind and family; `split` is one split for all, or a mapping of
    families ("*": all others). `attrs["dropped"]` counts the rows without a label. ValueError where the truth names a
    client twice or a split is unknown.
    """
    labels = truth[["client", "is_abuse", "abuse_kind", "family"]]
    duplicates = labels.loc[labels["client"].duplicated(), "client"]
    if len(duplicates):
        raise ValueError(f"the truth names {duplicates.iloc[0]} twice: label one simulated span after the other")
    kept = frame.drop(columns=[name for name in (*LABELS, "attack_request_ids", "event_hour") if name in frame])
    joined = kept.merge(labels, on="client", how="inner", validate="many_to_one")
    joined["is_abuse"] = joined["is_abuse"].astype(bool)
    joined["abuse_kind"] = (
        joined["abuse_kind"].astype(object).where(joined["is_abuse"] & joined["abuse_kind"].notna(), None)
    )
    joined["split"] = _splits(joined["family"], split)
    joined.attrs[DROPPED] = len(frame) - len(joined)
    return joined


def _splits(families: pd.Series, split: str | Mapping[str, str]) -> pd.Series | str:
    if isinstance(split, str):
        names = {split}
        chosen: pd.Series | str = split
    else:
        chosen = families.map(lambda family: split.get(family, split.get("*", "")))
        names = set(chosen)
    unknown = sorted(names - set(SPLITS))
    if unknown:
        raise ValueError(
            f"a split is one of {', '.join(SPLITS)}, for every family; found {', '.join(map(repr, unknown))}"
        )
    return chosen
