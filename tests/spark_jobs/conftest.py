"""Fixtures of the Spark side: one embedded engine for all, a lake in an empty folder, a small world of log objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cloudfront_world import World

from spark_jobs.storage.lake import Lake


@pytest.fixture
def sail() -> Any:
    """The embedded engine, started once and asked for anew; tests that use it are slow."""
    from spark_jobs.runtime.session import spark_session

    return spark_session("sail")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def world(sail: Any, lake: Lake, tmp_path: Path) -> World:
    """An empty raw folder, its ledger and its lake."""
    raw = tmp_path / "raw"
    raw.mkdir()
    return World(raw, lake, sail)
