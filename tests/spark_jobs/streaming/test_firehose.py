"""The record transformation of Firehose, called as Lambda calls it: a name of module and function, JSON in, JSON out."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.errors import WeirError
from spark_jobs.runtime.package import write_zip
from spark_jobs.sources.cloudfront.layouts import LayoutError
from spark_jobs.streaming.firehose import ANSWER_BYTES, Transformed, answers

HANDLER = "spark_jobs.streaming.firehose.handler"
FIELDS = "cs-user-agent, timestamp, c-ip, sc-status, cs-method, cs-host, cs-uri-stem"
KEYS = {"year": "2026", "month": "11", "day": "20", "hour": "13"}
LINE = b"1795179907.250\t192.0.2.10\t200\tGET\twww.example.com\t/search?q=1\tcurl/8.0"
LATER = LINE.replace(b"1795179907.250", b"1795183507.000")
POISON = LINE.replace(b"192.0.2.10", b"nobody at all")
ENVELOPE = {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "g", "logStream": "s", "subscriptionFilters": ["f"],
    "logEvents": [{"id": "1", "timestamp": 1795179907250, "message": LINE.decode()},
        {"id": "2", "timestamp": 1795179907251, "message": LATER.decode() + "\n"}]}  # fmt: skip


def event_of(*contents: bytes) -> dict[str, Any]:
    """An invocation as Firehose makes it for records of a data stream."""
    records = [
        {"recordId": f"{49 * 10**54 + number:056d}000000", "approximateArrivalTimestamp": 1795179908000,
            "data": base64.b64encode(content).decode(), "kinesisRecordMetadata": {"shardId": "shardId-000000000000",
            "partitionKey": "k", "sequenceNumber": f"{49 * 10**54 + number:056d}", "subsequenceNumber": 0,
            "approximateArrivalTimestamp": 1795179908000}}
        for number, content in enumerate(contents)
    ]  # fmt: skip
    return {"invocationId": "b3a5a1f0-0000-4000-8000-000000000000", "region": "us-east-1", "records": records,
        "deliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/edge",
        "sourceKinesisStreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/edge"}  # fmt: skip


def invoked(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The records of the answer, after a look at what holds of every answer."""
    module, _, function = HANDLER.rpartition(".")
    answer = json.dumps(getattr(import_module(module), function)(json.loads(json.dumps(event)), None))
    assert len(answer) <= ANSWER_BYTES
    records: list[dict[str, Any]] = json.loads(answer)["records"]
    assert [record["recordId"] for record in records] == [record["recordId"] for record in event["records"]]
    for record in records:
        assert record["result"] in ("Ok", "Dropped", "ProcessingFailed")
        assert (record["result"] == "Ok") == ("data" in record)
        assert "data" not in record or data(record).endswith(b"\n")
    return records


def data(record: Mapping[str, Any]) -> bytes:
    return base64.b64decode(record["data"], validate=True)


@pytest.fixture(autouse=True)
def fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_CLOUDFRONT_STREAM_FIELDS", FIELDS)


def results(*contents: bytes) -> list[str]:
    return [record["result"] for record in invoked(event_of(*contents))]


def test_each_record_is_answered_in_its_order() -> None:
    assert results(LINE, b"#Fields: a b", POISON, LATER + b"\n", b"\n") == [
        "Ok", "Dropped", "ProcessingFailed", "Ok", "Dropped"]  # fmt: skip


def test_a_line_is_kept_as_it_is() -> None:
    for record in invoked(event_of(LINE, LINE + b"\n")):
        assert data(record) == LINE + b"\n"


def test_keys_name_the_hour_of_the_event() -> None:
    early, late = invoked(event_of(LINE, LATER))
    assert early["metadata"] == {"partitionKeys": KEYS}
    assert late["metadata"] == {"partitionKeys": {**KEYS, "hour": "14"}}


def test_odd_lines_stay_with_the_requests_of_their_record() -> None:
    (record,) = invoked(event_of(POISON + b"\n#Fields: a b\n" + LINE))
    assert data(record) == POISON + b"\n" + LINE + b"\n"


@pytest.mark.parametrize("compress", [gzip.compress, bytes])
def test_log_events_become_lines(compress: Any) -> None:
    control = {**ENVELOPE, "messageType": "CONTROL_MESSAGE"}
    odd = {**ENVELOPE, "logEvents": [{"id": "1", "timestamp": 1, "message": "odd"}]}
    event = event_of(*(compress(json.dumps(value).encode()) for value in (ENVELOPE, control, odd, {"other": 1})))
    records = invoked(event)
    assert [record["result"] for record in records] == ["Ok", "Dropped", "ProcessingFailed", "ProcessingFailed"]
    assert data(records[0]) == LINE + b"\n" + LATER + b"\n"
    assert records[0]["metadata"] == {"partitionKeys": KEYS}


def test_compressed_lines_are_decompressed() -> None:
    (record,) = invoked(event_of(gzip.compress(LINE) + gzip.compress(b"\n" + LATER)))
    assert data(record) == LINE + b"\n" + LATER + b"\n"


@pytest.mark.parametrize("content", [
    b"PAR1" + LINE, gzip.compress(LINE)[:-9], b"\xff\xfe", b"{", b"[" * 9, b'{"c-ip":1}', b"\0", b"PK\x03\x04", b"\x1f\x8b",
    LINE.replace(b"1795179907.250", b"4795179907.250"),
])  # fmt: skip
def test_poison_fails_alone(content: bytes) -> None:
    assert results(LINE, content, LINE) == ["Ok", "ProcessingFailed", "Ok"]


def test_what_is_no_base64_fails_alone() -> None:
    event = event_of(LINE, LINE, LINE)
    event["records"][1]["data"] = "odd!"
    assert [record["result"] for record in invoked(event)] == ["Ok", "ProcessingFailed", "Ok"]


def test_what_has_no_room_is_left_to_the_error_prefix(caplog: pytest.LogCaptureFixture) -> None:
    """Lines of log events that compress well: of a request below Lambda's limit comes an answer above it."""
    events = [{"id": str(i), "timestamp": 1, "message": LINE.decode() + "a" * 900} for i in range(1_100)]
    large = gzip.compress(json.dumps({**ENVELOPE, "logEvents": events}).encode())
    event = event_of(*[large] * 6, LINE)
    assert len(json.dumps(event)) < ANSWER_BYTES
    records = invoked(event)
    assert [record["result"] for record in records] == ["Ok"] * 4 + ["ProcessingFailed"] * 2 + ["Ok"]
    assert "2 records failed: answer_too_large" in caplog.text


def test_the_log_has_reasons_and_no_personal_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    event = event_of(LINE, POISON, POISON, b"poison")
    invoked(event)
    assert "2 records failed: bad_client_ip" in caplog.text and "1 record failed: field_count" in caplog.text
    assert event["records"][1]["recordId"] in caplog.text
    assert "nobody" not in caplog.text and "192.0.2.10" not in caplog.text and "curl" not in caplog.text


def test_fields_that_are_none_stop_the_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    for layout in ("", "odd c-ip"):
        monkeypatch.setenv("WEIR_CLOUDFRONT_STREAM_FIELDS", layout)
        with pytest.raises(LayoutError):
            invoked(event_of(LINE))


def test_a_source_that_transforms_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_FIREHOSE_SOURCE", "metrics")
    with pytest.raises(
        WeirError, match=r"^WEIR_FIREHOSE_SOURCE=metrics names no source of records; set it to one of .*\.$"
    ):
        invoked(event_of(LINE))


@pytest.mark.parametrize("room", range(300, 900, 7))
def test_an_answer_never_outgrows_its_bound(room: int) -> None:
    event = event_of(*[b"x"] * 4)
    found = answers(event["records"], lambda contents, _: [Transformed("Ok", b"y" * 90 + b"\n")] * 4, {}, room)
    size = len(json.dumps({"records": found}))
    assert size <= room or {record["result"] for record in found} == {"ProcessingFailed"}


def test_the_package_is_the_function_and_needs_no_engine(tmp_path: Path) -> None:
    """Unpacked, as Lambda does with it."""
    script = (
        "import importlib, json, sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('pyspark', 'deltalake', 'pandas', 'sklearn', 'boto3', 'weir_models'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "module, _, function = sys.argv[1].rpartition('.')\n"
        "answer = getattr(importlib.import_module(module), function)(json.load(sys.stdin), None)\n"
        "assert importlib.import_module('spark_jobs').__path__[0].startswith(sys.argv[2])\n"
        "print(json.dumps(answer))"
    )
    zipfile.ZipFile(write_zip(tmp_path / "weir-jobs.zip")).extractall(tmp_path / "task")
    task = str(tmp_path / "task")
    done = subprocess.run([sys.executable, "-c", script, HANDLER, task], input=json.dumps(event_of(LINE, POISON)), text=True,
        capture_output=True, check=False, cwd=tmp_path, env={**os.environ, "PYTHONPATH": task})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [record["result"] for record in json.loads(done.stdout)["records"]] == ["Ok", "ProcessingFailed"], (
        done.stderr
    )
    assert "1 record failed: bad_client_ip" in done.stderr
