"""One day of logs, delivered in many ways, ends in one decision table, byte for byte; and once it is made nothing moves.

Ledger, staleness, Spark jobs on the embedded engine, decisions and export are those of a run; what orchestrates them costs
ten times as much and is looked at once: the pipeline `edge` finds nothing stale in what `made` has made. The models are stand-ins
that need no training: this is about what is made of which lines, not about how well it is judged.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from platform_assets.cli.run import run_pipeline
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry, ModelVersion
from platform_assets.core.staleness import record_made, record_parsed, stale_by_asset, stale_parsed_hours
from platform_assets.domains.waf.decide.claims import identifier_of
from platform_assets.domains.waf.decide.hours import decide_hours
from platform_assets.domains.waf.decide.rescoring import loader_of
from platform_assets.domains.waf.policy import load_policy
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.domains.waf.twin.client import WafTwin
from platform_assets.ingest.raw import update_ledger
from platform_assets.ingest.sensors import hour_ranges
from platform_assets.ingest.source_assets import run_job
from platform_assets.outputs.table_files import export_table
from platform_assets.settings import Settings, load_settings
from spark_jobs import registry
from spark_jobs.contract import PARSED_LAYER, Interval
from spark_jobs.incremental import lineage
from spark_jobs.runtime import session
from tests.domains.waf.decision_world import EagerModel
from tests.spark_jobs.cloudfront_lines import gzipped, line, log

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("environment", "stand_ins")]
POLICY = """\
rules:
  history: {min_hours: 0}
  # Nothing that is decided about yesterday may expire while a test runs.
  challenge: {ttl_hours: 96}
  block: {ttl_hours: 96}
"""
DAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
HOURS = (0, 1, 2, 7, 13, 22, 23)
SCANNER, PROBER, NETWORK, SHOPPER = "45.83.1.2", "45.84.2.3", "45.85.3", "45.86.4.5"
FORMATS = ("parquet", "csv", "jsonl")
Files = dict[str, bytes]


class RequestModel:
    """A path that asks for a dot file is an attack."""

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        is_attack = frame["uri_path"].str.startswith("/.", na=False)
        return pd.DataFrame(
            {
                "attack_probability": is_attack.map({True: 0.99, False: 0.001}),
                "is_attack": is_attack,
                "attack_class": is_attack.map({True: "scanner_probe", False: None}),
                "reason": is_attack.map({True: "a dot file", False: None}),
            }
        )


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    from weir_models import saved_model

    models = {"request_attack": RequestModel(), "client_abuse": EagerModel()}
    monkeypatch.setattr(saved_model, "load_dir", lambda folder: models[Path(folder).name])
    monkeypatch.setattr(ModelRegistry, "champion", lambda self, name: "1")
    monkeypatch.setattr(ModelRegistry, "passed_gate", lambda *_: True)
    monkeypatch.setattr(
        ModelRegistry, "fetched", lambda self, name, version=None: ModelVersion(name, "1", self.cache / name)
    )
    monkeypatch.setattr(ModelRegistry, "loaded", lambda self, name, version: models[name])


def a_day() -> list[tuple[int, list[str]]]:
    """Hour and lines of each file: attackers spread over files and hours, one that goes on under its block, shoppers."""
    draw, files, count = random.Random(5), [], 0

    def lines(hour: int, client: str, number: int, path: str, status: str) -> list[str]:
        nonlocal count
        made = []
        for _ in range(number):
            count += 1
            at = f"{hour:02}:{draw.randrange(60):02}:{draw.randrange(60):02}"
            made.append(
                line(
                    date=DAY, time=at, c_ip=client, cs_uri_stem=path, sc_status=status, x_edge_request_id=f"id-{count}"
                )
            )
        return made

    for hour in HOURS:
        rows = lines(hour, SHOPPER, 9, "/shop/1", "200")
        rows += lines(hour, PROBER, 3, "/.env", "404")
        rows += lines(hour, SCANNER, 12, "/.git/config", "403" if hour else "404") if hour < 13 else []
        rows += lines(hour, SCANNER, 7, "/.git/config", "404") if hour == 23 else []
        for last in range(4, 8):
            rows += lines(hour, f"{NETWORK}.{last}", 14, f"/gone/{last}", "404") if hour in (2, 7, 13) else []
        draw.shuffle(rows)
        cut = len(rows) // 3
        files += [(hour, rows[:cut]), (hour, rows[cut : 2 * cut]), (hour, rows[2 * cut :])]
    return files


def in_order() -> list[Files]:
    return [{name(hour, f"{number:02}"): gzipped(log(*rows)) for number, (hour, rows) in enumerate(a_day())}]


def at_random(seed: int, batch_count: int) -> list[Files]:
    """The same day in batches: any file in any of them, some again, under another name or compressed anew."""
    draw = random.Random(seed)
    batches: list[Files] = [{} for _ in range(batch_count)]
    for number, (hour, rows) in enumerate(a_day()):
        shuffled = draw.sample(rows, len(rows))
        file = f"{draw.randrange(16**4):04x}{number:02}"
        first = draw.randrange(batch_count)
        batches[first][name(hour, file)] = gzipped(log(*shuffled))
        if draw.random() < 0.4:
            again, level = draw.randrange(first, batch_count), draw.choice((1, 6))
            batches[again][name(hour, file + draw.choice(("", "copy")))] = gzipped(log(*shuffled), level)
    return batches


def name(hour: int, unique: str) -> str:
    return f"E2EXAMPLE.{DAY}-{hour:02}.{unique}.gz"


@pytest.fixture
def home_of(tmp_path: Path) -> Callable[[str], Settings]:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")

    def make(called: str) -> Settings:
        (tmp_path / called / "raw").mkdir(parents=True)
        return load_settings(
            tmp_path / called, cloudfront_raw=str(tmp_path / called / "raw"), policy_file=str(policy), waf_apply=True
        )

    return make


def made(settings: Settings) -> None:
    """Everything that the raw folder asks for up to decisions, as run.py does it, without its orchestration."""
    update_ledger(settings, "cloudfront")
    lake, source = lake_of(settings), registry.sources()["cloudfront"]
    for _ in range(5):
        stale = stale_parsed_hours(lake, "cloudfront")
        for job in source.jobs:
            table = job.tables[0]
            hours = stale if table.layer == PARSED_LAYER else stale_by_asset(lake, [table.key])[table.key]
            for first, last in hour_ranges(hours):
                interval = Interval.spanning(first, last)
                run_job(settings, source, job, lake, interval)
                if table.layer == PARSED_LAYER:
                    record_parsed(lake, interval.hours, "cloudfront")
                else:
                    record_made(lake, [one.key for one in job.tables], interval.hours)
        undecided = stale_by_asset(lake, [WAF_DECISIONS.key])[WAF_DECISIONS.key]
        for first, last in hour_ranges(undecided):
            decided, _ = decide_hours(
                lake,
                Interval.spanning(first, last),
                load_policy(settings.waf.policy_file),
                (),
                loaded=loader_of(settings),
                identifier=identifier_of(settings, lake),
            )
            record_made(lake, [WAF_DECISIONS.key], decided)
        if not stale and not undecided:
            return
    raise AssertionError("hours stay stale for ever")


def delivered(settings: Settings, batches: list[Files]) -> dict[str, bytes]:
    """The exported decisions after each batch was delivered and everything was made, in every format."""
    for batch in batches:
        for file, data in batch.items():
            (Path(settings.cloudfront.raw) / file).write_bytes(data)
        made(settings)
    return exported(settings)


def exported(settings: Settings) -> dict[str, bytes]:
    found = {}
    for suffix in FORMATS:
        file = settings.home / f"decisions.{suffix}"
        assert export_table(settings, "waf_decisions", file).rows
        found[suffix] = file.read_bytes()
    return found


@pytest.fixture
def waf_calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the calls to the twin."""
    called: list[str] = []
    answer = WafTwin._call

    def noted(self: WafTwin, operation: str, *rest: Any, **more: Any) -> Any:
        called.append(operation)
        return answer(self, operation, *rest, **more)

    monkeypatch.setattr(WafTwin, "_call", noted)
    yield called


def test_any_delivery_of_a_day_ends_in_the_same_bytes(home_of: Callable[[str], Settings]) -> None:
    expected = delivered(home_of("in-order"), in_order())
    text = expected["csv"].decode()
    assert all(client in text for client in (SCANNER, PROBER, NETWORK)) and SHOPPER not in text
    for seed, batch_count in ((1, 3), (2, 2), (3, 2)):
        batches = at_random(seed, batch_count)
        assert all(batches), "each batch brings something"
        found = delivered(home_of(f"delivery-{seed}"), batches)
        assert [suffix for suffix in FORMATS if found[suffix] != expected[suffix]] == [], f"delivery {seed}"


def test_a_second_run_with_nothing_new_starts_no_engine_and_changes_nothing(
    home_of: Callable[[str], Settings], waf_calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = home_of("twice")
    before = delivered(settings, in_order())
    first = run_pipeline(settings, "edge")
    assert (first.hours, first.metadata["waf/ip_sets"]["applied"]) == ([], True)
    assert {"CreateIPSet"} <= set(waf_calls), "there is something that could be done again"
    known = lineage.recorded(lake_of(settings))

    def no_engine(engine: str = "") -> Any:
        raise AssertionError("a run with nothing new asks for an engine")

    monkeypatch.setattr(session, "spark_session", no_engine)
    monkeypatch.setattr(session, "_sail", no_engine)
    waf_calls.clear()
    second = run_pipeline(settings, "edge")
    assert (second.hours, len(second.looked_back)) == ([], 0)
    assert second.metadata["waf/ip_sets"]["applied"] is True
    assert waf_calls and [one for one in waf_calls if not one.startswith(("Get", "List"))] == []
    assert lineage.recorded(lake_of(settings)) == known
    assert exported(settings) == before
