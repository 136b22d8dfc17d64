"""Logs as other tools deliver them: JSON in every layout, other delimiters, Parquet with other types, logs of others."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.sources.cloudfront.layouts import V1_FIELDS, headerless_fields, normalized
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from tests.spark_jobs.cloudfront_lines import gzipped, header, line, log, many, parse

AT = datetime(2026, 11, 20, 13, 5, 7, tzinfo=UTC)
ROW = dict(zip(V1_FIELDS, line().split("\t"), strict=True))


def records(count: int) -> list[dict[str, Any]]:
    return [{**ROW, "x-edge-request-id": f"id-{number}"} for number in range(count)]


def members(rows: list[dict[str, Any]]) -> bytes:
    """Records without newlines between them, in three gzip members."""
    parts = [rows[start::3] for start in range(3)]
    return b"".join(gzip.compress("".join(map(json.dumps, part)).encode()) for part in parts)


def envelopes(rows: list[dict[str, Any]]) -> bytes:
    events = [{"id": str(n), "timestamp": 1, "message": json.dumps(row)} for n, row in enumerate(rows)]
    control = {
        "messageType": "CONTROL_MESSAGE",
        "logEvents": [{"id": "", "timestamp": 1, "message": "CWL CONTROL MESSAGE"}],
    }
    half = len(events) // 2
    data = [{"messageType": "DATA_MESSAGE", "logEvents": part} for part in (events[:half], events[half:])]
    return "".join(map(json.dumps, [control, *data])).encode()


LAYOUTS = {
    "lines": lambda rows: "\n".join(map(json.dumps, rows)).encode(),
    "lines with carriage returns": lambda rows: "\r\n".join(map(json.dumps, rows)).encode(),
    "no newlines": lambda rows: "".join(map(json.dumps, rows)).encode(),
    "array": lambda rows: json.dumps(rows).encode(),
    "indented array": lambda rows: json.dumps(rows, indent=2).encode(),
    "indented": lambda rows: "\n".join(json.dumps(row, indent=4) for row in rows).encode(),
    "trailing commas": lambda rows: ("[\n" + "".join(f"{json.dumps(row)},\n" for row in rows) + "]").encode(),
    "several arrays": lambda rows: (json.dumps(rows[:7]) + "\n" + json.dumps(rows[7:])).encode(),
    "byte order mark": lambda rows: b"\xef\xbb\xbf" + json.dumps(rows).encode(),
    "three gzip members": members,
    "CloudWatch Logs envelopes": envelopes,
    "filter-log-events": lambda rows: json.dumps(
        {"events": [{"message": json.dumps(row)} for row in rows], "nextToken": "n"}, indent=4
    ).encode(),
}


@pytest.mark.parametrize("block_bytes", [300, 5_000, 4 << 20])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_json_is_read_in_every_layout(layout: str, block_bytes: int) -> None:
    data = LAYOUTS[layout](records(30))
    outcome = parse(data if layout == "three gzip members" else gzipped(data), block_bytes=block_bytes)
    assert not outcome.rejected
    assert sorted(row["request_id"] for row in outcome.rows) == sorted(f"id-{number}" for number in range(30))
    assert len(set(outcome.line_numbers)) == outcome.lines_present == 30


@pytest.mark.parametrize("layout", ["lines", "no newlines", "array", "trailing commas", "indented"])
def test_one_broken_record_costs_no_other(layout: str) -> None:
    rows = records(9)
    text = LAYOUTS[layout](rows).decode()
    start = text.index('"id-4"')
    broken = (text[:start] + '"id-4' + text[start + len('"id-4"') :]).encode()
    outcome = parse(broken)
    assert [row["request_id"] for row in outcome.rows] == [f"id-{number}" for number in range(9) if number != 4]
    assert [reason for _, reason in outcome.reasons] == ["bad_json"]
    assert "id-4" in outcome.rejected[0].raw_line


def test_a_json_object_that_breaks_off_loses_its_last_record() -> None:
    data = json.dumps(records(40)).encode()
    for kept in (len(data) // 2, len(data) - 40):
        outcome = parse(data[:kept])
        assert outcome.requests.num_rows == outcome.lines_present - 1
        assert [reason for _, reason in outcome.reasons] == ["bad_json"]
    stored = gzipped(data)
    assert parse(stored[: len(stored) - 20]).reasons[-1][1] == "truncated_gzip"


def test_a_message_that_is_a_line_needs_a_layout() -> None:
    data = json.dumps(
        {"messageType": "DATA_MESSAGE", "logEvents": [{"message": line()}, {"message": "START"}]}
    ).encode()
    assert [reason for _, reason in parse(data).reasons] == ["bad_json", "bad_json"]
    read = parse(data, ParseOptions(headerless_fields=headerless_fields("33")))
    assert read.row["client_ip"] == "192.0.2.10"
    assert [reason for _, reason in read.reasons] == ["bad_json"]


@pytest.mark.parametrize("delimiter", [",", "|", ";", " "])
def test_other_delimiters_are_told_by_the_first_lines(delimiter: str) -> None:
    agent = "Mozilla/5.0%20(X11)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)"
    rows = [*many(12), line(cs_user_agent=agent, x_edge_request_id="agent")]
    data = f"#Version: 1.0\n{header()}\n" + "".join(row.replace("\t", delimiter) + "\n" for row in rows)
    outcome = parse(data.encode())
    assert outcome.rows == parse(log(*rows)).rows
    assert outcome.rows[-1]["user_agent"] == "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko)"


def test_a_delimiter_within_a_field_rejects_the_line_as_it_is() -> None:
    odd = line(cs_uri_query="a,b").replace("\t", ",")
    data = f"{header()}\n" + "\n".join([*(row.replace("\t", ",") for row in many(3)), odd])
    outcome = parse(data.encode())
    assert outcome.reasons == [(5, "field_count")]
    assert outcome.rejected[0].raw_line == odd


@pytest.mark.parametrize("delimiter", ["\t", ",", "|"])
def test_a_line_of_names_is_a_header(delimiter: str) -> None:
    data = delimiter.join(V1_FIELDS) + "\n" + "".join(row.replace("\t", delimiter) + "\n" for row in many(4))
    outcome = parse(data.encode())
    assert [row["request_id"] for row in outcome.rows] == [f"id-{number}==" for number in range(4)]
    assert outcome.lines_present == 4


def test_parquet_of_other_tools_equals_the_same_row_as_text() -> None:
    expected = parse(log(line())).row | {"line_number": 1}
    given = {normalized(name): [value] for name, value in ROW.items()}
    epoch = {name: values for name, values in given.items() if name not in ("date", "time")}
    for columns in (
        {**given, "date": [AT], "time": [time(13, 5, 7)], "sc_bytes": [1045.0], "sc_status": [200.0]},
        {
            **given,
            "sc_content_len": [820.0],
            "c_port": [Decimal("50000.0")] if "c_port" not in given else [float(ROW["c-port"])],
        },
        {**epoch, "timestamp": [AT]},
        {**epoch, "timestamp": [AT.replace(tzinfo=None)]},
        {**epoch, "timestamp": pa.array([AT], pa.timestamp("ns", tz="UTC"))},
        {**epoch, "timestamp": [AT.isoformat()]},
        {**epoch, "timestamp_ms": [AT.timestamp() * 1000]},
    ):
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink)
        assert parse(sink.getvalue()).row == expected, columns


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (
            "h2 2026-11-20T09:00:00.1Z app/a/b 192.0.2.1:1 10.0.0.1:80 0 0 0 200 200\n",
            "an access log of an Application Load Balancer",
        ),
        (f"{'a' * 64} logs [20/Nov/2026:09:00:38 +0000] 192.0.2.1 - X REST.GET.OBJECT\n", "an S3 server access log"),
        ("version account-id interface-id srcaddr\n2 123456789012 eni-1 192.0.2.1\n", "a VPC flow log"),
        ("<?xml version='1.0'?><a/>", "an HTML or XML document"),
        (
            '"date","time","location","request_ip"\n"2026-11-28","00:00:00","DUB56-P1","192.0.2.1"\n',
            "as Athena exports",
        ),
        ("# Notes\n\nOwned by platform.\n", "text of another kind"),
        (json.dumps({"webaclId": "arn", "httpRequest": {"clientIp": "192.0.2.1"}}) + "\n", "logs of AWS WAF"),
        (json.dumps({"Records": [{"eventVersion": "1.08"}]}), "records of CloudTrail or a notification"),
        (json.dumps({"a": 1}), "JSON of another kind"),
    ],
)
def test_a_foreign_log_is_one_rejection_that_names_it(data: str, kind: str) -> None:
    outcome = parse(gzipped(data.encode() * 3))
    assert outcome.reasons == [(0, "not_a_log")]
    assert kind in outcome.rejected[0].detail
    assert outcome.lines_present == 0


class Failing(io.BytesIO):
    """Breaks off as a network file does."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= 1 << 20:
            raise OSError("When reading information for key 'x' in bucket 'b': AWS Error ACCESS_DENIED")
        return super().read(size)


def test_an_error_while_reading_keeps_what_was_read() -> None:
    from spark_jobs.sources.cloudfront.log_object import LogObject
    from spark_jobs.sources.cloudfront.parse import ObjectParser

    parser = ObjectParser(LogObject("a", "e"), Failing(log(*many(9_000))), ParseOptions())
    parts = list(parser)
    rows = sum(part.requests.num_rows for part in parts if part.requests is not None)
    assert 0 < rows == parser.lines_present
    (rejected,) = parts[-1].rejected
    assert (rejected.line_number, rejected.reason) == (0, "unreadable_object")
    assert "ACCESS_DENIED" in rejected.detail


def test_the_time_of_a_record_may_have_a_zone() -> None:
    row = {"timestamp": "2026-11-20T14:05:07+01:00", "c-ip": "192.0.2.1", "cs-method": "GET", "sc-status": 200.0}
    outcome = parse(json.dumps(row).encode())
    assert outcome.row["event_at"] == datetime(2026, 11, 20, 13, 5, 7, tzinfo=UTC)
    assert outcome.row["status"] == 200


def _as_text(rows: list[dict[str, Any]]) -> bytes:
    fields = tuple(rows[0])
    return log(*("\t".join(row.values()) for row in rows), fields=fields)


def _as_json(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def _as_parquet(rows: list[dict[str, Any]]) -> bytes:
    data = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), data)
    return data.getvalue()


@pytest.mark.parametrize("written", [_as_text, _as_json, _as_parquet])
@pytest.mark.parametrize(
    ("left_out", "unlogged"),
    [((), None), (("cs(Cookie)",), "cookie"), (("cs(Referer)", "cs(Cookie)"), "referer cookie")],
)
def test_a_request_knows_what_its_log_does_not_have(
    written: Any, left_out: tuple[str, ...], unlogged: str | None
) -> None:
    rows = [{name: value for name, value in row.items() if name not in left_out} for row in records(3)]
    outcome = parse(
        written([{**row, **{name: "-" for name in row if name in ("cs(Cookie)", "cs(Referer)")}} for row in rows])
    )
    assert not outcome.rejected
    assert outcome.requests["unlogged"].to_pylist() == [unlogged] * 3
