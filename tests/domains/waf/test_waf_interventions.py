"""What people ask for: allow, block, withdraw, roll back, resume, override. On the twin, from decisions in the lake."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from platform_assets.actions.audit_table import AuditTable
from platform_assets.actions.errors import PlanStoppedError, RequestError
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.waf import planning
from platform_assets.domains.waf.apply.applied import AppliedStore
from platform_assets.domains.waf.apply.ip_sets import IpSetTarget
from platform_assets.domains.waf.decisions import Decision, DueEntry
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.explain.lookup import explain
from platform_assets.domains.waf.manual import audit_log
from platform_assets.domains.waf.manual.actions import ManualActions
from platform_assets.domains.waf.manual.in_force import ManualAction, in_force
from platform_assets.domains.waf.planning import make_plan
from platform_assets.domains.waf.tables import WAF_AUDIT, WAF_DECISIONS, WAF_PLAN, WAF_ROLLBACK_DECISIONS
from platform_assets.domains.waf.twin.client import WafTwin
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.registry import tables
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema
from tests.domains.waf.waf_world import Clock, applying_with, decision, live_addresses, plan_and_apply, target_on, v4

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
ONE, TWO, THREE = v4(1), v4(2), v4(3)
BLOCKED, CHALLENGED = "weir-block-v4", "weir-challenge-v4"
CLIENT_SCORES = tables()["predictions/client_scores"]
HOURS = timedelta(hours=1)


class Edge:
    """A home with decisions, a person, and a twin that plans are applied to."""

    def __init__(self, settings: Settings, target: IpSetTarget) -> None:
        self.settings, self.target = settings, target
        self.lake: Lake = lake_of(settings)
        self.person = ManualActions(settings)

    def decide(self, *decisions: Decision, hours_ago: int = 0) -> None:
        """Decisions made at the end of an hour; those of other hours stay."""
        hour = format_hour(HOUR - timedelta(hours=hours_ago + 1))
        rows = [{**one.row(), HOUR_COLUMN: hour} for one in decisions]
        data = pa.Table.from_pylist(rows, schema=arrow_schema(WAF_DECISIONS, with_hour=True))
        self.lake.overwrite_arrow(data, WAF_DECISIONS, [hour])

    def apply(self, **overrides: str) -> dict[str, set[str]]:
        """What is in WAF after a run that applies."""
        plan_and_apply(self.settings, self.lake, [self.target], overrides)
        return {name: found for name, found in live_addresses(self.target).items() if found}

    def due(self, now: datetime | None = None) -> list[DueEntry]:
        """What the plan wants now, or would want at a later time."""
        with pytest.MonkeyPatch.context() as patch:
            if now is not None:
                patch.setattr(Later, "at", now)
                patch.setattr(planning, "datetime", Later)
            made, _ = make_plan(self.settings, self.lake, [self.target])
        return [due for one in made.plans[0].sets for due in one.wanted]

    def reasons(self) -> dict[str, str]:
        """Address -> why it is to be removed."""
        made, _ = make_plan(self.settings, self.lake, [self.target])
        return {entry.address: entry.reason for entry in made.entries if entry.operation == "remove"}


class Later(datetime):
    """A clock for the plan."""

    at = datetime.now(UTC)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return cls.at


def on(address: str, action: str = "block", *, hours_ago: int = 0, **values: Any) -> Decision:
    return decision(address, action, decided_at=HOUR - timedelta(hours=hours_ago), **values)


@pytest.fixture
def edge(home: Settings, twin: WafTwin, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edge:
    """Any change of more than a tenth of two entries or more is too much, unless a person asked for it."""
    monkeypatch.setattr(ModelRegistry, "passed_gate", lambda *_: True)
    settings = applying_with(home, tmp_path, "max_churn_share: 0.1, min_entries_for_churn: 2, max_new_blocks: 50")
    return Edge(settings, target_on(twin, clock, store=AppliedStore(tmp_path / "applied.json")))


# --- allow ----------------------------------------------------------------------------------------------------------


def test_what_people_allow_leaves_and_comes_back(edge: Edge) -> None:
    edge.decide(on(ONE), on(TWO), on(THREE))
    assert edge.apply() == {BLOCKED: {ONE, TWO, THREE}}
    act = edge.person.allow("45.83.0.2/31", 7 * 24 * HOURS, "the office of a partner")
    assert (act.command, act.subject, act.expires_at) == ("allow", "45.83.0.2/31", act.acted_at + timedelta(days=7))
    assert "the office of a partner" in edge.reasons()[TWO]
    assert edge.apply() == {BLOCKED: {ONE}}
    edge.person.resume("45.83.0.2/31", "they have left")
    assert edge.apply(plan_changes_a_bounded_share="it was there before") == {BLOCKED: {ONE, TWO, THREE}}


def test_people_may_write_ipv4_as_ipv6(edge: Edge) -> None:
    mapped = f"::ffff:{ONE.removesuffix('/32')}"
    edge.decide(on(ONE), on(TWO, "challenge"))
    edge.person.allow(mapped, 24 * HOURS, "the office")
    assert edge.apply() == {CHALLENGED: {TWO}}
    edge.person.block("::ffff:2d53:1ff", 24 * HOURS, "seen in the logs of a proxy")
    assert edge.apply() == {BLOCKED: {"45.83.1.255/32"}, CHALLENGED: {TWO}}
    edge.person.resume(mapped, "they have moved")
    assert explain(edge.settings, mapped).decisions[0].decision.address == ONE
    assert edge.apply(nothing_waits="it was there before")[BLOCKED] == {ONE, "45.83.1.255/32"}


def test_an_ip_set_keeps_what_people_wrote_into_it(edge: Edge, twin: WafTwin) -> None:
    """The set is of IPv6, so an entry is not made IPv4 in it."""
    edge.decide(on("2a00::1/128"))
    edge.apply()
    name = "weir-block-v6"
    live = edge.target.read_sets()[name]
    twin.update_ip_set(Name=name, Scope="CLOUDFRONT", Id=live.id, Addresses=["2a00::1/128", "::ffff:2d53:1/128"], LockToken=live.lock_token)  # fmt: skip
    edge.decide(on("2a00::1/128"), on("2a00::2/128"))
    assert edge.apply() == {name: {"2a00::1/128", "2a00::2/128", "::ffff:2d53:1/128"}}


def test_an_allow_ends_by_itself() -> None:
    act = ManualAction.make(HOUR, "alice", "allow", ONE, "a test", expires_at=HOUR + 2 * HOURS)
    assert in_force([act], HOUR + timedelta(hours=1, minutes=59)).allow_list == (ONE,)
    assert in_force([act], HOUR + 2 * HOURS).allow_list == ()
    assert in_force([act], HOUR - timedelta(seconds=1)).allow_list == (), "nor does it reach back"


def test_the_latest_act_on_a_subject_counts() -> None:
    acts = [
        ManualAction.make(HOUR, "alice", "allow", ONE, "long", expires_at=HOUR + 9 * HOURS),
        ManualAction.make(HOUR + HOURS, "bob", "allow", ONE, "short", expires_at=HOUR + 2 * HOURS),
    ]
    assert [act.reason for act in in_force(reversed(acts), HOUR + HOURS).allowed] == ["short"]
    assert in_force(acts, HOUR + 3 * HOURS).allowed == ()
    assert [act.reason for act in in_force(acts, HOUR).allowed] == ["long"], "what was so then stays so"


# --- block ----------------------------------------------------------------------------------------------------------


def test_what_people_block_is_blocked_until_expiry(edge: Edge) -> None:
    act = edge.person.block("45.83.0.1", 2 * HOURS, "leaked credentials")
    made, _ = make_plan(edge.settings, edge.lake, [edge.target])
    (entry,) = made.entries
    assert (entry.address, entry.operation, entry.expires_at) == (ONE, "add", act.expires_at)
    assert entry.decision_id == f"manual-{act.audit_id}" and "leaked credentials" in entry.reason
    (due,) = (one for one_set in made.plans[0].sets for one in one_set.wanted)
    assert (due.causes, due.model_name) == ((entry.decision_id,), "manual")
    assert edge.apply() == {BLOCKED: {ONE}}
    edge.person.resume(ONE, "changed")
    assert edge.apply() == {}


def test_a_manual_block_is_a_second_cause(edge: Edge) -> None:
    edge.decide(on(ONE, "challenge"))
    edge.person.block(ONE, 2 * HOURS, "too weak")
    assert edge.apply() == {BLOCKED: {ONE}}
    edge.person.resume(ONE, "strong enough")
    assert edge.apply() == {CHALLENGED: {ONE}}


def test_a_manual_block_gets_its_slot_first(edge: Edge) -> None:
    Path(edge.settings.waf.policy_file).write_text("plan: {capacity: 1}\n")
    edge.decide(on(ONE, request_count=900_000))
    edge.person.block(TWO, 2 * HOURS, "this one first")
    assert edge.apply() == {BLOCKED: {TWO}}


@pytest.mark.parametrize(
    ("cidr", "said"),
    [
        ("10.0.0.0/24", "never blocked"),
        ("203.0.113.9", "never blocked"),
        ("fe80::1", "never blocked"),
        ("45.0.0.0/8", "wider than /16"),
        ("45.83.0.1/24", "without host bits"),
        ("example.org", "no address"),
        ("45.83.7.0/24", "overlaps the allow list"),
    ],
)
def test_forbidden_blocks_are_refused_and_not_recorded(edge: Edge, tmp_path: Path, cidr: str, said: str) -> None:
    (tmp_path / "allowed.txt").write_text("45.83.7.9\n")
    person = ManualActions(edge.settings.model_copy(update={"allow_list": str(tmp_path / "allowed.txt")}))
    with pytest.raises(RequestError, match=said):
        person.block(cidr, HOURS, "a try")
    assert audit_log.AUDIT.read(edge.lake) == []


def test_what_is_allowed_cannot_be_blocked(edge: Edge) -> None:
    edge.person.block("45.83.0.0/24", HOURS, "first")
    edge.person.allow(ONE, HOURS, "second")
    assert edge.apply() == {}, "an entry of an IP set has no holes"
    with pytest.raises(RequestError, match=r"allowed by .* second; `weir waf resume"):
        edge.person.block(ONE, HOURS, "third")


# --- withdraw -------------------------------------------------------------------------------------------------------


def test_withdrawing_takes_out_what_only_that_version_caused(edge: Edge) -> None:
    edge.decide(on(ONE), on(TWO), on(TWO, model_version="8"), on(THREE, model_version="8"))
    assert edge.apply() == {BLOCKED: {ONE, TWO, THREE}}
    edge.person.withdraw("client_abuse", "7", "it took a crawler for a scraper")
    assert list(edge.reasons()) == [ONE]
    assert "client_abuse 7" in edge.reasons()[ONE] and "took a crawler" in edge.reasons()[ONE]
    assert edge.apply() == {BLOCKED: {TWO, THREE}}
    edge.decide(on(ONE), on(TWO), on(TWO, model_version="8"), on(THREE, model_version="8"))
    assert edge.apply() == {BLOCKED: {TWO, THREE}}, "an hour that is decided again does not bring them back"
    edge.decide(on(ONE, hours_ago=1, model_version="8"), hours_ago=1)
    assert edge.apply(plan_changes_a_bounded_share="small world") == {BLOCKED: {ONE, TWO, THREE}}


def test_withdrawing_a_request_model_removes_its_decisions(edge: Edge) -> None:
    edge.decide(on(ONE), on(TWO), on(THREE))
    hour, rows = HOUR - HOURS, []
    for address, versions in ((ONE, "3"), (TWO, "3,4"), (THREE, "4")):
        values = {"client": address, "hour_at": hour, "request_model_version": versions, HOUR_COLUMN: format_hour(hour)}
        rows.append({**dict.fromkeys(CLIENT_SCORES.column_names), **values})
    data = pa.Table.from_pylist(rows, schema=arrow_schema(CLIENT_SCORES, with_hour=True))
    edge.lake.overwrite_arrow(data, CLIENT_SCORES)
    assert edge.apply() == {BLOCKED: {ONE, TWO, THREE}}
    edge.person.withdraw("request_attack", "3", "it took markdown for an attack")
    assert edge.apply() == {BLOCKED: {THREE}}


def test_withdrawing_an_unused_version_is_refused(edge: Edge) -> None:
    edge.decide(on(ONE))
    with pytest.raises(RequestError, match="rests on client_abuse 77; they rest on client_abuse 7"):
        edge.person.withdraw("client_abuse", "77", "a slip")


@pytest.mark.parametrize("seed", range(5))
def test_withdrawing_removes_exactly_what_rests_on_nothing_else(edge: Edge, seed: int) -> None:
    """Whatever versions decided whatever: the entries after are those of a world without the version."""
    Path(edge.settings.waf.policy_file).write_text("checks: {max_churn_share: 0.0, min_entries_for_churn: 0}\n")
    chance = random.Random(seed)
    drawn = {
        (number, version, action)
        for number in range(40)
        for version in chance.sample(["6", "7", "8"], chance.randint(1, 3))
        for action in chance.sample(["block", "challenge", "count"], chance.randint(1, 2))
    }
    edge.decide(*(on(v4(number), action, model_version=version) for number, version, action in sorted(drawn)))
    edge.apply(plan_changes_a_bounded_share="first", plan_adds_a_bounded_number="first")
    edge.person.withdraw("client_abuse", "7", "a test")
    edge.apply(plan_changes_a_bounded_share="weaker causes come forward", plan_adds_a_bounded_number="the same")
    expected: dict[str, set[str]] = {}
    for number in range(40):
        left = [action for one, version, action in drawn if one == number and version != "7"]
        for action in ("block", "challenge", "count"):
            if action in left:
                expected.setdefault(f"weir-{action}-v4", set()).add(v4(number))
                break
    assert {name: found for name, found in live_addresses(edge.target).items() if found} == expected


# --- rollback -------------------------------------------------------------------------------------------------------


def test_a_rollback_holds_until_resumed(edge: Edge) -> None:
    edge.decide(on(ONE, hours_ago=2), hours_ago=2)
    good = datetime.now(UTC)
    edge.decide(on(TWO, hours_ago=1), on(THREE, hours_ago=1), hours_ago=1)  # about an hour long before `good`
    assert edge.apply() == {BLOCKED: {ONE, TWO, THREE}}
    act = edge.person.rollback(good, "blocks that make no sense")
    assert act.details == "what the table of decisions held then"
    assert "rollback" in edge.reasons()[TWO] and "make no sense" in edge.reasons()[TWO]
    assert edge.apply() == {BLOCKED: {ONE}}
    edge.decide(on(v4(9)))
    edge.decide(on(ONE, hours_ago=2), on(v4(8), hours_ago=2), hours_ago=2)
    assert edge.apply() == {BLOCKED: {ONE}}, "nothing new enters, of whatever hour"
    edge.person.block(v4(5), HOURS, "but what a person asks for does")
    assert edge.apply(plan_changes_a_bounded_share="x") == {BLOCKED: {ONE, v4(5)}}
    edge.person.resume("rollback", "the model is replaced")
    after = edge.apply(plan_changes_a_bounded_share="as announced")
    assert after == {BLOCKED: {ONE, TWO, THREE, v4(5), v4(8), v4(9)}}


def test_a_rollback_keeps_what_people_exempted(edge: Edge) -> None:
    edge.decide(on(ONE), on(TWO))
    edge.person.block(v4(5), HOURS, "before")
    good = datetime.now(UTC)
    edge.person.block(v4(6), HOURS, "after")
    edge.person.allow(ONE, HOURS, "after")
    edge.person.rollback(good, "a test")
    assert edge.apply() == {BLOCKED: {TWO, v4(5)}}


def test_a_rollback_to_the_beginning_empties_waf(edge: Edge) -> None:
    before = datetime.now(UTC)
    edge.decide(on(ONE), on(TWO), on(THREE))
    assert edge.apply() == {BLOCKED: {ONE, TWO, THREE}}
    edge.person.rollback(before, "start again")
    assert edge.apply() == {}


def test_a_freed_table_falls_back_on_decision_times(edge: Edge) -> None:
    edge.decide(on(ONE, hours_ago=3), hours_ago=3)
    good = datetime.now(UTC)
    edge.decide(on(ONE, hours_ago=3), hours_ago=3)
    edge.decide(on(TWO, hours_ago=1), hours_ago=1)
    edge.decide(decision(THREE, decided_at=datetime.now(UTC)), hours_ago=-2)
    edge.lake.vacuum(WAF_DECISIONS, 0)
    act = edge.person.rollback(good, "what was then is gone")
    assert act.details.startswith("decisions about hours up to then")
    kept = audit_log.rollback_rows(edge.lake, act, datetime.now(UTC))
    assert {row["decision_id"] for row in kept} == {on(ONE, hours_ago=3).decision_id, on(TWO, hours_ago=1).decision_id}


def test_a_rollback_restores_what_was_removed_since(edge: Edge) -> None:
    edge.decide(on(ONE, hours_ago=2, hours=48, reason="at first"), on(TWO, hours_ago=2), hours_ago=2)
    edge.decide(on(THREE, hours_ago=1), hours_ago=1)
    assert edge.apply() == {BLOCKED: {ONE, TWO, THREE}}
    good = datetime.now(UTC)
    edge.decide(on(ONE, hours_ago=2, hours=24, reason="a late file came"), hours_ago=2)
    edge.decide(hours_ago=1)
    late = "a late file came"
    assert edge.apply(plan_changes_a_bounded_share=late) == {BLOCKED: {ONE}}
    edge.person.rollback(good, "the late file was forged")
    assert edge.apply(plan_changes_a_bounded_share="back to what was") == {BLOCKED: {ONE, TWO, THREE}}
    edge.lake.overwrite_arrow(edge.lake.read_arrow(WAF_DECISIONS).slice(0, 0), WAF_DECISIONS)
    edge.lake.vacuum(WAF_DECISIONS, 0)
    assert edge.apply() == {BLOCKED: {ONE, TWO, THREE}}, "whatever becomes of the table"
    (one,) = (one for one in edge.due() if one.address == ONE)
    assert (one.reason, one.expires_at) == ("at first", HOUR + timedelta(hours=46))
    edge.person.resume("rollback", "a test")
    assert edge.due() == []


def test_what_a_rollback_restores_can_be_withdrawn(edge: Edge) -> None:
    edge.decide(on(ONE, model_version="6"), on(TWO))
    good = datetime.now(UTC)
    edge.decide(on(ONE))
    edge.person.rollback(good, "a test")
    assert edge.apply() == {BLOCKED: {ONE, TWO}}
    found = explain(edge.settings, ONE.removesuffix("/32"))
    assert {one.decision.model_version for one in found.decisions} == {"6", "7"}
    edge.person.withdraw("client_abuse", "6", "nothing in the table rests on it any more")
    assert edge.apply() == {BLOCKED: {TWO}}


def test_a_rollback_that_was_cut_short_is_none(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    before = datetime.now(UTC)
    edge.decide(on(ONE))
    with monkeypatch.context() as patch:
        patch.setattr(AuditTable, "append", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
        with pytest.raises(OSError, match="no space left"):
            edge.person.rollback(datetime.now(UTC), "the disk is full")
    assert edge.lake.read_arrow(WAF_ROLLBACK_DECISIONS).num_rows == 1
    assert edge.apply() == {BLOCKED: {ONE}}
    edge.person.rollback(before, "again")
    assert edge.apply() == {}


@pytest.mark.parametrize("count", [None, 2])
def test_a_rollback_without_its_decisions_changes_nothing(edge: Edge, count: int | None) -> None:
    edge.decide(on(ONE))
    edge.apply()
    act = ManualAction.make(
        datetime.now(UTC), "alice", "rollback", "2026-11-20T14:05:00Z", "long ago", decision_count=count
    )
    audit_log.AUDIT.append(edge.lake, [act])
    with pytest.raises(WafError, match=r"keeps 0, so WAF stays as it is; end it with `weir waf resume`"):
        edge.apply()
    assert live_addresses(edge.target)[BLOCKED] == {ONE}
    edge.person.resume("rollback", "as it says")
    assert edge.apply() == {BLOCKED: {ONE}}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_plan_follows_the_decisions_of_a_rollback(edge: Edge, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Random hours decided, decided again, rolled back and resumed, and the plan now and hours later, against dicts."""
    chance, table, history = random.Random(seed), {}, []  # type: ignore[var-annotated]
    held: dict[int, list[Decision]] | None = None

    def moment() -> datetime:
        time.sleep(0.003)  # the table's log counts milliseconds
        return datetime.now(UTC)

    for step in range(14):
        ask = chance.choice(["decide", "decide", "again", "roll back", "vacuum", "resume"])
        if ask in ("decide", "again"):
            hour = chance.choice(sorted(table)) if ask == "again" and table else chance.randrange(5)
            made = [
                on(v4(n), chance.choice(["block", "challenge"]), hours_ago=hour, hours=hour + lasting, reason=f"{step}")
                for n in chance.sample(range(6), chance.randrange(5))
                for lasting in [chance.choice([0, 2, 9])]
            ]
            edge.decide(*made, hours_ago=hour)
            table = {**table, hour: made}
            history.append((moment(), table))
        elif ask == "roll back" and history:
            at, then = chance.choice(history)
            edge.person.rollback(at, "a test")
            held = then
        elif ask == "resume" and held is not None:
            edge.person.resume("rollback", "a test")
            held = None
        elif ask == "vacuum" and held is not None:
            edge.lake.vacuum(WAF_DECISIONS, 0)
            history = history[-1:]
        for ahead in (0, 5):
            now = datetime.now(UTC) + ahead * HOURS
            chosen = table if held is None else held
            alive = [one for ones in chosen.values() for one in ones if one.expires_at > now]
            alive.sort(key=lambda one: one.decision_id, reverse=True)
            alive.sort(key=lambda one: (one.action == "block", one.expires_at))
            strongest = {one.address: one for one in alive}
            expected = {(one.address, one.action, one.reason, one.expires_at) for one in strongest.values()}
            found = {(one.address, one.action, one.reason, one.expires_at) for one in edge.due(now)}
            assert found == expected, (seed, step, ask, ahead)


def test_impossible_rollbacks_and_resumes_are_refused(edge: Edge) -> None:
    with pytest.raises(RequestError, match="is not in the past"):
        edge.person.rollback(datetime.now(UTC) + HOURS, "a slip")
    with pytest.raises(RequestError, match="Nothing of rollback is in force that could be ended; in force: nothing"):
        edge.person.resume("rollback", "a slip")


# --- checks, overrides, the audit -----------------------------------------------------------------------------------


def test_only_requested_removals_are_no_churn(edge: Edge) -> None:
    edge.decide(on(ONE), on(TWO), on(THREE))
    edge.apply()
    edge.person.allow(ONE, HOURS, "a test")
    edge.decide(on(ONE), on(TWO))
    with pytest.raises(PlanStoppedError, match="plan_changes_a_bounded_share"):
        edge.apply()
    assert live_addresses(edge.target)[BLOCKED] == {ONE, TWO, THREE}


def override(person: ManualActions, checks: list[str], reason: str, details: str) -> list[ManualAction]:
    declared, at = WAF_PLAN.checks, person.clock()
    return audit_log.AUDIT.record_overrides(
        person.lake, declared, checks, actor="ana", at=at, reason=reason, details=details
    )


def test_an_override_counts_in_its_own_run(edge: Edge) -> None:
    edge.decide(on(ONE), on(TWO))
    edge.apply()
    edge.decide(on(ONE), on(TWO), on(THREE))
    assert edge.apply() == {BLOCKED: {ONE, TWO}}
    (act,) = override(edge.person, ["plan_changes_a_bounded_share"], "a campaign", "weir run edge")
    assert edge.apply() == {BLOCKED: {ONE, TWO}}
    overrides = audit_log.AUDIT.overrides_of(edge.lake, [act.audit_id])
    assert audit_log.AUDIT.overrides_of(edge.lake, ["of-another-run"]) == {}
    assert edge.apply(**overrides) == {BLOCKED: {ONE, TWO, THREE}}
    (kept,) = audit_log.AUDIT.read(edge.lake)
    assert (kept.command, kept.subject, kept.reason) == ("override", "plan_changes_a_bounded_share", "a campaign")
    assert kept.details == "weir run edge" and kept.actor


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda person: override(person, ["volume"], "because", "x"), "no check 'volume' to override; there are"),
        (lambda person: override(person, ["volume_is_plausible"], " ", "x"), "A reason of 1 to 300"),
        (lambda person: person.allow(ONE, HOURS, ""), "A reason of 1 to 300"),
        (lambda person: person.allow(ONE, HOURS, "a\x1b[2Jb"), "printable"),
        (lambda person: person.allow(ONE, 400 * 24 * HOURS, "long"), "up to 365 days"),
        (lambda person: person.allow(ONE, 0 * HOURS, "short"), "correct --for"),
    ],
)
def test_an_incomplete_action_is_refused_and_not_recorded(
    edge: Edge, ask: Callable[[ManualActions], Any], said: str
) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        ask(edge.person)
    assert "\n" not in str(caught.value)
    assert audit_log.AUDIT.read(edge.lake) == []


def test_the_audit_only_grows_under_concurrency(edge: Edge) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: edge.person.allow(v4(number), HOURS, f"number {number}"), range(8)))
    acts = audit_log.AUDIT.read(edge.lake)
    assert {act.subject for act in acts} == {v4(number) for number in range(8)}
    assert len({act.audit_id for act in acts}) == 8
    assert all(tuple(act.row()) == WAF_AUDIT.column_names for act in acts)
