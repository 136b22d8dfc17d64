"""The domains that use the protocol, each as a small world in which its laws can be tested. No test here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pytest

from platform_assets.actions.protocol import Change
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.scaling import forecasting
from platform_assets.domains.scaling.planning import ScalingChange
from platform_assets.domains.scaling.targets import FileTarget
from platform_assets.domains.waf.apply.applied import AppliedStore
from platform_assets.domains.waf.planning import WafChange
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.domains.waf.twin.client import WafTwin
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.storage.schema import arrow_schema
from tests.actions.shelf import ShelfChange, World
from tests.domains.scaling.test_scaling_apply import row
from tests.domains.waf.test_waf_apply import Around
from tests.domains.waf.waf_world import Clock, decision, live_addresses, target_on, v4


class KilledError(BaseException):
    """The process is gone."""


class User(Protocol):
    """One domain's world. `desire` says what is to be there, in a number; up to 4 passes the checks."""

    step: Callable[[], None]
    check: str
    """A check that fails where more than 4 is desired."""

    def change(self) -> Change[Any, Any]: ...

    def desire(self, number: int) -> None: ...

    def live(self) -> Any: ...

    def intended(self) -> Any:
        """What is remembered, whether or not it has arrived."""


class ShelfUser:
    check = "numbers_are_small"

    def __init__(self, settings: Settings) -> None:
        self.settings, self.world = settings, World(step=lambda: self.step())
        self.step: Callable[[], None] = lambda: None

    def change(self) -> ShelfChange:
        return ShelfChange(self.settings, lake_of(self.settings), self.world)

    def desire(self, number: int) -> None:
        self.world.desired = {"a": number * 2, "b": number * 2 + 1} if number <= 4 else {"a": 11, "b": 12}

    def live(self) -> Any:
        return dict(self.world.live)

    def intended(self) -> Any:
        state = self.change().store.load()
        return {**state.owned, **state.pending}


UNPROVEN = "8"
"""A version of a model that has not passed its gate."""


class WafUser:
    check = "models_passed_their_gate"

    def __init__(self, settings: Settings, folder: Path, clock: Clock) -> None:
        self.settings = settings.model_copy(update={"waf_apply": True})
        self.clock, self.store = clock, AppliedStore(folder / "applied.json")
        self.client = WafTwin(folder / "twin", clock=clock, writes_per_second=float("inf"))
        self.step: Callable[[], None] = lambda: None

    def change(self) -> WafChange:
        def step(name: str) -> None:
            if name.startswith(("create", "update")):
                self.step()

        around = Around(self.client, before=step, after=step)
        return WafChange(self.settings, lake_of(self.settings), [target_on(around, self.clock, store=self.store)])

    def desire(self, number: int) -> None:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        hour = format_hour(now - timedelta(hours=1))
        values: dict[str, Any] = {"decided_at": now, "model_version": "7" if number <= 4 else UNPROVEN}
        rows = [{**decision(v4(n), **values).row(), HOUR_COLUMN: hour} for n in range(number)]
        rows += [
            {**decision(f"2a00:{n:x}::/64", decided_at=now, client_kind="network").row(), HOUR_COLUMN: hour}
            for n in range(1, number)
            if number <= 2
        ]
        data = pa.Table.from_pylist(rows, schema=arrow_schema(WAF_DECISIONS, with_hour=True))
        lake_of(self.settings).overwrite_arrow(data, WAF_DECISIONS, [hour])

    def live(self) -> Any:
        return live_addresses(target_on(self.client, self.clock, store=self.store))

    def intended(self) -> Any:
        return self.store.load().sets


class ScalingUser:
    check = "changes_are_bounded"

    def __init__(self, settings: Settings, folder: Path, patch: pytest.MonkeyPatch) -> None:
        config = folder / "targets.yaml"
        config.write_text(
            f"clusters: {{'*': {{target: 'file: {folder}/sizes.json', maximum_nodes: 99, maximum_step_up: 99, maximum_step_down: 99, cooldown_up_seconds: 0, cooldown_down_seconds: 0}}}}\n"
            "checks: {max_total_change: 8}\n"
        )
        self.settings = settings.model_copy(update={"scaling_file": str(config), "scaling_apply": True})
        self.path = folder / "sizes.json"
        self.step: Callable[[], None] = lambda: None
        for name in ("ads", "shop"):
            FileTarget(self.path, name).write(4, "the size at the beginning")
        write = FileTarget.write

        def stepping(target: FileTarget, nodes: int, reason: str) -> None:
            self.step()
            write(target, nodes, reason)
            self.step()

        patch.setattr(FileTarget, "write", stepping)

    def change(self) -> ScalingChange:
        return ScalingChange(self.settings, lake_of(self.settings))

    def desire(self, number: int) -> None:
        rows = [row(name, 4 + number) for name in ("ads", "shop")]
        forecasting.write(lake_of(self.settings), rows, 28)

    def live(self) -> Any:
        return {name: FileTarget(self.path, name).read().nodes for name in ("ads", "shop")}

    def intended(self) -> Any:
        path = self.settings.home / "scaling" / "applied.json"
        return path.read_text(encoding="utf-8") if path.exists() else ""


def user_of(kind: str, settings: Settings, folder: Path, clock: Clock, patch: pytest.MonkeyPatch) -> User:
    patch.setattr(ModelRegistry, "passed_gate", lambda registry, name, version: version != UNPROVEN)
    folder.mkdir(parents=True, exist_ok=True)
    home = settings.model_copy(update={"home": folder / "home"})
    home.home.mkdir()
    if kind == "waf":
        return WafUser(home, folder, clock)
    return ScalingUser(home, folder, patch) if kind == "scaling" else ShelfUser(home)
