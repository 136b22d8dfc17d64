"""Fixtures of the WAF tests: a clock that only sleeping moves, the twin, and moto's wafv2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from waf_world import Clock

from platform_assets.waf.twin import WafTwin


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def twin(tmp_path: Path, clock: Clock) -> WafTwin:
    """The twin on a fake clock; hand edits by tests are not throttled, ours are paced by the token bucket anyway."""
    return WafTwin(tmp_path / "twin", clock=clock, writes_per_second=float("inf"))


@pytest.fixture
def strict_twin(tmp_path: Path, clock: Clock) -> WafTwin:
    """The twin as it is shipped."""
    return WafTwin(tmp_path / "twin", clock=clock)


@pytest.fixture
def moto_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """boto3's wafv2 client against moto, in process."""
    import boto3
    from moto import mock_aws

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.client("wafv2", region_name="us-east-1")
