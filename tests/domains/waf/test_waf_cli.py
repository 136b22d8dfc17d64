"""`weir waf …`: what a person types, what is shown, what is recorded, and when WAF changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from platform_assets.cli.app import app
from platform_assets.cli.outcome import Outcome
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.console import console_of
from platform_assets.domains.waf.apply.targets import waf_targets
from platform_assets.domains.waf.manual import audit_log
from platform_assets.domains.waf.report import _logs, decided_in
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.settings import Settings, remember
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.errors import exit_code_of
from spark_jobs.registry import tables
from spark_jobs.storage.schema import arrow_schema
from tests.domains.waf.waf_world import decision, v4

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
ONE, TWO = v4(1), v4(2)


class Weir:
    """The command on one home with two decisions."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        hour = format_hour(HOUR - timedelta(hours=1))
        rows = [{**decision(one, decided_at=HOUR).row(), HOUR_COLUMN: hour} for one in (ONE, TWO)]
        data = pa.Table.from_pylist(rows, schema=arrow_schema(WAF_DECISIONS, with_hour=True))
        lake_of(settings).overwrite_arrow(data, WAF_DECISIONS)

    def __call__(self, *arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(app, [*arguments, "--home", str(self.settings.home)], **options)

    def acts(self) -> list[tuple[str, str, str]]:
        return [(act.command, act.subject, act.reason) for act in audit_log.AUDIT.read(lake_of(self.settings))]

    def blocked(self) -> set[str]:
        (target,) = waf_targets(self.settings)
        found = target.read_sets().get("weir-block-v4")
        return set() if found is None else set(found.addresses)


@pytest.fixture
def weir(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Weir:
    for name in ("DAGSTER_HOME", "WEIR_HOME"):  # a run points them to its home; undone with the fixture
        monkeypatch.setenv(name, str(home.home))
    monkeypatch.setattr(ModelRegistry, "passed_gate", lambda *_: True)
    return Weir(home)


def test_an_action_without_apply_changes_nothing(weir: Weir) -> None:
    done = weir("waf", "allow", "45.83.0.1", "--for", "7d", "--reason", "our [office]")
    assert done.exit_code == 0, done.output
    assert f"Recorded: allow {ONE} until" in done.output and "our [office]" in done.output
    assert f"+ add      {TWO}" in done.output and f"add      {ONE}" not in done.output
    assert "WAF is unchanged; --apply changes it" in done.output
    assert weir.acts() == [("allow", ONE, "our [office]")]
    assert weir.blocked() == set()


def test_the_status_names_sets_actions_and_changes(weir: Weir) -> None:
    assert "`weir waf install` makes them" in weir("waf", "status").output
    weir("waf", "block", v4(3), "--for", "2h", "--reason", "a hunch")
    weir("waf", "withdraw", "--model", "client_abuse", "--version", "7", "--reason", "bad")
    said = weir("waf", "status").output
    assert f"block {v4(3)} until" in said and "withdraw client_abuse 7, by" in said
    assert "Applying would change: +1 -0" in said


def test_status_and_plan_say_the_same_to_machines(weir: Weir) -> None:
    weir("waf", "block", v4(3), "--for", "2h", "--reason", "a hunch é")
    weir("waf", "install", "--yes")
    status = json.loads(weir("waf", "status", "--json").output)
    (scope,) = status["scopes"].values()
    assert len(scope["ip_sets"]) == 6 and scope["ip_sets"][0]["entries"] == 0
    assert "no web ACL uses it yet" in scope["use"][0]
    assert status["changes"] == "+3 -0" and status["stopped_by"] == {}
    (action,) = status["in_force"]
    assert action.startswith(f"block {v4(3)} until")
    said = weir("waf", "plan", "--json").output
    assert said.isascii()
    plan = json.loads(said)
    assert {(entry["address"], entry["operation"]) for entry in plan["entries"]} == {
        (address, "add") for address in (ONE, TWO, v4(3))
    }
    refused = weir("waf", "plan", "--json", "--apply")
    assert refused.exit_code == 2 and "leave --apply out" in refused.output


def test_decisions_are_listed_worst_first_whole_and_with_what_exempts_them(
    weir: Weir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    long = "scanner with probability 0.9, " + "and a reason that is longer than any line of a terminal " * 4 + "END"
    hour = format_hour(HOUR - timedelta(hours=1))
    decided = [
        decision(v4(4), action="count", score=0.7, decided_at=HOUR, reason=long, abuse_kind="scanner"),
        decision(v4(5), action="block", score=0.8, decided_at=HOUR),
        decision(v4(6), action="block", score=0.99, decided_at=HOUR),
        decision(v4(7), action="block", decided_at=HOUR - timedelta(days=9), expires_at=HOUR - timedelta(days=8)),
    ]
    rows = [{**one.row(), HOUR_COLUMN: hour} for one in decided]
    data = pa.Table.from_pylist(rows, schema=arrow_schema(WAF_DECISIONS, with_hour=True))
    lake_of(weir.settings).overwrite_arrow(data, WAF_DECISIONS)
    weir("waf", "allow", "45.83.0.5", "--for", "7d", "--reason", "our office")

    said = weir("decisions").output
    assert said.startswith("2 × block, 1 × count on 3 addresses or networks; 1 has")
    assert [said.index(v4(number)) for number in (6, 5, 4)] == sorted(said.index(v4(number)) for number in (6, 5, 4))
    assert "END" in said and "…" not in said and max(map(len, said.splitlines()[:-1])) <= 60
    assert " ".join(said.split()).count(f"not enforced: allow {v4(5)} until") == 1
    assert v4(7) not in said and v4(7) in weir("decisions", "--all").output
    assert "(over)" in weir("decisions", "--all", "--kind", "block").output
    assert v4(6) not in weir("decisions", "--kind", "scanner").output
    assert "2 decisions more; --limit 0 shows all" in weir("decisions", "--limit", "1").output
    recent = weir("decisions", "--since", f"{HOUR - timedelta(days=1):%Y-%m-%dT%H:%M}", "--all").output
    assert v4(7) not in recent and v4(4) in recent
    rows_shown = json.loads(weir("decisions", "--json").output)
    assert [row["address"] for row in rows_shown] == [v4(6), v4(5), v4(4)]
    assert rows_shown[2]["reason"] == long and rows_shown[1]["exempted_by"].startswith(f"allow {v4(5)}")
    unknown = weir("decisions", "--kind", "nonsense")
    assert unknown.exit_code == 2 and "there are block, challenge, count, prober" in " ".join(unknown.output.split())


def test_an_empty_list_says_why(weir: Weir) -> None:
    said = weir("decisions", "--kind", "challenge")
    assert said.output.startswith("No decision that fits is in force.")


def test_installing_asks_before_it_does_anything(weir: Weir) -> None:
    refused = weir("waf", "install", input="n\n")
    assert refused.exit_code == 1 and "+ IP set weir-block-v4" in refused.output
    assert waf_targets(weir.settings)[0].read_sets() == {}
    assert "weir-rules" in weir("waf", "install", "--yes").output
    assert len(waf_targets(weir.settings)[0].read_sets()) == 6
    assert "Nothing to change." in weir("waf", "install").output
    assert "in enforce mode" in weir("waf", "install", "--mode", "enforce", "--yes").output


def test_installing_makes_the_sets_of_the_policy(weir: Weir, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("plan: {shards: 2}\n", encoding="utf-8")
    remember(weir.settings, policy_file=str(policy))
    weir("waf", "install", "--yes")
    assert len(waf_targets(weir.settings)[0].read_sets()) == 12


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["allow", ONE, "--for", "soon", "--reason", "x"], 2, "no duration such as"),
        (["allow", ONE, "--for", "1h"], 2, "--reason"),
        (["rollback", "--to", "noon", "--reason", "x"], 2, "no ISO 8601 time"),
        (["install", "--mode", "block"], 2, "neither count nor enforce"),
        (["block", "10.0.0.1", "--for", "1h", "--reason", "x"], 2, "never blocked"),
        (["resume", "--reason", "x"], 2, "Nothing of rollback is in force"),
        (["plan", "--override", "volume"], 2, "no check 'volume'"),
        (["plan", "--override", "volume_is_plausible"], 2, "A reason of"),
        (["allow", ONE, "--for", "1h", "--reason", "x", "--override", "volume"], 2, "no check 'volume'"),
    ],
)
def test_mistakes_are_one_sentence_and_not_recorded(weir: Weir, arguments: list[str], code: int, said: str) -> None:
    done = weir("waf", *arguments)
    error = done.exception
    assert error is not None
    assert (done.exit_code if isinstance(error, SystemExit) else exit_code_of(error)) == code
    assert said in " ".join(f"{done.output} {error}".split())
    assert weir.acts() == []


@pytest.mark.slow
def test_with_apply_an_override_counts_once(weir: Weir) -> None:
    policy = weir.settings.home / "policy.yaml"
    policy.write_text("checks: {max_new_blocks: 0}\n")
    (weir.settings.home / "weir.env").write_text(f"WEIR_POLICY_FILE='{policy}'\n")
    waiting = "2 wait for room or a person (`weir waf plan --apply --override nothing_waits --reason WHY`)"
    bounded = weir("waf", "plan", "--apply")
    assert bounded.exit_code == 0 and waiting in " ".join(bounded.output.split())
    assert weir.blocked() == set()
    assert f"Applying would change: +0 -0, {waiting}" in " ".join(weir("waf", "status").output.split())
    chosen = ["--override", "nothing_waits", "--reason", "a campaign"]
    done = weir("waf", "plan", "--apply", *chosen)
    assert done.exit_code == 0, (done.output, done.exception)
    assert "WAF changed: +2 -0" in done.output
    assert weir.blocked() == {ONE, TWO}
    assert weir.acts() == [("override", "nothing_waits", "a campaign")]
    weir("waf", "allow", ONE, "--for", "1h", "--reason", "a partner", "--apply")
    assert weir.blocked() == {TWO}
    assert weir("waf", "block", v4(3), "--for", "1h", "--reason", "x", "--apply").exit_code == 1
    assert weir.blocked() == {TWO}, "the override is over"


def test_a_run_ends_with_what_it_decided(weir: Weir) -> None:
    """Also what is over by now: logs of last week leave nothing in force."""
    hour = format_hour(HOUR - timedelta(hours=1))
    over = decision(v4(7), action="count", decided_at=HOUR - timedelta(days=9), expires_at=HOUR - timedelta(days=8))
    rows = [{**one.row(), HOUR_COLUMN: hour} for one in (decision(ONE, decided_at=HOUR), over)]
    data = pa.Table.from_pylist(rows, schema=arrow_schema(WAF_DECISIONS, with_hour=True))
    lake = lake_of(weir.settings)
    lake.overwrite_arrow(data, WAF_DECISIONS)
    said = "decided in these hours: 1 × block, 1 × count on 2 addresses or networks, of which 1 decision is over by now"
    assert decided_in(lake, [hour, hour]) == said
    assert decided_in(lake, [format_hour(HOUR)]) == ""


def test_a_reason_for_rejection_has_an_example(weir: Weir, capsys: pytest.CaptureFixture[str]) -> None:
    hour, lake = format_hour(HOUR), lake_of(weir.settings)
    rejected = {
        "source_object": "a.gz",
        "line_number": 3,
        "reason": "not_a_log",
        "detail": "It is \x1b[1m a VPC flow log.",
    }
    counts = {"source_object": "a.gz", "etag": "e", "parsed_count": 1, "rejected_count": 1}
    for table, row in (("rejected_lines", rejected), ("object_counts", counts)):
        declared = tables()[f"parsed/cloudfront/{table}"]
        schema = arrow_schema(declared, with_hour=True)
        lake.overwrite_arrow(pa.Table.from_pylist([{**row, HOUR_COLUMN: hour}], schema=schema), declared)
    with console_of() as console:
        _logs(console, weir.settings, Outcome(hours=[hour]))
    said = " ".join(capsys.readouterr().out.split())
    assert "2 lines in 1 object, 1 hour from" in said
    assert r"rejected: 1 line or object (not_a_log), such as: It is \x1b[1m a VPC flow log." in said
