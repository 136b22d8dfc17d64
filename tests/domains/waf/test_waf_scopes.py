"""Several scopes at once: the same entries everywhere, each with its own sets, ownership and faults."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from botocore.exceptions import EndpointConnectionError
from typer.testing import CliRunner, Result

from platform_assets.actions.errors import IncompleteApplyError, PlanStoppedError, StalePlanError
from platform_assets.cli.app import app
from platform_assets.cli.outcome import Outcome
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.waf.apply.applied import AppliedStore
from platform_assets.domains.waf.apply.calls import Calls
from platform_assets.domains.waf.apply.ip_sets import IpSetTarget
from platform_assets.domains.waf.apply.targets import waf_targets
from platform_assets.domains.waf.apply.web_acls import Use, use_lines, use_of
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.exports import alert_on_plan
from platform_assets.domains.waf.planning import make_plan
from platform_assets.domains.waf.report import show_waf
from platform_assets.domains.waf.scopes import CLOUDFRONT, Scope, format_by_scope
from platform_assets.domains.waf.tables import WAF_DECISIONS, WAF_PLAN
from platform_assets.domains.waf.twin.client import WafTwin
from platform_assets.settings import Settings, SettingsError, load_settings, remember
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.errors import exit_code_of
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema
from tests.domains.waf.test_waf_apply import Around, Killed, coded
from tests.domains.waf.waf_world import (
    Clock,
    applied,
    decision,
    due,
    edit_by_hand,
    live_addresses,
    plan_and_apply,
    target_on,
    v4,
)

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
DUBLIN, VIRGINIA = Scope("REGIONAL", "eu-west-1"), Scope("REGIONAL", "us-east-1")
TWO = (CLOUDFRONT, DUBLIN)
THREE = (CLOUDFRONT, DUBLIN, VIRGINIA)
OURS, ALSO, OLD, HAND = v4(1), v4(2), v4(9), "9.9.9.9/32"
V4 = "weir-block-v4"
SEEN = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}


class Edge:
    """A home with two decisions, and targets on one twin, a scope each."""

    def __init__(self, settings: Settings, folder: Path, clock: Clock) -> None:
        self.settings, self.folder, self.clock = settings, folder, clock
        self.lake: Lake = lake_of(settings)

    def client(self, scope: Scope) -> WafTwin:
        return WafTwin(self.folder / "twin", region_name=scope.region, clock=self.clock, writes_per_second=float("inf"))

    def targets(self, scopes: Sequence[Scope] = TWO, **around: Any) -> list[IpSetTarget]:
        """`around`: client by scope's region, in place of the twin's own."""
        return [
            target_on(
                around.get(scope.region.replace("-", "_"), self.client(scope)),
                self.clock,
                store=AppliedStore(self.folder / f"{scope}.json"),
                scope=scope,
            )
            for scope in scopes
        ]

    def apply(self, targets: Sequence[Any]) -> Any:
        return plan_and_apply(self.settings, self.lake, targets)

    def policy(self, text: str) -> None:
        Path(self.settings.waf.policy_file).write_text(text)


@pytest.fixture
def edge(home: Settings, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Edge:
    monkeypatch.setattr(ModelRegistry, "passed_gate", lambda *_: True)
    (tmp_path / "policy.yaml").write_text("checks: {max_new_blocks: 5}\n")
    settings = home.model_copy(update={"policy_file": str(tmp_path / "policy.yaml"), "waf_apply": True})
    hour = format_hour(HOUR - timedelta(hours=1))
    rows = [{**decision(one, decided_at=HOUR).row(), HOUR_COLUMN: hour} for one in (OURS, ALSO)]
    lake_of(settings).overwrite_arrow(
        pa.Table.from_pylist(rows, schema=arrow_schema(WAF_DECISIONS, with_hour=True)), WAF_DECISIONS
    )
    return Edge(settings, tmp_path, clock)


def blocked(targets: Sequence[IpSetTarget]) -> list[set[str]]:
    return [live_addresses(one).get(V4, set()) for one in targets]


# How scopes are written


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("CLOUDFRONT", [CLOUDFRONT]),
        ("REGIONAL:eu-west-1", [DUBLIN]),
        (" CLOUDFRONT, REGIONAL:eu-west-1,REGIONAL:us-east-1 ", [CLOUDFRONT, DUBLIN, VIRGINIA]),
        ("REGIONAL:us-gov-west-1", [Scope("REGIONAL", "us-gov-west-1")]),
    ],
)
def test_scopes_are_read_in_order(tmp_path: Path, text: str, scopes: list[Scope]) -> None:
    settings = load_settings(tmp_path, waf_scopes=text)
    assert list(settings.waf.parsed_scopes) == scopes
    assert settings.waf.scopes == ",".join(map(str, scopes))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no scope of WAF, write CLOUDFRONT or REGIONAL:<region>"),
        ("REGIONAL", "'REGIONAL' is no scope of WAF"),
        ("CLOUDFRONT,", "'' is no scope of WAF"),
        ("cloudfront", "'cloudfront' is no scope of WAF"),
        ("REGIONAL:eu-west-1a", "'REGIONAL:eu-west-1a' is no scope of WAF"),
        ("REGIONAL:Dublin", "'REGIONAL:Dublin' is no scope of WAF"),
        ("CLOUDFRONT:us-east-1", "'CLOUDFRONT:us-east-1' is no scope of WAF"),
        ("REGIONAL:eu-west-1,CLOUDFRONT,REGIONAL:eu-west-1", "REGIONAL:eu-west-1 is named twice"),
    ],
)
def test_a_wrong_scope_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"^The setting WEIR_WAF_SCOPES is wrong: {said}.*; correct it in"
    ) as caught:
        load_settings(tmp_path, waf_scopes=text)
    assert "\n" not in str(caught.value)


def test_a_shared_sentence_appears_once_without_scopes() -> None:
    assert format_by_scope({CLOUDFRONT: "It rains."}, [CLOUDFRONT]) == "It rains."
    assert format_by_scope({CLOUDFRONT: "It rains.", DUBLIN: "It rains."}, TWO) == "It rains."
    assert format_by_scope({DUBLIN: "It rains."}, TWO) == "In REGIONAL:eu-west-1: It rains."
    same = {CLOUDFRONT: "Sun.", DUBLIN: "Rain.", VIRGINIA: "Sun."}
    assert format_by_scope(same, THREE) == "In CLOUDFRONT, REGIONAL:us-east-1: Sun. In REGIONAL:eu-west-1: Rain."


# Planned, checked and applied


@pytest.mark.parametrize("scopes", [TWO, THREE])
def test_every_scope_gets_the_same_entries_once(edge: Edge, scopes: tuple[Scope, ...]) -> None:
    targets = edge.targets(scopes)
    report = edge.apply(targets)
    assert blocked(targets) == [{OURS, ALSO}] * len(scopes)
    assert (report.added, [one.scope for one in report.reports]) == (2 * len(scopes), list(scopes))
    assert f"{DUBLIN}: WAF changed: +2 -0" in report.text()
    again = edge.apply(targets)
    assert again.writes == 0 and [one.writes for one in again.reports] == [0] * len(scopes)


def test_the_plan_shows_every_scope_and_a_summary(edge: Edge) -> None:
    targets = edge.targets()
    applied(targets[0], [due(OURS)])
    made, _ = make_plan(edge.settings, edge.lake, targets)
    assert made.summary() == "+3 -0, 1 extended (CLOUDFRONT +1 -0, 1 extended; REGIONAL:eu-west-1 +2 -0)"
    heads = [line for line in made.text().splitlines() if line.startswith("WAF plan")]
    assert [head.partition(", scope ")[2] for head in heads] == [
        "CLOUDFRONT: +1 -0, 1 extended",
        "REGIONAL:eu-west-1: +2 -0",
    ]
    keys = [(row["scope"], row["ip_set"], row["address"]) for row in made.rows()]
    assert len(set(keys)) == len(keys) == 4
    assert {scope for scope, _, _ in keys} == {"CLOUDFRONT", "REGIONAL:eu-west-1"}
    assert {tuple(row) for row in made.rows()} == {WAF_PLAN.column_names}
    alone, _ = make_plan(edge.settings, edge.lake, targets[:1])
    assert alone.summary() == "+1 -0, 1 extended"


def test_a_failed_check_in_one_scope_stops_all(edge: Edge) -> None:
    targets = edge.targets()
    applied(targets[0], [due(OURS), due(ALSO), due(OLD)])
    applied(targets[1], [due(OLD, expires_at=HOUR + timedelta(days=2))])
    edge.policy("checks: {max_churn_share: 0.1, min_entries_for_churn: 1}\n")
    with pytest.raises(PlanStoppedError, match=r"In REGIONAL:eu-west-1: The plan changes 2 networks") as caught:
        edge.apply(targets)
    assert "In CLOUDFRONT" not in str(caught.value) and exit_code_of(caught.value) == 4
    assert blocked(targets) == [{OURS, ALSO, OLD}, {OLD}], "what was to leave CLOUDFRONT is still there"
    _, results = make_plan(edge.settings, edge.lake, targets)
    of = {one.name: one for one in results}
    assert of["volume_is_plausible"].sentence.startswith("There is no usual volume"), "the same everywhere is said once"
    assert of["plan_adds_a_bounded_number"].metadata == {
        "CLOUDFRONT": {"new_block_count": 0, "new_network_count": 0, "bound": 500},
        "REGIONAL:eu-west-1": {"new_block_count": 2, "new_network_count": 1, "bound": 500},
    }


def test_an_override_counts_in_every_scope(edge: Edge) -> None:
    edge.policy("checks: {max_new_blocks: 0}\n")
    targets = edge.targets()
    plan_and_apply(edge.settings, edge.lake, targets, {"plan_adds_a_bounded_number": "a campaign"})
    assert blocked(targets) == [{OURS, ALSO}] * 2


def test_a_manual_entry_stays_in_its_scope_alone(edge: Edge) -> None:
    targets = edge.targets(THREE)
    edge.apply(targets)
    edit_by_hand(edge.client(DUBLIN), V4, add=(HAND,), remove=(ALSO,), scope="REGIONAL")
    made, _ = make_plan(edge.settings, edge.lake, targets)
    assert [(one.count("foreign"), one.count("restore")) for one in made.plans] == [(0, 0), (1, 1), (0, 0)]
    report = edge.apply(targets)
    assert [one.writes for one in report.reports] == [0, 1, 0]
    assert blocked(targets) == [{OURS, ALSO}, {OURS, ALSO, HAND}, {OURS, ALSO}]
    assert {one.store.load().serial for one in (targets[0], targets[2])} != {targets[1].store.load().serial}


def test_a_full_set_is_named_with_its_scope(edge: Edge) -> None:
    targets = edge.targets()
    edge.apply(targets)
    edit_by_hand(edge.client(CLOUDFRONT), V4, add=(HAND, "9.9.9.8/32"))
    edge.policy("plan: {capacity: 3}\n")
    _, results = make_plan(edge.settings, edge.lake, targets)
    (fits,) = [one for one in results if one.name == "everything_fits"]
    assert not fits.passed and fits.sentence.startswith("In CLOUDFRONT: Entries did not fit (weir-block-v4 1)")
    edge.apply(targets)
    found = blocked(targets)
    assert (len(found[0]), found[1]) == (3, {OURS, ALSO}), "the other scope has slots of its own"


# Faults in one scope

FAULTS = [
    (coded("ThrottlingException"), "keeps answering {} with ThrottlingException"),
    (coded("AccessDeniedException"), "does not allow {}"),
    (EndpointConnectionError(endpoint_url="https://wafv2"), "cannot be reached for {}"),
    (coded("WAFInvalidOperationException"), "WAF refused a c"),
]


@pytest.mark.parametrize("operation", ["list_ip_sets", "create_ip_set"])
@pytest.mark.parametrize(("fault", "said"), FAULTS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_failing_scope_holds_back_no_other(
    edge: Edge, operation: str, fault: Exception, said: str, place: int
) -> None:
    scopes = (Scope("REGIONAL", "eu-west-1"), Scope("REGIONAL", "eu-west-3"), Scope("REGIONAL", "us-east-2"))
    broken = scopes[place]

    def fail(name: str) -> None:
        if name == operation:
            raise fault

    around = Around(edge.client(broken), before=fail)
    targets = edge.targets(scopes, **{broken.region.replace("-", "_"): around})
    with pytest.raises(IncompleteApplyError, match=said.format(operation)) as caught:
        edge.apply(targets)
    message = str(caught.value)
    others = [one for one in scopes if one != broken]
    assert message.startswith(f"In {broken}: ") and "\n" not in message
    assert message.endswith(f"Applied: {', '.join(f'{one} +2 -0' for one in others)}.")
    assert exit_code_of(caught.value) == 5
    assert [one.scope for one in caught.value.reports if one.added] == others
    healed = edge.targets(scopes)
    assert blocked(healed) == [set() if one == broken else {OURS, ALSO} for one in scopes]
    report = edge.apply(healed)
    assert [one.writes for one in report.reports] == [int(one == broken) for one in scopes]
    assert blocked(healed) == [{OURS, ALSO}] * 3


def test_unreadable_scopes_end_in_one_sentence(edge: Edge) -> None:
    def refuse(_: str) -> None:
        raise coded("AccessDeniedException")

    clients = {one.region.replace("-", "_"): Around(edge.client(one), before=refuse) for one in TWO}
    with pytest.raises(WafError, match=r"^AWS does not allow list_ip_sets") as caught:
        make_plan(edge.settings, edge.lake, edge.targets(TWO, **clients))
    assert str(caught.value).count("AWS does not allow") == 1


def test_a_plan_without_one_scope_says_so(edge: Edge) -> None:
    def refuse(_: str) -> None:
        raise coded("AccessDeniedException")

    made, _ = make_plan(edge.settings, edge.lake, edge.targets(eu_west_1=Around(edge.client(DUBLIN), before=refuse)))
    assert made.summary() == "+2 -0 (CLOUDFRONT +2 -0; REGIONAL:eu-west-1 unknown)"
    assert "No WAF plan for scope REGIONAL:eu-west-1: AWS does not allow list_ip_sets" in made.text()
    assert {row["scope"] for row in made.rows()} == {"CLOUDFRONT"}
    with pytest.raises(WafError, match=r"^In REGIONAL:eu-west-1: AWS does not allow"):
        made.check_complete()


def test_a_damaged_record_stops_its_scope_alone(edge: Edge) -> None:
    targets = edge.targets()
    (edge.folder / f"{DUBLIN}.json").write_text("{")
    with pytest.raises(
        IncompleteApplyError, match=r"In REGIONAL:eu-west-1: .*restore it, or delete it.* Applied: CLOUDFRONT"
    ):
        edge.apply(targets)
    assert blocked(targets) == [{OURS, ALSO}, set()]


def killed_after(steps: int) -> Callable[[str], None]:
    left = iter(range(steps))

    def step(_: str) -> None:
        if next(left, None) is None:
            raise Killed

    return step


def test_a_run_killed_between_scopes_converges(edge: Edge, tmp_path: Path, clock: Clock) -> None:
    kill_at, was_killed = 0, True
    while was_killed:
        each = Edge(edge.settings, tmp_path / str(kill_at), clock)
        applied(each.targets()[0], [due(OLD)])
        step = killed_after(kill_at)
        dying = {one.region.replace("-", "_"): Around(each.client(one), before=step, after=step) for one in TWO}
        try:
            each.apply(each.targets(TWO, **dying))
            was_killed = False
        except Killed:
            pass
        targets = each.targets()
        each.apply(targets)
        assert blocked(targets) == [{OURS, ALSO}] * 2
        assert each.apply(targets).writes == 0
        for one in targets:
            applied(one, [])
        assert blocked(targets) == [set()] * 2, "an entry lost its owner"
        kill_at += 1
    assert kill_at > 10


class Overtaken:
    """A target to which another run applies its plan each time that we are about to, as often as it is told."""

    def __init__(self, target: IpSetTarget, times: int, also: Callable[[], Any] = lambda: None) -> None:
        self.target, self.times, self.also, self.tried = target, times, also, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)

    def apply(self, plan: Any) -> Any:
        self.tried += 1
        if self.tried <= self.times:
            applied(self.target, [due(OLD), due(v4(100 + self.tried))])
            self.also()
        return self.target.apply(plan)


def test_an_overtaken_scope_is_planned_again_alone(edge: Edge) -> None:
    targets = edge.targets()
    overtaken = Overtaken(targets[1], times=1)
    report = edge.apply([targets[0], overtaken])
    assert overtaken.tried == 2 and blocked(targets) == [{OURS, ALSO}] * 2
    assert [one.writes for one in report.reports] == [1, 1]


def test_a_scope_overtaken_twice_is_given_up_alone(edge: Edge) -> None:
    targets = edge.targets()
    with pytest.raises(StalePlanError) as caught:
        edge.apply([Overtaken(targets[0], times=9), targets[1]])
    said = str(caught.value)
    assert said.startswith("In CLOUDFRONT: Another run has applied") and said.endswith(
        "Applied: REGIONAL:eu-west-1 +2 -0."
    )
    assert exit_code_of(caught.value) == 4
    assert blocked(targets)[1] == {OURS, ALSO} and not blocked(targets)[0] & {OURS, ALSO}


def test_a_scope_planned_again_is_checked_again(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = edge.targets()
    refuse = partial(monkeypatch.setattr, ModelRegistry, "passed_gate", lambda *_: False)
    overtaken = Overtaken(targets[0], times=1, also=refuse)
    with pytest.raises(PlanStoppedError, match=r"^In CLOUDFRONT: .* Applied: REGIONAL:eu-west-1 \+2 -0\.$") as caught:
        edge.apply([overtaken, targets[1]])
    assert exit_code_of(caught.value) == 4 and overtaken.tried == 1


def test_scopes_of_one_region_share_its_rate(edge: Edge, strict_twin: WafTwin, clock: Clock) -> None:
    calls = Calls(strict_twin, sleep=clock.sleep, clock=clock, jitter=random.Random(7))
    targets = [
        IpSetTarget(strict_twin, one.store, scope=one.scope, calls=calls)
        for one in edge.targets((CLOUDFRONT, VIRGINIA))
    ]
    began = clock()
    report = edge.apply(targets)
    assert (report.writes, sum(one.throttled for one in report.reports)) == (2, 0)
    assert clock() - began >= 1, "the second call waited for the first one's second, although in another scope"


# Shown, told, installed


def write_plan(edge: Edge, scopes: Sequence[Scope]) -> None:
    made, _ = make_plan(edge.settings, edge.lake, edge.targets(scopes))
    edge.lake.overwrite_arrow(
        pa.Table.from_pylist(made.rows(), schema=arrow_schema(WAF_PLAN, with_hour=True)), WAF_PLAN
    )


def test_an_address_in_three_scopes_is_one_alert(edge: Edge) -> None:
    write_plan(edge, THREE)
    assert alert_on_plan(edge.settings, edge.lake) == 2
    (alert,) = [json.loads(line) for line in (edge.settings.home / "alerts.jsonl").read_text().splitlines()]
    assert alert["summary"] == "WAF is to block 2 and to challenge 0 more addresses."


def test_the_report_names_scopes_where_several(edge: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    write_plan(edge, TWO)
    several = edge.settings.model_copy(update={"waf_scopes": "CLOUDFRONT,REGIONAL:eu-west-1"})
    show_waf(Console(width=120), several, Outcome())
    said = capsys.readouterr().out
    assert "2 × block in CLOUDFRONT" in said and "2 × block in REGIONAL:eu-west-1" in said
    assert said.count(f"{OURS}: ") == 1
    write_plan(edge, TWO[:1])
    show_waf(Console(width=120), edge.settings, Outcome())
    assert "2 × block\n" in capsys.readouterr().out
    applied = Outcome(metadata={"waf/ip_sets": {"applied": True, "summary": "+2 -0"}})
    show_waf(Console(width=120), edge.settings, applied)
    assert "rule group weir-rules: there is none; `weir waf install` makes it" in capsys.readouterr().out


class Command:
    """`weir waf …` on a home whose twin's clock only sleeping moves."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings, self.clock = settings, clock

    def __call__(self, *arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(app, ["waf", *arguments, "--home", str(self.settings.home)], **options)

    def client(self, scope: Scope) -> WafTwin:
        return WafTwin(self.settings.home / "waf", region_name=scope.region, clock=self.clock)

    def use_group(self, scope: Scope, web_acl: str, override: str = "None", **more: Any) -> None:
        """What a person does in the console."""
        self.clock.sleep(5)
        client = self.client(scope)
        (group,) = client.list_rule_groups(Scope=scope.kind)["RuleGroups"]
        statement = {"RuleGroupReferenceStatement": {"ARN": group["ARN"], **more}}
        rule = {"Name": "weir", "Priority": 0, "Statement": statement, "OverrideAction": {override: {}}, "VisibilityConfig": SEEN}  # fmt: skip
        client.create_web_acl(
            Name=web_acl, Scope=scope.kind, DefaultAction={"Allow": {}}, Rules=[rule], VisibilityConfig=SEEN
        )


@pytest.fixture
def weir(edge: Edge, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    monkeypatch.setattr("platform_assets.domains.waf.apply.targets.WafTwin", partial(WafTwin, clock=clock))
    paced = partial(Calls, sleep=clock.sleep, clock=clock, jitter=random.Random(3))
    monkeypatch.setattr("platform_assets.domains.waf.apply.targets.Calls", paced)
    remember(edge.settings, waf_scopes="CLOUDFRONT,REGIONAL:eu-west-1", policy_file=edge.settings.waf.policy_file)
    yield Command(load_settings(edge.settings.home), clock)


def test_installing_shows_all_scopes_and_makes_them(weir: Command) -> None:
    refused = weir("install", input="n\n")
    assert refused.exit_code == 1
    for scope in TWO:
        assert f"WAF installation, scope {scope}\n  + IP set weir-block-v4" in refused.output
    assert [one.read_sets() for one in waf_targets(weir.settings)] == [{}, {}]
    made = weir("install", "--yes")
    assert made.exit_code == 0, made.output
    assert [len(one.read_sets()) for one in waf_targets(weir.settings)] == [6, 6]
    assert [len(weir.client(one).list_rule_groups(Scope=one.kind)["RuleGroups"]) for one in TWO] == [1, 1]
    assert weir("install").output.count("Nothing to change.") == 2
    remember(weir.settings, waf_scopes="CLOUDFRONT,REGIONAL:eu-west-1,REGIONAL:us-east-1")
    added = weir("install", "--yes")
    assert added.output.count("Nothing to change.") == 2
    assert "In CLOUDFRONT, REGIONAL:eu-west-1: Made or changed: nothing." in added.output
    assert "In REGIONAL:us-east-1: Made or changed: weir-block-v4, " in added.output


def test_installing_continues_after_a_failed_scope(weir: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: WafTwin, **parameters: Any) -> Any:
        raise coded("AccessDeniedException")

    abroad = type("Abroad", (WafTwin,), {"create_ip_set": refused})

    def twin(folder: Path, region_name: str) -> WafTwin:
        return (abroad if region_name == "eu-west-1" else WafTwin)(folder, region_name=region_name, clock=weir.clock)

    remember(weir.settings, waf_scopes="REGIONAL:eu-west-1,CLOUDFRONT")
    monkeypatch.setattr("platform_assets.domains.waf.apply.targets.WafTwin", twin)
    done = weir("install", "--yes")
    assert isinstance(done.exception, WafError) and exit_code_of(done.exception) == 5
    assert str(done.exception).startswith("In REGIONAL:eu-west-1: AWS does not allow create_ip_set")
    assert "In CLOUDFRONT: Made or changed: weir-block-v4" in done.output


def test_the_status_shows_scopes_and_their_web_acls(weir: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    before = weir("status").output
    assert before.count("rule group weir-rules: there is none; `weir waf install` makes it") == 2
    weir("install", "--yes")
    fresh = weir("status").output
    assert (
        fresh.count("no web ACL uses it yet, so it sees no request; add the rule group weir-rules to your web ACL") == 2
    )
    weir.use_group(CLOUDFRONT, "shop")
    weir.use_group(CLOUDFRONT, "blog", "Count")
    said = weir("status")
    assert said.exit_code == 0, said.exception
    lines = [line.strip() for line in said.output.splitlines()]
    here, there = lines.index("CLOUDFRONT: 6 IP sets"), lines.index("REGIONAL:eu-west-1: 6 IP sets")
    assert "weir-block-v4: 0 entries, 0 of Weir's" in lines[here:there]
    assert [line for line in lines[here:there] if line.startswith("rule group")] == [
        "rule group weir-rules: web ACL blog overrides it to count, so it stops nothing there",
        "rule group weir-rules: web ACL shop uses it",
    ]
    assert any(line.startswith("rule group weir-rules: no web ACL uses it yet") for line in lines[there:])
    assert "Applying would change: +4 -0 (CLOUDFRONT +2 -0; REGIONAL:eu-west-1 +2 -0)" in said.output


def test_an_unreadable_web_acl_is_one_status_line(weir: Command, clock: Clock) -> None:
    weir("install", "--yes")

    def refuse(name: str) -> None:
        if name == "list_web_acls":
            raise coded("AccessDeniedException")

    around = Around(weir.client(CLOUDFRONT), before=refuse)
    calls = Calls(around, sleep=clock.sleep, clock=clock)
    (line,) = use_lines(calls, CLOUDFRONT, "weir")
    assert line.startswith(
        "rule group weir-rules: which web ACLs use it is not known. AWS does not allow list_web_acls"
    )


def test_commands_show_the_scopes_that_they_can_read(weir: Command, edge: Edge) -> None:
    damaged = edge.settings.home / "waf" / "applied-twin-regional-eu-west-1-weir.json"
    damaged.parent.mkdir(exist_ok=True)
    damaged.write_text("{")
    for command in ("status", "plan"):
        done = weir(command)
        assert isinstance(done.exception, WafError) and "In REGIONAL:eu-west-1: " in str(done.exception)
        assert "CLOUDFRONT +2 -0; REGIONAL:eu-west-1 unknown" in done.output or "scope CLOUDFRONT: +2 -0" in done.output


def test_status_and_install_never_change_a_web_acl(weir: Command, clock: Clock) -> None:
    weir("install", "--yes")
    weir.use_group(CLOUDFRONT, "shop")
    around = Around(weir.client(CLOUDFRONT))
    use_lines(Calls(around, sleep=clock.sleep, clock=clock), CLOUDFRONT, "weir")
    assert set(around.called) == {"list_rule_groups", "list_web_acls", "get_web_acl"}


@pytest.mark.slow
def test_applying_covers_every_scope_and_names_failures(
    weir: Command, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DAGSTER_HOME", "WEIR_HOME"):  # a run points them to its home; undone with the fixture
        monkeypatch.setenv(name, str(edge.settings.home))
    done = weir("plan", "--apply")
    assert done.exit_code == 0, (done.output, done.exception)
    assert "CLOUDFRONT: WAF changed: +2 -0" in done.output and "REGIONAL:eu-west-1: WAF changed: +2 -0" in done.output
    rows = edge.lake.read_arrow(WAF_PLAN).to_pylist()
    assert sorted((row["scope"], row["address"]) for row in rows) == [
        (str(scope), address) for scope in TWO for address in (OURS, ALSO)
    ]
    (edge.settings.home / "waf" / "applied-twin-regional-eu-west-1-weir.json").write_text("{")
    failed = weir("block", v4(3), "--for", "2h", "--reason", "a hunch", "--apply")
    assert failed.exception is not None and exit_code_of(failed.exception) == 5
    said = str(failed.exception)
    assert said.startswith("In REGIONAL:eu-west-1: ") and said.endswith("Applied: CLOUDFRONT +1 -0.")
    assert [one.read_sets()[V4].addresses for one in waf_targets(weir.settings)] == [
        (OURS, ALSO, v4(3)),
        (OURS, ALSO),
    ]
    assert {row["scope"] for row in edge.lake.read_arrow(WAF_PLAN).to_pylist()} == {"CLOUDFRONT"}


ARN = "arn:aws:wafv2:us-east-1:0:global/rulegroup/weir-rules/1"


@pytest.mark.parametrize(
    ("rule", "use"),
    [
        ({"OverrideAction": {"None": {}}}, Use("shop")),
        ({"OverrideAction": {"Count": {}}}, Use("shop", is_counting=True)),
        (
            {"RuleActionOverrides": [
                {"Name": "weir-block", "ActionToUse": {"Count": {}}},
                {"Name": "weir-count", "ActionToUse": {"Block": {}}},
            ]},
            Use("shop", counting_rules=("weir-block",)),
        ),
        ({"ExcludedRules": [{"Name": "weir-challenge"}]}, Use("shop", counting_rules=("weir-challenge",))),
        ({"ARN": ARN + "0"}, None),
    ],
)  # fmt: skip
def test_a_web_acl_reveals_what_it_overrides(rule: dict[str, Any], use: Use | None) -> None:
    action = {key: value for key, value in rule.items() if key == "OverrideAction"}
    reference = {"ARN": ARN, **{key: value for key, value in rule.items() if key != "OverrideAction"}}
    other = {"Statement": {"GeoMatchStatement": {"CountryCodes": ["NL"]}}, "Action": {"Block": {}}}
    written = {"Statement": {"RuleGroupReferenceStatement": reference}, **action}
    assert use_of({"Name": "shop", "Rules": [other, written]}, ARN) == use
    by_manager = {"FirewallManagerStatement": {"RuleGroupReferenceStatement": reference}, **action}
    assert use_of({"Name": "shop", "PreProcessFirewallManagerRuleGroups": [by_manager]}, ARN) == use
    if use is not None:
        assert "shop" in use.text() and all(name in use.text() for name in use.counting_rules)


# On moto


@pytest.mark.slow
def test_three_scopes_are_served_over_http_by_moto(edge: Edge, moto_endpoint: str) -> None:
    scopes = "CLOUDFRONT,REGIONAL:eu-west-1,REGIONAL:us-east-1"
    settings = edge.settings.model_copy(update={"waf_target": "aws", "waf_scopes": scopes})
    targets = waf_targets(settings)
    report = plan_and_apply(settings, edge.lake, targets)
    assert [str(one.scope) for one in report.reports] == scopes.split(",")
    assert blocked(targets) == [{OURS, ALSO}] * 3
    edit_by_hand(targets[1].calls.client, V4, add=(HAND,), scope="REGIONAL")
    again = plan_and_apply(settings, edge.lake, waf_targets(settings))
    assert again.writes == 0
    assert blocked(targets) == [{OURS, ALSO}, {OURS, ALSO, HAND}, {OURS, ALSO}]
