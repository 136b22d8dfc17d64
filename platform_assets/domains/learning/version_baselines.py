"""Baselines travel with their version: a home that has none of a version takes that which another home wrote onto it in MLflow.

It is a file of the version's run, and a tag names its hash; where the run takes no file, a tag holds it without sketches of
texts, so that texts are compared by their lengths then.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.learning.tables import baselines_table
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake
from weir_models.tracking_uri import TrackingError

FILE = "monitoring/baseline.json"
HASH_TAG = "monitoring_baseline_sha256"
DOCUMENT_TAG = "monitoring_baseline"
MOST_CHARACTERS = 100_000
"""Of a tag, in MLflow."""
NAMES = ("window_start", "window_end", "column_name", "role", "bins", "counts")


def keep(settings: Settings, lake: Lake, model: str, version: str) -> str:
    """Write a version's baseline onto it in MLflow; why it is not there, as a sentence, empty where it is.

    A version that the registry does not have (the naive rule, one of an older registry) keeps its baseline in the lake alone.
    """
    from weir_models import tracking

    registry = ModelRegistry.of(settings)
    if _tags(registry, model, version) is None:
        return ""
    rows = [row for row in lake.read_arrow(baselines_table(model)).to_pylist() if row["model_version"] == version]
    document = document_of(rows)
    uri = settings.tracking_uri
    try:
        tracking.attach(model, version, FILE, document, tracking_uri=uri)
        tracking.set_tag(model, version, HASH_TAG, hash_of(document), tracking_uri=uri)
        return ""
    except TrackingError as error:
        text = packed(document_of(rows, with_sketches=False))
        try:
            if len(text) > MOST_CHARACTERS:
                raise TrackingError(f"it is longer than a tag of {MOST_CHARACTERS:,} characters") from error
            tracking.set_tag(model, version, DOCUMENT_TAG, text, tracking_uri=uri)
            return ""
        except TrackingError as refused:
            return f" The baseline stays in this home, for the version takes neither a file nor a tag: {refused}."


def take(settings: Settings, lake: Lake, model: str, version: str) -> str:
    """Take over the baseline that lies on a version in MLflow, if there is one; why it cannot be used, as a sentence, or nothing."""
    from weir_models import tracking

    tags = _tags(ModelRegistry.of(settings), model, version) or {}
    if HASH_TAG in tags:
        try:
            document = tracking.attached(model, version, FILE, tracking_uri=settings.tracking_uri)
        except TrackingError as error:
            return f" The baseline that another home made cannot be read: {error}."
        if hash_of(document) != tags[HASH_TAG]:
            return (
                " The baseline that lies on the version was changed since it was written, so this home makes its own."
            )
    elif DOCUMENT_TAG in tags:
        document = unpacked(tags[DOCUMENT_TAG])
    else:
        return ""
    lake.append_rows(baselines_table(model), ({**row, "model_version": version} for row in rows_of(document)))
    return ""


def document_of(rows: list[dict[str, Any]], *, with_sketches: bool = True) -> str:
    """Rows of a version's baseline as a document, in a fixed order."""
    values = [{name: row[name] for name in NAMES} for row in rows]
    for row in values:
        row |= {name: row[name].isoformat() for name in ("window_start", "window_end")}
        counts = json.loads(row["counts"])
        if not with_sketches and isinstance(counts, dict):
            row["counts"] = json.dumps({name: value for name, value in counts.items() if name != "sketch"})
    return json.dumps(sorted(values, key=lambda row: (row["window_start"], row["column_name"])))


def rows_of(document: str) -> list[dict[str, Any]]:
    """The inverse of `document_of`."""
    times = ("window_start", "window_end")
    return [{**row, **{name: datetime.fromisoformat(row[name]) for name in times}} for row in json.loads(document)]


def hash_of(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


def packed(document: str) -> str:
    """A document as text of few characters."""
    return base64.b64encode(zlib.compress(document.encode(), 9)).decode()


def unpacked(text: str) -> str:
    """The inverse of `packed`."""
    return zlib.decompress(base64.b64decode(text)).decode()


def _tags(registry: ModelRegistry, model: str, version: str) -> Mapping[str, str] | None:
    """Tags of a version; None where the registry does not have it."""
    return next((one.tags for one in registry.versions(model) if one.version == version), None)
