"""What AWS refuses the twin refuses, each refusal with nothing changed; moto takes it, which is why it stands in for nothing here.

Runs on the twin and, with WEIR_TEST_AWS=1, on AWS. A case that moto learns to refuse fails here: it then takes `moto="refuses"`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from platform_assets.domains.waf.twin.client import WafTwin
from tests.domains.waf.own_names import OwnNames
from tests.domains.waf.waf_calls import SCOPE, acl, create, delete, get, group, reference, rule, update
from tests.domains.waf.waf_world import Clock, v4

INVALID, LIMITS = "WAFInvalidParameterException", "WAFLimitsExceededException"
GEO = {"GeoMatchStatement": {"CountryCodes": ["NL"]}}
SQLI = {
    "SqliMatchStatement": {
        "FieldToMatch": {"QueryString": {}},
        "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
    }
}
NOBODY = "00000000-0000-0000-0000-000000000000"
Call = Callable[[], Any]


@dataclass(frozen=True)
class Place:
    """A wafv2, the same in another region, and how time passes there."""

    client: Any
    elsewhere: Call
    sleep: Callable[[float], None]
    settling_seconds: float = 3.0

    def settle(self) -> None:
        """Until what was just made can be referenced."""
        self.sleep(self.settling_seconds)

    def held(self) -> list[Any]:
        """All there is: names, tokens and what each IP set holds."""
        sets = self.client.list_ip_sets(**SCOPE)["IPSets"]
        groups = self.client.list_rule_groups(**SCOPE)["RuleGroups"]
        return [*groups, *((one, get(self.client, one)["IPSet"]) for one in sets)]


@dataclass(frozen=True)
class Refusal:
    """What AWS refuses: `deed` prepares a place and returns the call that is refused there with `code`."""

    deed: Callable[[Place], Call]
    code: str = INVALID
    not_on_aws: str = ""
    """Why it is not tried on AWS."""
    moto: str = "takes it"


def _entries(*addresses: str, family: str = "IPV4", code: str = INVALID, moto: str = "takes it") -> dict[str, Refusal]:
    """The same entries when a set is created and when it is updated."""
    right = "45.83.1.2/32" if family == "IPV4" else "2a00::/64"

    def updated(place: Place) -> Call:
        made = create(place.client, addresses=(right,), family=family)
        return lambda: update(place.client, made, list(addresses), made["LockToken"])

    return {
        "created": Refusal(lambda p: lambda: create(p.client, addresses=addresses, family=family), code, moto=moto),
        "updated": Refusal(updated, code, moto=moto),
    }


def _call(make: Callable[[Any], Any], code: str = INVALID, **more: str) -> Refusal:
    return Refusal(lambda place: lambda: make(place.client), code, **more)


def _described_on_update(place: Place) -> Call:
    made = create(place.client, Description="Weir block")
    return lambda: update(place.client, made, [], made["LockToken"], Description="Weir (block)")


def _name_taken(place: Place) -> Call:
    create(place.client)
    return lambda: create(place.client)


def _hundred_and_first(place: Place) -> Call:
    for number in range(100):
        create(place.client, f"s{number}")
    return lambda: create(place.client, "one-more")


def _too_fast(place: Place) -> Call:
    made = create(place.client)
    update(place.client, made, [], made["LockToken"])  # of another kind, so not too fast
    return lambda: create(place.client, "t")


def _referenced_at_once(place: Place) -> Call:
    made = create(place.client)
    return lambda: group(place.client, [rule(reference(made["ARN"]))])


def _deleted_in_use(place: Place) -> Call:
    made = create(place.client)
    place.settle()
    group(place.client, [rule({"NotStatement": {"Statement": {"AndStatement": {"Statements": [reference(made["ARN"]), GEO]}}}})])  # fmt: skip
    return lambda: delete(place.client, made, get(place.client, made)["LockToken"])


def _group_deleted_in_use(place: Place) -> Call:
    made = group(place.client, [])
    place.settle()
    acl(place.client, [rule({"RuleGroupReferenceStatement": {"ARN": made["ARN"]}}, OverrideAction={"Count": {}})])
    return lambda: place.client.delete_rule_group(Name="g", Id=made["Id"], LockToken=made["LockToken"], **SCOPE)


ENTRIES = {
    "slash zero": _entries("0.0.0.0/0"),
    "slash zero of IPv6": _entries("::/0", family="IPV6"),
    "host bits": _entries("45.83.1.2/24"),
    "host bits of IPv6": _entries("2a00::1/64", family="IPV6"),
    "bare address": _entries("45.83.1.2"),
    "bare address of IPv6": _entries("2a00::1", family="IPV6"),
    "IPv6 in IPv4": _entries("2a00::/64"),
    "IPv4 in IPv6": _entries("45.83.1.2/32", family="IPV6"),
    "no address": _entries("example.org/24"),
    "one twice": _entries("45.83.1.2/32", "45.83.1.2/32"),
    "one twice in two spellings": _entries("2a00::/64", "2A00:0::/64", family="IPV6"),
    "one wrong among right ones": _entries("45.83.1.0/24", "0.0.0.0/0"),
    "10001": _entries(*(v4(number) for number in range(10_001)), code=LIMITS),
}
REFUSED = {
    **{f"{name}, {when}": one for name, both in ENTRIES.items() for when, one in both.items()},
    "name with a space": _call(lambda c: create(c, "a b")),
    "name with a dot": _call(lambda c: create(c, "a.b")),
    "name of 129": _call(lambda c: create(c, "a" * 129)),
    "description with parentheses": _call(lambda c: create(c, Description="Weir (block)")),
    "description of 257": _call(lambda c: create(c, Description="a" * 257)),
    "description, updated": Refusal(_described_on_update),
    "family name": _call(lambda c: create(c, family="IPV5")),
    "scope name": _call(lambda c: c.list_ip_sets(Scope="GLOBAL")),
    "page of 101": _call(lambda c: c.list_ip_sets(Limit=101, **SCOPE)),
    "reading in another region": Refusal(lambda p: lambda: p.elsewhere().list_ip_sets(**SCOPE)),
    "creating in another region": Refusal(lambda p: lambda: create(p.elsewhere())),
    "name taken": Refusal(_name_taken, "WAFDuplicateItemException"),
    "set 101": Refusal(_hundred_and_first, LIMITS, "the account has sets of its own, and it takes two minutes"),
    "second of a kind within a second": Refusal(_too_fast, "ThrottlingException", "what AWS lets through differs"),
    "referenced at once": Refusal(_referenced_at_once, "WAFUnavailableEntityException", "AWS is sometimes fast"),
    "deleted in use": Refusal(_deleted_in_use, "WAFAssociatedItemException"),
    "group deleted in use": Refusal(_group_deleted_in_use, "WAFAssociatedItemException", "no web ACL is made there"),
    "reference to nothing": _call(lambda c: group(c, [rule(reference("arn:aws:wafv2:us-east-1:0:global/ipset/x/y"))])),
    "rules beyond capacity": _call(lambda c: group(c, [rule(SQLI)], 5), LIMITS),
    "or of one": _call(lambda c: group(c, [rule({"OrStatement": {"Statements": [GEO]}})])),
    "two statements in one": _call(
        lambda c: group(c, [rule({**GEO, "LabelMatchStatement": {"Scope": "LABEL", "Key": "k"}})])
    ),
    "rule without action": _call(lambda c: group(c, [rule(GEO, OverrideAction={"None": {}})])),
    "same priority twice": _call(lambda c: group(c, [rule(GEO, name) for name in ("a", "b")])),
}


@pytest.fixture
def twin_place(tmp_path: Path, clock: Clock, request: pytest.FixtureRequest) -> Place:
    """The twin as it is shipped where a case is about its pace; elsewhere tests need not wait between their own calls."""
    pace: dict[str, Any] = {} if "within a second" in request.node.name else {"writes_per_second": float("inf")}
    client = WafTwin(tmp_path / "twin", clock=clock, **pace)
    return Place(client, lambda: WafTwin(tmp_path / "twin", clock=clock, region_name="eu-west-1", **pace), clock.sleep)


@pytest.fixture
def moto_place(moto_client: Any) -> Place:
    import boto3

    return Place(moto_client, lambda: boto3.client("wafv2", region_name="eu-west-1"), lambda _: None)


@pytest.fixture
def aws_place(aws_account: OwnNames) -> Place:
    import boto3

    def elsewhere() -> OwnNames:
        return OwnNames(boto3.session.Session().client("wafv2", region_name="eu-west-1"))

    return Place(aws_account, elsewhere, time.sleep, settling_seconds=15.0)


@pytest.mark.parametrize("where", ["twin", "aws"])
@pytest.mark.parametrize("case", list(REFUSED))
def test_what_aws_refuses_is_refused_and_changes_nothing(request: pytest.FixtureRequest, where: str, case: str) -> None:
    refusal = REFUSED[case]
    if where == "aws" and refusal.not_on_aws:
        pytest.skip(refusal.not_on_aws)
    place: Place = request.getfixturevalue(f"{where}_place")
    call = refusal.deed(place)
    before = place.held()
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == refusal.code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert place.held() == before


@pytest.mark.parametrize("case", list(REFUSED))
def test_moto_takes_what_aws_refuses(moto_place: Place, case: str) -> None:
    refusal = REFUSED[case]
    call = refusal.deed(moto_place)
    if refusal.moto == "takes it":
        call()
        return
    with pytest.raises(ClientError):
        call()


def canonical(client: Any, written: str, how: str) -> list[str]:
    if how == "created":
        return list(get(client, create(client, addresses=(written,), family="IPV6"))["IPSet"]["Addresses"])
    made = create(client, family="IPV6")
    update(client, made, [written], made["LockToken"])
    return list(get(client, made)["IPSet"]["Addresses"])


@pytest.mark.parametrize("how", ["created", "updated"])
@pytest.mark.parametrize(
    "where",
    [
        "twin",
        "aws",
        pytest.param("moto", marks=pytest.mark.xfail(strict=True, reason="moto keeps the text that it was given")),
    ],
)
@pytest.mark.parametrize("written", ["2A00:1450:0000:0000:0000:0000:0000:0000/64", "2a00:1450:0:0::/64"])
def test_ipv6_comes_back_in_canonical_form(request: pytest.FixtureRequest, where: str, how: str, written: str) -> None:
    place: Place = request.getfixturevalue(f"{where}_place")
    assert canonical(place.client, written, how) == ["2a00:1450::/64"]


@pytest.mark.parametrize(
    "where",
    [
        "twin",
        "aws",
        pytest.param("moto", marks=pytest.mark.xfail(strict=True, reason="moto refuses no entry and so words nothing")),
    ],
)
def test_a_refusal_is_worded_as_aws_does(request: pytest.FixtureRequest, where: str) -> None:
    client = request.getfixturevalue(f"{where}_place").client
    with pytest.raises(client.exceptions.WAFInvalidParameterException) as caught:
        create(client, addresses=("45.83.1.2/24",))
    response = caught.value.response
    said = (
        "Error reason: The parameter contains formatting that is not valid., field: IP_ADDRESS, parameter: 45.83.1.2/24"
    )
    assert response["Error"] == {"Code": INVALID, "Message": said}
    assert (response["Field"], response["Parameter"]) == ("IP_ADDRESS", "45.83.1.2/24")


# The pace of the twin, on a clock


def test_one_mutating_call_passes_each_second(strict_twin: WafTwin, clock: Clock) -> None:
    made = create(strict_twin)
    for number in range(3):
        with pytest.raises(ClientError, match="Rate exceeded"):
            create(strict_twin, "t")
        for _ in range(5):
            get(strict_twin, made)
        clock.sleep(0.4 if number < 2 else 0.2)
    create(strict_twin, "t")


def test_every_mutating_call_is_paced(strict_twin: WafTwin, clock: Clock) -> None:
    """A refused call counts: pacing comes before anything else is looked at."""
    nothing = {"Name": "x", "Id": NOBODY, "LockToken": NOBODY, **SCOPE}
    for kind in ("ip_set", "rule_group", "web_acl"):
        call = getattr(strict_twin, f"delete_{kind}")
        with pytest.raises(strict_twin.exceptions.WAFNonexistentItemException):
            call(**nothing)
        with pytest.raises(ClientError, match="Rate exceeded"):
            call(**nothing)
    made = create(strict_twin)
    clock.sleep(1)
    update(strict_twin, made, [], made["LockToken"])
    with pytest.raises(ClientError, match="Rate exceeded"):
        update(strict_twin, made, [], get(strict_twin, made)["LockToken"])


def test_new_entities_become_available_after_a_while(twin: WafTwin, clock: Clock) -> None:
    made = create(twin)
    clock.sleep(1.9)
    with pytest.raises(twin.exceptions.WAFUnavailableEntityException):
        group(twin, [rule(reference(made["ARN"]))])
    clock.sleep(0.1)
    group(twin, [rule(reference(made["ARN"]))])


def test_pace_and_age_are_on_disk_too(tmp_path: Path, clock: Clock) -> None:
    made = create(WafTwin(tmp_path, clock=clock))
    with pytest.raises(ClientError, match="Rate exceeded"):
        create(WafTwin(tmp_path, clock=clock), "t")
    again = WafTwin(tmp_path, clock=clock)
    with pytest.raises(again.exceptions.WAFUnavailableEntityException):
        group(again, [rule(reference(made["ARN"]))])


def test_a_folder_serves_cloudfront_and_regions(tmp_path: Path) -> None:
    elsewhere = WafTwin(tmp_path, region_name="eu-west-1")
    assert elsewhere.list_ip_sets(Scope="REGIONAL")["IPSets"] == []
    elsewhere.create_ip_set(Name="s", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=[])
    assert len(elsewhere.list_ip_sets(Scope="REGIONAL")["IPSets"]) == 1
