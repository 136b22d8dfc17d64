"""Two writers and a person by hand on one IP set, a thousand orders of their calls, with faults: no entry is lost."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from platform_assets.actions.errors import IncompleteApplyError, StalePlanError
from platform_assets.domains.waf.apply.ip_sets import IpSetTarget
from platform_assets.domains.waf.twin.client import WafTwin
from tests.domains.waf.memory_store import MemoryAppliedStore
from tests.domains.waf.turns import Contended, SharedStore, Turns
from tests.domains.waf.waf_world import Clock, applied, due, edit_by_hand, live_addresses, planned, target_on, v4

pytestmark = pytest.mark.attack("faults: two writers, kills")

SET = "weir-block-v4"
BATCH = 50
ROUNDS = 3


class MemoryFolder:
    """The twin's folder without a disk: a thousand runs take half a minute. Actors are kept apart by their turns."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"format": 1, "ip_sets": {}, "rule_groups": {}, "web_acls": {}, "tags": {}}

    def lock(self) -> Any:
        return _nothing()

    def load(self) -> dict[str, Any]:
        return {
            key: {one: dict(value) for one, value in of.items()} if isinstance(of, dict) else of
            for key, of in self.state.items()
        }

    def save(self, state: dict[str, Any]) -> None:
        self.state = state

    def admits(self, region: str, operation: str, per_second: float) -> bool:
        return True


class _nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class Scene:
    """One IP set, two writers of the same home or of two, and a person; what has to be in the set at every moment."""

    def __init__(self, seed: int, homes: int) -> None:
        self.turns, self.clock = Turns(seed), Clock()
        self.twin = WafTwin(Path("unused"), clock=self.clock)
        self.twin._folder = MemoryFolder()  # type: ignore[assignment]
        self.stores = [SharedStore(self.turns) for _ in range(homes)]
        self.by_hand: set[str] = set()
        self.left_by_hand: set[str] = set()
        self.conflicts = 0
        for place, store in enumerate(self.stores):
            applied(target_on(self.twin, self.clock, store), [due(self.pool(place)[0])])

    def pool(self, home: int) -> list[str]:
        return [v4(100 * home + number) for number in range(6)]

    def live(self) -> set[str]:
        (one,) = self.twin._folder.load()["ip_sets"].values()
        return set(one["Addresses"])

    def check(self, _: str) -> None:
        """After every change of anybody."""
        live = self.live()
        assert self.by_hand <= live, f"lost what was added by hand: {self.by_hand - live}"

    def writer(self, place: int) -> None:
        home = place % len(self.stores)
        contended = Contended(self.twin, self.turns, fault_share=0.1, after=self.check)
        target = target_on(contended, self.clock, self.stores[home])
        for _ in range(ROUNDS):
            pool = self.pool(home)
            entries = [due(one) for one in self.turns.random.sample(pool, self.turns.random.randrange(6))]
            try:
                self.conflicts += target.apply(planned(target, entries)).conflicts
            except StalePlanError:
                continue  # the other run of this home was faster: the next round plans again

    def person(self) -> None:
        contended = Contended(self.twin, self.turns)
        for number in range(ROUNDS + 1):
            known = sorted(self.by_hand)
            gone = self.turns.random.choice(known) if known and self.turns.random.random() < 0.3 else None
            self.edit(contended, None if gone else f"9.9.9.{number}/32", gone)

    def edit(self, client: Any, added: str | None, gone: str | None) -> None:
        """As in a console: look, change, and look again where somebody was faster."""
        while True:
            (summary,) = client.list_ip_sets(Scope="CLOUDFRONT")["IPSets"]
            found = client.get_ip_set(Name=SET, Scope="CLOUDFRONT", Id=summary["Id"])
            addresses = (set(found["IPSet"]["Addresses"]) | ({added} if added else set())) - {gone}
            self.turns.next()
            try:
                self.twin.update_ip_set(
                    Name=SET,
                    Scope="CLOUDFRONT",
                    Id=summary["Id"],
                    Addresses=sorted(addresses),
                    LockToken=found["LockToken"],
                )
            except self.twin.exceptions.WAFOptimisticLockException:
                continue
            self.by_hand = (self.by_hand | ({added} if added else set())) - {gone}
            return

    def play(self) -> None:
        for place in range(2):
            self.turns.actor(partial(self.writer, place))
        self.turns.actor(self.person)
        self.turns.run()


@pytest.mark.parametrize("homes", [1, 2], ids=["one home", "two homes"])
@pytest.mark.parametrize("batch", range(10))
def test_a_thousand_orders_of_writers_lose_nothing(homes: int, batch: int) -> None:
    """Two runs of one home share what they own; two homes take each other's entries for those of people."""
    conflicts = 0
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        scene = Scene(seed, homes)
        scene.play()
        conflicts += scene.conflicts
        final: set[str] = set()
        for home, store in enumerate(scene.stores):
            wanted = scene.turns.random.sample(scene.pool(home), 3)
            applied(target_on(scene.twin, scene.clock, store), [due(one) for one in wanted])
            final |= set(wanted)
        assert scene.live() == final | scene.by_hand, f"seed {seed}"
        for store in scene.stores:
            applied(target_on(scene.twin, scene.clock, store), [])
        assert scene.live() == scene.by_hand, f"seed {seed}: an entry lost its owner"
    assert conflicts > BATCH / 5, "orders without conflicts show little"


def test_the_same_seed_is_the_same_order() -> None:
    ends = []
    for _ in range(2):
        scene = Scene(7, 2)
        scene.play()
        ends.append((scene.live(), scene.by_hand, scene.conflicts))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("at_most", [30, 60])
def test_endless_conflicts_leave_the_set_unchanged(twin: WafTwin, clock: Clock, at_most: int) -> None:
    """But for what the others change meanwhile. Thirty in a row that end are merged through: test_waf_apply.py."""
    store = MemoryAppliedStore()
    applied(target_on(twin, clock, store), [due(v4(1))])
    edited = iter(range(1000))

    class Busy:
        meta, exceptions = twin.meta, twin.exceptions

        def __getattr__(self, name: str) -> Any:
            if name == "update_ip_set":
                edit_by_hand(twin, SET, add=(v4(1000 + next(edited)),))
            return getattr(twin, name)

    busy: IpSetTarget = target_on(Busy(), clock, store, max_conflicts=at_most)
    with pytest.raises(IncompleteApplyError) as caught:
        applied(busy, [due(v4(2))])
    assert str(caught.value) == (
        f"The IP set {SET} was changed by somebody else at each of {at_most + 1} attempts; run again when that has ended."
    )
    by_hand = {v4(1000 + number) for number in range(at_most + 1)}
    calm = target_on(twin, clock, store)
    assert live_addresses(calm) == {SET: {v4(1)} | by_hand}
    applied(calm, [due(v4(2))])
    assert live_addresses(calm) == {SET: {v4(2)} | by_hand}
