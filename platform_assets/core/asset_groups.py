"""The group of an asset on Dagster's pages: the domain first, then the layer, so that groups sort by what they serve.

`waf_features`, `metrics_parsed` (a source that several domains read goes by its own name), `waf_actions` (what a domain does
outside), `platform_housekeeping` (of no domain).
"""

from __future__ import annotations

from platform_assets.core.domain import domains
from spark_jobs import registry

PLATFORM = "platform"


def group_of(key: str, owner: str = "") -> str:
    """The group of an asset key; `owner`: the domain of an asset that no table declares."""
    layer, _, _ = key.partition("/")
    owner = owner or owner_of(key)
    return f"{owner}_{'actions' if layer == owner else layer}"


def owner_of(key: str) -> str:
    """The domain that declares the key, else the source, by the name of its domain where one alone reads it."""
    declared = domains().values()
    for domain in declared:
        if key in {table.key for table in domain.tables} | {f"feature_store/{g.name}" for g in domain.feature_groups}:
            return domain.name
    for source in registry.sources().values():
        raw_keys = {source.raw.key, source.raw.poller} if source.raw is not None else set()
        if key in raw_keys | {table.key for table in source.tables}:
            readers = [domain.name for domain in declared if source.name in domain.sources]
            return readers[0] if len(readers) == 1 else source.name
    return PLATFORM
