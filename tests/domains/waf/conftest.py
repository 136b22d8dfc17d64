"""Fixtures of the WAF tests: those of fixtures.py and, where requested, AWS itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.domains.waf.fixtures import clock, moto_client, strict_twin, twin  # noqa: F401
from tests.domains.waf.own_names import GIVEN, IS_ASKED, OPT_IN, OwnNames


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
