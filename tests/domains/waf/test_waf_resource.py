"""The WAF that settings name, and what a user reads when it cannot be used."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from platform_assets.actions.state import StateError
from platform_assets.domains.waf.apply.applied import Applied, AppliedSet, AppliedStore, Owned
from platform_assets.domains.waf.apply.calls import Calls
from platform_assets.domains.waf.apply.ip_sets import IpSetTarget
from platform_assets.domains.waf.apply.targets import applied_store, waf_calls, waf_client, waf_targets
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.scopes import CLOUDFRONT, Scope
from platform_assets.domains.waf.twin.client import WafTwin
from platform_assets.settings import Settings
from tests.domains.waf.waf_world import applied, due, live_addresses, v4

DUBLIN, VIRGINIA = Scope("REGIONAL", "eu-west-1"), Scope("REGIONAL", "us-east-1")


def only_target(settings: Settings) -> IpSetTarget:
    (target,) = waf_targets(settings)
    return target


def test_the_default_is_the_twin_in_the_home(home: Settings) -> None:
    target = only_target(home)
    assert isinstance(target.calls.client, WafTwin)
    applied(target, [due(v4(1))])
    assert live_addresses(only_target(home)) == {"weir-block-v4": {v4(1)}}
    assert sorted(path.name for path in (home.home / "waf").iterdir() if path.suffix == ".json") == [
        "applied-twin-cloudfront-weir.json",
        "calls.json",
        "wafv2.json",
    ]


def test_each_scope_is_called_in_its_region(home: Settings) -> None:
    everywhere = "CLOUDFRONT,REGIONAL:eu-west-1,REGIONAL:us-east-1"
    abroad = home.model_copy(update={"aws_region": "ap-south-1", "waf_target": "aws", "waf_scopes": everywhere})
    calls = waf_calls(abroad)
    assert [(scope, one.client.meta.region_name) for scope, one in calls.items()] == [
        (CLOUDFRONT, "us-east-1"), (DUBLIN, "eu-west-1"), (VIRGINIA, "us-east-1"),
    ]  # fmt: skip
    assert [(one.scope, one.calls.client.meta.region_name) for one in waf_targets(abroad)] == [
        (scope, scope.region) for scope in calls
    ]


def test_scopes_of_a_region_share_its_token_bucket(home: Settings) -> None:
    calls = waf_calls(home.model_copy(update={"waf_scopes": "CLOUDFRONT,REGIONAL:eu-west-1,REGIONAL:us-east-1"}))
    assert calls[CLOUDFRONT]._bucket is calls[VIRGINIA]._bucket
    assert calls[CLOUDFRONT]._bucket is not calls[DUBLIN]._bucket


def test_ownership_is_kept_in_a_file_a_scope(home: Settings) -> None:
    settings = home.model_copy(update={"waf_scopes": "CLOUDFRONT,REGIONAL:eu-west-1", "waf_prefix": "edge"})
    assert [one.store.path.name for one in waf_targets(settings)] == [
        "applied-twin-cloudfront-edge.json",
        "applied-twin-regional-eu-west-1-edge.json",
    ]


def test_an_old_home_keeps_its_regional_file(home: Settings) -> None:
    """It named no region: that was WEIR_AWS_REGION."""
    settings = home.model_copy(
        update={"aws_region": "eu-west-1", "waf_scopes": "REGIONAL:eu-west-1,REGIONAL:us-east-1"}
    )
    ours = Applied(3, {"weir-block-v4": AppliedSet("id", {v4(1): Owned("d", "2026-11-21T00:00:00Z")})})
    former = home.home / "waf" / "applied-twin-regional-weir.json"
    AppliedStore(former).save(ours)
    store = applied_store(settings, DUBLIN)
    assert store.load() == ours
    assert applied_store(settings, VIRGINIA).load() == Applied()
    store.save(ours.with_set("weir-block-v4", AppliedSet("id")))
    assert store.load().entry_count == 0, "what is written since then is in the file of its own, and counts"
    assert AppliedStore(former).load() == ours


def test_a_damaged_former_file_is_named(home: Settings) -> None:
    former = home.home / "waf" / "applied-twin-regional-weir.json"
    former.parent.mkdir()
    former.write_text("{")
    with pytest.raises(StateError, match=r"applied-twin-regional-weir\.json does not hold"):
        applied_store(home.model_copy(update={"aws_region": "eu-west-1"}), DUBLIN).load()


def test_aws_is_asked_through_our_retries_alone(home: Settings) -> None:
    client = waf_client(home.model_copy(update={"waf_target": "aws"}), "us-east-1")
    assert client.meta.config.retries["total_max_attempts"] == 1
    assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (5, 30)


def test_a_store_replacing_s3_does_not_move_waf(home: Settings) -> None:
    elsewhere = home.model_copy(update={"waf_target": "aws", "s3_endpoint_url": "http://127.0.0.1:9"})
    assert waf_client(elsewhere, "us-east-1").meta.endpoint_url == "https://wafv2.us-east-1.amazonaws.com"


def test_without_credentials_a_sentence_says_what_to_set(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(WafError, match="no AWS credentials for WAF; set AWS_PROFILE"):
        only_target(home.model_copy(update={"waf_target": "aws"})).read_sets()


def test_connection_faults_are_sentences_without_secrets(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    aws = home.model_copy(update={"waf_target": "aws"})
    monkeypatch.setenv("AWS_ENDPOINT_URL_WAFV2", "http://127.0.0.1:9")
    with pytest.raises(WafError, match=r"cannot be reached .* and AWS_ENDPOINT_URL") as caught:
        Calls(waf_client(aws, "us-east-1"), attempts=2).read("list_ip_sets", Scope="CLOUDFRONT")
    assert "secret" not in str(caught.value) and "AKIA" not in str(caught.value) and "\n" not in str(caught.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_WAFV2", "not a url")
    with pytest.raises(WafError, match=r"cannot be set up .* and AWS_ENDPOINT_URL\."):
        waf_client(aws, "us-east-1")
    monkeypatch.setenv("AWS_PROFILE", "absent")
    with pytest.raises(WafError, match="cannot be set up"):
        waf_client(aws, "us-east-1")


@pytest.mark.slow
def test_aws_is_served_over_http_by_moto(home: Settings, moto_endpoint: Any) -> None:
    settings = home.model_copy(update={"waf_target": "aws"})
    applied(only_target(settings), [due(v4(1)), due("2a00:1450::1/128")])
    live = live_addresses(only_target(settings))
    assert live == {"weir-block-v4": {v4(1)}, "weir-block-v6": {"2a00:1450::1/128"}}


def test_the_twin_needs_no_boto3(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert only_target(home).read_sets() == {}
