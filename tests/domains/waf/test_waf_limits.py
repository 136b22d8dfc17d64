"""AWS's rules, before any call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.domains.waf import limits
from platform_assets.domains.waf.limits import (
    LimitError,
    address_problem,
    check_addresses,
    check_description,
    check_name,
)
from platform_assets.domains.waf.scopes import CLOUDFRONT, Scope, parse_scopes
from platform_assets.domains.waf.twin.state import service_model
from tests.domains.waf.waf_world import v4


@pytest.mark.parametrize(
    ("text", "family", "problem"),
    [
        ("45.83.1.2/32", "IPV4", None),
        ("45.83.1.0/24", "IPV4", None),
        ("2a00:1450::/64", "IPV6", None),
        ("0.0.0.0/0", "IPV4", "covers everything"),
        ("::/0", "IPV6", "covers everything"),
        ("45.83.1.2/24", "IPV4", "host bits"),
        ("45.83.1.2", "IPV4", "bare address"),
        ("2a00::1", "IPV6", "bare address"),
        ("45.83.1.2/33", "IPV4", "no CIDR"),
        ("example.org/24", "IPV4", "no CIDR"),
        ("fe80::1%eth0/128", "IPV6", "no CIDR"),
        ("45.83.1.2/32", "IPV6", "not IPV6"),
        ("2a00:1450::/64", "IPV4", "not IPV4"),
        ("2A00:1450:0::/64", "IPV6", "canonical form, which is 2a00:1450::/64"),
    ],
)
def test_addresses_that_an_ip_set_refuses(text: Any, family: Any, problem: Any) -> None:
    found = address_problem(text, family)
    assert found is None if problem is None else problem in str(found)


def test_an_ip_set_takes_ten_thousand_distinct() -> None:
    check_addresses([v4(n) for n in range(10_000)], "IPV4", "weir-block-v4")
    with pytest.raises(LimitError, match="would hold 10,001 entries"):
        check_addresses([v4(n) for n in range(10_001)], "IPV4", "weir-block-v4")
    with pytest.raises(LimitError, match="twice"):
        check_addresses([v4(1), v4(1)], "IPV4", "weir-block-v4")


def test_names_and_scopes() -> None:
    check_name("weir-block-v4")
    for name in ("", "a b", "x" * 129, "weir/1", "wéir", "weir\n"):
        with pytest.raises(LimitError):
            check_name(name)
    regional = Scope("REGIONAL", "eu-west-1")
    CLOUDFRONT.check_region("us-east-1")
    regional.check_region("eu-west-1")
    with pytest.raises(LimitError, match="Scope CLOUDFRONT is served in us-east-1 only, not in eu-west-1"):
        CLOUDFRONT.check_region("eu-west-1")
    with pytest.raises(LimitError, match="Scope REGIONAL:eu-west-1 is served in eu-west-1 only, not in us-east-1"):
        regional.check_region("us-east-1")


@given(st.text(max_size=400))
def test_any_text_becomes_a_description_that_aws_takes(text: Any) -> None:
    check_description(limits.description(text))


def test_a_description_cut_at_space_is_valid() -> None:
    check_description(limits.description("a" * 255 + " b"))


@pytest.mark.parametrize("text", ["", "ab", "a (b) c", " ab", "abc ", "a" * 257, "ab\u00e9"])
def test_descriptions_that_aws_refuses(text: Any) -> None:
    with pytest.raises(LimitError):
        check_description(text)


def test_our_limits_are_those_of_the_service_model() -> None:
    model = service_model()
    assert model.shape_for("EntityName").metadata["max"] == 128
    assert model.shape_for("EntityDescription").metadata["max"] == 256
    assert model.shape_for("PaginationLimit").metadata["max"] == limits.MAX_PAGE
    assert tuple(model.shape_for("Scope").enum) == tuple(
        one.kind for one in parse_scopes("CLOUDFRONT,REGIONAL:eu-west-1")
    )
    assert tuple(model.shape_for("IPAddressVersion").enum) == limits.FAMILIES
