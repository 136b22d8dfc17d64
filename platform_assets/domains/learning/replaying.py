"""Promotion by replay: what a challenger would decide otherwise is kept as rows, and too many innocents refuse it.

The domain replays (training/sets.py); what is asked of the answer is declared by the model's specification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from platform_assets.clients.engine import lake_of
from platform_assets.core.domain import load
from platform_assets.core.times import as_utc
from platform_assets.domains.learning import feedback
from platform_assets.domains.learning.comparing import PASSED
from platform_assets.domains.learning.tables import replay_table, replayers
from platform_assets.releases.record import ReleaseError, Releases
from platform_assets.releases.standing import CANARY, CHAMPION, Standing
from platform_assets.settings import Settings
from platform_assets.training.replays import ENTERS, LEAVES, Replayed
from platform_assets.training.sets import training_sets
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted
from weir_models.contract import Replay

REFUSED = "refused"
OVERRIDE = "replay"
REUSED_FOR = timedelta(hours=1)
"""A replay stands in for one that is asked for within this time, as after a kill or a look at it."""
NAMED = 3
"""Innocents that a sentence names; the others are in the table."""


def judged(replayed: Replayed, replay: Replay) -> tuple[str, str]:
    """Verdict and sentence of a replay. Pure."""
    if replayed.start is None:
        return PASSED, "no stored hours to replay"
    changes = [entry.change for entry in replayed.entries]
    told = (
        f"{replayed.start:%Y-%m-%d %H:%M} to {replayed.end:%Y-%m-%d %H:%M} decided again: "
        f"{replayed.before_count} then, {replayed.after_count} now, {changes.count(ENTERS)} enter, {changes.count(LEAVES)} leave, "
        f"{len(changes) - changes.count(ENTERS) - changes.count(LEAVES)} change"
    )
    innocent = replayed.innocent
    if innocent:
        names = ", ".join(f"{entry.entry} {entry.innocent}" for entry in innocent[:NAMED])
        told += f"; {counted(len(innocent), 'known innocent')} would newly be acted on ({names}), at most {replay.max_innocent}"
    return (REFUSED if len(innocent) > replay.max_innocent else PASSED), told


def newest(lake: Lake, model: str, challenger: str = "", champion: str = "") -> list[dict[str, Any]]:
    """The rows of the newest replay (of two versions), the sum and the innocent first; empty where there was none."""
    if model not in replayers():
        return []
    rows = lake.read_arrow(replay_table(model)).to_pylist()
    own = [row for row in rows if not challenger or (row["challenger"], row["champion"]) == (challenger, champion)]
    at = max((row["replayed_at"] for row in own), default=None)
    found = [row for row in own if row["replayed_at"] == at]
    return sorted(found, key=lambda row: (bool(row["entry"]), not row["innocent"]))


def replay_of(settings: Settings, model: str, challenger: str, champion: str) -> list[dict[str, Any]]:
    """The rows of a replay of the newest hours, the sum first: those that there are, or else it is made now."""
    lake, replay, now = lake_of(settings), replayers()[model], datetime.now(UTC)
    rows = newest(lake, model, challenger, champion)
    if rows and now - as_utc(rows[0]["replayed_at"]) < REUSED_FOR:
        return rows
    training = training_sets()[model]
    replayed = load(training.replay)(settings, model, champion, challenger, replay.hours, benign_entities(lake, now))
    lake.append_rows(replay_table(model), _rows(replayed, replay, challenger, champion, now))
    return newest(lake, model, challenger, champion)


def _rows(replayed: Replayed, replay: Replay, challenger: str, champion: str, at: datetime) -> list[dict[str, Any]]:
    verdict, sentence = judged(replayed, replay)
    shared = {
        "challenger": challenger, "champion": champion, "window_start": replayed.start, "window_end": replayed.end,
        "verdict": verdict, "sentence": sentence, "replayed_at": at,
    }  # fmt: skip
    of_entries: list[dict[str, Any]] = [
        {
            "entry": entry.entry, "change": entry.change, "champion_action": entry.before, "challenger_action": entry.after,
            "request_count": entry.request_count, "benign_request_count": entry.benign_request_count,
            "innocent": entry.innocent, "reason": entry.reason,
        }
        for entry in replayed.entries
    ]  # fmt: skip
    total = {
        "entry": "", "change": "", "champion_action": "", "challenger_action": "", "innocent": "", "reason": "",
        **{name: sum(row[name] for row in of_entries) for name in ("request_count", "benign_request_count")},
    }  # fmt: skip
    return [{**shared, **row} for row in (total, *of_entries)]


def benign_entities(lake: Lake, at: datetime) -> list[str]:
    """Entities of which people said that they are benign, and nobody the contrary, of models that are replayed."""
    rows = feedback.AUDIT.read(lake)
    known = [row for model in replayers() for row in feedback.in_force(rows, model, at)]
    guilty = {row.entity for row in known if row.label}
    return sorted({row.entity for row in known} - guilty)


def require(
    settings: Settings, model: str, version: str, state: str, overrides: Sequence[str]
) -> Mapping[str, Any] | None:
    """Replay a version before a person lets it decide for anybody; returns what is recorded of it.

    ReleaseError where it is refused and not overridden. A version that served before is not replayed: it is how one goes back.
    """
    releases = Releases.of(settings)
    standing = releases.standing(model)  # settling may refuse what promoting mends
    if not is_needed(standing, model, version, state) or any(
        (row.version, row.state) == (version, CHAMPION) for row in releases.rows(model)
    ):
        return None
    rows = replay_of(settings, model, version, standing.champion or "")
    if rows[0]["verdict"] == REFUSED and OVERRIDE not in overrides:
        raise ReleaseError(
            f"The model {model} is not changed: {rows[0]['sentence']}; see `weir model compare {model} {version}`, or promote it "
            f"with --override {OVERRIDE}."
        )
    return {"replay": rows[0]["sentence"], "overridden": rows[0]["verdict"] == REFUSED}


def is_needed(standing: Standing, model: str, version: str, state: str) -> bool:
    """Whether a version that goes into the state begins to decide beside a champion, for a model that is replayed."""
    if model not in replayers() or state not in (CANARY, CHAMPION):
        return False
    return standing.champion not in (None, version) and standing.state_of(version) != CANARY
