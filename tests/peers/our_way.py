"""What Weir does, in the shape of peers.py: the real parser, ledger, decisions, plan, checks and target. No test here."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from platform_assets.actions.errors import PlanStoppedError
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.waf import planning
from platform_assets.domains.waf.apply.applied import AppliedStore
from platform_assets.domains.waf.decisions import Decision
from platform_assets.domains.waf.explain.lookup import explain
from platform_assets.domains.waf.manual.actions import ManualActions
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.settings import Settings, load_settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.incremental import ledger
from spark_jobs.sources.cloudfront.layouts import name_hour
from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions
from spark_jobs.sources.cloudfront.parse import ObjectParser
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, OBJECTS, REQUEST_MODEL_INPUTS
from spark_jobs.storage.schema import arrow_schema
from tests.domains.waf.decision_world import START, World
from tests.domains.waf.waf_world import Clock, plan_and_apply, target_on
from tests.peers.peer_logs import ATTACK_PATH, Block, LogFile

HOUR = timedelta(hours=1)


class OurReader:
    """Log files -> decisions in a lake, by the ledger: what is new makes its hours stale, and these are made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, files: Sequence[LogFile]) -> list[Block]:
        """The blocks after every file has come."""
        return [
            Block(row["address"].removesuffix("/32"), _hours(row["decided_at"] - START), _hours(row["expires_at"] - row["decided_at"]))
            for row in self.decisions(files)
            if row["action"] == "block"
        ]  # fmt: skip

    def decisions(self, files: Sequence[LogFile]) -> list[dict[str, Any]]:
        world, known = World(self.folder), arrow_schema(OBJECTS).empty_table()
        by_name = {file.name: file for file in files}
        made: dict[tuple[str, str], str] = {}
        for arrival in sorted({file.arrives for file in files}):
            listed = [_listed(file) for file in files if file.arrives <= arrival]
            known = ledger.with_listed(known, listed, START + arrival * HOUR, name_hour)
            done = _counts([(name, etag, hour) for (name, hour), etag in made.items()])
            stale = ledger.stale_hours(known, ledger.made_from(done))
            objects = ledger.objects_of(known, stale)
            names = {one.source_object for one in objects}
            world.requests = [row for row in world.requests if row["source_object"] not in names]
            for name in sorted(names):
                world.requests += parsed_rows(by_name[name])
            made |= {(one.source_object, hour): one.etag for one in objects for hour in one.event_hours}
            world.attacks = {row["request_id"] for row in world.requests if row["uri_path"] == ATTACK_PATH}
            world.deliver()
            hours = [_hours(datetime.fromisoformat(f"{one[:10]}T{one[11:]}:00:00+00:00") - START) for one in stale]
            world.decide(min(hours), max(hours))
        return world.decisions()

    def why(self, address: str) -> dict[str, Any]:
        """What `weir explain` says of an address in the hour after the last decision."""
        settings = load_settings(self.folder, lake=str(self.folder))
        latest = max(row["decided_at"] for row in World(self.folder).decisions())
        found = explain(settings, address, latest + timedelta(minutes=30))
        (one, *_) = found.decisions
        return {
            "is_blocked": one.is_in_force and one.decision.action == "block",
            "reason": one.decision.reason,
            "model": (one.decision.model_name, one.decision.model_version),
            "score": found.score and found.score.abuse_probability,
            "features": {feature.name for feature in found.features},
            "lines": {(one.source_object, one.line_number) for one in found.requests},
        }


def parsed_rows(file: LogFile) -> list[dict[str, Any]]:
    parts = ObjectParser(LogObject(file.name, file.name, len(file.data)), io.BytesIO(file.data), ParseOptions())
    return [row for part in parts if part.requests is not None for row in part.requests.to_pylist()]


def fields_of_the_models(file: LogFile) -> set[str]:
    """What request_attack gets to see of a file."""
    return {row[name] for row in parsed_rows(file) for name in REQUEST_MODEL_INPUTS if row[name] is not None}


def _listed(file: LogFile) -> dict[str, Any]:
    modified_at = START + file.arrives * HOUR
    return {"source_object": file.name, "etag": file.name, "size_bytes": len(file.data), "modified_at": modified_at}


def _counts(made: Sequence[tuple[str, str, str]]) -> pa.Table:
    """object_counts of (object, etag, hour)."""
    zeros = {column.name: 0 for column in OBJECT_COUNTS.columns if column.type == "int64"}
    rows = [{**zeros, "source_object": name, "etag": etag, HOUR_COLUMN: hour} for name, etag, hour in made]
    return pa.Table.from_pylist(rows, schema=arrow_schema(OBJECT_COUNTS, with_hour=True))


def _hours(duration: timedelta) -> int:
    return int(duration / HOUR)


class OurWriter:
    """Decisions -> plan -> checks -> IP sets, as a run does. A plan that a check stops leaves WAF as it is."""

    def __init__(self, client: Any, folder: Path, clock: Clock) -> None:
        self.client, self.folder, self.clock = client, folder, clock
        self.settings: Settings = load_settings(folder / "home")
        self.settings.home.mkdir(parents=True, exist_ok=True)
        self.now = START
        self.overrides: dict[str, str] = {}

    def start(self) -> None:
        self.target = target_on(self.client, self.clock, store=AppliedStore(self.folder / "applied.json"))
        self.target.read_sets()

    def run(self, decisions: Sequence[Decision], now: datetime) -> None:
        lake = lake_of(self.settings)
        rows = [{**one.row(), HOUR_COLUMN: format_hour(one.decided_at - HOUR)} for one in decisions]
        data = pa.Table.from_pylist(rows, schema=arrow_schema(WAF_DECISIONS, with_hour=True))
        lake.overwrite_arrow(data, WAF_DECISIONS, sorted({*lake.hours(WAF_DECISIONS), *data[HOUR_COLUMN].to_pylist()}))
        self.now = now
        self._apply()

    def stop(self) -> None:
        del self.target

    def undo(self, model_version: str) -> None:
        ManualActions(self.settings, clock=lambda: self.now).withdraw("client_abuse", model_version, "a bad model")
        self._apply()

    def _apply(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(planning, "datetime", _frozen(self.now))
            patch.setattr(ModelRegistry, "passed_gate", lambda *_: True)
            try:
                plan_and_apply(self.settings, lake_of(self.settings), [self.target], self.overrides)
            except PlanStoppedError:
                return None


def _frozen(now: datetime) -> type[datetime]:
    class Frozen(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return now

    return Frozen


Writer = Callable[[Any, Path, Clock], Any]
