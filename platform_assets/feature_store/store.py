"""The feature store as others use it: `ingest` rows, `get` the row of an entity now or as it counted at a time.

Joins for training are `offline.as_of`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from platform_assets.clients.engine import lake_of
from platform_assets.feature_store.groups import FeatureGroup
from platform_assets.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Ingested:
    """What became of the rows that were given."""

    added: int
    """New in the history: new events, and corrected values of known ones."""
    unchanged: int
    ahead: int
    """Left out, because their event time is after their ingestion: a clock is wrong."""
    current: int
    """Entities whose current row is a newer one now."""


def ingest(settings: Settings, group: FeatureGroup, rows: pa.Table, ingested_at: datetime) -> Ingested:
    """Add rows to the history, then make the newest of each entity current; ingesting twice changes nothing.

    A run that dies in between is mended by ingesting the same again. FeatureStoreError where rows do not fit,
    OnlineStoreError where the online store cannot be used.
    """
    from platform_assets.feature_store import offline, online

    done = offline.add(lake_of(settings), group, rows, ingested_at)
    current = online.online_store(settings).put(group, online.newest(group, done.stored.to_pylist()))
    return Ingested(done.added, done.unchanged, done.ahead, current)


def get(settings: Settings, group: FeatureGroup, entity: str, at: datetime | None = None) -> dict[str, Any] | None:
    """The current row of an entity, or the one that counted at a time; None where there was none."""
    from platform_assets.feature_store import offline, online

    if at is None:
        return online.current(online.online_store(settings), group, entity, datetime.now(UTC))
    return offline.one(lake_of(settings), group, entity, at)
