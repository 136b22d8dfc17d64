"""Features of clients and the truth about them -> labelled examples.

A client is judged, not an hour: every hour in which an abuser is active is labelled abuse, from its first request on,
for the features look back 24 hours and nobody could tell its first harmless minute from the rest. A network is an
abuser where the truth lists it; where it does not, and the network holds abusers, nobody can say what it is.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

LABELS = ("is_abuse", "abuse_kind", "family", "split")
SPLITS = ("fit", "calibrate", "evaluate")
DROPPED = "dropped"


def label(frame: pd.DataFrame, truth: pd.DataFrame, split: str | Mapping[str, str]) -> pd.DataFrame:
    """Rows of the client frame that the truth knows, with is_abuse, abuse_kind, family and split.

    `truth`: client (CIDR), is_abuse, abuse_kind, family. `split`: one for all, or family -> split ("*" for the rest).
    Rows without truth (ambiguous networks, strangers) are left out; how many is in `attrs["dropped"]`.
    """
    known = truth[["client", "is_abuse", "abuse_kind", "family"]]
    twice = known.loc[known["client"].duplicated(), "client"]
    if len(twice):
        raise ValueError(f"the truth names {twice.iloc[0]} twice: label one simulated span after the other")
    kept = frame.drop(columns=[name for name in (*LABELS, "attack_request_ids", "event_hour") if name in frame])
    joined = kept.merge(known, on="client", how="inner", validate="many_to_one")
    joined["is_abuse"] = joined["is_abuse"].astype(bool)
    joined["abuse_kind"] = (
        joined["abuse_kind"].astype(object).where(joined["is_abuse"] & joined["abuse_kind"].notna(), None)
    )
    joined["split"] = _splits(joined["family"], split)
    joined.attrs[DROPPED] = len(frame) - len(joined)
    return joined


def _splits(families: pd.Series, split: str | Mapping[str, str]) -> pd.Series | str:
    if isinstance(split, str):
        found = {split}
        chosen: pd.Series | str = split
    else:
        chosen = families.map(lambda family: split.get(family, split.get("*", "")))
        found = set(chosen)
    wrong = sorted(found - set(SPLITS))
    if wrong:
        raise ValueError(
            f"a split is one of {', '.join(SPLITS)}, for every family; found {', '.join(map(repr, wrong))}"
        )
    return chosen
