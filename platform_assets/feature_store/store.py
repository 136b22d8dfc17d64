"""The interface of the feature store: `ingest` rows, `get` the row of an entity now or at a time.

`offline.as_of` joins rows for training.
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
    """Counts of ingested rows, by result."""

    added: int
    """New in the history: new events, and corrections of known events."""
    unchanged: int
    ahead: int
    """Left out because their event is later than their ingestion: a clock is wrong."""
    current: int
    """Entities with a newer current row."""


def ingest(settings: Settings, group: FeatureGroup, rows: pa.Table, ingested_at: datetime) -> Ingested:
    """Add rows to the history, then put the newest of each entity into the online store; idempotent.

    If a run dies in between, ingest the same rows again. FeatureStoreError if rows do not fit, OnlineStoreError if the
    online store cannot be used.
    """
    from platform_assets.feature_store import offline, online

    result = offline.add(lake_of(settings), group, rows, ingested_at)
    current = online.online_store(settings).put(group, online.newest(group, result.stored.to_pylist()))
    return Ingested(result.added, result.unchanged, result.ahead, current)


def get(settings: Settings, group: FeatureGroup, entity: str, at: datetime | None = None) -> dict[str, Any] | None:
    """The current row of an entity, or the valid one at a time; None if there was none."""
    from platform_assets.feature_store import offline, online

    if at is None:
        return online.current(online.online_store(settings), group, entity, datetime.now(UTC))
    return offline.row_at(lake_of(settings), group, entity, at)
