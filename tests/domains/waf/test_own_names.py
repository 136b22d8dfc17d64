"""The opt-in way to AWS: names of its own, nobody else's touched, nothing left behind, also where a test fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets.domains.waf.twin.client import WafTwin
from tests.domains.waf.own_names import OPT_IN, OwnNames
from tests.domains.waf.waf_calls import SCOPE, create, get, group, reference, rule
from tests.domains.waf.waf_world import Clock

ROOT = Path(__file__).parents[3]


def account(twin: WafTwin, clock: Clock) -> OwnNames:
    return OwnNames(twin, sleep=clock.sleep)


def names(twin: WafTwin) -> set[str]:
    return {one["Name"] for one in twin.list_ip_sets(**SCOPE)["IPSets"] + twin.list_rule_groups(**SCOPE)["RuleGroups"]}


def test_every_test_has_names_of_its_own(strict_twin: WafTwin, clock: Clock) -> None:
    create(strict_twin, "somebodys")
    first, second = account(strict_twin, clock), account(strict_twin, clock)
    made = create(first)
    assert made["Name"] == "s" and get(first, made)["IPSet"]["Name"] == "s"
    assert second.list_ip_sets(**SCOPE)["IPSets"] == []
    create(second)
    assert len(names(strict_twin)) == 3 and "s" not in names(strict_twin)


def test_everything_created_is_deleted_and_nothing_more(strict_twin: WafTwin, clock: Clock) -> None:
    theirs = create(strict_twin, "somebodys")
    own = account(strict_twin, clock)
    made = create(own)
    clock.sleep(5)
    group(own, [rule(reference(made["ARN"]))])
    own.delete_all()
    assert names(strict_twin) == {"somebodys"}
    assert get(strict_twin, theirs)["IPSet"]["Name"] == "somebodys"


def test_what_cannot_be_deleted_is_named(strict_twin: WafTwin, clock: Clock) -> None:
    own = account(strict_twin, clock)
    made, _ = create(own), create(own, "t")
    clock.sleep(5)
    group(strict_twin, [rule(reference(made["ARN"]))], name="somebodys")
    with pytest.raises(AssertionError, match=r"delete them by hand: weir-test-[0-9a-f]{8}-s$"):
        own.delete_all()
    left = names(strict_twin)
    assert len(left) == 2 and not any(name.endswith("-t") for name in left)


@pytest.mark.slow
def test_the_contract_cleans_up_its_account(moto_endpoint: str) -> None:
    """moto served over HTTP in place of the account: the contract holds there, and what moto takes fails as it should."""
    import boto3

    client = boto3.client("wafv2", region_name="us-east-1")
    create(client, "somebodys")
    chosen = (
        "test_a_set_lives_from_creation_to_deletion[aws]",
        "test_what_aws_refuses_is_refused_and_changes_nothing[name taken-aws]",
    )
    files = ("test_waf_twin.py", "test_waf_strictness.py")
    asked = [f"tests/domains/waf/{file}::{test}" for file, test in zip(files, chosen, strict=True)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", *asked]
    environment = {**os.environ, OPT_IN: "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout[-3000:] + done.stderr[-2000:]
    assert f"PASSED {asked[0]}" in done.stdout and f"FAILED {asked[1]}" in done.stdout, said
    assert "ERROR" not in done.stdout, said
    assert {one["Name"] for one in client.list_ip_sets(**SCOPE)["IPSets"]} == {"somebodys"}
