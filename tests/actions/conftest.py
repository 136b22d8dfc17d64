"""Fixtures of the protocol's tests: those of the WAF tests, which are one of its users."""

from tests.domains.waf.fixtures import clock, twin  # noqa: F401
