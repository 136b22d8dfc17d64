"""The tables of releases: transitions of versions, and the hours that two versions served. Columns and grain only."""

from __future__ import annotations

from platform_assets.actions.audit import audit_columns
from spark_jobs.contract import Column, Table

TRANSITIONS = Table(
    key="releases/transitions",
    meaning="Every step of a model version from candidate to champion and back, with who, why and the figures that decided; append-only.",
    grain="one transition of one version",
    unique=("model", "registry", "serial"),
    retention_days=800,
    columns=(
        *audit_columns(
            command="register, adopt, shadow, canary, ab, promote, retire, rollback, bar or unbar",
            subject="`model version`",
            expires_at="always null",
            is_personal=False,
        ),
        Column("details", "string", "the figures that decided, as JSON; empty where a person did"),
        Column("model", "string", "the registered model", nullable=False),
        Column("version", "string", "its version in the registry", nullable=False),
        Column("serial", "int64", "number of the transition among those of the model, from 1", nullable=False),
        Column(
            "state",
            "string",
            "of the version from here on: candidate, shadow, canary, champion, retired or barred",
            nullable=False,
        ),
        Column("share", "double", "of the entities that it serves as a canary, 0..1; null in other states"),
        Column("registry", "string", "when MLflow made the model, which tells registries apart", nullable=False),
    ),
)

CANARY_HOURS = Table(
    key="releases/canary_hours",
    meaning="The hours in which a canary served its share beside the champion; an hour made again is served by the same.",
    grain="one model in one hour with a canary; the newest counts where a killed run left an earlier one",
    partition="month",
    unique=("model", "event_hour", "recorded_at"),
    retention_days=400,
    columns=(
        Column("model", "string", "the registered model", nullable=False),
        Column("champion", "string", "the version that served the others", nullable=False),
        Column("canary", "string", "the version that served its share", nullable=False),
        Column("share", "double", "of the entities that the canary served, 0..1", nullable=False),
        Column("recorded_at", "timestamp", "when it was noted (wall clock)", nullable=False),
    ),
)

TABLES = (TRANSITIONS, CANARY_HOURS)
