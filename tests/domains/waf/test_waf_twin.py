"""The twin conforms to wafv2: one set of contract tests on the twin, on moto and, with WEIR_TEST_AWS=1, on AWS itself.

What both refuse and only moto takes is test_waf_strictness.py's.
"""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from platform_assets.domains.waf.twin.client import WafTwin
from platform_assets.domains.waf.twin.state import service_model
from tests.domains.waf.waf_calls import SCOPE, SEEN, acl, create, delete, get, group, reference, rule, update
from tests.domains.waf.waf_world import Clock, v4

FIXTURES = {"twin": "twin", "moto": "moto_client", "aws": "aws_account"}


@pytest.fixture(params=list(FIXTURES))
def client(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(FIXTURES[request.param])


# Contract: twin, moto and AWS


def test_a_set_lives_from_creation_to_deletion(client: Any) -> None:
    made = create(client, addresses=("45.83.1.2/32",), Description="Weir block")
    assert "/ipset/" in made["ARN"] and made["ARN"].endswith(f"s/{made['Id']}")
    found = get(client, made)
    assert found["IPSet"]["Addresses"] == ["45.83.1.2/32"]
    assert found["IPSet"]["Description"] == "Weir block"
    assert found["LockToken"] == made["LockToken"]
    following = update(client, made, ["45.83.1.3/32"], found["LockToken"])["NextLockToken"]
    assert following != found["LockToken"]
    assert get(client, made)["IPSet"]["Addresses"] == ["45.83.1.3/32"]
    listed = client.list_ip_sets(**SCOPE)["IPSets"]
    assert [(one["Name"], one["Id"], one["LockToken"]) for one in listed] == [("s", made["Id"], following)]
    delete(client, made, following)
    assert client.list_ip_sets(**SCOPE)["IPSets"] == []


def test_a_stale_token_is_refused_and_changes_nothing(client: Any) -> None:
    made = create(client)
    update(client, made, ["45.83.1.2/32"], made["LockToken"])
    with pytest.raises(client.exceptions.WAFOptimisticLockException) as caught:
        update(client, made, ["45.83.1.9/32"], made["LockToken"])
    assert caught.value.response["Error"]["Code"] == "WAFOptimisticLockException"
    assert get(client, made)["IPSet"]["Addresses"] == ["45.83.1.2/32"]
    with pytest.raises(client.exceptions.WAFOptimisticLockException):
        delete(client, made, made["LockToken"])


def test_every_write_gives_a_new_token(client: Any) -> None:
    made = create(client, addresses=("45.83.1.2/32",))
    tokens = [made["LockToken"]]
    for _ in range(3):
        tokens.append(update(client, made, ["45.83.1.2/32"], tokens[-1])["NextLockToken"])
        assert get(client, made)["LockToken"] == tokens[-1]
    assert len(set(tokens)) == 4
    for stale in tokens[:-1]:
        with pytest.raises(client.exceptions.WAFOptimisticLockException):
            update(client, made, [], stale)
    assert get(client, made)["LockToken"] == tokens[-1]


def test_a_rule_groups_token_works_like_a_sets(client: Any) -> None:
    made = group(client, [])
    shared = {"Name": "g", "Id": made["Id"], "VisibilityConfig": SEEN, **SCOPE}
    following = client.update_rule_group(Rules=[], LockToken=made["LockToken"], **shared)["NextLockToken"]
    assert following != made["LockToken"]
    with pytest.raises(client.exceptions.WAFOptimisticLockException):
        client.update_rule_group(Rules=[], LockToken=made["LockToken"], Description="too late", **shared)
    with pytest.raises(client.exceptions.WAFOptimisticLockException):
        client.delete_rule_group(Name="g", Id=made["Id"], LockToken=made["LockToken"], **SCOPE)
    found = client.get_rule_group(Name="g", Id=made["Id"], **SCOPE)
    assert (found["LockToken"], found["RuleGroup"].get("Description", "")) == (following, "")


def test_faults_are_botocores_own_exceptions(client: Any) -> None:
    """One class for each fault, caught by name or as ClientError, saying which call it was."""
    made = create(client)
    delete(client, made, made["LockToken"])
    with pytest.raises(
        ClientError, match=r"^An error occurred \(WAFNonexistentItemException\) when calling the"
    ) as caught:
        get(client, made)
    assert isinstance(caught.value, client.exceptions.WAFNonexistentItemException)
    assert type(caught.value).__module__ == "botocore.errorfactory"
    assert caught.value.operation_name == "GetIPSet"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert not isinstance(caught.value, client.exceptions.WAFOptimisticLockException)


def test_what_does_not_exist_is_not_found(client: Any) -> None:
    made = create(client)
    delete(client, made, made["LockToken"])
    for call in (
        lambda: get(client, made),
        lambda: update(client, made, [], made["LockToken"]),
        lambda: delete(client, made, made["LockToken"]),
    ):
        with pytest.raises(client.exceptions.WAFNonexistentItemException):
            call()


def test_pages_hold_a_hundred_and_follow_markers(client: Any) -> None:
    for number in range(7):
        create(client, f"s{number}")
    names, page_count = [], 0
    marker: dict[str, Any] = {}
    while True:
        page = client.list_ip_sets(Limit=3, **SCOPE, **marker)
        assert len(page["IPSets"]) <= 3
        names += [one["Name"] for one in page["IPSets"]]
        page_count += 1
        if "NextMarker" not in page:
            break
        marker = {"NextMarker": page["NextMarker"]}
    assert sorted(names) == [f"s{number}" for number in range(7)]
    assert page_count >= 3


def test_botocores_own_validation_comes_first(client: Any) -> None:
    with pytest.raises(ParamValidationError, match="Missing required parameter"):
        client.create_ip_set(Name="s", Scope="CLOUDFRONT")
    with pytest.raises(ParamValidationError, match="Unknown parameter"):
        client.list_ip_sets(Scope="CLOUDFRONT", Page=3)
    with pytest.raises(ParamValidationError, match="Invalid type"):
        create(client, addresses=(7,))  # type: ignore[arg-type]
    with pytest.raises(ParamValidationError, match="Invalid length for parameter Description"):
        create(client, Description="")
    with pytest.raises(ParamValidationError, match="Invalid value for parameter Limit, value: 0, valid min value: 1"):
        client.list_ip_sets(Limit=0, **SCOPE)


def test_a_web_acl_shows_its_rule_group(client: Any) -> None:
    used = group(client, [])
    if isinstance(client, WafTwin):
        client._clock.sleep(2)  # type: ignore[attr-defined]
    statement = {"RuleGroupReferenceStatement": {"ARN": used["ARN"]}}
    made = acl(client, [rule(statement, OverrideAction={"Count": {}})])
    (listed,) = client.list_web_acls(**SCOPE)["WebACLs"]
    assert (listed["Name"], listed["Id"]) == ("a", made["Id"])
    shown = client.get_web_acl(Name="a", Id=made["Id"], **SCOPE)
    (found,) = shown["WebACL"]["Rules"]
    assert (found["Statement"], found["OverrideAction"]) == (statement, {"Count": {}})
    assert shown["LockToken"] == listed["LockToken"]


def test_a_missing_web_acl_is_not_found(client: Any) -> None:
    with pytest.raises(client.exceptions.WAFNonexistentItemException):
        client.get_web_acl(Name="a", Id="00000000-0000-0000-0000-000000000000", **SCOPE)


def test_a_non_numeric_limit_never_reaches_the_service(client: Any) -> None:
    with pytest.raises(ParamValidationError, match="Invalid type for parameter Limit"):
        client.list_web_acls(Limit="all", **SCOPE)


# The twin alone


def test_scopes_are_apart(twin: WafTwin) -> None:
    create(twin)
    twin.create_ip_set(Name="s", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=[])
    assert len(twin.list_ip_sets(**SCOPE)["IPSets"]) == 1


@pytest.fixture
def abroad(tmp_path: Path, twin: WafTwin, clock: Clock) -> WafTwin:
    """The same account in another region."""
    return WafTwin(tmp_path / "twin", region_name="eu-west-1", clock=clock, writes_per_second=float("inf"))


REGIONAL = {"Scope": "REGIONAL"}


def test_regions_are_apart(tmp_path: Path, twin: WafTwin, abroad: Any, clock: Clock) -> None:
    made = {}
    for one in (twin, abroad):
        made[one] = one.create_ip_set(Name="s", IPAddressVersion="IPV4", Addresses=[], **REGIONAL)["Summary"]
    clock.sleep(5)
    assert [one["ARN"] for one in twin.list_ip_sets(**REGIONAL)["IPSets"]] == [made[twin]["ARN"]]
    assert [one["ARN"] for one in abroad.list_ip_sets(**REGIONAL)["IPSets"]] == [made[abroad]["ARN"]]
    assert ":eu-west-1:" in made[abroad]["ARN"]
    elsewhere = made[abroad]
    for call in (
        lambda: twin.get_ip_set(Name="s", Id=elsewhere["Id"], **REGIONAL),
        lambda: twin.delete_ip_set(Name="s", Id=elsewhere["Id"], LockToken=elsewhere["LockToken"], **REGIONAL),
        lambda: twin.tag_resource(ResourceARN=elsewhere["ARN"], Tags=[{"Key": "a", "Value": "b"}]),
    ):
        with pytest.raises(twin.exceptions.WAFNonexistentItemException):
            call()
    shared = {"Name": "g", "Capacity": 10, "VisibilityConfig": SEEN, **REGIONAL}
    with pytest.raises(twin.exceptions.WAFInvalidParameterException):
        twin.create_rule_group(Rules=[rule(reference(elsewhere["ARN"]))], **shared)
    abroad.create_rule_group(Rules=[rule(reference(elsewhere["ARN"]))], **shared)
    twin.delete_ip_set(Name="s", Id=made[twin]["Id"], LockToken=made[twin]["LockToken"], **REGIONAL)
    assert len(abroad.list_ip_sets(**REGIONAL)["IPSets"]) == 1


def test_mutating_calls_are_counted_by_region(tmp_path: Path, strict_twin: WafTwin, clock: Clock) -> None:
    abroad = WafTwin(tmp_path / "twin", region_name="eu-west-1", clock=clock)
    create(strict_twin)
    abroad.create_ip_set(Name="s", IPAddressVersion="IPV4", Addresses=[], **REGIONAL)
    with pytest.raises(ClientError, match="Rate exceeded"):  # another scope, the same region
        strict_twin.create_ip_set(Name="s", IPAddressVersion="IPV4", Addresses=[], **REGIONAL)


def test_a_scope_holds_a_hundred_sets(twin: WafTwin) -> None:
    for number in range(100):
        create(twin, f"s{number}")
    with pytest.raises(twin.exceptions.WAFLimitsExceededException):
        create(twin, "one-more")


def test_a_full_last_page_still_names_a_marker(twin: WafTwin) -> None:
    for number in range(4):
        create(twin, f"s{number}")
    page = twin.list_ip_sets(Limit=4, **SCOPE)
    empty = twin.list_ip_sets(Limit=4, NextMarker=page["NextMarker"], **SCOPE)
    assert empty["IPSets"] == [] and "NextMarker" not in empty
    with pytest.raises(twin.exceptions.WAFInvalidParameterException):
        twin.list_ip_sets(NextMarker="%%%", **SCOPE)


def test_a_rule_groups_capacity_is_fixed_and_counted(twin: WafTwin, clock: Clock) -> None:
    sets = [create(twin, f"s{number}") for number in range(3)]
    clock.sleep(5)
    either = {"OrStatement": {"Statements": [reference(one["ARN"]) for one in sets]}}
    assert twin.check_capacity(Rules=[rule(either)], **SCOPE)["Capacity"] == 3
    made = group(twin, [rule(reference(sets[0]["ARN"]))], capacity=2)
    with pytest.raises(twin.exceptions.WAFLimitsExceededException):
        twin.update_rule_group(
            Name="g", Id=made["Id"], LockToken=made["LockToken"], Rules=[rule(either)], VisibilityConfig=SEEN, **SCOPE
        )
    found = twin.get_rule_group(ARN=made["ARN"])
    assert found["RuleGroup"]["Capacity"] == 2
    assert found["RuleGroup"]["Rules"] == [rule(reference(sets[0]["ARN"]))]


def test_an_omitted_web_acl_field_is_deleted(twin: WafTwin) -> None:
    made = acl(twin, [], CaptchaConfig={"ImmunityTimeProperty": {"ImmunityTime": 300}}, Description="Shop front")
    twin.update_web_acl(
        Name="a",
        Id=made["Id"],
        LockToken=made["LockToken"],
        DefaultAction={"Block": {}},
        VisibilityConfig=SEEN,
        **SCOPE,
    )
    after = twin.get_web_acl(Name="a", Id=made["Id"], **SCOPE)["WebACL"]
    assert "CaptchaConfig" not in after and "Description" not in after
    assert after["DefaultAction"] == {"Block": {}}
    assert [one["Name"] for one in twin.list_web_acls(**SCOPE)["WebACLs"]] == ["a"]
    fresh = twin.get_web_acl(Name="a", Id=made["Id"], **SCOPE)
    twin.delete_web_acl(Name="a", Id=made["Id"], LockToken=fresh["LockToken"], **SCOPE)
    assert twin.list_web_acls(**SCOPE)["WebACLs"] == []


def test_a_rule_group_is_named_by_content(twin: WafTwin, clock: Clock) -> None:
    made = group(twin, [])
    clock.sleep(5)
    inner = {"RuleGroupReferenceStatement": {"ARN": made["ARN"]}}
    with pytest.raises(twin.exceptions.WAFInvalidParameterException):
        group(twin, [rule(inner, OverrideAction={"None": {}})], name="h")
    with pytest.raises(twin.exceptions.WAFInvalidParameterException):
        acl(twin, [rule(inner)])  # a group takes an override action
    with pytest.raises(twin.exceptions.WAFInvalidParameterException):
        acl(
            twin,
            [
                rule(
                    {
                        "RegexPatternSetReferenceStatement": {
                            "ARN": made["ARN"],
                            "FieldToMatch": {"UriPath": {}},
                            "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
                        }
                    }
                )
            ],
        )


def test_tags_are_kept_beside_the_entity(twin: WafTwin) -> None:
    made = create(twin, Tags=[{"Key": "managed-by", "Value": "weir"}])
    twin.tag_resource(ResourceARN=made["ARN"], Tags=[{"Key": "team", "Value": "edge"}])
    twin.untag_resource(ResourceARN=made["ARN"], TagKeys=["managed-by"])
    found = twin.list_tags_for_resource(ResourceARN=made["ARN"])["TagInfoForResource"]
    assert found["TagList"] == [{"Key": "team", "Value": "edge"}]
    with pytest.raises(twin.exceptions.WAFNonexistentItemException):
        twin.tag_resource(ResourceARN=made["ARN"] + "x", Tags=[{"Key": "a", "Value": "b"}])


def test_every_fault_is_one_that_the_model_lists() -> None:
    """`fault` refuses others; this keeps the list of operations honest."""
    for operation in ("CreateIPSet", "UpdateRuleGroup", "ListWebACLs", "CheckCapacity", "TagResource"):
        assert "WAFInvalidParameterException" in [
            shape.name for shape in service_model().operation_model(operation).error_shapes
        ]


def test_state_is_on_disk_for_the_next_process(tmp_path: Path, clock: Clock) -> None:
    made = create(WafTwin(tmp_path, clock=clock), addresses=("45.83.1.2/32",))
    assert get(WafTwin(tmp_path, clock=clock), made)["IPSet"]["Addresses"] == ["45.83.1.2/32"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "temporary files are left"


def _append(folder: Path, number: int) -> None:
    """What a careful writer does, from another process."""
    client = WafTwin(folder, writes_per_second=float("inf"))
    summary = client.list_ip_sets(**SCOPE)["IPSets"][0]
    while True:
        found = get(client, summary)
        try:
            update(client, summary, [*found["IPSet"]["Addresses"], v4(number)], found["LockToken"])
            return
        except client.exceptions.WAFOptimisticLockException:
            continue


def test_processes_share_a_folder_without_lost_updates(tmp_path: Path) -> None:
    made = create(WafTwin(tmp_path))
    context = multiprocessing.get_context("fork")
    writers: list[Any] = [context.Process(target=_append, args=(tmp_path, number)) for number in range(4)]
    writers += [threading.Thread(target=_append, args=(tmp_path, number)) for number in range(4, 8)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(60)
    assert set(get(WafTwin(tmp_path), made)["IPSet"]["Addresses"]) == {v4(number) for number in range(8)}


def test_a_clock_set_back_does_not_throttle_forever(tmp_path: Path) -> None:
    clock = Clock()
    create(WafTwin(tmp_path, clock=clock))
    create(WafTwin(tmp_path, clock=Clock(clock.at - 3600)), "t")
