"""A home of 0.1.0 (tests/core/homes, made by that version) is refused, brought up, and then decides as it did before."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from platform_assets.cli.app import app
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.home import HomeError, mark, require_current, this_version, version_of
from platform_assets.domains.waf.apply.targets import waf_targets
from platform_assets.domains.waf.decide.claims import identifier_of
from platform_assets.domains.waf.decide.hours import decide_hours
from platform_assets.domains.waf.decide.rescoring import loader_of
from platform_assets.domains.waf.manual.audit_log import AUDIT
from platform_assets.domains.waf.policy import load_allow_list, load_policy
from platform_assets.domains.waf.rulebook import Campaigns, LoneAttacks, Proxies, Volume
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.outputs.table_files import export_table
from platform_assets.settings import Settings, load_settings
from spark_jobs.contract import HOUR_COLUMN, Interval
from spark_jobs.sources.metrics.tables import OBJECT_COUNTS
from spark_jobs.storage.schema import arrow_schema

ARCHIVE = Path(__file__).with_name("homes") / "0.1.0.tar.xz"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The folder of the home and, beside it, the decisions that 0.1.0 exported."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "home"


@pytest.fixture
def upgraded(old: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("WEIR_HASH_KEY", "fixed")
    done = CliRunner().invoke(app, ["upgrade", "--home", str(old)])
    assert done.exit_code == 0, done.output
    assert f"The home was of 0.1.0 and is of {this_version()} now" in done.output
    return load_settings(old)


def test_an_old_home_is_refused_until_it_is_upgraded(old: Path) -> None:
    assert version_of(old) == "0.1.0"
    with pytest.raises(HomeError, match=r"was made by Weir 0\.1\.0; run `weir upgrade --home .*`, which keeps"):
        require_current(old)


def test_a_newer_home_names_the_version_to_install(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("9.1.0\n")
    with pytest.raises(HomeError, match=r"was made by Weir 9\.1\.0, this is .*; install 9\.1\.0 or later"):
        require_current(tmp_path)


def test_a_new_home_is_marked_and_an_empty_one_is_anybodys(tmp_path: Path) -> None:
    require_current(tmp_path)
    mark(tmp_path)
    assert version_of(tmp_path) == this_version()


def test_a_home_without_a_run_has_nothing_to_upgrade(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["upgrade", "--home", str(tmp_path)])
    assert isinstance(done.exception, HomeError) and "nothing to upgrade" in str(done.exception)


def test_upgrading_lays_tables_out_as_they_are_declared(tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    lake, hours = lake_of(load_settings(tmp_path)), ["2026-11-20-13", "2026-11-20-14"]
    counts = {column.name: 1 if column.type == "int64" else "" for column in OBJECT_COUNTS.columns}
    rows = pa.Table.from_pylist(
        [{**counts, HOUR_COLUMN: hour} for hour in hours], schema=arrow_schema(OBJECT_COUNTS, with_hour=True)
    )
    lake.overwrite_arrow(rows, replace(OBJECT_COUNTS, partition="hour"), hours)
    done = CliRunner().invoke(app, ["upgrade", "--home", str(tmp_path)])
    assert done.exit_code == 0 and "1 tables in a new layout" in done.output, done.output
    delta = lake.delta(OBJECT_COUNTS)
    assert delta is not None and delta.metadata().partition_columns == []
    assert lake.read_arrow(OBJECT_COUNTS).sort_by(HOUR_COLUMN).equals(rows)


@pytest.mark.slow
def test_tables_models_state_and_audit_are_kept(upgraded: Settings, tmp_path: Path) -> None:
    exported = tmp_path / "now.jsonl"
    assert export_table(upgraded, "waf_decisions", exported).rows == 96
    assert exported.read_bytes() == (tmp_path / "decisions.jsonl").read_bytes()
    models = ModelRegistry.of(upgraded)
    assert all(models.loaded(name, "1") for name in ("request_attack", "client_abuse"))
    (target,) = waf_targets(upgraded)
    owned = {address for one in target.last_applied().sets.values() for address in one.owned}
    live = {address for one in target.read_sets().values() for address in one.addresses}
    assert len(owned) == 76 and owned == live
    assert [(row.command, row.subject, row.reason) for row in AUDIT.read(lake_of(upgraded))] == [
        ("allow", "198.51.100.7/32", "our office")
    ]


@pytest.mark.slow
def test_hours_decided_again_end_in_the_same_decisions(upgraded: Settings) -> None:
    lake = lake_of(upgraded)
    before = comparable(lake.read_arrow(WAF_DECISIONS).to_pylist())
    hours = lake.hours(WAF_DECISIONS)
    policy, allow_list = load_policy(upgraded.waf.policy_file), load_allow_list(upgraded.waf.allow_list)
    rules = replace(policy.rules, volume=AS_BEFORE, proxies=Proxies(at_most="block"))
    rules = replace(rules, lone_attacks=LoneAttacks(at_most="none"), campaigns=Campaigns(at_most="none"))
    policy = replace(policy, rules=rules)
    decide_hours(
        lake,
        Interval.spanning(hours[0], hours[-1]),
        policy,
        allow_list,
        loaded=loader_of(upgraded),
        identifier=identifier_of(upgraded, lake),
        manual_actions=AUDIT.read(lake),
    )
    assert comparable(lake.read_arrow(WAF_DECISIONS).to_pylist()) == before


@pytest.mark.parametrize("name", ["a?b", "100%", "c#"])
def test_a_path_that_no_database_address_holds_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HomeError, match=r"holds [?%#]; choose another with --home"):
        require_current(tmp_path / name)
    require_current(tmp_path / "with spaces")


AS_BEFORE = Volume(at_most="block", min_attack_share=0.0, min_failed_sign_ins=1_000_000)
"""Version 0.1.0 did not tell volume from harm."""


def comparable(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as text; that version wrote `1 requests`."""
    texts = (json.dumps(row, default=str, sort_keys=True) for row in rows)
    return sorted(text.replace(", 1 requests in 24 h", ", 1 request in 24 h") for text in texts)
