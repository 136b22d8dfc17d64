"""Fixtures on a WAF: a clock that only sleeping moves, the twin, and moto's wafv2. Imported by the conftests that need them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from platform_assets.domains.waf.twin.client import WafTwin
from tests.domains.waf.waf_world import Clock


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
