"""Applying: idempotent, paced, merged again on conflicts, safe to kill anywhere. On the twin, and on moto through boto3."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from platform_assets.actions.errors import IncompleteApplyError, StalePlanError
from platform_assets.actions.state import StateError
from platform_assets.domains.waf.apply.applied import Applied, AppliedStore
from platform_assets.domains.waf.apply.calls import Calls, TokenBucket
from platform_assets.domains.waf.apply.ip_sets import IpSetTarget
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.plan.slots import Budget
from platform_assets.domains.waf.twin.client import WafTwin
from tests.domains.waf.memory_store import MemoryAppliedStore
from tests.domains.waf.waf_world import (
    NOW,
    Clock,
    applied,
    due,
    edit_by_hand,
    live_addresses,
    plan,
    planned,
    target_on,
    v4,
)

A, B, C, HAND = v4(1), v4(2), v4(3), "9.9.9.9/32"
V6 = "2a00:1450::1/128"
CHANGING = ("create_ip_set", "update_ip_set")


class Killed(BaseException):
    """The process ends here."""


class Around:
    """A client with something happening before or after its calls."""

    def __init__(
        self, client: Any, before: Callable[[str], None] | None = None, after: Callable[[str], None] | None = None
    ) -> None:
        self._client, self._before, self._after = client, before, after
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name in ("meta", "exceptions") or not callable(found):
            return found

        def call(**parameters: Any) -> Any:
            self.called.append(name)
            if self._before:
                self._before(name)
            answer = found(**parameters)
            if self._after:
                self._after(name)
            return answer

        return call

    @property
    def changing(self) -> list[str]:
        return [name for name in self.called if name in CHANGING]


def coded(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "UpdateIPSet"
    )


@pytest.fixture(params=["twin", "moto"])
def client(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("twin" if request.param == "twin" else "moto_client")


# The same on the twin and on moto


def test_applying_a_plan_again_makes_no_changing_call(client: Any, clock: Clock) -> None:
    around = Around(client)
    target = target_on(around, clock)
    entries = [due(A), due(V6), due(B, "challenge")]
    report = applied(target, entries)
    assert live_addresses(target) == {"weir-block-v4": {A}, "weir-block-v6": {V6}, "weir-challenge-v4": {B}}
    assert (report.added, report.removed, report.writes) == (3, 0, 3)
    before, serial = len(around.changing), target.last_applied().serial
    again = applied(target, entries)
    assert (again.writes, again.added, again.text().splitlines()[0][:13]) == (0, 0, "WAF unchanged")
    assert (len(around.changing), target.last_applied().serial) == (before, serial)


def test_entries_end_escalate_and_leave_their_sets(client: Any, clock: Clock) -> None:
    target = target_on(client, clock)
    applied(target, [due(A, "challenge"), due(B)])
    applied(target, [due(A)])
    assert live_addresses(target) == {"weir-block-v4": {A}, "weir-challenge-v4": set()}
    applied(target, [])
    assert live_addresses(target) == {"weir-block-v4": set(), "weir-challenge-v4": set()}


def test_what_a_person_adds_stays_through_everything(client: Any, clock: Clock) -> None:
    target = target_on(client, clock)
    applied(target, [due(A)])
    edit_by_hand(client, "weir-block-v4", add=(HAND, B))
    applied(target, [due(A), due(B)])
    applied(target, [])
    assert live_addresses(target)["weir-block-v4"] == {HAND, B}, "B was there by hand before we wanted it"


def test_manual_removals_are_restored_or_respected_by_policy(client: Any, clock: Clock) -> None:
    target = target_on(client, clock)
    applied(target, [due(A), due(B)])
    edit_by_hand(client, "weir-block-v4", remove=(A,))
    for _ in range(2):
        report = applied(target, [due(A), due(B)], restore_removed=False)
        assert report.writes == 0
    applied(target, [due(A), due(B), due(C)], restore_removed=False)
    assert live_addresses(target)["weir-block-v4"] == {B, C}
    applied(target, [due(A), due(B)])
    assert live_addresses(target)["weir-block-v4"] == {A, B}


def test_a_conflict_is_merged_with_its_cause(client: Any, clock: Clock) -> None:
    target = target_on(client, clock)
    applied(target, [due(A), due(B)])
    made = planned(target, [due(B), due(C)])
    once = iter([True])

    def somebody_is_faster(name: str) -> None:
        if name == "update_ip_set" and next(once, False):
            edit_by_hand(client, "weir-block-v4", add=(HAND,), remove=(B,))

    racing = target_on(Around(client, before=somebody_is_faster), clock, store=target.store)
    report = racing.apply(made)
    assert report.conflicts == 1
    assert live_addresses(target)["weir-block-v4"] == {B, C, HAND}
    applied(target, [])
    assert live_addresses(target)["weir-block-v4"] == {HAND}


def test_only_the_calls_of_least_privilege_are_made(client: Any, clock: Clock) -> None:
    around = Around(client)
    target = target_on(around, clock)
    applied(target, [due(A)])
    applied(target, [due(B)])
    assert set(around.called) == {"list_ip_sets", "get_ip_set", "create_ip_set", "update_ip_set"}


# Faults, on the twin


def test_thirty_conflicts_in_a_row_are_merged_through(twin: WafTwin, clock: Clock) -> None:
    target = target_on(twin, clock)
    applied(target, [due(A)])
    left = iter(range(30))

    def somebody_is_faster(name: str) -> None:
        number = next(left, None) if name == "update_ip_set" else None
        if number is not None:
            edit_by_hand(twin, "weir-block-v4", add=(v4(1000 + number),))

    racing = target_on(Around(twin, before=somebody_is_faster), clock, store=target.store)
    report = applied(racing, [due(A), due(B)])
    assert report.conflicts == 30
    assert live_addresses(target)["weir-block-v4"] == {A, B} | {v4(1000 + number) for number in range(30)}


def test_endless_conflicts_end_in_a_sentence(twin: WafTwin, clock: Clock) -> None:
    target = target_on(twin, clock)
    applied(target, [due(A)])
    number = iter(range(1000))

    def always(name: str) -> None:
        if name == "update_ip_set":
            edit_by_hand(twin, "weir-block-v4", add=(v4(1000 + next(number)),))

    racing = target_on(Around(twin, before=always), clock, store=target.store, max_conflicts=3)
    with pytest.raises(IncompleteApplyError, match="changed by somebody else at each of 4 attempts"):
        applied(racing, [due(A), due(B)])
    applied(target, [])
    assert A not in live_addresses(target)["weir-block-v4"]
    assert B not in live_addresses(target)["weir-block-v4"]


def test_a_run_killed_anywhere_converges_on_the_next(tmp_path: Path) -> None:
    """At every call and every save, before and after: v4 and v6, an update, creations and a removal in one plan."""
    kill_at = 0
    while _killed_at(kill_at, tmp_path / str(kill_at)):
        kill_at += 1
    assert kill_at >= 30, "so many steps there are at least"


def _killed_at(kill_at: int, folder: Path) -> bool:
    """Kill a run at its n-th step and let the next one finish; whether there was such a step."""
    clock = Clock()
    twin = WafTwin(folder / "twin", clock=clock, writes_per_second=float("inf"))
    store = AppliedStore(folder / "applied.json")
    target = target_on(twin, clock, store=store)
    applied(target, [due(A), due(V6), due(C, "count")])
    edit_by_hand(twin, "weir-block-v4", add=(HAND,))
    steps = iter(range(1000))

    def step(_: Any = None) -> None:
        if next(steps) == kill_at:
            raise Killed

    class DyingStore(AppliedStore):
        def save(self, applied: Applied) -> None:
            step()
            super().save(applied)
            step()

    entries = [due(A), due(B), due("2a00:1450::2/128"), due(v4(7), "challenge")]
    dying = target_on(Around(twin, before=step, after=step), clock, store=DyingStore(store.path))
    try:
        dying.apply(plan(entries, target.read_sets(), target.last_applied(), now=NOW))
        was_killed = False
    except Killed:
        was_killed = True
    applied(target, entries)
    assert live_addresses(target) == {
        "weir-block-v4": {A, B, HAND},
        "weir-block-v6": {"2a00:1450::2/128"},
        "weir-challenge-v4": {v4(7)},
        "weir-count-v4": set(),
    }
    assert applied(target, entries).writes == 0
    applied(target, [])
    assert {name for one in live_addresses(target).values() for name in one} == {HAND}, "an entry lost its owner"
    return was_killed


@pytest.mark.parametrize("operation", CHANGING)
def test_a_call_with_lost_answer_is_not_doubled(twin: WafTwin, clock: Clock, operation: Any) -> None:
    store = MemoryAppliedStore()
    if operation == "update_ip_set":
        applied(target_on(twin, clock, store=store), [due(C)])
    lost = iter([True])

    def lose(name: str) -> None:
        if name == operation and next(lost, False):
            raise ReadTimeoutError(endpoint_url="https://wafv2")

    around = Around(twin, after=lose)
    target = target_on(around, clock, store=store)
    applied(target, [due(A), due(B)])
    assert len(around.changing) == 2, "the one that was lost and the one that found it done"
    assert live_addresses(target)["weir-block-v4"] == {A, B}
    applied(target, [])
    assert live_addresses(target)["weir-block-v4"] == set()


def test_changing_calls_keep_to_one_a_second(strict_twin: WafTwin, clock: Clock) -> None:
    started = clock()
    around = Around(strict_twin)
    target = target_on(around, clock)
    entries = [due(one, action) for action in ("block", "challenge", "count") for one in (A, V6)]
    report = applied(target, entries)
    assert (report.writes, report.throttled) == (6, 0)
    assert 5 <= clock() - started < 6
    assert report.seconds_waited == pytest.approx(clock() - started, abs=0.01)


def test_throttling_and_failing_servers_are_waited_out(twin: WafTwin, clock: Clock) -> None:
    faults = iter(
        [
            coded("ThrottlingException"),
            coded("WAFInternalErrorException", 500),
            coded("X", 503),
            coded("WAFUnavailableEntityException"),
        ]
    )

    def fail(name: str) -> None:
        found = next(faults, None)
        if found is not None:
            raise found

    target = target_on(Around(twin, before=fail), clock)
    report = applied(target, [due(A)])
    assert live_addresses(target) == {"weir-block-v4": {A}}
    assert report.writes == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (coded("ThrottlingException"), "keeps answering update_ip_set with ThrottlingException"),
        (coded("503", 503), "keeps answering update_ip_set with 503"),
        (coded("AccessDeniedException"), "does not allow update_ip_set"),
        (coded("ExpiredTokenException"), "does not accept the credentials"),
        (coded("UnrecognizedClientException"), "does not accept the credentials"),
        (NoCredentialsError(), "no AWS credentials"),
        (EndpointConnectionError(endpoint_url="https://wafv2"), "cannot be reached"),
        (coded("WAFInvalidParameterException"), "WAF refused a change of weir-block-v6"),
    ],
)
def test_a_lasting_fault_ends_in_sentence_and_report(twin: WafTwin, clock: Clock, fault: Any, said: Any) -> None:
    target = target_on(twin, clock)
    applied(target, [due(A), due(V6)])
    calls = iter(range(1000))

    def fail(name: str) -> None:
        if name == "update_ip_set" and next(calls) >= 1:
            raise fault

    failing = target_on(Around(twin, before=fail), clock, store=target.store)
    with pytest.raises(IncompleteApplyError, match=said) as caught:
        applied(failing, [due(B)])
    assert "\n" not in str(caught.value)
    assert [(one.name, one.added) for one in caught.value.reports[0].sets] == [("weir-block-v4", (B,))]
    assert live_addresses(target) == {"weir-block-v4": {B}, "weir-block-v6": {V6}}
    applied(target, [due(B)])
    assert live_addresses(target) == {"weir-block-v4": {B}, "weir-block-v6": set()}


def test_refusals_are_not_retried(twin: WafTwin, clock: Clock) -> None:
    def refuse(_: str) -> None:
        raise coded("AccessDeniedException")

    around = Around(twin, before=refuse)
    with pytest.raises(WafError):
        target_on(around, clock).read_sets()
    assert len(around.called) == 1


def test_a_plan_made_before_another_apply_is_refused(twin: WafTwin, clock: Clock) -> None:
    target = target_on(twin, clock)
    old = planned(target, [due(A)])
    applied(target, [due(B)])
    with pytest.raises(StalePlanError, match="plan again"):
        target.apply(old)
    assert live_addresses(target) == {"weir-block-v4": {B}}


def test_a_plan_for_another_target_is_refused(twin: WafTwin, clock: Clock) -> None:
    other = planned(target_on(twin, clock), [due(A)], prefix="other")
    with pytest.raises(WafError, match="The plan is for CLOUDFRONT other"):
        target_on(twin, clock).apply(other)


def test_a_set_that_was_deleted_is_made_again(twin: WafTwin, clock: Clock) -> None:
    target = target_on(twin, clock)
    applied(target, [due(A)])
    live = target.read_sets()["weir-block-v4"]
    twin.delete_ip_set(Name=live.name, Scope="CLOUDFRONT", Id=live.id, LockToken=live.lock_token)
    made = planned(target, [due(A)])
    assert [entry.operation for entry in made.entries] == ["restore"]
    target.apply(made)
    assert live_addresses(target) == {"weir-block-v4": {A}}
    applied(target, [])
    assert live_addresses(target) == {"weir-block-v4": set()}


def test_a_set_deleted_after_planning_is_created_again(twin: WafTwin, clock: Clock) -> None:
    target = target_on(twin, clock)
    applied(target, [due(A)])
    made = planned(target, [due(A), due(B)])
    live = target.read_sets()["weir-block-v4"]
    twin.delete_ip_set(Name=live.name, Scope="CLOUDFRONT", Id=live.id, LockToken=live.lock_token)
    target.apply(made)
    assert live_addresses(target) == {"weir-block-v4": {A, B}}


def test_a_set_deleted_before_writing_is_created_again(twin: WafTwin, clock: Clock) -> None:
    target = target_on(twin, clock)
    applied(target, [due(A)])
    once = iter([True])

    def somebody_deletes_it(name: str) -> None:
        if name == "update_ip_set" and next(once, False):
            live = target.read_sets()["weir-block-v4"]
            twin.delete_ip_set(Name=live.name, Scope="CLOUDFRONT", Id=live.id, LockToken=live.lock_token)

    applied(target_on(Around(twin, before=somebody_deletes_it), clock, store=target.store), [due(A), due(B)])
    assert live_addresses(target) == {"weir-block-v4": {A, B}}


def test_a_longer_duration_needs_no_changing_call(twin: WafTwin, clock: Clock) -> None:
    target = target_on(twin, clock)
    applied(target, [due(A)])
    longer = due(A, decision_id="newer", expires_at=NOW + timedelta(days=3))
    assert applied(target, [longer]).writes == 0
    kept = target.last_applied().of("weir-block-v4").owned[A]
    assert (kept.decision_id, kept.expires_at) == ("newer", "2026-11-23T15:00:00Z")


def test_a_merge_after_conflict_keeps_the_capacity(twin: WafTwin, clock: Clock) -> None:
    target = target_on(twin, clock)
    applied(target, [due(A)])
    once = iter([True])

    def somebody_is_faster(name: str) -> None:
        if name == "update_ip_set" and next(once, False):
            edit_by_hand(twin, "weir-block-v4", add=(HAND,))

    racing = target_on(Around(twin, before=somebody_is_faster), clock, store=target.store)
    applied(racing, [due(A), due(B, request_count=1)], budget=Budget(capacity=2))
    assert live_addresses(target)["weir-block-v4"] == {A, HAND}


def test_the_worst_ten_thousand_fill_a_set(twin: WafTwin, clock: Clock) -> None:
    """AWS Security Automations: more than 10,000 offenders and nothing is updated at all."""
    target = target_on(twin, clock)
    entries = [due(v4(2 * number), request_count=number + 1) for number in range(10_300)]
    applied(target, entries)
    assert live_addresses(target)["weir-block-v4"] == {v4(2 * number) for number in range(300, 10_300)}


def test_other_sets_of_the_account_are_left_alone(twin: WafTwin, clock: Clock) -> None:
    for name in ("weirdo-block-v4", "weir-block-v4-copy", "office"):
        twin.create_ip_set(Name=name, Scope="CLOUDFRONT", IPAddressVersion="IPV4", Addresses=[HAND])
    target = target_on(twin, clock)
    applied(target, [due(A)])
    assert set(target.read_sets()) == {"weir-block-v4"}
    assert len(twin.list_ip_sets(Scope="CLOUDFRONT")["IPSets"]) == 4


@pytest.mark.parametrize("seed", range(25))
def test_two_writers_and_a_person_lose_nothing(tmp_path: Path, seed: Any) -> None:
    """Random interleavings at the level of single calls; what was added by hand stays, what we want gets there."""
    generator = random.Random(seed)
    clock = Clock()
    twin = WafTwin(tmp_path / "twin", clock=clock, writes_per_second=float("inf"))
    store = AppliedStore(tmp_path / "applied.json")
    ours = [v4(number) for number in range(8)]
    by_hand: set[str] = set()

    def somebody(name: str) -> None:
        exists = [one for one in twin.list_ip_sets(Scope="CLOUDFRONT")["IPSets"] if one["Name"] == "weir-block-v4"]
        if name in CHANGING and exists and generator.random() < 0.4:
            if by_hand and generator.random() < 0.3:
                gone = generator.choice(sorted(by_hand))
                by_hand.remove(gone)
                edit_by_hand(twin, "weir-block-v4", remove=(gone,))
            else:
                new = f"9.9.9.{generator.randrange(200)}/32"
                by_hand.add(new)
                edit_by_hand(twin, "weir-block-v4", add=(new,))

    writers = [target_on(Around(twin, before=somebody, after=somebody), clock, store=store) for _ in range(2)]
    plans: dict[int, Any] = {}
    for _ in range(14):
        who = generator.randrange(2)
        if who in plans:
            try:
                writers[who].apply(plans.pop(who))
            except StalePlanError:
                continue
        else:
            plans[who] = planned(writers[who], [due(one) for one in generator.sample(ours, generator.randrange(8))])
    final = [due(one) for one in generator.sample(ours, 4)]
    calm = target_on(twin, clock, store=store)
    applied(calm, final)
    live = live_addresses(calm)["weir-block-v4"]
    assert live == {one.address for one in final} | by_hand


# What is kept and how calls are paced


def test_a_damaged_store_stops_everything_with_a_sentence(tmp_path: Path, twin: WafTwin, clock: Clock) -> None:
    path = tmp_path / "applied.json"
    for text in ("{", "[]", '{"format": 2}', '{"format": 1, "serial": 1}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(StateError, match="restore it, or delete it"):
            target_on(twin, clock, store=AppliedStore(path)).last_applied()


def test_the_store_is_the_same_when_read_again(tmp_path: Path, twin: WafTwin, clock: Clock) -> None:
    store = AppliedStore(tmp_path / "deep" / "applied.json")
    target = target_on(twin, clock, store=store)
    applied(target, [due(A), due(V6)])
    kept = AppliedStore(store.path).load()
    assert Applied.from_json(kept.to_json()) == kept
    assert kept.of("weir-block-v4").owned[A].decision_id == due(A).decision_id
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["applied.json", "applied.lock"]


def test_a_half_written_store_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = AppliedStore(tmp_path / "applied.json")
    store.save(Applied(5))

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StateError, match="cannot be written \\(No space left on device\\); free space"):
        store.save(Applied(6))
    assert store.load().serial == 5
    assert [path.name for path in tmp_path.iterdir()] == ["applied.json"]


@pytest.mark.parametrize("full_from", range(3))
def test_a_full_disk_stops_and_later_continues(tmp_path: Path, twin: WafTwin, clock: Clock, full_from: Any) -> None:
    class FullDisk(AppliedStore):
        saved = 0

        def save(self, applied: Applied) -> None:
            self.saved += 1
            if self.saved > full_from:
                raise StateError(f"{self.path} cannot be written (No space left on device); free space.")
            super().save(applied)

    store = AppliedStore(tmp_path / "applied.json")
    applied(target_on(twin, clock, store), [due(A), due(V6)])
    with pytest.raises(IncompleteApplyError, match="cannot be written"):
        applied(target_on(twin, clock, FullDisk(store.path)), [due(B)])
    live = live_addresses(target_on(twin, clock, store))
    assert full_from or live == {"weir-block-v4": {A}, "weir-block-v6": {V6}}, "no call before it is written down"
    applied(target_on(twin, clock, store), [due(B)])
    assert live_addresses(target_on(twin, clock, store)) == {"weir-block-v4": {B}, "weir-block-v6": set()}


def test_a_token_bucket_allows_burst_then_rate() -> None:
    clock = Clock()
    bucket = TokenBucket(2.0, burst=3, clock=clock, sleep=clock.sleep)
    assert [round(bucket.take(), 6) for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    clock.sleep(100)
    assert [round(bucket.take(), 6) for _ in range(4)] == [0, 0, 0, 0.5]


def test_waiting_grows_with_jitter_and_stays_bounded(twin: WafTwin) -> None:
    waits: list[float] = []
    calls = Calls(
        Around(twin, before=_always(coded("ThrottlingException"))),
        sleep=waits.append,
        jitter=random.Random(1),
        attempts=9,
    )
    with pytest.raises(WafError, match="run again later"):
        calls.read("list_ip_sets", Scope="CLOUDFRONT")
    assert len(waits) == 8
    assert all(wait <= min(20.0, 0.5 * 2**number) for number, wait in enumerate(waits))
    assert calls.throttled == 9


def _always(fault: Exception) -> Callable[[str], None]:
    def fail(_: str) -> None:
        raise fault

    return fail


def test_cloudfront_outside_its_region_is_refused_first(tmp_path: Path) -> None:
    elsewhere = WafTwin(tmp_path, region_name="eu-west-1")
    with pytest.raises(WafError, match="us-east-1 only"):
        IpSetTarget(elsewhere, MemoryAppliedStore())
