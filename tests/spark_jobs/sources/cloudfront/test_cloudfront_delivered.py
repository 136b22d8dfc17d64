"""Objects as Firehose delivers them: joined gzip members, no names to go by, JSON and Parquet, doubled and failed records."""

from __future__ import annotations

import base64
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cloudfront_lines import gzipped, line, log, parse
from cloudfront_world import World
from test_cloudfront_real_time import CHOSEN, EXPECTED, VALUES, held, record

from spark_jobs.sources.cloudfront.layouts import REAL_TIME_FIELDS, headerless_fields, name_hour
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, OBJECTS, REQUESTS

LAYOUT = " ".join(CHOSEN)
OPTIONS = ParseOptions(headerless_fields=headerless_fields(LAYOUT))
DELIVERED = "edge-logs-1-2026-11-20-13-05-22-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"


def failed(data: bytes) -> bytes:
    """A record as Firehose keeps it below its error prefix."""
    return json.dumps({"attemptsMade": 1, "arrivalTimestamp": 1795179908000, "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": "ProcessingFailed status set for record", "attemptEndingTimestamp": 1795179968000,
        "rawData": base64.b64encode(data).decode(), "lambdaArn": "arn:aws:lambda:us-east-1:1:function:f"}).encode()  # fmt: skip


def envelope(*messages: str) -> bytes:
    events = [{"id": str(i), "timestamp": 1795179907250, "message": text} for i, text in enumerate(messages)]
    return json.dumps({"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "s", "logEvents": events}).encode()


@pytest.mark.parametrize("name", [
    DELIVERED, f"2026/11/20/13/{DELIVERED}", f"year=2026/month=11/day=20/hour=13/{DELIVERED}.gz",
    f"host=www.example.com/{DELIVERED}", f"processing-failed/2026/11/20/13/{DELIVERED}",
])  # fmt: skip
def test_a_name_tells_arrival_not_the_hour(name: str) -> None:
    assert name_hour(f"s3://logs/{name}") is None


def test_joined_members_are_one_object() -> None:
    members = [gzipped(record(CHOSEN, **{"x-edge-request-id": f"id-{i}"})) for i in range(3)]
    outcome = parse(b"".join(members), OPTIONS)
    assert [row["request_id"] for row in outcome.rows] == ["id-0", "id-1", "id-2"]
    assert outcome.line_numbers == [1, 2, 3] and not outcome.rejected


def test_a_line_may_cross_members() -> None:
    data = record(CHOSEN) * 2
    assert parse(gzipped(data[:100]) + gzipped(data[100:]), OPTIONS).requests.num_rows == 2


def test_json_records_without_newlines_are_parted() -> None:
    texts = [json.dumps({**VALUES, "x-edge-request-id": f"id-{i}"}) for i in range(3)]
    outcome = parse("".join(texts).encode())
    assert [row["request_id"] for row in outcome.rows] == ["id-0", "id-1", "id-2"] and not outcome.rejected
    assert {row["host"] for row in outcome.rows} == {EXPECTED["host"]}


@pytest.mark.parametrize("timestamp", [1795179907.25, "1795179907.250", 1795179907, "2026-11-20T13:05:07.250Z"])
def test_a_converted_time_has_any_type(timestamp: object) -> None:
    row = parse(json.dumps({**VALUES, "timestamp": timestamp, "sc-status": 200, "time-taken": 0.012}).encode()).row
    assert str(row["event_at"])[:19] == "2026-11-20 13:05:07" and held(row) == EXPECTED


def test_names_with_underscores_are_of_real_time_logs() -> None:
    row = {name.replace("-", "_"): VALUES.get(name, "-") for name in REAL_TIME_FIELDS}
    assert held(parse(json.dumps(row).encode()).row) == EXPECTED
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row]), stream)
    assert held(parse(stream.getvalue()).row) == EXPECTED


def test_joined_envelopes_of_log_events_are_read() -> None:
    texts = [record(CHOSEN, **{"x-edge-request-id": f"id-{i}"}).decode() for i in range(4)]
    joined = gzipped(envelope(*texts[:2])) + gzipped(envelope(*texts[2:]))
    assert [row["request_id"] for row in parse(joined, OPTIONS).rows] == ["id-0", "id-1", "id-2", "id-3"]


def test_half_a_character_spoils_its_message_alone() -> None:
    outcome = parse(envelope(json.dumps(VALUES), "\ud83d"), OPTIONS)
    assert held(outcome.row) == EXPECTED and [reason for _, reason in outcome.reasons] == ["bad_json"]


def test_failed_records_are_read_from_the_error_prefix() -> None:
    kept = [record(CHOSEN), json.dumps({**VALUES, "x-edge-request-id": "id-2=="}).encode()]
    packed = gzip.compress(envelope(record(CHOSEN, **{"x-edge-request-id": "id-3=="}).decode()))
    outcome = parse(b"\n".join(map(failed, [*kept, packed, b"poison\n"])), OPTIONS)
    assert [row["request_id"] for row in outcome.rows] == ["id-1==", "id-2==", "id-3=="]
    ((_, reason),) = outcome.reasons
    assert reason == "bad_json" and outcome.rejected[0].raw_line == "poison"


@pytest.mark.parametrize("raw", ["no base64!", None, base64.b64encode(b"\x1f\x8bodd").decode()])
def test_a_failed_record_that_is_damaged_is_rejected(raw: str | None) -> None:
    broken = {**json.loads(failed(b"")), "rawData": raw}
    assert [reason for _, reason in parse(json.dumps(broken).encode(), OPTIONS).reasons] == ["bad_json"]


@pytest.mark.slow
def test_doubled_records_are_in_the_tables_once(world: World) -> None:
    """Whatever delivered them twice: a retried object, a retried record, both logs of one site."""
    world.parameters = {"headerless_layout": LAYOUT}
    records = [record(CHOSEN, **{"x-edge-request-id": f"id-{i}"}) for i in range(6)]
    first = world.put(f"2026/11/20/13/{DELIVERED}", gzipped(b"".join(records[:4])) + gzipped(records[3]))
    world.put(f"year=2026/month=11/day=20/hour=14/{DELIVERED}1.gz", gzipped(b"".join(records[3:])))
    world.put(f"2026/11/20/14/{DELIVERED}2", gzipped(b"".join(records[:4])) + gzipped(records[3]))
    standard = world.put("E1.2026-11-20-13.0f.gz", gzipped(log(line(x_edge_request_id="id-0"))))
    world.settle()
    assert world.request_ids() == [f"id-{i}" for i in range(6)]
    assert world.lake.hours(REQUESTS) == ["2026-11-20-13"]
    by_id = {row["request_id"]: row["source_object"] for row in world.rows(REQUESTS)}
    assert by_id["id-0"] == standard and by_id["id-1"] == first
    copies = world.lake.read_arrow(OBJECTS)["duplicate_of"].to_pylist()
    assert [copy for copy in copies if copy] == [first]
    counts = world.rows(OBJECT_COUNTS)
    assert sum(row["parsed_count"] for row in counts) == 6
    assert {
        row["lines_present"] - row["parsed_count"] - row["rejected_count"] - row["other_hours_count"] for row in counts
    } == {0}
    assert world.settle() == 0
