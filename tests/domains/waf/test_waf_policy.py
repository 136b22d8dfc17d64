"""The policy file and the allow list: documented defaults, completed by the user's file, wrong ones named in a sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from platform_assets.domains.waf.policy import DEFAULT_FILE, Policy, PolicyError, load_allow_list, load_policy


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_file_states_every_default() -> None:
    assert load_policy() == Policy()
    stated = yaml.safe_load(DEFAULT_FILE.read_text(encoding="utf-8"))

    def compare(value: Any, given: Any, where: str) -> None:
        if dataclasses.is_dataclass(value):
            names = {field.name for field in dataclasses.fields(value)}
            optional = (
                {"min_attack_requests", "min_earlier_decisions"} if where.endswith(("count", "challenge")) else set()
            )
            assert names - optional == set(given) - optional, where
            for name in given:
                compare(getattr(value, name), given[name], f"{where}.{name}")

    compare(Policy(), stated, "policy")


def test_a_users_file_changes_what_it_names(tmp_path: Path) -> None:
    found = load_policy(written(tmp_path, "rules:\n  block: {min_probability: 0.99}\n  kinds: {scraper: challenge}\n"))
    assert found.rules.block.min_probability == 0.99
    assert found.rules.block.ttl_hours == 24
    assert found.rules.kinds == {"scraper": "challenge"}
    assert found.checks == Policy().checks
    assert load_policy(written(tmp_path, "")) == Policy()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: {blok: {}}", "rules.blok: this key is not known"),
        ("rules: {block: {min_probability: 1.5}}", "rules.block: min_probability must be above 0 and at most 1"),
        ("rules: {block: {min_probability: 0.6}}", "must not fall from count to challenge to block"),
        ("rules: {block: {ttl_hours: soon}}", "rules.block.ttl_hours: Input should be a valid integer"),
        ("rules: {at_most: captcha}", "at_most is 'captcha'; use none, count, challenge or block"),
        ("rules: {kinds: {scraper: nope}}", "kinds.scraper is 'nope'"),
        ("rules: {act_on_special: [moon]}", "act_on_special names 'moon'"),
        ("plan: {capacity: 20000}", "capacity must be between 1 and 10000"),
        ("plan: {shards: 9}", "shards must be between 1 and 8"),
        ("plan: {max_collateral_share: 1.0}", "max_collateral_share must be at least 0 and below 1"),
        ("plan: {max_benign_share: -0.1}", "max_benign_share must be at least 0 and below 1"),
        ("plan: {widest_merge_v4: 0}", "widest_merge_v4 must be a prefix length between 8 and 32"),
        ("plan: {widest_merge_v6: 16}", "widest_merge_v6 must be a prefix length between 32 and 128"),
        ("plan: {shard: 2}", "plan.shard: this key is not known"),
        ("checks: {max_rejected_share: 3}", "shares must be between 0 and 1"),
        ("- a list", "must hold the keys rules, plan and checks"),
        ("rules: [", "is no YAML in line 1"),
    ],
)
def test_a_wrong_policy_is_named_in_one_sentence(tmp_path: Path, text: Any, said: Any) -> None:
    path = written(tmp_path, text)
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    message = str(caught.value)
    assert said in message and str(path) in message and "\n" not in message


def test_a_missing_policy_or_allow_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="WEIR_POLICY_FILE"):
        load_policy(tmp_path / "absent.yaml")
    with pytest.raises(PolicyError, match="WEIR_ALLOW_LIST"):
        load_allow_list(tmp_path / "absent.txt")


def test_an_allow_list_holds_addresses_and_networks(tmp_path: Path) -> None:
    path = tmp_path / "allow.txt"
    path.write_text(
        "# ours\n45.83.1.2\n\n45.84.0.0/16  # the office\n2A00:1450:0::/48\n45.83.1.2/32\n", encoding="utf-8"
    )
    assert load_allow_list(path) == ("45.83.1.2/32", "45.84.0.0/16", "2a00:1450::/48")
    assert load_allow_list("") == ()


def test_an_allow_list_holds_ipv4_that_is_written_as_ipv6(tmp_path: Path) -> None:
    """As programs with dual-stack sockets show their peers."""
    path = tmp_path / "allow.txt"
    path.write_text("::ffff:45.83.1.2\n::FFFF:2d54:0/112\n::fffe:0:0/95\n2a00::1\n", encoding="utf-8")
    assert load_allow_list(path) == ("45.83.1.2/32", "45.84.0.0/16", "::fffe:0:0/95", "2a00::1/128")
    path.write_text("::ffff:45.83.1.2/112\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="host bits"):
        load_allow_list(path)


@pytest.mark.parametrize("line", ["45.83.1.2/24", "example.org", "45.83.1", "45.83.1.2-9"])
def test_a_wrong_allow_list_line_is_named(tmp_path: Path, line: Any) -> None:
    path = tmp_path / "allow.txt"
    path.write_text(f"45.83.1.2\n{line}\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="Line 2"):
        load_allow_list(path)
