"""What peers get wrong between decision and WAF: each scenario fails in their way, for the reason given, and holds in ours.

All write to the same strict twin. The ways of the peers are peers.py, ours is our_way.py; docs/peers.md has the table.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from platform_assets.domains.waf.twin.client import WafTwin
from tests.domains.waf.waf_world import HOUR, NOW, Clock, decision, edit_by_hand
from tests.peers import peers
from tests.peers.our_way import OurWriter

A, B, C, HAND = "45.83.1.1/32", "45.83.3.3/32", "45.83.5.5/32", "9.9.9.9/32"
WRITERS = (
    peers.ErrorsSwallowed,
    peers.FeedsReplaceAll,
    peers.FirstTenThousand,
    peers.FirstPage,
    peers.EmptyAtStartAndStop,
    peers.NoRetry,
    peers.AddressesAlone,
)
Scenario = Callable[["Stage"], None]


class Stage:
    """A WAF, and one way of writing to it."""

    def __init__(self, folder: Path, made: Callable[..., Any]) -> None:
        clock = Clock()
        self.twin = WafTwin(folder / "twin", clock=clock, writes_per_second=float("inf"))
        self.before_update: list[Callable[[], None]] = []
        is_ours = made is OurWriter
        self.way = made(self, folder, clock) if is_ours else made(self)
        self.set_name = "weir-block-v4" if is_ours else peers.Peer.name

    def __getattr__(self, name: str) -> Any:
        """The twin's calls; what happens right before an update happens once."""
        if name == "update_ip_set" and self.before_update:
            self.before_update.pop()()
        return getattr(self.twin, name)

    def run(self, *decisions: Any, hours_later: int = 0) -> None:
        self.way.run(list(decisions), NOW + timedelta(hours=hours_later))

    @property
    def live(self) -> set[str]:
        listed = self.twin.list_ip_sets(Scope="CLOUDFRONT")["IPSets"]
        summary = next((one for one in listed if one["Name"] == self.set_name), None)
        if summary is None:
            return set()
        found = self.twin.get_ip_set(Name=self.set_name, Scope="CLOUDFRONT", Id=summary["Id"])
        return set(found["IPSet"]["Addresses"])


def compare(scenario: Scenario, tmp_path: Path, **failures: str) -> None:
    """That the scenario holds in our way and fails in each peer's, there for the reason given."""
    scenario(Stage(tmp_path / "ours", OurWriter))
    for name, failure in failures.items():
        with pytest.raises(AssertionError, match=failure):
            scenario(Stage(tmp_path / name, getattr(peers, name)))


def test_three_plain_offenders_are_blocked_by_every_peer_and_by_us(tmp_path: Path) -> None:
    """So that what follows fails for nothing but what it is about."""
    for made in (*WRITERS, OurWriter):
        stage = Stage(tmp_path / made.__name__, made)
        stage.way.start()
        stage.run(decision(A), decision(B))
        stage.run(decision(A), decision(B), decision(C))
        assert stage.live == {A, B, C}, made


@pytest.mark.slow
def test_more_offenders_than_slots_block_the_worst(tmp_path: Path) -> None:
    """The more requests an offender made, the later the text of its address; no two are halves of one network."""
    addresses = sorted(f"45.83.{n // 128}.{2 * n % 256}/32" for n in range(10_050))

    def scenario(stage: Stage) -> None:
        stage.way.start()
        if isinstance(stage.way, OurWriter):
            stage.way.overrides = {"plan_adds_a_bounded_number": "the first plan after a campaign"}
        stage.run(*(decision(address, request_count=100 + n) for n, address in enumerate(addresses)))
        assert stage.live, "nobody is blocked"
        assert set(addresses[-50:]) <= stage.live, "the worst are left out"
        assert stage.live == set(addresses[-10_000:])

    compare(scenario, tmp_path, ErrorsSwallowed="nobody is blocked", FirstTenThousand="the worst are left out")


def test_an_edit_between_read_and_write_costs_nothing(tmp_path: Path) -> None:
    def scenario(stage: Stage) -> None:
        stage.way.start()
        stage.run(decision(A))
        stage.before_update.append(lambda: edit_by_hand(stage.twin, stage.set_name, add=(HAND,)))
        stage.run(decision(A), decision(B))
        assert not stage.before_update and HAND in stage.live, "setting"
        assert B in stage.live, "the update is lost"
        assert stage.live == {A, B, HAND}

    compare(scenario, tmp_path, ErrorsSwallowed="the update is lost", NoRetry="the update is lost")


def test_input_that_fails_wipes_nothing(tmp_path: Path) -> None:
    def scenario(stage: Stage) -> None:
        stage.way.start()
        stage.run(decision(A), decision(B))
        stage.run()
        assert stage.live == {A, B}, "the list is wiped"

    compare(scenario, tmp_path, FeedsReplaceAll="the list is wiped")


def test_an_expired_list_is_emptied(tmp_path: Path) -> None:
    def scenario(stage: Stage) -> None:
        stage.way.start()
        stage.run(decision(A), decision(B, hours=48))
        stage.run(decision(A), decision(B, hours=48), hours_later=30)
        assert stage.live == {B}, "setting"
        stage.run(decision(A), decision(B, hours=48), hours_later=60)
        assert stage.live == set(), "the last entry stays for ever"

    compare(scenario, tmp_path, FirstTenThousand="the last entry stays for ever")


def test_every_offender_is_read_however_many_there_are(tmp_path: Path) -> None:
    addresses = {f"45.83.{n // 128}.{2 * n % 256}/32" for n in range(1500)}

    def scenario(stage: Stage) -> None:
        stage.way.start()
        if isinstance(stage.way, OurWriter):
            stage.way.overrides = {"plan_adds_a_bounded_number": "the first plan after a campaign"}
        stage.run(*map(decision, sorted(addresses)))
        assert stage.live == addresses, f"{len(stage.live)} of {len(addresses)} are blocked"

    compare(scenario, tmp_path, FirstPage="1000 of 1500 are blocked")


def test_a_restart_keeps_the_list_in_force(tmp_path: Path) -> None:
    def scenario(stage: Stage) -> None:
        stage.way.start()
        stage.run(decision(A), decision(B))
        stage.way.stop()
        assert stage.live == {A, B}, "stopping empties the list"
        stage.way.start()
        assert stage.live == {A, B}
        stage.run(decision(A), decision(B))
        assert stage.live == {A, B}

    compare(scenario, tmp_path, EmptyAtStartAndStop="stopping empties the list")


def test_a_start_after_a_kill_keeps_the_list(tmp_path: Path) -> None:
    """As above, for one that never came to stop."""

    def scenario(stage: Stage) -> None:
        stage.way.start()
        stage.run(decision(A), decision(B))
        stage.way.start()
        assert stage.live == {A, B}, "starting empties the list"

    compare(scenario, tmp_path, EmptyAtStartAndStop="starting empties the list")


def test_undoing_a_bad_model_undoes_nothing_else(tmp_path: Path) -> None:
    good: dict[str, Any] = {"model_version": "6"}
    bad: dict[str, Any] = {"model_version": "7"}

    def scenario(stage: Stage) -> None:
        stage.way.start()
        both = decision(C, **good), decision(C, decided_at=HOUR - timedelta(hours=1), **bad)
        stage.run(decision(A, **good), decision(B, **bad), *dict.fromkeys(both))
        edit_by_hand(stage.twin, stage.set_name, add=(HAND,))
        stage.way.undo("7")
        assert B not in stage.live, "the bad model's block stays"
        assert {A, C} <= stage.live, "what another model wants is gone too"
        assert stage.live == {A, C, HAND}

    compare(scenario, tmp_path, AddressesAlone="what another model wants is gone too")
