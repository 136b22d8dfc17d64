"""Fixtures of the WAF tests: a clock that only sleeping moves, the twin, moto's wafv2 and, where asked for, AWS's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from own_names import GIVEN, IS_ASKED, OPT_IN, OwnNames
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


@pytest.fixture
def aws_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnNames]:
    """AWS itself, with the credentials of the developer: makes IP sets and rule groups of names of its own, deletes them."""
    if not IS_ASKED:
        pytest.skip(f"{OPT_IN}=1 and AWS credentials run the contract on AWS itself")
    import boto3

    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    account = OwnNames(boto3.session.Session().client("wafv2", region_name="us-east-1"))
    yield account
    account.delete_all()
