"""The WAF that settings name, and what a user reads when it cannot be used."""

from __future__ import annotations

import sys

import pytest
from waf_world import NOW, due, live_addresses, v4

from platform_assets.resources.waf import check_waf, waf_client, waf_region, waf_target
from platform_assets.waf.errors import WafError
from platform_assets.waf.plan import plan
from platform_assets.waf.twin import WafTwin


def test_the_default_is_the_twin_in_the_home(home):
    client = waf_client(home)
    assert isinstance(client, WafTwin)
    target = waf_target(home)
    target.apply(plan([due(v4(1))], target.read_sets(), target.last_applied(), now=NOW))
    assert live_addresses(waf_target(home)) == {"weir-block-v4": {v4(1)}}
    assert sorted(path.name for path in (home.home / "waf").iterdir() if path.suffix == ".json") == [
        "applied-twin-cloudfront-weir.json",
        "calls.json",
        "wafv2.json",
    ]
    assert check_waf(home) == "WAF (twin, CLOUDFRONT, us-east-1) answers, with IP sets."


def test_a_home_without_waf_has_no_sets(home):
    assert waf_target(home).read_sets() == {}
    assert check_waf(home) == "WAF (twin, CLOUDFRONT, us-east-1) answers, without IP sets."


def test_cloudfront_is_in_us_east_1_and_regional_where_settings_say(home):
    abroad = home.model_copy(update={"aws_region": "eu-west-1", "waf_target": "aws"})
    assert waf_client(abroad).meta.region_name == "us-east-1"
    regional = abroad.model_copy(update={"waf_scope": "REGIONAL"})
    assert waf_client(regional).meta.region_name == waf_region(regional) == "eu-west-1"


def test_aws_is_asked_through_our_retries_alone(home):
    client = waf_client(home.model_copy(update={"waf_target": "aws"}))
    assert client.meta.config.retries["total_max_attempts"] == 1
    assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (5, 30)


def test_a_store_in_place_of_s3_does_not_move_waf(home):
    elsewhere = home.model_copy(update={"waf_target": "aws", "s3_endpoint_url": "http://127.0.0.1:9"})
    assert waf_client(elsewhere).meta.endpoint_url == "https://wafv2.us-east-1.amazonaws.com"


def test_without_credentials_a_sentence_says_what_to_set(home, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(WafError, match="no AWS credentials for WAF; set AWS_PROFILE"):
        check_waf(home.model_copy(update={"waf_target": "aws"}))


def test_an_unreachable_endpoint_and_a_wrong_profile_are_one_sentence_without_secrets(home, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    aws = home.model_copy(update={"waf_target": "aws"})
    monkeypatch.setenv("AWS_ENDPOINT_URL_WAFV2", "http://127.0.0.1:9")
    with pytest.raises(WafError, match=r"cannot be reached .* and AWS_ENDPOINT_URL") as caught:
        check_waf(aws)
    assert "secret" not in str(caught.value) and "AKIA" not in str(caught.value) and "\n" not in str(caught.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_WAFV2", "not a url")
    with pytest.raises(WafError, match=r"cannot be set up .* and AWS_ENDPOINT_URL\."):
        waf_client(aws)
    monkeypatch.setenv("AWS_PROFILE", "absent")
    with pytest.raises(WafError, match="cannot be set up"):
        waf_client(aws)


@pytest.mark.slow
def test_aws_is_served_over_http_by_moto(home, moto_endpoint):
    settings = home.model_copy(update={"waf_target": "aws"})
    target = waf_target(settings)
    entries = [due(v4(1)), due("2a00:1450::1/128")]
    target.apply(plan(entries, target.read_sets(), target.last_applied(), now=NOW))
    assert live_addresses(waf_target(settings)) == {"weir-block-v4": {v4(1)}, "weir-block-v6": {"2a00:1450::1/128"}}
    assert check_waf(settings).endswith("answers, with IP sets.")


def test_the_twin_needs_no_boto3(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert waf_target(home).read_sets() == {}
