"""Fixtures of the scenarios of peers: those of the WAF tests."""

from tests.domains.waf.fixtures import clock, moto_client, strict_twin, twin  # noqa: F401
