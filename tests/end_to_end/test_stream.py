"""A stream and batch make the same tables: rows while an hour is open, the hour anew from the landed objects once it is closed."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import dagster as dg
import pytest

from platform_assets.cli.run import run_pipeline
from platform_assets.clients.engine import lake_of
from platform_assets.core.staleness import stale_parsed_hours
from platform_assets.core.streams import STREAM_PROGRESS, open_from, progress
from platform_assets.domains.waf.apply.targets import waf_targets
from platform_assets.domains.waf.explain.lookup import explain
from platform_assets.domains.waf.policy import load_policy
from platform_assets.domains.waf.tables import EARLY_DECISIONS
from platform_assets.domains.waf.unexpired import unexpired
from platform_assets.ingest.streams.assets import stream_assets
from platform_assets.ingest.streams.process import StreamProcess, streamed_source
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_FORMAT
from spark_jobs.sources.cloudfront.layouts import REAL_TIME_FIELDS
from spark_jobs.sources.cloudfront.tables import OBJECTS, REJECTED_LINES, REQUEST_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake
from spark_jobs.streaming.land import BatchBounds
from tests.end_to_end.conftest import Day
from tests.kinesis_twin import KinesisTwin

pytestmark = pytest.mark.slow
OF_REAL_TIME = {"cs-host": "x-host-header", "x-host-header": "cs(Host)", "cs-user-agent": "cs(User-Agent)",
    "cs-referer": "cs(Referer)", "cs-cookie": "cs(Cookie)"}  # fmt: skip
"""Real-time field -> the standard one of the same meaning."""
LIKE_BATCH = [name for name in REQUESTS.column_names if name not in ("source_object", "line_number", "unlogged")]
BOUNDS = BatchBounds(records=400, seconds=0.3)


def records_of(day: Day, *hours: int) -> list[bytes]:
    """The lines of standard logs as real-time records with all fields."""
    records = []
    for path in day.punctual(*hours):
        fields: list[str] = []
        for text in gzip.decompress(path.read_bytes()).decode("utf-8", "surrogateescape").splitlines():
            if text.startswith("#"):
                fields = text.partition(":")[2].split() if text.startswith("#Fields") else fields
                continue
            row = dict(zip(fields, text.split("\t"), strict=False))
            if len(row) != len(fields):
                continue
            at = datetime.fromisoformat(f"{row['date']}T{row['time']}+00:00")
            query = row["cs-uri-query"]
            row |= {"timestamp": f"{at.timestamp():.0f}.5",
                "cs-uri-stem": row["cs-uri-stem"] + (f"?{query}" if query != "-" else "")}  # fmt: skip
            values = [row.get(OF_REAL_TIME.get(name, name), "-") for name in REAL_TIME_FIELDS]
            records.append("\t".join(values).encode("utf-8", "surrogateescape") + b"\n")
    return records


@pytest.fixture
def twin(simulated: Day) -> Iterator[KinesisTwin]:
    with KinesisTwin("edge", shards=2, reads_a_second=1e9) as twin:
        for record in records_of(simulated, 0, 1):
            twin.put(record)
        twin.put(b"poison")
        yield twin


@pytest.fixture
def home(home_of: Callable[..., Settings], in_order: Settings) -> Settings:
    settings = home_of("streamed", cloudfront_raw="", cloudfront_stream="edge")
    shutil.copy(in_order.home / "hash.key", settings.home)
    return settings


def process(home: Settings, twin: KinesisTwin, simulated: Day) -> StreamProcess:
    """A process whose clock stands three minutes after the second hour has begun: the first one is still open."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    client = boto3.client("kinesis", endpoint_url=twin.url, **keys)
    now = datetime.strptime(simulated.hours[1], HOUR_FORMAT).replace(tzinfo=UTC) + timedelta(minutes=3)
    return StreamProcess(home, streamed_source("cloudfront"), client, BOUNDS, now=lambda: now)


def until_idle(stream: StreamProcess) -> Callable[[], bool]:
    """Stops once three rounds have brought nothing."""
    seen = {"objects": -1, "idle": 0}

    def is_stopping() -> bool:
        assert not any(item.landed.content for item in stream.unregistered), "bytes are kept for an hour"
        is_idle = stream.lander.next_number == seen["objects"]
        seen["idle"] = seen["idle"] + 1 if is_idle else 0
        seen["objects"] = stream.lander.next_number
        return seen["idle"] > 3

    return is_stopping


def rows(lake: Lake, table: Any, hours: list[str], columns: list[str]) -> list[tuple[Any, ...]]:
    found = lake.read_arrow(table, hours, columns=columns).to_pylist()
    return sorted((tuple(row[name] for name in columns) for row in found), key=repr)


def check_equal(one: Settings, other: Settings, hours: list[str]) -> None:
    for table, columns in ((REQUESTS, LIKE_BATCH), (REQUEST_SCORES, list(REQUEST_SCORES.column_names))):
        expected = rows(lake_of(other), table, hours, columns)
        assert expected and rows(lake_of(one), table, hours, columns) == expected


def test_open_hours_hold_what_batch_makes(
    home: Settings, in_order: Settings, twin: KinesisTwin, simulated: Day
) -> None:
    stream = process(home, twin, simulated)
    figures = stream.run(until_idle(stream))
    hours = simulated.hours[:2]
    check_equal(home, in_order, hours)
    assert figures.rejected == 1 and figures.late == 0
    assert lake_of(home).read_arrow(REJECTED_LINES)["raw_line"].to_pylist() == ["poison"]
    row = progress(lake_of(home))["cloudfront"]
    assert row["record_count"] == figures.records and not row["is_running"]
    with (home.home / "metrics.jsonl").open() as file:
        assert '"stream_behind_seconds"' in file.read()
    (observed,) = stream_assets(home)
    result = dg.Definitions([observed]).resolve_implicit_global_asset_job_def().execute_in_process()
    (event,) = [event for event in result.all_events if event.event_type == dg.DagsterEventType.ASSET_OBSERVATION]
    assert event.asset_observation_data.asset_observation.metadata["starts"].value == 1
    # It was stopped: batch makes the hours anew from the landed objects.
    assert set(hours) <= set(stale_parsed_hours(lake_of(home), "cloudfront"))
    run_pipeline(home, "edge")
    check_equal(home, in_order, hours)
    assert not set(hours) & set(stale_parsed_hours(lake_of(home), "cloudfront"))


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.mark.parametrize("place", [0, 1, 2, 7])
def test_a_killed_process_doubles_and_loses_nothing(
    home: Settings, in_order: Settings, twin: KinesisTwin, simulated: Day, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, calls = Lake.append_once, iter(range(1000))

    def killed(self: Lake, *arguments: Any) -> int:
        number = next(calls)
        if number == place and place % 2:
            raise Killed
        count = append(self, *arguments)
        if number == place:
            raise Killed
        return count

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "append_once", killed)
        stream = process(home, twin, simulated)
        with pytest.raises(Killed):
            stream.run(until_idle(stream))
    again = process(home, twin, simulated)
    again.run(until_idle(again))
    check_equal(home, in_order, simulated.hours[:2])
    assert again.start_count == 2
    objects = lake_of(home).read_arrow(OBJECTS)["source_object"].to_pylist()
    assert len(objects) == len(set(objects)) == again.lander.next_number - 1


def test_batch_leaves_the_hours_of_a_running_stream(home: Settings, twin: KinesisTwin, simulated: Day) -> None:
    stream = process(home, twin, simulated)
    stream.run(until_idle(stream))
    lake, now = lake_of(home), datetime.now(UTC)
    row = progress(lake)["cloudfront"] | {"is_running": True, "recorded_at": now, "open_from": simulated.hours[1]}
    lake.overwrite_rows(STREAM_PROGRESS, [row])
    assert open_from(lake, "cloudfront") == simulated.hours[1]
    assert stale_parsed_hours(lake, "cloudfront") == [simulated.hours[0]]
    lake.overwrite_rows(STREAM_PROGRESS, [row | {"recorded_at": now - timedelta(minutes=11)}])
    assert stale_parsed_hours(lake, "cloudfront") == simulated.hours[:2]


ATTACK = {"c-ip": "203.0.114.9", "sc-status": "403", "cs-method": "GET", "cs-host": "www.example.com",
    "cs-uri-stem": "/a", "x-host-header": "d1.cloudfront.net", "cs-user-agent": "sqlmap/1.8"}  # fmt: skip


def attack(number: int, at: datetime) -> bytes:
    query = f"id={number}'%20UNION%20SELECT%20card,cvv%20FROM%20payments--"
    values = {**ATTACK, "timestamp": f"{at.timestamp():.0f}", "cs-uri-query": query, "cs-uri-stem": f"/a?{query}",
        "x-edge-request-id": f"attack-{number:08d}"}  # fmt: skip
    return "\t".join(values.get(name, "-") for name in REAL_TIME_FIELDS).encode() + b"\n"


def test_attacks_are_decided_within_the_stream_and_explained(home: Settings) -> None:
    settings = home.model_copy(update={"waf_apply": True})
    now = datetime.now(UTC)
    with KinesisTwin("edge", reads_a_second=1e9) as twin:
        for number in range(12):
            twin.put(attack(number, now - timedelta(seconds=20 - number)))
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        client = boto3.client("kinesis", endpoint_url=twin.url, **keys)
        stream = StreamProcess(settings, streamed_source("cloudfront"), client, BOUNDS)
        stream.run(until_idle(stream))
        decided = lake_of(settings).read_arrow(EARLY_DECISIONS).to_pylist()
        assert {(row["address"], row["action"]) for row in decided} == {
            ("203.0.114.9/32", "challenge"), ("203.0.114.9/32", "block")
        }  # fmt: skip
        # Another process finds the windows as this one left them, and decides nothing twice.
        again = StreamProcess(settings, streamed_source("cloudfront"), client, BOUNDS)
        again.run(until_idle(again))
        assert len(lake_of(settings).read_arrow(EARLY_DECISIONS)) == 2
    lake, blocked = lake_of(settings), waf_targets(settings)[0].read_sets()["weir-block-v4"]
    assert "203.0.114.9/32" in blocked.addresses
    explanation = explain(settings, "203.0.114.9")
    assert explanation.summary.startswith("block is decided for 203.0.114.9 from ")
    assert explanation.decisions[0].is_early and len(explanation.requests) == 10
    assert all("UNION SELECT" in line.target for line in explanation.requests)
    policy = load_policy(settings.waf.policy_file)
    assert {row["action"] for row in unexpired(lake, now, policy)} == {"challenge", "block"}
    # The hour is decided by batch, which sees the whole client: from then on that counts.
    run_pipeline(home, "edge")
    ids = set(lake.read_arrow(EARLY_DECISIONS)["decision_id"].to_pylist())
    assert not ids & {row["decision_id"] for row in unexpired(lake, now, policy)}
    assert not explain(settings, "203.0.114.9").decisions[-1].is_in_force
