"""What a killed evaluation left: a fitted candidate that was not proved, and a judgement that was not followed by its step.

Every step is repeated from what the tables say; where it was taken already, nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from platform_assets.actions.audit import MAX_REASON_CHARACTERS
from platform_assets.clients.model_registry import ModelRegistry, UnsignedModelError
from platform_assets.core.times import as_utc
from platform_assets.domains.learning import retraining
from platform_assets.domains.learning.retraining import Proof
from platform_assets.domains.learning.tables import trigger_table
from platform_assets.releases.record import REGISTER, WEIR, Release, Releases
from platform_assets.releases.standing import CANARY, CANDIDATE, RETIRED, SHADOW, Standing
from platform_assets.settings import Settings
from platform_assets.training.sets import training_sets
from spark_jobs.runtime.scoring import UnusableModelError
from spark_jobs.storage.lake import Lake


def left_candidate(
    rows: Sequence[Release], reasons: Mapping[str, str], known: Sequence[str | None]
) -> tuple[Release, str] | None:
    """The newest version that a retraining registered and no row of `trigger` names, with the reason it was fitted for. Pure.

    `reasons`: version -> why the loop fitted it; `known`: candidates in the rows of `trigger`.
    """
    fitted = [row for row in rows if (row.command, row.actor) == (REGISTER, WEIR) and reasons.get(row.version)]
    if not fitted or fitted[-1].version in known:
        return None
    return fitted[-1], reasons[fitted[-1].version]


def continue_candidate(settings: Settings, lake: Lake, model: str) -> str:
    """Prove the candidate that a killed retraining left, and keep the row that it would have; a sentence, empty if there is none."""
    releases = Releases.of(settings)
    rows = releases.rows(model)
    if not any(row.command == REGISTER for row in rows):
        return ""
    known = lake.read_arrow(trigger_table(model), columns=["candidate"])["candidate"].to_pylist()
    versions = ModelRegistry.of(settings).versions(model)
    left = left_candidate(rows, {version.version: version.tags.get("trigger", "") for version in versions}, known)
    if left is None:
        return ""
    row, reason = left
    standing = releases.settled(model)
    state = standing.state_of(row.version)
    if state == CANDIDATE and standing.challenger is not None:
        return ""  # another is compared first
    if state == CANDIDATE:
        proof = _proof(settings, model, row.version, standing.champion)
        state = SHADOW if proof.is_proved else RETIRED
        releases.move(model, row.version, state, proof.sentence[:MAX_REASON_CHARACTERS], actor=WEIR)
        outcome = f"Version {row.version}, which a killed run left, is in {state}: {proof.sentence}."
    else:
        outcome = f"Version {row.version}, whose run was killed, is in {state}."
    values = {
        "evaluated_at": row.acted_at, "champion": standing.champion, "is_due": True, "reasons": [reason], "against": [],
        "candidate": row.version, "outcome": outcome,
    }  # fmt: skip
    lake.append_rows(trigger_table(model), [values])
    return outcome


def _proof(settings: Settings, model: str, version: str, champion: str | None) -> Proof:
    from weir_models import registry
    from weir_models.contract import Candidate

    try:
        loaded = ModelRegistry.of(settings).loaded(model, version)
    except (UnusableModelError, UnsignedModelError) as error:
        return Proof(False, str(error).rstrip("."))
    rows, inputs = retraining.training_rows(settings, model), list(training_sets()[model].inputs)
    held_out = rows[rows["split"] == "evaluate"] if "split" in rows else rows
    evaluation = registry.model_module(model).evaluate(loaded, held_out)
    shown = held_out[inputs].head(0)
    return retraining.prove(settings, model, version, Candidate(loaded, evaluation, shown, shown, {}), rows, champion)


def unfollowed(
    standing: Standing, compared: Sequence[Mapping[str, Any]], moved_at: datetime | None
) -> Mapping[str, Any] | None:
    """The newest comparison, where no version moved since (`moved_at`: when one did last) and all is as it was judged. Pure."""
    if (
        standing.challenger is None
        or not compared
        or moved_at is None
        or as_utc(compared[-1]["evaluated_at"]) < moved_at
    ):
        return None
    row, state = compared[-1], standing.states[standing.challenger]
    share = standing.share if state == CANARY else None
    then = (row["challenger"], row["champion"], row["state"], row["share"])
    return row if then == (standing.challenger, standing.champion, state, share) else None
