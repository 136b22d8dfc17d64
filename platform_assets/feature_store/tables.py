"""The lake tables of the feature groups: one a group, derived from its declaration."""

from __future__ import annotations

from platform_assets.feature_store.groups import (
    COST_OPTIMISATION,
    EVENT_AT,
    GROUPS,
    INFRASTRUCTURE_METRICS,
    INGESTED_AT,
    SECURITY_ANALYTICS,
    FeatureGroup,
)
from spark_jobs.contract import Table


def _table(group: FeatureGroup, *upstream: str) -> Table:
    return Table(
        key=f"feature_store/{group.name}",
        meaning=f"{group.meaning.removesuffix('.')}, as the feature store got them; append-only.",
        grain=f"one version of one {group.identifier.name} at one event time; a correction is a later version",
        upstream=upstream,
        columns=(group.identifier, EVENT_AT, INGESTED_AT, *group.features),
        unique=(group.identifier.name, EVENT_AT.name, INGESTED_AT.name),
        retention_days=group.retention_days,
    )


INFRASTRUCTURE_METRICS_ROWS = _table(INFRASTRUCTURE_METRICS, "features/metrics/cluster_features")
SECURITY_ANALYTICS_ROWS = _table(SECURITY_ANALYTICS)
COST_OPTIMISATION_ROWS = _table(COST_OPTIMISATION)

TABLES = (INFRASTRUCTURE_METRICS_ROWS, SECURITY_ANALYTICS_ROWS, COST_OPTIMISATION_ROWS)
_OF_GROUP = dict(zip(GROUPS, TABLES, strict=True))


def table_of(group: FeatureGroup) -> Table:
    """The lake table of a group."""
    return _OF_GROUP[group.name]
