"""Feature groups: identifier, features with their types and meaning, time to live. Standard library only.

offline.py and online.py store the rows; point_in_time.py joins them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from spark_jobs.contract import Column, Table
from spark_jobs.errors import ExitCode, WeirError

EVENT_AT = Column("event_at", "timestamp", "when what the row describes happened", nullable=False)
INGESTED_AT = Column("ingested_at", "timestamp", "when the store got the row (wall clock)", nullable=False)
FEATURE_TYPES = ("double", "int64", "string")


class FeatureStoreError(WeirError):
    """Features cannot be stored or read; one sentence that says why and what to do."""

    exit_code = ExitCode.INPUT


@dataclass(frozen=True)
class FeatureGroup:
    """Features of one kind of entity. A row is valid from its event until `ttl` later, exclusive."""

    name: str
    meaning: str
    identifier: Column
    features: tuple[Column, ...]
    ttl: timedelta
    retention_days: int
    partition: Literal["hour", "month"] = "hour"
    """As of its table: a month where an hour has few rows."""
    filled_from: str = ""
    """Key of the hourly table that fills it; empty: rows are ingested by the user."""

    def __post_init__(self) -> None:
        names = [self.identifier.name, EVENT_AT.name, INGESTED_AT.name, *self.feature_names]
        if len(set(names)) < len(names):
            raise ValueError(f"Feature group {self.name} declares a name twice: {', '.join(sorted(names))}.")
        for feature in self.features:
            if feature.type not in FEATURE_TYPES:
                raise ValueError(f"Feature {feature.name} has type {feature.type}; use one of {FEATURE_TYPES}.")
        if self.identifier.type != "string" or self.identifier.nullable:
            raise ValueError(f"The identifier of feature group {self.name} must be a string that is never null.")
        if self.ttl < timedelta(seconds=1) or self.ttl.microseconds:
            raise ValueError(f"The ttl of feature group {self.name} must be whole seconds; got {self.ttl}.")

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)


SECURITY_ANALYTICS = FeatureGroup(
    name="security_analytics",
    meaning="Scores of security events.",
    identifier=Column("event_id", "string", "the security event", nullable=False),
    ttl=timedelta(days=30),
    retention_days=400,
    features=(
        Column("threat_score", "double", "how likely the event is part of an attack, 0..1"),
        Column("user_risk_score", "double", "how risky the user behind it has been, 0..1"),
        Column("anomaly_score", "double", "how unusual the event is, 0..1"),
        Column("geographic_anomaly", "string", "what is unusual about its place; null where nothing is"),
    ),
)

COST_OPTIMISATION = FeatureGroup(
    name="cost_optimisation",
    meaning="Cost of accounts and what could be saved.",
    identifier=Column("account_id", "string", "the AWS account", nullable=False),
    ttl=timedelta(days=2),
    retention_days=800,
    features=(
        Column("hourly_cost", "double", "cost of the hour, USD"),
        Column("spot_savings", "double", "saved by spot capacity in the hour, USD"),
        Column("rightsizing_opportunity", "double", "what smaller instances would save in an hour, USD"),
        Column("unused_resources", "double", "cost of what nothing uses in the hour, USD"),
    ),
)

UNFILLED = (SECURITY_ANALYTICS, COST_OPTIMISATION)
"""Groups that no domain fills yet; rows are ingested by the user."""


def table_of(group: FeatureGroup) -> Table:
    """The lake table of a group, derived from its declaration."""
    return Table(
        key=f"feature_store/{group.name}",
        meaning=f"{group.meaning.removesuffix('.')}, as the feature store got them; append-only.",
        grain=f"one version of one {group.identifier.name} at one event time; a correction is a later version",
        upstream=(group.filled_from,) if group.filled_from else (),
        partition=group.partition,
        columns=(group.identifier, EVENT_AT, INGESTED_AT, *group.features),
        unique=(group.identifier.name, EVENT_AT.name, INGESTED_AT.name),
        retention_days=group.retention_days,
    )
